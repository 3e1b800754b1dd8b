//! Puts damaged parts of a segment aside, so that releasing the segment does not destroy what
//! may still be read by hand.
//!
//! The damage stays in the segment too: nothing of a segment is ever rewritten. A part that was
//! put aside by an earlier start is recognised by its name and length.

use std::ops::Range;
use std::path::Path;

use tracing::warn;

use super::WalError;
use super::list::Directories;
use crate::backend::{Vfs, read_up_to};

const COPY_BYTES: usize = 64 * 1024;

/// Whether a part was put aside now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PutAside {
    /// It was copied now.
    Now,
    /// An earlier start had copied it.
    Before,
    /// It could not be copied.
    NotPossible,
}

/// Copies the bytes of a segment from an offset up to an end.
///
/// Failing is not an error: a full disk must not keep the server from starting, and the bytes
/// are still in the segment.
pub(super) fn put_aside(
    vfs: &dyn Vfs,
    directories: &Directories,
    segment: &Path,
    part: Range<u64>,
) -> PutAside {
    let offset = part.start;
    copy(vfs, directories, segment, part).unwrap_or_else(|error| {
        warn!(segment = %segment.display(), offset, %error, "cannot put damaged part aside");
        PutAside::NotPossible
    })
}

fn copy(
    vfs: &dyn Vfs,
    directories: &Directories,
    segment: &Path,
    part: Range<u64>,
) -> Result<PutAside, WalError> {
    let directory = &directories.quarantine;
    vfs.create_dir_all(directory).map_err(WalError::io("create", directory))?;
    let name = segment.file_stem().unwrap_or_default().to_string_lossy();
    let path = directory.join(format!("wal-{name}-{}.part", part.start));
    if vfs.exists(&path).map_err(WalError::io("inspect", &path))? {
        let length = vfs.file_len(&path).map_err(WalError::io("inspect", &path))?;
        if length == part.end - part.start {
            return Ok(PutAside::Before);
        }
        vfs.remove_file(&path).map_err(WalError::io("remove", &path))?;
    }
    let source = vfs.open_read(segment).map_err(WalError::io("open", segment))?;
    let mut copy = vfs.create_new(&path).map_err(WalError::io("create", &path))?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut offset = part.start;
    while offset < part.end {
        let left = usize::try_from(part.end - offset).unwrap_or(COPY_BYTES);
        let chunk = buffer.get_mut(..left.min(COPY_BYTES)).unwrap_or_default();
        let read =
            read_up_to(source.as_ref(), offset, chunk).map_err(WalError::io("read", segment))?;
        if read == 0 {
            break;
        }
        let chunk = chunk.get(..read).unwrap_or_default();
        copy.write_all(chunk).map_err(WalError::io("write", &path))?;
        offset += read as u64;
    }
    copy.sync_data().map_err(WalError::io("sync", &path))?;
    vfs.sync_dir(directory).map_err(WalError::io("sync", directory))?;
    vfs.sync_dir(&directories.data).map_err(WalError::io("sync", &directories.data))?;
    Ok(PutAside::Now)
}
