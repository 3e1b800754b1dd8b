//! The order of hits.

use crate::error::QueryError;

/// Order of the hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// `-timestamp`: newest first; of equal moments the one acknowledged last.
    #[default]
    NewestFirst,
    /// `timestamp`: oldest first.
    OldestFirst,
}

impl Sort {
    /// Reads the parameter `sort`.
    pub(crate) fn read(text: &str) -> Result<Sort, QueryError> {
        match text.trim() {
            "" | "-timestamp" => Ok(Sort::NewestFirst),
            "timestamp" | "+timestamp" => Ok(Sort::OldestFirst),
            _ => Err(QueryError::Parameter {
                name: "sort",
                message: "expected -timestamp or timestamp".to_owned(),
            }),
        }
    }

    /// Returns the record number that comes first among equal moments.
    pub(crate) fn best_seq(self) -> u64 {
        match self {
            Sort::NewestFirst => u64::MAX,
            Sort::OldestFirst => 0,
        }
    }
}
