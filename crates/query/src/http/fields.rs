//! `GET /api/v1/fields` and `GET /api/v1/fields/{name}/values`: what records hold.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::{MethodRouter, get};
use serde::Serialize;
use serde_json::Value;
use tierlog_model::RecordKind;
use tierlog_model::memory::MemoryUse;
use tierlog_problem::{Errors, Problem};
use utoipa::{IntoParams, ToSchema};

use super::answer::Wholeness;
use super::body::JsonAnswer;
use super::parameters::Parameters;
use super::problem::{CountingErrors, LookUpErrors};
use super::request::Scope;
use super::resource::{Reply, Resource, ask};
use super::state::QueryState;
use crate::aggregate::{BucketKey, FieldType, FieldValue, VALUES_MAX};
use crate::config::QueryConfig;
use crate::dialect::QueryText;
use crate::error::QueryError;
use crate::expr::Number;
use crate::session::Session;

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
    /// Longest time of the query, such as `5s`.
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

/// The names of fields.
pub(super) struct FieldsResource(FieldsParameters);

impl Resource for FieldsResource {
    const MEMORY: MemoryUse = MemoryUse::Aggregations;

    fn take(parameters: &mut Parameters, _: &QueryConfig) -> Result<Self, Problem> {
        Ok(FieldsResource(FieldsParameters {
            start: parameters.text("start")?,
            end: parameters.text("end")?,
            timeout: parameters.duration("timeout")?,
        }))
    }

    fn timeout(&self) -> Option<Duration> {
        self.0.timeout
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let FieldsParameters { start, end, .. } = self.0;
        let (q, kind) = (String::new(), RecordKind::Log);
        let query = session.read(&QueryText { q, start, end, kind })?;
        let found = session.searcher.fields(&query, session.deadline)?;
        let entries = found.fields.into_iter().map(|(name, field)| FieldEntry {
            name,
            types: field.types.into_iter().map(type_name).collect(),
            records: field.records,
            paired: field.is_paired,
        });
        reply.document(&FieldsResponse {
            fields: entries.collect(),
            took_ms: reply.took_ms(),
            whole: found.report.into(),
        })
    }
}

/// Lists the fields of the partitions that overlap a range.
#[utoipa::path(
    get,
    path = "/api/v1/fields",
    tag = "query",
    params(FieldsParameters),
    responses(
        (status = 200, body = FieldsResponse, description = "The answer"),
        Errors<LookUpErrors>,
    )
)]
pub(super) fn fields() -> MethodRouter<Arc<QueryState>> {
    get(ask::<FieldsResource>)
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
        ValueEntry { value: json_of(value.value), count: value.count }
    }
}

fn json_of(value: BucketKey) -> Value {
    match value {
        BucketKey::Text(text) | BucketKey::Beginning(text) => Value::String(text),
        BucketKey::Flag(flag) => Value::Bool(flag),
        BucketKey::Number(Number::Integer(integer)) => {
            integer.to_string().parse().map_or(Value::Null, Value::Number)
        }
        BucketKey::Number(Number::Float(float)) => Value::from(float),
        BucketKey::Moment(millis) => Value::from(millis),
        BucketKey::Range { name, .. } => Value::String(name),
    }
}

/// The values of a field.
pub(super) struct ValuesResource {
    name: String,
    scope: Scope,
    most: ValuesParameters,
}

impl Resource for ValuesResource {
    const MEMORY: MemoryUse = MemoryUse::Aggregations;

    fn take(parameters: &mut Parameters, _: &QueryConfig) -> Result<Self, Problem> {
        let limit = parameters.count("limit", VALUES_MAX)?.unwrap_or(VALUES_DEFAULT);
        Ok(ValuesResource {
            name: parameters.text("name")?.unwrap_or_default(),
            scope: Scope::take(parameters)?,
            most: ValuesParameters { limit },
        })
    }

    fn timeout(&self) -> Option<Duration> {
        self.scope.timeout()
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let query = session.read(&self.scope.into_text())?;
        let known = session.known_fields(query.range, query.kind);
        let field = session.field_name(known.as_ref(), &self.name);
        let limit = self.most.limit;
        let mut found = session.searcher.values(&query, &field, limit, session.deadline)?;
        session.note_absent(&query, &[field], &mut found.report.warnings);
        reply.document(&ValuesResponse {
            values: found.values.into_iter().map(ValueEntry::from).collect(),
            other: found.other,
            count_error_max: found.count_error_max,
            took_ms: reply.took_ms(),
            whole: found.report.into(),
        })
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
        Errors<CountingErrors>,
    )
)]
pub(super) fn values() -> MethodRouter<Arc<QueryState>> {
    get(ask::<ValuesResource>)
}
