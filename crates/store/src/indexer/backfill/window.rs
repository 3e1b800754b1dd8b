//! The records of old days that stand in the log alone, a window of the log at a time.
//!
//! A pass costs a partition the same for one record as for a thousand, and lines in random order
//! over a year bring each of its days a few records a megabyte. So a window of the log that holds
//! several times what may be in memory is looked through first, and no record of it is kept, only
//! how many bytes each partition has there and between which numbers. Then the partitions are
//! indexed in groups, each of which fits into memory, and the log is read once for each group: a
//! partition is opened once a window. The windows of a log in order of time fall into groups that
//! follow one another, and are read twice in all.
//!
//! What never happens here: a record in memory beyond the bound of the backlog.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use tierlog_model::{Day, EncodedRecord, Excerpt, HeldBytes};

use super::super::Indexer;
use super::super::backlog::{EXCERPT_BYTES, Gathered, Lane, held_bytes};
use super::Pass;
use crate::wal::LoggedBatch;
use crate::{PartitionId, StoreError};

/// How many times as much as may be in memory a window holds, and so how often its log is read at
/// most. Reading a line once more takes 0.3 µs, so 5 µs for sixteen times. Opening and committing a
/// partition takes 8 ms, a share of 2 µs for each of the 1.6 million lines of a window in a year of
/// one tier, and of 7 µs where four tiers keep a year.
const GROUPS_MAX: usize = 16;

/// What a window holds of a partition.
#[derive(Clone, Debug)]
struct Share {
    bytes: usize,
    numbers: Range<u64>,
}

/// A range of the log that was looked through.
#[derive(Debug)]
struct Window {
    /// Number behind its last record.
    until: u64,
    shares: BTreeMap<PartitionId, Share>,
}

/// Partitions whose records of a window are in memory together.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    ids: BTreeSet<PartitionId>,
    numbers: Range<u64>,
}

impl Window {
    /// Divides the partitions, in the order in which they begin, into groups of at most so many
    /// bytes. A larger partition is a group alone.
    fn groups(self, bytes_max: usize) -> Vec<Group> {
        let mut shares: Vec<(PartitionId, Share)> = self.shares.into_iter().collect();
        shares.sort_by_key(|(_, share)| share.numbers.start);
        let mut groups: Vec<Group> = Vec::new();
        let mut bytes = 0_usize;
        for (id, share) in shares {
            bytes = bytes.saturating_add(share.bytes);
            match groups.last_mut().filter(|_| bytes <= bytes_max) {
                Some(group) => {
                    group.ids.insert(id);
                    group.numbers.end = group.numbers.end.max(share.numbers.end);
                }
                None => {
                    bytes = share.bytes;
                    groups.push(Group { ids: BTreeSet::from([id]), numbers: share.numbers });
                }
            }
        }
        groups
    }
}

impl Indexer {
    /// Indexes the records of old days that the log has in a range, or in the window that the
    /// range begins with.
    pub(super) fn index_window(&self, range: Range<u64>) -> Result<Pass, StoreError> {
        let window = self.survey(range)?;
        let (until, bytes_max) = (window.until, self.lock().backlog().bytes_max());
        for Group { ids, numbers } in window.groups(bytes_max) {
            let mut rest = numbers;
            while !rest.is_empty() {
                let (gathered, read) = self.gather(rest.clone(), &ids, bytes_max)?;
                if self.index_gathered(gathered)? == Pass::Left {
                    return Ok(Pass::Left);
                }
                rest.start = read;
            }
        }
        self.lock_unless_stalled()?.backlog().note_read(until);
        Ok(Pass::Done)
    }

    /// Looks through the window that a range of the log begins with.
    fn survey(&self, range: Range<u64>) -> Result<Window, StoreError> {
        let (boundary, bytes_max) = self.bounds_of_window();
        let mut window = Window { until: range.end, shares: BTreeMap::new() };
        let mut bytes = 0_usize;
        for entry in self.context.reader.replay(range.clone()) {
            let batch = logged(entry?);
            self.note_read(&batch, &range);
            self.each_old(&batch, &range, boundary, |id, seq, record| {
                let share = window.shares.entry(id);
                let share = share.or_insert(Share { bytes: 0, numbers: seq..0 });
                let is_first = share.numbers.end <= batch.first_seq;
                let excerpt_bytes = if is_first { EXCERPT_BYTES } else { 0 };
                let taken = Excerpt::bytes_of(record) + excerpt_bytes;
                bytes += taken;
                share.bytes += taken;
                share.numbers.end = seq + 1;
            })?;
            if bytes >= bytes_max {
                window.until = batch.range().end.min(range.end);
                break;
            }
        }
        Ok(window)
    }

    /// Notes for damaged partitions which records of a range were read from the log.
    pub(super) fn note_read(&self, batch: &LoggedBatch, range: &Range<u64>) {
        let Range { start, end } = batch.range();
        self.lock().note_read(Lane::Backfill, &(start.max(range.start)..end.min(range.end)));
    }

    /// Returns the first day of the fresh lane, and the bytes of a window.
    fn bounds_of_window(&self) -> (Day, usize) {
        let mut state = self.lock();
        let backlog = state.backlog();
        (backlog.boundary(), backlog.bytes_max().saturating_mul(GROUPS_MAX))
    }

    /// Reads the records of some partitions from the log, as many as may be in memory. Returns
    /// them with the number up to which the log was read.
    fn gather(
        &self,
        range: Range<u64>,
        ids: &BTreeSet<PartitionId>,
        bytes_max: usize,
    ) -> Result<(Gathered, u64), StoreError> {
        let (mut gathered, mut bytes) = (Gathered::new(), 0);
        for entry in self.context.reader.replay(range.clone()) {
            let batch = logged(entry?);
            bytes += self.pick(&batch, &range, |id| ids.contains(&id), &mut gathered)?;
            if bytes > bytes_max {
                return Ok((gathered, batch.range().end.min(range.end)));
            }
        }
        Ok((gathered, range.end))
    }

    /// Picks the records of wanted partitions with old days out of a batch, of a range of
    /// numbers. Returns their bytes.
    pub(super) fn pick(
        &self,
        batch: &LoggedBatch,
        range: &Range<u64>,
        is_wanted: impl Fn(PartitionId) -> bool,
        gathered: &mut Gathered,
    ) -> Result<usize, StoreError> {
        let boundary = self.lock().backlog().boundary();
        let mut picked: BTreeMap<PartitionId, Excerpt> = BTreeMap::new();
        self.each_old(batch, range, boundary, |id, seq, record| {
            if is_wanted(id) {
                let excerpt = picked.entry(id).or_insert_with(|| Excerpt::of(&batch.batch));
                excerpt.push(seq, record);
            }
        })?;
        let bytes = picked.values().map(held_bytes).sum();
        for (id, mut excerpt) in picked {
            excerpt.shrink();
            gathered.entry(id).or_default().push(excerpt);
        }
        Ok(bytes)
    }

    /// Gives the records of a batch that are of old days, of a range of numbers.
    fn each_old(
        &self,
        batch: &LoggedBatch,
        range: &Range<u64>,
        boundary: Day,
        mut each: impl FnMut(PartitionId, u64, &EncodedRecord<'_>),
    ) -> Result<(), StoreError> {
        for (seq, record) in (batch.first_seq..).zip(batch.batch.records()) {
            let record = record?;
            let id = self.context.partition_of(batch.batch.tenant(), &record);
            if range.contains(&seq) && id.day < boundary {
                each(id, seq, &record);
            }
        }
        Ok(())
    }
}

fn logged((first_seq, batch): (u64, tierlog_model::RedactedBatch)) -> LoggedBatch {
    LoggedBatch { first_seq, batch, held: HeldBytes::default() }
}

#[cfg(test)]
mod tests {
    use tierlog_model::{Tenant, Tiers};

    use super::*;

    fn id(day: i32) -> PartitionId {
        let first: Day = "2026-11-01".parse().expect("a day");
        let tier = Tiers::standard().by_name("critical").expect("a tier");
        PartitionId { tenant: Tenant::DEFAULT, tier, day: first.plus_days(day) }
    }

    #[test]
    fn groups_fit_into_memory_and_have_every_partition_once() {
        let window = |shares: &[(i32, usize, Range<u64>)]| Window {
            until: 100,
            shares: shares
                .iter()
                .map(|(day, bytes, numbers)| {
                    (id(*day), Share { bytes: *bytes, numbers: numbers.clone() })
                })
                .collect(),
        };
        let group = |days: &[i32], numbers| Group {
            ids: days.iter().map(|day| id(*day)).collect(),
            numbers,
        };
        assert_eq!(window(&[]).groups(10), []);
        // By the number with which they begin: a log in order of time is read piece by piece.
        let chronological = [(3, 6, 0..10), (2, 4, 8..20), (1, 6, 20..30), (0, 5, 30..40)];
        assert_eq!(
            window(&chronological).groups(10),
            [group(&[3, 2], 0..20), group(&[1], 20..30), group(&[0], 30..40)]
        );
        // What is too large alone is alone.
        let uneven = [(0, 2, 0..90), (1, 25, 1..100), (2, 3, 2..80), (3, 7, 3..70)];
        assert_eq!(
            window(&uneven).groups(10),
            [group(&[0], 0..90), group(&[1], 1..100), group(&[2, 3], 2..80)]
        );
    }
}
