//! Tests of short text, answered from a column's sorted dictionary.

use std::ops::Bound as RangeBound;

use tantivy::columnar::Dictionary;

use super::Deadline;
use super::column::{Accept, Ordinals};
use crate::bound::Bound;
use crate::error::QueryError;
use crate::expr::{FieldTest, ValueRange};

/// Terms between two looks at the deadline: about a tenth of a millisecond.
const TERMS_PER_CHECK: u64 = 4_096;

/// Returns the ordinals of the texts that pass a test.
pub(super) fn accepted(
    dictionary: &Dictionary,
    test: &FieldTest,
    deadline: &Deadline,
) -> Result<Accept, QueryError> {
    match test {
        FieldTest::AnyOf(literals) => {
            let mut ordinals = Ordinals::default();
            let mut only = None;
            for literal in literals {
                if let Some(ordinal) = dictionary.term_ord(&literal.text)? {
                    ordinals.insert(ordinal);
                    only = Some(ordinal);
                }
            }
            // One literal is the usual case, and a range is scanned by blocks.
            Ok(match (literals.as_slice(), only) {
                ([_], Some(ordinal)) => Accept::Ranges(vec![ordinal..=ordinal]),
                _ => Accept::Ordinals(ordinals),
            })
        }
        FieldTest::Range(ValueRange::Texts { lower, upper }) => {
            ordinal_range(dictionary, bytes(lower), bytes(upper))
        }
        FieldTest::Wildcard { value, .. } => {
            if value.is_prefix() {
                let prefix = value.prefix().as_bytes();
                let end = prefix_end(prefix);
                let upper = end.as_deref().map_or(RangeBound::Unbounded, RangeBound::Excluded);
                return ordinal_range(dictionary, RangeBound::Included(prefix), upper);
            }
            scan(dictionary, value.prefix(), |text| value.matches(text), deadline)
        }
        FieldTest::Range(ValueRange::Numbers { .. })
        | FieldTest::Addresses(_)
        | FieldTest::Regex(_) => scan(dictionary, "", |text| test.passes_text(text), deadline),
    }
}

fn bytes(bound: &Bound<String>) -> RangeBound<&[u8]> {
    match bound {
        Bound::Included(text) => RangeBound::Included(text.as_bytes()),
        Bound::Excluded(text) => RangeBound::Excluded(text.as_bytes()),
        Bound::Unbounded => RangeBound::Unbounded,
    }
}

/// Returns the ordinals between two texts.
pub(super) fn ordinal_range(
    dictionary: &Dictionary,
    lower: RangeBound<&[u8]>,
    upper: RangeBound<&[u8]>,
) -> Result<Accept, QueryError> {
    let (lower, upper) = dictionary.term_bounds_to_ord(lower, upper)?;
    let first = match lower {
        RangeBound::Included(ordinal) => Some(ordinal),
        RangeBound::Excluded(ordinal) => ordinal.checked_add(1),
        RangeBound::Unbounded => Some(0),
    };
    let last = match upper {
        RangeBound::Included(ordinal) => Some(ordinal),
        RangeBound::Excluded(ordinal) => ordinal.checked_sub(1),
        RangeBound::Unbounded => Some(u64::MAX),
    };
    let range = first.zip(last).filter(|(first, last)| first <= last);
    Ok(Accept::Ranges(range.map(|(first, last)| first..=last).into_iter().collect()))
}

/// Looks at every text with a prefix.
fn scan(
    dictionary: &Dictionary,
    prefix: &str,
    passes: impl Fn(&str) -> bool,
    deadline: &Deadline,
) -> Result<Accept, QueryError> {
    let mut ordinals = Ordinals::default();
    for_each_term(dictionary, prefix.as_bytes(), deadline, |text, ordinal| {
        if passes(text) {
            ordinals.insert(ordinal);
        }
    })?;
    Ok(Accept::Ordinals(ordinals))
}

/// Hands on every text that starts with some bytes, with its ordinal.
pub(crate) fn for_each_term(
    dictionary: &Dictionary,
    prefix: &[u8],
    deadline: &Deadline,
    mut take: impl FnMut(&str, u64),
) -> Result<(), QueryError> {
    let mut stream = dictionary.prefix_range(prefix).into_stream()?;
    let mut seen = 0_u64;
    while stream.advance() {
        seen += 1;
        if seen.is_multiple_of(TERMS_PER_CHECK) {
            deadline.check()?;
        }
        if let Ok(text) = std::str::from_utf8(stream.key()) {
            take(text, stream.term_ord());
        }
    }
    Ok(())
}

/// Returns the first bytes after everything that starts with a prefix; `None` when there are none.
pub(super) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}
