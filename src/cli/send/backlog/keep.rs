//! Takes lines in: into the spool, or into memory where there is none or where it cannot be
//! written. What happens without room is decided here.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::super::lines::Piece;
use super::super::notices::Notices;
use super::super::spool::{FrameHead, Identity, Spool, Stored, WhenFull};
use super::entry::{Body, Entry, Stage};
use super::state::{Disk, State};
use super::{
    BATCH_BYTES_TARGET, GROUP_BYTES_MAX, GROUP_PATIENCE, History, MEMORY_BYTES_MAX, now_micros,
};

/// What came of lines that were offered.
enum Kept {
    Yes,
    /// There is no room now.
    NoRoom,
}

impl State {
    /// Takes lines, if there is room. At the bound of a spool that does not wait, the oldest leave
    /// for them.
    pub(super) fn keep(&mut self, piece: &Piece, notices: &Notices) -> bool {
        let kept = match self.spool.as_ref().map(Spool::when_full) {
            None => self.keep_in_memory(piece),
            Some(when_full) => self.keep_on_disk(piece, when_full, notices),
        };
        matches!(kept, Kept::Yes)
    }

    fn keep_on_disk(&mut self, piece: &Piece, when_full: WhenFull, notices: &Notices) -> Kept {
        if self.disk != Disk::Failed {
            if !self.make_room(piece, when_full, notices) {
                return Kept::NoRoom;
            }
            match self.write(piece) {
                Ok(()) => {
                    self.make_identity_known();
                    if std::mem::replace(&mut self.disk, Disk::Works) == Disk::Refuses {
                        notices.say("the spool can be written again");
                    }
                    return Kept::Yes;
                }
                Err(error) => {
                    if std::mem::replace(&mut self.disk, Disk::Refuses) == Disk::Works {
                        notices.say(format!(
                            "the spool cannot be written: {error:#}; lines wait in memory, then \
                             their input waits"
                        ));
                    }
                }
            }
        }
        if when_full == WhenFull::Wait {
            // The input keeps its lines better than memory does.
            return Kept::NoRoom;
        }
        let head = self.head_of(piece, self.next_batch);
        let reserved = self.spool.as_mut().is_none_or(|spool| spool.reserve(&head).is_ok());
        if !reserved && !std::mem::replace(&mut self.is_incognito, true) {
            // Without the numbers on disk, a later run would give them to other lines; a new
            // identity keeps the names unique.
            self.identity = Identity::random();
        }
        self.keep_in_memory(piece)
    }

    /// Writes the identity down, if an earlier attempt failed.
    fn make_identity_known(&mut self) {
        let identity = self.identity;
        if self.is_incognito
            && let Some(spool) = &mut self.spool
        {
            self.is_incognito = spool.change_identity(identity).is_err();
        }
    }

    /// Makes room in the spool, or says that there is none.
    fn make_room(&mut self, piece: &Piece, when_full: WhenFull, notices: &Notices) -> bool {
        let bytes = piece.bytes.len();
        let is_full =
            |state: &State| state.spool.as_ref().is_some_and(|spool| spool.is_full_with(bytes));
        while is_full(self) {
            let Some(spool) = &mut self.spool else { break };
            if self.entries.is_empty() {
                // Everything is settled; should it not be deleted, a start will.
                return spool.clear().is_ok() && !spool.is_too_small_for(bytes);
            }
            if when_full == WhenFull::Wait {
                return false;
            }
            let entries = &self.entries;
            let is_in_use = |batches: &Range<u64>| {
                let of = |entry: &&Entry| batches.contains(&entry.number);
                entries.iter().filter(of).any(|entry| entry.stage == Stage::Taken)
            };
            let Some(batches) = spool.drop_oldest_segment(is_in_use) else { return false };
            self.lose(|entry| batches.contains(&entry.number), notices);
            // The state is written again with the next lines that are settled.
            let _ = self.forget_settled();
        }
        true
    }

    /// Writes lines to the spool.
    fn write(&mut self, piece: &Piece) -> anyhow::Result<()> {
        let open = self.open_entry(piece, |body| matches!(body, Body::Disk(_)));
        let number = open.map_or(self.next_batch, |entry| entry.number);
        let is_open = open.is_some();
        let head = self.head_of(piece, number);
        let Some(spool) = &mut self.spool else { anyhow::bail!("there is no spool") };
        let stored = spool.append(&head, &piece.bytes)?;
        self.written += 1;
        if !is_open {
            self.begin(piece, Body::Disk(Stored { length: 0, ..stored.clone() }));
        }
        let written = self.written;
        if let Some(entry) = self.entries.back_mut() {
            if let Body::Disk(held) = &mut entry.body {
                held.length += stored.length;
            }
            entry.written = written;
        }
        self.count(piece);
        Ok(())
    }

    fn keep_in_memory(&mut self, piece: &Piece) -> Kept {
        if self.memory_bytes >= MEMORY_BYTES_MAX {
            return Kept::NoRoom;
        }
        let is_open = self.open_entry(piece, |body| matches!(body, Body::Memory(_))).is_some();
        if !is_open {
            self.begin(piece, Body::Memory(Arc::default()));
        }
        self.memory_bytes += piece.bytes.len();
        if let Some(Entry { body: Body::Memory(bytes), .. }) = self.entries.back_mut() {
            Arc::make_mut(bytes).extend_from_slice(&piece.bytes);
        }
        self.count(piece);
        Kept::Yes
    }

    /// Returns the batch that lines may join.
    fn open_entry(&self, piece: &Piece, is_kind: impl Fn(&Body) -> bool) -> Option<&Entry> {
        let last = self.entries.back()?;
        let is_open = !last.is_closed && last.stage == Stage::Waiting && is_kind(&last.body);
        let bytes = last.bytes + piece.bytes.len() as u64;
        let target = self.batch_bytes_target();
        let joins = if piece.goes_on {
            bytes <= target + GROUP_BYTES_MAX
        } else {
            // A batch that was held for its last lines is whole once the first line of another
            // group arrives.
            bytes <= target && (last.holds_group_until.is_none() || Instant::now() < last.ripe_at())
        };
        (is_open && joins).then_some(last)
    }

    /// Begins a batch; the batch before is closed.
    fn begin(&mut self, piece: &Piece, body: Body) {
        if let Some(last) = self.entries.back_mut() {
            last.is_closed = true;
        }
        let now = Instant::now();
        let entry = Entry {
            key: self.take_key(),
            number: self.next_batch,
            first_line: self.next_line,
            line_count: 0,
            input_line: Some(piece.input_line),
            bytes: 0,
            body,
            stage: Stage::Waiting,
            history: History::Fresh,
            is_closed: false,
            opened_at: now,
            pushed_at: now,
            holds_group_until: None,
            written_at: 0,
            written: 0,
        };
        self.next_batch += 1;
        self.entries.push_back(entry);
    }

    /// Adds lines to the figures of the last batch, and closes it when it is full.
    fn count(&mut self, piece: &Piece) {
        let target = self.batch_bytes_target();
        self.next_line += piece.line_count;
        let Some(last) = self.entries.back_mut() else { return };
        last.line_count += piece.line_count;
        last.bytes += piece.bytes.len() as u64;
        last.pushed_at = Instant::now();
        last.written_at = now_micros();
        last.holds_group_until = piece.may_go_on.then(|| last.pushed_at + GROUP_PATIENCE);
        last.is_closed = last.bytes >= target && !piece.may_go_on;
    }

    fn head_of(&self, piece: &Piece, batch: u64) -> FrameHead {
        FrameHead {
            length: piece.bytes.len(),
            line_count: u32::try_from(piece.line_count).unwrap_or(u32::MAX),
            batch,
            first_line: self.next_line,
            written_at: now_micros(),
            place: piece.place,
        }
    }

    fn batch_bytes_target(&self) -> u64 {
        let spool = self.spool.as_ref().map_or(u64::MAX, Spool::batch_bytes_max);
        spool.min(BATCH_BYTES_TARGET as u64)
    }
}
