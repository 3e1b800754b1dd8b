//! Whether the last process came to an orderly end: then every file that it wrote was synced, and
//! its checksums can be compared behind a start instead of before it.
//!
//! The marker is there only while no process has the store open.

use crate::layout::Layout;
use crate::{StoreError, files};

/// What the marker holds; that it is there says everything.
const TEXT: &[u8] = b"the last stop was an orderly one\n";

/// How the last process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastStop {
    /// In order.
    Clean,
    /// By a crash, a kill or a power cut; or there was none, and nothing to check.
    Unclean,
}

/// Takes the marker away, durably, and returns what it said.
pub(crate) fn take(layout: &Layout) -> Result<LastStop, StoreError> {
    let (vfs, path) = (layout.vfs(), layout.clean_stop());
    if !vfs.exists(&path).map_err(StoreError::io("inspect", &path))? {
        return Ok(LastStop::Unclean);
    }
    files::remove_file(vfs, &path)?;
    // ORDER: durable before anything is changed, or the marker could outlive a crash.
    files::sync_directory(vfs, layout.root())?;
    Ok(LastStop::Clean)
}

/// Says that this process has come to an orderly end. A store that cannot say so is checked by
/// its next start.
pub(crate) fn leave(layout: &Layout) {
    if let Err(error) = files::write_atomically(layout.vfs(), &layout.clean_stop(), TEXT) {
        tracing::debug!(%error, "the orderly stop is not written down");
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use tierlog_model::Tiers;

    use super::*;
    use crate::backend::{Crash, SimulatedVfs, Vfs as _};

    #[test]
    fn a_stop_is_clean_once() {
        let vfs = SimulatedVfs::new();
        vfs.create_dir_all(Path::new("/data")).expect("a directory");
        vfs.sync_dir(Path::new("/")).expect("synced");
        let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from("/data"), Tiers::standard());
        for _ in 0..2 {
            assert_eq!(take(&layout).expect("looked"), LastStop::Unclean);
            leave(&layout);
            vfs.crash(Crash::DropUnsynced);
            assert_eq!(take(&layout).expect("looked"), LastStop::Clean);
            vfs.crash(Crash::DropUnsynced);
        }
    }
}
