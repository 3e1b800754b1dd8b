//! Going back to what is committed, and indexing from the WAL again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::super::backlog::Lane;
use super::super::phase::Event;
use super::{IndexState, Wanted};
use tierlog_model::RedactedBatch;

use crate::partition::{PartitionDirectory, PartitionWriter, Uncommitted};
use crate::wal::LoggedBatch;
use crate::{PartitionId, StoreError};

impl IndexState {
    /// Forgets what is not committed: closes every writer without a commit. Returns the number
    /// from which on the WAL is read again.
    pub(in super::super) fn rewind(&mut self) -> Result<u64, StoreError> {
        let context = Arc::clone(&self.context);
        // ORDER: a step like any other. Without it the position would stand for what the closed
        // writers had, and the next commit would let the WAL forget that.
        context.progress.begin_rewind(Lane::Fresh).end(self.go_back())?;
        context.progress.note(Lane::Fresh, Event::Rewound);
        Ok(context.progress.positions().committed)
    }

    fn go_back(&mut self) -> Result<(), StoreError> {
        for (id, open) in &self.writers {
            self.in_doubt.entry(*id).or_insert_with(|| open.writer.uncommitted());
        }
        // Dropped one by one: each waits for its threads.
        self.merge = None;
        self.writers.clear();
        self.deferred.clear();
        self.positions.clear();
        self.settle_all()?;
        self.context.progress.move_to(|positions| positions.applied = positions.committed);
        Ok(())
    }

    /// Gives up what the backfill lane has not committed. Returns the number from which on the
    /// WAL is read again for it.
    pub(in super::super) fn rewind_backfill(&mut self) -> Result<u64, StoreError> {
        let context = Arc::clone(&self.context);
        context.progress.begin_rewind(Lane::Backfill).end(self.settle_all())?;
        let from = self.backlog.forget();
        context.progress.note(Lane::Backfill, Event::Rewound);
        Ok(from)
    }

    fn settle_all(&mut self) -> Result<(), StoreError> {
        // What is settled stays so when the next one fails and all of this comes again.
        while let Some((id, doubt)) = self.in_doubt.first_key_value() {
            let (id, doubt) = (*id, *doubt);
            self.settle(id, doubt)?;
            self.in_doubt.remove(&id);
        }
        Ok(())
    }

    /// Takes up what the last commit of a partition has made of it.
    fn settle(&mut self, id: PartitionId, doubt: Uncommitted) -> Result<(), StoreError> {
        if !PartitionDirectory::of(&self.context.layout, id).has_index()? {
            return Ok(());
        }
        match catch_unwind(AssertUnwindSafe(|| self.context.catalogue.refresh(id))) {
            Ok(Err(error)) if !error.is_damage() => return Err(error),
            // Its position is not known: what it has cannot be told from what it lacks.
            Ok(Err(_)) | Err(_) => return self.put_aside(id),
            Ok(Ok(())) => {
                // A commit that failed in its last step is there, and nobody has counted it.
                let partition = self.context.catalogue.partition(id);
                if partition.is_some_and(|partition| doubt.is_in(partition.position())) {
                    doubt.count(&id.name(&self.context.tiers));
                }
                self.in_doubt.insert(id, Uncommitted::default());
            }
        }
        // What was half written takes the room that the next try needs.
        self.writer(id)?.writer.collect_garbage()
    }

    /// Adds the records of a batch that was read back, of a range of numbers.
    pub(in super::super) fn apply_again(
        &mut self,
        batch: &LoggedBatch,
        range: Range<u64>,
    ) -> Result<(), StoreError> {
        self.add_batch(batch, &Wanted::Lacking(range.clone()), range)
    }

    /// Adds a dead letter in the place of a record with a number, durably, and beside the order
    /// of numbers: whether its partition is further says nothing of the letter. After a crash
    /// before the record's lane has committed, the letter may be there twice, and is never lost.
    pub(in super::super) fn add_letter(
        &mut self,
        letter: &RedactedBatch,
        seq: u64,
    ) -> Result<(), StoreError> {
        let context = Arc::clone(&self.context);
        for record in letter.records() {
            let record = record?;
            let id = context.partition_of(letter.tenant(), &record);
            self.write_waiting(id)?;
            self.add(id, &[(seq, record)])?;
            let writer = &mut self.writer(id)?.writer;
            context.releaser.sync_below(writer.below())?;
            writer.commit()?;
            context.catalogue.refresh(id)?;
        }
        Ok(())
    }

    /// Opens a writer. A damaged partition goes into quarantine, and the step ends: a new partition
    /// may take records only after the log was gone back to, or a commit in the same step would say
    /// that the records before it are there.
    pub(super) fn open_writer(&mut self, id: PartitionId) -> Result<PartitionWriter, StoreError> {
        let directory = PartitionDirectory::of(&self.context.layout, id);
        let name = id.name(&self.context.tiers);
        let settings = self.context.settings.writer;
        let open = || PartitionWriter::open(&directory, &name, settings);
        match catch_unwind(AssertUnwindSafe(open)) {
            Ok(Ok(writer)) => return Ok(writer),
            Ok(Err(error)) if !error.is_damage() => return Err(error),
            Ok(Err(error)) => tracing::error!(partition = %name, %error, "damaged partition"),
            Err(_) => tracing::error!(partition = %name, "opening the partition panicked"),
        }
        self.put_aside(id)?;
        Err(StoreError::Quarantined(name))
    }

    /// Goes on behind a record that nobody can index.
    pub(in super::super) fn skip(&mut self, seq: u64) {
        let end = seq + 1;
        self.context.progress.move_to(|positions| positions.applied = end);
    }
}
