//! `GET /api/v1/histogram`: counts by time bucket and level.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::{MethodRouter, get};
use serde::Serialize;
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
use crate::aggregate::HistogramBucket;
use crate::config::QueryConfig;
use crate::error::QueryError;
use crate::session::Session;

/// How wide the buckets are.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistogramParameters {
    /// Width of a bucket, such as `1m`; without a width there are about sixty buckets.
    #[param(value_type = Option<String>)]
    interval: Option<Duration>,
}

/// Counts by time bucket and level.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistogramResponse {
    /// Width of a bucket.
    interval_ms: u64,
    /// Buckets in order of time without holes; they start at whole multiples of the width since
    /// 1970. They reach `start` and `end` where those were given, else the first and last match.
    buckets: Vec<Bucket>,
    /// Milliseconds that the server took.
    took_ms: u64,
    /// Whether it is whole.
    #[serde(flatten)]
    whole: Wholeness,
    /// Levels that the asked range has outlived.
    expired: Vec<ExpiredLevel>,
}

/// One bucket.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Bucket {
    /// First moment inside.
    #[schema(format = DateTime)]
    start: String,
    /// Matches inside.
    total: u64,
    /// Matches by level; levels without matches are absent.
    levels: BTreeMap<&'static str, u64>,
}

impl From<HistogramBucket> for Bucket {
    fn from(bucket: HistogramBucket) -> Bucket {
        Bucket {
            start: bucket.start.to_string(),
            total: bucket.total,
            levels: bucket.levels.iter().map(|(level, count)| (level.as_str(), *count)).collect(),
        }
    }
}

/// A histogram.
pub(super) struct HistogramResource {
    scope: Scope,
    width: HistogramParameters,
}

impl Resource for HistogramResource {
    const MEMORY: MemoryUse = MemoryUse::Aggregations;

    fn take(parameters: &mut Parameters, _: &QueryConfig) -> Result<Self, Problem> {
        let scope = Scope::take(parameters)?;
        let width = HistogramParameters { interval: parameters.duration("interval")? };
        Ok(HistogramResource { scope, width })
    }

    fn timeout(&self) -> Option<Duration> {
        self.scope.timeout()
    }

    fn answer(self, session: &Session<'_>, reply: &Reply) -> Result<JsonAnswer, QueryError> {
        let query = session.read(&self.scope.into_text())?;
        let interval = self.width.interval;
        let histogram = session.searcher.histogram(&query, interval, session.deadline)?;
        reply.document(&HistogramResponse {
            interval_ms: u64::try_from(histogram.interval.as_millis()).unwrap_or(u64::MAX),
            buckets: histogram.buckets.into_iter().map(Bucket::from).collect(),
            took_ms: reply.took_ms(),
            whole: histogram.report.into(),
            expired: histogram.expired.into_iter().map(ExpiredLevel::from).collect(),
        })
    }
}

/// Counts the records that match a query by time bucket and level.
#[utoipa::path(
    get,
    path = "/api/v1/histogram",
    tag = "query",
    params(Scope, HistogramParameters),
    responses(
        (status = 200, body = HistogramResponse, description = "The answer"),
        Errors<CountingErrors>,
    )
)]
pub(super) fn histogram() -> MethodRouter<Arc<QueryState>> {
    get(ask::<HistogramResource>)
}
