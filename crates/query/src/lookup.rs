//! The two look-ups that support asks for: every line of a request, the newest lines of a user.

use std::collections::BTreeMap;

use tierlog_model::{Level, Record, Timestamp, Value, fields};

use crate::description::Detail;
use crate::error::QueryError;
use crate::execute::{Counting, Found, Hit, HitSink, Kept, PartialReason, Search};
use crate::order::Order;
use crate::query::Query;
use crate::session::Session;
use crate::sort::Sort;

/// The state of a level of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelState {
    /// There are lines.
    Present,
    /// There are no lines, and they would still be kept.
    None,
    /// There are no lines, and the request is older than the level is kept.
    Expired,
}

/// One level of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelStatus {
    /// Lines of the level.
    pub(crate) count: u64,
    /// What their number means.
    pub(crate) state: LevelState,
    /// When expired: lines of the level are kept from this moment on.
    pub(crate) since: Option<Timestamp>,
}

/// What the lines of one request say together; the lines went to a sink.
#[derive(Clone, Debug)]
pub(crate) struct RequestSummary {
    /// Services of the lines, in the order of the first line of each.
    pub(crate) services: Vec<String>,
    /// From the first line to the last, or the longest `duration_ms` that a line names when that
    /// is more: one access line tells how long the whole request took. Absent without lines.
    pub(crate) duration_ms: Option<f64>,
    /// Each level by name.
    pub(crate) levels: BTreeMap<Level, LevelStatus>,
    /// What the search found.
    pub(crate) found: Found,
}

/// Hands every line of a request, across tiers and days, to a sink.
pub(crate) fn request(
    session: &Session<'_>,
    request_id: &str,
    sink: &mut dyn HitSink,
) -> Result<RequestSummary, QueryError> {
    let expr = session.id_condition(fields::REQUEST_ID, request_id);
    let search = Search {
        query: Query::of(session.tenant, expr),
        limit: session.config.hits_max,
        from: 0,
        order: Order::Time { sort: Sort::OldestFirst, after: None },
        selection: None,
        counting: Counting::Needless,
    };
    let mut noting = Noting { facts: Facts::default(), sink };
    let mut found = session.searcher.search(&search, session.deadline, &mut noting)?;
    let facts = noting.facts;
    if found.next.is_some() && found.partial_reasons.is_empty() {
        found.partial_reasons.push(PartialReason::AnswerRecords);
    }
    Ok(RequestSummary {
        duration_ms: facts.duration_ms(),
        levels: level_states(session, &facts),
        services: facts.services,
        found,
    })
}

fn level_states(session: &Session<'_>, facts: &Facts) -> BTreeMap<Level, LevelStatus> {
    let description = session.searcher.describe(session.tenant, Detail::Tiers);
    let status = |level: Level| {
        let count = facts.counts.get(&level).copied().unwrap_or(0);
        let since = description.kept_since(level).unwrap_or(Timestamp::MIN);
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

/// Notes the facts of hits on the way to a sink.
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
