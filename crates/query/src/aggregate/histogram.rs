//! Counts by time bucket and level, straight from the `timestamp` and `level` columns.
//!
//! Buckets start at whole multiples of the interval since 1970. Where the request has a start or
//! an end the buckets reach it; elsewhere they reach the first or last match. Empty
//! buckets between are there too.

use std::sync::Arc;
use std::time::Duration;

use tantivy::DocId;
use tantivy::columnar::{Cardinality, Column, ColumnType};
use tierlog_model::{Level, Timestamp, fields};
use tierlog_store::{Listed, OpenSegment, Store};

use super::grid::{Grid, HistogramBucket, SLOTS};
use crate::error::QueryError;
use crate::execute::{Deadline, Flow, ScanReport, SegmentVisitor, load_values, scan_newest};
use crate::plan::{Expired, Plan};

/// Buckets that an automatic interval aims at: an hour by minutes.
const HISTOGRAM_BUCKETS_TARGET: u64 = 60;

const MICROS_PER_MILLI: u64 = 1_000;
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

/// Counts by time and level.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    /// Width of a bucket.
    pub(crate) interval: Duration,
    /// Buckets in order of time, without holes.
    pub(crate) buckets: Vec<HistogramBucket>,
    /// What the scan did.
    pub(crate) report: ScanReport,
    /// Levels that the asked range has outlived.
    pub(crate) expired: Vec<Expired>,
}

/// Counts the matches of a plan. Without an interval one is chosen that gives about sixty buckets.
pub(crate) fn histogram(
    store: &Store,
    plan: &Plan,
    interval: Option<Duration>,
    deadline: &Deadline,
) -> Result<Histogram, QueryError> {
    let interval = interval.unwrap_or_else(|| round_interval(span_micros(store, plan)));
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
    let (mut grid, report) = count_into(grid, store, plan, deadline)?;
    // Up to the ends of the range that the request gave.
    for end in plan.range.start.into_iter().chain(last_moment(plan)) {
        grid.reach(end)?;
    }
    let (buckets, expired) = (grid.buckets(), plan.expired.clone());
    Ok(Histogram { interval, buckets, report, expired })
}

/// Counts the matches of a plan; the buckets reach from the first match to the last. The interval
/// must be whole milliseconds.
pub(super) fn bare_histogram(
    store: &Store,
    plan: &Plan,
    interval: Duration,
    deadline: &Deadline,
) -> Result<(Vec<HistogramBucket>, ScanReport), QueryError> {
    let micros = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
    let (grid, report) = count_into(Grid::new(micros), store, plan, deadline)?;
    Ok((grid.buckets(), report))
}

fn count_into(
    grid: Grid,
    store: &Store,
    plan: &Plan,
    deadline: &Deadline,
) -> Result<(Grid, ScanReport), QueryError> {
    let mut visitor =
        HistogramVisitor { plan, grid, segment: None, moments: Vec::new(), ords: Vec::new() };
    let report = scan_newest(store, plan, deadline, &mut visitor)?;
    Ok((visitor.grid, report))
}

/// Returns the last moment inside the plan's range.
fn last_moment(plan: &Plan) -> Option<Timestamp> {
    plan.range.end.map(|end| end.saturating_add_micros(-1))
}

/// Returns how long the time is that matches can lie in.
fn span_micros(store: &Store, plan: &Plan) -> u64 {
    let partitions = store.catalogue().list(plan.tenant);
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
        // Over years an interval is whole days: buckets start at midnight.
        (wanted_ms / 86_400_000 + 1) * 86_400_000
    }))
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
    /// Counts a sealed partition by the counts of the seal; tells whether those suffice.
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
        if self.grid.interval_micros() % MICROS_PER_MINUTE != 0 {
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
                self.grid.count(self.moments.iter().map(|moment| (*moment, slot)))?;
            }
            Levels::Column { ords, slots } => {
                load_values(ords, docs, &mut self.ords);
                let slot = |ord: &u64| slots.get(*ord as usize).copied().unwrap_or(SLOTS - 1);
                let moments = self.moments.iter().copied();
                self.grid.count(moments.zip(self.ords.iter().map(slot)))?;
            }
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        self.segment = None;
        Ok(Flow::Continue)
    }
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
}
