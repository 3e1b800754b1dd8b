//! The numbers of a field, wherever they lie: in columns of several types, as text, in a column of
//! pairs.
//!
//! A field may hold integers in one segment, floats in the next and text in a third. tantivy takes
//! the first column that fits, in the type that it has there: a range from 0.5 over an integer
//! column would start at 0, and `"512"` would be no number although a search takes it for one.
//! [`Numbers`] gives all of them as floats; what a float rounds, its [`View`]s give in parts.

use std::collections::HashMap;

use tantivy::aggregation::{ValueSource, ValueSourceProvider};
use tantivy::columnar::{
    Cardinality, Column, ColumnIndex, ColumnType, Dictionary, DynamicColumn, StrColumn,
};
use tantivy::{DocId, SegmentReader, TantivyError, f64_to_u64, u64_to_f64, u64_to_i64};
use tierlog_store::{PairValue, pair_start, read_value};

use super::exact::{View, is_small};
use crate::error::QueryError;
use crate::execute::{Besides, FieldColumns};
use crate::expr::Number;

/// In which type a field's only column is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberForm {
    /// As it is stored.
    AsStored,
    /// As floats: a comparison with fractions needs floats.
    Floats,
}

/// Where a field's values are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// In columns of its name: it is known to have no others.
    OwnColumns,
    /// Beside them too.
    Everywhere,
}

/// The numbers of a field.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) field: String,
    pub(super) form: NumberForm,
    pub(super) look: Look,
    /// Which part of each number is given.
    pub(super) view: View,
    /// What stands for a record without a number.
    pub(super) missing: Option<Number>,
}

impl Numbers {
    /// Returns all numbers of a field.
    pub(super) fn of(field: &str, form: NumberForm, look: Look) -> Numbers {
        Numbers { field: field.to_owned(), form, look, view: View::All, missing: None }
    }
}

impl ValueSourceProvider for Numbers {
    fn for_segment(
        &self,
        reader: &SegmentReader,
        _allowed: Option<&[ColumnType]>,
    ) -> tantivy::Result<Option<Box<dyn ValueSource>>> {
        let mut parts = Parts::open(reader, &self.field, self.look).map_err(engine_error)?;
        let is_plain = self.view == View::All && self.missing.is_none();
        // Fast path: a field has one column of numbers, or none, and nothing else.
        if is_plain && parts.coded.is_empty() && parts.columns.len() <= 1 {
            let (column, column_type) = parts
                .columns
                .pop()
                .unwrap_or_else(|| (Column::build_empty_column(reader.max_doc()), ColumnType::U64));
            let source: Box<dyn ValueSource> = Box::new((column, column_type));
            return Ok(Some(match self.form {
                NumberForm::AsStored => source,
                NumberForm::Floats => source.to_f64(),
            }));
        }
        let Numbers { view, missing, .. } = *self;
        Ok(Some(Box::new(NumberSource {
            parts,
            view,
            missing,
            found: Vec::new(),
            docs: Vec::new(),
        })))
    }
}

fn engine_error(error: QueryError) -> TantivyError {
    match error {
        QueryError::Index(error) => error,
        error => TantivyError::InternalError(error.to_string()),
    }
}

/// Where a field has values in a segment.
struct Parts {
    /// Columns of numbers, with their types.
    columns: Vec<(Column<u64>, ColumnType)>,
    /// Columns whose values are texts or pairs, some of which are numbers.
    coded: Vec<CodedNumbers>,
    /// Columns whose values are never numbers: truth values and long texts.
    others: Vec<DynamicColumn>,
}

impl Parts {
    fn open(reader: &SegmentReader, field: &str, look: Look) -> Result<Parts, QueryError> {
        let besides = match look {
            Look::OwnColumns => Besides::None,
            Look::Everywhere => Besides::of(reader)?,
        };
        let FieldColumns { own, wide, long, pairs } = FieldColumns::of(reader, besides, field)?;
        let mut parts = Parts { columns: Vec::new(), coded: Vec::new(), others: Vec::new() };
        for handle in own.into_iter().chain(wide) {
            match handle.column_type() {
                column_type @ (ColumnType::F64 | ColumnType::I64 | ColumnType::U64) => {
                    let column = handle.open_u64_lenient()?;
                    parts.columns.extend(column.map(|column| (column, column_type)));
                }
                _ => match handle.open()? {
                    DynamicColumn::Str(column) => parts.coded.push(CodedNumbers::texts(&column)?),
                    column => parts.others.push(column),
                },
            }
        }
        parts.others.extend(long.map(DynamicColumn::Str));
        if let Some(pairs) = pairs {
            let coded = CodedNumbers::pairs(&pairs, field)?;
            if !coded.numbers.is_empty() {
                parts.coded.push(coded);
            }
        }
        Ok(parts)
    }
}

/// Values by ordinal of a dictionary: those of a field are neighbours.
struct CodedNumbers {
    ordinals: Column<u64>,
    /// Ordinal of the field's first value.
    first: u64,
    /// The number of each value; NaN where it is none.
    numbers: Vec<f64>,
    /// Integers beyond 2^53, by place.
    wide: HashMap<u64, i128>,
}

impl CodedNumbers {
    fn texts(column: &StrColumn) -> Result<CodedNumbers, QueryError> {
        CodedNumbers::read(column.ords(), column.dictionary(), "", Number::read)
    }

    fn pairs(column: &StrColumn, field: &str) -> Result<CodedNumbers, QueryError> {
        let start = pair_start(field);
        CodedNumbers::read(column.ords(), column.dictionary(), &start, |pair| {
            match read_value(pair.get(start.len()..)?)? {
                PairValue::Integer(integer) => Some(Number::Integer(integer)),
                PairValue::Float(float) => Some(Number::Float(float)),
                PairValue::Text(text) => Number::read(text),
                PairValue::Bool(_) | PairValue::Long(_) => None,
            }
        })
    }

    fn read(
        ordinals: &Column<u64>,
        dictionary: &Dictionary,
        start: &str,
        number_of: impl Fn(&str) -> Option<Number>,
    ) -> Result<CodedNumbers, QueryError> {
        let mut coded = CodedNumbers {
            ordinals: ordinals.clone(),
            first: 0,
            numbers: Vec::new(),
            wide: HashMap::new(),
        };
        let mut stream = dictionary.prefix_range(start).into_stream()?;
        while stream.advance() {
            if coded.numbers.is_empty() {
                coded.first = stream.term_ord();
            }
            let number = std::str::from_utf8(stream.key()).ok().and_then(&number_of);
            if let Some(Number::Integer(integer)) = number
                && !is_small(integer)
            {
                coded.wide.insert(coded.numbers.len() as u64, integer);
            }
            coded.numbers.push(number.map_or(f64::NAN, Number::as_f64));
        }
        Ok(coded)
    }

    /// Returns the place of a value; `None` when it is another field's.
    fn place(&self, ordinal: u64) -> Option<u64> {
        let place = ordinal.checked_sub(self.first)?;
        (place < self.numbers.len() as u64).then_some(place)
    }

    fn number(&self, ordinal: u64) -> Option<Number> {
        let place = self.place(ordinal)?;
        if let Some(integer) = self.wide.get(&place) {
            return Some(Number::Integer(*integer));
        }
        let float = self.numbers.get(usize::try_from(place).ok()?).copied()?;
        (!float.is_nan()).then_some(Number::Float(float))
    }
}

/// Hands on each value of a column for some documents.
pub(super) fn for_each_value(
    column: &Column<u64>,
    docs: &[DocId],
    docids: &mut Vec<DocId>,
    row_ids: &mut Vec<u32>,
    mut take: impl FnMut(DocId, u64),
) {
    docids.clear();
    row_ids.clear();
    column.index.docids_to_rowids(docs, docids, row_ids);
    for (doc, row) in docids.iter().zip(row_ids.iter()) {
        take(*doc, column.values.get_val(*row));
    }
}

/// The numbers of a field in a segment where they lie in several places or forms.
struct NumberSource {
    parts: Parts,
    view: View,
    missing: Option<Number>,
    found: Vec<(DocId, f64)>,
    /// Documents that have a number, while some stand in for others.
    docs: Vec<DocId>,
}

impl std::fmt::Debug for NumberSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "NumberSource({:?})", self.view)
    }
}

impl ValueSource for NumberSource {
    fn column_type(&self) -> ColumnType {
        ColumnType::F64
    }

    fn load_block(
        &mut self,
        docs: &[DocId],
        values: &mut Vec<u64>,
        docids: &mut Vec<DocId>,
        row_ids: &mut Vec<u32>,
    ) -> Cardinality {
        let NumberSource { parts, view, missing, found, docs: with_number } = self;
        found.clear();
        with_number.clear();
        let mut take = |doc: DocId, number: Number| {
            if missing.is_some() {
                with_number.push(doc);
            }
            found.extend(view.of(number).map(|float| (doc, float)));
        };
        for (column, column_type) in &parts.columns {
            for_each_value(column, docs, docids, row_ids, |doc, value| {
                take(doc, stored_number(value, *column_type));
            });
        }
        for coded in &parts.coded {
            for_each_value(&coded.ordinals, docs, docids, row_ids, |doc, ordinal| {
                if let Some(number) = coded.number(ordinal) {
                    take(doc, number);
                }
            });
        }
        if let Some(float) = missing.and_then(|number| view.of(number)) {
            with_number.sort_unstable();
            let lacks = docs.iter().filter(|doc| with_number.binary_search(doc).is_err());
            found.extend(lacks.map(|doc| (*doc, float)));
        }
        found.sort_by_key(|(doc, _)| *doc);
        docids.clear();
        docids.extend(found.iter().map(|(doc, _)| *doc));
        values.clear();
        values.extend(found.iter().map(|(_, float)| f64_to_u64(*float)));
        Cardinality::Multivalued
    }

    fn to_f64(self: Box<Self>) -> Box<dyn ValueSource> {
        self
    }
}

/// Returns the number that a column has as an ordered image.
pub(super) fn stored_number(value: u64, column_type: ColumnType) -> Number {
    match column_type {
        ColumnType::I64 => Number::Integer(u64_to_i64(value).into()),
        ColumnType::U64 => Number::Integer(value.into()),
        _ => Number::Float(u64_to_f64(value)),
    }
}

/// Which values of a field are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// Every value, whatever its type.
    All,
    /// Those that are no numbers.
    NoNumbers,
}

/// One meaningless value for each value of a field; fit for counting only.
#[derive(Debug)]
pub(super) struct Occurrences {
    pub(super) field: String,
    pub(super) counted: Counted,
}

impl ValueSourceProvider for Occurrences {
    fn for_segment(
        &self,
        reader: &SegmentReader,
        _allowed: Option<&[ColumnType]>,
    ) -> tantivy::Result<Option<Box<dyn ValueSource>>> {
        let parts = Parts::open(reader, &self.field, Look::Everywhere).map_err(engine_error)?;
        Ok(Some(Box::new(OccurrenceSource { parts, counted: self.counted })))
    }
}

struct OccurrenceSource {
    parts: Parts,
    counted: Counted,
}

impl std::fmt::Debug for OccurrenceSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "OccurrenceSource({:?})", self.counted)
    }
}

impl ValueSource for OccurrenceSource {
    fn column_type(&self) -> ColumnType {
        ColumnType::U64
    }

    fn load_block(
        &mut self,
        docs: &[DocId],
        values: &mut Vec<u64>,
        docids: &mut Vec<DocId>,
        row_ids: &mut Vec<u32>,
    ) -> Cardinality {
        let mut found: Vec<DocId> = Vec::new();
        let mut add = |index: &ColumnIndex| {
            docids.clear();
            row_ids.clear();
            index.docids_to_rowids(docs, docids, row_ids);
            found.extend_from_slice(docids);
        };
        self.parts.others.iter().for_each(|column| add(column.column_index()));
        if self.counted == Counted::All {
            self.parts.columns.iter().for_each(|(column, _)| add(&column.index));
        }
        for coded in &self.parts.coded {
            for_each_value(&coded.ordinals, docs, docids, row_ids, |doc, ordinal| {
                let is_counted = match self.counted {
                    Counted::All => coded.place(ordinal).is_some(),
                    Counted::NoNumbers => {
                        coded.place(ordinal).is_some() && coded.number(ordinal).is_none()
                    }
                };
                if is_counted {
                    found.push(doc);
                }
            });
        }
        found.sort_unstable();
        docids.clear();
        docids.append(&mut found);
        values.clear();
        values.resize(docids.len(), 0);
        Cardinality::Multivalued
    }

    fn to_f64(self: Box<Self>) -> Box<dyn ValueSource> {
        self
    }
}
