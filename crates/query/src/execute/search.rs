//! Search: the first records of a condition in time order, how many there are, and where to go on.

use std::time::Instant;

use serde::Serialize;
use tierlog_model::{Timestamp, limits};

use super::collect::{Collector, Counting, Rank};
use super::driver::{ScanOrder, scan};
#[cfg(test)]
use super::hits::Gathered;
use super::hits::{Hit, HitSink, Reader};
use super::{Deadline, PartialReason, ScanReport};
use crate::cursor::Cursor;
use crate::engine::{Engine, PlanRequest};
use crate::error::QueryError;
use crate::plan::{Expired, Plan};
use crate::warning::Warnings;

/// Order of the hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// `-timestamp`: newest first; of equal moments the one acknowledged last.
    #[default]
    NewestFirst,
    /// `timestamp`: oldest first.
    OldestFirst,
}

impl Sort {
    /// Reads the parameter `sort`.
    pub(crate) fn read(text: &str) -> Result<Sort, QueryError> {
        match text.trim() {
            "" | "-timestamp" => Ok(Sort::NewestFirst),
            "timestamp" | "+timestamp" => Ok(Sort::OldestFirst),
            _ => Err(QueryError::Parameter {
                name: "sort",
                message: "expected -timestamp or timestamp".to_owned(),
            }),
        }
    }

    fn order(self) -> ScanOrder {
        match self {
            Sort::NewestFirst => ScanOrder::NewestFirst,
            Sort::OldestFirst => ScanOrder::OldestFirst,
        }
    }

    /// Returns the record number that comes first among equal moments.
    pub(super) fn best_seq(self) -> u64 {
        match self {
            Sort::NewestFirst => u64::MAX,
            Sort::OldestFirst => 0,
        }
    }
}

/// A search of the contract.
#[derive(Clone, Debug)]
pub(crate) struct SearchRequest {
    /// Condition and range.
    pub(crate) query: PlanRequest,
    /// Most hits; 0 only counts, exactly.
    pub(crate) limit: usize,
    /// Order of the hits.
    pub(crate) sort: Sort,
    /// Where an earlier page ended.
    pub(crate) cursor: Option<Cursor>,
    /// Fields to return besides timestamp and level; `None` is all. `http.*` is a prefix.
    pub(crate) fields: Option<Vec<String>>,
}

impl SearchRequest {
    /// Returns the search for a query text with the contract's defaults.
    pub(crate) fn of(q: impl Into<String>) -> SearchRequest {
        SearchRequest {
            query: PlanRequest::of(q),
            limit: limits::HITS_DEFAULT,
            sort: Sort::default(),
            cursor: None,
            fields: None,
        }
    }
}

/// How a total is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TotalRelation {
    /// There are exactly so many.
    Eq,
    /// There are at least so many.
    Gte,
}

/// How many records match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Total {
    /// The number.
    pub(crate) value: u64,
    /// Whether it is exact.
    pub(crate) relation: TotalRelation,
}

/// Answer of a search.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SearchResponse {
    /// The records, in order; none where they went to a sink of the caller's.
    pub(crate) hits: Vec<Hit>,
    /// How many match, over all pages.
    pub(crate) total: Total,
    /// Where the next page starts; absent after the last one.
    pub(crate) cursor: Option<String>,
    /// Milliseconds that the search took.
    pub(crate) took_ms: u64,
    /// Whether matches may be missing.
    pub(crate) partial: bool,
    /// Why they may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) partial_reasons: Vec<PartialReason>,
    /// From which moment on no record is late, when others are.
    #[serde(skip)]
    pub(crate) whole_from: Option<Timestamp>,
    /// Partitions that could not be read, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) partial_partitions: Vec<String>,
    /// Levels of the query that are past their retention in the asked range.
    pub(crate) expired: Vec<Expired>,
    /// What the answer says about itself.
    #[serde(skip_serializing_if = "Warnings::is_empty")]
    pub(crate) warnings: Warnings,
}

impl Engine {
    /// Searches.
    #[cfg(test)]
    pub(crate) fn search(
        &self,
        request: &SearchRequest,
        deadline: &Deadline,
    ) -> Result<SearchResponse, QueryError> {
        let mut gathered = Gathered::up_to(self.config().answer_bytes_max);
        let found = self.search_into(request, deadline, &mut gathered)?;
        Ok(SearchResponse { hits: gathered.hits, ..found })
    }

    /// Searches, and hands the hits to a sink.
    pub(crate) fn search_into(
        &self,
        request: &SearchRequest,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<SearchResponse, QueryError> {
        let mut plan = self.plan(&request.query)?;
        self.note_selected(&mut plan, request.fields.as_deref());
        self.search_plan(&plan, request, self.counting(request), deadline, sink)
    }

    /// Says of the fields that are to be shown when no record has them.
    pub(super) fn note_selected(&self, plan: &mut Plan, selected: Option<&[String]>) {
        let Some(selected) = selected else { return };
        let mut warnings = std::mem::take(&mut plan.warnings);
        self.note_absent(plan, selected, &mut warnings);
        plan.warnings = warnings;
    }

    pub(super) fn counting(&self, request: &SearchRequest) -> Counting {
        match request.limit {
            0 => Counting::All,
            _ => Counting::UpTo(self.config().track_total_max),
        }
    }

    /// Searches with a condition that is compiled already, and hands the hits to a sink.
    pub(super) fn search_plan(
        &self,
        plan: &Plan,
        request: &SearchRequest,
        counting: Counting,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<SearchResponse, QueryError> {
        let started = Instant::now();
        if request.cursor.is_some_and(|cursor| cursor.sort != request.sort) {
            return Err(QueryError::Cursor);
        }
        if request.limit > self.config().hits_max {
            let message = format!("at most {}; page on by cursor", self.config().hits_max);
            return Err(QueryError::Parameter { name: "limit", message });
        }
        let mut report = ScanReport::of(self.store(), plan);
        let after = request.cursor.as_ref().map(Rank::of_cursor);
        let catalogue = self.store().catalogue();
        let mut collector = Collector::new(plan, request.sort, request.limit, after, counting);
        let order = request.sort.order();
        match scan(plan, catalogue, order, deadline, &mut collector, &mut report) {
            Ok(()) => {}
            // What was found by then is true, and is said to be partial.
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
        let spellings = &self.config().spellings;
        let selected = request.fields.as_deref().map(|selected| (selected, spellings));
        let reader = Reader { catalogue, segments: &segments, selected, deadline };
        let taken = reader.read(&candidates, &mut report, sink)?;
        let is_last = taken.count == candidates.len() && candidates.len() < request.limit;
        let cursor = taken.last.filter(|_| !is_last);
        let sort = request.sort;
        let cursor = cursor.map(|(timestamp, seq)| Cursor { sort, timestamp, seq });
        Ok(SearchResponse {
            hits: Vec::new(),
            total,
            cursor: cursor.map(|cursor| cursor.encode()),
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            partial: report.partial(),
            partial_reasons: report.reasons,
            whole_from: report.whole_from,
            partial_partitions: report.unreadable,
            expired: plan.expired.clone(),
            warnings: report.warnings,
        })
    }
}
