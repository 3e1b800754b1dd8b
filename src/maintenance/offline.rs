//! The data directory of a stopped server, opened for one maintenance verb.

use std::path::Path;
use std::sync::Arc;

use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{SystemClock, handoff};
use tierlog_store::{MaintenanceJob, Store, StoreError, StoreSettings};

use super::VerifyReport;
use crate::config::Config;
use crate::settings::store_settings;

/// Bytes of the hand-off of a store that nothing is sent to.
const HANDOFF_BYTES: u64 = 1024 * 1024;

/// Opens a data directory, gives it to `work`, and closes it. Refuses one that a server holds,
/// and one that is not there: a mistyped path must not make an empty store.
pub(crate) fn with_store<T>(
    config: &Config,
    data_dir: &Path,
    work: impl FnOnce(&Store) -> Result<T, StoreError>,
) -> anyhow::Result<T> {
    require_data(data_dir)?;
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, HANDOFF_BYTES));
    // The verb alone decides what changes.
    let settings = StoreSettings {
        maintenance: MaintenanceJob::Rests,
        ..store_settings(config, data_dir, &config.memory.budget())
    };
    let store = Store::open(settings, Arc::new(SystemClock), receiver).map_err(explain)?;
    let outcome = work(&store);
    // Closing waits until the hand-off has no sender.
    drop(sender);
    store.close();
    Ok(outcome?)
}

/// Checks a data directory without opening a store in it: nothing is repaired, replayed or written.
pub(crate) fn verify_directory(config: &Config, data_dir: &Path) -> anyhow::Result<VerifyReport> {
    require_data(data_dir)?;
    let settings = store_settings(config, data_dir, &config.memory.budget());
    let report = Store::verify_directory(&settings).map_err(explain)?;
    Ok(VerifyReport::new(report))
}

fn require_data(data_dir: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        data_dir.join("tierlog.json").is_file(),
        "{} is no data directory of tierlog",
        data_dir.display()
    );
    Ok(())
}

fn explain(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Locked(path) => anyhow::anyhow!(
            "{} is held by a running server: ask the server instead (--server URL), or stop it",
            path.display()
        ),
        other => other.into(),
    }
}
