//! The index schema that every partition has: columns first.
//!
//! | field | kind | holds |
//! |---|---|---|
//! | `timestamp` | column, microseconds | when |
//! | `level` | column, text | severity |
//! | `seq` | column, u64 | number of the record in the WAL: unique, never reused |
//! | `text` | inverted index, JSON | words of message, errors and long text, by field |
//! | `text_fields` | column, text, many | names of the fields that `text` holds for the record |
//! | `template` | column, text | the message without what other columns have and without numbers |
//! | `attributes` | columns, JSON | every other field, typed, by dotted name; no index |
//! | `beside` | columns, JSON | values that the field's own column would change or could not hold
//! | | | (see `document/beside.rs`); few records have some |
//! | `stored` | document store | what no column holds whole: the numbers of the message, longer
//! | | | text, arrays |
//!
//! Term dictionaries and a second copy of the line are what costs in a log index, so a field has
//! an inverted index only where a column cannot answer in time: words. Where an id lies is said,
//! once a partition is sealed, by its id filter.

use std::sync::LazyLock;

use tantivy::schema::{
    DateOptions, DateTimePrecision, FAST, Field, IndexRecordOption, JsonObjectOptions, STORED,
    Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{RAW_TOKENIZER_NAME, TextAnalyzer, TokenizerManager};
use tantivy::{Index, Term};

use crate::words::WordTokenizer;

/// Name under which the analyzer of `text` is registered with every index.
const ANALYZER: &str = "tierlog";

/// Column of the moment.
pub(crate) const TIMESTAMP: &str = "timestamp";
/// Column of the severity.
pub(crate) const LEVEL: &str = "level";
/// Column of the record's number.
pub(crate) const SEQ: &str = "seq";
/// Column of the names of text fields.
pub(crate) const TEXT_FIELDS: &str = "text_fields";
/// Column of the templates of messages.
pub(crate) const TEMPLATE: &str = "template";
/// Columns of everything else.
pub(crate) const ATTRIBUTES: &str = "attributes";
/// Columns beside those.
pub(crate) const BESIDE: &str = "beside";

/// Handles of the fields above.
#[derive(Clone, Copy, Debug)]
pub struct IndexFields {
    /// Column of the moment.
    pub timestamp: Field,
    /// Column of the severity.
    pub level: Field,
    /// Column of the record's number.
    pub seq: Field,
    /// Index of words by field.
    pub text: Field,
    /// Column of the names of text fields.
    pub text_fields: Field,
    /// Column of the templates of messages.
    pub template: Field,
    /// Columns of everything else.
    pub attributes: Field,
    /// Columns of values outside of the range of the other columns.
    pub beside: Field,
    /// Stored remainder.
    pub stored: Field,
}

static SCHEMA: LazyLock<(Schema, IndexFields)> = LazyLock::new(build);

fn build() -> (Schema, IndexFields) {
    let mut builder = Schema::builder();
    let raw_column = || TextOptions::default().set_fast(RAW_TOKENIZER_NAME);
    let words = TextFieldIndexing::default()
        .set_tokenizer(ANALYZER)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let columns =
        || JsonObjectOptions::default().set_fast(RAW_TOKENIZER_NAME).set_expand_dots_enabled();
    let timestamp =
        DateOptions::default().set_fast().set_precision(DateTimePrecision::Microseconds);
    let fields = IndexFields {
        timestamp: builder.add_date_field(TIMESTAMP, timestamp),
        level: builder.add_text_field(LEVEL, raw_column()),
        seq: builder.add_u64_field(SEQ, FAST),
        text: builder.add_json_field(
            "text",
            JsonObjectOptions::default().set_indexing_options(words).set_expand_dots_enabled(),
        ),
        text_fields: builder.add_text_field(TEXT_FIELDS, raw_column()),
        template: builder.add_text_field(TEMPLATE, raw_column()),
        attributes: builder.add_json_field(ATTRIBUTES, columns()),
        beside: builder.add_json_field(BESIDE, columns()),
        stored: builder.add_bytes_field("stored", STORED),
    };
    (builder.build(), fields)
}

/// Returns the schema of every partition.
pub(crate) fn schema() -> Schema {
    SCHEMA.0.clone()
}

/// Returns the handles of the schema's fields.
pub fn index_fields() -> &'static IndexFields {
    &SCHEMA.1
}

/// Makes an index able to tokenise as the schema says.
pub(crate) fn register_analyzer(index: &mut Index) {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(ANALYZER, TextAnalyzer::from(WordTokenizer::default()));
    index.set_tokenizers(tokenizers);
}

/// Returns the key of a term (see [`crate::Phrase::needs`]) in a text field.
pub fn text_term(path: &str, term: &str) -> Term {
    let mut key = Term::from_field_json_path(index_fields().text, &escape(path), true);
    key.append_type_and_str(term);
    key
}

/// Returns the name under which tantivy finds the column of a field that is not built in.
pub fn attribute_column(name: &str) -> String {
    format!("{ATTRIBUTES}.{}", escape(name))
}

/// Returns the name under which tantivy finds a column beside those.
pub(crate) fn beside_column(path: &str) -> String {
    format!("{BESIDE}.{}", escape(path))
}

/// Field names are paths whose segments end at dots; a backslash would escape one.
fn escape(name: &str) -> String {
    name.replace('\\', "\\\\")
}
