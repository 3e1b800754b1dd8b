//! From candidates to hits: records are rebuilt in groups and handed on one by one.
//!
//! Candidates of a search arrive in order; each record leaves to a [`HitSink`], which keeps it or
//! has no more room. Memory holds one group, bounded in bytes, however long the page is and however
//! large its records are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::{Serialize, Serializer};
use tierlog_model::{Record, Value};
use tierlog_store::{Catalogue, OpenSegment, StoreError, StoredRecord};

use super::collect::HitPlace;
use super::selection::Selection;
use super::{Deadline, PartialReason, ScanReport};
use crate::error::QueryError;

/// Records of the first group: an ordinary page is one.
const GROUP_RECORDS_FIRST: usize = 128;

/// Most records of a group: enough to share the opening of columns.
const GROUP_RECORDS_MAX: usize = 2_048;

/// Bytes that a group should take. Groups of ordinary records stay under it; of large records the
/// next group has fewer.
const GROUP_BYTES_AIM: usize = 2 << 20;

/// Bytes at which a group is given up and read in smaller ones.
const GROUP_BYTES_MAX: usize = 4 * GROUP_BYTES_AIM;

/// Values that are read from columns at once, of as many records as have them: short texts, so at
/// most 16 MiB.
const GROUP_VALUES_MAX: usize = 128 << 10;

/// One record of an answer. Serialises as the flat object of the contract.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Record number; part of cursors, not of the object.
    pub(crate) seq: u64,
    /// The record.
    pub(crate) record: Record<'static>,
}

impl Serialize for Hit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.record.serialize(serializer)
    }
}

/// Whether a sink has kept a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It has.
    Yes,
    /// There is no room for the hit: the page ends before.
    NoRoom,
}

/// Takes the hits of a search, in order.
pub(crate) trait HitSink {
    /// Takes a hit. The first hit of a page is always kept, or a page could stay empty for ever.
    fn take(&mut self, hit: Hit) -> Result<Kept, QueryError>;
}

/// Returns about how many bytes of text a record takes in an answer.
pub(crate) fn record_bytes(record: &Record<'_>) -> usize {
    const VALUE_BYTES: usize = 24;
    let field_bytes = |(name, value): &(Cow<'_, str>, Value<'_>)| {
        let text = match value {
            Value::Str(text) | Value::Json(text) => text.len(),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => 0,
        };
        name.len() + text + VALUE_BYTES
    };
    record.fields.iter().map(field_bytes).sum()
}

/// Rebuilds the records of candidates.
pub(super) struct HitReader<'s> {
    pub(super) catalogue: &'s Catalogue,
    pub(super) segments: &'s [Arc<OpenSegment>],
    /// Fields to keep; `None` is all.
    pub(super) selection: Option<&'s Selection>,
    pub(super) deadline: &'s Deadline,
}

/// What a sink has taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Hits.
    pub(super) count: usize,
    /// Moment and number of the last one.
    pub(super) last: Option<(tierlog_model::Timestamp, u64)>,
}

/// A group of hits with the bytes of their records.
struct HitGroup {
    hits: Vec<Hit>,
    bytes: usize,
}

impl HitReader<'_> {
    /// Hands the records on in the order of the candidates, until the sink has no more room.
    pub(super) fn read(
        &self,
        places: &[HitPlace],
        report: &mut ScanReport,
        sink: &mut dyn HitSink,
    ) -> Result<Taken, QueryError> {
        let mut taken = Taken::default();
        let mut rest = places;
        let mut size = GROUP_RECORDS_FIRST;
        while !rest.is_empty() {
            let (group, behind) = rest.split_at(size.min(rest.len()));
            let bytes_max = if size == 1 { usize::MAX } else { GROUP_BYTES_MAX };
            let Some(HitGroup { hits, bytes }) = self.read_group(group, bytes_max, report)? else {
                size = (size / 8).max(1);
                continue;
            };
            let _passing = self.deadline.passing();
            self.deadline.hold(bytes as u64);
            self.deadline.check_memory()?;
            for mut hit in hits {
                if let Some(selection) = self.selection {
                    selection.apply(&mut hit.record);
                }
                let place = (hit.record.timestamp, hit.seq);
                if sink.take(hit)? == Kept::NoRoom {
                    report.note(PartialReason::AnswerBytes);
                    return Ok(taken);
                }
                taken.count += 1;
                taken.last = Some(place);
            }
            rest = behind;
            let record_bytes = (bytes / group.len().max(1)).max(1);
            size = (GROUP_BYTES_AIM / record_bytes).clamp(1, GROUP_RECORDS_MAX);
        }
        Ok(taken)
    }

    /// Reads a group; `None` when it would take more than so many bytes.
    fn read_group(
        &self,
        group: &[HitPlace],
        bytes_max: usize,
        report: &mut ScanReport,
    ) -> Result<Option<HitGroup>, QueryError> {
        let mut by_segment: BTreeMap<usize, Vec<(u32, usize)>> = BTreeMap::new();
        for (position, place) in group.iter().enumerate() {
            by_segment.entry(place.segment).or_default().push((place.doc, position));
        }
        let mut hits: Vec<Option<Hit>> = vec![None; group.len()];
        let mut bytes = 0;
        for (segment, mut places) in by_segment {
            // Neighbours share a block of the document store.
            places.sort_unstable();
            let docs: Vec<u32> = places.iter().map(|(doc, _)| *doc).collect();
            let Some(segment) = self.segments.get(segment) else { continue };
            let read = || read_segment(segment, &docs, bytes_max.saturating_sub(bytes));
            let records = match catch_unwind(AssertUnwindSafe(read)) {
                Ok(Ok(Some(records))) => records,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "skip unreadable records");
                    self.note_unreadable(segment, report);
                    continue;
                }
                // Damaged bytes may make the search engine panic.
                Err(_) => {
                    tracing::warn!("reading records panicked; skip them");
                    self.note_unreadable(segment, report);
                    continue;
                }
            };
            for (StoredRecord { seq, record }, (_, position)) in records.into_iter().zip(places) {
                bytes = bytes.saturating_add(record.memory_bytes());
                if let Some(place) = hits.get_mut(position) {
                    *place = Some(Hit { seq, record });
                }
            }
        }
        Ok(Some(HitGroup { hits: hits.into_iter().flatten().collect(), bytes }))
    }

    fn note_unreadable(&self, segment: &OpenSegment, report: &mut ScanReport) {
        match self.catalogue.partition_of(segment) {
            Some(id) => {
                report.note_unreadable(&id.name(self.catalogue.tiers()));
                self.catalogue.suspect(id);
            }
            // It has expired since.
            None => report.note(PartialReason::PartitionUnreadable),
        }
    }
}

/// Reads records of one segment, as many at once as their columns allow.
fn read_segment(
    segment: &OpenSegment,
    docs: &[u32],
    bytes_max: usize,
) -> Result<Option<Vec<StoredRecord>>, StoreError> {
    let at_once = (GROUP_VALUES_MAX / segment.records()?.column_count().max(1)).max(1);
    if docs.len() <= at_once {
        return segment.read_within(docs, bytes_max);
    }
    let (mut records, mut left) = (Vec::with_capacity(docs.len()), bytes_max);
    for docs in docs.chunks(at_once) {
        let Some(read) = segment.read_within(docs, left)? else { return Ok(None) };
        let bytes: usize = read.iter().map(|stored| stored.record.memory_bytes()).sum();
        left = left.saturating_sub(bytes);
        records.extend(read);
    }
    Ok(Some(records))
}
