//! The spool: lines wait on disk until the server has them, across restarts of either side.
//!
//! ```text
//! DIR/lock                       held while a sender runs
//! DIR/state                      what is settled, how far the input was read (state.rs)
//! DIR/<first batch>.segment      lines, oldest file first (segment.rs, frame.rs)
//! DIR/aside/...                  lines that the server does not take; bytes that are damaged
//! ```
//!
//! Lines arrive whole, are numbered, and are never changed. Files leave when everything in them is
//! settled, or, oldest first, at the bound. Nothing here talks to a server, and nothing decides
//! when to sync: the backlog does both.

mod aside;
mod frame;
mod open;
mod segment;
mod state;

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::place::Place;
use aside::Aside;
pub(super) use frame::FrameHead;
pub(super) use segment::read_lines;
use segment::{HEAD_BYTES, Segment};
use state::{Kept, StateFile};

/// A segment is an eighth of the spool, so that at the bound an eighth leaves, ...
const SEGMENTS_MIN: u64 = 8;
/// ... and no longer than a few batches: less is freed at a time, more files are open.
const SEGMENT_BYTES_MAX: u64 = 8 << 20;

/// Who the spool is to the server: a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(pub(super) u128);

impl Identity {
    /// Returns one that nobody else has.
    pub(super) fn random() -> Identity {
        Identity(super::random())
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// What happens at the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// The oldest lines leave: their input cannot wait.
    DropOldest,
    /// The input waits: a file keeps the lines that are not read yet.
    Wait,
}

/// Bounds of a spool.
#[derive(Clone, Debug)]
pub(super) struct SpoolSettings {
    pub(super) directory: PathBuf,
    pub(super) bytes_max: u64,
    pub(super) age_max: Duration,
    pub(super) when_full: WhenFull,
}

/// A batch that is in the spool.
#[derive(Clone, Debug)]
pub(super) struct SpooledBatch {
    pub(super) number: u64,
    pub(super) first_line: u64,
    pub(super) line_count: u64,
    /// Bytes of its lines.
    pub(super) bytes: u64,
    /// Its newest line, microseconds since 1970.
    pub(super) written_at: i64,
    pub(super) stored: Stored,
}

/// Where a batch is.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What a start found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) spool: Spool,
    /// Batches that are not settled, oldest first.
    pub(super) batches: Vec<SpooledBatch>,
    /// What people should know.
    pub(super) remarks: Vec<String>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Spool {
    settings: SpoolSettings,
    segments: VecDeque<Segment>,
    state: StateFile,
    kept: Kept,
    aside: Aside,
    /// Held as long as the spool.
    _lock: File,
}

impl Spool {
    /// Returns who it is.
    pub(super) fn identity(&self) -> Identity {
        self.kept.identity
    }

    /// Returns the directory, to be named to people.
    pub(super) fn name(&self) -> String {
        self.settings.directory.display().to_string()
    }

    /// Returns the number of the next batch and of the next line.
    pub(super) fn next_numbers(&self) -> (u64, u64) {
        (self.kept.next_batch, self.kept.next_line)
    }

    /// Returns the number of the last line that is settled.
    pub(super) fn settled_line(&self) -> u64 {
        self.kept.settled_line
    }

    /// Returns how far the input was read: the end of the newest lines that are here.
    pub(super) fn place(&self) -> Place {
        self.kept.place
    }

    /// Returns the batches that may have reached the server, and when the last was sent.
    pub(super) fn tried(&self) -> (u64, i64) {
        (self.kept.tried_batch, self.kept.tried_at)
    }

    /// Returns what happens at the bound.
    pub(super) fn when_full(&self) -> WhenFull {
        self.settings.when_full
    }

    /// Returns how old a line may become, microseconds.
    pub(super) fn age_max_micros(&self) -> i64 {
        i64::try_from(self.settings.age_max.as_micros()).unwrap_or(i64::MAX)
    }

    /// Returns the longest batch: whole in one segment.
    pub(super) fn batch_bytes_max(&self) -> u64 {
        self.segment_bytes()
    }

    /// Tells whether further bytes go beyond the bound.
    pub(super) fn is_full_with(&self, bytes: usize) -> bool {
        let held: u64 = self.segments.iter().map(|segment| segment.length).sum();
        held + bytes as u64 + frame::HEADER_BYTES as u64 + HEAD_BYTES > self.settings.bytes_max
    }

    /// Tells whether bytes can never be held.
    pub(super) fn is_too_small_for(&self, bytes: usize) -> bool {
        bytes as u64 + frame::HEADER_BYTES as u64 + HEAD_BYTES > self.settings.bytes_max
    }

    /// Makes room by dropping the oldest segment without a batch on its way: a batch on its way may
    /// be at the server already. Returns the numbers of its batches.
    pub(super) fn drop_oldest_segment(
        &mut self,
        is_in_use: impl Fn(&Range<u64>) -> bool,
    ) -> Option<Range<u64>> {
        let ends = self.segments.iter().skip(1).map(|next| next.first_batch);
        let ends = ends.chain([self.kept.next_batch]);
        let batches: Vec<Range<u64>> =
            self.segments.iter().zip(ends).map(|(segment, end)| segment.first_batch..end).collect();
        // A spool hardly larger than the batches on their way drops those, too.
        let position = batches.iter().position(|batches| !is_in_use(batches)).unwrap_or(0);
        let dropped = self.segments.remove(position)?;
        // If the removal fails, the next start finds the segment, and the lines are sent after all.
        let _ = std::fs::remove_file(&dropped.path);
        batches.into_iter().nth(position)
    }

    /// Writes lines of a batch. `head.batch` is the last batch so far or the next one.
    pub(super) fn append(&mut self, head: &FrameHead, lines: &[u8]) -> Result<Stored> {
        let begins = head.batch >= self.kept.next_batch;
        let rolls =
            self.segments.back().is_none_or(|last| begins && last.length >= self.segment_bytes());
        if rolls {
            self.begin_segment(head.batch)?;
        }
        let mut bytes = Vec::with_capacity(frame::HEADER_BYTES + lines.len());
        frame::encode(&mut bytes, head, lines);
        let Some(segment) = self.segments.back_mut() else {
            anyhow::bail!("the spool has no segment");
        };
        let offset = segment.append(&bytes)?;
        let file = Arc::clone(&segment.file);
        self.name_lines(head);
        if head.place.source != 0 {
            self.kept.place = head.place;
        }
        Ok(Stored { file, offset, length: bytes.len() as u64 })
    }

    /// Returns the file whose sync makes every line outlive a power cut.
    pub(super) fn last_file(&self) -> Option<Arc<File>> {
        self.segments.back().map(|segment| Arc::clone(&segment.file))
    }

    /// Names lines that could not be written: whatever happens, no others will have their names.
    pub(super) fn reserve(&mut self, head: &FrameHead) -> std::io::Result<()> {
        self.name_lines(head);
        self.sync_state()
    }

    /// Notes that batches below a number, and lines up to one, are settled; deletes what nothing
    /// is needed of any more.
    pub(super) fn settle(&mut self, batch: u64, line: u64) -> std::io::Result<()> {
        self.kept.settled_batch = self.kept.settled_batch.max(batch);
        self.kept.settled_line = self.kept.settled_line.max(line);
        self.state.write(&self.kept)?;
        let settled = self.kept.settled_batch;
        let is_over = |next: Option<&Segment>| next.is_some_and(|next| next.first_batch <= settled);
        if is_over(self.segments.get(1)) {
            // ORDER: without its segments, the state alone says which numbers are taken.
            self.state.sync()?;
        }
        while is_over(self.segments.get(1)) {
            let Some(oldest) = self.segments.pop_front() else { break };
            std::fs::remove_file(&oldest.path)?;
        }
        Ok(())
    }

    /// Notes that batches below a number may reach the server from now on.
    pub(super) fn will_try(&mut self, batch: u64, now: i64) {
        if batch > self.kept.tried_batch || now - self.kept.tried_at > TRIED_MICROS {
            self.kept.tried_batch = self.kept.tried_batch.max(batch);
            self.kept.tried_at = now;
            // Says less than is true until the next time; the server tells them apart all the same.
            let _ = self.state.write(&self.kept);
        }
    }

    /// Counts lines that left at the bound.
    pub(super) fn count_lost(&mut self, lines: u64) {
        self.kept.lost_lines += lines;
        // The next write has it.
        let _ = self.state.write(&self.kept);
    }

    /// Becomes somebody else to the server: the names of before stand for lines of another.
    pub(super) fn change_identity(&mut self, identity: Identity) -> std::io::Result<()> {
        self.kept.identity = identity;
        self.state.write(&self.kept)?;
        self.state.sync()
    }

    /// Puts lines aside that the server does not take. Returns the file.
    pub(super) fn put_aside(&self, name: &str, lines: &[u8]) -> Result<PathBuf> {
        self.aside.put(name, lines)
    }

    /// Makes the state outlive a power cut.
    pub(super) fn sync_state(&mut self) -> std::io::Result<()> {
        self.state.write(&self.kept)?;
        self.state.sync()
    }

    /// Deletes the segments of a spool in which everything is settled.
    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        self.sync_state()?;
        for segment in self.segments.drain(..) {
            std::fs::remove_file(&segment.path)?;
        }
        Ok(())
    }

    fn name_lines(&mut self, head: &FrameHead) {
        self.kept.next_batch = self.kept.next_batch.max(head.batch + 1);
        let next_line = head.first_line + u64::from(head.line_count);
        self.kept.next_line = self.kept.next_line.max(next_line);
    }

    fn begin_segment(&mut self, first_batch: u64) -> Result<()> {
        if let Some(last) = self.segments.back() {
            // ORDER: a sync of the last segment stands for all of them.
            last.file.sync_data()?;
        }
        let directory = &self.settings.directory;
        self.segments.push_back(Segment::create(directory, first_batch, self.kept.identity)?);
        File::open(directory)?.sync_all()?;
        Ok(())
    }

    fn segment_bytes(&self) -> u64 {
        (self.settings.bytes_max / SEGMENTS_MIN).min(SEGMENT_BYTES_MAX)
    }
}

/// How exactly the time of the last attempt is known.
const TRIED_MICROS: i64 = 1_000_000;

#[cfg(test)]
mod tests;
