//! From the merged tree to the sections: the range of every key and the relations between keys.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tierlog_ingest::{AliasTable, Target, detector_names};
use tierlog_model::{Level, TierPolicy, Tiers, TiersError};

use super::listeners::read_listeners;
use super::reader::Reader;
use super::sections::{
    Aliases, Config, DurabilitySetting, IngestSection, LevelsSection, LimitsSection, LogFormat,
    LogSection, MemorySection, PseudonymSection, QuerySection, RedactionSection, Remote,
    StoreSection, TimeSection,
};
use super::units::parse_duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

const DAYS: RangeInclusive<u64> = 1..=36_500;
const FIELD_NAMES: &str = "list of field names";

impl Config {
    pub(super) fn read(reader: &mut Reader<'_>) -> Config {
        let data_dir = reader.text("data.dir", "path", PathBuf::new(), path);
        let remote =
            if reader.switch("security.allow_remote") { Remote::Allowed } else { Remote::Refused };
        let hosts = reader.list("security.hosts", "list of host names", name);
        let config = Config {
            listeners: read_listeners(reader, remote),
            ingest: read_ingest(reader),
            redaction: read_redaction(reader, &data_dir),
            store: read_store(reader),
            query: read_query(reader),
            memory: read_memory(reader),
            drain_timeout: reader.duration("server.drain_timeout", Duration::ZERO..=10 * MINUTE),
            log: read_log(reader),
            data_dir,
            remote,
            hosts,
        };
        config.check_relations(reader);
        config
    }

    /// Checks what no key can say alone.
    fn check_relations(&self, reader: &mut Reader<'_>) {
        let line_max = self.ingest.limits.line_max;
        let room = [
            ("ingest.http.body_max", self.ingest.body_max),
            ("ingest.http.inflated_max", self.ingest.inflated_max),
            ("memory.batches", self.memory.batches),
            ("store.wal_segment_max", self.store.wal_segment_max),
        ];
        for (key, bytes) in room {
            if bytes < line_max {
                reader.refuse(key, "must be at least ingest.limits.line_max: one line must fit");
            }
        }
        if self.ingest.inflated_max < self.ingest.body_max {
            let rule = "must be at least ingest.http.body_max: a body that is not compressed";
            reader.refuse("ingest.http.inflated_max", rule);
        }
    }
}

fn read_ingest(reader: &mut Reader<'_>) -> IngestSection {
    IngestSection {
        idle_timeout: reader.duration("ingest.tcp.idle_timeout", SECOND..=DAY),
        body_max: reader.size("ingest.http.body_max", KIB..=GIB),
        inflated_max: reader.size("ingest.http.inflated_max", KIB..=4 * GIB),
        full_wait: reader.duration("ingest.http.full_wait", Duration::ZERO..=HOUR),
        limits: LimitsSection {
            line_max: reader.size("ingest.limits.line_max", KIB..=64 * MIB),
            depth_max: reader.count("ingest.limits.depth_max", 1..=128) as usize,
            fields_max: reader.count("ingest.limits.fields_max", 1..=10_000) as usize,
        },
        time: TimeSection {
            zone: reader.text("ingest.time.zone", "IANA name", jiff::tz::TimeZone::UTC, |name| {
                jiff::tz::TimeZone::get(name).ok()
            }),
            service_zones: reader.list(
                "ingest.time.service_zones",
                "list of SERVICE=IANA name",
                service_zone,
            ),
            ahead_max: reader.duration("ingest.time.ahead_max", SECOND..=WEEK),
        },
        levels: LevelsSection {
            missing: read_level(reader, "ingest.levels.missing"),
            unknown: read_level(reader, "ingest.levels.unknown"),
        },
        aliases: read_aliases(reader),
    }
}

/// Reads `lms-web=Europe/Berlin`.
fn service_zone(text: &str) -> Option<(String, jiff::tz::TimeZone)> {
    let (service, zone) = text.rsplit_once('=')?;
    let zone = jiff::tz::TimeZone::get(zone.trim()).ok()?;
    let service = service.trim();
    (!service.is_empty()).then(|| (service.to_owned(), zone))
}

fn read_aliases(reader: &mut Reader<'_>) -> Aliases {
    let mut aliases: Aliases = Vec::new();
    for target in Target::ALL {
        let names = reader.list(&format!("ingest.aliases.{}", target.name()), FIELD_NAMES, name);
        if !names.is_empty() {
            aliases.push((target.name().to_owned(), names));
        }
    }
    if let Err(problems) = AliasTable::with_extra(&aliases) {
        for problem in problems {
            reader.refuse("ingest.aliases", problem);
        }
    }
    aliases
}

fn read_redaction(reader: &mut Reader<'_>, data_dir: &Path) -> RedactionSection {
    let beside = || {
        let mut sibling = data_dir.as_os_str().to_owned();
        sibling.push(".keys");
        PathBuf::from(sibling).join("pseudonym.key")
    };
    RedactionSection {
        enabled: reader.switch("redaction.enabled"),
        detectors_off: reader.list(
            "redaction.detectors_off",
            &format!("list of detector names: {}", detector_names().join(", ")),
            |text| detector_names().contains(&text).then(|| text.to_owned()),
        ),
        secret_keys: reader.list("redaction.secret_keys", FIELD_NAMES, name),
        allowed_keys: reader.list("redaction.allowed_keys", FIELD_NAMES, name),
        pseudonyms: PseudonymSection {
            fields: reader.list("redaction.pseudonyms.fields", FIELD_NAMES, name),
            key_file: reader.text(
                "redaction.pseudonyms.key_file",
                "path",
                PathBuf::new(),
                |text| Some(if text.is_empty() { beside() } else { PathBuf::from(text) }),
            ),
        },
    }
}

fn read_store(reader: &mut Reader<'_>) -> StoreSection {
    StoreSection {
        durability: reader.text(
            "store.durability",
            "fsync, interval:DURATION (1ms to 10s) or none",
            DurabilitySetting::Fsync,
            durability,
        ),
        replay_before_ready: reader.duration("store.replay_before_ready", Duration::ZERO..=HOUR),
        commit_interval: reader
            .duration("store.commit_interval", Duration::from_millis(50)..=MINUTE),
        index_queue_batches: reader.count("store.index_queue_batches", 1..=1_024) as usize,
        writer_memory_max: reader.size("store.writer_memory_max", 15 * MIB..=GIB) as usize,
        open_writers_max: reader.count("store.open_writers_max", 1..=1_024) as usize,
        wal_segment_max: reader.size("store.wal_segment_max", 2 * MIB..=GIB),
        retry_window: reader.duration("store.retry_window", MINUTE..=WEEK),
        free_min: reader.size("store.free_min", MIB..=TIB),
        free_low: reader.size("store.free_low", MIB..=TIB),
        early_drop_max: read_early_drop_max(reader),
        scrub_rate: reader.size("store.scrub_rate", 0..=GIB),
        clock_jump_max: reader.duration("store.clock_jump_max", HOUR..=876_000 * HOUR),
        dead_letters_max: reader.size("store.dead_letters.max", MIB..=TIB),
        seal_grace: reader.duration("store.seal_grace", SECOND..=WEEK),
        seal_zstd_level: reader.count("store.seal_zstd_level", 1..=22) as i32,
        maintenance_interval: reader.duration("store.maintenance_interval", SECOND..=DAY),
        tiers: read_tiers(reader),
    }
}

fn read_early_drop_max(reader: &mut Reader<'_>) -> Option<Level> {
    let levels = Level::ALL.map(|level| (level.as_str(), Some(level)));
    let words: Vec<(&str, Option<Level>)> = std::iter::once(("none", None)).chain(levels).collect();
    reader.word("store.early_drop_max", &words, None)
}

/// Reads the tiers, the one with the most severe level first.
fn read_tiers(reader: &mut Reader<'_>) -> Tiers {
    let mut policies: Vec<TierPolicy> = Vec::new();
    for name in reader.tables("store.tiers") {
        let table = format!("store.tiers.{name}");
        let days = reader.count(&format!("{table}.days"), DAYS) as u32;
        let levels = reader.list(
            &format!("{table}.levels"),
            "list of levels: debug, info, warning, error, critical",
            Level::from_name,
        );
        if !levels.is_empty() {
            policies.push(TierPolicy { name, days, levels });
        }
    }
    policies.sort_by_key(|policy| std::cmp::Reverse(policy.levels.iter().max().copied()));
    let dead_letter_days = reader.count("store.dead_letters.days", DAYS) as u32;
    match Tiers::new(policies, dead_letter_days) {
        Ok(tiers) => tiers,
        Err(TiersError(problems)) => {
            for problem in problems {
                reader.refuse("store.tiers", problem);
            }
            Tiers::standard()
        }
    }
}

fn read_query(reader: &mut Reader<'_>) -> QuerySection {
    QuerySection {
        body_max: reader.size("query.body_max", KIB..=GIB),
        timeout: reader.duration("query.timeout", Duration::from_millis(10)..=10 * MINUTE),
        concurrency_max: reader.count("query.concurrency_max", 1..=256) as usize,
        hits_max: reader.count("query.hits_max", 1..=100_000) as usize,
        track_total_max: reader.count("query.track_total_max", 0..=1_000_000_000),
        answer_max: reader.size("query.answer_max", 64 * KIB..=GIB),
    }
}

fn read_memory(reader: &mut Reader<'_>) -> MemorySection {
    MemorySection {
        bodies: reader.size("memory.bodies", 4 * MIB..=4 * GIB),
        batches: reader.size("memory.batches", MIB..=GIB),
        aggregations: reader.size("memory.aggregations", 4 * MIB..=4 * GIB),
        hits: reader.size("memory.hits", 4 * MIB..=4 * GIB),
        answers: reader.size("memory.answers", 4 * MIB..=4 * GIB),
        tails: reader.size("memory.tails", MIB..=GIB),
        readers: reader.size("memory.readers", 4 * MIB..=4 * GIB),
    }
}

fn read_log(reader: &mut Reader<'_>) -> LogSection {
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    LogSection {
        format: reader.word("log.format", &formats, LogFormat::Auto),
        level: reader.text(
            "log.level",
            "error, warn, info, debug, trace or a filter",
            String::new(),
            |text| {
                let filter = text.parse::<tracing_subscriber::EnvFilter>();
                (!text.is_empty() && filter.is_ok()).then(|| text.to_owned())
            },
        ),
    }
}

fn read_level(reader: &mut Reader<'_>, key: &str) -> Level {
    let words = Level::ALL.map(|level| (level.as_str(), level));
    reader.word(key, &words, Level::Info)
}

fn durability(text: &str) -> Option<DurabilitySetting> {
    match text {
        "fsync" => Some(DurabilitySetting::Fsync),
        "none" => Some(DurabilitySetting::None),
        _ => {
            let interval = parse_duration(text.strip_prefix("interval:")?)?;
            let allowed = Duration::from_millis(1)..=Duration::from_secs(10);
            allowed.contains(&interval).then_some(DurabilitySetting::Interval(interval))
        }
    }
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn name(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
