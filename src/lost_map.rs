//! SIGBUS: bytes of a mapped file are not there. Somebody has cut a file of a partition under the
//! server, or the disk does not read it.
//!
//! Searches read partitions through maps, and a map cannot fail as a read does: the kernel stops
//! the thread, and no safe code can take it out of the middle of the search engine. So the process
//! dies of the signal, and its supervisor starts it anew. The start finds that the last stop was no
//! clean one, and compares partitions with their lengths and checksums before it maps anything:
//! what is damaged goes into quarantine, what the log still has comes back, and answers say what is
//! missing.
//!
//! Nobody can say a word in between: in a signal's handler hardly anything is allowed, and the
//! runtime of Rust lets the second signal kill. But one byte may be written to an open file. So
//! the handler leaves a mark in the data directory, and the next start says what it stands for.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result};
use signal_hook::consts::SIGBUS;
use signal_hook::low_level::pipe;

/// Name of the mark in the data directory: empty, but after such a death.
const FILE_NAME: &str = "lost-map";

/// Says how the last process has died, if it was that way, and leaves a mark when this one does.
pub(crate) fn watch(data_dir: &Path) -> Result<()> {
    let path = data_dir.join(FILE_NAME);
    if fs::metadata(&path).is_ok_and(|mark| mark.len() > 0) {
        tracing::error!(
            "the last process died of SIGBUS: a mapped file of a partition was cut, or the disk does \
             not read it; what is damaged goes into quarantine"
        );
    }
    let mark = File::create(&path).context("make the mark for SIGBUS")?;
    pipe::register(SIGBUS, mark).context("watch for SIGBUS")?;
    Ok(())
}
