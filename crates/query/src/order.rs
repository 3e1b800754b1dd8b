//! The order of a search with the place where an earlier page ended.

use crate::cursor::{Cursor, FieldCursor};
use crate::sort::{Direction, FieldPlace, Sort};

/// The order of a search, and where an earlier page ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// By time.
    Time {
        /// Which end comes first.
        sort: Sort,
        /// The last hit of the page before.
        after: Option<Cursor>,
    },
    /// By the values of a field.
    Field {
        /// Canonical name.
        field: String,
        /// Which values come first.
        direction: Direction,
        /// The last hit of the page before.
        after: Option<FieldPlace>,
    },
}

/// Where the next page starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// In an order by time.
    Time(Cursor),
    /// In an order by a field.
    Field(FieldCursor),
}

impl Next {
    /// Returns the text for the client.
    pub(crate) fn encode(&self) -> String {
        match self {
            Next::Time(cursor) => cursor.encode(),
            Next::Field(cursor) => cursor.encode(),
        }
    }
}
