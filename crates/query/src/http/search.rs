//! `GET|POST /api/v1/search`: the newest or oldest records that match.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use serde::Serialize;
use tierlog_model::limits::{HITS_DEFAULT, HITS_MAX};
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::{ExpiredLevel, Wholeness, took_ms};
use super::body::{Answer, Apart, Records};
use super::parameters::Parameters;
use super::problem::Paging;
use super::request::Scope;
use super::state::{Patience, QueryState};
use crate::cursor::Cursor;
use crate::engine::{Engine, PlanRequest};
use crate::error::QueryError;
use crate::execute::{Deadline, SearchRequest, SearchResponse, Sort, TotalRelation};

/// Which of the matches to show, and how.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchParameters {
    /// Most hits, 100 by default, at most 10000. 0 only counts, exactly.
    #[param(required = false)]
    limit: usize,
    /// `-timestamp` (newest first, the default) or `timestamp`.
    #[param(value_type = Option<String>)]
    sort: Sort,
    /// Where the page before ended: the `cursor` of its answer.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Fields to show beside `timestamp` and `level`, with commas between; `http.*` is a prefix.
    /// All, when absent.
    #[param(value_type = Option<String>)]
    fields: Option<Vec<String>>,
}

impl SearchParameters {
    /// Takes the parameters of a page of hits.
    pub(super) fn take(
        parameters: &mut Parameters,
        hits_max: usize,
    ) -> Result<SearchParameters, Problem> {
        let sort = parameters.text("sort")?.unwrap_or_default();
        let cursor = parameters.text("cursor")?;
        Ok(SearchParameters {
            limit: parameters.count("limit", hits_max)?.unwrap_or(HITS_DEFAULT.min(hits_max)),
            sort: Sort::read(&sort)?,
            cursor: cursor.as_deref().map(Cursor::decode).transpose()?,
            fields: parameters.names("fields")?,
        })
    }

    /// Returns the search.
    pub(super) fn into_request(self, query: PlanRequest) -> SearchRequest {
        let SearchParameters { limit, sort, cursor, fields } = self;
        SearchRequest { query, limit, sort, cursor, fields }
    }
}

const _: () = assert!(HITS_MAX == 10_000, "the parameter's documentation says so");

/// One page of hits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SearchAnswer {
    /// The records: flat objects with `timestamp`, `level` and whatever fields they have.
    #[schema(value_type = Vec<Object>)]
    hits: Apart,
    /// How many records match, over all pages.
    total: TotalAnswer,
    /// Give this to get the next page; null after the last one.
    cursor: Option<String>,
    /// Milliseconds that the server took.
    took_ms: u64,
    /// Whether it is whole.
    #[serde(flatten)]
    whole: Wholeness,
    /// Levels that the asked range has outlived.
    expired: Vec<ExpiredLevel>,
}

/// How many records match.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TotalAnswer {
    /// The number.
    value: u64,
    /// `eq` when there are exactly so many, `gte` when there are at least so many.
    relation: &'static str,
}

impl SearchAnswer {
    /// Returns the answer for what was found.
    fn new(found: SearchResponse, started: Instant) -> SearchAnswer {
        let relation = match found.total.relation {
            TotalRelation::Eq => "eq",
            TotalRelation::Gte => "gte",
        };
        SearchAnswer {
            hits: Apart,
            total: TotalAnswer { value: found.total.value, relation },
            cursor: found.cursor,
            took_ms: took_ms(started),
            whole: Wholeness::of(
                found.partial_reasons,
                found.whole_from,
                found.partial_partitions,
                found.warnings,
            ),
            expired: found.expired.into_iter().map(ExpiredLevel::from).collect(),
        }
    }
}

/// Runs a search whose hits go to a sink, and returns the answer with the hits in place.
pub(super) async fn answer_hits<F>(
    state: &QueryState,
    timeout: Option<Duration>,
    started: Instant,
    search: F,
) -> Result<Answer, Problem>
where
    F: FnOnce(&Engine, &Deadline, &mut Records) -> Result<SearchResponse, QueryError>
        + Send
        + 'static,
{
    let answers = state.answers().clone();
    let work = move |engine: &Engine, deadline: &Deadline| {
        let mut records = Records::up_to(engine.config().answer_bytes_max, &answers);
        let found = search(engine, deadline, &mut records)?;
        Answer::around(records, "hits", &SearchAnswer::new(found, started), &answers)
    };
    state.run(MemoryUse::Hits, Patience::Short, timeout, work).await
}

/// Searches records.
#[utoipa::path(
    method(get, post),
    path = "/api/v1/search",
    tag = "query",
    params(Scope, SearchParameters),
    request_body(content = Option<Object>, description = "POST: the parameters as one object"),
    responses(
        (status = 200, body = SearchAnswer, description = "The answer"),
        Errors<Paging>,
    )
)]
pub(super) async fn search(
    State(state): State<Arc<QueryState>>,
    mut parameters: Parameters,
) -> Result<Answer, Problem> {
    let started = Instant::now();
    let scope = Scope::take(&mut parameters)?;
    let page = SearchParameters::take(&mut parameters, state.engine().config().hits_max)?;
    let _held = parameters.finish()?;
    let timeout = scope.timeout();
    let request = page.into_request(scope.into_plan());
    let search = move |engine: &Engine, deadline: &Deadline, records: &mut Records| {
        engine.search_into(&request, deadline, records)
    };
    answer_hits(&state, timeout, started, search).await
}
