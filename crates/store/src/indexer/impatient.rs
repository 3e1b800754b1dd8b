//! Recovery without its pauses, for tests and the simulated machine: whose disk has no room later
//! either, unless somebody makes some.

use std::ops::Range;

use super::Indexer;
use super::backfill::{Pass, SupervisedBackfill};
use super::backlog::Lane;
use super::failure::Failure;
use super::failure::guarded;
use super::phase::Event;
use super::sink::SupervisedIndexer;
use super::supervise::{Each, Sink, follow, recover};
use crate::StoreError;
use crate::wal::LoggedBatch;

/// An indexer with attempts at once, as long as a callback allows another.
struct Impatient<'i, S> {
    sink: S,
    goes_on: &'i dyn Fn() -> bool,
}

impl<S: Sink> Sink for Impatient<'_, S> {
    fn rewind(&self) -> Result<u64, StoreError> {
        self.sink.rewind()
    }

    fn reread(&self, range: Range<u64>, each: &mut Each<'_>) -> Result<(), Failure> {
        self.sink.reread(range, each)
    }

    fn apply(&self, batch: &LoggedBatch, range: Range<u64>) -> Result<(), StoreError> {
        self.sink.apply(batch, range)
    }

    fn commit(&self) -> Result<(), StoreError> {
        self.sink.commit()
    }

    fn set_aside(&self, batch: &LoggedBatch, seq: u64) -> Result<(), StoreError> {
        self.sink.set_aside(batch, seq)
    }

    fn give_up(&self, seq: u64) {
        self.sink.give_up(seq);
    }

    fn note(&self, event: Event) {
        self.sink.note(event);
    }

    fn is_closing(&self) -> bool {
        self.sink.is_closing()
    }

    fn pause(&self, _: std::time::Duration) -> bool {
        (self.goes_on)()
    }
}

impl Indexer {
    /// Brings the indexer back to where it has everything before a number, as its thread does
    /// after a failure. Returns whether that succeeded.
    pub(crate) fn recover_at_once(
        &self,
        until: u64,
        error: StoreError,
        goes_on: &dyn Fn() -> bool,
    ) -> bool {
        let sink = SupervisedIndexer(self);
        recover(&Impatient { sink, goes_on }, until, &Failure::from(error)).is_ok()
    }

    /// Reads again what another thread's step has lost, in both lanes, as their threads do. Returns
    /// whether that succeeded.
    pub(crate) fn recover_stalled_at_once(&self, until: u64, goes_on: &dyn Fn() -> bool) -> bool {
        if let Some(failure) = self.context.progress.stalled(Lane::Fresh) {
            let sink = SupervisedIndexer(self);
            if recover(&Impatient { sink, goes_on }, until, &failure).is_err() {
                return false;
            }
        }
        self.backfill_at_once(goes_on)
    }

    /// Indexes the rest of a start, as the thread does. Returns whether the rest is indexed.
    pub(crate) fn follow_at_once(&self, until: u64, goes_on: &dyn Fn() -> bool) -> bool {
        let sink = SupervisedIndexer(self);
        follow(&Impatient { sink, goes_on }, until).is_ok()
    }

    /// Indexes all records of the backfill lane, as the lane's thread does. Returns whether all are
    /// indexed.
    pub(crate) fn backfill_at_once(&self, goes_on: &dyn Fn() -> bool) -> bool {
        loop {
            match guarded(|| self.backfill()) {
                Ok(Pass::Done) => {}
                Ok(Pass::Idle) => return true,
                Ok(Pass::Left) => return false,
                Err(failure) => {
                    let sink = SupervisedBackfill::new(self);
                    let until = self.context.progress.positions().applied;
                    if !goes_on() || recover(&Impatient { sink, goes_on }, until, &failure).is_err()
                    {
                        return false;
                    }
                }
            }
        }
    }

    /// Tells whether records of old days are in no partition yet.
    pub(crate) fn is_backfilling(&self) -> bool {
        self.context.progress.positions().pending_from.is_some()
    }
}
