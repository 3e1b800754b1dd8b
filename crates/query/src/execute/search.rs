//! Search: the first records of a condition in the asked order, how many there are, and where to go
//! on.

use std::sync::Arc;

use tierlog_model::{Timestamp, limits};
use tierlog_store::{OpenSegment, Store};

use super::collect::{Collector, HitPlace, Rank};
use super::collect_by_field::FieldCollector;
use super::driver::{ScanOrder, scan};
use super::hits::{HitReader, HitSink};
use super::selection::Selection;
use super::{Deadline, PartialReason, ScanReport};
use crate::cursor::{Cursor, FieldCursor};
use crate::error::QueryError;
use crate::order::{Next, Order};
use crate::plan::{Expired, Plan};
use crate::query::Query;
use crate::sort::{Direction, FieldPlace, Sort};
use crate::warning::Warnings;

/// A search for records.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// Which records.
    pub(crate) query: Query,
    /// Most hits.
    pub(crate) limit: usize,
    /// Hits to pass over before the first one that is returned.
    pub(crate) from: usize,
    /// Order of the hits, and where an earlier page ended.
    pub(crate) order: Order,
    /// Fields to return besides timestamp and level; `None` is all.
    pub(crate) selection: Option<Selection>,
    /// How far matches are counted.
    pub(crate) counting: Counting,
}

/// How far matches are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Every match.
    All,
    /// Every match until there are so many; from then on only while hits are missing.
    UpTo(u64),
    /// Not beyond what the hits need.
    Needless,
}

/// How a total is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TotalRelation {
    /// There are exactly so many.
    Eq,
    /// There are at least so many.
    Gte,
}

/// How many records match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Total {
    /// The number.
    pub(crate) value: u64,
    /// Whether it is exact.
    pub(crate) relation: TotalRelation,
}

/// The result of a search whose hits went to a sink.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// How many match, over all pages.
    pub(crate) total: Total,
    /// Where the next page starts; absent after the last one.
    pub(crate) next: Option<Next>,
    /// Why matches may be missing; empty when none are.
    pub(crate) partial_reasons: Vec<PartialReason>,
    /// From which moment on no record is late, when others are.
    pub(crate) whole_from: Option<Timestamp>,
    /// Partitions that could not be read, by name.
    pub(crate) partial_partitions: Vec<String>,
    /// Levels of the query that are past their retention in the asked range.
    pub(crate) expired: Vec<Expired>,
    /// What the answer says about itself.
    pub(crate) warnings: Warnings,
}

/// Hits that one pass over the matches passes over: the memory of a pass is bounded however far
/// back a page begins.
const PASSED_OVER_MAX: usize = limits::HITS_MAX;

/// Runs a search over a plan, and hands the hits to a sink.
pub(crate) fn search(
    store: &Store,
    plan: &Plan,
    search: &Search,
    deadline: &Deadline,
    sink: &mut dyn HitSink,
) -> Result<Found, QueryError> {
    let mut report = ScanReport::of(store, plan);
    let scanned = match &search.order {
        Order::Time { sort, after } => {
            let after = after.as_ref().map(Rank::of_cursor);
            let scan = TimeScan { store, plan, sort: *sort, deadline };
            scan.run(search, after, &mut report)?
        }
        Order::Field { field, direction, after } => {
            let scan = FieldScan { store, plan, field, direction: *direction, deadline };
            scan.run(search, after.clone(), &mut report)?
        }
    };
    let Scanned { places, ranks, segments, mut total } = scanned;
    if report.partial() {
        total.relation = TotalRelation::Gte;
    }
    let selection = search.selection.as_ref();
    let reader =
        HitReader { catalogue: store.catalogue(), segments: &segments, selection, deadline };
    let taken = reader.read(&places, &mut report, sink)?;
    let is_last = taken.count == places.len() && places.len() < search.limit;
    let last = taken.last.filter(|_| !is_last);
    Ok(Found {
        total,
        next: last.and_then(|(timestamp, seq)| match &search.order {
            Order::Time { sort, .. } => Some(Next::Time(Cursor { sort: *sort, timestamp, seq })),
            Order::Field { field, direction, .. } => {
                // A record number is there once.
                let place = ranks.into_iter().find(|rank| rank.seq == seq)?;
                Some(Next::Field(FieldCursor::new(field, *direction, place)))
            }
        }),
        partial_reasons: report.reasons,
        whole_from: report.whole_from,
        partial_partitions: report.unreadable,
        expired: plan.expired.clone(),
        warnings: report.warnings,
    })
}

/// What a scan has kept.
struct Scanned {
    places: Vec<HitPlace>,
    /// In an order by a field: the rank of each place.
    ranks: Vec<FieldPlace>,
    segments: Vec<Arc<OpenSegment>>,
    total: Total,
}

/// Scans in the order of time.
struct TimeScan<'s> {
    store: &'s Store,
    plan: &'s Plan,
    sort: Sort,
    deadline: &'s Deadline,
}

impl TimeScan<'_> {
    fn run(
        &self,
        search: &Search,
        mut after: Option<Rank>,
        report: &mut ScanReport,
    ) -> Result<Scanned, QueryError> {
        let (mut from, mut limit) = (search.from, search.limit);
        while from > 0 && limit > 0 {
            let pass = from.min(PASSED_OVER_MAX);
            let mut collector =
                Collector::new(self.plan, self.sort, pass, after, Counting::Needless);
            self.scan(&mut collector, &mut ScanReport::default())?;
            let (kept, last) = collector.last();
            // Nothing is behind the last match.
            limit = if kept < pass { 0 } else { limit };
            (from, after) = (from - pass, last);
        }
        let mut collector = Collector::new(self.plan, self.sort, limit, after, search.counting);
        match self.scan(&mut collector, report) {
            Ok(()) => {}
            // Matches up to the deadline are true, and the answer is said to be partial.
            Err(QueryError::Deadline(_)) if collector.total().value > 0 => {
                report.note(PartialReason::Deadline);
            }
            Err(error) => return Err(error),
        }
        let total = collector.total();
        let (places, segments) = collector.into_kept();
        Ok(Scanned { places, ranks: Vec::new(), segments, total })
    }

    fn scan(
        &self,
        collector: &mut Collector<'_>,
        report: &mut ScanReport,
    ) -> Result<(), QueryError> {
        let order = match self.sort {
            Sort::NewestFirst => ScanOrder::NewestFirst,
            Sort::OldestFirst => ScanOrder::OldestFirst,
        };
        scan(self.plan, self.store.catalogue(), order, self.deadline, collector, report)
    }
}

/// Scans in the order of a field's values.
struct FieldScan<'s> {
    store: &'s Store,
    plan: &'s Plan,
    field: &'s str,
    direction: Direction,
    deadline: &'s Deadline,
}

impl FieldScan<'_> {
    fn run(
        &self,
        search: &Search,
        mut after: Option<FieldPlace>,
        report: &mut ScanReport,
    ) -> Result<Scanned, QueryError> {
        let (mut from, mut limit) = (search.from, search.limit);
        while from > 0 && limit > 0 {
            let pass = from.min(PASSED_OVER_MAX);
            let mut collector = FieldCollector::new(self.field, self.direction, after, pass);
            self.scan(&mut collector, &mut ScanReport::default())?;
            let (kept, _) = collector.into_kept();
            // Nothing is behind the last match.
            limit = if kept.len() < pass { 0 } else { limit };
            (from, after) = (from - pass, kept.into_iter().next_back().map(|last| last.rank));
        }
        let mut collector = FieldCollector::new(self.field, self.direction, after, limit);
        match self.scan(&mut collector, report) {
            Ok(()) => {}
            Err(QueryError::Deadline(_)) if collector.total > 0 => {
                report.note(PartialReason::Deadline);
            }
            Err(error) => return Err(error),
        }
        let total = Total { value: collector.total, relation: TotalRelation::Eq };
        let (kept, segments) = collector.into_kept();
        let (places, ranks) = kept.into_iter().map(|kept| (kept.place, kept.rank)).unzip();
        Ok(Scanned { places, ranks, segments, total })
    }

    fn scan(
        &self,
        collector: &mut FieldCollector<'_>,
        report: &mut ScanReport,
    ) -> Result<(), QueryError> {
        let order = ScanOrder::NewestFirst;
        scan(self.plan, self.store.catalogue(), order, self.deadline, collector, report)
    }
}
