//! Which records of a partition are meant, in the form that the search engine takes.
//!
//! Who deletes says which; the writer hands the selection on without a look inside.

use tantivy::query::Query;

/// Records of a partition that are to go.
#[derive(Debug)]
pub(crate) struct RecordSelection(Box<dyn Query>);

impl RecordSelection {
    /// Returns the selection of what a query finds.
    pub(crate) fn of(query: impl Query) -> RecordSelection {
        RecordSelection(Box::new(query))
    }

    /// Returns the query.
    pub(super) fn into_query(self) -> Box<dyn Query> {
        self.0
    }
}
