//! A store with known records in hot and sealed partitions, and the engine over it.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    BatchWriter, HandoffSender, Identities, Level, ManualClock, PseudonymKey, Pseudonyms, Record,
    RecordKind, Redacted, RedactedBatch, Timestamp, Value, handoff,
};
use tierlog_store::{CompactScope, Durability, MaintenanceJob, Store, StoreSettings};

use crate::config::QueryConfig;
use crate::cursor::Cursor;
use crate::dialect::QueryText;
use crate::dialect::lucene::Compiled;
use crate::error::QueryError;
use crate::execute::{Deadline, Found, Hit, HitSink, Kept, Search, record_bytes};
use crate::export::{Export, ExportBounds, ExportPage, ExportRequest};
use crate::expr::Expr;
use crate::http::QueryState;
use crate::lookup::{self, RequestSummary};
use crate::moment::read_moment;
use crate::order::{Next, Order};
use crate::session::Session;
use crate::sort::Sort;
use crate::time_range::TimeRange;

pub(super) const NOW: &str = "2026-11-20T12:00:00Z";

pub(super) fn moment(text: &str) -> Timestamp {
    read_moment(text, Timestamp::default()).unwrap()
}

pub(super) struct Fixture {
    pub(super) engine: TextEngine,
    pub(super) store: Store,
    pub(super) pseudonyms: Arc<Pseudonyms>,
    pub(super) directory: TempDir,
    sender: Option<HandoffSender>,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        Fixture::with_config(QueryConfig::default())
    }

    pub(super) fn with_config(config: QueryConfig) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let settings = StoreSettings {
            durability: Durability::None,
            free_bytes_min: 0,
            commit_interval: Duration::from_secs(3_600),
            replay_before_ready: Duration::MAX,
            maintenance: MaintenanceJob::Rests,
            // Sealed partitions are opened anew by every search.
            reader_memory: MemoryPart::new(MemoryUse::Readers, 0),
            ..StoreSettings::standard(directory.path().to_path_buf())
        };
        let clock = Arc::new(ManualClock::at(moment(NOW)));
        let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 24));
        let store = Store::open(settings, clock.clone(), receiver).unwrap();
        let key = PseudonymKey::from_bytes(&vec![7; 32].into()).unwrap();
        let fields = ["user_id".to_owned()];
        let identities = Identities::new(&fields, &[]).unwrap();
        let pseudonyms = Arc::new(Pseudonyms::new(vec![key], identities));
        let state = QueryState::new(store.clone(), Arc::clone(&pseudonyms), clock.clone(), config);
        let engine = TextEngine { state, clock };
        Fixture { engine, store, pseudonyms, directory, sender: Some(sender) }
    }

    /// Writes records and makes them searchable, in segments of their own.
    pub(super) fn write(&self, records: &[Record<'static>]) {
        if records.is_empty() {
            return;
        }
        let mut writer = BatchWriter::default();
        records.iter().for_each(|record| writer.push(record));
        let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
        let verdict = self.sender.as_ref().unwrap().try_send(batch).unwrap();
        verdict.blocking_recv().unwrap().unwrap();
        self.store.flush().unwrap();
    }

    /// Seals the partitions whose day is over.
    pub(super) fn seal(&self) {
        self.store.compact(CompactScope::ClosedDays).unwrap();
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.engine.deadline()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.sender = None;
        self.store.close();
    }
}

/// Returns a record with a message and further fields.
pub(super) fn record(
    timestamp: &str,
    level: Level,
    message: &str,
    fields: &[(&'static str, Value<'static>)],
) -> Record<'static> {
    let message = ("message".into(), Value::Str(message.to_owned().into()));
    let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone()));
    Record {
        timestamp: moment(timestamp),
        level,
        kind: RecordKind::Log,
        fields: std::iter::once(message).chain(fields).collect(),
    }
}

pub(super) fn text(value: &str) -> Value<'static> {
    Value::Str(value.to_owned().into())
}

/// The engine as tests ask it: by query texts, with the hits in memory.
pub(super) struct TextEngine {
    state: QueryState,
    clock: Arc<ManualClock>,
}

/// A search by a query text.
#[derive(Clone, Debug)]
pub(super) struct SearchRequest {
    pub(super) query: QueryText,
    pub(super) limit: usize,
    pub(super) sort: Sort,
    pub(super) cursor: Option<Cursor>,
    pub(super) fields: Option<Vec<String>>,
}

impl SearchRequest {
    /// Returns the search for a text with the contract's defaults.
    pub(super) fn of(q: impl Into<String>) -> SearchRequest {
        SearchRequest {
            query: QueryText::of(q),
            limit: tierlog_model::limits::HITS_DEFAULT,
            sort: Sort::default(),
            cursor: None,
            fields: None,
        }
    }
}

/// An answer with its hits.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) hits: Vec<Hit>,
    /// Where the next page of a search starts.
    pub(super) cursor: Option<Cursor>,
    pub(super) found: T,
}

impl<T> std::ops::Deref for Answer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.found
    }
}

/// Hits in memory, up to a number of bytes.
#[derive(Debug)]
struct Gathered {
    hits: Vec<Hit>,
    bytes_left: usize,
}

impl HitSink for Gathered {
    fn take(&mut self, hit: Hit) -> Result<Kept, QueryError> {
        match self.bytes_left.checked_sub(record_bytes(&hit.record)) {
            Some(left) => self.bytes_left = left,
            None if self.hits.is_empty() => self.bytes_left = 0,
            None => return Ok(Kept::NoRoom),
        }
        self.hits.push(hit);
        Ok(Kept::Yes)
    }
}

impl TextEngine {
    fn gathered(&self) -> Gathered {
        Gathered { hits: Vec::new(), bytes_left: self.state.config().answer_bytes_max }
    }

    /// Does something in a session of the default tenant.
    pub(super) fn session<T>(&self, work: impl FnOnce(&Session<'_>) -> T) -> T {
        self.state.at_once(tierlog_model::Tenant::DEFAULT, work)
    }

    pub(super) fn clock(&self) -> &ManualClock {
        &self.clock
    }

    pub(super) fn deadline(&self) -> Deadline {
        Deadline::within(self.state.config().deadline_max)
    }

    /// Compiles a text over log lines of any time.
    pub(super) fn parse(&self, q: &str) -> Result<Compiled, QueryError> {
        self.parse_within(q, TimeRange::default(), RecordKind::Log)
    }

    pub(super) fn parse_within(
        &self,
        q: &str,
        range: TimeRange,
        kind: RecordKind,
    ) -> Result<Compiled, QueryError> {
        let query = self.session(|session| session.read_within(q, range, kind))?;
        Ok(Compiled { expr: query.expr, warnings: query.warnings })
    }

    pub(super) fn search(
        &self,
        request: &SearchRequest,
        deadline: &Deadline,
    ) -> Result<Answer<Found>, QueryError> {
        self.search_also(Expr::All, request, deadline)
    }

    /// Returns the newest lines of a user.
    pub(super) fn user(
        &self,
        user_id: &str,
        request: &SearchRequest,
        deadline: &Deadline,
    ) -> Result<Answer<Found>, QueryError> {
        let user = self.session(|session| session.id_condition("user_id", user_id));
        self.search_also(user, request, deadline)
    }

    fn search_also(
        &self,
        also: Expr,
        request: &SearchRequest,
        deadline: &Deadline,
    ) -> Result<Answer<Found>, QueryError> {
        let SearchRequest { query, limit, sort, cursor, fields } = request.clone();
        self.session(|session| {
            let mut query = session.read(&query)?;
            query.expr = Expr::all_of([also, query.expr]);
            let selection = session.select(&mut query, fields);
            let counting = session.counting(limit);
            if cursor.is_some_and(|cursor| cursor.sort != sort) {
                return Err(QueryError::Cursor);
            }
            let order = Order::Time { sort, after: cursor };
            let search = Search { query, limit, from: 0, order, selection, counting };
            let mut gathered = self.gathered();
            let found = session.searcher.search(&search, deadline, &mut gathered)?;
            let cursor = found.next.as_ref().map(|next| match next {
                Next::Time(cursor) => *cursor,
                Next::Field(_) => unreachable!("the order is one of time"),
            });
            Ok(Answer { hits: gathered.hits, cursor, found })
        })
    }

    /// Returns every line of a request.
    pub(super) fn request(&self, request_id: &str) -> Result<Answer<RequestSummary>, QueryError> {
        let mut gathered = self.gathered();
        let found = self.session(|session| lookup::request(session, request_id, &mut gathered))?;
        Ok(Answer { hits: gathered.hits, cursor: None, found })
    }

    pub(super) fn export(
        &self,
        query: &QueryText,
        sort: Sort,
        cursor: Option<Cursor>,
    ) -> Result<Pages, QueryError> {
        let config = self.state.config();
        let bounds = ExportBounds { hits_max: config.hits_max, deadline_max: config.deadline_max };
        self.session(|session| {
            let query = session.read(query)?;
            let request = ExportRequest { query, sort, cursor, selection: None };
            let export = Export::new(Arc::clone(session.searcher), request, bounds)?;
            Ok(Pages { export, answer_bytes_max: config.answer_bytes_max })
        })
    }
}

/// An export whose pages are kept in memory.
pub(super) struct Pages {
    pub(super) export: Export,
    answer_bytes_max: usize,
}

impl Pages {
    pub(super) fn next_page(
        &mut self,
        deadline: &Deadline,
    ) -> Result<Option<Answer<ExportPage>>, QueryError> {
        let mut gathered = Gathered { hits: Vec::new(), bytes_left: self.answer_bytes_max };
        let page = self.export.next_page(deadline, &mut gathered)?;
        Ok(page.map(|found| Answer { hits: gathered.hits, cursor: None, found }))
    }
}
