//! Canonical field names: the contract's vocabulary on the wire, on disk and in queries.

/// When the event happened.
pub const TIMESTAMP: &str = "timestamp";
/// Severity, one of [`crate::Level`]'s names.
pub const LEVEL: &str = "level";
/// The severity in the application's words, where these differ from the level.
pub const LEVEL_TEXT: &str = "level_text";
/// The text of the event.
pub const MESSAGE: &str = "message";
/// Name of the service that logged (`service.name` in OpenTelemetry).
pub const SERVICE: &str = "service";
/// Name of the logger inside the service.
pub const LOGGER: &str = "logger";
/// Host that logged.
pub const HOST: &str = "host";
/// Id shared by the lines of a request.
pub const REQUEST_ID: &str = "request_id";
/// OpenTelemetry trace id.
pub const TRACE_ID: &str = "trace_id";
/// OpenTelemetry span id.
pub const SPAN_ID: &str = "span_id";
/// Pseudonym of the user.
pub const USER_ID: &str = "user_id";
/// Logical name of what was called.
pub const ENDPOINT: &str = "endpoint";
/// URL path with placeholders for what differs between requests (`/courses/:id`).
pub const ROUTE: &str = "route";
/// URL path.
pub const PATH: &str = "path";
/// Query of the URL whose path is [`PATH`], without the question mark.
pub const URL_QUERY: &str = "url.query";
/// Fragment of that URL, without the hash sign.
pub const URL_FRAGMENT: &str = "url.fragment";
/// The whole URL, where the application wrote the host too.
pub const URL_FULL: &str = "url.full";
/// HTTP method.
pub const METHOD: &str = "method";
/// HTTP status code.
pub const STATUS_CODE: &str = "status_code";
/// How long it took, milliseconds.
pub const DURATION_MS: &str = "duration_ms";
/// Address of the client that asked.
pub const CLIENT_IP: &str = "client_ip";
/// Deployment that logged: production, staging, ...
pub const ENVIRONMENT: &str = "environment";
/// Version of the software that logged.
pub const RELEASE: &str = "release";
/// Class of an error (`ValueError`, `java.io.IOException`).
pub const ERROR_TYPE: &str = "error_type";
/// Text of an error, without its class.
pub const ERROR_MESSAGE: &str = "error_message";
/// Calls that led to an error, as text.
pub const STACKTRACE: &str = "stacktrace";
/// Where the line came from, as the sender named it.
pub const SOURCE: &str = "source";
/// The name that an Elasticsearch, Splunk or Loki client gave its target.
pub const INDEX: &str = "index";
/// Names of the detectors that fired on the record, sorted.
pub const REDACTED: &str = "_redacted";
/// Names of the detectors whose finds stayed, because a rule asks for a tag only; sorted.
pub const DETECTED: &str = "_detected";
/// Version of the policy file that decided about the finds of the record.
pub const POLICY: &str = "_policy";
/// Pseudonyms that stand in the record outside of the field of their identity: in texts, in paths,
/// under other names. A search for an id looks here too.
pub const PSEUDONYMS: &str = "_pseudonyms";
/// Fields whose name is too long to be one, as `name=value` text.
pub const OVERFLOW: &str = "_overflow";
/// Why a dead letter was rejected.
pub const REASON: &str = "reason";
/// What exactly was wrong with a dead letter.
pub const DETAIL: &str = "detail";
/// True when a dead letter keeps only the beginning of its line.
pub const TRUNCATED: &str = "truncated";

/// Every field above that a record has beside its moment and level. A partition keeps a column for
/// each, whatever names came before: what an application invents never displaces them.
pub const CONTRACT_FIELDS: [&str; 34] = [
    LEVEL_TEXT,
    MESSAGE,
    SERVICE,
    LOGGER,
    HOST,
    REQUEST_ID,
    TRACE_ID,
    SPAN_ID,
    USER_ID,
    ENDPOINT,
    ROUTE,
    PATH,
    URL_QUERY,
    URL_FRAGMENT,
    URL_FULL,
    METHOD,
    STATUS_CODE,
    DURATION_MS,
    CLIENT_IP,
    ENVIRONMENT,
    RELEASE,
    ERROR_TYPE,
    ERROR_MESSAGE,
    STACKTRACE,
    SOURCE,
    INDEX,
    REDACTED,
    DETECTED,
    POLICY,
    PSEUDONYMS,
    OVERFLOW,
    REASON,
    DETAIL,
    TRUNCATED,
];

/// Fields that are indexed by hash and put into the id filter of a sealed partition.
pub const ID_FIELDS: [&str; 5] = [REQUEST_ID, TRACE_ID, SPAN_ID, USER_ID, PSEUDONYMS];

/// Fields whose text is always tokenised and kept in the document store, however short.
pub const TEXT_FIELDS: [&str; 1] = [MESSAGE];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_contract_has_a_column() {
        let named = include_str!("fields.rs").lines().filter_map(|line| {
            let (_, value) = line.strip_prefix("pub const ")?.split_once(": &str = \"")?;
            value.strip_suffix("\";")
        });
        let mut fields: Vec<&str> =
            named.filter(|name| ![TIMESTAMP, LEVEL].contains(name)).collect();
        let mut contract = CONTRACT_FIELDS.to_vec();
        fields.sort_unstable();
        contract.sort_unstable();
        assert_eq!(contract, fields);
    }
}
