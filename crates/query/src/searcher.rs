//! The contract between those who ask and an engine that answers: the local store today, another
//! store where one stands behind the same API.
//!
//! Every method but [`Searcher::tail`] blocks; the gate runs them on blocking threads. A query
//! names a tenant, and an engine answers from the records of no other.

use std::fmt::Debug;
use std::time::Duration;

use tierlog_model::{RecordKind, Tenant};
use tokio_util::sync::CancellationToken;

use crate::aggregate::{AggregateAnswer, FieldList, FieldValues, Histogram, Request};
use crate::description::{Description, Detail};
use crate::dialect::KnownFields;
use crate::error::QueryError;
use crate::execute::{Deadline, Found, HitSink, Search};
use crate::query::Query;
use crate::tail::Tail;
use crate::time_range::TimeRange;

/// Answers queries.
pub(crate) trait Searcher: Debug + Send + Sync {
    /// Hands the first records of a query, in the asked order, to a sink.
    fn search(
        &self,
        search: &Search,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<Found, QueryError>;

    /// Computes aggregations over the records of a query.
    fn aggregate(
        &self,
        query: &Query,
        request: &Request,
        deadline: &Deadline,
    ) -> Result<AggregateAnswer, QueryError>;

    /// Counts the records of a query by time and level; without an interval the engine chooses one
    /// that gives about sixty buckets.
    fn histogram(
        &self,
        query: &Query,
        interval: Option<Duration>,
        deadline: &Deadline,
    ) -> Result<Histogram, QueryError>;

    /// Lists the fields of the partitions that a query touches.
    fn fields(&self, query: &Query, deadline: &Deadline) -> Result<FieldList, QueryError>;

    /// Finds the most frequent values of a field, given by its canonical name.
    fn values(
        &self,
        query: &Query,
        field: &str,
        limit: usize,
        deadline: &Deadline,
    ) -> Result<FieldValues, QueryError>;

    /// Follows the records of a query that arrive from now on, until the token is cancelled. The
    /// range of the query has no effect.
    fn tail(&self, query: Query, stop: CancellationToken) -> Tail;

    /// Says what is stored of a tenant, and for how long.
    fn describe(&self, tenant: Tenant, detail: Detail) -> Description;

    /// Returns the fields of the records of a tenant, as a dialect asks for names.
    fn known_fields<'s>(
        &'s self,
        tenant: Tenant,
        range: TimeRange,
        kind: RecordKind,
        deadline: &Deadline,
    ) -> Box<dyn KnownFields + 's>;
}
