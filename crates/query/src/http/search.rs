//! `GET|POST /api/v1/search`: the newest or oldest records that match.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::{MethodRouter, get};
use serde::Serialize;
use tierlog_model::limits::{HITS_DEFAULT, HITS_MAX};
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::{ExpiredLevel, Wholeness};
use super::body::{Apart, JsonAnswer};
use super::parameters::Parameters;
use super::problem::Paging;
use super::request::Scope;
use super::resource::{Reply, Resource, ask};
use super::search_after::SearchAfter;
use super::state::QueryState;
use crate::config::QueryConfig;
use crate::cursor::{Cursor, FieldCursor};
use crate::error::QueryError;
use crate::execute::{Found, Search, TotalRelation};
use crate::order::Order;
use crate::query::Query;
use crate::session::Session;
use crate::sort::SortText;

/// Which of the matches to show, and how.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchParameters {
    /// Most hits, 100 by default, at most 10000. 0 only counts, exactly.
    #[param(required = false)]
    limit: usize,
    /// `-timestamp` (newest first, the default), `timestamp`, or any field, with `-` for the
    /// largest values first. Records without a value come last, equal values newest first.
    #[param(value_type = Option<String>)]
    sort: SortText,
    /// Where the page before ended: the `cursor` of its answer.
    #[param(required = false)]
    cursor: Option<String>,
    /// Hits to pass over, at most 100000; not beside `cursor` or `search_after`.
    #[param(required = false)]
    from: usize,
    /// Where the page before ended, by values: of the `sort` field (null for none), then the
    /// timestamp; JSON text in a query string. Records that are equal in both are passed over.
    #[param(value_type = Option<Object>)]
    search_after: Option<SearchAfter>,
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
        let sort = SortText::read(&parameters.text("sort")?.unwrap_or_default());
        let cursor = parameters.text("cursor")?;
        let from = parameters.count("from", FROM_MAX)?.unwrap_or(0);
        let search_after = SearchAfter::take(parameters)?;
        let starts = [cursor.is_some(), from > 0, search_after.is_some()];
        if starts.into_iter().filter(|is_given| *is_given).count() > 1 {
            let detail = "give one of \"cursor\", \"from\" and \"search_after\"";
            return Err(Problem::parameter("from", detail));
        }
        Ok(SearchParameters {
            limit: parameters.count("limit", hits_max)?.unwrap_or(HITS_DEFAULT.min(hits_max)),
            sort,
            cursor,
            from,
            search_after,
            fields: parameters.names("fields")?,
        })
    }

    /// Answers with a page of the hits of a query.
    pub(super) fn page(
        self,
        mut query: Query,
        session: &Session<'_>,
        reply: &Reply,
    ) -> Result<JsonAnswer, QueryError> {
        let SearchParameters { limit, sort, cursor, from, search_after, fields } = self;
        let order = match sort {
            SortText::Time(sort) => Order::Time {
                sort,
                after: match (cursor, search_after) {
                    (Some(cursor), _) => Some(Cursor::decode_in(&cursor, sort)?),
                    (None, Some(after)) => Some(after.in_time(session, sort)?),
                    (None, None) => None,
                },
            },
            SortText::Field(name, direction) => {
                let field = session.sort_field(&mut query, &name)?;
                let after = match (cursor, search_after) {
                    (Some(cursor), _) => {
                        Some(FieldCursor::decode(&cursor)?.place_in(&field, direction)?)
                    }
                    (None, Some(after)) => Some(after.in_field(session, &field)?),
                    (None, None) => None,
                };
                Order::Field { field, direction, after }
            }
        };
        let selection = session.select(&mut query, fields);
        let counting = session.counting(limit);
        let search = Search { query, limit, from, order, selection, counting };
        let mut records = reply.records();
        let found = session.searcher.search(&search, session.deadline, &mut records)?;
        reply.around(records, "hits", &SearchAnswer::new(found, reply.took_ms()))
    }
}

/// Hits that a page may pass over: each ten thousand of them are another pass over the matches.
const FROM_MAX: usize = 100_000;

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
    fn new(found: Found, took_ms: u64) -> SearchAnswer {
        let relation = match found.total.relation {
            TotalRelation::Eq => "eq",
            TotalRelation::Gte => "gte",
        };
        SearchAnswer {
            hits: Apart,
            total: TotalAnswer { value: found.total.value, relation },
            cursor: found.next.map(|next| next.encode()),
            took_ms,
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

/// A search.
pub(super) struct SearchResource {
    scope: Scope,
    page: SearchParameters,
}

impl Resource for SearchResource {
    const MEMORY: MemoryUse = MemoryUse::Hits;

    fn take(parameters: &mut Parameters, config: &QueryConfig) -> Result<Self, Problem> {
        let scope = Scope::take(parameters)?;
        Ok(SearchResource { scope, page: SearchParameters::take(parameters, config.hits_max)? })
    }

    fn timeout(&self) -> Option<Duration> {
        self.scope.timeout()
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let query = session.read(&self.scope.into_text())?;
        self.page.page(query, session, reply)
    }
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
pub(super) fn search() -> MethodRouter<Arc<QueryState>> {
    get(ask::<SearchResource>).post(ask::<SearchResource>)
}
