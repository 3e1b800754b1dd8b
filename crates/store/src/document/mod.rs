//! A record as a tantivy document, and back.
//!
//! [`place`] is the one rule of where a value lives; `write` and `read` both follow it.

mod arrays;
mod chunk;
mod names;
mod pool;
mod read;
mod texts;
mod write;

use tierlog_model::{Value, fields, limits};

pub(crate) use chunk::ChunkDocument;
pub(crate) use names::FieldNames;
pub(crate) use pool::ChunkPool;
pub use read::{
    BOUND_DOCS, RecordReader, StoredRecord, attribute_columns, read_records, text_paths,
};

/// Largest integer that every numeric column holds exactly: a column that also has floats
/// becomes a float column.
const EXACT_IN_FLOAT: i64 = 1 << 53;

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a typed column, alone.
    Column,
    /// In a typed column for search, and in the document store for its exact form.
    ColumnAndStore,
    /// Tokenised, and in the document store.
    Text,
}

fn place(name: &str, value: &Value<'_>) -> Place {
    match value {
        Value::Bool(_) | Value::F64(_) => Place::Column,
        Value::I64(number) if (-EXACT_IN_FLOAT..=EXACT_IN_FLOAT).contains(number) => Place::Column,
        Value::I64(_) | Value::U64(_) | Value::Json(_) => Place::ColumnAndStore,
        Value::Str(text) => {
            let is_text =
                text.len() > limits::COLUMN_TEXT_BYTES_MAX || fields::TEXT_FIELDS.contains(&name);
            if is_text && !is_id(name) { Place::Text } else { Place::Column }
        }
    }
}

fn is_id(name: &str) -> bool {
    fields::ID_FIELDS.contains(&name)
}

#[cfg(test)]
mod tests;
