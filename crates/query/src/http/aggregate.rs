//! `GET|POST /api/v1/aggregate`: Elasticsearch-shaped aggregations over a query.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value};
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::{ExpiredLevel, Wholeness, took_ms};
use super::body::Answer;
use super::parameters::Parameters;
use super::problem::Counting;
use super::request::Scope;
use super::state::QueryState;
use crate::aggregate::aggregate as run_aggregation;

/// What to compute.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AggregateParameters {
    /// Named aggregations as Elasticsearch writes them; JSON text in a query string. There are
    /// `terms`, `histogram`, `date_histogram`, `range`, `date_range`, `filter` (a query text),
    /// `missing`, `avg`, `min`, `max`, `sum`, `stats`, `extended_stats`, `percentiles`,
    /// `value_count` and `cardinality`, nested by `aggs`.
    #[param(value_type = Object, example = json!({"by_level": {"terms": {"field": "level"}}}))]
    aggs: Value,
}

impl AggregateParameters {
    fn take(parameters: &mut Parameters) -> Result<AggregateParameters, Problem> {
        let missing = || Problem::parameter("aggs", "\"aggs\" is missing");
        let aggs = match parameters.value("aggs").ok_or_else(missing)? {
            Value::String(text) => serde_json::from_str(&text).map_err(|error| {
                let detail = format!("\"aggs\" is not JSON at column {}", error.column());
                Problem::parameter("aggs", detail)
            })?,
            aggs => aggs,
        };
        match aggs {
            Value::Object(_) => Ok(AggregateParameters { aggs }),
            _ => Err(Problem::parameter("aggs", "\"aggs\" must be an object")),
        }
    }
}

/// Results of aggregations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AggregateResponse {
    /// Results by the names of the request, each in Elasticsearch's shape. Moments are
    /// milliseconds with an RFC 3339 text beside them.
    #[schema(value_type = Object)]
    aggregations: Map<String, Value>,
    /// Milliseconds that the server took.
    took_ms: u64,
    /// Whether it is whole.
    #[serde(flatten)]
    whole: Wholeness,
    /// Levels that the asked range has outlived.
    expired: Vec<ExpiredLevel>,
}

/// Computes aggregations over the records that match a query.
#[utoipa::path(
    method(get, post),
    path = "/api/v1/aggregate",
    tag = "query",
    params(Scope, AggregateParameters),
    request_body(content = Option<Object>, description = "POST: the parameters as one object"),
    responses(
        (status = 200, body = AggregateResponse, description = "The answer"),
        Errors<Counting>,
    )
)]
pub(super) async fn aggregate(
    State(state): State<Arc<QueryState>>,
    mut parameters: Parameters,
) -> Result<Answer, Problem> {
    let started = Instant::now();
    let scope = Scope::take(&mut parameters)?;
    let AggregateParameters { aggs } = AggregateParameters::take(&mut parameters)?;
    let _held = parameters.finish()?;
    let timeout = scope.timeout();
    let run = move |engine: &crate::engine::Engine, deadline: &crate::execute::Deadline| {
        let plan = engine.plan(&scope.into_plan())?;
        let answer = run_aggregation(engine, &plan, &aggs, deadline)?;
        Ok(AggregateResponse {
            aggregations: answer.aggregations,
            took_ms: took_ms(started),
            whole: answer.report.into(),
            expired: plan.expired.into_iter().map(ExpiredLevel::from).collect(),
        })
    };
    state.answer(MemoryUse::Aggregations, timeout, run).await
}
