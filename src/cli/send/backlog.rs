//! Lines between the input and the server.
//!
//! Whole lines arrive and gather in batches; batches leave to whoever sends them, and are
//! forgotten once they are settled: the server has them, or they are put aside. What is held in
//! memory is bounded, and a full backlog stops the input. With a spool, lines are on disk before
//! they are sent, and what is held there is bounded by size and age.
//!
//! A batch leaves when it is full, when its input was quiet for a moment, or when it is old. While
//! earlier batches wait, an early leave gains nothing, and the batch grows until it is full.

mod entry;
mod keep;
mod numbered;
mod state;
mod sync;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tierlog_model::Timestamp;

use super::lines::Piece;
use super::notices::Notices;
use super::place::Place;
use super::spool::{Found, Identity, Spool, WhenFull};
use entry::{Entry, Stage};
pub(super) use numbered::Next;
use state::{Disk, Input, State};

/// Size of a full batch: one fsync of the server for two thousand lines.
const BATCH_BYTES_TARGET: usize = 1024 * 1024;

/// Bytes held in memory before the input is stopped: several full batches of the server, so that
/// it never waits for us.
const MEMORY_BYTES_MAX: usize = 16 << 20;

/// How long an input is quiet before its last lines are sent.
const QUIET: Duration = Duration::from_millis(200);

/// How old a batch becomes, however busy its input is.
const AGE_MAX: Duration = Duration::from_secs(1);

/// How long lines wait for those that go on with them, as the server waits too: a batch is not cut
/// inside of a traceback.
const GROUP_PATIENCE: Duration = Duration::from_millis(500);

/// How far a batch may grow beyond its size for the same reason: many times the longest traceback.
const GROUP_BYTES_MAX: u64 = 1 << 20;

/// A batch on its way.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Counts batches of this run.
    pub(super) key: u64,
    /// The sender's identity, a part of the batch's name in every attempt.
    pub(super) identity: Identity,
    /// Number of its first line.
    pub(super) first_line: u64,
    /// How many lines are not blank.
    pub(super) line_count: u64,
    /// Number of its first line in the input, blank ones counted; unknown for one of an earlier
    /// run.
    pub(super) input_line: Option<u64>,
    /// The lines; ends with a line break.
    pub(super) bytes: Arc<Vec<u8>>,
    /// Whether the server can have it already.
    pub(super) history: History,
}

impl Batch {
    /// Returns the batch without its first lines, up to a number.
    fn without_lines_through(mut self, line: u64) -> Batch {
        let known = (line + 1).saturating_sub(self.first_line);
        if known > 0 {
            let offset = entry::offset_of(&self.bytes, known);
            self.bytes = Arc::new(self.bytes.get(offset..).unwrap_or_default().to_vec());
            self.first_line += known;
            self.line_count = self.line_count.saturating_sub(known);
            self.input_line = None;
        }
        self
    }
}

/// Whether the server can have a batch already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// It was never sent.
    Fresh,
    /// An earlier attempt, or an earlier run, may have brought it.
    Tried,
}

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Lines that are not settled.
    pub(super) lines: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

/// Lines of this run by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Lines that are durable at the server.
    pub(super) durable: u64,
    /// Bytes of settled batches.
    pub(super) bytes: u64,
    /// Lines that left at the spool's bound.
    pub(super) lost: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Backlog {
    state: Mutex<State>,
    changed: Condvar,
    notices: Notices,
}

impl Backlog {
    /// Returns a backlog that is held in memory.
    pub(super) fn in_memory(identity: Identity, notices: Notices) -> Backlog {
        Backlog::new(State::new(identity), notices)
    }

    /// Returns a backlog on what a spool holds.
    pub(super) fn on_spool(found: Found, notices: Notices) -> Backlog {
        let Found { spool, batches, remarks } = found;
        remarks.into_iter().for_each(|remark| notices.say(remark));
        let mut state = State::new(spool.identity());
        (state.next_batch, state.next_line) = spool.next_numbers();
        state.durable_line = spool.settled_line();
        for batch in batches {
            let key = state.take_key();
            state.entries.push_back(Entry::spooled(key, batch));
        }
        state.spool = Some(spool);
        Backlog::new(state, notices)
    }

    fn new(state: State, notices: Notices) -> Backlog {
        Backlog { state: Mutex::new(state), changed: Condvar::new(), notices }
    }

    /// Takes whole lines of the input; waits while there is no room. Tells whether they were
    /// taken: not once the backlog is closed.
    pub(super) fn push(&self, piece: &Piece) -> bool {
        if piece.line_count == 0 {
            return true;
        }
        let mut state = self.lock();
        loop {
            if state.closed {
                return false;
            }
            if state.keep(piece, &self.notices) {
                state.pending_lines = 0;
                self.changed.notify_all();
                return true;
            }
            state.pending_lines = piece.line_count;
            // Room comes when something is settled, or when somebody frees the disk.
            state = self.wait(state, Some(AGE_MAX));
        }
    }

    /// Says that the input has ended, or why it cannot be read.
    pub(super) fn end(&self, ended: Result<()>) {
        self.lock().input = match ended {
            Ok(()) => Input::Ended,
            Err(error) => Input::Failed(error),
        };
        self.changed.notify_all();
    }

    /// Lets what is there leave without waiting for more.
    pub(super) fn hurry(&self) {
        self.lock().hurry = true;
        self.changed.notify_all();
    }

    /// Waits for the oldest batch without a courier; `None` when all batches were handed out and
    /// the input has ended.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let now = Instant::now();
            let ready = state.ready(now);
            if let Some(position) = ready
                && let Some(batch) = self.hand_out(&mut state, position)
            {
                return Some(batch.without_lines_through(state.durable_line));
            }
            if ready.is_some() {
                continue;
            }
            if state.has_handed_out_all() {
                return None;
            }
            let patience = state.ripens_in(now);
            state = self.wait(state, patience);
        }
    }

    /// Forgets a batch: the server has its lines.
    pub(super) fn settle(&self, key: u64) -> Figures {
        let mut state = self.lock();
        if let Some(entry) = state.entry(key) {
            entry.stage = Stage::Settled;
        }
        self.forget_settled(&mut state);
        state.figures
    }

    /// Puts lines from a number on aside that the server does not take, where there is a spool.
    /// Returns where they are.
    pub(super) fn put_aside(&self, first_line: u64, lines: &[u8]) -> Option<String> {
        let state = self.lock();
        let name = format!("{first_line:020}.lines");
        let put = state.spool.as_ref()?.put_aside(&name, lines);
        match put {
            Ok(path) => Some(path.display().to_string()),
            Err(error) => {
                self.notices.say(format!("lines cannot be put aside: {error:#}"));
                None
            }
        }
    }

    /// Takes a new identity, because the server knows the names of this one as those of other
    /// lines. Returns who.
    pub(super) fn change_identity(&self) -> Identity {
        let mut state = self.lock();
        let identity = Identity::random();
        state.identity = identity;
        if let Some(spool) = &mut state.spool
            && let Err(error) = spool.change_identity(identity)
        {
            self.notices.say(format!("the state of the spool cannot be written: {error}"));
        }
        identity
    }

    /// Returns who we are to the server.
    pub(super) fn identity(&self) -> Identity {
        self.lock().identity
    }

    /// Returns how far the input was read in earlier runs.
    pub(super) fn place(&self) -> Place {
        self.lock().spool.as_ref().map(Spool::place).unwrap_or_default()
    }

    /// Tells whether lines wait to be settled.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting().lines > 0
    }

    /// Returns what waits.
    pub(super) fn waiting(&self) -> Waiting {
        let state = self.lock();
        let mut waiting = Waiting { lines: state.pending_lines, bytes: 0 };
        let entries = state.entries.iter().filter(|entry| !matches!(entry.stage, Stage::Settled));
        for entry in entries {
            waiting.lines += entry.lines_in(state.durable_line, u64::MAX);
            waiting.bytes += entry.bytes;
        }
        waiting
    }

    /// Returns what waits and may have reached the server longer ago than a time.
    pub(super) fn in_doubt_since(&self, age: Duration) -> Option<Waiting> {
        let state = self.lock();
        let (tried_batch, tried_at) = state.spool.as_ref()?.tried();
        let age_micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        if now_micros().saturating_sub(tried_at) <= age_micros {
            return None;
        }
        let mut doubtful = Waiting::default();
        for entry in state.entries.iter().filter(|entry| entry.number < tried_batch) {
            doubtful.lines += entry.lines_in(state.durable_line, u64::MAX);
            doubtful.bytes += entry.bytes;
        }
        (doubtful.lines > 0).then_some(doubtful)
    }

    /// Tells whether the input has ended and everything is settled.
    pub(super) fn is_done(&self) -> bool {
        self.lock().is_done()
    }

    /// Tells whether no more lines come.
    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.lock().input, Input::Open)
    }

    /// Returns why the input could not be read to its end.
    pub(super) fn take_input_error(&self) -> Option<anyhow::Error> {
        let mut state = self.lock();
        match std::mem::replace(&mut state.input, Input::Ended) {
            Input::Failed(error) => Some(error),
            before @ (Input::Open | Input::Ended) => {
                state.input = before;
                None
            }
        }
    }

    /// Returns what became of lines so far.
    pub(super) fn figures(&self) -> Figures {
        self.lock().figures
    }

    /// Returns the spool's directory, to be named to people.
    pub(super) fn spool_name(&self) -> Option<String> {
        self.lock().spool.as_ref().map(Spool::name)
    }

    /// Waits for a change of the state, at most for the given time.
    pub(super) fn wait_for_change(&self, patience: Duration) {
        let state = self.lock();
        drop(self.wait(state, Some(patience)));
    }

    /// Wakes all waiting threads, so that each looks at the state again.
    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Takes nothing more; what is in the spool is synced and stays. Returns what waits.
    pub(super) fn close(&self) -> Waiting {
        let mut state = self.lock();
        state.closed = true;
        let is_empty = state.entries.is_empty();
        let last_file = state.spool.as_ref().and_then(Spool::last_file);
        if let Some(spool) = &mut state.spool {
            let closed = match (is_empty, last_file) {
                (true, _) | (false, None) => spool.clear(),
                (false, Some(file)) => file.sync_data().and_then(|()| spool.sync_state()),
            };
            if let Err(error) = closed {
                self.notices.say(format!("the spool cannot be synced: {error}"));
            }
        }
        self.changed.notify_all();
        drop(state);
        self.waiting()
    }

    /// Drops lines beyond the spool's age limit.
    pub(super) fn drop_old(&self) {
        let mut state = self.lock();
        // A file keeps its lines for longer than anybody's age.
        let drops = |spool: &&Spool| spool.when_full() == WhenFull::DropOldest;
        let spool = state.spool.as_ref().filter(drops);
        let Some(age) = spool.map(Spool::age_max_micros) else { return };
        let oldest = now_micros().saturating_sub(age);
        if state.lose(|entry| entry.written_at < oldest, &self.notices) > 0 {
            self.forget_settled(&mut state);
        }
    }

    fn hand_out(&self, state: &mut State, position: usize) -> Option<Batch> {
        let entry = state.entries.get_mut(position)?;
        let number = entry.number;
        match entry.hand_out(state.identity) {
            Ok(batch) => {
                if let Some(spool) = &mut state.spool {
                    spool.will_try(number + 1, now_micros());
                }
                Some(batch)
            }
            Err(error) => {
                let lines = entry.line_count;
                entry.stage = Stage::Settled;
                state.figures.lost += lines;
                self.notices.say(format!("{lines} lines are lost: {error:#}"));
                self.forget_settled(state);
                None
            }
        }
    }

    fn forget_settled(&self, state: &mut State) {
        // A disk that refuses lines has been complained of.
        if let Err(error) = state.forget_settled()
            && state.disk == Disk::Works
        {
            self.notices.say(format!("the spool cannot be written: {error}"));
        }
        self.changed.notify_all();
    }

    fn wait<'s>(
        &self,
        state: MutexGuard<'s, State>,
        patience: Option<Duration>,
    ) -> MutexGuard<'s, State> {
        match patience {
            Some(patience) => {
                let waited = self.changed.wait_timeout(state, patience);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Each step leaves the state whole, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_micros() -> i64 {
    use tierlog_model::Clock as _;
    let now: Timestamp = tierlog_model::SystemClock.now();
    now.as_micros()
}

#[cfg(test)]
mod tests;
