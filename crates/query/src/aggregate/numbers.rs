//! Columns as an aggregation sees them, where tantivy's own choice would be wrong.
//!
//! A field may hold integers in one segment, floats in the next and text in a third. tantivy
//! takes the first column that fits, in the type that it has there: a range from 0.5 over an
//! integer column would start at 0. [`Numbers`] gives floats everywhere, [`AllValues`] gives the
//! values of every type.

use tantivy::aggregation::{ValueSource, ValueSourceProvider};
use tantivy::columnar::{Cardinality, Column, ColumnType, DynamicColumn};
use tantivy::{DocId, SegmentReader};

/// The numbers of a column, as floats.
#[derive(Debug)]
pub(super) struct Numbers {
    column: String,
}

impl Numbers {
    /// Returns the numbers of a column.
    pub(super) fn of(column: String) -> Numbers {
        Numbers { column }
    }
}

impl ValueSourceProvider for Numbers {
    fn for_segment(
        &self,
        reader: &SegmentReader,
        _allowed: Option<&[ColumnType]>,
    ) -> tantivy::Result<Option<Box<dyn ValueSource>>> {
        for handle in reader.fast_fields().dynamic_column_handles(&self.column)? {
            let column_type = handle.column_type();
            if !matches!(column_type, ColumnType::F64 | ColumnType::I64 | ColumnType::U64) {
                continue;
            }
            if let Some(column) = handle.open_u64_lenient()? {
                let source: Box<dyn ValueSource> = Box::new((column, column_type));
                return Ok(Some(source.to_f64()));
            }
        }
        let empty = Column::build_empty_column(reader.max_doc());
        Ok(Some(Box::new((empty, ColumnType::F64))))
    }
}

/// The values of every column that a field has, whatever their type; fit for counting only.
#[derive(Debug)]
pub(super) struct AllValues {
    column: String,
}

impl AllValues {
    /// Returns the values of a field.
    pub(super) fn of(column: String) -> AllValues {
        AllValues { column }
    }
}

impl ValueSourceProvider for AllValues {
    fn for_segment(
        &self,
        reader: &SegmentReader,
        _allowed: Option<&[ColumnType]>,
    ) -> tantivy::Result<Option<Box<dyn ValueSource>>> {
        let handles = reader.fast_fields().dynamic_column_handles(&self.column)?;
        let columns = handles.iter().map(|handle| handle.open()).collect::<Result<_, _>>()?;
        Ok(Some(Box::new(Occurrences { columns })))
    }
}

/// One meaningless value for each value of a document.
#[derive(Debug)]
struct Occurrences {
    columns: Vec<DynamicColumn>,
}

impl ValueSource for Occurrences {
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
        docids.clear();
        for column in &self.columns {
            row_ids.clear();
            column.column_index().docids_to_rowids(docs, docids, row_ids);
        }
        if self.columns.len() > 1 {
            docids.sort_unstable();
        }
        values.clear();
        values.resize(docids.len(), 0);
        Cardinality::Multivalued
    }

    fn to_f64(self: Box<Self>) -> Box<dyn ValueSource> {
        self
    }
}
