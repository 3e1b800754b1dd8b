//! Which fields there are: names, types and record counts from column metadata.
//!
//! Only the headers of columns are read, so the counts are of whole partitions that overlap the
//! asked range.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tantivy::DocId;
use tantivy::columnar::{ColumnIndex, ColumnType, DynamicColumnHandle, StrColumn};
use tierlog_model::fields;
use tierlog_store::OpenSegment;

use super::TEXT_FIELDS_COLUMN;
use crate::{Deadline, Engine, Flow, Plan, QueryError, ScanReport, SegmentVisitor};

/// Type of a field's values, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FieldType {
    /// Short or long text.
    Text,
    /// Whole numbers.
    Integer,
    /// Other numbers.
    Float,
    /// `true` and `false`.
    Bool,
    /// Moments.
    Timestamp,
}

/// What is known of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSummary {
    /// Types of its values.
    pub(crate) types: BTreeSet<FieldType>,
    /// Records that have it.
    pub(crate) records: u64,
}

/// Lists the fields of the partitions that a plan touches, by name.
pub(crate) fn field_names(
    engine: &Engine,
    plan: &Plan,
    deadline: &Deadline,
) -> Result<(BTreeMap<String, FieldSummary>, ScanReport), QueryError> {
    let mut visitor = FieldVisitor::default();
    let report = engine.scan(plan, deadline, &mut visitor)?;
    Ok((visitor.fields, report))
}

#[derive(Default)]
struct FieldVisitor {
    fields: BTreeMap<String, FieldSummary>,
}

impl FieldVisitor {
    fn add(&mut self, name: &str, field_type: FieldType, records: u64) {
        if records == 0 {
            return;
        }
        // Most names are known after the first segment.
        if let Some(field) = self.fields.get_mut(name) {
            field.types.insert(field_type);
            field.records += records;
        } else {
            let types = BTreeSet::from([field_type]);
            self.fields.insert(name.to_owned(), FieldSummary { types, records });
        }
    }

    /// Adds a field that has columns of several types: a record with two of them counts once.
    fn add_union(
        &mut self,
        name: &str,
        handles: &[DynamicColumnHandle],
        max_doc: u32,
    ) -> Result<(), QueryError> {
        let mut docs: Vec<DocId> = Vec::new();
        for handle in handles {
            append_docs(handle.open()?.column_index(), max_doc, &mut docs);
            if let Some(field_type) = field_type(handle.column_type()) {
                self.fields.entry(name.to_owned()).or_default().types.insert(field_type);
            }
        }
        docs.sort_unstable();
        docs.dedup();
        self.fields.entry(name.to_owned()).or_default().records += docs.len() as u64;
        Ok(())
    }

    fn add_text(&mut self, names: &StrColumn) -> Result<(), QueryError> {
        let mut counts = vec![0_u64; names.num_terms()];
        for ord in names.ords().values.iter() {
            if let Some(count) = counts.get_mut(ord as usize) {
                *count += 1;
            }
        }
        let mut name = String::new();
        for (ord, count) in counts.into_iter().enumerate() {
            if names.ord_to_str(ord as u64, &mut name)? {
                self.add(&name, FieldType::Text, count);
            }
        }
        Ok(())
    }
}

impl SegmentVisitor for FieldVisitor {
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        let segment = segment.reader();
        let records = u64::from(segment.num_docs());
        self.add(fields::TIMESTAMP, FieldType::Timestamp, records);
        self.add(fields::LEVEL, FieldType::Text, records);

        let mut by_name: BTreeMap<String, Vec<DynamicColumnHandle>> = BTreeMap::new();
        for (name, handle) in tierlog_store::attribute_columns(segment)? {
            by_name.entry(name).or_default().push(handle);
        }
        for (name, handles) in by_name {
            if let [handle] = handles.as_slice() {
                let Some(field_type) = field_type(handle.column_type()) else { continue };
                let records = count_docs(handle.open()?.column_index(), segment.max_doc());
                self.add(&name, field_type, records);
            } else {
                self.add_union(&name, &handles, segment.max_doc())?;
            }
        }
        if let Some(names) = segment.fast_fields().str(TEXT_FIELDS_COLUMN)? {
            self.add_text(&names)?;
        }
        Ok(Flow::SkipSegment)
    }

    fn block(&mut self, _docs: &[DocId]) -> Result<Flow, QueryError> {
        Ok(Flow::SkipSegment)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        Ok(Flow::Continue)
    }
}

fn field_type(column_type: ColumnType) -> Option<FieldType> {
    match column_type {
        ColumnType::Str => Some(FieldType::Text),
        ColumnType::I64 | ColumnType::U64 => Some(FieldType::Integer),
        ColumnType::F64 => Some(FieldType::Float),
        ColumnType::Bool => Some(FieldType::Bool),
        ColumnType::DateTime => Some(FieldType::Timestamp),
        ColumnType::Bytes | ColumnType::IpAddr => None,
    }
}

fn count_docs(index: &ColumnIndex, max_doc: u32) -> u64 {
    match index {
        ColumnIndex::Empty { .. } => 0,
        ColumnIndex::Full => u64::from(max_doc),
        ColumnIndex::Optional(index) => u64::from(index.num_non_nulls()),
        ColumnIndex::Multivalued(index) => index.iter_non_null_docs().count() as u64,
    }
}

fn append_docs(index: &ColumnIndex, max_doc: u32, docs: &mut Vec<DocId>) {
    match index {
        ColumnIndex::Empty { .. } => {}
        ColumnIndex::Full => docs.extend(0..max_doc),
        ColumnIndex::Optional(index) => docs.extend(index.iter_non_null_docs()),
        ColumnIndex::Multivalued(index) => docs.extend(index.iter_non_null_docs()),
    }
}
