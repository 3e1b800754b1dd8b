//! Counts by bucket of time and level, as they come in.
//!
//! Moments and levels arrive; buckets without holes leave, bounded in number. Nothing here knows
//! where the records are.

use tantivy::columnar::MonotonicallyMappableToU64;
use tierlog_model::{Level, Timestamp};
use tierlog_store::LevelCounts;

use crate::error::QueryError;
use crate::expr::LevelSet;

/// Buckets of one answer: more than any screen is wide, 2 MB of JSON.
const HISTOGRAM_BUCKETS_MAX: usize = 10_000;
const NANOS_PER_MICRO: i64 = 1_000;

/// Levels, and one slot for a level that no version of ours wrote.
pub(super) const SLOTS: usize = Level::ALL.len() + 1;
type Counts = [u64; SLOTS];

/// One bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HistogramBucket {
    /// First moment inside.
    pub(crate) start: Timestamp,
    /// Matches inside.
    pub(crate) total: u64,
    /// Matches by level, without the levels that have none.
    pub(crate) levels: Vec<(Level, u64)>,
}

/// Counts without holes, growing at both ends as moments arrive.
#[derive(Debug)]
pub(super) struct Grid {
    interval_micros: i64,
    /// Number of the first bucket: its start divided by the interval.
    first: i64,
    counts: Vec<Counts>,
}

impl Grid {
    /// Returns no counts, for buckets of a width.
    pub(super) fn new(interval_micros: i64) -> Grid {
        Grid { interval_micros, first: 0, counts: Vec::new() }
    }

    /// Returns the width of a bucket.
    pub(super) fn interval_micros(&self) -> i64 {
        self.interval_micros
    }

    /// Makes room for the buckets of these numbers.
    pub(super) fn cover(&mut self, first: i64, last: i64) -> Result<(), QueryError> {
        if last < first {
            return Ok(());
        }
        let (first, last) = match self.counts.len() {
            0 => (first, last),
            length => (first.min(self.first), last.max(self.first + length as i64 - 1)),
        };
        let length = last.abs_diff(first) as usize + 1;
        if length > HISTOGRAM_BUCKETS_MAX {
            let limit = HISTOGRAM_BUCKETS_MAX;
            return Err(QueryError::TooExpensive { what: "histogram buckets", limit });
        }
        if !self.counts.is_empty() && first < self.first {
            let missing = self.first.abs_diff(first) as usize;
            self.counts.splice(0..0, std::iter::repeat_n([0; SLOTS], missing));
        }
        self.first = first;
        self.counts.resize(length, [0; SLOTS]);
        Ok(())
    }

    /// Returns the position of a bucket, making room for it.
    fn position(&mut self, number: i64) -> Result<usize, QueryError> {
        let inside = number >= self.first && number < self.first + self.counts.len() as i64;
        if !inside {
            self.cover(number, number)?;
        }
        Ok(number.abs_diff(self.first) as usize)
    }

    /// Returns the number of the bucket that a moment falls into.
    pub(super) fn number(&self, moment: Timestamp) -> i64 {
        moment.as_micros().div_euclid(self.interval_micros)
    }

    /// Adds records of the bucket of a moment that have one of some levels.
    pub(super) fn add(
        &mut self,
        moment: Timestamp,
        counts: &LevelCounts,
        levels: LevelSet,
    ) -> Result<(), QueryError> {
        let wanted = || counts.iter().filter(|(level, _)| levels.contains(*level));
        if wanted().next().is_none() {
            return Ok(());
        }
        let position = self.position(self.number(moment))?;
        let Some(row) = self.counts.get_mut(position) else { return Ok(()) };
        for (level, records) in wanted() {
            if let Some(count) = row.get_mut(level as usize) {
                *count += records;
            }
        }
        Ok(())
    }

    /// Makes room up to a moment, unless there is nothing at all.
    pub(super) fn reach(&mut self, moment: Timestamp) -> Result<(), QueryError> {
        if self.counts.is_empty() {
            return Ok(());
        }
        let number = self.number(moment);
        self.cover(number, number)
    }

    /// Counts moments (in the column's own order-preserving form) by bucket and slot.
    pub(super) fn count(
        &mut self,
        records: impl Iterator<Item = (u64, usize)>,
    ) -> Result<(), QueryError> {
        let width = self.interval_micros.saturating_mul(NANOS_PER_MICRO);
        // Fast path: neighbours mostly fall into the same bucket, which saves the division.
        let (mut from, mut to, mut position) = (1_i64, 0_i64, 0_usize);
        for (moment, slot) in records {
            let nanos = i64::from_u64(moment);
            if nanos < from || nanos >= to {
                let number = nanos.div_euclid(width);
                position = self.position(number)?;
                from = number.saturating_mul(width);
                to = from.saturating_add(width);
            }
            if let Some(count) = self.counts.get_mut(position).and_then(|row| row.get_mut(slot)) {
                *count += 1;
            }
        }
        Ok(())
    }

    /// Returns the buckets in order of time.
    pub(super) fn buckets(&self) -> Vec<HistogramBucket> {
        let start = |number: i64| number.saturating_mul(self.interval_micros);
        let numbered = self.counts.iter().zip(self.first..);
        numbered.map(|(counts, number)| bucket(counts, start(number))).collect()
    }
}

fn bucket(counts: &Counts, start_micros: i64) -> HistogramBucket {
    let levels = Level::ALL.into_iter().zip(counts.iter().copied());
    HistogramBucket {
        start: Timestamp::from_micros_clamped(start_micros),
        total: counts.iter().sum(),
        levels: levels.filter(|(_, count)| *count > 0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_grows_at_both_ends_and_is_bounded() {
        let mut grid = Grid::new(1_000);
        for (number, position, length) in [(10, 0, 1), (12, 2, 3), (8, 0, 5), (11, 3, 5)] {
            assert_eq!(grid.position(number).expect("inside the bound"), position);
            assert_eq!(grid.counts.len(), length);
        }
        let far = HISTOGRAM_BUCKETS_MAX as i64;
        assert_eq!(grid.position(far + 7).expect("the last one"), HISTOGRAM_BUCKETS_MAX - 1);
        assert!(matches!(grid.position(far + 8), Err(QueryError::TooExpensive { .. })));
    }

    #[test]
    fn moments_before_1970_fall_into_their_bucket() {
        let mut grid = Grid::new(1_000_000);
        let moments = [-1_i64, 0, 999_999_999, 1_000_000_000, -1_000_000_001];
        grid.count(moments.iter().map(|nanos| (nanos.to_u64(), 1))).expect("few buckets");
        let counts: Vec<u64> = grid.counts.iter().map(|row| row.iter().sum()).collect();
        assert_eq!((grid.first, counts), (-2, vec![1, 1, 2, 1]));
    }
}
