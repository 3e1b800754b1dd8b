//! The present as retention takes it: the clock, under [`super::clock_guard`].
//!
//! What is believed is kept in `clock.json`, so that a jump over a restart is seen too. The file
//! is a memory, not a truth: without it the clock is believed as it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use serde::{Deserialize, Serialize};
use tierlog_model::{Clock, Timestamp, metric_names};

use super::clock_guard::{Belief, ClockState, Elapsed, Guard};
use super::uptime::Uptime;
use crate::layout::Layout;
use crate::{StoreError, files};

/// How often what is believed is written down. A crash costs as much of the measured time only
/// when the machine starts anew as well.
const WRITE_INTERVAL: Duration = Duration::from_secs(600);

/// How long a look at the clock is good: replaying asks for every batch.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The clock of everything that deletes.
#[derive(Debug)]
pub(crate) struct RetentionClock {
    guard: Guard,
    clock: Arc<dyn Clock>,
    layout: Layout,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    belief: Belief,
    uptime: Uptime,
    looked: Instant,
    written: Option<Instant>,
}

/// What `clock.json` holds.
#[derive(Serialize, Deserialize)]
struct ClockFile {
    belief: Belief,
    uptime: Uptime,
}

/// How the clock stands, for health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockReport {
    /// Whether it is believed.
    pub state: ClockState,
    /// Seconds that it is ahead of what was measured; negative when it is behind.
    pub ahead_s: i64,
    /// What retention takes for the present.
    pub present: Timestamp,
    /// Seconds of steady running until the clock is believed as it is.
    pub believed_in_s: u64,
}

impl RetentionClock {
    /// Takes up what an earlier process believed, and looks at the clock.
    pub(crate) fn open(
        layout: &Layout,
        clock: Arc<dyn Clock>,
        jump_max: Duration,
    ) -> RetentionClock {
        let guard = Guard::new(jump_max);
        let (wall, uptime) = (clock.now(), Uptime::read());
        let belief = match read(layout) {
            Some(file) => guard.look(file.belief, wall, uptime.since_written(&file.uptime)),
            None => Belief::in_clock(wall),
        };
        let state = State { belief, uptime, looked: Instant::now(), written: None };
        let this =
            RetentionClock { guard, clock, layout: layout.clone(), state: Mutex::new(state) };
        this.tell(ClockState::Steady, &belief);
        this.write(&mut this.lock());
        this
    }

    /// Believes the clock as it is: an engineer has looked at it.
    pub(crate) fn confirm(&self) {
        let mut state = self.lock();
        let before = self.guard.state(&state.belief);
        state.belief = Belief::in_clock(self.clock.now());
        state.uptime = Uptime::read();
        self.tell(before, &state.belief);
        self.write(&mut state);
    }

    /// Writes down what is believed, before the process ends.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        self.look(&mut state);
        self.write(&mut state);
    }

    /// Returns how the clock stands.
    pub(crate) fn report(&self) -> ClockReport {
        let mut state = self.lock();
        self.look(&mut state);
        let belief = &state.belief;
        ClockReport {
            state: self.guard.state(belief),
            ahead_s: belief.ahead_micros() / 1_000_000,
            present: self.guard.present(belief),
            believed_in_s: match self.guard.state(belief) {
                ClockState::Steady => 0,
                ClockState::Ahead | ClockState::Behind => belief.steady_left().as_secs(),
            },
        }
    }

    fn look(&self, state: &mut State) {
        let (wall, uptime) = (self.clock.now(), Uptime::read());
        let before = self.guard.state(&state.belief);
        let elapsed: Elapsed = uptime.since(&state.uptime);
        state.belief = self.guard.look(state.belief, wall, elapsed);
        state.uptime = uptime;
        state.looked = Instant::now();
        let changed = self.tell(before, &state.belief);
        if changed || state.written.is_none_or(|written| written.elapsed() >= WRITE_INTERVAL) {
            self.write(state);
        }
    }

    /// Says what is new. Returns whether anything is.
    fn tell(&self, before: ClockState, belief: &Belief) -> bool {
        let now = self.guard.state(belief);
        gauge!(metric_names::CLOCK_HELD).set(if now == ClockState::Ahead { 1.0 } else { 0.0 });
        if before == now {
            return false;
        }
        let (wall, expected) = (self.clock.now(), belief.expected);
        match now {
            ClockState::Ahead => tracing::error!(
                %wall, %expected,
                "the clock has jumped ahead: what only it wants dropped is held"
            ),
            ClockState::Behind => tracing::warn!(%wall, %expected, "the clock has gone back"),
            ClockState::Steady => tracing::info!(%wall, "the clock is believed again"),
        }
        true
    }

    /// A memory that cannot be written is tried again later: the disk may be full.
    fn write(&self, state: &mut State) {
        let file = ClockFile { belief: state.belief, uptime: state.uptime.clone() };
        let path = self.layout.clock();
        let written = serde_json::to_vec(&file)
            .map_err(|error| StoreError::Malformed {
                path: path.clone(),
                problem: error.to_string(),
            })
            .and_then(|json| files::write_atomically(self.layout.vfs(), &path, &json));
        state.written = Some(Instant::now());
        if let Err(error) = written {
            tracing::debug!(%error, "what is believed of the clock is not written down");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for RetentionClock {
    fn now(&self) -> Timestamp {
        let mut state = self.lock();
        if state.looked.elapsed() >= LOOK_INTERVAL || state.belief.is_before(self.clock.now()) {
            self.look(&mut state);
        }
        self.guard.present(&state.belief)
    }
}

fn read(layout: &Layout) -> Option<ClockFile> {
    let path = layout.clock();
    let bytes = layout.vfs().read(&path).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(file) => Some(file),
        Err(error) => {
            tracing::warn!(%error, "clock.json does not read back: the clock is believed as it is");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use tierlog_model::{ManualClock, Tiers};

    use super::*;
    use crate::backend::{Crash, SimulatedVfs, Vfs as _};

    const HOUR: i64 = 3_600_000_000;
    const YEAR: i64 = 365 * 24 * HOUR;

    /// More than a test takes.
    const SLACK: i64 = 600_000_000;

    struct Machine {
        vfs: SimulatedVfs,
        layout: Layout,
        clock: ManualClock,
    }

    impl Machine {
        fn new() -> Machine {
            let vfs = SimulatedVfs::new();
            vfs.create_dir_all(Path::new("/data")).expect("a directory");
            vfs.sync_dir(Path::new("/")).expect("synced");
            let (root, tiers) = (PathBuf::from("/data"), Tiers::standard());
            let layout = Layout::new(Arc::new(vfs.clone()), root, tiers);
            Machine { vfs, layout, clock: ManualClock::at(at(0)) }
        }

        fn set(&self, micros: i64) {
            self.clock.set(at(micros));
        }

        /// Starts again after the process was killed.
        fn start(&self) -> RetentionClock {
            self.vfs.crash(Crash::DropUnsynced);
            let day = Duration::from_secs(24 * 3600);
            RetentionClock::open(&self.layout, Arc::new(self.clock.clone()), day)
        }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros_clamped(1_790_000_000_000_000 + micros)
    }

    fn is_about(found: Timestamp, expected: Timestamp) -> bool {
        (0..SLACK).contains(&(found.as_micros() - expected.as_micros()))
    }

    #[test]
    fn a_jump_over_a_restart_is_held_until_it_is_confirmed_for_good() {
        let machine = Machine::new();
        drop(machine.start());
        machine.set(10 * YEAR);
        for _ in 0..2 {
            let clock = machine.start();
            let report = clock.report();
            assert_eq!(report.state, ClockState::Ahead);
            assert!(report.ahead_s >= (10 * YEAR - SLACK) / 1_000_000);
            assert!((1..=24 * 3600).contains(&report.believed_in_s));
            assert!(is_about(clock.now(), at(0)) && is_about(report.present, at(0)));
        }
        let clock = machine.start();
        clock.confirm();
        assert_eq!(clock.now(), at(10 * YEAR));
        drop(clock);
        let clock = machine.start();
        assert_eq!(clock.now(), at(10 * YEAR));
        let report = clock.report();
        assert_eq!((report.state, report.believed_in_s), (ClockState::Steady, 0));
    }

    #[test]
    fn every_look_sees_the_clock_as_it_is() {
        let machine = Machine::new();
        let clock = machine.start();
        machine.set(HOUR);
        assert_eq!(clock.now(), at(HOUR));
        machine.set(-HOUR);
        assert_eq!(clock.now(), at(-HOUR), "the earlier of the two");
        machine.set(YEAR);
        assert_eq!(clock.report().state, ClockState::Ahead);
        machine.set(-YEAR);
        assert_eq!((clock.report().state, clock.now()), (ClockState::Behind, at(-YEAR)));
        machine.set(2 * HOUR);
        clock.close();
        drop(clock);
        machine.vfs.crash(Crash::DropUnsynced);
        let kept = read(&machine.layout).expect("written down");
        assert!(!kept.belief.is_before(at(2 * HOUR)), "the end is the last look");
    }

    #[test]
    fn measured_time_counts_once_however_often_it_is_looked_at() {
        let machine = Machine::new();
        let before = Uptime::read();
        let measured = || match Uptime::read().since(&before) {
            Elapsed::Measured(micros) => micros,
            Elapsed::Unknown => 0,
        };
        let clock = machine.start();
        machine.set(YEAR);
        while measured() < 30_000 {
            std::thread::yield_now();
        }
        let presents: Vec<Timestamp> = (0..200).map(|_| clock.report().present).collect();
        let most = at(measured());
        assert!(presents.is_sorted());
        assert!(presents.iter().all(|present| (at(0)..=most).contains(present)));
        assert!(presents.last() > Some(&at(0)), "it goes on");
    }

    #[test]
    fn a_memory_that_does_not_read_back_is_no_reason_to_hold_anything() {
        let machine = Machine::new();
        drop(machine.start());
        machine.vfs.corrupt(&machine.layout.clock(), |bytes| bytes.truncate(9)).expect("cut");
        machine.vfs.sync_dir(Path::new("/data")).expect("synced");
        machine.set(YEAR);
        assert_eq!(machine.start().now(), at(YEAR));
    }
}
