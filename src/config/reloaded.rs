//! Which keys a running server takes over; every other key needs a restart.

/// The keys that SIGHUP and `tierlog config reload` take over. The comment of each in
/// `config/tierlog.toml` ends with "Reloaded.", and of no other key: a test compares them.
///
/// These decide how the next line is read, redacted or refused. Sockets, the store, the budget of
/// memory and keys that two rooms hold (aliases, tiers, how far ahead a record may lie) stay as
/// they were at the start.
pub(crate) const RELOADED: [&str; 18] = [
    "ingest.http.body_max",
    "ingest.http.full_wait",
    "ingest.http.inflated_max",
    "ingest.levels.missing",
    "ingest.levels.unknown",
    "ingest.limits.depth_max",
    "ingest.limits.fields_max",
    "ingest.limits.line_max",
    "ingest.tcp.idle_timeout",
    "ingest.time.service_zones",
    "ingest.time.zone",
    "log.level",
    "redaction.allowed_keys",
    "redaction.detectors_off",
    "redaction.detectors_on",
    "redaction.enabled",
    "redaction.policy_file",
    "redaction.secret_keys",
];
