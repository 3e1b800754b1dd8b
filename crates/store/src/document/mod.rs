//! A record as a tantivy document, and back.
//!
//! [`place`] is the one rule of where a value lives; `write` and `read` both follow it.

mod arrays;
mod beside;
mod blocks;
mod chunk;
mod long_texts;
mod names;
mod pool;
mod read;
mod several;
mod template;
mod template_words;
mod text_reader;
mod texts;
mod write;

use tierlog_model::{Value, fields, is_error_text, limits};

pub use beside::{
    Beside, PairValue, has_beside, has_column_name, long_stamp, pair, pair_column, pair_start,
    read_pair, read_value, stamp_beginning,
};
pub(crate) use chunk::{Chunk, ChunkDocument};
pub use long_texts::LongTexts;
pub(crate) use names::FieldNames;
pub(crate) use pool::ChunkPool;
pub(crate) use read::terms;
pub use read::{
    BOUND_DOCS, ColumnKind, OrderColumns, RecordReader, StoredRecord, field_columns, is_field,
    read_records, text_paths,
};
pub(crate) use several::SeveralValued;
pub(crate) use template::SeenTemplates;
pub use template_words::TemplateWords;
pub use text_reader::{Sought, TextReader};

/// Largest integer that every numeric column holds exactly: a column that also has floats
/// becomes a float column.
const EXACT_IN_FLOAT: i64 = 1 << 53;

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the typed column of its field.
    Column,
    /// In the typed column of its field; tokenised for who names no field.
    ErrorText,
    /// In a typed column beside it.
    Beside(Beside),
    /// Tokenised; as its template and the rest in the document store.
    Message,
    /// In the document store; tokenised, and a column beside the field's own has its stamp.
    LongText,
    /// In the document store; its members are values of their own.
    Array,
}

/// The place of a text, by its field name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameKind {
    /// An id, looked up by its hash.
    Id,
    /// Always tokenised.
    Text,
    /// About an error: found by its words, however short it is.
    Error,
    /// Any other.
    Plain,
}

impl NameKind {
    fn of(name: &str) -> NameKind {
        if fields::ID_FIELDS.contains(&name) {
            NameKind::Id
        } else if fields::TEXT_FIELDS.contains(&name) {
            NameKind::Text
        } else if is_error_text(name) {
            NameKind::Error
        } else {
            NameKind::Plain
        }
    }
}

fn place(kind: NameKind, value: &Value<'_>) -> Place {
    match value {
        Value::Bool(_) | Value::F64(_) => Place::Column,
        Value::I64(integer) if (-EXACT_IN_FLOAT..=EXACT_IN_FLOAT).contains(integer) => {
            Place::Column
        }
        Value::I64(_) => Place::Beside(Beside::Integer),
        Value::U64(_) => Place::Beside(Beside::Unsigned),
        Value::Json(_) => Place::Array,
        Value::Str(text) => {
            let is_long = text.len() > limits::COLUMN_TEXT_BYTES_MAX;
            match kind {
                NameKind::Text => Place::Message,
                NameKind::Plain | NameKind::Error if is_long => Place::LongText,
                NameKind::Error => Place::ErrorText,
                NameKind::Id | NameKind::Plain => Place::Column,
            }
        }
    }
}

#[cfg(test)]
mod tests;
