//! Languages in which people and programs ask: each reads its own text to values that an engine
//! runs. An engine never sees a text.

pub(crate) mod es_query;
pub(crate) mod lucene;
mod spellings;
pub(crate) mod vocabulary;

use std::sync::Arc;

use tierlog_model::{Clock, Pseudonyms, RecordKind};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use vocabulary::AnyField;
pub use vocabulary::Spellings;
pub(crate) use vocabulary::{KnownFields, Vocabulary};

/// What every dialect reads with.
#[derive(Clone, Debug)]
pub(crate) struct Language {
    /// Pseudonymised fields with their keys.
    pub(crate) pseudonyms: Arc<Pseudonyms>,
    /// How fields are spelled.
    pub(crate) spellings: Spellings,
    /// The clock that relative times are read with.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Language {
    /// Returns the names of a query over records that have some fields.
    pub(crate) fn vocabulary<'l>(&'l self, fields: &'l dyn KnownFields) -> Vocabulary<'l> {
        let Language { pseudonyms, spellings, clock } = self;
        Vocabulary { pseudonyms, now: clock.now(), spellings, fields }
    }
}

/// A query text and the range beside it, as a client wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryText {
    /// Query text; empty is everything.
    pub(crate) q: String,
    /// First moment.
    pub(crate) start: Option<String>,
    /// First moment after.
    pub(crate) end: Option<String>,
    /// Log lines, or dead letters.
    pub(crate) kind: RecordKind,
}

impl QueryText {
    /// Returns the text for log lines of any time.
    #[cfg(test)]
    pub(crate) fn of(q: impl Into<String>) -> QueryText {
        QueryText { q: q.into(), start: None, end: None, kind: RecordKind::Log }
    }
}
