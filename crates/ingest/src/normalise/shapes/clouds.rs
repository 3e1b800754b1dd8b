//! Clouds and platforms: Google, AWS, Azure, Heroku, Cloudflare, Fly, Vercel.

use super::super::duration::Unit;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has, Is, Text};
use super::shape::{Becomes, Rule, Shape, duration, epoch, field, level, message, rule, time};

/// What Google's records say of a request, where the trace is, and who logged.
const GOOGLE: [Rule; 18] = [
    level("severity"),
    rule("timestamp.seconds", Becomes::SecondsAnd("timestamp.nanos")),
    rule("timestampSeconds", Becomes::SecondsAnd("timestampNanos")),
    message("textPayload"),
    message("protoPayload.status.message"),
    field("protoPayload.methodName", Target::Endpoint),
    field("httpRequest.requestMethod", Target::Method),
    field("httpRequest.requestUrl", Target::Path),
    field("httpRequest.status", Target::StatusCode),
    field("httpRequest.remoteIp", Target::ClientIp),
    duration("httpRequest.latency", Unit::Seconds),
    rule("logging.googleapis.com/trace", Becomes::LastSegment(Target::TraceId)),
    field("logging.googleapis.com/spanId", Target::SpanId),
    rule("trace", Becomes::LastSegment(Target::TraceId)),
    field("serviceContext.service", Target::Service),
    field("resource.labels.service_name", Target::Service),
    field("resource.labels.module_id", Target::Service),
    field("resource.labels.container_name", Target::Service),
];

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "google-entry",
        about: "a LogEntry of Google Cloud Logging, exported",
        signs: &[Has("insertId"), Has("logName")],
        fields: &GOOGLE,
        wraps: Some("textPayload"),
        ..Shape::PLAIN
    },
    Shape {
        name: "google-structured",
        about: "structured logging for Google Cloud Run, GKE and App Engine",
        signs: &[
            Has("severity"),
            Any(&[
                "httpRequest.requestMethod",
                "httpRequest.requestUrl",
                "logging.googleapis.com/trace",
                "logging.googleapis.com/labels",
                "logging.googleapis.com/sourceLocation.file",
                "timestamp.seconds",
                "timestampSeconds",
                "serviceContext.service",
            ]),
        ],
        fields: &GOOGLE,
        ..Shape::PLAIN
    },
    Shape {
        name: "cloudwatch",
        about: "CloudWatch Logs: events of a subscription, one an object",
        signs: &[Has("logStream"), Has("logGroup"), Text("message")],
        fields: &[message("message")],
        wraps: Some("message"),
        ..Shape::PLAIN
    },
    Shape {
        name: "cloudwatch-insights",
        about: "CloudWatch Logs Insights' results",
        signs: &[Has("@logStream"), Text("@message")],
        fields: &[time("@timestamp"), message("@message")],
        wraps: Some("@message"),
        ..Shape::PLAIN
    },
    Shape {
        name: "lambda-platform",
        about: "AWS Lambda's platform events",
        signs: &[Has("record.requestId"), Text("type"), Has("time")],
        fields: &[
            message("type"),
            field("record.requestId", Target::RequestId),
            duration("record.metrics.durationMs", Unit::Milliseconds),
            field("record.errorType", Target::ErrorType),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "lambda-function",
        about: "AWS Lambda's telemetry of a function's output",
        signs: &[Text("record"), Is("type", "function"), Has("time")],
        fields: &[message("record")],
        wraps: Some("record"),
        ..Shape::PLAIN
    },
    Shape {
        name: "lambda",
        about: "AWS Lambda's JSON log format",
        signs: &[
            Has("requestId"),
            Has("timestamp"),
            Has("level"),
            Any(&["message", "errorType", "message.errorType"]),
        ],
        fields: &[
            field("requestId", Target::RequestId),
            field("errorType", Target::ErrorType),
            field("errorMessage", Target::ErrorMessage),
            field("stackTrace", Target::Stacktrace),
            field("message.errorType", Target::ErrorType),
            field("message.errorMessage", Target::ErrorMessage),
            field("message.stackTrace", Target::Stacktrace),
            message("message.message"),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "cloudtrail",
        about: "AWS CloudTrail",
        signs: &[Has("eventSource"), Has("eventName"), Has("eventVersion")],
        fields: &[
            time("eventTime"),
            message("eventName"),
            field("eventSource", Target::Service),
            field("sourceIPAddress", Target::ClientIp),
            field("errorCode", Target::ErrorType),
            field("errorMessage", Target::ErrorMessage),
            field("userIdentity.principalId", Target::UserId),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "aws-alb",
        about: "access logs of AWS's load balancers as JSON",
        signs: &[Has("elb_status_code"), Has("target_processing_time")],
        fields: &[
            field("elb_status_code", Target::StatusCode),
            duration("target_processing_time", Unit::Seconds),
            field("request_verb", Target::Method),
            field("request_url", Target::Path),
            rule("request", Becomes::RequestLine),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "azure",
        about: "Azure's resource logs",
        signs: &[Has("resourceId"), Has("operationName"), Has("category")],
        fields: &[
            time("time"),
            field("operationName", Target::Endpoint),
            field("category", Target::Logger),
            field("callerIpAddress", Target::ClientIp),
            message("resultDescription"),
            message("properties.message"),
            message("properties.log"),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "heroku-router",
        about: "Heroku's router, its pairs as an object",
        signs: &[Has("dyno"), Has("connect"), Has("service"), Has("status")],
        fields: &[
            level("at"),
            duration("service", Unit::Milliseconds),
            field("fwd", Target::ClientIp),
            field("code", Target::ErrorType),
            message("desc"),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "cloudflare",
        about: "Cloudflare's HTTP requests (Logpush)",
        signs: &[
            Has("RayID"),
            Any(&["EdgeStartTimestamp", "EdgeEndTimestamp", "EdgeResponseStatus"]),
        ],
        fields: &[
            time("EdgeStartTimestamp"),
            time("EdgeEndTimestamp"),
            field("RayID", Target::RequestId),
            field("ClientRequestMethod", Target::Method),
            field("ClientRequestPath", Target::Path),
            field("ClientRequestURI", Target::Path),
            field("ClientIP", Target::ClientIp),
            field("EdgeResponseStatus", Target::StatusCode),
            duration("OriginResponseDurationMs", Unit::Milliseconds),
            duration("EdgeTimeToFirstByteMs", Unit::Milliseconds),
            duration("OriginResponseTime", Unit::Nanoseconds),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "cloudflare-workers",
        about: "Cloudflare's Workers trace events (Logpush)",
        signs: &[Has("EventTimestampMs"), Has("Outcome")],
        fields: &[
            epoch("EventTimestampMs", Unit::Milliseconds),
            field("ScriptName", Target::Service),
            field("Event.RayID", Target::RequestId),
            field("Event.Request.Method", Target::Method),
            field("Event.Request.URL", Target::Path),
            field("Event.Response.Status", Target::StatusCode),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "fly",
        about: "Fly.io's log shipper",
        signs: &[Has("fly.app.name"), Text("message")],
        fields: &[level("log.level"), message("message"), field("fly.app.name", Target::Service)],
        wraps: Some("message"),
        ..Shape::PLAIN
    },
    Shape {
        name: "vercel",
        about: "Vercel's log drains",
        signs: &[
            Has("deploymentId"),
            Has("projectId"),
            Has("source"),
            Has("timestamp"),
            Text("message"),
        ],
        fields: &[
            field("deploymentId", Target::Release),
            field("requestId", Target::RequestId),
            field("statusCode", Target::StatusCode),
            field("proxy.method", Target::Method),
            field("proxy.path", Target::Path),
            field("proxy.statusCode", Target::StatusCode),
            field("proxy.clientIp", Target::ClientIp),
        ],
        ..Shape::PLAIN
    },
];
