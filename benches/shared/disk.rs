//! Files under a directory and their sizes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// Returns every file below a directory and its size. A running daemon may remove some meanwhile.
pub(crate) fn files_under(directory: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let entries = match std::fs::read_dir(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                data if data.as_ref().is_ok_and(std::fs::Metadata::is_dir) => {
                    waiting.push(entry.path());
                }
                data => files.push((entry.path(), data?.len())),
            }
        }
    }
    Ok(files)
}
