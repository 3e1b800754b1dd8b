//! From the valid configuration to what each room is told: the keys that the room declares, and
//! what only a running process has.

use std::path::Path;

use tierlog_ingest::{CanaryError, RedactionSettings, Redactor, detector_named};
use tierlog_model::Pseudonyms;
use tierlog_model::memory::{MemoryBudget, MemoryUse};
use tierlog_query::{QueryConfig, Spellings};
use tierlog_store::StoreSettings;

use crate::config::Config;

/// Returns what the store is told; `memory` is the budget of the whole server.
pub(crate) fn store_settings(
    config: &Config,
    data_dir: &Path,
    memory: &MemoryBudget,
) -> StoreSettings {
    StoreSettings {
        data_directory: data_dir.to_owned(),
        reader_memory: memory.part(MemoryUse::Readers).clone(),
        live_memory: memory.part(MemoryUse::Tails).clone(),
        ..config.store.clone()
    }
}

/// Returns a redactor whose every detector finds its example.
pub(crate) fn redactor(config: &Config, pseudonyms: &Pseudonyms) -> Result<Redactor, CanaryError> {
    if !config.redaction.enabled {
        tracing::warn!("redaction.enabled is false: personal data is stored as it comes");
    }
    let redactor = Redactor::new(&redaction_settings(config), pseudonyms.clone());
    redactor.check_canaries()?;
    Ok(redactor)
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
    for name in &section.detectors_on {
        if let Ok(known) = detector_named(name) {
            settings = settings.with(known);
        }
    }
    settings = settings.with_policy(&section.policy);
    for key in &section.secret_keys {
        settings = settings.with_secret_key(key);
    }
    for key in &section.allowed_keys {
        settings = settings.with_allowed_key(key);
    }
    settings
}

/// Returns what the query side is told: fields are spelled as lines spell them.
pub(crate) fn query_config(config: &Config, memory: &MemoryBudget) -> QueryConfig {
    let aliases = config.ingest.aliases.clone();
    QueryConfig {
        memory: memory.clone(),
        spellings: Spellings::new(move |name| aliases.contract_name(name)),
        ..config.query.clone()
    }
}
