//! How far indexing is, for everyone who must not wait for the writers.
//!
//! Phases and positions change here and nowhere else; what the WAL thread and health are told
//! follows from the phases in the same step, so the two cannot disagree.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tierlog_model::Day;

use super::backlog::Lane;
use super::failure::Failure;
use super::phase::{Event, Phase};
use crate::StoreError;
use crate::wal::{WaitState, WriteStateHandle};

/// Looks without any progress after which waiting ends. A commit takes a second on a
/// slow disk, and a thread that does not work at all is our error, which must not keep whoever asks
/// for maintenance for ever.
const STILL_LOOKS_MAX: u32 = 30;

/// How long whoever waits for a position waits between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Phases and positions of indexing.
#[derive(Debug, Default)]
pub(super) struct Progress {
    standing: Mutex<Standing>,
    /// Signalled whenever a phase or a position changes that somebody may wait for.
    changed: Condvar,
    write_state: WriteStateHandle,
}

#[derive(Debug, Default)]
struct Standing {
    fresh: Phase,
    backfill: Phase,
    positions: Positions,
    /// Number below which the backfill lane is waited for.
    wanted: u64,
    /// Steps of either lane so far: as long as there are more, waiting makes sense.
    steps: u64,
}

/// How far the records of the log are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions {
    /// Number after the last record that was given to a writer or to the backlog.
    pub(super) applied: u64,
    /// Number up to which the fresh lane has committed all records.
    pub(super) committed: u64,
    /// Number of the first record of an old day that is not committed; `None` when all are.
    pub(super) pending_from: Option<u64>,
    /// Last day of these records.
    pub(super) pending_until: Option<Day>,
}

impl Positions {
    /// Returns the number below which every record is in its partition, durably.
    pub(super) fn whole_below(self) -> u64 {
        self.pending_from.map_or(self.committed, |pending| pending.min(self.committed))
    }
}

impl Standing {
    fn phase(&self, lane: Lane) -> &Phase {
        match lane {
            Lane::Fresh => &self.fresh,
            Lane::Backfill => &self.backfill,
        }
    }

    fn phase_mut(&mut self, lane: Lane) -> &mut Phase {
        match lane {
            Lane::Fresh => &mut self.fresh,
            Lane::Backfill => &mut self.backfill,
        }
    }

    /// Returns what the WAL thread and health are told: of the lane that is worse.
    fn wait_state(&self) -> (WaitState, Option<String>) {
        let severity = |state: &WaitState| match state {
            WaitState::GoesOn => 0,
            WaitState::Waits => 1,
            WaitState::NoRoom => 2,
        };
        let (fresh, backfill) = (self.fresh.wait_state(), self.backfill.wait_state());
        if severity(&backfill.0) > severity(&fresh.0) { backfill } else { fresh }
    }
}

impl Progress {
    /// Returns what the WAL thread goes by.
    pub(super) fn write_state(&self) -> &WriteStateHandle {
        &self.write_state
    }

    /// Returns why a writer of a lane may have lost records that nobody has begun to read again.
    pub(super) fn stalled(&self, lane: Lane) -> Option<Failure> {
        match self.lock().phase(lane) {
            Phase::Stalled(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    /// Tells whether a lane waits for something, or has to read the log first.
    pub(super) fn waits(&self, lane: Lane) -> bool {
        self.lock().phase(lane).wait_state().0 != WaitState::GoesOn
    }

    /// Tells whether the thread of a lane has ended.
    pub(super) fn has_ended(&self, lane: Lane) -> bool {
        *self.lock().phase(lane) == Phase::Ended
    }

    /// Changes the phase of a lane.
    pub(super) fn note(&self, lane: Lane, event: Event) {
        let mut standing = self.lock();
        let phase = standing.phase_mut(lane);
        *phase = std::mem::take(phase).after(event);
        let (state, why) = standing.wait_state();
        self.write_state.set_indexing(state, why);
        drop(standing);
        self.changed.notify_all();
    }

    /// Returns the positions.
    pub(super) fn positions(&self) -> Positions {
        self.lock().positions
    }

    /// Changes the positions.
    pub(super) fn move_to(&self, change: impl FnOnce(&mut Positions)) {
        let mut standing = self.lock();
        change(&mut standing.positions);
        standing.steps += 1;
        drop(standing);
        self.changed.notify_all();
    }

    /// Says that a lane gets on although no position shows it yet.
    pub(super) fn stir(&self) {
        self.lock().steps += 1;
    }

    /// Says that the log was read up to a number. Damage may have cost the last records, for which
    /// no flush may wait.
    pub(super) fn pass(&self, end: u64) {
        let mut standing = self.lock();
        standing.positions.applied = standing.positions.applied.max(end);
        drop(standing);
        self.changed.notify_all();
    }

    /// Waits until every record below a number was given to a lane.
    pub(super) fn await_applied(&self, below: u64) -> Result<(), StoreError> {
        self.wait_for(Lane::Fresh, |positions| positions.applied >= below)
    }

    /// Waits until every record of an old day below a number is committed, as soon as may be.
    pub(super) fn await_backfilled(&self, below: u64) -> Result<(), StoreError> {
        let mut standing = self.lock();
        standing.wanted = standing.wanted.max(below);
        drop(standing);
        self.changed.notify_all();
        self.wait_for(Lane::Backfill, |positions| {
            positions.pending_from.is_none_or(|pending| pending >= below)
        })
    }

    /// Waits for as long as either lane gets on: what comes before a number is bounded, so the wait
    /// is too.
    fn wait_for(&self, lane: Lane, is_met: impl Fn(&Positions) -> bool) -> Result<(), StoreError> {
        let mut standing = self.lock();
        let (mut steps, mut still_looks) = (standing.steps, 0);
        while !is_met(&standing.positions) {
            if *standing.phase(lane) == Phase::Ended {
                return Err(StoreError::ThreadEnded("indexer"));
            }
            if let Some(why) = standing.phase(lane).refuses_flush() {
                return Err(StoreError::Stalled(why));
            }
            if standing.steps != steps {
                (steps, still_looks) = (standing.steps, 0);
            } else if still_looks >= STILL_LOOKS_MAX {
                return Err(StoreError::Stalled("nothing was indexed for a while".to_owned()));
            }
            let waited = self.changed.wait_timeout(standing, LOOK_INTERVAL);
            let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            still_looks += u32::from(timeout.timed_out());
            standing = next;
        }
        Ok(())
    }

    /// Waits until the backfill lane has something to do, or the fresh lane has ended.
    pub(super) fn await_pending(&self) {
        let is_idle = |standing: &mut Standing| {
            standing.positions.pending_from.is_none()
                && standing.fresh != Phase::Ended
                && !matches!(standing.backfill, Phase::Stalled(_))
        };
        drop(self.changed.wait_while(self.lock(), is_idle));
    }

    /// Waits so long, or until a flush wants the pending records.
    pub(super) fn await_wish(&self, at_most: Duration) {
        let is_idle = |standing: &mut Standing| {
            let wanted = standing.wanted;
            let is_wanted = standing.positions.pending_from.is_some_and(|from| from < wanted);
            !is_wanted
                && standing.fresh != Phase::Ended
                && !matches!(standing.backfill, Phase::Stalled(_))
        };
        drop(self.changed.wait_timeout_while(self.lock(), at_most, is_idle));
    }

    /// Waits, at most so long, until a phase or a position changes.
    pub(super) fn await_change(&self, at_most: Duration) {
        drop(self.changed.wait_timeout(self.lock(), at_most));
    }

    /// Begins a change of the writers of a lane. Whatever ends it early, a panic too, is noted as
    /// a failed step.
    pub(super) fn begin_step(&self, lane: Lane) -> Result<Step<'_>, StoreError> {
        let takes_records = self.lock().phase(lane).takes_records();
        if takes_records {
            Ok(self.step(lane, "a panic while indexing"))
        } else {
            Err(StoreError::Stalled("the log is read again".to_owned()))
        }
    }

    /// Begins to go back to what is committed, which is a step in every phase.
    pub(super) fn begin_rewind(&self, lane: Lane) -> Step<'_> {
        self.step(lane, "a panic while going back")
    }

    fn step(&self, lane: Lane, failure: &str) -> Step<'_> {
        Step { progress: self, lane, failure: Some(failure.to_owned()) }
    }

    /// Plain values, changed together.
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change of the writers that is under way.
#[derive(Debug)]
pub(super) struct Step<'p> {
    progress: &'p Progress,
    lane: Lane,
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
            self.progress.note(self.lane, Event::StepFailed(Failure::Broken(failure)));
        }
    }
}
