//! The values of a field in one segment, as an order of hits reads them.

use std::collections::HashMap;

use tantivy::columnar::{Column, ColumnType, Dictionary, DynamicColumn, StrColumn};
use tantivy::{DocId, SegmentReader, u64_to_f64, u64_to_i64};
use tierlog_model::{Level, fields};
use tierlog_store::{PairValue, pair_start, read_value, stamp_beginning};

use super::field::{Besides, FieldColumns};
use crate::error::QueryError;
use crate::expr::Number;
use crate::sort::{Direction, SortValue};

/// Values of dictionaries that a segment keeps at hand: a few hundred kilobytes. Most fields have
/// fewer different values; of others each record costs a look into the dictionary.
const VALUES_KEPT_MAX: usize = 4_096;

/// The values of a field.
pub(super) struct SortValues {
    direction: Direction,
    numbers: Vec<(Column<u64>, ColumnType)>,
    bools: Vec<Column<bool>>,
    coded: Vec<CodedValues>,
}

/// A column whose values stand in a dictionary.
struct CodedValues {
    column: StrColumn,
    form: ValueForm,
    /// Values by ordinal; `None` of another field's.
    kept: HashMap<u64, Option<SortValue>>,
    /// Bytes of the entry that was read last.
    entry: Vec<u8>,
}

/// What an entry of a dictionary is.
enum ValueForm {
    /// A text.
    Text,
    /// The name of a level, read as a severity.
    Level,
    /// The stamp of a long text.
    Stamp,
    /// A pair of a name and a value; the name's pairs begin so.
    Pair(String),
}

impl SortValues {
    /// Opens the columns of a field.
    pub(super) fn open(
        segment: &SegmentReader,
        field: &str,
        direction: Direction,
    ) -> Result<SortValues, QueryError> {
        let mut values =
            SortValues { direction, numbers: Vec::new(), bools: Vec::new(), coded: Vec::new() };
        if field == fields::LEVEL {
            let column = segment.fast_fields().str(fields::LEVEL)?;
            values.coded.extend(column.map(|column| CodedValues::of(column, ValueForm::Level)));
            return Ok(values);
        }
        let besides = Besides::of(segment)?;
        let FieldColumns { own, wide, long, pairs } = FieldColumns::of(segment, besides, field)?;
        for handle in own.into_iter().chain(wide) {
            match handle.column_type() {
                column_type @ (ColumnType::F64 | ColumnType::I64 | ColumnType::U64) => {
                    let column = handle.open_u64_lenient()?;
                    values.numbers.extend(column.map(|column| (column, column_type)));
                }
                ColumnType::Bool
                | ColumnType::Str
                | ColumnType::Bytes
                | ColumnType::IpAddr
                | ColumnType::DateTime => match handle.open()? {
                    DynamicColumn::Bool(column) => values.bools.push(column),
                    DynamicColumn::Str(column) => {
                        values.coded.push(CodedValues::of(column, ValueForm::Text));
                    }
                    _ => {}
                },
            }
        }
        values.coded.extend(long.map(|column| CodedValues::of(column, ValueForm::Stamp)));
        values.coded.extend(
            pairs.map(|column| CodedValues::of(column, ValueForm::Pair(pair_start(field)))),
        );
        Ok(values)
    }

    /// Returns the value of a document that counts in the order; `None` when there is none.
    pub(super) fn of(&mut self, doc: DocId) -> Result<Option<SortValue>, QueryError> {
        let direction = self.direction;
        let mut best: Option<SortValue> = None;
        let mut consider = |value: SortValue| {
            let is_better = best.as_ref().is_none_or(|best| match direction {
                Direction::Ascending => value.compare(best).is_lt(),
                Direction::Descending => value.compare(best).is_gt(),
            });
            if is_better {
                best = Some(value);
            }
        };
        for (column, column_type) in &self.numbers {
            for value in column.values_for_doc(doc) {
                consider(SortValue::Number(match column_type {
                    ColumnType::I64 => Number::Integer(u64_to_i64(value).into()),
                    ColumnType::U64 => Number::Integer(value.into()),
                    _ => Number::Float(u64_to_f64(value)),
                }));
            }
        }
        for column in &self.bools {
            column.values_for_doc(doc).for_each(|value| consider(SortValue::Bool(value)));
        }
        for CodedValues { column, form, kept, entry } in &mut self.coded {
            for ordinal in column.ords().values_for_doc(doc) {
                if kept.len() >= VALUES_KEPT_MAX {
                    kept.clear();
                }
                let value = match kept.get(&ordinal) {
                    Some(value) => value.clone(),
                    None => {
                        let value = form.read(column.dictionary(), ordinal, entry)?;
                        kept.insert(ordinal, value.clone());
                        value
                    }
                };
                if let Some(value) = value {
                    consider(value);
                }
            }
        }
        Ok(best)
    }
}

impl CodedValues {
    fn of(column: StrColumn, form: ValueForm) -> CodedValues {
        CodedValues { column, form, kept: HashMap::new(), entry: Vec::new() }
    }
}

impl ValueForm {
    /// Reads the value of an ordinal.
    fn read(
        &self,
        dictionary: &Dictionary,
        ordinal: u64,
        entry: &mut Vec<u8>,
    ) -> Result<Option<SortValue>, QueryError> {
        entry.clear();
        if !dictionary.ord_to_term(ordinal, entry)? {
            return Ok(None);
        }
        let Ok(text) = std::str::from_utf8(entry) else { return Ok(None) };
        Ok(match self {
            ValueForm::Text => Some(SortValue::of_text(text)),
            ValueForm::Level => Level::from_name(text)
                .map(|level| SortValue::Number(Number::Integer(level as i128))),
            ValueForm::Stamp => Some(SortValue::of_text(stamp_beginning(text))),
            ValueForm::Pair(start) => {
                text.strip_prefix(start.as_str()).and_then(read_value).map(|value| match value {
                    PairValue::Bool(value) => SortValue::Bool(value),
                    PairValue::Integer(integer) => SortValue::Number(Number::Integer(integer)),
                    PairValue::Float(float) => SortValue::Number(Number::Float(float)),
                    PairValue::Text(text) => SortValue::of_text(text),
                    PairValue::Long(stamp) => SortValue::of_text(stamp_beginning(stamp)),
                })
            }
        })
    }
}
