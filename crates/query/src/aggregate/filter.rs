//! The `filter` and `missing` aggregations: our query language inside tantivy's engine.
//!
//! A condition is compiled once; for every segment the engine asks for its documents, which our
//! own execution finds in columns (tantivy's parser would look for an index that is not there).

use std::sync::Arc;

use tantivy::aggregation::bucket::QueryBuilder;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Schema;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

/// Finds the matching documents of a segment, ascending.
pub(super) type SegmentDocs =
    Arc<dyn Fn(&SegmentReader) -> tantivy::Result<Vec<DocId>> + Send + Sync>;

/// Makes the engine's query for a compiled condition.
#[derive(Clone)]
pub(super) struct FilterBuilder {
    docs: SegmentDocs,
}

impl FilterBuilder {
    /// Returns the builder of a compiled condition.
    pub(super) fn new(docs: SegmentDocs) -> FilterBuilder {
        FilterBuilder { docs }
    }
}

impl std::fmt::Debug for FilterBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FilterBuilder")
    }
}

impl serde::Serialize for FilterBuilder {
    /// A compiled condition stays in the process: there is nothing to write.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl QueryBuilder for FilterBuilder {
    fn build_query(&self, _: &Schema, _: &TokenizerManager) -> tantivy::Result<Box<dyn Query>> {
        Ok(Box::new(self.clone()))
    }

    fn box_clone(&self) -> Box<dyn QueryBuilder> {
        Box::new(self.clone())
    }

    fn typetag_name(&self) -> &'static str {
        "tierlog_condition"
    }

    fn typetag_deserialize(&self) {}
}

impl Query for FilterBuilder {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for FilterBuilder {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = (self.docs)(reader)?;
        Ok(Box::new(ConstScorer::new(Docs { docs, position: 0 }, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("a filter has no score to explain".to_owned()))
    }
}

/// Documents that were found already, ascending.
struct Docs {
    docs: Vec<DocId>,
    position: usize,
}

impl DocSet for Docs {
    fn advance(&mut self) -> DocId {
        self.position += 1;
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.position).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.docs.len() as u32
    }
}
