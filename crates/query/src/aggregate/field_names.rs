//! Which fields there are: names, types and record counts from column metadata.
//!
//! Only the headers of columns are read, so the counts are of whole partitions that overlap the
//! asked range.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tantivy::DocId;
use tantivy::columnar::{ColumnIndex, ColumnType, DynamicColumn, DynamicColumnHandle, StrColumn};
use tierlog_model::fields;
use tierlog_store::{ColumnKind, OpenSegment, PairValue, Store, field_columns, read_pair};

use super::TEXT_FIELDS_COLUMN;
use crate::error::QueryError;
use crate::execute::{Deadline, Flow, ScanReport, SegmentVisitor, for_each_term, scan_newest};
use crate::plan::Plan;
use crate::warning::{Warning, WarningCode};

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
    /// Whether it has no column of its own in some partition.
    pub(crate) is_paired: bool,
}

/// Listed names without a column, the names of the most records first: made-up names stand in one
/// record each, the fields of an application in many.
const PAIRED_LISTED_MAX: usize = 500;

/// Such names that are looked at: a bound on memory, some 4 MB.
const PAIRED_NAMES_MAX: usize = 20_000;

/// The fields of records.
#[derive(Debug)]
pub(crate) struct FieldList {
    /// Fields by name.
    pub(crate) fields: BTreeMap<String, FieldSummary>,
    /// What the scan did.
    pub(crate) report: ScanReport,
}

/// Lists the fields of the partitions that a plan touches, by name.
pub(crate) fn field_names(
    store: &Store,
    plan: &Plan,
    deadline: &Deadline,
) -> Result<FieldList, QueryError> {
    let mut visitor =
        FieldVisitor { fields: BTreeMap::new(), paired: BTreeMap::new(), left_out: 0, deadline };
    let mut report = scan_newest(store, plan, deadline, &mut visitor)?;
    visitor.list_paired();
    if visitor.left_out > 0 {
        let detail = "there are more field names without a column than an answer lists";
        let warning = Warning::new(WarningCode::NamesLeftOut, detail);
        report.warnings.add(warning.counting(visitor.left_out));
    }
    Ok(FieldList { fields: visitor.fields, report })
}

struct FieldVisitor<'d> {
    fields: BTreeMap<String, FieldSummary>,
    /// Names without an own column.
    paired: BTreeMap<String, FieldSummary>,
    /// How often a name was left out: one that was not even looked at counts once a segment.
    left_out: u64,
    deadline: &'d Deadline,
}

impl FieldVisitor<'_> {
    /// Adds the names of pairs, each with the records that have it.
    fn add_pairs(&mut self, pairs: &StrColumn, max_doc: u32) -> Result<(), QueryError> {
        let mut names: Vec<PairedName> = Vec::new();
        // By ordinal of a pair, the number of its name.
        let mut numbers: Vec<u32> = Vec::with_capacity(pairs.num_terms());
        for_each_term(pairs.dictionary(), b"", self.deadline, |pair, _| {
            if let Some((name, value)) = read_pair(pair) {
                if names.last().is_none_or(|last| last.name != name) {
                    names.push(PairedName { name: name.to_owned(), ..PairedName::default() });
                }
                if let Some(last) = names.last_mut() {
                    last.types.insert(type_of(value));
                }
            }
            numbers.push((names.len() as u32).saturating_sub(1));
        })?;
        for doc in 0..max_doc {
            for ordinal in pairs.ords().values_for_doc(doc) {
                let number = numbers.get(ordinal as usize).copied().unwrap_or(u32::MAX);
                let Some(name) = names.get_mut(number as usize) else { continue };
                // A record with several values of a name has it once.
                if name.last_doc != Some(doc) {
                    name.last_doc = Some(doc);
                    name.records += 1;
                }
            }
        }
        for PairedName { name, types, records, .. } in names {
            self.add_paired(name, types, records);
        }
        Ok(())
    }

    fn add_paired(&mut self, name: String, types: BTreeSet<FieldType>, records: u64) {
        if !self.paired.contains_key(&name) && self.paired.len() >= PAIRED_NAMES_MAX {
            self.left_out += 1;
            return;
        }
        let field = self.paired.entry(name).or_default();
        field.types.extend(types);
        field.records += records;
        field.is_paired = true;
    }

    /// Lists the names of pairs that stand in the most records, and those that have a column
    /// elsewhere.
    fn list_paired(&mut self) {
        let mut paired: Vec<(String, FieldSummary)> =
            std::mem::take(&mut self.paired).into_iter().collect();
        paired
            .sort_by_key(|(name, field)| (!self.fields.contains_key(name), Reverse(field.records)));
        let unlisted = paired.split_off(PAIRED_LISTED_MAX.min(paired.len()));
        self.left_out += unlisted.len() as u64;
        for (name, FieldSummary { types, records, is_paired }) in paired {
            let field = self.fields.entry(name).or_default();
            field.types.extend(types);
            field.records += records;
            field.is_paired |= is_paired;
        }
    }

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
            let summary = FieldSummary { types, records, is_paired: false };
            self.fields.insert(name.to_owned(), summary);
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

    /// Adds the fields whose texts are in no column; of long texts a column has the stamps.
    fn add_texts(&mut self, names: &StrColumn) -> Result<(), QueryError> {
        let mut counts = vec![0_u64; names.num_terms()];
        for ord in names.ords().values.iter() {
            if let Some(count) = counts.get_mut(ord as usize) {
                *count += 1;
            }
        }
        let mut name = String::new();
        for (ord, count) in counts.into_iter().enumerate() {
            if names.ord_to_str(ord as u64, &mut name)?
                && fields::TEXT_FIELDS.contains(&name.as_str())
            {
                self.add(&name, FieldType::Text, count);
            }
        }
        Ok(())
    }
}

/// A name without a column, in one segment.
#[derive(Default)]
struct PairedName {
    name: String,
    types: BTreeSet<FieldType>,
    records: u64,
    last_doc: Option<DocId>,
}

fn type_of(value: PairValue<'_>) -> FieldType {
    match value {
        PairValue::Bool(_) => FieldType::Bool,
        PairValue::Integer(_) => FieldType::Integer,
        PairValue::Float(_) => FieldType::Float,
        PairValue::Text(_) | PairValue::Long(_) => FieldType::Text,
    }
}

impl SegmentVisitor for FieldVisitor<'_> {
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        let segment = segment.reader();
        let records = u64::from(segment.num_docs());
        self.add(fields::TIMESTAMP, FieldType::Timestamp, records);
        self.add(fields::LEVEL, FieldType::Text, records);

        let mut by_name: BTreeMap<String, Vec<DynamicColumnHandle>> = BTreeMap::new();
        for (kind, name, handle) in field_columns(segment)? {
            match kind {
                ColumnKind::Own | ColumnKind::Beside(_) => {
                    by_name.entry(name).or_default().push(handle);
                }
                ColumnKind::Pairs => {
                    if let DynamicColumn::Str(pairs) = handle.open()? {
                        self.add_pairs(&pairs, segment.max_doc())?;
                    }
                }
            }
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
            self.add_texts(&names)?;
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
