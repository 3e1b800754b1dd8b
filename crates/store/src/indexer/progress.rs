//! How far indexing is, for everyone who must not wait for the writers.
//!
//! Phase and position change here and nowhere else; what the WAL thread and health are told
//! follows from the phase in the same step, so the two cannot disagree.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::failure::Failure;
use super::phase::{Event, Phase};
use crate::StoreError;
use crate::wal::WriteStateHandle;

/// Phase and position of indexing.
#[derive(Debug, Default)]
pub(super) struct Progress {
    standing: Mutex<Standing>,
    /// Signalled whenever the phase or the position changes.
    changed: Condvar,
    write_state: WriteStateHandle,
}

#[derive(Debug, Default)]
struct Standing {
    phase: Phase,
    /// Number after the last record that was given to a writer.
    applied: u64,
}

impl Progress {
    /// Returns what the WAL thread goes by.
    pub(super) fn write_state(&self) -> &WriteStateHandle {
        &self.write_state
    }

    /// Returns why a writer may have lost records that nobody has begun to read again.
    pub(super) fn stalled(&self) -> Option<Failure> {
        match &self.lock().phase {
            Phase::Stalled(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    /// Changes the phase.
    pub(super) fn note(&self, event: Event) {
        let mut standing = self.lock();
        standing.phase = std::mem::take(&mut standing.phase).after(event);
        let (state, why) = standing.phase.wait_state();
        self.write_state.set_indexing(state, why);
        drop(standing);
        self.changed.notify_all();
    }

    /// Returns the number after the last record that was given to a writer.
    pub(super) fn applied(&self) -> u64 {
        self.lock().applied
    }

    /// Moves the position.
    pub(super) fn set_applied(&self, applied: u64) {
        self.lock().applied = applied;
        self.changed.notify_all();
    }

    /// Says that the log was read up to a number. Damage may have cost its last records: nobody
    /// may wait for those.
    pub(super) fn pass(&self, end: u64) {
        let mut standing = self.lock();
        standing.applied = standing.applied.max(end);
        drop(standing);
        self.changed.notify_all();
    }

    /// Waits until every record below a number was given to a writer.
    pub(super) fn await_applied(&self, below: u64) -> Result<(), StoreError> {
        let mut standing = self.lock();
        while standing.applied < below {
            if standing.phase == Phase::Ended {
                return Err(StoreError::ThreadEnded("indexer"));
            }
            if let Some(why) = standing.phase.refuses_flush() {
                return Err(StoreError::Stalled(why));
            }
            standing = self.changed.wait(standing).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Begins a change of the writers. Whatever ends it early, a panic too, is noted as a failed
    /// step.
    pub(super) fn begin_step(&self) -> Result<Step<'_>, StoreError> {
        if self.lock().phase.takes_records() {
            Ok(Step { progress: self, failure: Some("a panic while indexing".to_owned()) })
        } else {
            Err(StoreError::Stalled("the log is read again".to_owned()))
        }
    }

    /// Begins to go back to what is committed, which is a step in every phase.
    pub(super) fn begin_rewind(&self) -> Step<'_> {
        Step { progress: self, failure: Some("a panic while going back".to_owned()) }
    }

    /// Two plain values, changed together.
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change of the writers that is under way.
#[derive(Debug)]
pub(super) struct Step<'p> {
    progress: &'p Progress,
    /// Why the step failed, should it end now.
    failure: Option<String>,
}

impl Step<'_> {
    /// Ends the step with its outcome.
    pub(super) fn end<T>(mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        self.failure = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            // Who recovers judges whether the reason passes: here it is only a reason.
            self.progress.note(Event::StepFailed(Failure::Broken(failure)));
        }
    }
}
