//! Going back to what is committed, and indexing from the WAL again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::super::Indexer;
use super::{IndexState, Replay, Wanted};
use crate::partition::{PartitionWriter, Uncommitted};
use crate::wal::AppliedBatch;
use crate::{PartitionId, StoreError};

impl IndexState {
    /// Forgets what is not committed: closes every writer without a commit. Returns the number
    /// from which on the WAL is read again.
    pub(in super::super) fn rewind(&mut self, indexer: &Indexer) -> Result<u64, StoreError> {
        self.behind = true;
        for (id, open) in &self.writers {
            self.in_doubt.entry(*id).or_insert_with(|| open.writer.uncommitted());
        }
        // Dropped one by one: each waits for its threads.
        self.merge = None;
        self.writers.clear();
        self.positions.clear();
        // What is settled stays so when the next one fails and all of this comes again.
        while let Some((id, doubt)) = self.in_doubt.first_key_value() {
            let (id, doubt) = (*id, *doubt);
            self.settle(indexer, id, doubt)?;
            self.in_doubt.remove(&id);
        }
        self.applied = self.committed;
        self.behind = false;
        indexer.lossy.store(false, Ordering::Release);
        Ok(self.committed)
    }

    /// Takes up what the last commit of a partition has made of it.
    fn settle(
        &mut self,
        indexer: &Indexer,
        id: PartitionId,
        doubt: Uncommitted,
    ) -> Result<(), StoreError> {
        if !indexer.layout.directory(id).has_index()? {
            return Ok(());
        }
        match catch_unwind(AssertUnwindSafe(|| indexer.catalogue.refresh(id))) {
            Ok(Err(error)) if !error.is_damage() => return Err(error),
            // Its position is not known: what it has cannot be told from what it lacks.
            Ok(Err(_)) | Err(_) => return self.put_aside(indexer, id),
            Ok(Ok(())) => {
                // A commit that failed in its last step is there, and nobody has counted it.
                let partition = indexer.catalogue.partition(id);
                if partition.is_some_and(|partition| doubt.is_in(partition.position())) {
                    doubt.count(&id.name(&indexer.tiers));
                }
                self.in_doubt.insert(id, Uncommitted::default());
            }
        }
        // What was half written takes the room that the next try needs.
        self.writer(indexer, id)?.writer.collect_garbage()
    }

    /// Adds the records of a batch that was read back, of a range of numbers.
    pub(in super::super) fn apply_again(
        &mut self,
        indexer: &Indexer,
        batch: &AppliedBatch,
        range: Range<u64>,
    ) -> Result<(), StoreError> {
        let end = range.end;
        self.add_batch(indexer, batch, &Wanted::Lacking(range))?;
        self.applied = end;
        Ok(())
    }

    /// Adds a batch of one record in the place of the record with a number.
    pub(in super::super) fn apply_instead(
        &mut self,
        indexer: &Indexer,
        mut batch: AppliedBatch,
        seq: u64,
    ) -> Result<(), StoreError> {
        batch.first_seq = seq;
        self.apply(indexer, &batch, Replay::Yes)
    }

    /// Opens a writer. A partition that is damaged is put aside, and begun anew: its lines of
    /// today must not keep those of tomorrow out.
    pub(super) fn open_writer(
        &mut self,
        indexer: &Indexer,
        id: PartitionId,
    ) -> Result<PartitionWriter, StoreError> {
        let directory = indexer.layout.directory(id);
        let name = id.name(&indexer.tiers);
        let settings = indexer.settings.writer;
        let open = || PartitionWriter::open(&directory, &name, settings);
        match catch_unwind(AssertUnwindSafe(open)) {
            Ok(Ok(writer)) => return Ok(writer),
            Ok(Err(error)) if !error.is_damage() => return Err(error),
            Ok(Err(error)) => tracing::error!(partition = %name, %error, "damaged partition"),
            Err(_) => tracing::error!(partition = %name, "opening the partition panicked"),
        }
        self.put_aside(indexer, id)?;
        open()
    }

    /// Puts a damaged partition aside. Its records that are only in the WAL are read again.
    pub(in super::super) fn put_aside(
        &mut self,
        indexer: &Indexer,
        id: PartitionId,
    ) -> Result<(), StoreError> {
        self.end_merge(id);
        if let Some(open) = self.writers.remove(&id)
            && open.writer.uncommitted_records() > 0
        {
            self.behind = true;
            indexer.lossy.store(true, Ordering::Release);
        }
        self.positions.remove(&id);
        self.in_doubt.remove(&id);
        // ORDER: lost before it is gone, or an answer in between would pass for whole.
        indexer.catalogue.note_lost(id);
        indexer.catalogue.remove(id);
        let name = id.name(&indexer.tiers);
        let directory = indexer.layout.partition(id);
        crate::maintenance::quarantine(&indexer.layout, &directory, &name)?;
        indexer.catalogue.note_lost(id);
        tracing::error!(partition = %name, "put aside damaged partition");
        Ok(())
    }

    /// Goes on behind a record that nobody can index.
    pub(in super::super) fn skip(&mut self, seq: u64) {
        self.applied = seq + 1;
    }
}
