//! All matches in time order, page by page: memory holds one page, however many there are.

use tierlog_model::Timestamp;

use super::collect::Counting;
#[cfg(test)]
use super::hits::Gathered;
use super::hits::{Hit, HitSink, Kept};
use super::search::{SearchRequest, Sort};
use super::{Deadline, PartialReason};
use crate::cursor::Cursor;
use crate::engine::{Engine, PlanRequest};
use crate::error::QueryError;
use crate::plan::Plan;
use crate::warning::Warnings;

/// Records of a page: a few megabytes, and the search behind each is paid for by as many.
const PAGE_RECORDS: usize = 5_000;

/// One page of an export.
#[derive(Clone, Debug)]
pub(crate) struct ExportPage {
    /// The records, in order; none where they went to a sink of the caller's.
    #[cfg(test)]
    pub(crate) hits: Vec<Hit>,
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
    engine: Engine,
    plan: Plan,
    search: SearchRequest,
    state: ExportState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExportState {
    Open,
    Done,
}

impl Engine {
    /// Starts an export, or goes on with one after a cursor. Oldest first unless asked otherwise:
    /// what arrives meanwhile comes at the end.
    pub(crate) fn export(
        &self,
        query: &PlanRequest,
        sort: Sort,
        cursor: Option<Cursor>,
        fields: Option<Vec<String>>,
    ) -> Result<Export, QueryError> {
        if cursor.is_some_and(|cursor| cursor.sort != sort) {
            return Err(QueryError::Cursor);
        }
        let limit = PAGE_RECORDS.min(self.config().hits_max).max(1);
        let mut plan = self.plan(query)?;
        self.note_selected(&mut plan, fields.as_deref());
        let search = SearchRequest { query: query.clone(), limit, sort, cursor, fields };
        Ok(Export { engine: self.clone(), plan, search, state: ExportState::Open })
    }
}

impl Export {
    /// Returns what is said of the query, whatever its pages hold.
    pub(crate) fn warnings(&self) -> &Warnings {
        &self.plan.warnings
    }

    /// Returns the next page; `None` after the last.
    #[cfg(test)]
    pub(crate) fn next_page(
        &mut self,
        deadline: &Deadline,
    ) -> Result<Option<ExportPage>, QueryError> {
        let mut gathered = Gathered::up_to(self.engine.config().answer_bytes_max);
        let page = self.next_page_into(deadline, &mut gathered)?;
        Ok(page.map(|page| ExportPage { hits: gathered.hits, ..page }))
    }

    /// Hands the records of the next page to a sink; `None` after the last.
    pub(crate) fn next_page_into(
        &mut self,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<Option<ExportPage>, QueryError> {
        if self.state == ExportState::Done {
            return Ok(None);
        }
        let plan = self.remaining();
        let mut sink = LastPlace { place: None, sink };
        let mut found = self.engine.search_plan(
            &plan,
            &self.search,
            Counting::Needless,
            deadline,
            &mut sink,
        )?;
        // A page that its bytes cut short is no gap: the next one goes on there.
        found.partial_reasons.retain(|reason| *reason != PartialReason::AnswerBytes);
        if found.partial_reasons.contains(&PartialReason::Deadline) {
            // The kept records are the first of those that were looked at, not of all.
            return Err(QueryError::Deadline(self.engine.config().deadline_max));
        }
        if found.cursor.is_none() {
            self.state = ExportState::Done;
        }
        let sort = self.search.sort;
        let cursor = match (sink.place, self.search.cursor) {
            (Some((timestamp, seq)), _) => Cursor { sort, timestamp, seq },
            (None, _) if found.partial_reasons.is_empty() => return Ok(None),
            // Nothing but a gap: it is told, and a resumed export looks there again.
            (None, Some(cursor)) => cursor,
            (None, None) => before_everything(sort),
        };
        self.search.cursor = Some(cursor);
        Ok(Some(ExportPage {
            #[cfg(test)]
            hits: Vec::new(),
            cursor: cursor.encode(),
            partial_reasons: found.partial_reasons,
            whole_from: found.whole_from,
            warnings: found.warnings,
        }))
    }

    /// Returns the plan without the time before the cursor, so that whole days are skipped.
    fn remaining(&self) -> Plan {
        let mut plan = self.plan.clone();
        if let Some(cursor) = self.search.cursor {
            let moment = cursor.timestamp;
            let rest = match cursor.sort {
                Sort::OldestFirst => {
                    crate::time_range::TimeRange { start: Some(moment), end: None }
                }
                Sort::NewestFirst => {
                    let end = Some(moment.saturating_add_micros(1));
                    crate::time_range::TimeRange { start: None, end }
                }
            };
            plan.range = plan.range.intersection(&rest);
        }
        plan
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
