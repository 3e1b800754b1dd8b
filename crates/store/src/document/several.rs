//! Which fields of a segment have several values in some record: those of arrays, and those whose
//! values are of several types.

use std::collections::HashSet;

use tantivy::SegmentReader;
use tantivy::columnar::Cardinality;

use super::read::{ColumnKind, field_columns};
use crate::StoreError;

/// The fields of a segment that may have several values in one record.
#[derive(Debug, Default)]
pub struct SeveralValued {
    names: HashSet<String>,
    has_pairs: bool,
}

impl SeveralValued {
    /// Looks the columns of a segment through.
    pub(crate) fn of(segment: &SegmentReader) -> Result<SeveralValued, StoreError> {
        let mut several = SeveralValued::default();
        let mut before = None;
        for (kind, name, handle) in field_columns(segment)? {
            if kind == ColumnKind::Pairs {
                several.has_pairs = true;
                continue;
            }
            let column = handle.open_u64_lenient().map_err(StoreError::Column)?;
            let is_multiple =
                column.is_some_and(|column| column.get_cardinality() == Cardinality::Multivalued);
            // Columns of one name follow each other.
            if is_multiple || before.as_ref() == Some(&name) || kind != ColumnKind::Own {
                several.names.insert(name.clone());
            }
            before = Some(name);
        }
        Ok(several)
    }

    /// Tells whether no field has several values.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.has_pairs
    }

    /// Tells whether a field may have several values. Every field may that has none of its own
    /// columns, where the segment has pairs.
    pub fn has(&self, field: &str) -> bool {
        self.has_pairs || self.names.contains(field)
    }

    /// Tells whether values lie among the pairs of names without a column.
    pub fn has_pairs(&self) -> bool {
        self.has_pairs
    }

    /// Returns about how much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.names.iter().map(|name| size_of::<String>() + name.len()).sum()
    }
}
