//! Tests of a typed column: the stored numbers that pass.
//!
//! A column stores every type as ordered 64-bit numbers: ordinals of a sorted dictionary for
//! text, order-preserving images of numbers. A test is turned into a range or a set of them once
//! per segment; no text is compared per document.

use std::ops::RangeInclusive;

use tantivy::DocId;
use tantivy::columnar::{
    Cardinality, Column, ColumnType, DynamicColumn, DynamicColumnHandle, StrColumn,
};
use tantivy::{f64_to_u64, i64_to_u64, u64_to_f64, u64_to_i64};

use super::bits::{Bits, Window};
use super::node::Node;
use super::{Deadline, dictionary};
use crate::bound::Bound;
use crate::error::QueryError;
use crate::expr::{FieldTest, Number, ValueRange};

/// From this many documents on, a window is scanned by blocks rather than looked up one by one.
const DENSE_DOCS: u32 = 256;

/// Which stored numbers of a column are accepted.
pub(super) enum Accept {
    /// Every one: the document has a value.
    Any,
    /// Those of one of the ranges.
    Ranges(Vec<RangeInclusive<u64>>),
    /// Those of a set of ordinals.
    Ordinals(Ordinals),
    /// Those for which a function says so.
    Computed(Box<dyn Fn(u64) -> bool + Send>),
}

/// A set of ordinals of a dictionary.
#[derive(Debug, Default)]
pub(super) struct Ordinals {
    words: Vec<u64>,
}

impl Ordinals {
    pub(super) fn insert(&mut self, ordinal: u64) {
        let position = (ordinal / 64) as usize;
        if self.words.len() <= position {
            self.words.resize(position + 1, 0);
        }
        if let Some(word) = self.words.get_mut(position) {
            *word |= 1 << (ordinal % 64);
        }
    }

    pub(super) fn contains(&self, ordinal: u64) -> bool {
        self.words.get((ordinal / 64) as usize).is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// A column and the accepted stored numbers. Of several values of a document a single accepted
/// value is enough.
pub(super) struct ColumnTest {
    column: Column<u64>,
    accept: Accept,
    buffer: Vec<u32>,
    /// Stored numbers of a window.
    numbers: Vec<u64>,
}

impl ColumnTest {
    /// Returns the test as a node; a column's own statistics may answer it at once.
    pub(super) fn node(column: Column<u64>, accept: Accept) -> Node {
        let is_full = column.get_cardinality() == Cardinality::Full;
        let accept = match accept {
            Accept::Ranges(ranges) => {
                let (min, max) = (column.min_value(), column.max_value());
                let mut kept = ranges;
                kept.retain(|range| {
                    !range.is_empty() && *range.start() <= max && min <= *range.end()
                });
                match kept.as_slice() {
                    [] => return Node::Nothing,
                    [range] if *range.start() <= min && max <= *range.end() => Accept::Any,
                    _ => Accept::Ranges(kept),
                }
            }
            Accept::Ordinals(ordinals) if ordinals.is_empty() => return Node::Nothing,
            accept => accept,
        };
        match accept {
            Accept::Any if is_full => Node::All,
            accept => {
                Node::Column(ColumnTest { column, accept, buffer: Vec::new(), numbers: Vec::new() })
            }
        }
    }

    pub(super) fn cost(&self) -> u32 {
        match &self.accept {
            Accept::Any => 1,
            Accept::Ranges(ranges) => 1 + ranges.len().min(1_000) as u32,
            Accept::Ordinals(_) => 1_002,
            Accept::Computed(_) => 2_000,
        }
    }

    pub(super) fn evaluate(&mut self, window: Window, among: &Bits) -> Bits {
        let mut found = Bits::empty();
        if among.count() >= DENSE_DOCS && self.find_by_blocks(window) {
            for doc in &self.buffer {
                found.insert(doc - window.start);
            }
            found.intersect(among);
            return found;
        }
        for offset in among.iter() {
            let mut values = self.column.values_for_doc(window.start + offset);
            if values.any(|value| self.accept.accepts(value)) {
                found.insert(offset);
            }
        }
        found
    }

    /// Puts the accepted documents of a window into the buffer; false when the column is not fit
    /// for that.
    fn find_by_blocks(&mut self, window: Window) -> bool {
        self.buffer.clear();
        let docs = window.start..window.end;
        match &self.accept {
            Accept::Ranges(ranges) if let [range] = ranges.as_slice() => {
                self.column.get_docids_for_value_range(range.clone(), docs, &mut self.buffer);
                true
            }
            Accept::Ordinals(ordinals) if !self.column.get_cardinality().is_multivalue() => {
                let rows = self.column.index.docid_range_to_rowids(docs.clone());
                self.numbers.clear();
                self.numbers.resize(rows.len(), 0);
                self.column.values.get_range(u64::from(rows.start), &mut self.numbers);
                let accepted =
                    rows.zip(&self.numbers).filter(|(_, number)| ordinals.contains(**number));
                self.buffer.extend(accepted.map(|(row, _)| row));
                self.column.index.select_batch_in_place(docs.start, &mut self.buffer);
                true
            }
            Accept::Any | Accept::Ranges(_) | Accept::Ordinals(_) | Accept::Computed(_) => false,
        }
    }
}

impl Accept {
    fn accepts(&self, value: u64) -> bool {
        match self {
            Accept::Any => true,
            Accept::Ranges(ranges) => ranges.iter().any(|range| range.contains(&value)),
            Accept::Ordinals(ordinals) => ordinals.contains(value),
            Accept::Computed(accepts) => accepts(value),
        }
    }
}

/// Returns the node of a test on one typed column of a field.
pub(super) fn field_node(
    handle: &DynamicColumnHandle,
    test: &FieldTest,
    deadline: &Deadline,
) -> Result<Node, QueryError> {
    if handle.column_type() == ColumnType::Str {
        return match handle.open()? {
            DynamicColumn::Str(column) => text_node(&column, test, deadline),
            _ => Ok(Node::Nothing),
        };
    }
    let Some(column) = handle.open_u64_lenient()? else { return Ok(Node::Nothing) };
    let test = test.clone();
    let accept = match (handle.column_type(), &test) {
        (ColumnType::Bool, _) => {
            Accept::Computed(Box::new(move |value| test.passes_bool(value == 1)))
        }
        (ColumnType::I64 | ColumnType::U64 | ColumnType::F64, FieldTest::AnyOf(literals)) => {
            let numbers = literals.iter().filter_map(|literal| literal.number);
            let ranges = numbers.filter_map(|number| {
                let bound = || Bound::Included(number);
                number_range(handle.column_type(), bound(), bound())
            });
            Accept::Ranges(ranges.collect())
        }
        (
            ColumnType::I64 | ColumnType::U64 | ColumnType::F64,
            FieldTest::Range(ValueRange::Numbers { lower, upper }),
        ) => {
            let range = number_range(handle.column_type(), *lower, *upper);
            Accept::Ranges(range.into_iter().collect())
        }
        (ColumnType::I64, FieldTest::Wildcard { .. } | FieldTest::Regex(_)) => {
            Accept::Computed(Box::new(move |value| test.passes_integer(u64_to_i64(value).into())))
        }
        (ColumnType::U64, FieldTest::Wildcard { .. } | FieldTest::Regex(_)) => {
            Accept::Computed(Box::new(move |value| test.passes_integer(value.into())))
        }
        (ColumnType::F64, FieldTest::Wildcard { .. } | FieldTest::Regex(_)) => {
            Accept::Computed(Box::new(move |value| test.passes_float(u64_to_f64(value))))
        }
        // Texts are not numbers, and records have no other types.
        _ => return Ok(Node::Nothing),
    };
    Ok(ColumnTest::node(column, accept))
}

/// Returns the node of a test on a text column.
fn text_node(
    column: &StrColumn,
    test: &FieldTest,
    deadline: &Deadline,
) -> Result<Node, QueryError> {
    let accept = dictionary::accepted(column.dictionary(), test, deadline)?;
    Ok(ColumnTest::node(column.ords().clone(), accept))
}

/// Returns the stored numbers of a column type that lie between two bounds.
fn number_range(
    column_type: ColumnType,
    lower: Bound<Number>,
    upper: Bound<Number>,
) -> Option<RangeInclusive<u64>> {
    match column_type {
        ColumnType::I64 => {
            let (low, high) = integer_range(lower, upper, i64::MIN.into(), i64::MAX.into())?;
            Some(i64_to_u64(i64::try_from(low).ok()?)..=i64_to_u64(i64::try_from(high).ok()?))
        }
        ColumnType::U64 => {
            let (low, high) = integer_range(lower, upper, 0, u64::MAX.into())?;
            Some(u64::try_from(low).ok()?..=u64::try_from(high).ok()?)
        }
        ColumnType::F64 => float_range(lower, upper),
        _ => None,
    }
}

/// Returns the first and last integer between two bounds, inside what the column can hold.
fn integer_range(
    lower: Bound<Number>,
    upper: Bound<Number>,
    min: i128,
    max: i128,
) -> Option<(i128, i128)> {
    let low = match lower {
        Bound::Unbounded => min,
        Bound::Included(Number::Integer(integer)) => integer,
        Bound::Excluded(Number::Integer(integer)) => integer.saturating_add(1),
        Bound::Included(Number::Float(float)) => float.ceil() as i128,
        Bound::Excluded(Number::Float(float)) => (float.floor() as i128).saturating_add(1),
    };
    let high = match upper {
        Bound::Unbounded => max,
        Bound::Included(Number::Integer(integer)) => integer,
        Bound::Excluded(Number::Integer(integer)) => integer.saturating_sub(1),
        Bound::Included(Number::Float(float)) => float.floor() as i128,
        Bound::Excluded(Number::Float(float)) => (float.ceil() as i128).saturating_sub(1),
    };
    (low <= max && min <= high && low <= high).then(|| (low.max(min), high.min(max)))
}

/// Both zeros are the same number with different images. A bound such as 2^53 + 1 lies between two
/// floats.
fn float_range(lower: Bound<Number>, upper: Bound<Number>) -> Option<RangeInclusive<u64>> {
    let image = |float: f64, zero: f64| f64_to_u64(if float == 0.0 { zero } else { float });
    let low = match lower {
        Bound::Unbounded => 0,
        Bound::Included(number) => image(number.first_float_from(), -0.0),
        Bound::Excluded(number) => image(number.last_float_to(), 0.0).checked_add(1)?,
    };
    let high = match upper {
        Bound::Unbounded => u64::MAX,
        Bound::Included(number) => image(number.last_float_to(), 0.0),
        Bound::Excluded(number) => image(number.first_float_from(), -0.0).checked_sub(1)?,
    };
    (low <= high).then_some(low..=high)
}

/// Reads one value for each of some ascending documents; 0 where there is none.
pub(crate) fn load_values(column: &Column<u64>, docs: &[DocId], values: &mut Vec<u64>) {
    values.clear();
    values.resize(docs.len(), 0);
    let (Some(first), Some(last)) = (docs.first(), docs.last()) else { return };
    let is_run = (last - first) as usize + 1 == docs.len();
    if column.get_cardinality() != Cardinality::Full {
        for (doc, value) in docs.iter().zip(values) {
            *value = column.first(*doc).unwrap_or_default();
        }
    } else if is_run {
        // Fast path: a run decodes at once.
        column.values.get_range(u64::from(*first), values);
    } else {
        column.values.get_vals(docs, values);
    }
}
