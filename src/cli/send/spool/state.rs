//! The spool's state beside its lines: identity, settled batches, read position of the input.
//!
//! ```text
//! state := slot slot
//! slot  := crc:u32 version:u32 turn:u64 identity:16 settled_batch:u64 settled_line:u64
//!          tried_batch:u64 tried_at:i64 next_batch:u64 next_line:u64 lost_lines:u64 place zeros
//! ```
//!
//! Slots are written in turn, so that a torn write leaves the slot before intact. Written often and
//! synced seldom: what is lost of it is sent again under the same names.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use bytes::{Buf as _, BufMut as _};

use super::super::place::Place;
use super::Identity;
use super::frame::{PLACE_BYTES, get_place, put_place};

/// Bytes of a slot: more than it holds, and a part of a sector.
const SLOT_BYTES: usize = 256;

/// Bytes of a slot that are used.
const USED_BYTES: usize = 16 + 16 + 7 * 8 + PLACE_BYTES;

const VERSION: u32 = 1;

/// What is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Stands in the names under which the server knows batches and lines.
    pub(super) identity: Identity,
    /// Batches below this number are settled.
    pub(super) settled_batch: u64,
    /// Lines up to this number are settled.
    pub(super) settled_line: u64,
    /// Batches below this number may have reached the server.
    pub(super) tried_batch: u64,
    /// When something was sent last, microseconds since 1970.
    pub(super) tried_at: i64,
    /// Batches below this number may have been named.
    pub(super) next_batch: u64,
    /// Lines below this number may have been named.
    pub(super) next_line: u64,
    /// Lines that left at the bound, ever.
    pub(super) lost_lines: u64,
    /// How far the input of what is settled was read.
    pub(super) place: Place,
}

impl Kept {
    /// Returns what a new spool remembers.
    pub(super) fn new(identity: Identity) -> Kept {
        Kept {
            identity,
            settled_batch: 0,
            settled_line: 0,
            tried_batch: 0,
            tried_at: 0,
            next_batch: 0,
            next_line: 1,
            lost_lines: 0,
            place: Place::default(),
        }
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct StateFile {
    file: File,
    turn: u64,
}

impl StateFile {
    /// Opens the state of a directory; returns what it remembers, unless it is new or damaged.
    pub(super) fn open(directory: &Path) -> Result<(StateFile, Option<Kept>)> {
        let path = directory.join("state");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("open {}", path.display()))?;
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let newest = bytes.chunks(SLOT_BYTES).filter_map(decode).max_by_key(|(turn, _)| *turn);
        let turn = newest.map_or(0, |(turn, _)| turn);
        Ok((StateFile { file, turn }, newest.map(|(_, kept)| kept)))
    }

    /// Writes what is to be remembered.
    pub(super) fn write(&mut self, kept: &Kept) -> std::io::Result<()> {
        let turn = self.turn + 1;
        self.file.write_all_at(&encode(turn, kept), (turn % 2) * SLOT_BYTES as u64)?;
        self.turn = turn;
        Ok(())
    }

    /// Makes what was written last outlive a power cut.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_all()
    }
}

fn encode(turn: u64, kept: &Kept) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.put_u32_le(0);
    slot.put_u32_le(VERSION);
    slot.put_u64_le(turn);
    slot.put_u128_le(kept.identity.0);
    slot.put_u64_le(kept.settled_batch);
    slot.put_u64_le(kept.settled_line);
    slot.put_u64_le(kept.tried_batch);
    slot.put_i64_le(kept.tried_at);
    slot.put_u64_le(kept.next_batch);
    slot.put_u64_le(kept.next_line);
    slot.put_u64_le(kept.lost_lines);
    put_place(&mut slot, &kept.place);
    debug_assert_eq!(slot.len(), USED_BYTES);
    slot.resize(SLOT_BYTES, 0);
    let crc = crc32c::crc32c(slot.get(4..).unwrap_or_default());
    if let Some(field) = slot.get_mut(..4) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
    slot
}

fn decode(slot: &[u8]) -> Option<(u64, Kept)> {
    if slot.len() != SLOT_BYTES {
        return None;
    }
    let mut fields = slot;
    let crc = fields.get_u32_le();
    if crc32c::crc32c(fields) != crc || fields.get_u32_le() != VERSION {
        return None;
    }
    let turn = fields.get_u64_le();
    let kept = Kept {
        identity: Identity(fields.get_u128_le()),
        settled_batch: fields.get_u64_le(),
        settled_line: fields.get_u64_le(),
        tried_batch: fields.get_u64_le(),
        tried_at: fields.get_i64_le(),
        next_batch: fields.get_u64_le(),
        next_line: fields.get_u64_le(),
        lost_lines: fields.get_u64_le(),
        place: get_place(&mut fields),
    };
    Some((turn, kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(next_batch: u64) -> Kept {
        Kept { next_batch, tried_at: -1, ..Kept::new(Identity(u128::MAX - 1)) }
    }

    #[test]
    fn the_newest_whole_slot_counts() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let open = || StateFile::open(directory.path()).expect("a state");
        let (mut state, found) = open();
        assert_eq!(found, None);
        for next_batch in 1..=3 {
            state.write(&kept(next_batch)).expect("written");
            assert_eq!(open().1, Some(kept(next_batch)));
        }
        // The power goes in the middle of the third write.
        let path = directory.path().join("state");
        let mut bytes = std::fs::read(&path).expect("a state");
        bytes[SLOT_BYTES + 40] ^= 1;
        std::fs::write(&path, &bytes).expect("a scratch file");
        let (mut state, found) = open();
        assert_eq!(found, Some(kept(2)));
        state.write(&kept(4)).expect("written");
        assert_eq!(open().1, Some(kept(4)));
        std::fs::write(&path, b"rubbish").expect("a scratch file");
        assert_eq!(open().1, None);
    }
}
