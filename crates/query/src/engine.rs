//! The query side as one object: the store, the pseudonym keys, the clock and the limits.
//!
//! Every method blocks; the HTTP layer runs them on blocking threads under a semaphore.

use std::sync::Arc;

use tierlog_model::{Clock, Pseudonyms, RecordKind};
use tierlog_store::Store;

use crate::config::QueryConfig;
use crate::dialect::Vocabulary;
use crate::dialect::lucene::Compiled;
use crate::error::QueryError;
use crate::execute::{Deadline, ScanOrder, ScanReport, SegmentVisitor, scan};
use crate::known_fields::StoredFields;
use crate::plan::Plan;
use crate::time_range::TimeRange;
use crate::warning::Warnings;

/// Answers queries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    store: Store,
    pseudonyms: Arc<Pseudonyms>,
    clock: Arc<dyn Clock>,
    config: Arc<QueryConfig>,
}

/// What every kind of query has in common.
#[derive(Clone, Debug)]
pub(crate) struct PlanRequest {
    /// Query text; empty is everything.
    pub(crate) q: String,
    /// First moment, as the client wrote it.
    pub(crate) start: Option<String>,
    /// First moment after, as the client wrote it.
    pub(crate) end: Option<String>,
    /// Log lines, or dead letters.
    pub(crate) kind: RecordKind,
}

impl PlanRequest {
    /// Returns the request for log lines that match a query text at any time.
    pub(crate) fn of(q: impl Into<String>) -> PlanRequest {
        PlanRequest { q: q.into(), start: None, end: None, kind: RecordKind::Log }
    }
}

impl Engine {
    /// Returns the query side of a store.
    pub fn new(
        store: Store,
        pseudonyms: Arc<Pseudonyms>,
        clock: Arc<dyn Clock>,
        config: QueryConfig,
    ) -> Engine {
        Engine { store, pseudonyms, clock, config: Arc::new(config) }
    }

    /// Returns the store.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the limits.
    pub(crate) fn config(&self) -> &QueryConfig {
        &self.config
    }

    /// Returns the clock.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Returns which fields are pseudonymised, and with which keys.
    pub(crate) fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    /// Returns the deadline of a query that starts now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::within(self.config.deadline_max)
    }

    /// Compiles a query text over log lines of any time.
    pub(crate) fn parse(&self, q: &str) -> Result<Compiled, QueryError> {
        self.parse_within(q, TimeRange::default(), RecordKind::Log)
    }

    /// Compiles a query text; fields are known that records of the kind and range have.
    pub(crate) fn parse_within(
        &self,
        q: &str,
        range: TimeRange,
        kind: RecordKind,
    ) -> Result<Compiled, QueryError> {
        crate::dialect::lucene::parse(q, self.vocabulary(&StoredFields::new(self, range, kind)))
    }

    /// Returns the names of a query over records that have some fields.
    pub(crate) fn vocabulary<'e>(&'e self, fields: &'e StoredFields<'e>) -> Vocabulary<'e> {
        Vocabulary {
            pseudonyms: &self.pseudonyms,
            now: self.clock.now(),
            spellings: &self.config.spellings,
            fields,
        }
    }

    /// Says of fields that are to be shown or computed when no record of the plan has them.
    pub(crate) fn note_absent(&self, plan: &Plan, names: &[String], warnings: &mut Warnings) {
        let fields = StoredFields::new(self, plan.range, plan.kind);
        let vocabulary = self.vocabulary(&fields);
        for name in names.iter().filter(|name| !name.ends_with('*')) {
            if vocabulary.is_absent(vocabulary.spellings.canonical(name), name) {
                warnings.add(vocabulary.unknown_field(name, ""));
            }
        }
    }

    /// Compiles a request: condition, range, tiers, ids.
    pub(crate) fn plan(&self, request: &PlanRequest) -> Result<Plan, QueryError> {
        let now = self.clock.now();
        let range = TimeRange::read(request.start.as_deref(), request.end.as_deref(), now)?;
        let Compiled { expr, warnings } = self.parse_within(&request.q, range, request.kind)?;
        Ok(Plan { warnings, ..self.plan_of(expr, range, request.kind) })
    }

    /// Runs a plan: hands every matching document to the visitor, newest day first.
    ///
    /// Fails with [`QueryError::Deadline`] when time runs out; what the visitor has by then is
    /// the caller's to use as a partial answer or not.
    pub(crate) fn scan(
        &self,
        plan: &Plan,
        deadline: &Deadline,
        visitor: &mut dyn SegmentVisitor,
    ) -> Result<ScanReport, QueryError> {
        let mut report = ScanReport::of(&self.store, plan);
        let catalogue = self.store.catalogue();
        scan(plan, catalogue, ScanOrder::NewestFirst, deadline, visitor, &mut report)?;
        Ok(report)
    }
}
