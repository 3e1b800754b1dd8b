//! What the columns of a segment say of how many values there can be.
//!
//! A segment and the fields of a request arrive; bounds leave, each looked up when it is first
//! asked for: most requests never ask.

use std::cell::RefCell;
use std::collections::HashMap;

use tantivy::DocId;
use tantivy::columnar::{Column, ColumnType};
use tantivy::{u64_to_f64, u64_to_i64};
use tierlog_model::{Level, fields};
use tierlog_store::OpenSegment;

use crate::error::QueryError;
use crate::execute::{Besides, FieldColumns};

/// The values and bounds of a field in a segment.
#[derive(Clone, Copy, Debug)]
struct FieldBounds {
    distinct_max: u64,
    has_long: bool,
}

/// Bounds of one segment.
pub(super) struct SegmentFacts<'s> {
    segment: &'s OpenSegment,
    known: RefCell<HashMap<String, FieldBounds>>,
}

impl<'s> SegmentFacts<'s> {
    /// Returns the bounds of a segment.
    pub(super) fn of(segment: &'s OpenSegment) -> SegmentFacts<'s> {
        SegmentFacts { segment, known: RefCell::default() }
    }

    /// Returns at most how many different values a field has.
    pub(super) fn distinct_max(&self, field: &str) -> Result<u64, QueryError> {
        Ok(self.bounds(field)?.distinct_max)
    }

    /// Tells whether a field has texts that are in no column.
    pub(super) fn has_long(&self, field: &str) -> Result<bool, QueryError> {
        Ok(self.bounds(field)?.has_long)
    }

    /// Returns at most how many buckets of a width the values of a field lie in, as the ends of
    /// its columns say. Three more than the span has: the first and the last are cut, and records
    /// without a value may stand for another one.
    pub(super) fn steps_max(&self, field: &str, step: f64) -> Result<u64, QueryError> {
        let span = match field {
            fields::TIMESTAMP => {
                let moments = &self.segment.order()?.moments;
                Some((moments.max_value().saturating_sub(moments.min_value())) as f64)
            }
            _ => self.number_span(field)?,
        };
        // A float beyond the integers ends at the largest of them, and what is no number at zero.
        Ok(span.map_or(u64::MAX, |span| ((span / step) as u64).saturating_add(3)))
    }

    /// Returns how far the numbers of a field lie apart; `None` when they may lie elsewhere than in
    /// columns of numbers.
    fn number_span(&self, field: &str) -> Result<Option<f64>, QueryError> {
        let besides = Besides::from(self.segment.has_beside()?);
        let columns = FieldColumns::of(self.segment.reader(), besides, field)?;
        let is_beside = columns.long.is_some() || columns.pairs.is_some();
        if is_beside || !columns.wide.is_empty() {
            return Ok(None);
        }
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for handle in columns.own {
            let number: fn(u64) -> f64 = match handle.column_type() {
                ColumnType::I64 => |image| u64_to_i64(image) as f64,
                ColumnType::U64 => |image| image as f64,
                ColumnType::F64 => u64_to_f64,
                // Not computed with.
                ColumnType::Bool => continue,
                // Texts may be numbers.
                _ => return Ok(None),
            };
            if let Some(column) = handle.open_u64_lenient()? {
                least = least.min(number(column.min_value()));
                most = most.max(number(column.max_value()));
            }
        }
        Ok(Some((most - least).max(0.0)).filter(|span| span.is_finite()))
    }

    fn bounds(&self, field: &str) -> Result<FieldBounds, QueryError> {
        if let Some(known) = self.known.borrow().get(field) {
            return Ok(*known);
        }
        let found = self.look_up(field)?;
        self.known.borrow_mut().insert(field.to_owned(), found);
        Ok(found)
    }

    fn look_up(&self, field: &str) -> Result<FieldBounds, QueryError> {
        match field {
            "" => return Ok(FieldBounds { distinct_max: 1, has_long: false }),
            fields::LEVEL => {
                return Ok(FieldBounds { distinct_max: Level::ALL.len() as u64, has_long: false });
            }
            fields::TIMESTAMP => {
                return Ok(FieldBounds { distinct_max: u64::MAX, has_long: false });
            }
            _ => {}
        }
        let besides = Besides::from(self.segment.has_beside()?);
        let columns = FieldColumns::of(self.segment.reader(), besides, field)?;
        // Long texts lie among the pairs too.
        let has_long = columns.long.is_some() || columns.pairs.is_some();
        if has_long || !columns.wide.is_empty() {
            return Ok(FieldBounds { distinct_max: u64::MAX, has_long });
        }
        // One for records without a value, which may be a bucket too.
        let mut distinct_max = 1_u64;
        for handle in columns.own {
            let own = match handle.column_type() {
                ColumnType::Str | ColumnType::Bool | ColumnType::I64 | ColumnType::U64 => {
                    let column = handle.open_u64_lenient()?;
                    let span = |column: Column<u64>| {
                        column.max_value().saturating_sub(column.min_value()).saturating_add(1)
                    };
                    column.map_or(0, span)
                }
                ColumnType::F64 | ColumnType::DateTime | ColumnType::IpAddr | ColumnType::Bytes => {
                    u64::MAX
                }
            };
            distinct_max = distinct_max.saturating_add(own);
        }
        Ok(FieldBounds { distinct_max, has_long })
    }
}

/// The numbers of values that documents of a segment have, for the fields of a request of which
/// some document has several.
#[derive(Default)]
pub(super) struct ValueCounts {
    columns: HashMap<String, Vec<Column<u64>>>,
    /// Values of names without a column, of whatever name.
    pairs: Option<Column<u64>>,
}

impl ValueCounts {
    /// Looks up which of some fields have several values in a document.
    pub(super) fn of(segment: &OpenSegment, asked: &[&str]) -> Result<ValueCounts, QueryError> {
        let mut values = ValueCounts::default();
        for field in asked {
            if !segment.has_several(field)? {
                continue;
            }
            let besides = Besides::from(segment.has_beside()?);
            let columns = FieldColumns::of(segment.reader(), besides, field)?;
            let mut own = Vec::new();
            for handle in columns.own.into_iter().chain(columns.wide) {
                own.extend(handle.open_u64_lenient()?);
            }
            own.extend(columns.long.map(|long| long.ords().clone()));
            values.columns.insert((*field).to_owned(), own);
            values.pairs = columns.pairs.map(|pairs| pairs.ords().clone());
        }
        Ok(values)
    }

    /// Tells whether no document has several values of any field.
    pub(super) fn are_single(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns at most how many values of a field a document has, at least one: records without
    /// a value may be counted too.
    pub(super) fn of_doc(&self, field: &str, doc: DocId) -> u64 {
        let Some(columns) = self.columns.get(field) else { return 1 };
        let own = |column: &Column<u64>| column.index.value_row_ids(doc).count() as u64;
        let paired = self.pairs.as_ref().map_or(0, own);
        columns.iter().map(own).sum::<u64>().saturating_add(paired).max(1)
    }
}
