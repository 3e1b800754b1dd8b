//! Whether the clock may be believed when it says that days are over: a pure decision.
//!
//! What was believed before, the time that was measured since by the machine's uptime, and what
//! the clock says now arrive; what retention may take for the present leaves. Deletions cannot
//! be undone, and a clock that is wrong by years (a dead battery, a virtual machine that was put
//! away, a mistyped date) must not empty the store.
//!
//! - The clock may be ahead of what was measured by `store.clock_jump_max`: then retention takes
//!   the measured time for the present, and what only the clock wants dropped is held.
//! - It is believed once it has kept a steady distance for [`STEADY_MICROS`] of measured time.
//!   Time that nobody measured (the machine was off) does not count, so a long downtime looks
//!   like a jump at first, and holds deletions for one day of running, never for ever. Pauses of
//!   up to a day in between do no harm.
//! - It is believed at once when an engineer confirms it.
//! - A clock that goes back drops nothing: retention takes the earlier of the two.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tierlog_model::Timestamp;

/// How long a clock must keep its distance before it is believed: nobody leaves a wrong date
/// unnoticed on a machine in use for longer, and a day of held deletions costs little room.
const STEADY_MICROS: i64 = 86_400_000_000;

/// How far the distance may move within that time and still be steady: clocks drift by less than
/// a minute a day, and corrections of that drift are no jumps.
const STEP_MICROS_MAX: i64 = 300_000_000;

/// How long a machine is off between two starts and nothing is thought of it: a night, a day.
const PAUSE_MICROS_MAX: i64 = 86_400_000_000;

/// Time between two looks at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elapsed {
    /// So many microseconds, measured.
    Measured(i64),
    /// The machine was off, or started anew: nobody knows.
    Unknown,
}

/// What is believed about the present. Kept in a file across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Belief {
    /// The present by what was believed before and measured since.
    pub(crate) expected: Timestamp,
    /// How far the clock was ahead of that when it began to keep its distance, microseconds.
    distance: i64,
    /// For how long it has kept it, measured microseconds.
    steady: i64,
    /// What the clock said, at the last look.
    wall: Timestamp,
}

/// How the clock stands to what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It is believed.
    Steady,
    /// It is ahead of what was measured by more than may be: deletions are held.
    Ahead,
    /// It is behind by as much: nothing is dropped that would not be dropped anyway.
    Behind,
}

/// The rule's one setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    jump_micros_max: i64,
}

impl Guard {
    /// Returns the guard that lets the clock be ahead by so much.
    pub(crate) fn new(jump_max: Duration) -> Guard {
        Guard { jump_micros_max: i64::try_from(jump_max.as_micros()).unwrap_or(i64::MAX) }
    }

    /// Returns what is believed after a look at the clock.
    pub(crate) fn look(&self, before: Belief, wall: Timestamp, elapsed: Elapsed) -> Belief {
        let passed = match elapsed {
            Elapsed::Measured(micros) => micros.max(0),
            Elapsed::Unknown => 0,
        };
        let expected = before.expected.saturating_add_micros(passed);
        let distance = micros_between(expected, wall);
        let moved = distance.saturating_sub(before.distance);
        if elapsed == Elapsed::Unknown && (0..=PAUSE_MICROS_MAX).contains(&moved) {
            // As if the machine was off for so long: that neither makes the clock steadier nor
            // unsteady. A machine that is off every night must come to a steady day too.
            return Belief { expected, distance, steady: before.steady, wall };
        }
        if moved.saturating_abs() > STEP_MICROS_MAX {
            return Belief { expected, distance, steady: 0, wall };
        }
        let steady = before.steady.saturating_add(passed);
        if steady >= STEADY_MICROS {
            return Belief::in_clock(wall);
        }
        Belief { expected, distance: before.distance, steady, wall }
    }

    /// Tells how the clock stands.
    pub(crate) fn state(&self, belief: &Belief) -> ClockState {
        let ahead = belief.ahead_micros();
        if ahead > self.jump_micros_max {
            ClockState::Ahead
        } else if ahead < self.jump_micros_max.saturating_neg() {
            ClockState::Behind
        } else {
            ClockState::Steady
        }
    }

    /// Returns what retention may take for the present.
    pub(crate) fn present(&self, belief: &Belief) -> Timestamp {
        match self.state(belief) {
            ClockState::Ahead => belief.expected,
            ClockState::Steady | ClockState::Behind => belief.wall,
        }
    }
}

impl Belief {
    /// Believes the clock: at the first start of all, and when an engineer says so.
    pub(crate) fn in_clock(wall: Timestamp) -> Belief {
        Belief { expected: wall, distance: 0, steady: 0, wall }
    }

    /// Returns how far the clock is ahead of what was measured; negative when it is behind.
    pub(crate) fn ahead_micros(&self) -> i64 {
        micros_between(self.expected, self.wall)
    }

    /// Tells whether the clock has moved since the last look.
    pub(crate) fn is_before(&self, wall: Timestamp) -> bool {
        self.wall != wall
    }

    /// Returns how much longer the clock must keep its distance before it is believed.
    pub(crate) fn steady_left(&self) -> Duration {
        Duration::from_micros(STEADY_MICROS.saturating_sub(self.steady).max(0).unsigned_abs())
    }
}

fn micros_between(from: Timestamp, to: Timestamp) -> i64 {
    to.as_micros().saturating_sub(from.as_micros())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;

    fn guard() -> Guard {
        Guard::new(Duration::from_secs(24 * 3600))
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros_clamped(1_790_000_000_000_000 + micros)
    }

    /// Looks at a clock with a constant distance from the truth, every hour for some hours.
    fn run(mut belief: Belief, hours: i64, wall_at: impl Fn(i64) -> i64) -> Belief {
        for hour in 1..=hours {
            belief = guard().look(belief, at(wall_at(hour * HOUR)), Elapsed::Measured(HOUR));
        }
        belief
    }

    #[test]
    fn a_clock_that_runs_as_measured_is_believed() {
        let belief = run(Belief::in_clock(at(0)), 24 * 40, |now| now);
        assert_eq!(guard().state(&belief), ClockState::Steady);
        assert_eq!(guard().present(&belief), at(40 * DAY));
    }

    #[test]
    fn a_jump_ahead_holds_until_the_clock_was_steady_for_a_day() {
        let jumped = |now| now + 10 * YEAR;
        let belief = run(Belief::in_clock(at(0)), 1, jumped);
        assert_eq!(guard().state(&belief), ClockState::Ahead);
        assert_eq!(guard().present(&belief), at(HOUR));
        assert_eq!(belief.ahead_micros(), 10 * YEAR);
        // Measured time goes on meanwhile, and retention with it.
        let belief = run(Belief::in_clock(at(0)), 24, jumped);
        assert_eq!(guard().present(&belief), at(DAY));
        let belief = run(Belief::in_clock(at(0)), 25, jumped);
        assert_eq!(guard().state(&belief), ClockState::Steady);
        assert_eq!(guard().present(&belief), at(25 * HOUR + 10 * YEAR));
    }

    #[test]
    fn a_long_downtime_holds_for_a_day_and_a_short_one_not_at_all() {
        let guard = guard();
        let off = guard.look(Belief::in_clock(at(0)), at(3 * DAY), Elapsed::Unknown);
        assert_eq!((guard.state(&off), guard.present(&off)), (ClockState::Ahead, at(0)));
        let mut belief = off;
        for hour in 1..=24 {
            belief = guard.look(belief, at(3 * DAY + hour * HOUR), Elapsed::Measured(HOUR));
        }
        assert_eq!(guard.present(&belief), at(4 * DAY));
        let off = guard.look(Belief::in_clock(at(0)), at(20 * HOUR), Elapsed::Unknown);
        assert_eq!((guard.state(&off), guard.present(&off)), (ClockState::Steady, at(20 * HOUR)));
        // The machine ran on while the server was off: that was measured.
        let off = guard.look(Belief::in_clock(at(0)), at(3 * DAY), Elapsed::Measured(3 * DAY));
        assert_eq!((guard.state(&off), guard.present(&off)), (ClockState::Steady, at(3 * DAY)));
    }

    #[test]
    fn restarts_in_a_jumped_clock_do_not_make_the_hold_endless() {
        let guard = guard();
        let mut belief = guard.look(Belief::in_clock(at(0)), at(YEAR), Elapsed::Unknown);
        let mut now = YEAR;
        for _ in 0..3 {
            assert_eq!(guard.state(&belief), ClockState::Ahead);
            // A machine that is off every night.
            for _ in 0..8 {
                now += HOUR;
                belief = guard.look(belief, at(now), Elapsed::Measured(HOUR));
            }
            now += 16 * HOUR;
            belief = guard.look(belief, at(now), Elapsed::Unknown);
        }
        assert_eq!((guard.state(&belief), guard.present(&belief)), (ClockState::Steady, at(now)));
    }

    #[test]
    fn a_clock_that_creeps_or_steps_is_not_steady() {
        // Wrong by years, and moving: no step of one hour is large, the sum of them is.
        for hourly in [4 * 60_000_000, -4 * 60_000_000, HOUR / 2, -HOUR / 2] {
            let belief =
                run(Belief::in_clock(at(0)), 72, |now| now + 10 * YEAR + now / HOUR * hourly);
            assert_eq!(guard().state(&belief), ClockState::Ahead, "{hourly}");
            assert_eq!(guard().present(&belief), at(72 * HOUR), "{hourly}");
        }
        // A step begins the day anew, whichever way it goes, and once only.
        for step in [YEAR, -YEAR] {
            let wall = |now| now + 10 * YEAR + if now >= 20 * HOUR { step } else { 0 };
            let belief = run(Belief::in_clock(at(0)), 43, wall);
            assert_eq!(guard().state(&belief), ClockState::Ahead, "{step}");
            assert_eq!(belief.steady_left(), Duration::from_secs(3600), "{step}");
            let belief = run(Belief::in_clock(at(0)), 44, wall);
            assert_eq!(guard().present(&belief), at(wall(44 * HOUR)), "{step}");
        }
    }

    #[test]
    fn how_far_a_clock_may_be_off_is_exact() {
        let guard = guard();
        for (ahead, state, present) in [
            (DAY, ClockState::Steady, DAY),
            (DAY + 1, ClockState::Ahead, 0),
            (-DAY, ClockState::Steady, -DAY),
            (-DAY - 1, ClockState::Behind, -DAY - 1),
        ] {
            let belief = guard.look(Belief::in_clock(at(0)), at(ahead), Elapsed::Measured(0));
            assert_eq!((guard.state(&belief), guard.present(&belief)), (state, at(present)));
        }
    }

    #[test]
    fn a_machine_that_was_off_and_comes_back_in_the_past_begins_anew() {
        let guard = guard();
        let belief = run(Belief::in_clock(at(0)), 20, |now| now + 10 * YEAR);
        assert_eq!(belief.steady_left(), Duration::from_secs(5 * 3600));
        for (off, steady_left_s) in [(12 * HOUR, 5 * 3600), (DAY, 5 * 3600), (DAY + 1, 24 * 3600)] {
            let on = guard.look(belief, at(20 * HOUR + 10 * YEAR + off), Elapsed::Unknown);
            assert_eq!(on.steady_left(), Duration::from_secs(steady_left_s), "{off}");
        }
        let back = guard.look(belief, at(10 * HOUR + 10 * YEAR), Elapsed::Unknown);
        assert_eq!(back.steady_left(), Duration::from_secs(24 * 3600));
        // Off for a night, and as wrong as before: what is steady is where it is now.
        let mut belief =
            guard.look(belief, at(20 * HOUR + 10 * YEAR + 12 * HOUR), Elapsed::Unknown);
        for hour in 1..=5 {
            let wall = at((32 + hour) * HOUR + 10 * YEAR);
            belief = guard.look(belief, wall, Elapsed::Measured(HOUR));
        }
        assert_eq!(guard.present(&belief), at(37 * HOUR + 10 * YEAR));
    }

    #[test]
    fn a_confirmed_clock_is_believed_at_once() {
        let belief = run(Belief::in_clock(at(0)), 1, |now| now + YEAR);
        assert_eq!(guard().state(&belief), ClockState::Ahead);
        let belief = Belief::in_clock(at(HOUR + YEAR));
        assert_eq!(guard().present(&belief), at(HOUR + YEAR));
    }

    proptest! {
        /// Whatever the clock does, within a day of measured time retention's present is never
        /// further ahead than the measured time and the allowance, never later than the clock,
        /// and a clock that goes back never makes more of it.
        #[test]
        fn the_present_never_runs_away(
            steps in prop::collection::vec(
                (0..HOUR, prop::option::of(-20 * YEAR..20 * YEAR), any::<bool>()), 1..24),
        ) {
            let guard = guard();
            let mut belief = Belief::in_clock(at(0));
            let (mut measured, mut offset) = (0, 0);
            for (passed, jump, rebooted) in steps {
                offset = jump.unwrap_or(offset);
                let elapsed =
                    if rebooted { Elapsed::Unknown } else { Elapsed::Measured(passed) };
                measured += if rebooted { 0 } else { passed };
                let wall = at(measured + offset);
                belief = guard.look(belief, wall, elapsed);
                let present = guard.present(&belief);
                prop_assert!(present <= wall);
                prop_assert!(present <= at(measured + DAY));
            }
        }

        /// Whatever has happened before, a clock that keeps its pace for a day and one look is
        /// believed.
        #[test]
        fn no_hold_is_for_ever(
            steps in prop::collection::vec((0..2 * DAY, -20 * YEAR..20 * YEAR), 0..20),
            offset in -20 * YEAR..20 * YEAR,
        ) {
            let guard = guard();
            let mut belief = Belief::in_clock(at(0));
            let mut now = 0;
            for (passed, jump) in steps {
                now += passed;
                belief = guard.look(belief, at(now + jump), Elapsed::Measured(passed));
            }
            for _ in 0..25 {
                now += HOUR;
                belief = guard.look(belief, at(now + offset), Elapsed::Measured(HOUR));
            }
            prop_assert_eq!(guard.state(&belief), ClockState::Steady);
            prop_assert!(micros_between(guard.present(&belief), at(now + offset)) == 0);
        }
    }
}
