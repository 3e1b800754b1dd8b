//! Valid settings of ingest. The root package reads configuration files and builds this; nothing
//! here reads a file or an environment variable.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use tierlog_model::{Level, Tiers, keys};

use super::AliasTable;

/// Everything that decides how bytes become records. A field with a `rename` is a key of the
/// configuration.
#[derive(Clone, Debug, Deserialize)]
pub struct IngestConfig {
    /// Bounds of lines, records, bodies and waiting.
    #[serde(skip)]
    pub limits: IngestLimits,
    /// Zone of timestamps that name none (Python's `asctime` is local time).
    #[serde(rename = "ingest.time.zone", deserialize_with = "zone")]
    pub time_zone: TimeZone,
    /// The same for services that are in another zone.
    #[serde(rename = "ingest.time.service_zones", deserialize_with = "service_zones")]
    pub service_zones: BTreeMap<String, TimeZone>,
    /// Level of a record that has none.
    #[serde(rename = "ingest.levels.missing", deserialize_with = "keys::level")]
    pub missing_level: Level,
    /// Level of a record whose level nobody knows; the longer of the plausible tiers.
    #[serde(rename = "ingest.levels.unknown", deserialize_with = "keys::level")]
    pub unknown_level: Level,
    /// Which spellings become which field.
    #[serde(skip, default = "AliasTable::standard")]
    pub aliases: AliasTable,
    /// How long each level is kept; decides `past_retention`.
    #[serde(skip, default = "Tiers::standard")]
    pub tiers: Tiers,
    /// What an acknowledgement promises (`fsync`, `interval:50ms`, `none`), shown in answers.
    #[serde(skip, default = "fsync")]
    pub durability: String,
}

impl IngestConfig {
    /// Returns the zone of timestamps of a service that name none.
    pub(crate) fn zone_of(&self, service: Option<&str>) -> &TimeZone {
        // Fast path: nearly always all services share a zone.
        if self.service_zones.is_empty() {
            return &self.time_zone;
        }
        service.and_then(|service| self.service_zones.get(service)).unwrap_or(&self.time_zone)
    }
}

/// Bounds of lines, records, bodies and waiting.
#[derive(Clone, Debug, Deserialize)]
pub struct IngestLimits {
    /// Longest line, bytes.
    #[serde(
        rename = "ingest.limits.line_max",
        deserialize_with = "keys::size::<_, _, { keys::KIB }, { 64 * keys::MIB }>"
    )]
    pub line_bytes_max: usize,
    /// Deepest nesting of objects and arrays; the record itself is depth 1.
    #[serde(rename = "ingest.limits.depth_max", deserialize_with = "keys::count::<_, _, 1, 128>")]
    pub nesting_depth_max: usize,
    /// Most fields of a record, counted after nested objects are flattened.
    #[serde(
        rename = "ingest.limits.fields_max",
        deserialize_with = "keys::count::<_, _, 1, 10_000>"
    )]
    pub fields_per_record_max: usize,
    /// Largest request body as received.
    #[serde(
        rename = "ingest.http.body_max",
        deserialize_with = "keys::size::<_, _, { keys::KIB }, { keys::GIB }>"
    )]
    pub body_bytes_max: usize,
    /// Largest request body after inflating.
    #[serde(
        rename = "ingest.http.inflated_max",
        deserialize_with = "keys::size::<_, _, { keys::KIB }, { 4 * keys::GIB }>"
    )]
    pub inflated_bytes_max: usize,
    /// How long a request body may take to arrive; a slow sender must not hold memory for ever.
    #[serde(
        rename = "listeners.ingest.body_timeout",
        deserialize_with = "keys::duration::<_, { keys::SECOND }, { keys::HOUR }>"
    )]
    pub body_deadline: Duration,
    /// How long a request waits for room in the pipeline before it is told to come back.
    #[serde(
        rename = "ingest.http.full_wait",
        deserialize_with = "keys::duration::<_, 0, { keys::HOUR }>"
    )]
    pub full_patience: Duration,
    /// How long a TCP connection may stay silent, and how long it may refuse our answers.
    #[serde(
        rename = "ingest.tcp.idle_timeout",
        deserialize_with = "keys::duration::<_, { keys::SECOND }, { keys::DAY }>"
    )]
    pub idle_deadline: Duration,
    /// How far ahead of our clock a record may lie, seconds.
    #[serde(rename = "ingest.time.ahead_max", deserialize_with = "seconds")]
    pub ahead_seconds_max: i64,
}

impl Default for IngestLimits {
    /// Returns the limits of `config/tierlog.toml`.
    fn default() -> IngestLimits {
        keys::defaults()
    }
}

impl Default for IngestConfig {
    /// Returns the settings of `config/tierlog.toml`.
    fn default() -> IngestConfig {
        keys::defaults()
    }
}

fn fsync() -> String {
    "fsync".to_owned()
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    keys::text(deserializer, "IANA name", |name| TimeZone::get(name).ok())
}

fn service_zones<'de, D>(deserializer: D) -> Result<BTreeMap<String, TimeZone>, D::Error>
where
    D: Deserializer<'de>,
{
    let zones = keys::list(deserializer, "list of SERVICE=IANA name", service_zone)?;
    Ok(zones.into_iter().collect())
}

/// Reads `lms-web=Europe/Berlin`.
fn service_zone(text: &str) -> Option<(String, TimeZone)> {
    let (service, zone) = text.rsplit_once('=')?;
    let zone = TimeZone::get(zone.trim()).ok()?;
    let service = service.trim();
    (!service.is_empty()).then(|| (service.to_owned(), zone))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let ahead = keys::duration::<_, { keys::SECOND }, { keys::WEEK }>(deserializer)?;
    Ok(i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX))
}
