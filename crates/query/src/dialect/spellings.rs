//! Spellings of the contract's fields that people type.
//!
//! Ingest takes a field from the first spelling that a line has, and leaves further ones under
//! their own names. So a query for `msg` asks for the field `message` and for a field that is
//! called `msg`: see `lucene::meaning`.

use tierlog_model::fields;

/// Spelling, in lower case with `_` for `-`, and canonical name.
///
/// The contract's table without the spellings that often mean something else (`name`, `event`,
/// `log`, `time`) or another unit (`duration`, `elapsed`): those are found under their own names.
const SPELLINGS: [(&str, &str); 68] = [
    ("timestamp", fields::TIMESTAMP),
    ("@timestamp", fields::TIMESTAMP),
    ("level", fields::LEVEL),
    ("levelname", fields::LEVEL),
    ("severity", fields::LEVEL),
    ("severity_text", fields::LEVEL),
    ("log.level", fields::LEVEL),
    ("lvl", fields::LEVEL),
    ("loglevel", fields::LEVEL),
    ("message", fields::MESSAGE),
    ("msg", fields::MESSAGE),
    ("service", fields::SERVICE),
    ("service.name", fields::SERVICE),
    ("service_name", fields::SERVICE),
    ("app", fields::SERVICE),
    ("app_name", fields::SERVICE),
    ("resource.service.name", fields::SERVICE),
    ("logger", fields::LOGGER),
    ("logger_name", fields::LOGGER),
    ("log.logger", fields::LOGGER),
    ("host", fields::HOST),
    ("hostname", fields::HOST),
    ("host.name", fields::HOST),
    ("request_id", fields::REQUEST_ID),
    ("requestid", fields::REQUEST_ID),
    ("request.id", fields::REQUEST_ID),
    ("req_id", fields::REQUEST_ID),
    ("correlation_id", fields::REQUEST_ID),
    ("correlationid", fields::REQUEST_ID),
    ("x_request_id", fields::REQUEST_ID),
    ("x_correlation_id", fields::REQUEST_ID),
    ("http.request_id", fields::REQUEST_ID),
    ("http.request.id", fields::REQUEST_ID),
    ("context.request_id", fields::REQUEST_ID),
    ("trace_id", fields::TRACE_ID),
    ("traceid", fields::TRACE_ID),
    ("trace.id", fields::TRACE_ID),
    ("span_id", fields::SPAN_ID),
    ("spanid", fields::SPAN_ID),
    ("span.id", fields::SPAN_ID),
    ("user_id", fields::USER_ID),
    ("userid", fields::USER_ID),
    ("user.id", fields::USER_ID),
    ("user.user_id", fields::USER_ID),
    ("context.user_id", fields::USER_ID),
    ("context.user.id", fields::USER_ID),
    ("request.user_id", fields::USER_ID),
    ("request.user.id", fields::USER_ID),
    ("enduser.id", fields::USER_ID),
    ("usr.id", fields::USER_ID),
    ("endpoint", fields::ENDPOINT),
    ("http.route", fields::ROUTE),
    ("path", fields::PATH),
    ("url.path", fields::PATH),
    ("http.path", fields::PATH),
    ("request_path", fields::PATH),
    ("method", fields::METHOD),
    ("http.method", fields::METHOD),
    ("http_method", fields::METHOD),
    ("http.request.method", fields::METHOD),
    ("status_code", fields::STATUS_CODE),
    ("statuscode", fields::STATUS_CODE),
    ("status", fields::STATUS_CODE),
    ("http.status_code", fields::STATUS_CODE),
    ("http_status", fields::STATUS_CODE),
    ("http.response.status_code", fields::STATUS_CODE),
    ("duration_ms", fields::DURATION_MS),
    ("elapsed_ms", fields::DURATION_MS),
];

/// Returns the field of the contract that a name spells by the table above.
pub(super) fn built_in(name: &str) -> Option<&'static str> {
    let folded = name.to_lowercase().replace('-', "_");
    SPELLINGS.iter().find(|(spelling, _)| *spelling == folded).map(|(_, canonical)| *canonical)
}

/// Returns the names of the contract's fields that people ask for.
pub(super) fn contract_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = SPELLINGS.iter().map(|(_, canonical)| *canonical).collect();
    names.dedup();
    names
}
