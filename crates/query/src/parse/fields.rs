//! Spellings of the canonical fields that people type. What ingest renames, a query renames too.

use tierlog_model::fields;

/// Spelling and canonical name. Only spellings that ingest never keeps beside the canonical field
/// under their own name, so that no field becomes unreachable.
const ALIASES: [(&str, &str); 40] = [
    ("@timestamp", fields::TIMESTAMP),
    ("time", fields::TIMESTAMP),
    ("ts", fields::TIMESTAMP),
    ("levelname", fields::LEVEL),
    ("severity", fields::LEVEL),
    ("severity_text", fields::LEVEL),
    ("log.level", fields::LEVEL),
    ("lvl", fields::LEVEL),
    ("msg", fields::MESSAGE),
    ("service.name", fields::SERVICE),
    ("service_name", fields::SERVICE),
    ("log.logger", fields::LOGGER),
    ("logger_name", fields::LOGGER),
    ("hostname", fields::HOST),
    ("host.name", fields::HOST),
    ("requestId", fields::REQUEST_ID),
    ("request.id", fields::REQUEST_ID),
    ("correlation_id", fields::REQUEST_ID),
    ("correlationId", fields::REQUEST_ID),
    ("x_request_id", fields::REQUEST_ID),
    ("http.request_id", fields::REQUEST_ID),
    ("http.request.id", fields::REQUEST_ID),
    ("traceId", fields::TRACE_ID),
    ("trace.id", fields::TRACE_ID),
    ("traceID", fields::TRACE_ID),
    ("spanId", fields::SPAN_ID),
    ("span.id", fields::SPAN_ID),
    ("spanID", fields::SPAN_ID),
    ("userId", fields::USER_ID),
    ("user.id", fields::USER_ID),
    ("context.user_id", fields::USER_ID),
    ("http.method", fields::METHOD),
    ("http.request.method", fields::METHOD),
    ("http.status_code", fields::STATUS_CODE),
    ("http.response.status_code", fields::STATUS_CODE),
    ("url.path", fields::PATH),
    ("http.path", fields::PATH),
    ("http.route", fields::ENDPOINT),
    ("elapsed_ms", fields::DURATION_MS),
    ("duration", fields::DURATION_MS),
];

/// Returns the canonical name of a field as written in a query.
pub(crate) fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
}
