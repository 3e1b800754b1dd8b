//! Search: the first records of a condition in time order, how many there are, and where to go on.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use serde::{Serialize, Serializer};
use tierlog_model::{Record, Value, fields, limits};
use tierlog_store::{Catalogue, OpenSegment, StoredRecord};

use super::collect::{Candidate, Collector, Counting, Rank};
use super::driver::{ScanOrder, scan};
use super::{Deadline, PartialReason, ScanReport};
use crate::plan::Expired;
use crate::{Cursor, Engine, Plan, PlanRequest, QueryError, Spellings, Warnings};

/// Records that are rebuilt at once: enough to share the opening of columns, little enough that
/// the bound on an answer's bytes is kept.
const READ_RECORDS: usize = 2_048;

/// Order of the hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// `-timestamp`: newest first; of equal moments the one acknowledged last.
    #[default]
    NewestFirst,
    /// `timestamp`: oldest first.
    OldestFirst,
}

impl Sort {
    /// Reads the parameter `sort`.
    pub fn read(text: &str) -> Result<Sort, QueryError> {
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
pub struct SearchRequest {
    /// Condition and range.
    pub query: PlanRequest,
    /// Most hits; 0 only counts, exactly.
    pub limit: usize,
    /// Order of the hits.
    pub sort: Sort,
    /// Where an earlier page ended.
    pub cursor: Option<Cursor>,
    /// Fields to return besides timestamp and level; `None` is all. `http.*` is a prefix.
    pub fields: Option<Vec<String>>,
}

impl SearchRequest {
    /// Returns the search for a query text with the contract's defaults.
    pub fn of(q: impl Into<String>) -> SearchRequest {
        SearchRequest {
            query: PlanRequest::of(q),
            limit: limits::HITS_DEFAULT,
            sort: Sort::default(),
            cursor: None,
            fields: None,
        }
    }
}

/// One record of an answer. Serialises as the flat object of the contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Record number; part of cursors, not of the object.
    pub seq: u64,
    /// The record.
    pub record: Record<'static>,
}

impl Serialize for Hit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.record.serialize(serializer)
    }
}

/// How a total is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TotalRelation {
    /// There are exactly so many.
    Eq,
    /// There are at least so many.
    Gte,
}

/// How many records match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The number.
    pub value: u64,
    /// Whether it is exact.
    pub relation: TotalRelation,
}

/// Answer of a search.
#[derive(Clone, Debug, Serialize)]
pub struct SearchResponse {
    /// The records, in order.
    pub hits: Vec<Hit>,
    /// How many match, over all pages.
    pub total: Total,
    /// Where the next page starts; absent after the last one.
    pub cursor: Option<String>,
    /// Milliseconds that the search took.
    pub took_ms: u64,
    /// Whether matches may be missing.
    pub partial: bool,
    /// Why they may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partial_reasons: Vec<PartialReason>,
    /// Partitions that could not be read, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partial_partitions: Vec<String>,
    /// Levels of the query that are past their retention in the asked range.
    pub expired: Vec<Expired>,
    /// What the answer says about itself.
    #[serde(skip_serializing_if = "Warnings::is_empty")]
    pub warnings: Warnings,
}

impl Engine {
    /// Searches.
    pub fn search(
        &self,
        request: &SearchRequest,
        deadline: &Deadline,
    ) -> Result<SearchResponse, QueryError> {
        let mut plan = self.plan(&request.query)?;
        self.note_selected(&mut plan, request.fields.as_deref());
        self.search_plan(&plan, request, self.counting(request), deadline)
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

    /// Searches with a condition that is compiled already.
    pub(super) fn search_plan(
        &self,
        plan: &Plan,
        request: &SearchRequest,
        counting: Counting,
        deadline: &Deadline,
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
        let bytes_max = self.config().answer_bytes_max;
        let reader = Reader { catalogue, segments: &segments, bytes_max };
        let mut hits = reader.read(&candidates, &mut report)?;
        let is_last = hits.len() == candidates.len() && candidates.len() < request.limit;
        let cursor = match hits.last() {
            Some(last) if !is_last => Some(cursor_after(request.sort, last).encode()),
            _ => None,
        };
        if let Some(selected) = &request.fields {
            let spellings = &self.config().spellings;
            hits.iter_mut().for_each(|hit| select(&mut hit.record, selected, spellings));
        }
        Ok(SearchResponse {
            hits,
            total,
            cursor,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            partial: report.partial(),
            partial_reasons: report.reasons,
            partial_partitions: report.unreadable,
            expired: plan.expired.clone(),
            warnings: report.warnings,
        })
    }
}

/// Returns where a page that ends with a hit is gone on from.
pub(super) fn cursor_after(sort: Sort, hit: &Hit) -> Cursor {
    Cursor { sort, timestamp: hit.record.timestamp, seq: hit.seq }
}

/// Rebuilds the records of candidates.
struct Reader<'s> {
    catalogue: &'s Catalogue,
    segments: &'s [Arc<OpenSegment>],
    bytes_max: usize,
}

impl Reader<'_> {
    fn note_unreadable(&self, segment: &OpenSegment, report: &mut ScanReport) {
        match self.catalogue.partition_of(segment) {
            Some(id) => {
                report.note_unreadable(&id.name(self.catalogue.tiers()));
                self.catalogue.suspect(id);
            }
            // It has expired since.
            None => report.note(PartialReason::PartitionUnreadable),
        }
    }

    /// Returns the records in the order of the candidates, up to the bound on bytes.
    fn read(
        &self,
        candidates: &[Candidate],
        report: &mut ScanReport,
    ) -> Result<Vec<Hit>, QueryError> {
        let mut hits = Vec::with_capacity(candidates.len());
        let mut bytes = 0_usize;
        for group in candidates.chunks(READ_RECORDS) {
            for hit in self.read_group(group, report)? {
                bytes = bytes.saturating_add(record_bytes(&hit.record));
                if bytes > self.bytes_max && !hits.is_empty() {
                    report.note(PartialReason::AnswerBytes);
                    return Ok(hits);
                }
                hits.push(hit);
            }
        }
        Ok(hits)
    }

    fn read_group(
        &self,
        group: &[Candidate],
        report: &mut ScanReport,
    ) -> Result<Vec<Hit>, QueryError> {
        let mut by_segment: BTreeMap<usize, Vec<(u32, usize)>> = BTreeMap::new();
        for (position, candidate) in group.iter().enumerate() {
            by_segment.entry(candidate.segment).or_default().push((candidate.doc, position));
        }
        let mut hits: Vec<Option<Hit>> = vec![None; group.len()];
        for (segment, mut places) in by_segment {
            // Neighbours share a block of the document store.
            places.sort_unstable();
            let docs: Vec<u32> = places.iter().map(|(doc, _)| *doc).collect();
            let Some(segment) = self.segments.get(segment) else { continue };
            let read = catch_unwind(AssertUnwindSafe(|| segment.read(&docs)));
            let records = match read {
                Ok(Ok(records)) => records,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "skip unreadable records");
                    self.note_unreadable(segment, report);
                    continue;
                }
                // Damaged bytes may make the search engine panic.
                Err(_) => {
                    tracing::warn!("reading records panicked; skip them");
                    self.note_unreadable(segment, report);
                    continue;
                }
            };
            for (StoredRecord { seq, record }, (_, position)) in records.into_iter().zip(places) {
                if let Some(place) = hits.get_mut(position) {
                    *place = Some(Hit { seq, record });
                }
            }
        }
        Ok(hits.into_iter().flatten().collect())
    }
}

/// Returns about how many bytes a record takes in an answer.
fn record_bytes(record: &Record<'_>) -> usize {
    const VALUE_BYTES: usize = 24;
    let field_bytes = |(name, value): &(std::borrow::Cow<'_, str>, Value<'_>)| {
        let text = match value {
            Value::Str(text) | Value::Json(text) => text.len(),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => 0,
        };
        name.len() + text + VALUE_BYTES
    };
    record.fields.iter().map(field_bytes).sum()
}

/// Keeps the selected fields of a record.
fn select(record: &mut Record<'_>, selected: &[String], spellings: &Spellings) {
    record.fields.retain(|(name, _)| {
        selected.iter().any(|selected| match selected.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => selected == name || spellings.canonical(selected) == name,
        })
    });
}

/// Returns the distinct services of records, in the order of their first line.
pub(super) fn services(hits: &[Hit]) -> Vec<String> {
    let mut services: Vec<String> = Vec::new();
    for hit in hits {
        if let Some(service) = hit.record.get_str(fields::SERVICE)
            && !services.iter().any(|known| known == service)
        {
            services.push(service.to_owned());
        }
    }
    services
}
