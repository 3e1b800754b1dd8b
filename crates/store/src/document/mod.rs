//! A record as a tantivy document, and back.
//!
//! [`place`] is the one rule of where a value lives; `write` and `read` both follow it.

mod arrays;
mod blocks;
mod chunk;
mod names;
mod pool;
mod read;
mod template;
mod template_words;
mod text_reader;
mod texts;
mod write;

use tierlog_model::{Value, fields, limits};

pub(crate) use chunk::{Chunk, ChunkDocument};
pub(crate) use names::FieldNames;
pub(crate) use pool::ChunkPool;
pub(crate) use read::terms;
pub use read::{
    BOUND_DOCS, OrderColumns, RecordReader, StoredRecord, attribute_columns, read_records,
    text_paths,
};
pub(crate) use template::SeenTemplates;
pub use template_words::TemplateWords;
pub use text_reader::{Sought, TextReader};

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
    /// Tokenised, and in the document store; a message as its template and the rest.
    Text,
}

/// What a name says about where its text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameKind {
    /// An id, looked up by its hash.
    Id,
    /// Always tokenised.
    Text,
    /// Any other.
    Plain,
}

impl NameKind {
    fn of(name: &str) -> NameKind {
        if fields::ID_FIELDS.contains(&name) {
            NameKind::Id
        } else if fields::TEXT_FIELDS.contains(&name) {
            NameKind::Text
        } else {
            NameKind::Plain
        }
    }
}

fn place(kind: NameKind, value: &Value<'_>) -> Place {
    match value {
        Value::Bool(_) | Value::F64(_) => Place::Column,
        Value::I64(number) if (-EXACT_IN_FLOAT..=EXACT_IN_FLOAT).contains(number) => Place::Column,
        Value::I64(_) | Value::U64(_) | Value::Json(_) => Place::ColumnAndStore,
        Value::Str(text) => {
            let is_long = text.len() > limits::COLUMN_TEXT_BYTES_MAX;
            match kind {
                NameKind::Text => Place::Text,
                NameKind::Plain if is_long => Place::Text,
                NameKind::Id | NameKind::Plain => Place::Column,
            }
        }
    }
}

#[cfg(test)]
mod tests;
