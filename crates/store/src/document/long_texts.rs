//! The long texts of a field, read from where they are stored.
//!
//! Arrives: a document of which a column has the stamp of a long text. Leaves: the text. A stamp
//! has the text's beginning, so few questions come here.

use tantivy::schema::TantivyDocument;
use tantivy::store::StoreReader;
use tantivy::{DocId, SegmentReader};
use tierlog_model::Value;
use tierlog_model::limits::COLUMN_TEXT_BYTES_MAX;

use super::arrays::elements;
use super::beside::long_stamp;
use super::read::Stored;
use crate::StoreError;

/// Blocks of the document store that stay inflated: documents are asked for in order, or in
/// windows from the last to the first.
const STORE_CACHE_BLOCKS: usize = 4;

/// Reads long texts of a field in a segment.
pub struct LongTexts {
    segment: SegmentReader,
    name: String,
    store: Option<StoreReader>,
}

impl std::fmt::Debug for LongTexts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "LongTexts({})", self.name)
    }
}

impl LongTexts {
    /// Returns the reader of a field; the document store is opened by the first text.
    pub fn new(segment: &SegmentReader, name: &str) -> LongTexts {
        LongTexts { segment: segment.clone(), name: name.to_owned(), store: None }
    }

    /// Returns the long text of a document that has a stamp.
    pub fn find(&mut self, doc: DocId, stamp: &str) -> Result<Option<String>, StoreError> {
        let texts = self.of_document(doc)?;
        // One text is the usual case: nothing has to be hashed.
        if let [_] = texts.as_slice() {
            return Ok(texts.into_iter().next());
        }
        Ok(texts.into_iter().find(|text| long_stamp(text) == stamp))
    }

    /// Returns the long texts of the field in a document.
    fn of_document(&mut self, doc: DocId) -> Result<Vec<String>, StoreError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => {
                self.segment.get_store_reader(STORE_CACHE_BLOCKS).map_err(StoreError::Column)?
            }
        };
        let document: TantivyDocument = store.get(doc)?;
        self.store = Some(store);
        let mut texts = Vec::new();
        for (name, value) in Stored::of(&document).fields {
            match value {
                Value::Str(text) if name == self.name => texts.push(text.into_owned()),
                Value::Json(array) if self.name.starts_with(name.as_ref()) => {
                    texts.extend(elements(&name, &array).into_iter().filter_map(
                        |(name, element)| match element {
                            Value::Str(text) if name == self.name => Some(text.into_owned()),
                            _ => None,
                        },
                    ));
                }
                _ => {}
            }
        }
        texts.retain(|text| text.len() > COLUMN_TEXT_BYTES_MAX);
        Ok(texts)
    }
}
