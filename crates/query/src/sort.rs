//! The order of hits: by time, or by the values of a field.
//!
//! In an order by a field numbers come before texts and truth values before numbers; a text that
//! reads as a number is one. Texts are compared by their first 128 bytes. Of several values the
//! smallest counts in ascending order, the largest in descending order. Records without a value
//! come last either way, and equal values newest first.

use std::cmp::Ordering;

use tierlog_model::Timestamp;
use tierlog_model::limits::COLUMN_TEXT_BYTES_MAX;

use crate::error::QueryError;
use crate::expr::Number;

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
    /// Returns the record number that comes first among equal moments.
    pub(crate) fn best_seq(self) -> u64 {
        match self {
            Sort::NewestFirst => u64::MAX,
            Sort::OldestFirst => 0,
        }
    }
}

/// Which values come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

/// A value that records are ordered by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortValue {
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// The beginning of a text.
    Text(String),
}

impl SortValue {
    /// Returns the value of a text.
    pub(crate) fn of_text(text: &str) -> SortValue {
        match Number::read(text) {
            Some(number) => SortValue::Number(number),
            None => {
                let end = text.floor_char_boundary(COLUMN_TEXT_BYTES_MAX);
                SortValue::Text(text.get(..end).unwrap_or_default().to_owned())
            }
        }
    }

    /// Compares two values.
    pub(crate) fn compare(&self, other: &SortValue) -> Ordering {
        let kind = |value: &SortValue| match value {
            SortValue::Bool(_) => 0,
            SortValue::Number(_) => 1,
            SortValue::Text(_) => 2,
        };
        match (self, other) {
            (SortValue::Bool(left), SortValue::Bool(right)) => left.cmp(right),
            (SortValue::Number(left), SortValue::Number(right)) => left.compare(*right),
            (SortValue::Text(left), SortValue::Text(right)) => left.cmp(right),
            (left, right) => kind(left).cmp(&kind(right)),
        }
    }
}

/// The place of a record in an order by a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldPlace {
    /// The value; `None` stands last.
    pub(crate) value: Option<SortValue>,
    /// Moment of the record.
    pub(crate) timestamp: Timestamp,
    /// Number of the record.
    pub(crate) seq: u64,
}

impl FieldPlace {
    /// Compares two places: the lesser comes first.
    pub(crate) fn compare(&self, other: &FieldPlace, direction: Direction) -> Ordering {
        let values = match (&self.value, &other.value) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) => match direction {
                Direction::Ascending => left.compare(right),
                Direction::Descending => right.compare(left),
            },
        };
        let newest_first = (other.timestamp, other.seq).cmp(&(self.timestamp, self.seq));
        values.then(newest_first)
    }
}

/// The parameter `sort` as a client writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SortText {
    /// By time.
    Time(Sort),
    /// By a field, under the name that the client knows.
    Field(String, Direction),
}

impl SortText {
    /// Reads `-timestamp`, `duration_ms` or `-duration_ms`; an empty text is newest first.
    pub(crate) fn read(text: &str) -> SortText {
        let text = text.trim();
        let (name, direction) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
            (Some(name), _) => (name, Direction::Descending),
            (None, Some(name)) => (name, Direction::Ascending),
            (None, None) => (text, Direction::Ascending),
        };
        match (name, direction) {
            ("", _) | ("timestamp" | "@timestamp", Direction::Descending) => {
                SortText::Time(Sort::NewestFirst)
            }
            ("timestamp" | "@timestamp", Direction::Ascending) => SortText::Time(Sort::OldestFirst),
            _ => SortText::Field(name.to_owned(), direction),
        }
    }

    /// Reads the order of an export, which is one of time.
    pub(crate) fn read_time(text: &str) -> Result<Sort, QueryError> {
        match SortText::read(text) {
            SortText::Time(sort) => Ok(sort),
            SortText::Field(..) => Err(QueryError::Parameter {
                name: "sort",
                message: "expected -timestamp or timestamp".to_owned(),
            }),
        }
    }
}
