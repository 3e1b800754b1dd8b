//! Valid settings of ingest. The root package reads configuration files and builds this; nothing
//! here reads a file or an environment variable.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use tierlog_model::{Level, Tiers, limits};

use crate::normalise::AliasTable;

/// Everything that decides how bytes become records.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// Bounds of lines, records, bodies and waiting.
    pub limits: IngestLimits,
    /// Zone of timestamps that name none (Python's `asctime` is local time).
    pub time_zone: TimeZone,
    /// The same for services that are in another zone.
    pub service_zones: BTreeMap<String, TimeZone>,
    /// Level of a record that has none.
    pub missing_level: Level,
    /// Level of a record whose level nobody knows; the longer of the plausible tiers.
    pub unknown_level: Level,
    /// Which spellings become which field.
    pub aliases: AliasTable,
    /// How long each level is kept; decides `past_retention`.
    pub tiers: Tiers,
    /// What an acknowledgement promises (`fsync`, `interval:50ms`, `none`), shown in answers.
    pub durability: String,
}

impl IngestConfig {
    /// Returns the zone of timestamps of a service that name none.
    pub(crate) fn zone_of(&self, service: Option<&str>) -> &TimeZone {
        // Fast path: nearly always one zone is that of all.
        if self.service_zones.is_empty() {
            return &self.time_zone;
        }
        service.and_then(|service| self.service_zones.get(service)).unwrap_or(&self.time_zone)
    }
}

/// Bounds of lines, records, bodies and waiting.
#[derive(Clone, Debug)]
pub struct IngestLimits {
    /// Longest line, bytes.
    pub line_bytes_max: usize,
    /// Deepest nesting of objects and arrays; the record itself is depth 1.
    pub nesting_depth_max: usize,
    /// Most fields of a record, counted after nested objects are flattened.
    pub fields_per_record_max: usize,
    /// Largest request body as received.
    pub body_bytes_max: usize,
    /// Largest request body after inflating.
    pub inflated_bytes_max: usize,
    /// How long a request body may take to arrive; a slow sender must not hold memory for ever.
    pub body_deadline: Duration,
    /// How long a request waits for room in the pipeline before it is told to come back.
    pub full_patience: Duration,
    /// How long a TCP connection may stay silent, and how long it may refuse our answers.
    pub idle_deadline: Duration,
    /// How far ahead of our clock a record may lie, seconds.
    pub ahead_seconds_max: i64,
}

impl Default for IngestLimits {
    fn default() -> IngestLimits {
        IngestLimits {
            line_bytes_max: limits::LINE_BYTES_MAX,
            nesting_depth_max: limits::NESTING_DEPTH_MAX,
            fields_per_record_max: limits::FIELDS_PER_RECORD_MAX,
            body_bytes_max: limits::BODY_BYTES_MAX,
            inflated_bytes_max: limits::BODY_BYTES_MAX,
            body_deadline: Duration::from_secs(30),
            full_patience: Duration::from_secs(10),
            idle_deadline: Duration::from_secs(300),
            ahead_seconds_max: limits::AHEAD_SECONDS_MAX,
        }
    }
}

impl Default for IngestConfig {
    fn default() -> IngestConfig {
        IngestConfig {
            limits: IngestLimits::default(),
            time_zone: TimeZone::UTC,
            service_zones: BTreeMap::new(),
            missing_level: Level::Info,
            unknown_level: Level::Warning,
            aliases: AliasTable::standard(),
            tiers: Tiers::standard(),
            durability: "fsync".to_owned(),
        }
    }
}
