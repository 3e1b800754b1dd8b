//! The table of the contract, as data: which spelling becomes which field.
//!
//! A spelling is compared in lower case with `-` read as `_`, so `X-Request-ID`, `requestId` and
//! `request_id` need one line each at most. The order of a list is precedence.

use tierlog_model::fields;

use super::aliases::NameHash;

/// A field of the contract that has more than one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Target {
    /// When the event happened.
    Timestamp,
    /// Severity.
    Level,
    /// Text of the event.
    Message,
    /// Name of the service.
    Service,
    /// Name of the logger inside the service.
    Logger,
    /// Host that logged.
    Host,
    /// Id that the lines of a request share.
    RequestId,
    /// OpenTelemetry trace id.
    TraceId,
    /// OpenTelemetry span id.
    SpanId,
    /// User on whose behalf the line was logged.
    UserId,
    /// Logical name of what was called.
    Endpoint,
    /// URL path with placeholders.
    Route,
    /// URL path.
    Path,
    /// HTTP method.
    Method,
    /// HTTP status code.
    StatusCode,
    /// How long it took, milliseconds.
    DurationMs,
    /// Address of the client that asked.
    ClientIp,
    /// Deployment that logged.
    Environment,
    /// Version of the software that logged.
    Release,
    /// Class of an error.
    ErrorType,
    /// Text of an error.
    ErrorMessage,
    /// Calls that led to an error.
    Stacktrace,
}

impl Target {
    /// Every target, in the contract's order.
    pub const ALL: [Target; 22] = [
        Target::Timestamp,
        Target::Level,
        Target::Message,
        Target::Service,
        Target::Logger,
        Target::Host,
        Target::RequestId,
        Target::TraceId,
        Target::SpanId,
        Target::UserId,
        Target::Endpoint,
        Target::Route,
        Target::Path,
        Target::Method,
        Target::StatusCode,
        Target::DurationMs,
        Target::ClientIp,
        Target::Environment,
        Target::Release,
        Target::ErrorType,
        Target::ErrorMessage,
        Target::Stacktrace,
    ];

    /// Returns the field's name on the wire, on disk and in queries.
    pub const fn name(self) -> &'static str {
        match self {
            Target::Timestamp => fields::TIMESTAMP,
            Target::Level => fields::LEVEL,
            Target::Message => fields::MESSAGE,
            Target::Service => fields::SERVICE,
            Target::Logger => fields::LOGGER,
            Target::Host => fields::HOST,
            Target::RequestId => fields::REQUEST_ID,
            Target::TraceId => fields::TRACE_ID,
            Target::SpanId => fields::SPAN_ID,
            Target::UserId => fields::USER_ID,
            Target::Endpoint => fields::ENDPOINT,
            Target::Route => fields::ROUTE,
            Target::Path => fields::PATH,
            Target::Method => fields::METHOD,
            Target::StatusCode => fields::STATUS_CODE,
            Target::DurationMs => fields::DURATION_MS,
            Target::ClientIp => fields::CLIENT_IP,
            Target::Environment => fields::ENVIRONMENT,
            Target::Release => fields::RELEASE,
            Target::ErrorType => fields::ERROR_TYPE,
            Target::ErrorMessage => fields::ERROR_MESSAGE,
            Target::Stacktrace => fields::STACKTRACE,
        }
    }

    /// Returns the hash of the field's name.
    pub(super) fn name_hash(self) -> NameHash {
        NAME_HASHES.get(self as usize).copied().unwrap_or(NameHash::START)
    }

    /// Returns the target with a name.
    pub fn by_name(name: &str) -> Option<Target> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// Returns the built-in spellings, first wins; the first is the name itself.
    pub(super) fn spellings(self) -> &'static [&'static str] {
        match self {
            Target::Timestamp => {
                &["timestamp", "@timestamp", "time", "ts", "asctime", "datetime", "date", "@t"]
            }
            Target::Level => &[
                "level",
                "levelname",
                "severity",
                "severity_text",
                "severitytext",
                "log.level",
                "lvl",
                "loglevel",
                "log_level",
                "levelno",
                "severity_number",
                "severitynumber",
                "syslog.severity",
                "log.syslog.severity.code",
                "@l",
            ],
            Target::Message => &["message", "msg", "body", "event", "log", "@m"],
            Target::Service => &[
                "service",
                "service.name",
                "service_name",
                "servicename",
                "app",
                "app_name",
                "appname",
                "app.name",
                "application",
                "resource.service.name",
                "dd.service",
            ],
            Target::Logger => &["logger", "logger_name", "loggername", "log.logger", "name"],
            Target::Host => &["host", "hostname", "host.name", "host_name", "host.hostname"],
            Target::RequestId => &[
                "request_id",
                "requestid",
                "correlation_id",
                "correlationid",
                "x_request_id",
                "x_correlation_id",
                "req_id",
                "reqid",
                "http.request_id",
                "http.request.id",
                "request.id",
                "req.id",
                "context.request_id",
                "request.headers.x_request_id",
                "req.headers.x_request_id",
            ],
            Target::TraceId => &[
                "trace_id",
                "traceid",
                "trace.id",
                "trace.trace_id",
                "dd.trace_id",
                "otel.trace_id",
            ],
            Target::SpanId => {
                &["span_id", "spanid", "span.id", "span.span_id", "dd.span_id", "otel.span_id"]
            }
            Target::UserId => &[
                "user_id",
                "userid",
                "user.id",
                "user.user_id",
                "context.user_id",
                "context.user.id",
                "request.user_id",
                "request.user.id",
                "http.user_id",
                "session.user_id",
                "enduser.id",
                "usr.id",
            ],
            Target::Endpoint => &[
                "endpoint",
                "endpoint_name",
                "url_name",
                "view_name",
                "view",
                "http.endpoint",
                "request.endpoint",
            ],
            Target::Route => &[
                "route",
                "http.route",
                "url.template",
                "route_template",
                "path_template",
                "route_path",
                "request.route",
                "req.route.path",
            ],
            Target::Path => &[
                "path",
                "url.path",
                "http.path",
                "request_path",
                "request.path",
                "http.target",
                "request_uri",
                "uri",
                "req.url",
                "request.url.path",
            ],
            Target::Method => &[
                "method",
                "http.method",
                "http.request.method",
                "http_method",
                "request_method",
                "request.method",
                "req.method",
                "verb",
            ],
            Target::StatusCode => &[
                "status_code",
                "statuscode",
                "http.status_code",
                "http.response.status_code",
                "http.status",
                "http_status",
                "http_status_code",
                "response.status_code",
                "response.status",
                "response_status",
                "response_code",
                "res.statuscode",
                "status",
            ],
            Target::DurationMs => &[
                "duration_ms",
                "durationms",
                "duration",
                "duration_s",
                "duration_sec",
                "duration_seconds",
                "duration_us",
                "duration_ns",
                "elapsed",
                "elapsed_ms",
                "elapsed_s",
                "elapsed_seconds",
                "elapsed_us",
                "elapsed_ns",
                "elapsedms",
                "elapsedmilliseconds",
                "elapsedseconds",
                "durationmillis",
                "durationseconds",
                "execution_time_ms",
                "executiontimems",
                "latencyms",
                "responsetimems",
                "tookms",
                "processing_time_ms",
                "time_ms",
                "response_time",
                "responsetime",
                "response_time_ms",
                "response_time_s",
                "response_time_us",
                "response_time_ns",
                "latency",
                "latency_ms",
                "latency_s",
                "latency_us",
                "latency_ns",
                "took",
                "took_ms",
                "took_s",
                "request_time",
                "request_time_ms",
                "request_duration",
                "request_duration_ms",
                "http.duration",
                "http.duration_ms",
                "http.server.duration",
                "event.duration",
            ],
            Target::ClientIp => CLIENT_IP,
            Target::Environment => ENVIRONMENT,
            Target::Release => RELEASE,
            Target::ErrorType => ERROR_TYPE,
            Target::ErrorMessage => ERROR_MESSAGE,
            Target::Stacktrace => STACKTRACE,
        }
    }
}

/// The hash of each target's name.
const NAME_HASHES: [NameHash; Target::ALL.len()] = {
    let mut hashes = [NameHash::START; Target::ALL.len()];
    let (mut unfilled, mut targets): (&mut [NameHash], &[Target]) = (&mut hashes, &Target::ALL);
    while let ([hash, later @ ..], [target, others @ ..]) = (unfilled, targets) {
        *hash = NameHash::START.extend(target.name());
        (unfilled, targets) = (later, others);
    }
    hashes
};

const CLIENT_IP: &[&str] = &[
    "client_ip",
    "client.ip",
    "client.address",
    "clientip",
    "network.client.ip",
    "http.client_ip",
    "source.ip",
    "remote_ip",
    "remoteip",
    "remote_addr",
    "remoteaddr",
    "remote_address",
    "remoteaddress",
    "req.remoteaddress",
    "request.remote_addr",
    "request.remote_ip",
    "request.client_ip",
    "request.meta.remote_addr",
    "client_addr",
    "clientaddr",
    "ip_address",
    "ipaddress",
    "user.ip_address",
    "x_real_ip",
    "ip",
];

const ENVIRONMENT: &[&str] = &[
    "environment",
    "env",
    "deployment.environment.name",
    "deployment.environment",
    "service.environment",
    "environment_name",
    "app_env",
    "dd.env",
    "node_env",
    "rails_env",
    "django_env",
    "sentry.environment",
];

const RELEASE: &[&str] = &[
    "release",
    "service.version",
    "service_version",
    "app.version",
    "app_version",
    "application_version",
    "release_version",
    "dd.version",
    "sentry.release",
    "servicecontext.version",
];

const ERROR_TYPE: &[&str] = &[
    "error_type",
    "error.type",
    "exception.type",
    "exception_type",
    "exc_type",
    "err.type",
    "errortype",
    "err.kind",
    "exception.exc_type",
    "exception.exception_class",
    "error_kind",
    "error.kind",
    "error.class",
    "error_class",
    "exception.class",
    "exception_class",
    "exception.name",
    "error.name",
    "err.name",
    "exc_name",
    "thrown.name",
    "throwable.classname",
];

const ERROR_MESSAGE: &[&str] = &[
    "error_message",
    "error.message",
    "exception.message",
    "exception_message",
    "exc_message",
    "exc_value",
    "exception.value",
    "err.message",
    "errormessage",
    "error_msg",
    "error.msg",
    "err.msg",
    "err_msg",
    "exception.exc_value",
    "exception.exception_message",
    "thrown.message",
    "thrown.localizedmessage",
    "throwable.message",
    "error",
    "err",
];

const STACKTRACE: &[&str] = &[
    "stacktrace",
    "stack_trace",
    "exc_info",
    "exception.stacktrace",
    "error.stack_trace",
    "error.stacktrace",
    "error.stack",
    "err.stack",
    "exception.stack_trace",
    "exception.stack",
    "exception.stacktrace_string",
    "exc_text",
    "traceback",
    "exception.traceback",
    "error.traceback",
    "backtrace",
    "exception.backtrace",
    "error.backtrace",
    "err.stack_trace",
    "err.stacktrace",
    "exception.trace",
    "exception.stacktrace.frames",
    "exception.values",
    "errorverbose",
    "@x",
    "stack",
    "exception",
    "thrown.extendedstacktrace",
    "throwable.steparray",
    "throwable",
    "stack_info",
];

/// Objects that only wrap: a spelling counts below them as it does at the top, except for
/// `timestamp`, `level` and `message`, which belong to the record itself.
pub(super) const CONTAINERS: [&str; 19] = [
    "context",
    "ctx",
    "extra",
    "attributes",
    "resource",
    "event",
    "labels",
    "fields",
    "metadata",
    "meta",
    "mdc",
    "contextmap",
    "properties",
    "record",
    "headers",
    "span",
    "log",
    "message",
    "msg",
];

/// Objects whose members are the record: every spelling counts below them.
pub(super) const OPENED_CONTAINERS: [&str; 1] = ["jsonpayload"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_is_listed_twice() {
        let mut all: Vec<&str> = Target::ALL.iter().flat_map(|t| t.spellings()).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
