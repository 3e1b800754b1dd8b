//! `GET /api/v1/fields` and `GET /api/v1/fields/{name}/values`: what records hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, PathText, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Wholeness, took_ms};
use super::body::Answer;
use super::parameters::Parameters;
use super::problem::{Counting, LookUp};
use super::request::Scope;
use super::state::QueryState;
use crate::aggregate::{FieldType, FieldValue, VALUES_MAX, field_names, field_values};
use crate::engine::PlanRequest;

/// Values listed when no limit is given.
const VALUES_DEFAULT: usize = 20;

/// Which records the fields are of.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FieldsParameters {
    /// First moment: RFC 3339, unix time, or relative such as `now-1h`.
    start: Option<String>,
    /// First moment after the range.
    end: Option<String>,
    /// Longest time that the query may take, such as `5s`.
    #[param(value_type = Option<String>)]
    timeout: Option<Duration>,
}

/// The fields that records have.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldsResponse {
    /// Fields by name.
    fields: Vec<FieldEntry>,
    /// Milliseconds that the server took.
    took_ms: u64,
    /// Whether it is whole.
    #[serde(flatten)]
    whole: Wholeness,
}

/// One field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldEntry {
    /// Dotted name.
    #[schema(example = "endpoint")]
    name: String,
    /// Types that its values have in different records: `text`, `integer`, `float`, `bool`,
    /// `timestamp`.
    #[schema(example = json!(["text"]))]
    types: Vec<&'static str>,
    /// Records that have the field, in the partitions that overlap the range.
    records: u64,
    /// True when the field has no column of its own in some partition, which had as many names as
    /// it may have before: it is searched as any other, but not as fast.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    paired: bool,
}

/// Lists the fields of the partitions that overlap a range.
#[utoipa::path(
    get,
    path = "/api/v1/fields",
    tag = "query",
    params(FieldsParameters),
    responses(
        (status = 200, body = FieldsResponse, description = "The answer"),
        Errors<LookUp>,
    )
)]
pub(super) async fn fields(
    State(state): State<Arc<QueryState>>,
    mut parameters: Parameters,
) -> Result<Answer, Problem> {
    let started = Instant::now();
    let FieldsParameters { start, end, timeout } = FieldsParameters {
        start: parameters.text("start")?,
        end: parameters.text("end")?,
        timeout: parameters.duration("timeout")?,
    };
    let _held = parameters.finish()?;
    let run = move |engine: &crate::engine::Engine, deadline: &crate::execute::Deadline| {
        let plan = engine.plan(&PlanRequest { start, end, ..PlanRequest::of("") })?;
        let (fields, report) = field_names(engine, &plan, deadline)?;
        let entries = fields.into_iter().map(|(name, field)| FieldEntry {
            name,
            types: field.types.into_iter().map(type_name).collect(),
            records: field.records,
            paired: field.is_paired,
        });
        Ok(FieldsResponse {
            fields: entries.collect(),
            took_ms: took_ms(started),
            whole: report.into(),
        })
    };
    state.answer(MemoryUse::Aggregations, timeout, run).await
}

fn type_name(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "text",
        FieldType::Integer => "integer",
        FieldType::Float => "float",
        FieldType::Bool => "bool",
        FieldType::Timestamp => "timestamp",
    }
}

/// How many values are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ValuesParameters {
    /// Most values, 20 by default, at most 1000.
    #[param(required = false)]
    limit: usize,
}

/// The most frequent values of a field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ValuesResponse {
    /// Values, the most frequent first.
    values: Vec<ValueEntry>,
    /// Records whose value is not listed.
    other: u64,
    /// How much too small a count may be, when the field has very many values.
    count_error_max: u64,
    /// Milliseconds that the server took.
    took_ms: u64,
    /// Whether it is whole.
    #[serde(flatten)]
    whole: Wholeness,
}

/// One value.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ValueEntry {
    /// Text, number, `true` or `false`.
    #[schema(value_type = Value)]
    value: Value,
    /// Records that have it.
    count: u64,
}

impl From<FieldValue> for ValueEntry {
    fn from(value: FieldValue) -> ValueEntry {
        ValueEntry { value: value.value, count: value.count }
    }
}

/// Lists the most frequent values of a field among the records that match a query.
#[utoipa::path(
    get,
    path = "/api/v1/fields/{name}/values",
    tag = "query",
    params(("name" = String, Path, description = "Dotted name of the field"), Scope,
        ValuesParameters),
    responses(
        (status = 200, body = ValuesResponse, description = "The answer"),
        Errors<Counting>,
    )
)]
pub(super) async fn values(
    State(state): State<Arc<QueryState>>,
    PathText(name): PathText,
    mut parameters: Parameters,
) -> Result<Answer, Problem> {
    let started = Instant::now();
    let scope = Scope::take(&mut parameters)?;
    let limit = parameters.count("limit", VALUES_MAX)?.unwrap_or(VALUES_DEFAULT);
    let ValuesParameters { limit } = ValuesParameters { limit };
    let _held = parameters.finish()?;
    let timeout = scope.timeout();
    let run = move |engine: &crate::engine::Engine, deadline: &crate::execute::Deadline| {
        let plan = engine.plan(&scope.into_plan())?;
        let found = field_values(engine, &plan, &name, limit, deadline)?;
        Ok(ValuesResponse {
            values: found.values.into_iter().map(ValueEntry::from).collect(),
            other: found.other,
            count_error_max: found.count_error_max,
            took_ms: took_ms(started),
            whole: found.report.into(),
        })
    };
    state.answer(MemoryUse::Aggregations, timeout, run).await
}
