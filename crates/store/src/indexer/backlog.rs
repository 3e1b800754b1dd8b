//! What waits for the backfill lane: records of old days that are in the log and in no partition.
//!
//! Routed batches arrive, and work for one pass leaves. Within [`BYTES_MAX`] the records wait in
//! memory. Beyond that bound only the numbers between which the log holds records of old days are
//! kept, and the lane reads the records from there.
//!
//! ```text
//!   in work ──▶ waiting in memory ──▶ unread in the log ──▶ routed
//!   ascending numbers, unless a lost partition is read again; the first of all bounds what the
//!   WAL may forget
//! ```
//!
//! A record belongs to the fresh lane when its day is not before the boundary. The boundary moves
//! only when the fresh lane has committed everything, so that nothing that this lane may still
//! read again has changed the lane; and it moves back only when nothing waits here, so that the
//! records of a partition are added in the order of their numbers.

use std::collections::BTreeMap;
use std::ops::Range;

use tierlog_model::{Day, Excerpt};

use super::progress::Positions;
use crate::PartitionId;

/// Bytes of records that wait in memory or are in work: a hundred thousand lines, a second of a
/// sender at full speed. Beyond that the records are read from the log, in windows of several
/// times as many.
const BYTES_MAX: usize = 32 << 20;

/// Bytes that the bookkeeping of an excerpt takes beside its records.
pub(super) const EXCERPT_BYTES: usize = 160;

/// Which lane indexes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Today and yesterday, and whatever lies ahead: searchable within a second.
    Fresh,
    /// Older days, many partitions: gathered, and indexed a partition at a time.
    Backfill,
}

/// Records of old days by partition, each in the order of numbers.
pub(super) type Gathered = BTreeMap<PartitionId, Vec<Excerpt>>;

/// The work of one pass.
#[derive(Debug)]
pub(super) enum Work {
    /// These records.
    Waiting(Gathered),
    /// The records of old days that the log has in a range of numbers, or the first of them.
    Unread(Range<u64>),
}

/// Records of old days that are in no partition yet. Guarded by the indexer's lock.
#[derive(Debug)]
pub(super) struct Backlog {
    /// First day of the fresh lane.
    boundary: Day,
    /// Number after the last record that was given to a lane.
    routed: u64,
    /// Number of the first record of the pass under way, and its bytes.
    in_work: Option<(u64, usize)>,
    waiting: Gathered,
    first_waiting: Option<u64>,
    waiting_bytes: usize,
    /// Where the log holds records of old days that are not in memory.
    unread: Option<Range<u64>>,
    /// Last day that anything here is of.
    last_day: Option<Day>,
    /// [`BYTES_MAX`], but in tests.
    bytes_max: usize,
}

impl Backlog {
    pub(super) fn new(boundary: Day) -> Backlog {
        Backlog {
            boundary,
            routed: 0,
            in_work: None,
            waiting: Gathered::new(),
            first_waiting: None,
            waiting_bytes: 0,
            unread: None,
            last_day: None,
            bytes_max: BYTES_MAX,
        }
    }

    /// Returns which lane a day belongs to.
    pub(super) fn lane_of(&self, day: Day) -> Lane {
        if day < self.boundary { Lane::Backfill } else { Lane::Fresh }
    }

    /// Returns the first day of the fresh lane.
    pub(super) fn boundary(&self) -> Day {
        self.boundary
    }

    /// Moves the first day of the fresh lane. Only when that lane has committed everything.
    pub(super) fn move_boundary(&mut self, boundary: Day) {
        if boundary > self.boundary || self.pending_from().is_none() {
            self.boundary = boundary;
        }
    }

    /// Returns the number after the last record that was given to a lane.
    pub(super) fn routed(&self) -> u64 {
        self.routed
    }

    /// Returns the number of the first record that is in no partition yet; `None` when all are.
    pub(super) fn pending_from(&self) -> Option<u64> {
        let in_work = self.in_work.map(|(first, _)| first);
        let unread = self.unread.as_ref().map(|range| range.start);
        [in_work, self.first_waiting, unread].into_iter().flatten().min()
    }

    /// Returns the number below which every record of an old day is in its partition.
    pub(super) fn committed(&self) -> u64 {
        self.pending_from().unwrap_or(self.routed)
    }

    /// Says what waits here.
    pub(super) fn publish(&self, positions: &mut Positions) {
        positions.pending_from = self.pending_from();
        positions.pending_until = self.last_day;
    }

    /// Returns how many bytes of records may be in memory.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Bounds what may be in memory.
    #[cfg(test)]
    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// Tells whether records wait in the log alone.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.is_some()
    }

    /// Takes the records of old days of a batch, with numbers that were not routed before; the
    /// names of their fields take so many bytes. Everything before `end` is routed then.
    pub(super) fn route(
        &mut self,
        records: BTreeMap<PartitionId, Excerpt>,
        names_bytes: usize,
        end: u64,
    ) {
        self.routed = self.routed.max(end);
        let Some(first) = records.values().filter_map(Excerpt::first).min() else { return };
        self.last_day = self.last_day.max(records.keys().map(|id| id.day).max());
        let bytes = names_bytes + records.values().map(held_bytes).sum::<usize>();
        let in_work = self.in_work.map_or(0, |(_, bytes)| bytes);
        if let Some(unread) = &mut self.unread {
            unread.end = end;
        } else if in_work + self.waiting_bytes + bytes > self.bytes_max {
            self.unread = Some(first..end);
        } else {
            self.waiting_bytes += bytes;
            self.first_waiting.get_or_insert(first);
            for (id, excerpt) in records {
                self.waiting.entry(id).or_default().push(excerpt);
            }
        }
    }

    /// Takes the work of the next pass, the records with the lowest numbers. None while a pass is
    /// under way.
    pub(super) fn take(&mut self) -> Option<Work> {
        if self.in_work.is_some() {
            return None;
        }
        // With more of it in the log, what waits is read again from there: a partition is opened
        // once for both.
        if let Some(unread) = &mut self.unread
            && let Some(first) = self.first_waiting.take()
        {
            unread.start = first;
            self.waiting.clear();
            self.waiting_bytes = 0;
        }
        if let Some(first) = self.first_waiting.take() {
            self.in_work = Some((first, std::mem::take(&mut self.waiting_bytes)));
            return Some(Work::Waiting(std::mem::take(&mut self.waiting)));
        }
        let unread = self.unread.clone()?;
        // The pass reads as much as may be in memory.
        self.in_work = Some((unread.start, self.bytes_max));
        Some(Work::Unread(unread))
    }

    /// Notes that a pass has read the log up to a number.
    pub(super) fn note_read(&mut self, until: u64) {
        if let Some(unread) = &mut self.unread {
            unread.start = unread.start.max(until);
        }
        self.unread.take_if(|unread| unread.start >= unread.end);
    }

    /// Ends the pass, of which all records are committed in their partitions.
    pub(super) fn finish(&mut self) {
        self.in_work = None;
        if self.pending_from().is_none() {
            self.last_day = None;
        }
    }

    /// Gives up what is in memory or in work: the log is read from its first record on. Returns
    /// that number.
    pub(super) fn forget(&mut self) -> u64 {
        let Some(first) = self.pending_from() else { return self.routed };
        let end = self.unread.as_ref().map_or(self.routed, |unread| unread.end);
        self.unread = Some(first..end);
        self.waiting.clear();
        (self.first_waiting, self.waiting_bytes, self.in_work) = (None, 0, None);
        first
    }

    /// Has the log read again from a number on, because a partition of a day has lost its records.
    /// Records in memory lie behind that number and are read again as well. A pass under way must
    /// not end well: the partition would have later records before the earlier ones.
    pub(super) fn read_again(&mut self, from: u64, day: Day) {
        let first = self.pending_from().map_or(from, |pending| pending.min(from));
        if first >= self.routed {
            return;
        }
        self.unread = Some(first..self.routed);
        self.last_day = self.last_day.max(Some(day));
        self.waiting.clear();
        (self.first_waiting, self.waiting_bytes) = (None, 0);
    }
}

/// Returns what an excerpt takes in memory.
pub(super) fn held_bytes(excerpt: &Excerpt) -> usize {
    excerpt.byte_len() + EXCERPT_BYTES
}

#[cfg(test)]
mod tests;
