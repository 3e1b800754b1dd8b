//! A query as a value: a tenant, a condition, a range of time, a kind of record.
//!
//! A dialect builds a query; an engine runs one and never sees a text.

use tierlog_model::{RecordKind, Tenant};

use crate::expr::Expr;
use crate::time_range::TimeRange;
use crate::warning::Warnings;

/// Which records are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    /// Owner of the records.
    pub(crate) tenant: Tenant,
    /// The condition.
    pub(crate) expr: Expr,
    /// Span of time, half-open.
    pub(crate) range: TimeRange,
    /// Log lines, or dead letters.
    pub(crate) kind: RecordKind,
    /// How the dialect read the query, where that needs saying: every answer repeats the warnings.
    pub(crate) warnings: Warnings,
}

impl Query {
    /// Returns the query for the log lines of a tenant that meet a condition, of any time.
    pub(crate) fn of(tenant: Tenant, expr: Expr) -> Query {
        let range = TimeRange::default();
        Query { tenant, expr, range, kind: RecordKind::Log, warnings: Warnings::default() }
    }
}
