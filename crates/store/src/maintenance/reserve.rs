//! A file of a mebibyte that is given up when the disk is full to the last byte.
//!
//! Dropping a partition writes a tombstone first, and what is to free room must not fail for the
//! want of some. Our own marks keep room free, but other programs may fill the disk.

use std::io;

use crate::layout::Layout;
use crate::{StoreError, files};

/// Room for many tombstones, each a block and an entry of a directory.
const RESERVE_BYTES: usize = 1 << 20;

/// Bytes written at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// Makes the reserve if it is not there whole. Best effort: without it, everything still works
/// while there is room.
pub(super) fn keep(layout: &Layout) {
    if let Err(error) = make(layout) {
        tracing::debug!(%error, "no room for the reserve");
        let _ = give_up(layout);
    }
}

/// Gives the room of the reserve back to the disk. Returns whether there was any.
pub(super) fn give_up(layout: &Layout) -> bool {
    layout.vfs().remove_file(&layout.reserve()).is_ok()
}

fn make(layout: &Layout) -> Result<(), StoreError> {
    let (vfs, path) = (layout.vfs(), layout.reserve());
    match vfs.file_len(&path) {
        Ok(length) if length == RESERVE_BYTES as u64 => return Ok(()),
        Ok(_) => files::remove_file(vfs, &path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("inspect", &path)(error)),
    }
    let mut file = vfs.create_new(&path).map_err(StoreError::io("create", &path))?;
    // Not zeros: a file system that compresses would reserve nothing.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..RESERVE_BYTES / CHUNK_BYTES {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        while chunk.len() < CHUNK_BYTES {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            chunk.extend_from_slice(&state.to_le_bytes());
        }
        file.write_all(&chunk).map_err(StoreError::io("write", &path))?;
    }
    file.sync_data().map_err(StoreError::io("sync", &path))
}
