//! `GET|POST /api/v1/aggregate`: Elasticsearch-shaped aggregations over a query.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::{MethodRouter, get};
use serde::{Serialize, Serializer};
use serde_json::Value;
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::{ExpiredLevel, Wholeness};
use super::body::JsonAnswer;
use super::parameters::Parameters;
use super::problem::CountingErrors;
use super::request::Scope;
use super::resource::{Reply, Resource, ask};
use super::state::QueryState;
use crate::aggregate::{Answers, EsJson};
use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::session::Session;

/// What to compute.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AggregateParameters {
    /// Named aggregations as Elasticsearch writes them, nested by `aggs`; JSON text in a query
    /// string. A filter takes a query text.
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
    #[serde(serialize_with = "as_elasticsearch")]
    #[schema(value_type = Object)]
    aggregations: Answers,
    /// Milliseconds that the server took.
    took_ms: u64,
    /// Whether it is whole.
    #[serde(flatten)]
    whole: Wholeness,
    /// Levels that the asked range has outlived.
    expired: Vec<ExpiredLevel>,
}

fn as_elasticsearch<S: Serializer>(answers: &Answers, serializer: S) -> Result<S::Ok, S::Error> {
    EsJson(answers).serialize(serializer)
}

/// An aggregation.
pub(super) struct AggregateResource {
    scope: Scope,
    asked: AggregateParameters,
}

impl Resource for AggregateResource {
    const MEMORY: MemoryUse = MemoryUse::Aggregations;

    fn take(parameters: &mut Parameters, _: &QueryConfig) -> Result<Self, Problem> {
        let scope = Scope::take(parameters)?;
        Ok(AggregateResource { scope, asked: AggregateParameters::take(parameters)? })
    }

    fn timeout(&self) -> Option<Duration> {
        self.scope.timeout()
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let query = session.read(&self.scope.into_text())?;
        let request = session.aggregations(&query, self.asked.aggs)?;
        let mut answer = session.searcher.aggregate(&query, &request, session.deadline)?;
        answer.report.warnings.add_missing(request.warnings());
        session.note_absent(&query, &request.fields(), &mut answer.report.warnings);
        reply.document(&AggregateResponse {
            aggregations: answer.answers,
            took_ms: reply.took_ms(),
            whole: answer.report.into(),
            expired: answer.expired.into_iter().map(ExpiredLevel::from).collect(),
        })
    }
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
        Errors<CountingErrors>,
    )
)]
pub(super) fn aggregate() -> MethodRouter<Arc<QueryState>> {
    get(ask::<AggregateResource>).post(ask::<AggregateResource>)
}
