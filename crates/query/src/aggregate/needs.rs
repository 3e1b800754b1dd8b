//! What fields of a request need beyond the columns of their own names.
//!
//! Arrives: a request's fields and a segment. Leaves: what the segment shows that the request does
//! not reckon with yet. A request is run as if its fields were plain; most are. When a field turns
//! out to need more, the request runs again with those needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use tantivy::DocId;
use tantivy::columnar::ColumnType;
use tierlog_store::{OpenSegment, pair_start};

use crate::error::QueryError;
use crate::execute::{Besides, FieldColumns, Flow, SegmentVisitor};

/// What a field needs, or what would matter to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Its values lie in several places, and have to be keys of one kind.
    pub(super) keys: bool,
    /// Its integers may not fit floats.
    pub(super) exact: bool,
    /// Some of its values are no numbers, and have to be counted.
    pub(super) skipped: bool,
    /// Equal numbers are one value: floats of one segment and integers of another. Only ever
    /// matters; a field of both kinds of numbers needs `keys`.
    pub(super) kinds: bool,
}

/// Kinds of numbers that the columns of fields have had so far, over all segments.
#[derive(Debug, Default)]
pub(super) struct NumberKinds(BTreeMap<String, (bool, bool)>);

impl NumberKinds {
    /// Adds the columns of a field in a segment. Returns whether the field has had both kinds.
    fn are_mixed(&mut self, field: &str, columns: &FieldColumns) -> bool {
        let mut seen = self.0.get(field).copied().unwrap_or_default();
        for handle in &columns.own {
            match handle.column_type() {
                ColumnType::F64 => seen.0 = true,
                ColumnType::I64 | ColumnType::U64 => seen.1 = true,
                _ => {}
            }
        }
        self.0.insert(field.to_owned(), seen);
        seen == (true, true)
    }
}

impl Needs {
    /// Nothing.
    const NONE: Needs = Needs { keys: false, exact: false, skipped: false, kinds: false };

    /// Returns what either needs.
    pub(super) fn and(self, other: Needs) -> Needs {
        Needs {
            keys: self.keys || other.keys,
            exact: self.exact || other.exact,
            skipped: self.skipped || other.skipped,
            kinds: self.kinds || other.kinds,
        }
    }

    /// Returns the needs that matter and are new.
    fn news(self, matters: Needs, known: Needs) -> Needs {
        Needs {
            keys: self.keys && matters.keys && !known.keys,
            exact: self.exact && matters.exact && !known.exact,
            skipped: self.skipped && matters.skipped && !known.skipped,
            kinds: false,
        }
    }

    /// Returns what a segment shows of a field.
    fn of_segment(columns: &FieldColumns, field: &str) -> Result<Needs, QueryError> {
        let has =
            |wanted: ColumnType| columns.own.iter().any(|handle| handle.column_type() == wanted);
        let is_paired = match &columns.pairs {
            Some(pairs) => {
                let range = pairs.dictionary().prefix_range(pair_start(field));
                range.into_stream()?.advance()
            }
            None => false,
        };
        let is_wide = !columns.wide.is_empty();
        let has_texts = has(ColumnType::Str);
        Ok(Needs {
            keys: is_wide || columns.long.is_some() || is_paired,
            exact: is_wide || is_paired || has_texts,
            skipped: has_texts || has(ColumnType::Bool) || columns.long.is_some() || is_paired,
            kinds: false,
        })
    }
}

/// The fields of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldNeeds(BTreeMap<String, Needs>);

impl FieldNeeds {
    /// Returns what a field needs.
    pub(super) fn of(&self, field: &str) -> Needs {
        self.0.get(field).copied().unwrap_or_default()
    }

    /// Adds needs of a field.
    pub(super) fn add(&mut self, field: &str, needs: Needs) {
        let known = self.of(field);
        self.0.insert(field.to_owned(), known.and(needs));
    }

    /// Adds the needs of others.
    pub(super) fn extend(&mut self, others: &FieldNeeds) {
        for (field, needs) in &others.0 {
            self.add(field, *needs);
        }
    }

    /// Tells whether there is nothing to reckon with.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what a segment shows that matters and is not known.
    pub(super) fn news(
        &self,
        segment: &OpenSegment,
        known: &FieldNeeds,
        seen: &mut NumberKinds,
    ) -> Result<FieldNeeds, QueryError> {
        let besides = Besides::from(segment.has_beside()?);
        let mut news = FieldNeeds::default();
        for (field, matters) in &self.0 {
            let known = known.of(field);
            // Fast path: only what lies beside columns would make a difference.
            let looks_at_columns = matters.exact || matters.skipped || matters.kinds;
            let is_plain = besides == Besides::None && !looks_at_columns;
            if is_plain || matters.news(*matters, known) == Needs::NONE {
                continue;
            }
            let columns = FieldColumns::of(segment.reader(), besides, field)?;
            let mut found = Needs::of_segment(&columns, field)?;
            found.keys |= matters.kinds && seen.are_mixed(field, &columns);
            let found = found.news(*matters, known);
            if found != Needs::NONE {
                news.add(field, found);
            }
        }
        Ok(news)
    }
}

/// Looks at every segment of a scan, and at nothing in it.
pub(super) struct Survey<'r> {
    /// What would matter.
    pub(super) matters: &'r FieldNeeds,
    /// What is known.
    pub(super) known: FieldNeeds,
    pub(super) seen: NumberKinds,
}

impl SegmentVisitor for Survey<'_> {
    fn begin(&mut self, segment: &Arc<OpenSegment>) -> Result<Flow, QueryError> {
        let news = self.matters.news(segment, &self.known, &mut self.seen)?;
        self.known.extend(&news);
        Ok(Flow::SkipSegment)
    }

    fn block(&mut self, _: &[DocId]) -> Result<Flow, QueryError> {
        Ok(Flow::SkipSegment)
    }

    fn end(&mut self) -> Result<Flow, QueryError> {
        Ok(Flow::Continue)
    }
}
