//! Tests of long texts, of which a column has the stamps.
//!
//! A stamp has the beginning of a text and a hash of all of it. Most tests are decided by that,
//! once for each different text; the others read the text from the document store, once for each
//! different text that is met.

use std::cmp::Ordering;

use tantivy::SegmentReader;
use tantivy::columnar::StrColumn;
use tierlog_model::limits::COLUMN_TEXT_BYTES_MAX;
use tierlog_store::{LongTexts, long_stamp, stamp_beginning};

use super::Deadline;
use super::bits::{Bits, Window};
use super::column::{Accept, ColumnTest, Ordinals};
use super::dictionary::{for_each_term, ordinal_range, prefix_end};
use super::node::{Join, Node};
use crate::bound::Bound;
use crate::error::QueryError;
use crate::expr::{FieldTest, ValueRange};

/// Bytes that the beginning in a stamp has at least: a character of four bytes may not fit.
const BEGINNING_BYTES_MIN: usize = COLUMN_TEXT_BYTES_MAX - 3;

/// A column of stamps, and where in its dictionary those of a field are.
#[derive(Clone, Copy)]
pub(super) struct Stamps<'s> {
    pub(super) segment: &'s SegmentReader,
    /// Name of the field.
    pub(super) name: &'s str,
    pub(super) column: &'s StrColumn,
    /// What stands before each stamp of the field.
    pub(super) start: &'s str,
}

/// What is known of the texts of a dictionary.
#[derive(Default)]
struct Verdicts {
    passed: Ordinals,
    /// Those whose beginning does not tell.
    open: Ordinals,
}

/// A test of long texts of which some have to be read.
pub(super) struct LongTextTest {
    column: StrColumn,
    start_bytes: usize,
    test: FieldTest,
    verdicts: Verdicts,
    /// Open ordinals whose text was read and did not pass.
    failed: Ordinals,
    texts: LongTexts,
}

/// Returns the node of a test on the long texts of a field.
pub(super) fn field_node(
    stamps: Stamps<'_>,
    test: &FieldTest,
    deadline: &Deadline,
) -> Result<Node, QueryError> {
    let Stamps { column, start, .. } = stamps;
    let dictionary = column.dictionary();
    let accept = match test {
        FieldTest::AnyOf(literals) => {
            let mut any = Join::any_of();
            for literal in literals.iter().filter(|literal| is_long(&literal.text)) {
                let stamp = format!("{start}{}", long_stamp(&literal.text));
                let ordinal = dictionary.term_ord(stamp)?;
                let ranges = ordinal.map(|ordinal| ordinal..=ordinal).into_iter().collect();
                any.push(ColumnTest::node(column.ords().clone(), Accept::Ranges(ranges)));
            }
            return Ok(any.finish());
        }
        FieldTest::Wildcard { value, .. }
            if value.is_prefix() && value.prefix().len() <= BEGINNING_BYTES_MIN =>
        {
            let first = format!("{start}{}", value.prefix());
            starting_with(column, first.as_bytes())?
        }
        // No text of this length is a number.
        FieldTest::Range(ValueRange::Numbers { .. }) => return Ok(Node::Nothing),
        FieldTest::Wildcard { .. }
        | FieldTest::Range(_)
        | FieldTest::Addresses(_)
        | FieldTest::Regex(_) => {
            let mut verdicts = Verdicts::default();
            for_each_term(dictionary, start.as_bytes(), deadline, |stamp, ordinal| {
                let stamp = stamp.get(start.len()..).unwrap_or_default();
                match decided_by(test, stamp_beginning(stamp)) {
                    Some(true) => verdicts.passed.insert(ordinal),
                    Some(false) => {}
                    None => verdicts.open.insert(ordinal),
                }
            })?;
            if !verdicts.open.is_empty() {
                return Ok(Node::LongText(Box::new(LongTextTest::new(stamps, test, verdicts))));
            }
            Accept::Ordinals(verdicts.passed)
        }
    };
    Ok(ColumnTest::node(column.ords().clone(), accept))
}

/// Returns the ordinals of the terms that start with some bytes.
pub(super) fn starting_with(column: &StrColumn, start: &[u8]) -> Result<Accept, QueryError> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let end = prefix_end(start);
    let end = end.as_deref().map_or(Unbounded, Excluded);
    ordinal_range(column.dictionary(), Included(start), end)
}

fn is_long(text: &str) -> bool {
    text.len() > COLUMN_TEXT_BYTES_MAX
}

/// Decides a test by the beginning of a text that goes on behind it.
fn decided_by(test: &FieldTest, beginning: &str) -> Option<bool> {
    match test {
        FieldTest::AnyOf(_) | FieldTest::Range(ValueRange::Numbers { .. }) => Some(false),
        FieldTest::Wildcard { value, .. } => {
            let prefix = value.prefix();
            match beginning.starts_with(prefix) {
                true if value.is_prefix() => Some(true),
                true => None,
                // The prefix may go on where the beginning ends.
                false if prefix.starts_with(beginning) => None,
                false => Some(false),
            }
        }
        FieldTest::Addresses(_) | FieldTest::Regex(_) => None,
        FieldTest::Range(ValueRange::Texts { lower, upper }) => {
            let above = match lower {
                Bound::Included(bound) | Bound::Excluded(bound) => {
                    compare(beginning, bound)?.is_gt()
                }
                Bound::Unbounded => true,
            };
            let below = match upper {
                Bound::Included(bound) | Bound::Excluded(bound) => {
                    compare(beginning, bound)?.is_lt()
                }
                Bound::Unbounded => true,
            };
            Some(above && below)
        }
    }
}

/// Compares a text that goes on behind its beginning with a bound; they are never equal unless the
/// bound goes on there too, where nothing is known.
fn compare(beginning: &str, bound: &str) -> Option<Ordering> {
    match beginning.cmp(bound) {
        Ordering::Equal => Some(Ordering::Greater),
        Ordering::Less if bound.starts_with(beginning) => None,
        ordering => Some(ordering),
    }
}

impl LongTextTest {
    fn new(stamps: Stamps<'_>, test: &FieldTest, verdicts: Verdicts) -> LongTextTest {
        LongTextTest {
            column: stamps.column.clone(),
            start_bytes: stamps.start.len(),
            test: test.clone(),
            verdicts,
            failed: Ordinals::default(),
            texts: LongTexts::new(stamps.segment, stamps.name),
        }
    }

    pub(super) fn evaluate(&mut self, window: Window, among: &Bits) -> Result<Bits, QueryError> {
        let mut found = Bits::empty();
        let ordinals = self.column.ords().clone();
        for offset in among.iter() {
            let doc = window.start + offset;
            for ordinal in ordinals.values_for_doc(doc) {
                if self.passes(ordinal, doc)? {
                    found.insert(offset);
                    break;
                }
            }
        }
        Ok(found)
    }

    fn passes(&mut self, ordinal: u64, doc: u32) -> Result<bool, QueryError> {
        if self.verdicts.passed.contains(ordinal) {
            return Ok(true);
        }
        if !self.verdicts.open.contains(ordinal) || self.failed.contains(ordinal) {
            return Ok(false);
        }
        let mut stamp = String::new();
        self.column.ord_to_str(ordinal, &mut stamp)?;
        let text = self.texts.find(doc, stamp.get(self.start_bytes..).unwrap_or_default())?;
        let passes = text.is_some_and(|text| self.test.passes_text(&text));
        match passes {
            true => self.verdicts.passed.insert(ordinal),
            false => self.failed.insert(ordinal),
        }
        Ok(passes)
    }
}
