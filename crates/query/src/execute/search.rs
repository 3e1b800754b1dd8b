//! Search: the first records of a condition in the asked order, how many there are, and where to go
//! on.

use tierlog_model::Timestamp;
use tierlog_store::Store;

use super::collect::Collector;
use super::driver::{ScanOrder, scan};
use super::hits::{HitSink, Reader};
use super::selection::Selection;
use super::{Deadline, PartialReason, ScanReport};
use crate::cursor::Cursor;
use crate::error::QueryError;
use crate::plan::{Expired, Plan};
use crate::query::Query;
use crate::sort::Sort;
use crate::warning::Warnings;

/// A search for records.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    /// Which records.
    pub(crate) query: Query,
    /// Most hits.
    pub(crate) limit: usize,
    /// Order of the hits.
    pub(crate) sort: Sort,
    /// Where an earlier page ended.
    pub(crate) cursor: Option<Cursor>,
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

/// What a search found beside its hits, which went to a sink.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// How many match, over all pages.
    pub(crate) total: Total,
    /// Where the next page starts; absent after the last one.
    pub(crate) cursor: Option<Cursor>,
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

/// Runs a search over a plan, and hands the hits to a sink.
pub(crate) fn search(
    store: &Store,
    plan: &Plan,
    search: &Search,
    deadline: &Deadline,
    sink: &mut dyn HitSink,
) -> Result<Found, QueryError> {
    if search.cursor.is_some_and(|cursor| cursor.sort != search.sort) {
        return Err(QueryError::Cursor);
    }
    let mut report = ScanReport::of(store, plan);
    let catalogue = store.catalogue();
    let mut collector = Collector::new(plan, search);
    let order = match search.sort {
        Sort::NewestFirst => ScanOrder::NewestFirst,
        Sort::OldestFirst => ScanOrder::OldestFirst,
    };
    match scan(plan, catalogue, order, deadline, &mut collector, &mut report) {
        Ok(()) => {}
        // Matches up to the deadline are true, and the answer is said to be partial.
        Err(QueryError::Deadline(_)) if collector.total().value > 0 => {
            report.note(PartialReason::Deadline);
        }
        Err(error) => return Err(error),
    }
    if report.partial() {
        collector.mark_incomplete();
    }
    let total = collector.total();
    let (candidates, segments) = collector.into_kept();
    let selection = search.selection.as_ref();
    let reader = Reader { catalogue, segments: &segments, selection, deadline };
    let taken = reader.read(&candidates, &mut report, sink)?;
    let is_last = taken.count == candidates.len() && candidates.len() < search.limit;
    let sort = search.sort;
    let cursor = taken.last.filter(|_| !is_last);
    Ok(Found {
        total,
        cursor: cursor.map(|(timestamp, seq)| Cursor { sort, timestamp, seq }),
        partial_reasons: report.reasons,
        whole_from: report.whole_from,
        partial_partitions: report.unreadable,
        expired: plan.expired.clone(),
        warnings: report.warnings,
    })
}
