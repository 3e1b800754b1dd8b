//! Whether the log takes batches, as everyone may ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use tierlog_model::Refusal;
use tierlog_model::metric_names::POISONED;

use super::timeline::Timeline;

/// Whether the log takes batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WriteState {
    /// It does.
    #[default]
    Writable,
    /// Not until there is room again.
    DiskFull,
    /// Not until the process is restarted; why.
    Poisoned(String),
}

impl WriteState {
    /// Returns the refusal of a batch in the current state; `None` when the log takes the batch.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            WriteState::Writable => None,
            WriteState::DiskFull => Some(Refusal::DiskFull),
            WriteState::Poisoned(reason) => Some(Refusal::Poisoned(reason.clone())),
        }
    }
}

/// How indexing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitState {
    /// It goes on.
    #[default]
    GoesOn,
    /// It waits for room on the disk: no batch is taken meanwhile.
    NoRoom,
    /// It waits for something else, reads the log again, or does what a start has left: batches
    /// are taken while they fit into the queue.
    Waits,
}

/// Whether a batch fits on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskRoom {
    Free,
    Full,
}

/// Shared view of the [`WriteState`].
#[derive(Clone, Debug, Default)]
pub struct WriteStateHandle {
    state: Arc<Mutex<WriteState>>,
    indexing: Arc<Mutex<(WaitState, Option<String>)>>,
    next_seq: Arc<AtomicU64>,
    timeline: Arc<Mutex<Timeline>>,
}

impl WriteStateHandle {
    /// Returns the number after the last record that was acknowledged.
    pub fn next_seq(&self) -> u64 {
        self.next_seq.load(Ordering::Acquire)
    }

    /// Says that records below a number are about to be acknowledged.
    pub(super) fn set_next_seq(&self, next_seq: u64) {
        let first_seq = self.next_seq.swap(next_seq, Ordering::AcqRel);
        self.timeline().mark(first_seq, Instant::now());
    }

    /// Says that the log ends before a number when the process starts: what is before it was
    /// acknowledged earlier.
    pub(super) fn begin_at(&self, next_seq: u64) {
        self.next_seq.store(next_seq, Ordering::Release);
    }

    /// Returns how long ago the record with a number was acknowledged, at least; `None` when it
    /// was not. What an earlier process has acknowledged is as old as can be.
    pub(crate) fn age_of(&self, seq: u64) -> Option<Duration> {
        if seq >= self.next_seq() {
            return None;
        }
        Some(self.timeline().before(seq).map_or(Duration::MAX, |moment| moment.elapsed()))
    }

    /// Says that nobody asks for the age of records below a number any more.
    pub(crate) fn forget_ages_below(&self, seq: u64) {
        self.timeline().forget_below(seq);
    }

    fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the present state.
    pub fn get(&self) -> WriteState {
        let state = self.lock().clone();
        match (&state, self.indexing().0) {
            (WriteState::Writable, WaitState::NoRoom) => WriteState::DiskFull,
            _ => state,
        }
    }

    /// Returns why indexing waits, if it does.
    pub fn indexing_waits(&self) -> Option<String> {
        self.indexing().1.clone()
    }

    /// Tells whether indexing waits for room.
    pub(super) fn index_has_no_room(&self) -> bool {
        self.indexing().0 == WaitState::NoRoom
    }

    /// Says how indexing is.
    pub fn set_indexing(&self, state: WaitState, why: Option<String>) {
        *self.indexing() = (state, why);
    }

    fn indexing(&self) -> MutexGuard<'_, (WaitState, Option<String>)> {
        self.indexing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses batches for ever. The first reason is kept.
    ///
    /// Also for other threads of the store: a log whose indexer has died must not go on taking
    /// what will never be found.
    pub fn poison(&self, reason: &str) {
        let mut state = self.lock();
        if !matches!(*state, WriteState::Poisoned(_)) {
            *state = WriteState::Poisoned(reason.to_owned());
            gauge!(POISONED).set(1.0);
        }
    }

    /// Says whether the disk has room. Returns whether that is news; poison stays.
    pub(super) fn set_disk(&self, room: DiskRoom) -> bool {
        let mut state = self.lock();
        let next = match room {
            DiskRoom::Free => WriteState::Writable,
            DiskRoom::Full => WriteState::DiskFull,
        };
        let changes = !matches!(*state, WriteState::Poisoned(_)) && *state != next;
        if changes {
            *state = next;
        }
        changes
    }

    fn lock(&self) -> MutexGuard<'_, WriteState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
