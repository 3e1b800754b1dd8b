//! The problems that a query answers with. Record content and the text of a query never stand in
//! them; a name that the client chose may.

use tierlog_problem::{Code, ErrorSet, Problem};

use crate::error::QueryError;

/// Errors of a body that holds the parameters of a POST.
pub(super) const BODY_ERRORS: &[Code] =
    &[Code::InvalidBody, Code::TooExpensive, Code::Deadline, Code::TooLarge, Code::Busy];

/// Errors of a resource that reads the store's catalogue and no records.
pub(super) struct ListingErrors;

impl ErrorSet for ListingErrors {
    const CODES: &'static [Code] = &[Code::InvalidParameter, Code::Busy];
}

/// Errors of a resource that reads records and takes no query text.
pub(super) struct LookUpErrors;

impl ErrorSet for LookUpErrors {
    const CODES: &'static [Code] = &[
        Code::InvalidParameter,
        Code::TooExpensive,
        Code::Deadline,
        Code::Busy,
        Code::StoreUnreadable,
    ];
}

/// Errors of a query text that is followed live.
pub(super) struct FollowingErrors;

impl ErrorSet for FollowingErrors {
    const CODES: &'static [Code] = &[
        Code::QuerySyntax,
        Code::PseudonymisedField,
        Code::InvalidParameter,
        Code::TooExpensive,
        Code::Busy,
    ];
}

/// Errors of a query text that is answered with figures.
pub(super) struct CountingErrors;

impl ErrorSet for CountingErrors {
    const CODES: &'static [Code] = &[
        Code::QuerySyntax,
        Code::PseudonymisedField,
        Code::InvalidParameter,
        Code::TooExpensive,
        Code::Deadline,
        Code::Busy,
        Code::StoreUnreadable,
    ];
}

/// Errors of a query text that is answered with pages of records.
pub(super) struct Paging;

impl ErrorSet for Paging {
    const CODES: &'static [Code] = &[
        Code::QuerySyntax,
        Code::PseudonymisedField,
        Code::InvalidParameter,
        Code::InvalidCursor,
        Code::TooExpensive,
        Code::Deadline,
        Code::Busy,
        Code::StoreUnreadable,
    ];
}

impl From<QueryError> for Problem {
    /// Tells the client about what the client can change; the rest goes to our own log.
    fn from(error: QueryError) -> Problem {
        let (code, position) = (error.code(), error.position());
        match &error {
            QueryError::Parameter { name, .. } => Problem::parameter(*name, error.to_string()),
            QueryError::Store(_)
            | QueryError::Index(_)
            | QueryError::File(_)
            | QueryError::Unreadable(_) => {
                tracing::error!(%error, "cannot read the store for a query");
                Problem::new(code, "the store cannot be read")
            }
            QueryError::Internal(_) => {
                tracing::error!(%error, "query broke a rule of its own");
                Problem::new(code, "internal error")
            }
            QueryError::Syntax { .. }
            | QueryError::PseudonymisedField { .. }
            | QueryError::TooExpensive { .. }
            | QueryError::Cursor
            | QueryError::Deadline(_)
            | QueryError::Cancelled
            | QueryError::Memory(_)
            | QueryError::Busy { .. } => {
                Problem::new(code, error.to_string()).at_position(position)
            }
        }
    }
}
