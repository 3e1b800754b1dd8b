//! Where the values of a field lie in a segment.
//!
//! Arrives: a segment and the name of a field. Leaves: the field's columns, the columns beside, and
//! the field's part of the column of pairs. Most fields have a single column.

use tantivy::SegmentReader;
use tantivy::columnar::{DynamicColumnHandle, StrColumn};
use tierlog_store::{Beside, attribute_column, has_column_name, pair_column};

use crate::error::QueryError;

/// Whether a segment has anything beside the columns of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Besides {
    /// There is nothing to look for.
    None,
    /// A field may have something there.
    Some,
}

impl Besides {
    /// Returns what a segment has.
    pub(crate) fn of(segment: &SegmentReader) -> Result<Besides, QueryError> {
        Ok(Besides::from(tierlog_store::has_beside(segment)?))
    }
}

impl From<bool> for Besides {
    fn from(has_beside: bool) -> Besides {
        if has_beside { Besides::Some } else { Besides::None }
    }
}

/// The columns of a field in one segment.
pub(crate) struct FieldColumns {
    /// Columns of the field's name: one for each type.
    pub(crate) own: Vec<DynamicColumnHandle>,
    /// Columns of integers that a column of floats would round.
    pub(crate) wide: Vec<DynamicColumnHandle>,
    /// The stamps of its long texts.
    pub(crate) long: Option<StrColumn>,
    /// All pairs of the segment, if the segment has any.
    pub(crate) pairs: Option<StrColumn>,
}

impl FieldColumns {
    /// Looks up the columns of a field.
    pub(crate) fn of(
        segment: &SegmentReader,
        besides: Besides,
        name: &str,
    ) -> Result<FieldColumns, QueryError> {
        let columns = segment.fast_fields();
        if !has_column_name(name) {
            let pairs = match besides {
                Besides::None => None,
                Besides::Some => columns.str(&pair_column())?,
            };
            return Ok(FieldColumns { own: Vec::new(), wide: Vec::new(), long: None, pairs });
        }
        let own = columns.dynamic_column_handles(&attribute_column(name))?;
        if besides == Besides::None {
            return Ok(FieldColumns { own, wide: Vec::new(), long: None, pairs: None });
        }
        let mut wide = Vec::new();
        for kind in [Beside::Integer, Beside::Unsigned] {
            wide.extend(columns.dynamic_column_handles(&kind.column(name))?);
        }
        let long = columns.str(&Beside::Long.column(name))?;
        Ok(FieldColumns { own, wide, long, pairs: columns.str(&pair_column())? })
    }
}
