//! Quarantine of the spool: lines that the server refuses, damaged bytes. Quarantined lines wait
//! for an engineer, the oldest are evicted; none of them may hold up later lines.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The part of the spool's bound that may be taken beside it.
const BOUND_PART: u64 = 4;

/// The directory.
#[derive(Debug)]
pub(super) struct Aside {
    directory: PathBuf,
    bytes_max: u64,
}

impl Aside {
    /// Returns the directory beside the segments; it is made when something is put there.
    pub(super) fn new(spool: &Path, spool_bytes_max: u64) -> Aside {
        Aside { directory: spool.join("aside"), bytes_max: spool_bytes_max / BOUND_PART }
    }

    /// Writes a file. A file of the same name holds the same bytes.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.directory);
        made.with_context(|| format!("create {}", self.directory.display()))?;
        self.make_room(bytes.len() as u64)?;
        let path = self.directory.join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("create {}", path.display()))?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// Deletes the oldest files until there is room.
    fn make_room(&self, bytes: u64) -> Result<()> {
        let entries = std::fs::read_dir(&self.directory).context("list what is aside")?;
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut held: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if held + bytes <= self.bytes_max {
                break;
            }
            std::fs::remove_file(&path).with_context(|| format!("delete {}", path.display()))?;
            held -= length;
        }
        Ok(())
    }
}
