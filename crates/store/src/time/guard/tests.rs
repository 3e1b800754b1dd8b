//! Tables and properties of [`super`].

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

/// A belief and the sum of what was settled on the way to it.
#[derive(Clone, Debug)]
struct Told {
    belief: Belief,
    shift: i64,
    passed: i64,
    open: i64,
}

impl Told {
    fn new() -> Told {
        Told::of(Belief { is_proven: true, ..Belief::in_clock(at(0)) })
    }

    fn of(belief: Belief) -> Told {
        Told { belief, shift: 0, passed: 0, open: 0 }
    }

    fn take(&mut self, look: Look) {
        self.belief = look.belief;
        let settlement = look.settlement.unwrap_or_default();
        let sum = |gaps: &[Gap]| gaps.iter().map(|gap| gap.micros).sum::<i64>();
        self.shift += settlement.shift;
        self.passed += sum(&settlement.passed);
        self.open += sum(&settlement.open);
    }

    fn look(&mut self, wall: i64, elapsed: Elapsed) {
        let look = guard().look(&self.belief, at(wall), elapsed, 1);
        self.take(look);
    }

    /// Looks at a clock every hour for some hours, from an hour on.
    fn run(mut self, from: i64, hours: i64, wall_at: impl Fn(i64) -> i64) -> Told {
        for hour in 1..=hours {
            self.look(wall_at(from + hour * HOUR), Elapsed::Measured(HOUR));
        }
        self
    }

    fn state(&self) -> ClockState {
        guard().state(&self.belief)
    }

    fn now(&self) -> Timestamp {
        guard().present(&self.belief).now
    }

    fn oldest(&self) -> Timestamp {
        guard().oldest_present(&self.belief)
    }
}

#[test]
fn a_clock_that_runs_as_measured_is_believed() {
    let told = Told::new().run(0, 24 * 40, |now| now);
    assert_eq!(
        (told.state(), told.now(), told.oldest()),
        (ClockState::Steady, at(40 * DAY), told.now())
    );
    assert_eq!((told.shift, told.passed), (0, 0));
    assert_eq!(guard().present(&told.belief).doubt, Doubt::None);
}

#[test]
fn a_jump_ahead_is_doubted_for_a_day_and_makes_nothing_older() {
    let jumped = |now| now + 10 * YEAR;
    let told = Told::new().run(0, 1, jumped);
    assert_eq!((told.state(), told.now(), told.oldest()), (ClockState::Ahead, at(HOUR), at(HOUR)));
    let present = guard().present(&told.belief);
    assert_eq!(present.doubt, Doubt::Or(at(HOUR + 10 * YEAR)), "a record of either is let in");
    let told = Told::new().run(0, 24, jumped);
    assert_eq!((told.state(), told.oldest()), (ClockState::Ahead, at(DAY)));
    let told = Told::new().run(0, 25, jumped);
    assert_eq!((told.state(), told.now()), (ClockState::Steady, at(25 * HOUR + 10 * YEAR)));
    assert_eq!((told.shift, told.passed, told.open), (10 * YEAR, 0, 0), "no time has passed");
}

#[test]
fn a_clock_that_is_behind_is_never_believed_by_itself() {
    let told = Told::new().run(0, 24 * 9, |now| now - 2 * YEAR);
    assert_eq!((told.state(), told.now()), (ClockState::Behind, at(9 * DAY)));
    assert_eq!(told.oldest(), at(9 * DAY - 2 * YEAR), "and nothing is over meanwhile");
    let present = guard().present(&told.belief);
    assert_eq!(present.doubt, Doubt::Or(at(9 * DAY - 2 * YEAR)));
    // The clock is set right without a correction.
    let right = told.clone().run(9 * DAY, 1, |now| now);
    assert_eq!((right.state(), right.now()), (ClockState::Steady, at(9 * DAY + HOUR)));
    assert_eq!(right.shift, 0);
    // Or the clock was right by an engineer's word.
    let mut confirmed = told;
    let look = guard().confirm(&confirmed.belief);
    confirmed.take(look);
    assert_eq!((confirmed.state(), confirmed.now()), (ClockState::Steady, at(9 * DAY - 2 * YEAR)));
    assert_eq!((confirmed.shift, confirmed.passed), (-2 * YEAR, 0));
}

#[test]
fn a_clock_that_is_set_by_hours_is_followed_and_ages_nothing() {
    for set in [20 * HOUR, -20 * HOUR] {
        let told = Told::new().run(0, 3, |now| now + set);
        assert_eq!((told.state(), told.now()), (ClockState::Steady, at(3 * HOUR + set)));
        assert_eq!(told.oldest(), at(3 * HOUR + set.min(0)));
        let told = Told::new().run(0, 25, |now| now + set);
        assert_eq!((told.shift, told.passed), (set, 0), "{set}");
        assert_eq!((told.now(), told.oldest()), (at(25 * HOUR + set), told.now()));
    }
}

#[test]
fn a_pause_counts_when_the_clock_after_it_was_steady_and_a_year_when_it_is_confirmed() {
    let off = |off: i64| {
        let mut told = Told::new();
        told.look(off, Elapsed::Unknown);
        told
    };
    let night = off(12 * HOUR);
    assert_eq!((night.state(), night.now()), (ClockState::Steady, at(12 * HOUR)));
    assert_eq!(night.oldest(), at(0), "nobody has measured it yet");
    let night = night.run(0, 24, |now| now + 12 * HOUR);
    assert_eq!((night.shift, night.passed, night.oldest()), (12 * HOUR, 12 * HOUR, at(36 * HOUR)));

    let long = off(60 * DAY);
    assert_eq!((long.state(), long.now()), (ClockState::Ahead, at(60 * DAY)), "it was off");
    assert_eq!(long.oldest(), at(0));
    let later = long.clone().run(0, 24, |now| now + 60 * DAY);
    assert_eq!((later.state(), later.now()), (ClockState::Steady, at(61 * DAY)));
    assert_eq!((later.shift, later.passed, later.open), (60 * DAY, 0, 60 * DAY));
    let mut confirmed = long;
    let look = guard().confirm(&confirmed.belief);
    confirmed.take(look);
    assert_eq!((confirmed.passed, confirmed.oldest()), (60 * DAY, at(60 * DAY)));

    let years = off(3 * YEAR);
    assert_eq!((years.state(), years.now()), (ClockState::Ahead, at(0)), "more likely wrong");
    // The machine ran on while the server was off: that was measured.
    let mut measured = Told::new();
    measured.look(90 * DAY, Elapsed::Measured(90 * DAY));
    assert_eq!((measured.state(), measured.oldest()), (ClockState::Steady, at(90 * DAY)));
}

#[test]
fn a_machine_that_is_off_every_night_is_not_doubted() {
    let mut told = Told::new();
    let mut now = 0;
    for _ in 0..9 {
        told = told.run(now, 8, |now| now);
        now += 8 * HOUR + 16 * HOUR;
        told.look(now, Elapsed::Unknown);
        assert_eq!((told.state(), told.now()), (ClockState::Steady, at(now)));
        assert!(told.oldest() >= at(now - 3 * 16 * HOUR));
    }
    assert_eq!(told.shift, told.passed);
    assert!(told.passed >= 6 * 16 * HOUR);
}

#[test]
fn a_pause_that_the_clock_takes_back_was_none() {
    let mut told = Told::new();
    told.look(10 * YEAR, Elapsed::Unknown);
    told.look(5 * HOUR, Elapsed::Measured(HOUR));
    assert_eq!((told.state(), told.now()), (ClockState::Steady, at(5 * HOUR)));
    let look = guard().confirm(&told.belief);
    told.take(look);
    assert_eq!((told.passed, told.shift), (4 * HOUR, 4 * HOUR));
}

#[test]
fn pauses_of_a_store_whose_clock_was_never_steady_make_nothing_older() {
    let mut told = Told::of(Belief::in_clock(at(-2 * YEAR)));
    told.look(0, Elapsed::Unknown);
    let look = guard().confirm(&told.belief);
    told.take(look);
    assert_eq!((told.now(), told.shift, told.passed, told.open), (at(0), 2 * YEAR, 0, 0));
}

#[test]
fn a_clock_that_was_never_set_is_followed_and_corrected_without_a_question() {
    let unset = Timestamp::from_micros_clamped(5 * DAY);
    let mut told = Told::of(Belief::in_clock(unset));
    assert_eq!((told.state(), told.now()), (ClockState::Unset, unset));
    assert_eq!(guard().present(&told.belief).doubt, Doubt::Unknown);
    for elapsed in [Elapsed::Measured(HOUR), Elapsed::Unknown] {
        let mut set = told.clone();
        set.look(0, elapsed);
        assert_eq!((set.state(), set.now(), set.passed), (ClockState::Steady, at(0), 0));
    }
    // With any other witness, the clock counts as behind.
    told = Told::new();
    told.look(unset.as_micros() - at(0).as_micros(), Elapsed::Unknown);
    assert_eq!((told.state(), told.now()), (ClockState::Behind, at(0)));
}

#[test]
fn a_clock_that_creeps_or_steps_is_not_steady() {
    // Wrong by years, and moving: no step of one hour is large, the sum of them is.
    for hourly in [4 * 60_000_000, -4 * 60_000_000, HOUR / 2, -HOUR / 2] {
        let told = Told::new().run(0, 72, |now| now + 10 * YEAR + now / HOUR * hourly);
        assert_eq!((told.state(), told.now()), (ClockState::Ahead, at(72 * HOUR)), "{hourly}");
    }
    // A step begins the day anew, whichever way it goes, and once only.
    for step in [YEAR, -YEAR] {
        let wall = |now| now + 10 * YEAR + if now >= 20 * HOUR { step } else { 0 };
        let told = Told::new().run(0, 43, wall);
        assert_eq!(told.state(), ClockState::Ahead, "{step}");
        assert_eq!(told.belief.steady_left(), Duration::from_secs(3600), "{step}");
        assert_eq!(Told::new().run(0, 44, wall).now(), at(wall(44 * HOUR)), "{step}");
    }
}

#[test]
fn how_far_a_clock_may_be_off_is_exact() {
    for (ahead, state, now) in [
        (DAY, ClockState::Steady, DAY),
        (DAY + 1, ClockState::Ahead, 0),
        (-DAY, ClockState::Steady, -DAY),
        (-DAY - 1, ClockState::Behind, 0),
    ] {
        let mut told = Told::new();
        told.look(ahead, Elapsed::Measured(0));
        assert_eq!((told.state(), told.now()), (state, at(now)), "{ahead}");
    }
}

#[test]
fn a_witness_is_gone_on_to_and_never_back() {
    let mut belief = Belief::in_witness(at(0));
    assert_eq!(belief.go_on_to(at(-DAY)), 0);
    assert_eq!(belief.go_on_to(at(DAY)), DAY);
    assert_eq!((belief.expected, belief.ahead_micros()), (at(DAY), 0));
}

#[test]
fn time_is_measured_within_a_boot_only() {
    let reading = |boot: &str, micros| Uptime { boot: boot.to_owned(), micros };
    let between = |a: Uptime, b: Uptime| Elapsed::between(&a, &b);
    let written = |a: Uptime, b: Uptime| Elapsed::since_written(&a, &b);
    assert_eq!(between(reading("a", 5), reading("a", 7)), Elapsed::Measured(2));
    assert_eq!(between(reading("b", 5), reading("a", 7)), Elapsed::Unknown);
    assert_eq!(between(reading("a", 5), reading("a", 4)), Elapsed::Unknown);
    assert_eq!(between(reading("", 5), reading("", 7)), Elapsed::Measured(2));
    assert_eq!(written(reading("", 5), reading("", 7)), Elapsed::Unknown);
    assert_eq!(written(reading("a", 5), reading("a", 7)), Elapsed::Measured(2));
}

proptest! {
    /// Whatever the clock does, and however often the machine starts anew: what is taken for passed
    /// is never more than what was measured and the pauses, each as long as may be.
    #[test]
    fn nothing_grows_older_than_measured_time_and_pauses(
        steps in prop::collection::vec(
            (0..2 * DAY, prop::option::of(-20 * YEAR..20 * YEAR), any::<bool>()), 1..60),
    ) {
        let mut told = Told::new();
        let (mut measured, mut offset, mut pauses) = (0, 0, 0);
        for (passed, jump, rebooted) in steps {
            offset = jump.unwrap_or(offset);
            let elapsed = if rebooted { Elapsed::Unknown } else { Elapsed::Measured(passed) };
            measured += if rebooted { 0 } else { passed };
            pauses += if rebooted { DAY } else { 0 };
            told.look(measured + offset, elapsed);
            prop_assert!(told.passed <= pauses);
            // The expected present has moved by what was measured and what was settled only.
            prop_assert_eq!(told.belief.expected, at(measured + told.shift));
            prop_assert!(told.oldest() <= told.belief.expected);
        }
    }

    /// Whatever has happened before, a clock that is not behind and keeps its pace for a day and
    /// one look is believed; one that is behind is, once it is confirmed.
    #[test]
    fn no_doubt_is_for_ever(
        steps in prop::collection::vec((0..2 * DAY, -2 * YEAR..20 * YEAR), 0..20),
        offset in -2 * YEAR..20 * YEAR,
    ) {
        let mut told = Told::new();
        let mut now = 0;
        for (passed, jump) in steps {
            now += passed;
            told.look(now + jump, Elapsed::Measured(passed));
        }
        let mut told = told.run(now, 25, |now| now + offset);
        now += 25 * HOUR;
        if told.state() == ClockState::Behind {
            let look = guard().confirm(&told.belief);
            told.take(look);
        }
        prop_assert_eq!(told.state(), ClockState::Steady);
        prop_assert_eq!(told.now(), at(now + offset));
    }
}
