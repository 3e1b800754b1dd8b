//! The data directory of a stopped server, opened for one maintenance verb.

use std::path::Path;
use std::sync::Arc;

use tierlog_model::{Clock, ManualClock, SystemClock, Timestamp, handoff};
use tierlog_store::{Store, StoreError};

use crate::config::Config;
use crate::settings::store_settings;

/// Bytes of the hand-off of a store that nothing is sent to.
const HANDOFF_BYTES: u32 = 1024 * 1024;

/// What the store's own job may do while the directory is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Nothing expires and nothing settles: the verb alone decides what changes.
    Rests,
    /// What it would do when the server starts.
    Runs,
}

/// Opens a data directory, gives it to `work`, and closes it. Refuses one that a server holds,
/// and one that is not there: a mistyped path must not make an empty store.
pub(crate) fn with_store<T>(
    config: &Config,
    data_dir: &Path,
    job: Job,
    work: impl FnOnce(&Store) -> Result<T, StoreError>,
) -> anyhow::Result<T> {
    anyhow::ensure!(
        data_dir.join("tierlog.json").is_file(),
        "{} is no data directory of tierlog",
        data_dir.display()
    );
    let clock: Arc<dyn Clock> = match job {
        // Before every record, so that retention and compaction find nothing to do.
        Job::Rests => Arc::new(ManualClock::at(Timestamp::default())),
        Job::Runs => Arc::new(SystemClock),
    };
    let (sender, receiver) = handoff(HANDOFF_BYTES);
    let store = Store::open(store_settings(config, data_dir), clock, receiver).map_err(explain)?;
    let outcome = work(&store);
    // Closing waits until the hand-off has no sender.
    drop(sender);
    store.close();
    Ok(outcome?)
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
