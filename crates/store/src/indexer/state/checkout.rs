//! Lending a partition to the backfill lane, which works on it without the indexer's lock.
//!
//! While a partition is away, only its borrower changes it: whoever else wants to waits until it
//! is back. The fresh lane never wants one, because all records of an old day are routed to the
//! backlog.

use super::{IndexState, OpenWriter, WriterMode};
use crate::PartitionId;
use crate::partition::{PartitionWriter, Uncommitted};

/// The writer and the state of a lent partition.
#[derive(Debug)]
pub(in super::super) struct Lent {
    /// Its writer, if it was open.
    pub(in super::super) writer: Option<PartitionWriter>,
    /// Whether everything of it is being merged into the sealed form.
    sealing: bool,
    /// Records below this number went with an earlier partition of the day.
    pub(in super::super) dropped: u64,
    /// Whether its names are known to be durable.
    pub(in super::super) is_synced: bool,
}

impl Lent {
    /// Tells whether segments of it may be merged now.
    pub(in super::super) fn may_merge(&self) -> bool {
        !self.sealing
    }

    /// Closes the writer, unless the partition comes back whole and its merge goes on.
    pub(in super::super) fn close_unless_sealing(mut self, returned: &Returned) -> Lent {
        if !self.sealing || matches!(returned, Returned::InDoubt(_)) {
            drop(self.writer.take());
        }
        self
    }
}

/// How a partition comes back.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Returned {
    /// All added records are committed, and the catalogue knows.
    Whole,
    /// Its last commit may have been made, and was to hold this.
    InDoubt(Uncommitted),
}

impl IndexState {
    /// Tells whether a partition is lent.
    pub(in super::super) fn is_away(&self, id: PartitionId) -> bool {
        self.away.contains(&id)
    }

    /// Lends a partition.
    pub(in super::super) fn lend(&mut self, id: PartitionId) -> Lent {
        self.end_merge(id);
        self.away.insert(id);
        let open = self.writers.remove(&id);
        Lent {
            sealing: open.as_ref().is_some_and(|open| open.mode == WriterMode::Sealing),
            writer: open.map(|open| open.writer),
            dropped: self.tombstones.position(id),
            is_synced: self.positions.contains_key(&id),
        }
    }

    /// Takes a partition back.
    pub(in super::super) fn take_back(&mut self, id: PartitionId, lent: Lent, returned: Returned) {
        self.away.remove(&id);
        match returned {
            Returned::Whole => {
                let position = self.context.catalogue.partition(id).map_or(0, |p| p.position());
                self.positions.insert(id, position);
            }
            Returned::InDoubt(uncommitted) => {
                self.positions.remove(&id);
                self.in_doubt.insert(id, uncommitted);
            }
        }
        // Open still: it seals.
        if let Some(writer) = lent.writer {
            let mode = WriterMode::Sealing;
            self.writers.insert(id, OpenWriter::new(writer, mode));
        }
    }
}
