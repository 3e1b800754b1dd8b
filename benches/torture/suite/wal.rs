//! The frames of the write-ahead log, as far as a fault must know them to tear one: their
//! lengths. The format is drawn in the store's `wal` module.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::files::files_under;

/// Bytes of a segment's header.
const SEGMENT_HEADER_BYTES: usize = 40;

/// Bytes of a frame outside of the stated length.
const FRAME_PREFIX_BYTES: usize = 8;

/// Where the frames of a segment lie.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Start of each frame.
    pub(crate) frames: Vec<usize>,
}

/// Reads the last segment of a data directory.
pub(crate) fn last_segment(data: &Path) -> Result<Segment> {
    let files = files_under(&data.join("wal"))?;
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "wal");
    let path = files.into_iter().rfind(is_segment).context("no segment of the log")?;
    let bytes = std::fs::read(&path)?;
    let mut frames = Vec::new();
    let mut at = SEGMENT_HEADER_BYTES;
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            break;
        }
        frames.push(at);
        at += FRAME_PREFIX_BYTES + length;
    }
    Ok(Segment { path, bytes, frames })
}
