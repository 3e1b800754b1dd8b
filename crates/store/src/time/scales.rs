//! When the days of a record are over although the clock that dated it was wrong.
//!
//! A scale is a distance between what records are dated by and measured time. Lines of one clock
//! that keeps its pace are of one scale, however wrong that clock is; a setting of the clock begins
//! another scale; while clock and measured time contradict each other, two scales are in use at
//! once, because lines of either are let in. Records on a scale are as old as the time measured
//! since; hence every scale moves along with a correction of the expected present:
//!
//! ```text
//! stamps       2016-05-05 ── written ──▶        2026-11-30 ── written ──▶
//! expected     2016-05-05 ─────────────▶ corrected by 10.5 years: 2026-11-30 ─▶
//! distance     0, from then on -10.5 years       0
//! day 2016-05-05 of a tier of 7 days is over on 2026-12-08, not in 2016
//! ```
//!
//! Of its records a partition tells only the day and the upper bound of their numbers. Both tell
//! which scales may have written it: one that began at a higher number has not, and one on which
//! the day's time would have been over, or in the future, would have refused its records. Among the
//! possible scales, the scale that keeps the partition longest counts.

use serde::{Deserialize, Serialize};
use tierlog_model::{Tiers, Timestamp};

use super::guard::{Gap, STEP_MICROS_MAX, Settlement};
use crate::PartitionId;

/// Scales that are remembered: a clock that is set once a week, over the longest usual tier. More
/// are made fewer by taking the two that differ least for one that keeps both. A scale outlives the
/// retention of its records: until the drop, the scale decides that their days are over.
const SCALES_MAX: usize = 48;

/// Unrefuted presents: jumps of a clock that lasted for a day and were not confirmed by an
/// engineer.
const UNREFUTED_MAX: usize = 4;

/// How much later than the last use of a scale records of it may still be dated, beside what clocks
/// may be ahead: the last use is written down every few minutes, and a day is the grain of it all.
const SLACK_MICROS: i64 = 86_400_000_000;

/// A distance between the moments of records and the expected present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scale {
    /// Number of the first record that may be dated by it.
    first_seq: u64,
    /// Number of the next record when it was last in use.
    last_seq: u64,
    /// How far its present is ahead of the expected one, microseconds.
    distance: i64,
    /// Its present when it came into use.
    from: Timestamp,
    /// The scale's present at its last use.
    to: Timestamp,
    /// Whether it has let records of any moment in: its clock was known to be wrong.
    is_open: bool,
    /// Whether it is in use.
    is_used: bool,
}

/// A present that records are dated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InUse {
    /// Distance of the scale's present ahead of the expected present.
    pub(super) distance: i64,
    /// What it says.
    pub(super) now: Timestamp,
    /// Whether records of any moment are let in.
    pub(super) is_open: bool,
}

/// What is known of the records of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// Their tier and day.
    pub(super) id: PartitionId,
    /// Records below this number are in the partition.
    pub(super) below: u64,
    /// Records from this number on may wait for the partition in the log.
    pub(super) logged_from: u64,
    /// The number that the next one gets.
    pub(super) next_seq: u64,
}

impl Written {
    /// Records of a known day and unknown numbers.
    pub(super) fn some_time(id: PartitionId) -> Written {
        Written { id, below: u64::MAX, logged_from: 0, next_seq: u64::MAX }
    }
}

/// Every scale that records in the store may be of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Scales {
    list: Vec<Scale>,
    /// Unmeasured times that the clock told: records age by these times once an engineer confirms
    /// that the times passed.
    open_gaps: Vec<Gap>,
    /// Distances behind the expected present of unrefuted former presents: the days of records
    /// dated by a former present count too.
    unrefuted: Vec<i64>,
}

impl Scales {
    /// Returns the scales of a store that has no record yet.
    pub(super) fn new() -> Scales {
        Scales { list: Vec::new(), open_gaps: Vec::new(), unrefuted: Vec::new() }
    }

    /// Returns the scales of a store whose memory was lost: all that it has was dated by the clock
    /// that was believed.
    pub(super) fn since_ever(now: Timestamp, next_seq: u64) -> Scales {
        let scale = Scale {
            first_seq: 0,
            last_seq: next_seq,
            distance: 0,
            from: Timestamp::MIN,
            to: now,
            is_open: false,
            is_used: true,
        };
        Scales { list: vec![scale], ..Scales::new() }
    }

    /// Tells of each scale whether it is in use.
    pub(super) fn used(&self) -> Vec<bool> {
        self.list.iter().map(|scale| scale.is_used).collect()
    }

    /// Ends the use of every scale at a number: up to it, records may have been dated by them.
    pub(super) fn end_use(&mut self, seq: u64) {
        for scale in self.list.iter_mut().filter(|scale| scale.is_used) {
            scale.last_seq = scale.last_seq.max(seq);
            scale.is_used = false;
        }
    }

    /// Notes that records are dated by a present from a number on. `gaps` are the numbers of the
    /// first records after times that may have passed: a scale does not reach over one, because
    /// what was written before it grows older when it is settled, and what was written after it
    /// does not.
    pub(super) fn note(&mut self, seq: u64, present: InUse, gaps: &[u64]) {
        let InUse { distance, now, is_open } = present;
        let after_gaps = self.last_gap(gaps);
        let known = self.list.iter_mut().rev().find(|scale| {
            (scale.distance - distance).abs() <= STEP_MICROS_MAX
                && scale.is_open == is_open
                && scale.first_seq >= after_gaps
        });
        if let Some(scale) = known {
            scale.to = scale.to.max(now);
            scale.from = scale.from.min(now);
            scale.last_seq = scale.last_seq.max(seq);
            scale.is_used = true;
            return;
        }
        let (from, to) = (now, now);
        let (first_seq, last_seq, is_used) = (seq, seq, true);
        self.list.push(Scale { first_seq, last_seq, distance, from, to, is_open, is_used });
        self.merge(gaps);
    }

    /// Corrects the distances when the expected present is corrected.
    pub(super) fn settle(&mut self, settlement: &Settlement) {
        let Settlement { shift, passed, open, unrefuted } = settlement;
        for scale in &mut self.list {
            // Wholly before the pause: for a partition that reaches over the pause, the records on
            // either side are unknown.
            let is_before = |gap: &&Gap| scale.first_seq < gap.seq && scale.last_seq <= gap.seq;
            let older = passed.iter().filter(is_before);
            let older = older.fold(0_i64, |sum, gap| sum.saturating_add(gap.micros));
            scale.distance = scale.distance.saturating_sub(*shift).saturating_add(older);
        }
        self.open_gaps.extend(open);
        for behind in &mut self.unrefuted {
            *behind = behind.saturating_sub(*shift);
        }
        self.unrefuted.extend(unrefuted);
        // Those that keep records longest stay.
        self.unrefuted.sort_unstable();
        self.unrefuted.dedup();
        self.unrefuted.truncate(UNREFUTED_MAX);
        self.merge(&[]);
    }

    /// Returns how far the presents are behind that nothing has refuted.
    pub(super) fn unrefuted(&self) -> Vec<i64> {
        self.unrefuted.clone()
    }

    /// Makes records older by the times that may have passed: an engineer says that the clock is
    /// right. When it has been set back since, those times were the clock's error.
    pub(super) fn confirm(&mut self, shift: i64) {
        self.unrefuted.clear();
        let passed = std::mem::take(&mut self.open_gaps);
        if shift >= -STEP_MICROS_MAX {
            self.settle(&Settlement { passed, ..Settlement::default() });
        }
    }

    /// Returns how much longer records may be kept until an engineer confirms the clock.
    pub(super) fn unconfirmed_micros(&self) -> i64 {
        let open = self.open_gaps.iter().fold(0_i64, |sum, gap| sum.saturating_add(gap.micros));
        let behind = self.unrefuted.first().map_or(0, |behind| behind.saturating_neg());
        open.max(behind)
    }

    /// Returns when the days of a partition are over, by the expected present. `ahead` is how far
    /// ahead of the present records are let in.
    pub(super) fn due(&self, written: Written, tiers: &Tiers, ahead: i64) -> Timestamp {
        let Written { id, below, logged_from, next_seq } = written;
        let by_stamps = tiers.expires(id.tier, id.day);
        let may_have_written = |scale: &&Scale| {
            let end = if scale.is_used { scale.last_seq.max(next_seq) } else { scale.last_seq };
            scale.first_seq < below || end > logged_from
        };
        let latest = |scale: &Scale| scale.to.saturating_add_micros(ahead + SLACK_MICROS).day();
        self.list
            .iter()
            .filter(may_have_written)
            .filter(|scale| by_stamps > scale.from)
            .filter(|scale| scale.is_open || id.day <= latest(scale))
            .map(|scale| {
                // What claims to be of the future is as old as its arrival.
                let over = by_stamps.min(tiers.expires(id.tier, latest(scale)));
                over.saturating_add_micros(scale.distance.saturating_neg())
            })
            .max()
            .unwrap_or(by_stamps)
    }

    /// Returns when something that the file system dates by the wall clock is so many days old.
    pub(super) fn file_due(&self, changed: Timestamp, days: u32) -> Timestamp {
        let over = changed.day().plus_days(i32::try_from(days).unwrap_or(i32::MAX)).end();
        let dated = self.list.iter().filter(|scale| {
            scale.from.saturating_add_micros(-SLACK_MICROS) <= changed
                && changed <= scale.to.saturating_add_micros(SLACK_MICROS)
        });
        let due = dated.map(|scale| over.saturating_add_micros(scale.distance.saturating_neg()));
        due.max().unwrap_or(over)
    }

    /// Returns the highest number of a first record after a time that may have passed.
    fn last_gap(&self, gaps: &[u64]) -> u64 {
        let open = self.open_gaps.iter().map(|gap| gap.seq);
        open.chain(gaps.iter().copied()).max().unwrap_or(0)
    }

    /// Makes one of scales that have come to say the same, and of the closest when they are too
    /// many.
    fn merge(&mut self, gaps: &[u64]) {
        while let Some((left, right, apart)) = self.closest(gaps)
            && apart <= STEP_MICROS_MAX
        {
            self.join(left, right);
        }
        while self.list.len() > SCALES_MAX {
            let Some((left, right, _)) = self.closest_of(&[]) else { return };
            self.join(left, right);
        }
    }

    /// Returns the two scales with the least difference, among neighbours without a gap between.
    fn closest(&self, gaps: &[u64]) -> Option<(usize, usize, i64)> {
        let open: Vec<u64> = self.open_gaps.iter().map(|gap| gap.seq).collect();
        self.closest_of(&[open.as_slice(), gaps].concat())
    }

    fn closest_of(&self, gaps: &[u64]) -> Option<(usize, usize, i64)> {
        let mut closest: Option<(usize, usize, i64)> = None;
        for (right, b) in self.list.iter().enumerate() {
            for (left, a) in self.list.iter().enumerate().take(right) {
                let apart = a.distance.saturating_sub(b.distance).saturating_abs();
                let between = |seq: &u64| (a.first_seq < *seq) != (b.first_seq < *seq);
                if a.is_open == b.is_open
                    && closest.is_none_or(|(_, _, least)| apart < least)
                    && !gaps.iter().any(between)
                {
                    closest = Some((left, right, apart));
                }
            }
        }
        closest
    }

    /// Merges two scales: the merged scale keeps every record that either scale keeps.
    fn join(&mut self, left: usize, right: usize) {
        let gone = self.list.remove(right);
        if let Some(kept) = self.list.get_mut(left) {
            kept.first_seq = kept.first_seq.min(gone.first_seq);
            kept.last_seq = kept.last_seq.max(gone.last_seq);
            kept.distance = kept.distance.min(gone.distance);
            kept.from = kept.from.min(gone.from);
            kept.to = kept.to.max(gone.to);
            kept.is_used |= gone.is_used;
        }
    }
}

#[cfg(test)]
mod tests;
