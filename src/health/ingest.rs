//! Arrived lines in `/health`: unknown level words, and streams that seem to be in another zone.
//! What is shown of a line is redacted and cut by ingest.

use serde::Serialize;
use tierlog_ingest::Report;
use utoipa::ToSchema;

use crate::output::grouped;

/// What was noticed about the lines that arrived.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IngestHealth {
    /// When counting began: at the start of the server.
    #[schema(format = DateTime)]
    since: String,
    /// Records whose level word nobody knows.
    unknown_level_records: u64,
    /// Their words, redacted, the most frequent first; at most 32 are told apart.
    unknown_levels: Vec<UnknownLevelHealth>,
    /// Streams whose times name no zone and seem to be in another one than is configured.
    shifted_clocks: Vec<ShiftedClockHealth>,
}

/// A level word that nobody knows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownLevelHealth {
    /// The word, redacted.
    #[schema(example = "Level 45")]
    word: String,
    /// Records that had it.
    records: u64,
}

/// A stream whose times seem to be in another zone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShiftedClockHealth {
    /// Its service, redacted.
    service: String,
    /// Its host, redacted.
    host: String,
    /// How far ahead of their arrival its times are read, minutes; negative when behind.
    ahead_minutes: i64,
    /// Records that showed it.
    records: u64,
}

impl From<&Report> for IngestHealth {
    fn from(report: &Report) -> IngestHealth {
        let unknown_levels = report
            .unknown_levels
            .iter()
            .map(|level| UnknownLevelHealth { word: level.word.clone(), records: level.records });
        let shifted_clocks = report.shifted_clocks.iter().map(|clock| ShiftedClockHealth {
            service: clock.service.clone(),
            host: clock.host.clone(),
            ahead_minutes: clock.ahead_minutes,
            records: clock.records,
        });
        IngestHealth {
            since: report.since.to_string(),
            unknown_level_records: report.unknown_level_records,
            unknown_levels: unknown_levels.collect(),
            shifted_clocks: shifted_clocks.collect(),
        }
    }
}

/// Returns the observations in words, each with the setting that mends the cause.
pub(super) fn notices(report: &Report) -> Vec<String> {
    let stored_as = report.stored_as;
    let levels = report.unknown_levels.iter().map(|level| {
        let (records, word) = (grouped(level.records), &level.word);
        format!(
            "{stored_as} holds {records} lines of unknown level `{word}`: map it in the sender, \
             or see ingest.levels.unknown"
        )
    });
    let clocks = report.shifted_clocks.iter().map(|clock| {
        let (hours, minutes) = (clock.ahead_minutes.abs() / 60, clock.ahead_minutes.abs() % 60);
        let direction = if clock.ahead_minutes > 0 { "ahead of" } else { "behind" };
        let name = |name: &str| if name.is_empty() { "-".to_owned() } else { name.to_owned() };
        format!(
            "times without a zone of service {} on host {} are read {hours}:{minutes:02} hours \
             {direction} their arrival: set ingest.time.service_zones, or ingest.time.zone",
            name(&clock.service),
            name(&clock.host),
        )
    });
    levels.chain(clocks).collect()
}
