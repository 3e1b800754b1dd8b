//! The backfill lane as a recovery sees it: what is read again is gathered, and a commit indexes
//! what was gathered.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::super::Indexer;
use super::super::backlog::{Gathered, Lane};
use super::super::failure::Failure;
use super::super::phase::Event;
use super::super::supervise::{Each, Sink};
use super::Pass;
use crate::StoreError;
use crate::wal::LoggedBatch;

/// The backfill lane, in the form that a recovery takes.
#[derive(Debug)]
pub(in super::super) struct SupervisedBackfill<'i> {
    indexer: &'i Indexer,
    gathered: RefCell<Gathered>,
    /// Number up to which the log was read.
    read: Cell<u64>,
}

impl<'i> SupervisedBackfill<'i> {
    pub(in super::super) fn new(indexer: &'i Indexer) -> SupervisedBackfill<'i> {
        SupervisedBackfill { indexer, gathered: RefCell::default(), read: Cell::new(0) }
    }
}

impl Sink for SupervisedBackfill<'_> {
    fn rewind(&self) -> Result<u64, StoreError> {
        self.gathered.take();
        let from = self.indexer.rewind_backfill()?;
        self.read.set(from);
        Ok(from)
    }

    fn reread(&self, range: Range<u64>, each: &mut Each<'_>) -> Result<(), Failure> {
        let end = range.end;
        self.indexer.reread(range, each)?;
        // What damage took from the end of the range is nobody's to wait for.
        self.read.set(self.read.get().max(end));
        Ok(())
    }

    fn apply(&self, batch: &LoggedBatch, range: Range<u64>) -> Result<(), StoreError> {
        self.read.set(range.end);
        self.indexer.note_read(batch, &range);
        self.indexer.pick(batch, &range, |_| true, &mut self.gathered.borrow_mut()).map(drop)
    }

    fn commit(&self) -> Result<(), StoreError> {
        let gathered = self.gathered.take();
        let step = self.indexer.context.progress.begin_step(Lane::Backfill)?;
        let indexed = catch_unwind(AssertUnwindSafe(|| self.indexer.index_gathered(gathered)));
        let indexed = indexed.unwrap_or(Err(StoreError::ThreadEnded("backfill")));
        match step.end(indexed)? {
            Pass::Done | Pass::Idle => self.indexer.end_reading(self.read.get()),
            Pass::Left => Err(StoreError::Closing),
        }
    }

    fn set_aside(&self, batch: &LoggedBatch, seq: u64) -> Result<(), StoreError> {
        self.indexer.set_record_aside(batch, seq)?;
        self.read.set(seq + 1);
        Ok(())
    }

    fn give_up(&self, seq: u64) {
        tracing::error!(seq, "a record cannot be indexed, nor its dead letter: it is left out");
        if let Err(error) = self.indexer.end_reading(seq + 1) {
            tracing::warn!(%error, "the log keeps what it could forget");
        }
    }

    fn note(&self, event: Event) {
        self.indexer.context.progress.note(Lane::Backfill, event);
    }

    fn is_closing(&self) -> bool {
        self.indexer.is_stopping()
    }

    fn pause(&self, time: Duration) -> bool {
        self.indexer.pause(time)
    }
}
