//! Which fields of a segment have several values in some record: those of arrays, and those whose
//! values are of several types.
//!
//! The name of a field arrives, and a segment whose columns say it; the answer leaves, and is kept.
//! Only the columns of that field are opened: a look at those of all fields would map most of a
//! segment's file into memory, for a question that may need none of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tantivy::SegmentReader;
use tantivy::columnar::Cardinality;

use super::beside::{Beside, has_column_name, pair_column};
use crate::StoreError;
use crate::schema::attribute_column;

/// Fields that are remembered; a request asks for a few, of the same few names.
const KNOWN_FIELDS_MAX: usize = 256;

/// What is known of the fields of a segment.
#[derive(Debug, Default)]
pub(crate) struct SeveralValued(Mutex<HashMap<String, bool>>);

impl SeveralValued {
    /// Tells whether a field may have several values in a record of the segment.
    pub(crate) fn has(
        &self,
        segment: &SegmentReader,
        has_beside: bool,
        field: &str,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.lock().get(field) {
            return Ok(*known);
        }
        let found = look_up(segment, has_beside, field)?;
        let mut known = self.lock();
        if known.len() < KNOWN_FIELDS_MAX {
            known.insert(field.to_owned(), found);
        }
        Ok(found)
    }

    /// Returns about how much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.lock().keys().map(|name| size_of::<(String, bool)>() + name.len()).sum()
    }

    /// A map whose entries are whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every field may have several values where the segment has pairs: of names without a column.
fn look_up(segment: &SegmentReader, has_beside: bool, field: &str) -> Result<bool, StoreError> {
    let columns = segment.fast_fields();
    if has_beside && columns.str(&pair_column())?.is_some() {
        return Ok(true);
    }
    if !has_column_name(field) {
        return Ok(false);
    }
    if has_beside {
        for kind in Beside::ALL {
            if !columns.dynamic_column_handles(&kind.column(field))?.is_empty() {
                return Ok(true);
            }
        }
    }
    let own = columns.dynamic_column_handles(&attribute_column(field))?;
    let [only] = own.as_slice() else { return Ok(own.len() > 1) };
    let column = only.open_u64_lenient().map_err(StoreError::Column)?;
    Ok(column.is_some_and(|column| column.get_cardinality() == Cardinality::Multivalued))
}
