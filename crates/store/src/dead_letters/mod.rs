//! Dead letters, letter by letter: listing and deletion. Their tier is the only one in which single
//! records are ever deleted; every other record goes with its day ([ADR 0011]).
//!
//! A selection arrives; letters, counts by reason, or the number of those that are gone leave.
//! What a line says is not looked at here.
//!
//! [ADR 0011]: ../../../../docs/adr/0011-dead-letters-are-deleted-one-by-one.md

mod journal;
mod select;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use tantivy::DocId;
use tierlog_model::metric_names::DEAD_LETTERS_DROPPED;

use crate::catalogue::Catalogue;
use crate::partition::{OpenSegment, RecordSelection};
use crate::{PartitionId, Store, StoreError, StoredRecord};

pub use journal::PendingReplay;
pub use select::LetterSelection;
use select::Selected;

/// Which letters come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterOrder {
    /// Those that arrived last.
    NewestFirst,
    /// Those that arrived first.
    OldestFirst,
}

/// What a selection holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Letters {
    /// The first letters in the requested order.
    pub letters: Vec<StoredRecord>,
    /// How many there are by reason, those that are not among the first included.
    pub by_reason: BTreeMap<String, u64>,
}

impl Letters {
    /// Returns how many letters the selection holds.
    pub fn total(&self) -> u64 {
        self.by_reason.values().sum()
    }
}

/// Why letters are taken away, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterEnd {
    /// They are records now.
    Replayed,
    /// Nobody wants them.
    Dropped,
}

impl LetterEnd {
    fn as_str(self) -> &'static str {
        match self {
            LetterEnd::Replayed => "replayed",
            LetterEnd::Dropped => "dropped",
        }
    }
}

/// A found letter: number and place.
type Place = (u64, usize, DocId);

impl Store {
    /// Returns the first letters of a selection and counts all of them, among those that were
    /// acked before the call. Blocks.
    pub fn dead_letters(
        &self,
        selection: &LetterSelection,
        order: LetterOrder,
        limit: usize,
    ) -> Result<Letters, StoreError> {
        self.flush()?;
        find(self.catalogue(), selection, order, limit)
    }

    /// Takes the letters of a selection away, among those that were acked before the call.
    /// Returns how many there were by reason. Durable when it returns. Blocks.
    pub fn drop_dead_letters(
        &self,
        selection: &LetterSelection,
        end: LetterEnd,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        self.flush()?;
        let before = self.next_seq();
        let selection = LetterSelection {
            before: Some(selection.before.map_or(before, |own| own.min(before))),
            ..selection.clone()
        };
        let delete = |id, query| self.delete_records(id, query);
        let by_reason = take_away(self.catalogue(), &selection, delete)?;
        let count = by_reason.values().sum();
        metrics::counter!(DEAD_LETTERS_DROPPED, "how" => end.as_str()).increment(count);
        tracing::info!(count, how = end.as_str(), "take dead letters away");
        Ok(by_reason)
    }
}

/// Returns the first letters of a selection and counts all of them, among those that are
/// committed.
fn find(
    catalogue: &Catalogue,
    selection: &LetterSelection,
    order: LetterOrder,
    limit: usize,
) -> Result<Letters, StoreError> {
    let mut found = Letters::default();
    let mut first = BinaryHeap::new();
    let mut segments: Vec<Arc<OpenSegment>> = Vec::new();
    let list = catalogue.list(selection.tenant);
    let tier = catalogue.tiers().dead_letter();
    for listed in list.iter().filter(|listed| listed.id().tier == tier) {
        let view = catalogue.open(&list, listed.partition())?;
        for segment in view.segments() {
            let place = segments.len();
            segments.push(Arc::clone(segment));
            Selected::open(segment.reader(), selection)?.for_each(|doc, seq, reason| {
                match found.by_reason.get_mut(reason) {
                    Some(count) => *count += 1,
                    None => drop(found.by_reason.insert(reason.to_owned(), 1)),
                }
                keep(&mut first, order, limit, (seq, place, doc));
            })?;
        }
    }
    found.letters = read(&segments, first.into_iter().map(|(_, place)| place).collect(), order)?;
    Ok(found)
}

/// Takes the letters of a selection away, among those that are committed. Returns how many there
/// were by reason. On return the deletion of all selected letters is durable, of letters deleted
/// earlier, too.
pub(crate) fn take_away(
    catalogue: &Catalogue,
    selection: &LetterSelection,
    delete: impl Fn(PartitionId, RecordSelection) -> Result<(), StoreError>,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let by_reason = find(catalogue, selection, LetterOrder::NewestFirst, 0)?.by_reason;
    let tier = catalogue.tiers().dead_letter();
    for listed in catalogue.list(selection.tenant).iter().filter(|listed| listed.id().tier == tier)
    {
        if !by_reason.is_empty() {
            delete(listed.id(), selection.records())?;
            continue;
        }
        // ORDER: a killed process may have left a deletion that is visible and not durable. A
        // repeated call answers that no letter is left, and the client relies on the answer.
        match listed.partition().directory().sync() {
            Err(error) if catalogue.partition(listed.id()).is_some() => return Err(error),
            // The drop of a day meanwhile took the letters along.
            Ok(()) | Err(_) => {}
        }
    }
    Ok(by_reason)
}

/// Keeps a place if it is among the first so many. The heap has the last of them on top.
fn keep(first: &mut BinaryHeap<(Rank, Place)>, order: LetterOrder, limit: usize, place: Place) {
    let rank = match order {
        LetterOrder::NewestFirst => Rank::Falling(Reverse(place.0)),
        LetterOrder::OldestFirst => Rank::Rising(place.0),
    };
    if first.len() < limit {
        first.push((rank, place));
    } else if first.peek().is_some_and(|(last, _)| rank < *last) {
        first.pop();
        first.push((rank, place));
    }
}

/// Which of two letters comes first: the smaller rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Falling(Reverse<u64>),
    Rising(u64),
}

/// Reads letters, segment by segment, and puts them in order.
fn read(
    segments: &[Arc<OpenSegment>],
    mut places: Vec<Place>,
    order: LetterOrder,
) -> Result<Vec<StoredRecord>, StoreError> {
    places.sort_unstable_by_key(|(_, segment, doc)| (*segment, *doc));
    let mut letters = Vec::with_capacity(places.len());
    for together in places.chunk_by(|left, right| left.1 == right.1) {
        let segment = together.first().and_then(|(_, segment, _)| segments.get(*segment));
        let Some(segment) = segment else { continue };
        let docs: Vec<DocId> = together.iter().map(|(_, _, doc)| *doc).collect();
        letters.extend(segment.read(&docs)?);
    }
    letters.sort_unstable_by_key(|letter| letter.seq);
    if order == LetterOrder::NewestFirst {
        letters.reverse();
    }
    Ok(letters)
}

#[cfg(test)]
mod tests;
