//! Which dead letters are meant, and where they are in a segment.
//!
//! The same selection finds letters to show and, as a query of the search engine, letters to
//! delete: what was counted is what goes.

use tantivy::columnar::{Column, StrColumn};
use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::{BitSet, DateTime, DocId, Score, SegmentReader};
use tierlog_model::{Tenant, Timestamp, fields};

use crate::StoreError;
use crate::document::terms;
use crate::partition::RecordSelection;
use crate::schema::{SEQ, TIMESTAMP, attribute_column};

/// A selection of dead letters: letters that meet all given conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterSelection {
    /// Of this tenant.
    pub tenant: Tenant,
    /// Rejected for this reason.
    pub reason: Option<String>,
    /// Arrived at this moment or later.
    pub start: Option<Timestamp>,
    /// Arrived before this moment.
    pub end: Option<Timestamp>,
    /// With one of these numbers, ascending.
    pub ids: Option<Vec<u64>>,
    /// With a number from here on.
    pub from: u64,
    /// With a number below this one.
    pub before: Option<u64>,
}

impl LetterSelection {
    /// Returns the selection of these letters of a tenant.
    pub fn of_ids(tenant: Tenant, mut ids: Vec<u64>) -> LetterSelection {
        ids.sort_unstable();
        LetterSelection { tenant, ids: Some(ids), ..LetterSelection::default() }
    }

    /// Returns the selection as the writer of a partition takes it.
    pub(super) fn records(&self) -> RecordSelection {
        RecordSelection::of(LetterQuery(self.clone()))
    }

    fn has(&self, seq: u64, arrived: Timestamp) -> bool {
        seq >= self.from
            && self.before.is_none_or(|before| seq < before)
            && self.ids.as_ref().is_none_or(|ids| ids.binary_search(&seq).is_ok())
            && self.start.is_none_or(|start| arrived >= start)
            && self.end.is_none_or(|end| arrived < end)
    }
}

/// The columns of a segment by which letters are selected.
pub(super) struct Selected<'s> {
    segment: &'s SegmentReader,
    selection: &'s LetterSelection,
    numbers: Column<u64>,
    moments: Column<DateTime>,
    reasons: Option<StrColumn>,
}

impl<'s> Selected<'s> {
    pub(super) fn open(
        segment: &'s SegmentReader,
        selection: &'s LetterSelection,
    ) -> Result<Selected<'s>, tantivy::TantivyError> {
        let columns = segment.fast_fields();
        Ok(Selected {
            segment,
            selection,
            numbers: columns.u64(SEQ)?,
            moments: columns.date(TIMESTAMP)?,
            reasons: columns.str(&attribute_column(fields::REASON))?,
        })
    }

    /// Calls `found` with document, number and reason of every selected letter that is there.
    pub(super) fn for_each(
        &self,
        mut found: impl FnMut(DocId, u64, &str),
    ) -> Result<(), StoreError> {
        // As many as there are reasons.
        let reasons = self.reasons.as_ref().map_or(Ok(Vec::new()), terms)?;
        for doc in self.segment.doc_ids_alive() {
            let (Some(seq), Some(moment)) = (self.numbers.first(doc), self.moments.first(doc))
            else {
                continue;
            };
            let arrived = Timestamp::from_micros_clamped(moment.into_timestamp_micros());
            if !self.selection.has(seq, arrived) {
                continue;
            }
            let ordinal = self.reasons.as_ref().and_then(|column| column.term_ords(doc).next());
            let reason = ordinal.and_then(|ordinal| reasons.get(ordinal as usize));
            let reason = reason.map_or("", String::as_str);
            if self.selection.reason.as_ref().is_none_or(|wanted| wanted == reason) {
                found(doc, seq, reason);
            }
        }
        Ok(())
    }
}

/// The selection as the search engine takes it.
#[derive(Clone, Debug)]
struct LetterQuery(LetterSelection);

impl Query for LetterQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for LetterQuery {
    fn scorer(&self, segment: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut docs = BitSet::with_max_value(segment.max_doc());
        let selected = Selected::open(segment, &self.0)?;
        selected
            .for_each(|doc, _, _| {
                docs.insert(doc);
            })
            .map_err(|error| tantivy::TantivyError::InternalError(error.to_string()))?;
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, _segment: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("dead letters have no score", 1.0))
    }
}
