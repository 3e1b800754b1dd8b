//! The names that a query may use: how fields are spelled, and which there are.
//!
//! Parsing asks here and nowhere else, so that it knows no partitions and no ingest: the engine
//! answers which fields records have, the root package brings the table of spellings.

use std::fmt;
use std::sync::Arc;

use tierlog_model::{Pseudonyms, Timestamp, fields};

use super::spellings::{built_in, contract_names};
use crate::error::QueryError;
use crate::warning::{Warning, WarningCode, quoted};

/// Similarity from which on a name is thought to be meant by another: `sevice` and `service` have
/// 0.96, `status` and `started` 0.76.
const SIMILAR: f64 = 0.85;

/// Fields of every record, and fields whose absence an id filter tells faster: a check of the field
/// names would add cost only.
const NEVER_UNKNOWN: [&str; 3] = [fields::TIMESTAMP, fields::LEVEL, fields::MESSAGE];

/// What other products call the fields of the contract, where the name is no spelling of one.
const CALLED_ELSEWHERE: [(&str, &str); 22] = [
    ("_msg", fields::MESSAGE),
    ("_raw", fields::MESSAGE),
    ("body", fields::MESSAGE),
    ("line", fields::MESSAGE),
    ("text", fields::MESSAGE),
    ("_time", fields::TIMESTAMP),
    ("date", fields::TIMESTAMP),
    ("datetime", fields::TIMESTAMP),
    ("ts", fields::TIMESTAMP),
    ("time", fields::TIMESTAMP),
    ("code", fields::STATUS_CODE),
    ("response_code", fields::STATUS_CODE),
    ("elapsed", fields::DURATION_MS),
    ("latency", fields::DURATION_MS),
    ("duration", fields::DURATION_MS),
    ("response_time", fields::DURATION_MS),
    ("uri", fields::PATH),
    ("url", fields::PATH),
    ("user", fields::USER_ID),
    ("uid", fields::USER_ID),
    ("job", fields::SERVICE),
    ("verb", fields::METHOD),
];

/// Which fields records have.
pub(crate) trait KnownFields {
    /// Tells whether a record in the asked range has a field of just this name. True as well
    /// when that cannot be told: what is said to be unknown is unknown.
    fn has(&self, name: &str) -> bool;

    /// Returns every name: for patterns of names.
    fn names(&self) -> Result<Vec<String>, QueryError>;

    /// Returns suggestions for a misspelt name; the search ends early rather than complete.
    fn similar_names(&self) -> Vec<String>;
}

/// Every field there may be: for conditions on records that are yet to come.
#[cfg(any(test, feature = "fuzzing"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnyField;

#[cfg(any(test, feature = "fuzzing"))]
impl KnownFields for AnyField {
    fn has(&self, _: &str) -> bool {
        true
    }

    fn names(&self) -> Result<Vec<String>, QueryError> {
        Ok(Vec::new())
    }

    fn similar_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Spellings of the contract's fields.
#[derive(Clone)]
pub struct Spellings(Arc<Table>);

type Table = dyn Fn(&str) -> Option<&'static str> + Send + Sync;

impl Spellings {
    /// Returns a table made of a function; the built-in table answers for unknown spellings.
    pub fn new(table: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Spellings {
        Spellings(Arc::new(move |name| table(name).or_else(|| built_in(name))))
    }

    /// Returns the canonical name of a field as written in a query.
    pub fn canonical<'n>(&self, name: &'n str) -> &'n str {
        (self.0)(name).unwrap_or(name)
    }
}

impl Default for Spellings {
    fn default() -> Spellings {
        Spellings(Arc::new(built_in))
    }
}

impl fmt::Debug for Spellings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Spellings")
    }
}

/// What parsing needs to know besides the text.
#[derive(Clone, Copy)]
pub(crate) struct Vocabulary<'v> {
    /// Pseudonymised fields with their keys.
    pub(crate) pseudonyms: &'v Pseudonyms,
    /// The present moment.
    pub(crate) now: Timestamp,
    /// How fields are spelled.
    pub(crate) spellings: &'v Spellings,
    /// Which fields there are.
    pub(crate) fields: &'v dyn KnownFields,
}

impl Vocabulary<'_> {
    /// Tells whether a name is a field: one of the contract, or one that some record has.
    pub(crate) fn knows(&self, written: &str) -> bool {
        let name = self.spellings.canonical(written);
        name != written || built_in(name).is_some() || self.fields.has(written)
    }

    /// Tells whether no record has a field, under its canonical name or as it is written.
    pub(crate) fn is_absent(&self, canonical: &str, written: &str) -> bool {
        let may_be = |name: &str| {
            NEVER_UNKNOWN.contains(&name)
                || fields::ID_FIELDS.contains(&name)
                || self.fields.has(name)
        };
        !may_be(canonical) && (canonical == written || !may_be(written))
    }

    /// Returns the remark that no record has a field. `then` names the consequence, if there is
    /// one.
    pub(crate) fn unknown_field(&self, field: &str, then: &str) -> Warning {
        let detail = format!("no record has a field {}{then}", quoted(field));
        let warning = Warning::new(WarningCode::UnknownField, detail).of_field(field);
        match self.suggestion(field) {
            Some(name) => warning.suggesting(name),
            None => warning,
        }
    }

    /// Returns the name that a name was probably meant to be.
    fn suggestion(&self, written: &str) -> Option<String> {
        let letters = |name: &str| -> String {
            let kept = name.chars().filter(|c| c.is_alphanumeric());
            kept.flat_map(char::to_lowercase).collect()
        };
        let wanted = letters(written);
        if wanted.is_empty() {
            return None;
        }
        let known = self.fields.similar_names();
        let contract = contract_names();
        let names = || contract.iter().copied().chain(known.iter().map(String::as_str));
        // `quizId` for `quiz_id`, and `quiz_id` for `extra.quiz_id`.
        let same = names().find(|name| *name != written && letters(name) == wanted);
        let inside = || {
            names().find(|name| {
                let (_, last) = name.rsplit_once('.').unwrap_or_default();
                letters(last) == wanted
            })
        };
        let elsewhere = || {
            let lower = written.to_lowercase();
            CALLED_ELSEWHERE.iter().find(|(called, _)| *called == lower).map(|(_, name)| *name)
        };
        let alike = || {
            names()
                .filter(|name| *name != written)
                .map(|name| (strsim::jaro_winkler(&wanted, &letters(name)), name))
                .filter(|(similarity, _)| *similarity >= SIMILAR)
                .max_by(|(left, _), (right, _)| left.total_cmp(right))
                .map(|(_, name)| name)
        };
        let found = same.or_else(inside).or_else(elsewhere).or_else(alike);
        found.map(str::to_owned)
    }
}
