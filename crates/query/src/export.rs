//! All matches in time order, page by page: memory holds one page, however many there are.
//!
//! A page is a search behind a cursor, so every engine can export.

use std::sync::Arc;
use std::time::Duration;

use tierlog_model::Timestamp;

use crate::cursor::Cursor;
use crate::error::QueryError;
use crate::execute::{Counting, Deadline, Hit, HitSink, Kept, PartialReason, Search, Selection};
use crate::order::Order;
use crate::query::Query;
use crate::searcher::Searcher;
use crate::sort::Sort;
use crate::time_range::TimeRange;
use crate::warning::Warnings;

/// Records of a page: a few megabytes, and the search behind each is paid for by as many.
const PAGE_RECORDS: usize = 5_000;

/// One page of an export, whose records went to a sink.
#[derive(Clone, Debug)]
pub(crate) struct ExportPage {
    /// Where an interrupted export goes on after this page.
    pub(crate) cursor: String,
    /// Why records may be missing.
    pub(crate) partial_reasons: Vec<PartialReason>,
    /// From which moment on no record of the page is late, when others are.
    pub(crate) whole_from: Option<Timestamp>,
    /// What the page says about itself.
    pub(crate) warnings: Warnings,
}

/// An export under way. Each page has the time of a whole query.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    searcher: Arc<dyn Searcher>,
    search: Search,
    sort: Sort,
    /// Last record that was written.
    cursor: Option<Cursor>,
    deadline_max: Duration,
    state: ExportState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExportState {
    Open,
    Done,
}

/// What an export is asked for.
#[derive(Clone, Debug)]
pub(crate) struct ExportRequest {
    /// Which records.
    pub(crate) query: Query,
    /// Which come first.
    pub(crate) sort: Sort,
    /// Where an earlier export stopped.
    pub(crate) cursor: Option<Cursor>,
    /// Fields to write; `None` is all.
    pub(crate) selection: Option<Selection>,
}

/// Bounds of an export.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExportBounds {
    /// Most hits of one search.
    pub(crate) hits_max: usize,
    /// Longest time of one page.
    pub(crate) deadline_max: Duration,
}

impl Export {
    /// Starts an export, or goes on with one after a cursor.
    pub(crate) fn new(
        searcher: Arc<dyn Searcher>,
        request: ExportRequest,
        bounds: ExportBounds,
    ) -> Result<Export, QueryError> {
        let ExportRequest { query, sort, cursor, selection } = request;
        if cursor.is_some_and(|cursor| cursor.sort != sort) {
            return Err(QueryError::Cursor);
        }
        let limit = PAGE_RECORDS.min(bounds.hits_max).max(1);
        let counting = Counting::Needless;
        let order = Order::Time { sort, after: cursor };
        let search = Search { query, limit, from: 0, order, selection, counting };
        let (deadline_max, state) = (bounds.deadline_max, ExportState::Open);
        Ok(Export { searcher, search, sort, cursor, deadline_max, state })
    }

    /// Returns what is said of the query, whatever its pages hold.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.search.query.warnings
    }

    /// Hands the records of the next page to a sink; `None` after the last.
    pub(crate) fn next_page(
        &mut self,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<Option<ExportPage>, QueryError> {
        if self.state == ExportState::Done {
            return Ok(None);
        }
        let order = Order::Time { sort: self.sort, after: self.cursor };
        let search = Search { query: self.remaining(), order, ..self.search.clone() };
        let mut sink = LastPlace { place: None, sink };
        let mut found = self.searcher.search(&search, deadline, &mut sink)?;
        // A page that its bytes cut short is no gap: the next page goes on there.
        found.partial_reasons.retain(|reason| *reason != PartialReason::AnswerBytes);
        if found.partial_reasons.contains(&PartialReason::Deadline) {
            // The kept records are the first of those that were looked at, not of all.
            return Err(QueryError::Deadline(self.deadline_max));
        }
        if found.next.is_none() {
            self.state = ExportState::Done;
        }
        let sort = self.sort;
        let cursor = match (sink.place, self.cursor) {
            (Some((timestamp, seq)), _) => Cursor { sort, timestamp, seq },
            (None, _) if found.partial_reasons.is_empty() => return Ok(None),
            // Nothing but a gap: the page says so, and a resumed export looks there again.
            (None, Some(cursor)) => cursor,
            (None, None) => before_everything(sort),
        };
        self.cursor = Some(cursor);
        Ok(Some(ExportPage {
            cursor: cursor.encode(),
            partial_reasons: found.partial_reasons,
            whole_from: found.whole_from,
            warnings: found.warnings,
        }))
    }

    /// Returns the query without the time before the cursor, so that whole days are skipped.
    fn remaining(&self) -> Query {
        let mut query = self.search.query.clone();
        if let Some(cursor) = self.cursor {
            let moment = cursor.timestamp;
            let rest = match cursor.sort {
                Sort::OldestFirst => TimeRange { start: Some(moment), end: None },
                Sort::NewestFirst => {
                    let end = Some(moment.saturating_add_micros(1));
                    TimeRange { start: None, end }
                }
            };
            query.range = query.range.intersection(&rest);
        }
        query
    }
}

/// Remembers the place of the last hit on the way to a sink.
struct LastPlace<'s> {
    place: Option<(Timestamp, u64)>,
    sink: &'s mut dyn HitSink,
}

impl HitSink for LastPlace<'_> {
    fn take(&mut self, hit: Hit) -> Result<Kept, QueryError> {
        let place = (hit.record.timestamp, hit.seq);
        let kept = self.sink.take(hit)?;
        if kept == Kept::Yes {
            self.place = Some(place);
        }
        Ok(kept)
    }
}

/// Returns the cursor before the first record.
fn before_everything(sort: Sort) -> Cursor {
    match sort {
        Sort::NewestFirst => Cursor { sort, timestamp: Timestamp::MAX, seq: u64::MAX },
        Sort::OldestFirst => Cursor { sort, timestamp: Timestamp::MIN, seq: 0 },
    }
}
