//! The believed time, for everyone who asks: published, so that asking costs two readings of a
//! clock and no lock.
//!
//! A look at clock and uptime takes the lock, decides by [`super::guard`] and publishes how far the
//! believed time is from the machine's clock. Whoever asks adds that to the clock, if the clock has
//! gone on since the look as the monotonic clock has. If not, the clock was set or the machine
//! slept: then asking includes a look, and a clock that has just jumped dates no line.
//!
//! What is believed is written down before it is published: a record may be dated by it at once,
//! and when its days are over must be known after a crash.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;
use serde::Serialize;
use tierlog_model::{Clock, Doubt, Present, Tiers, Timestamp, Uptime, metric_names};

use super::guard::{Belief, ClockState, Elapsed, Guard, Look};
use super::memory::Memory;
use super::scales::{InUse, Scales, Written};
use crate::PartitionId;
use crate::layout::Layout;
use crate::wal::WalReleaser;

/// How often what is believed is written down. A crash costs as much of the measured time only
/// when the machine starts anew as well, and the log has had no line meanwhile.
const WRITE_INTERVAL_MICROS: i64 = 600_000_000;

/// How long a look is good for what deletes: replaying asks for every batch.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How far clock and monotonic clock may drift apart between two looks: more than any slewing in
/// ten minutes, less than anybody minds in a stamp.
const SLIP_MICROS_MAX: i64 = 1_000_000;

/// What is published of a doubt when there is none.
const NO_DOUBT: i64 = i64::MIN;

/// What is published when the present may be any.
const ANY_DOUBT: i64 = i64::MAX;

/// What the clock is told.
#[derive(Clone, Debug)]
pub(crate) struct ClockSettings {
    /// How far the machine's clock may be off and is followed.
    pub(crate) jump_max: Duration,
    /// How far ahead of the present records are let in.
    pub(crate) ahead_max: Duration,
    /// For how long records are kept.
    pub(crate) tiers: Tiers,
}

/// The store's own witnesses of the time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Witnesses {
    /// The number that the next record gets.
    pub(crate) next_seq: u64,
    /// When the log's last batch was written, by what was believed then.
    pub(crate) logged: Option<Timestamp>,
    /// The youngest record of the indexes.
    pub(crate) indexed: Option<Timestamp>,
    /// The number below which the indexes have records.
    pub(crate) indexed_below: u64,
}

/// The numbers of records, by which records from before and after a setting of the clock are told
/// apart.
pub(crate) trait Numbers: Send + Sync + std::fmt::Debug {
    /// Returns a number that every record reaches that is written from now on.
    fn next_seq(&self) -> u64;

    /// Returns the number of the oldest record that may not be in its partition yet.
    fn logged_from(&self) -> u64;
}

impl Numbers for WalReleaser {
    fn next_seq(&self) -> u64 {
        self.durable_below()
    }

    fn logged_from(&self) -> u64 {
        self.indexed_below()
    }
}

/// The time that is believed.
#[derive(Debug)]
pub(crate) struct BelievedClock {
    guard: Guard,
    settings: ClockSettings,
    ahead_micros: i64,
    clock: Arc<dyn Clock>,
    layout: Layout,
    /// Origin of the monotonic clock.
    origin: Instant,
    /// The log, once it is open.
    log: OnceLock<Box<dyn Numbers>>,
    state: Mutex<State>,
    published: Published,
}

#[derive(Debug)]
struct State {
    belief: Belief,
    scales: Scales,
    uptime: Uptime,
    next_seq: u64,
    looked: Instant,
    /// The uptime when it was written down.
    written: Option<Uptime>,
}

/// What a look has found, relative to the machine's clock.
#[derive(Debug)]
struct Published {
    /// Clock less monotonic clock, when it was looked at.
    pace: AtomicI64,
    /// Believed present less clock.
    offset: AtomicI64,
    /// The other candidate less clock, or [`NO_DOUBT`], or [`ANY_DOUBT`].
    doubt: AtomicI64,
}

/// How the clock stands, for health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockReport {
    /// Whether it is believed.
    pub state: ClockState,
    /// Seconds by which the clock is ahead of the measured time; negative when the clock is behind.
    pub ahead_s: i64,
    /// The believed present, which dates arrivals.
    pub present: Timestamp,
    /// What retention takes for the present.
    pub retention_present: Timestamp,
    /// Seconds of steady running until the clock is believed as it is; 0 when it is, or when only
    /// an engineer's word helps.
    pub believed_in_s: u64,
    /// Seconds by which the clock was believed although nobody has measured them or said so:
    /// records may be kept that much longer, until an engineer confirms the clock.
    pub unconfirmed_s: i64,
}

impl BelievedClock {
    /// Takes up what an earlier process believed and what the store has witnessed, and looks at
    /// the clock.
    pub(crate) fn open(
        layout: &Layout,
        clock: Arc<dyn Clock>,
        settings: ClockSettings,
        witnesses: &Witnesses,
    ) -> BelievedClock {
        let guard = Guard::new(settings.jump_max);
        let ahead_micros = i64::try_from(settings.ahead_max.as_micros()).unwrap_or(i64::MAX / 4);
        let (wall, uptime) = (clock.now(), clock.uptime());
        let memory = Memory::read(layout);
        let (mut base, scales, mut elapsed) = match memory {
            Some(ref memory) => {
                let elapsed = Elapsed::since_written(&memory.uptime, &uptime);
                (memory.belief.clone(), memory.scales.clone(), elapsed)
            }
            None => match witnesses.newest_beside(ahead_micros, None) {
                Some(newest) => {
                    let scales = Scales::since_ever(newest, witnesses.next_seq);
                    (Belief::in_witness(newest), scales, Elapsed::Unknown)
                }
                None => (Belief::in_clock(wall), Scales::new(), Elapsed::Measured(0)),
            },
        };
        let known_below = memory.as_ref().map(|memory| memory.next_seq);
        if let Some(newest) = witnesses.newest_beside(ahead_micros, known_below) {
            let went_on = base.go_on_to(newest);
            if let Elapsed::Measured(micros) = &mut elapsed {
                *micros = micros.saturating_sub(went_on).max(0);
            }
        }
        let next_seq = witnesses.next_seq;
        let looked = Instant::now();
        let state = State { belief: base, scales, uptime, next_seq, looked, written: None };
        let this = BelievedClock {
            guard,
            settings,
            ahead_micros,
            clock,
            layout: layout.clone(),
            origin: looked,
            log: OnceLock::new(),
            state: Mutex::new(state),
            published: Published::nothing(),
        };
        let mut state = this.lock();
        let look = guard.look(&state.belief, wall, elapsed, next_seq);
        this.take(&mut state, look, ClockState::Steady);
        this.write(&mut state);
        drop(state);
        this
    }

    /// Takes the numbers of records from the log from here on.
    pub(crate) fn follow(&self, log: impl Numbers + 'static) {
        // Only the first is taken; there is one log.
        let _ = self.log.set(Box::new(log));
    }

    /// Believes the clock as it is: an engineer has looked at it.
    pub(crate) fn confirm(&self) {
        let mut state = self.lock();
        self.look(&mut state);
        let before = self.guard.state(&state.belief);
        let shift = state.belief.ahead_micros();
        let look = self.guard.confirm(&state.belief);
        self.take(&mut state, look, before);
        state.scales.confirm(shift);
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
        let stands = self.guard.state(belief);
        ClockReport {
            state: stands,
            ahead_s: belief.ahead_micros() / 1_000_000,
            present: self.guard.present(belief).now,
            retention_present: self.guard.oldest_present(belief),
            believed_in_s: match stands {
                ClockState::Ahead => belief.steady_left().as_secs(),
                ClockState::Steady | ClockState::Behind | ClockState::Unset => 0,
            },
            unconfirmed_s: state.scales.unconfirmed_micros() / 1_000_000,
        }
    }

    /// Returns the present by which days are over: never later than the truth, if the clock was
    /// ever right.
    pub(crate) fn oldest_present(&self) -> Timestamp {
        let state = self.looked_at();
        self.guard.oldest_present(&state.belief)
    }

    /// Returns the present by what was measured: for ages that a wrong clock must not change, and
    /// for what the log says of the time.
    pub(crate) fn reckoned(&self) -> Timestamp {
        let state = self.looked_at();
        let since = self.clock.now().as_micros().saturating_sub(state.belief.wall.as_micros());
        state.belief.reckoned().saturating_add_micros(since.max(0))
    }

    /// Returns when the days of a partition that has records below a number are over, to be
    /// compared with [`BelievedClock::oldest_present`].
    pub(crate) fn due(&self, id: PartitionId, below: u64) -> Timestamp {
        let numbers = self.log.get().map(|log| (log.logged_from(), log.next_seq()));
        let (logged_from, next_seq) = numbers.unwrap_or((0, u64::MAX));
        self.due_of(Written { id, below, logged_from, next_seq })
    }

    fn due_of(&self, written: Written) -> Timestamp {
        self.lock().scales.due(written, &self.settings.tiers, self.ahead_micros)
    }

    /// Tells whether the days of records are over, whoever dated them.
    pub(crate) fn is_over(&self, id: PartitionId) -> bool {
        self.due_of(Written::some_time(id)) <= self.oldest_present()
    }

    /// Tells whether a file's date is a number of days old.
    pub(crate) fn is_file_over(&self, changed: Timestamp, days: u32) -> bool {
        let state = self.looked_at();
        state.scales.file_due(changed, days) <= self.guard.oldest_present(&state.belief)
    }

    /// Returns the state after a look, unless one was taken just now and the clock has kept pace.
    fn looked_at(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.looked.elapsed() >= LOOK_INTERVAL || self.published_present().is_none() {
            self.look(&mut state);
        }
        state
    }

    fn look(&self, state: &mut State) {
        let (wall, uptime) = (self.clock.now(), self.clock.uptime());
        let elapsed = Elapsed::between(&state.uptime, &uptime);
        state.uptime = uptime;
        if let Some(log) = self.log.get() {
            state.next_seq = state.next_seq.max(log.next_seq());
        }
        let before = self.guard.state(&state.belief);
        let look = self.guard.look(&state.belief, wall, elapsed, state.next_seq);
        self.take(state, look, before);
    }

    /// Takes up what a look has led to.
    fn take(&self, state: &mut State, look: Look, before: ClockState) {
        let Look { belief, settlement } = look;
        if let Some(settlement) = &settlement {
            state.scales.settle(settlement);
        }
        state.belief = belief;
        state.looked = Instant::now();
        let present = self.guard.present(&state.belief);
        let is_news = self.note_scales(state, present);
        let is_told = self.tell(before, &state.belief);
        let since = state.written.as_ref().map(|written| Elapsed::between(written, &state.uptime));
        let is_due = !matches!(since, Some(Elapsed::Measured(..WRITE_INTERVAL_MICROS)));
        // ORDER: the belief is written down before a record is dated by the belief.
        if settlement.is_some() || is_news || is_told || is_due {
            self.write(state);
        }
        self.published.publish(state.belief.wall, self.monotonic(), present);
    }

    /// Notes what records are dated by from here on. Returns whether it has changed.
    fn note_scales(&self, state: &mut State, present: Present) -> bool {
        let is_open = present.doubt == Doubt::Unknown;
        let expected = state.belief.expected.as_micros();
        let gaps: Vec<u64> = state.belief.gap_seqs().collect();
        let used = state.scales.used();
        state.scales.end_use(state.next_seq);
        // A sender with a right clock may be behind each by what nothing has refuted.
        let behind = [vec![0], state.scales.unrefuted()].concat();
        for (now, behind) in present.candidates().flat_map(|now| {
            behind.iter().map(move |behind| (now.saturating_add_micros(*behind), *behind))
        }) {
            let distance = now.as_micros().saturating_sub(expected);
            let in_use = InUse { distance, now, is_open: is_open && behind == 0 };
            state.scales.note(state.next_seq, in_use, &gaps);
        }
        used != state.scales.used()
    }

    /// Says what is new. Returns whether anything is.
    fn tell(&self, before: ClockState, belief: &Belief) -> bool {
        let now = self.guard.state(belief);
        gauge!(metric_names::CLOCK_HELD).set(if now == ClockState::Steady { 0.0 } else { 1.0 });
        if before == now {
            return false;
        }
        let (wall, expected) = (self.clock.now(), belief.expected);
        match now {
            ClockState::Ahead => tracing::error!(
                %wall, %expected,
                "the clock has jumped ahead of what was measured: days are counted by what was"
            ),
            ClockState::Behind => tracing::error!(
                %wall, %expected,
                "the clock is behind what is known: lines are dated by what was measured"
            ),
            ClockState::Unset => tracing::error!(
                %wall,
                "the clock was never set: lines are dated by it until it is"
            ),
            ClockState::Steady => tracing::info!(%wall, "the clock is believed again"),
        }
        true
    }

    /// What cannot be written is tried again later: the disk may be full.
    fn write(&self, state: &mut State) {
        let memory = Memory {
            belief: state.belief.clone(),
            uptime: state.uptime.clone(),
            next_seq: state.next_seq,
            scales: state.scales.clone(),
        };
        state.written = Some(state.uptime.clone());
        if let Err(error) = memory.write(&self.layout) {
            tracing::warn!(%error, "what is believed of the time is not written down");
        }
    }

    /// Returns what is published, if the clock has kept pace since it was.
    fn published_present(&self) -> Option<Present> {
        self.published.present(self.clock.now(), self.monotonic())
    }

    fn monotonic(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl BelievedClock {
    /// Returns the clock of a new store, at a moment.
    pub(crate) fn at(now: Timestamp) -> BelievedClock {
        let (vfs, root) = (crate::backend::SimulatedVfs::new(), std::path::PathBuf::from("/"));
        let layout = Layout::new(Arc::new(vfs), root, Tiers::standard());
        let day = Duration::from_secs(86_400);
        let settings = ClockSettings { jump_max: day, ahead_max: day, tiers: Tiers::standard() };
        let clock = Arc::new(tierlog_model::ManualClock::at(now));
        BelievedClock::open(&layout, clock, settings, &Witnesses::default())
    }
}

impl Clock for BelievedClock {
    fn now(&self) -> Timestamp {
        self.present().now
    }

    fn present(&self) -> Present {
        // Fast path: nobody has set the clock since the last look.
        if let Some(present) = self.published_present() {
            return present;
        }
        let mut state = self.lock();
        self.look(&mut state);
        self.guard.present(&state.belief)
    }

    fn uptime(&self) -> Uptime {
        self.clock.uptime()
    }
}

/// The present by what was measured, as a clock: see [`BelievedClock::reckoned`].
#[derive(Clone, Debug)]
pub(crate) struct MeasuredClock(pub(crate) Arc<BelievedClock>);

impl Clock for MeasuredClock {
    fn now(&self) -> Timestamp {
        self.0.reckoned()
    }

    fn uptime(&self) -> Uptime {
        self.0.uptime()
    }
}

impl Witnesses {
    /// Returns the newest moment that the store has witnessed after a number was written down.
    ///
    /// The log holds the times of writing; an index holds only the records' own times, possibly
    /// ahead.
    fn newest_beside(&self, ahead_micros: i64, known_below: Option<u64>) -> Option<Timestamp> {
        let is_later = |below: u64| known_below.is_none_or(|known| below > known);
        if let Some(logged) = self.logged {
            return is_later(self.next_seq).then_some(logged);
        }
        let youngest = self.indexed.filter(|_| is_later(self.indexed_below))?;
        Some(youngest.saturating_add_micros(-ahead_micros))
    }
}

impl Published {
    fn nothing() -> Published {
        Published {
            pace: AtomicI64::new(0),
            offset: AtomicI64::new(0),
            doubt: AtomicI64::new(NO_DOUBT),
        }
    }

    fn publish(&self, wall: Timestamp, monotonic: i64, present: Present) {
        let wall = wall.as_micros();
        let from_wall = |moment: Timestamp| moment.as_micros().saturating_sub(wall);
        let doubt = match present.doubt {
            Doubt::None => NO_DOUBT,
            Doubt::Unknown => ANY_DOUBT,
            Doubt::Or(other) => from_wall(other),
        };
        self.offset.store(from_wall(present.now), Ordering::Release);
        self.doubt.store(doubt, Ordering::Release);
        self.pace.store(wall.saturating_sub(monotonic), Ordering::Release);
    }

    fn present(&self, wall: Timestamp, monotonic: i64) -> Option<Present> {
        let pace = self.pace.load(Ordering::Acquire);
        let slip = wall.as_micros().saturating_sub(monotonic).saturating_sub(pace);
        if slip.saturating_abs() > SLIP_MICROS_MAX {
            return None;
        }
        let doubt = match self.doubt.load(Ordering::Acquire) {
            NO_DOUBT => Doubt::None,
            ANY_DOUBT => Doubt::Unknown,
            other => Doubt::Or(wall.saturating_add_micros(other)),
        };
        let offset = self.offset.load(Ordering::Acquire);
        Some(Present { now: wall.saturating_add_micros(offset), doubt })
    }
}
