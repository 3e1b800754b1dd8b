//! The two look-ups that support asks for: every line of a request, the newest lines of a user.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use tierlog_model::{Level, Record, RecordKind, Tenant, Timestamp, Value, fields};

use super::collect::Counting;
#[cfg(test)]
use super::hits::Gathered;
use super::hits::{Hit, HitSink, Kept};
use super::search::{SearchRequest, SearchResponse, Sort};
use super::{Deadline, PartialReason};
use crate::dialect::lucene::Compiled;
use crate::engine::{Engine, PlanRequest};
use crate::error::QueryError;
use crate::expr::{Expr, FieldTest, Literal};
use crate::plan::{Plan, kept_since};
use crate::time_range::TimeRange;
use crate::warning::Warnings;

/// What is known of one level of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LevelState {
    /// There are lines.
    Present,
    /// There are no lines, and they would still be kept.
    None,
    /// There are no lines, and the request is older than the level is kept.
    Expired,
}

/// One level of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LevelStatus {
    /// Lines of the level.
    pub(crate) count: u64,
    /// What their number means.
    pub(crate) state: LevelState,
    /// When expired: lines of the level are kept from this moment on.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "moment")]
    pub(crate) since: Option<Timestamp>,
}

fn moment<S: Serializer>(value: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(moment) => serializer.collect_str(moment),
        None => serializer.serialize_none(),
    }
}

/// Every line of one request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RequestResponse {
    /// The id as asked.
    pub(crate) request_id: String,
    /// The lines, oldest first; none where they went to a sink of the caller's.
    pub(crate) records: Vec<Hit>,
    /// Services that logged them, in the order of their first line.
    pub(crate) services: Vec<String>,
    /// From the first line to the last, or the longest `duration_ms` that a line names when that
    /// is more: one access line tells how long the whole request took. Absent without lines.
    pub(crate) duration_ms: Option<f64>,
    /// Each level by name.
    pub(crate) levels: BTreeMap<Level, LevelStatus>,
    /// Whether lines may be missing.
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
    /// What the answer says about itself.
    #[serde(skip_serializing_if = "Warnings::is_empty")]
    pub(crate) warnings: Warnings,
    /// Milliseconds that the look-up took.
    pub(crate) took_ms: u64,
}

/// Newest lines of one user.
#[derive(Clone, Debug)]
pub(crate) struct UserRequest {
    /// The plain id, or its pseudonym.
    pub(crate) user_id: String,
    /// Further condition, range, limit, cursor and fields.
    pub(crate) search: SearchRequest,
}

impl Engine {
    /// Returns every line of a request, across tiers and days.
    #[cfg(test)]
    pub(crate) fn request(
        &self,
        request_id: &str,
        deadline: &Deadline,
    ) -> Result<RequestResponse, QueryError> {
        let mut gathered = Gathered::up_to(self.config().answer_bytes_max);
        let found = self.request_into(request_id, deadline, &mut gathered)?;
        Ok(RequestResponse { records: gathered.hits, ..found })
    }

    /// Hands every line of a request to a sink.
    pub(crate) fn request_into(
        &self,
        request_id: &str,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<RequestResponse, QueryError> {
        let expr = self.id_expr(fields::REQUEST_ID, request_id);
        let plan = self.plan_of(expr, TimeRange::default(), RecordKind::Log);
        let mut search = SearchRequest::of("");
        search.limit = self.config().hits_max;
        search.sort = Sort::OldestFirst;
        let mut noting = Noting { facts: Facts::default(), sink };
        let mut found =
            self.search_plan(&plan, &search, Counting::Needless, deadline, &mut noting)?;
        let facts = noting.facts;
        if found.cursor.is_some() && !found.partial {
            found.partial = true;
            found.partial_reasons.push(PartialReason::AnswerRecords);
        }
        Ok(RequestResponse {
            request_id: request_id.to_owned(),
            duration_ms: facts.duration_ms(),
            levels: self.level_states(&facts),
            services: facts.services,
            records: Vec::new(),
            partial: found.partial,
            partial_reasons: found.partial_reasons,
            whole_from: found.whole_from,
            partial_partitions: found.partial_partitions,
            warnings: found.warnings,
            took_ms: found.took_ms,
        })
    }

    /// Returns the newest lines of a user.
    #[cfg(test)]
    pub(crate) fn user(
        &self,
        request: &UserRequest,
        deadline: &Deadline,
    ) -> Result<SearchResponse, QueryError> {
        let mut gathered = Gathered::up_to(self.config().answer_bytes_max);
        let found = self.user_into(request, deadline, &mut gathered)?;
        Ok(SearchResponse { hits: gathered.hits, ..found })
    }

    /// Hands the newest lines of a user to a sink.
    pub(crate) fn user_into(
        &self,
        request: &UserRequest,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<SearchResponse, QueryError> {
        let PlanRequest { q, start, end, kind } = &request.search.query;
        let user = self.id_expr(fields::USER_ID, &request.user_id);
        let now = self.clock().now();
        let range = TimeRange::read(start.as_deref(), end.as_deref(), now)?;
        let Compiled { expr, warnings } = self.parse_within(q, range, *kind)?;
        let expr = Expr::all_of([user, expr]);
        let mut plan = Plan { warnings, ..self.plan_of(expr, range, *kind) };
        self.note_selected(&mut plan, request.search.fields.as_deref());
        self.search_plan(&plan, &request.search, self.counting(&request.search), deadline, sink)
    }

    /// Returns the condition that a field has an id, in any of its stored forms.
    pub(crate) fn id_expr(&self, field: &str, id: &str) -> Expr {
        let forms = self.pseudonyms().stored_forms(field, id);
        Expr::field(field, FieldTest::AnyOf(forms.into_iter().map(Literal::id).collect()))
    }

    /// Plans a condition that is compiled already.
    pub(crate) fn plan_of(&self, expr: Expr, range: TimeRange, kind: RecordKind) -> Plan {
        let tiers = self.store().catalogue().tiers();
        let mut plan = Plan::new(expr, range, kind, tiers, self.clock().now());
        plan.note_early_drops(tiers, |tier| {
            self.store().dropped_early_through(Tenant::DEFAULT, tier)
        });
        plan
    }

    fn level_states(&self, facts: &Facts) -> BTreeMap<Level, LevelStatus> {
        let now = self.clock().now();
        let tiers = self.store().catalogue().tiers();
        let status = |level: Level| {
            let count = facts.counts.get(&level).copied().unwrap_or(0);
            let since = kept_since(level, tiers, now);
            let early = self.store().dropped_early_through(Tenant::DEFAULT, tiers.of_level(level));
            let since = early.map_or(since, |through| since.max(through.end()));
            // Without a single line nobody knows when the request was.
            let is_expired = count == 0 && facts.first.is_some_and(|first| first < since);
            let state = match count {
                0 if is_expired => LevelState::Expired,
                0 => LevelState::None,
                _ => LevelState::Present,
            };
            LevelStatus { count, state, since: is_expired.then_some(since) }
        };
        Level::ALL.into_iter().map(|level| (level, status(level))).collect()
    }
}

/// Bytes of the names of services that one answer lists: a name may be as long as a line, and no
/// request goes through a thousand services.
const SERVICES_BYTES_MAX: usize = 256 << 10;

/// What the lines of a request say together.
#[derive(Default)]
struct Facts {
    /// Distinct services, in the order of their first line.
    services: Vec<String>,
    services_bytes: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// The longest duration that a line names, milliseconds.
    longest_ms: f64,
    counts: BTreeMap<Level, u64>,
}

/// What one line adds.
struct Line {
    new_service: Option<String>,
    timestamp: Timestamp,
    level: Level,
    named_ms: f64,
}

impl Facts {
    fn line(&self, record: &Record<'_>) -> Line {
        let service = record.get_str(fields::SERVICE);
        let is_new = |service: &&str| !self.services.iter().any(|known| known == *service);
        let named_ms = match record.get(fields::DURATION_MS) {
            Some(Value::I64(number)) => *number as f64,
            Some(Value::U64(number)) => *number as f64,
            Some(Value::F64(number)) => *number,
            Some(Value::Bool(_) | Value::Str(_) | Value::Json(_)) | None => 0.0,
        };
        Line {
            new_service: service.filter(is_new).map(str::to_owned),
            timestamp: record.timestamp,
            level: record.level,
            named_ms,
        }
    }

    fn add(&mut self, line: Line) {
        if let Some(service) = line.new_service {
            self.services_bytes += service.len();
            self.services.push(service);
        }
        self.first.get_or_insert(line.timestamp);
        self.last = Some(line.timestamp);
        *self.counts.entry(line.level).or_default() += 1;
        self.longest_ms = self.longest_ms.max(line.named_ms);
    }

    fn duration_ms(&self) -> Option<f64> {
        let span = self.last?.as_micros() - self.first?.as_micros();
        Some((span as f64 / 1_000.0).max(self.longest_ms))
    }
}

/// Notes what hits say on their way to a sink.
struct Noting<'s> {
    facts: Facts,
    sink: &'s mut dyn HitSink,
}

impl HitSink for Noting<'_> {
    fn take(&mut self, hit: Hit) -> Result<Kept, QueryError> {
        if self.facts.services_bytes > SERVICES_BYTES_MAX {
            return Ok(Kept::NoRoom);
        }
        let line = self.facts.line(&hit.record);
        let kept = self.sink.take(hit)?;
        if kept == Kept::Yes {
            self.facts.add(line);
        }
        Ok(kept)
    }
}
