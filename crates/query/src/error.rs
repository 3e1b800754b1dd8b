//! What can go wrong with a query. Every variant has a stable code for the HTTP layer.
//!
//! No text here repeats a value from a record or from the query: values may be personal data.

use std::time::Duration;

use tierlog_model::memory::Exhausted;
use tierlog_problem::Code;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum QueryError {
    /// The query text cannot be read.
    #[error("query syntax at byte {position}: {message}")]
    Syntax {
        /// Byte offset into `q` at which reading stopped.
        position: usize,
        /// What was expected there.
        message: String,
    },
    /// A pseudonymised field can be compared whole, and in no other way.
    #[error(
        "field {field} is stored as keyed pseudonyms: only whole values can be searched, \
         not prefixes, wildcards, ranges or regular expressions"
    )]
    PseudonymisedField {
        /// Canonical name of the field.
        field: String,
        /// Byte offset of the clause.
        position: usize,
    },
    /// The query is larger than a limit allows.
    #[error("query {what} is over the limit of {limit}")]
    TooExpensive {
        /// What is too large: `length in bytes`, `nesting`, `terms`, `buckets`, ...
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A request parameter is not valid.
    #[error("parameter {name}: {message}")]
    Parameter {
        /// Name of the parameter on the wire.
        name: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The cursor was not made by this server for this kind of request.
    #[error("cursor is not one that a search returned, or belongs to another sort order")]
    Cursor,
    /// The deadline passed before there was an answer.
    #[error("query ran longer than its deadline of {0:?}")]
    Deadline(Duration),
    /// The client went away.
    #[error("query was cancelled")]
    Cancelled,
    /// The query holds more memory than its part of the budget has room for.
    #[error("query: {0}")]
    Memory(#[from] Exhausted),
    /// Too many queries are running.
    #[error("too many {what} are running, at most {limit}")]
    Busy {
        /// What runs: `queries`, `tails`, `exports`.
        what: &'static str,
        /// How many may run at once.
        limit: usize,
    },
    /// The store could not be read.
    #[error("read store: {0}")]
    Store(#[from] tierlog_store::StoreError),
    /// An index could not be read.
    #[error("read index: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// A file of an index could not be read.
    #[error("read index file: {0}")]
    File(#[from] std::io::Error),
    /// Reading a partition panicked: its bytes are not what was written.
    #[error("read partition {0}: damaged")]
    Unreadable(String),
    /// The query machinery broke an own rule (a panicked worker, a failed serialisation).
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl QueryError {
    /// Returns the code of the contract's error answers.
    pub(crate) fn code(&self) -> Code {
        match self {
            QueryError::Syntax { .. } => Code::QuerySyntax,
            QueryError::PseudonymisedField { .. } => Code::PseudonymisedField,
            QueryError::TooExpensive { .. } => Code::TooExpensive,
            QueryError::Parameter { .. } => Code::InvalidParameter,
            QueryError::Cursor => Code::InvalidCursor,
            QueryError::Deadline(_) => Code::Deadline,
            QueryError::Cancelled => Code::Cancelled,
            QueryError::Memory(exhausted) if exhausted.is_final() => Code::TooExpensive,
            QueryError::Busy { .. } | QueryError::Memory(_) => Code::Busy,
            QueryError::Store(_)
            | QueryError::Index(_)
            | QueryError::File(_)
            | QueryError::Unreadable(_) => Code::StoreUnreadable,
            QueryError::Internal(_) => Code::Internal,
        }
    }

    /// Returns the byte offset into `q` that the error is about.
    pub(crate) fn position(&self) -> Option<usize> {
        match self {
            QueryError::Syntax { position, .. }
            | QueryError::PseudonymisedField { position, .. } => Some(*position),
            QueryError::TooExpensive { .. }
            | QueryError::Parameter { .. }
            | QueryError::Cursor
            | QueryError::Deadline(_)
            | QueryError::Cancelled
            | QueryError::Busy { .. }
            | QueryError::Memory(_)
            | QueryError::Store(_)
            | QueryError::Index(_)
            | QueryError::File(_)
            | QueryError::Unreadable(_)
            | QueryError::Internal(_) => None,
        }
    }

    /// Returns a syntax error.
    pub(crate) fn syntax(position: usize, message: impl Into<String>) -> QueryError {
        QueryError::Syntax { position, message: message.into() }
    }
}
