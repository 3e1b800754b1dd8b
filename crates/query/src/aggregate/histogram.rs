//! Counts by time bucket and level, straight from the `timestamp` and `level` columns.
//!
//! Buckets start at whole multiples of the interval since 1970. Where the request has a start or
//! an end the buckets reach it; elsewhere they reach the first or last match. Buckets between
//! are there even when nothing fell into them.

use std::sync::Arc;
use std::time::Duration;

use tantivy::DocId;
use tantivy::columnar::{Cardinality, Column, ColumnType, MonotonicallyMappableToU64};
use tierlog_model::{Level, Timestamp, fields};
use tierlog_store::{LevelCounts, Listed, OpenSegment};

use crate::execute::load_values;
use crate::{Deadline, Engine, Flow, LevelSet, Plan, QueryError, ScanReport, SegmentVisitor};

/// Buckets of one answer: more than any screen is wide, 2 MB of JSON.
const HISTOGRAM_BUCKETS_MAX: usize = 10_000;
/// Buckets that an automatic interval aims at: an hour by minutes.
const HISTOGRAM_BUCKETS_TARGET: u64 = 60;

const MICROS_PER_MILLI: u64 = 1_000;
const NANOS_PER_MICRO: i64 = 1_000;
/// Width in which seals count.
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Intervals that people read well, in milliseconds: each divides a larger one or the day.
const ROUND_INTERVALS_MS: [u64; 32] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    1_209_600_000,
    2_592_000_000,
    7_776_000_000,
];

/// Levels, and one slot for a level that no version of ours wrote.
const SLOTS: usize = Level::ALL.len() + 1;
type Counts = [u64; SLOTS];

/// Counts by time and level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// Width of a bucket.
    pub(crate) interval: Duration,
    /// Buckets in order of time, without holes.
    pub(crate) buckets: Vec<HistogramBucket>,
}

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

/// Counts the matches of a plan. Without an interval one is chosen that gives about sixty buckets.
pub(crate) fn histogram(
    engine: &Engine,
    plan: &Plan,
    interval: Option<Duration>,
    deadline: &Deadline,
) -> Result<(Histogram, ScanReport), QueryError> {
    let interval = interval.unwrap_or_else(|| round_interval(span_micros(engine, plan)));
    let micros = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
    if micros < MICROS_PER_MILLI as i64 {
        let message = "must be 1ms at least".to_owned();
        return Err(QueryError::Parameter { name: "interval", message });
    }
    let mut grid = Grid::new(micros);
    // A range that is too wide is refused before anything is read.
    if let (Some(start), Some(end)) = (plan.range.start, last_moment(plan)) {
        grid.cover(start.as_micros().div_euclid(micros), end.as_micros().div_euclid(micros))?;
    }
    let (grid, report) = count_into(grid, engine, plan, deadline)?;
    let buckets = grid.into_buckets(plan)?;
    Ok((Histogram { interval, buckets }, report))
}

/// Counts the matches of a plan; the buckets reach from the first match to the last. The interval
/// must be whole milliseconds.
pub(super) fn bare_histogram(
    engine: &Engine,
    plan: &Plan,
    interval: Duration,
    deadline: &Deadline,
) -> Result<(Vec<HistogramBucket>, ScanReport), QueryError> {
    let micros = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
    let (grid, report) = count_into(Grid::new(micros), engine, plan, deadline)?;
    Ok((grid.buckets(), report))
}

fn count_into(
    grid: Grid,
    engine: &Engine,
    plan: &Plan,
    deadline: &Deadline,
) -> Result<(Grid, ScanReport), QueryError> {
    let mut visitor =
        HistogramVisitor { plan, grid, segment: None, moments: Vec::new(), ords: Vec::new() };
    let report = engine.scan(plan, deadline, &mut visitor)?;
    Ok((visitor.grid, report))
}

/// Returns the last moment inside the plan's range.
fn last_moment(plan: &Plan) -> Option<Timestamp> {
    plan.range.end.map(|end| end.saturating_add_micros(-1))
}

/// Returns how long the time is that matches can lie in.
fn span_micros(engine: &Engine, plan: &Plan) -> u64 {
    let partitions = engine.store().catalogue().list();
    let stats = partitions
        .iter()
        .filter(|partition| plan.tiers.contains(&partition.id().tier))
        .map(|partition| partition.facts().stats());
    let (mut earliest, mut latest) = (None, None);
    for stats in stats {
        earliest = earliest.into_iter().chain(stats.earliest).min();
        latest = latest.into_iter().chain(stats.latest).max();
    }
    let start = earliest.into_iter().chain(plan.range.start).max();
    let end = latest.into_iter().chain(last_moment(plan)).min();
    match (start, end) {
        (Some(start), Some(end)) => end.as_micros().abs_diff(start.as_micros()),
        _ => 0,
    }
}

/// Returns the smallest round interval that gives sixty buckets at most.
fn round_interval(span_micros: u64) -> Duration {
    let wanted_ms = span_micros / MICROS_PER_MILLI / HISTOGRAM_BUCKETS_TARGET;
    let found = ROUND_INTERVALS_MS.iter().find(|interval| **interval > wanted_ms);
    Duration::from_millis(found.copied().unwrap_or_else(|| {
        // Years: whole days, so that buckets start at midnight.
        (wanted_ms / 86_400_000 + 1) * 86_400_000
    }))
}

/// Counts without holes, growing at both ends as moments arrive.
#[derive(Debug)]
struct Grid {
    interval_micros: i64,
    /// Number of the first bucket: its start divided by the interval.
    first: i64,
    counts: Vec<Counts>,
}

impl Grid {
    fn new(interval_micros: i64) -> Grid {
        Grid { interval_micros, first: 0, counts: Vec::new() }
    }

    /// Makes room for the buckets of these numbers.
    fn cover(&mut self, first: i64, last: i64) -> Result<(), QueryError> {
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
    fn number(&self, moment: Timestamp) -> i64 {
        moment.as_micros().div_euclid(self.interval_micros)
    }

    /// Adds records of the bucket of a moment that have one of some levels.
    fn add(
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

    /// Returns the buckets, up to the ends of the range that the request gave.
    fn into_buckets(mut self, plan: &Plan) -> Result<Vec<HistogramBucket>, QueryError> {
        if !self.counts.is_empty() {
            for end in plan.range.start.into_iter().chain(last_moment(plan)) {
                let number = self.number(end);
                self.cover(number, number)?;
            }
        }
        Ok(self.buckets())
    }

    fn buckets(&self) -> Vec<HistogramBucket> {
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

/// The columns of the segment that is being read.
struct Segment {
    moments: Column<u64>,
    levels: Levels,
}

/// Where the level of a document stands.
enum Levels {
    /// Every document has the same one: most tiers hold one level.
    All(usize),
    /// By ordinal of the dictionary.
    Column {
        /// Ordinals.
        ords: Column<u64>,
        /// Slot of each ordinal.
        slots: Vec<usize>,
    },
}

/// Counts the documents of a scan.
struct HistogramVisitor<'p> {
    plan: &'p Plan,
    grid: Grid,
    segment: Option<Segment>,
    moments: Vec<u64>,
    ords: Vec<u64>,
}

impl HistogramVisitor<'_> {
    /// Counts a sealed partition by what its seal has counted; tells whether that was enough.
    fn count_sealed(&mut self, partition: &Listed) -> Result<bool, QueryError> {
        let Some(levels) = self.plan.only_levels else { return Ok(false) };
        let Some(totals) = partition.facts().levels() else { return Ok(false) };
        let (earliest, latest) = (partition.earliest(), partition.latest());
        if self.plan.range.covers(earliest, latest)
            && self.grid.number(earliest) == self.grid.number(latest)
        {
            self.grid.add(earliest, totals, levels)?;
            return Ok(true);
        }
        // Finer than a minute, nobody has counted.
        if self.grid.interval_micros % MICROS_PER_MINUTE != 0 {
            return Ok(false);
        }
        // What does not read is looked into: there the trouble is told.
        let Ok(Some(minutes)) = partition.partition().minute_counts(partition.facts()) else {
            return Ok(false);
        };
        let range = &self.plan.range;
        let is_cut = |first, last| range.overlaps(first, last) && !range.covers(first, last);
        if minutes.iter().any(|(first, last, _)| is_cut(first, last)) {
            return Ok(false);
        }
        for (first, _, counts) in minutes.iter().filter(|(first, ..)| range.contains(*first)) {
            self.grid.add(first, &counts, levels)?;
        }
        Ok(true)
    }
}

impl SegmentVisitor for HistogramVisitor<'_> {
    fn partition(&mut self, partition: &Listed) -> Result<Flow, QueryError> {
        Ok(if self.count_sealed(partition)? { Flow::SkipSegment } else { Flow::Continue })
    }

    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        let columns = segment.reader().fast_fields();
        let moments = columns
            .u64_lenient_for_type(Some(&[ColumnType::DateTime]), fields::TIMESTAMP)?
            .map(|(column, _)| column);
        let levels = columns.str(fields::LEVEL)?;
        let (Some(moments), Some(levels)) = (moments, levels) else {
            return Ok(Flow::SkipSegment);
        };
        let mut slots = Vec::with_capacity(SLOTS);
        let mut name = String::new();
        for ord in 0..levels.num_terms() as u64 {
            levels.ord_to_str(ord, &mut name)?;
            slots.push(Level::from_name(&name).map_or(SLOTS - 1, |level| level as usize));
        }
        let levels = match slots.as_slice() {
            [only] if levels.ords().get_cardinality() == Cardinality::Full => Levels::All(*only),
            _ => Levels::Column { ords: levels.ords().clone(), slots },
        };
        self.segment = Some(Segment { moments, levels });
        Ok(Flow::Continue)
    }

    fn block(&mut self, docs: &[DocId]) -> Result<Flow, QueryError> {
        let Some(segment) = &self.segment else { return Ok(Flow::SkipSegment) };
        load_values(&segment.moments, docs, &mut self.moments);
        match &segment.levels {
            Levels::All(slot) => {
                let slot = *slot;
                count(&mut self.grid, self.moments.iter().map(|moment| (*moment, slot)))?;
            }
            Levels::Column { ords, slots } => {
                load_values(ords, docs, &mut self.ords);
                let slot = |ord: &u64| slots.get(*ord as usize).copied().unwrap_or(SLOTS - 1);
                let moments = self.moments.iter().copied();
                count(&mut self.grid, moments.zip(self.ords.iter().map(slot)))?;
            }
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        self.segment = None;
        Ok(Flow::Continue)
    }
}

/// Counts moments (in the column's own order-preserving form) by bucket and slot.
fn count(grid: &mut Grid, records: impl Iterator<Item = (u64, usize)>) -> Result<(), QueryError> {
    let width = grid.interval_micros.saturating_mul(NANOS_PER_MICRO);
    // Fast path: neighbours mostly fall into the same bucket, which saves the division.
    let (mut from, mut to, mut position) = (1_i64, 0_i64, 0_usize);
    for (moment, slot) in records {
        let nanos = i64::from_u64(moment);
        if nanos < from || nanos >= to {
            let number = nanos.div_euclid(width);
            position = grid.position(number)?;
            from = number.saturating_mul(width);
            to = from.saturating_add(width);
        }
        if let Some(count) = grid.counts.get_mut(position).and_then(|row| row.get_mut(slot)) {
            *count += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_intervals_are_round_and_give_sixty_buckets() {
        let hour = 3_600_000_000;
        for (span, expected) in [
            (0, Duration::from_millis(1)),
            (hour - 1, Duration::from_secs(60)),
            (24 * hour - 1, Duration::from_secs(1_800)),
            (30 * 24 * hour - 1, Duration::from_secs(43_200)),
            (365 * 24 * hour - 1, Duration::from_secs(7 * 86_400)),
        ] {
            assert_eq!(round_interval(span), expected, "{span}");
        }
        let wide = round_interval(u64::MAX);
        assert!(wide.as_secs().is_multiple_of(86_400));
    }

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
        count(&mut grid, moments.iter().map(|nanos| (nanos.to_u64(), 1))).expect("few buckets");
        let counts: Vec<u64> = grid.counts.iter().map(|row| row.iter().sum()).collect();
        assert_eq!((grid.first, counts), (-2, vec![1, 1, 2, 1]));
    }
}
