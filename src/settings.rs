//! From the valid configuration to the settings that each crate takes.

use std::path::Path;

use tierlog_ingest::{AliasTable, IngestConfig, IngestLimits, RedactionSettings, detector_named};
use tierlog_model::limits;
use tierlog_model::memory::{MemoryBudget, MemoryUse};
use tierlog_query::{QueryConfig, Spellings};
use tierlog_store::{Durability, MaintenanceJob, StoreSettings};

use crate::config::{Config, ConfigError, ConfigFault, DurabilitySetting};

/// Returns what the store is told; `memory` is the budget of the whole server.
pub(crate) fn store_settings(
    config: &Config,
    data_dir: &Path,
    memory: &MemoryBudget,
) -> StoreSettings {
    let store = &config.store;
    StoreSettings {
        data_directory: data_dir.to_owned(),
        tiers: store.tiers.clone(),
        durability: durability(store.durability),
        wal_segment_bytes: store.wal_segment_max,
        retry_window_age: store.retry_window,
        free_bytes_min: store.free_min,
        free_bytes_low: store.free_low,
        early_drop_max: store.early_drop_max,
        dead_letters_bytes_max: store.dead_letters_max,
        scrub_bytes_per_second: store.scrub_rate,
        clock_jump_max: store.clock_jump_max,
        ahead_max: config.ingest.time.ahead_max,
        verify_before_ready: StoreSettings::VERIFY_BEFORE_READY,
        replay_before_ready: store.replay_before_ready,
        commit_interval: store.commit_interval,
        index_queue_batches: store.index_queue_batches,
        writer_memory_bytes: store.writer_memory_max,
        open_writers_max: store.open_writers_max,
        // A commit waits more than it works: all of them at once.
        commit_threads_max: store.open_writers_max,
        reader_memory: memory.part(MemoryUse::Readers).clone(),
        live_memory: memory.part(MemoryUse::Tails).clone(),
        seal_grace: store.seal_grace,
        seal_zstd_level: store.seal_zstd_level,
        maintenance: MaintenanceJob::Every(store.maintenance_interval),
    }
}

/// Returns what ingest is told.
pub(crate) fn ingest_config(config: &Config) -> Result<IngestConfig, ConfigError> {
    let ingest = &config.ingest;
    let aliases = AliasTable::with_extra(&ingest.aliases).map_err(|problems| {
        let problem = |rule| ConfigFault {
            key: "ingest.aliases".to_owned(),
            value: None,
            origin: "configuration".to_owned(),
            rule,
        };
        ConfigError(problems.into_iter().map(problem).collect())
    })?;
    Ok(IngestConfig {
        limits: IngestLimits {
            line_bytes_max: ingest.limits.line_max as usize,
            nesting_depth_max: ingest.limits.depth_max,
            fields_per_record_max: ingest.limits.fields_max,
            body_bytes_max: ingest.body_max as usize,
            inflated_bytes_max: ingest.inflated_max as usize,
            body_deadline: config.body_deadline(),
            full_patience: ingest.full_wait,
            idle_deadline: ingest.idle_timeout,
            ahead_seconds_max: i64::try_from(ingest.time.ahead_max.as_secs())
                .unwrap_or(limits::AHEAD_SECONDS_MAX),
        },
        time_zone: ingest.time.zone.clone(),
        service_zones: ingest.time.service_zones.iter().cloned().collect(),
        missing_level: ingest.levels.missing,
        unknown_level: ingest.levels.unknown,
        aliases,
        tiers: config.store.tiers.clone(),
        durability: durability(config.store.durability).to_string(),
    })
}

/// Returns what redaction is told. Names of detectors were checked with the configuration.
pub(crate) fn redaction_settings(config: &Config) -> RedactionSettings {
    let section = &config.redaction;
    if !section.enabled {
        return RedactionSettings::off();
    }
    let mut settings = RedactionSettings::default();
    for name in &section.detectors_off {
        if let Ok(known) = detector_named(name) {
            settings = settings.without(known);
        }
    }
    for key in &section.secret_keys {
        settings = settings.with_secret_key(key);
    }
    for key in &section.allowed_keys {
        settings = settings.with_allowed_key(key);
    }
    settings
}

/// Returns what the query side is told; `aliases` are those that lines are read by, `memory` is
/// the budget of the whole server.
pub(crate) fn query_config(
    config: &Config,
    aliases: AliasTable,
    memory: &MemoryBudget,
) -> QueryConfig {
    let query = &config.query;
    QueryConfig {
        deadline_max: query.timeout,
        concurrency_max: query.concurrency_max,
        hits_max: query.hits_max,
        track_total_max: query.track_total_max,
        body_bytes_max: query.body_max as usize,
        answer_bytes_max: query.answer_max as usize,
        memory: memory.clone(),
        spellings: Spellings::new(move |name| aliases.contract_name(name)),
    }
}

fn durability(setting: DurabilitySetting) -> Durability {
    match setting {
        DurabilitySetting::Fsync => Durability::Fsync,
        DurabilitySetting::Interval(interval) => Durability::Interval(interval),
        DurabilitySetting::None => Durability::None,
    }
}
