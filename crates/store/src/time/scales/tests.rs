//! Tables and properties of [`super`].

use tierlog_model::{Day, Tenant};

use super::*;

const DAY: i64 = 86_400_000_000;
const YEARS: i64 = 3650 * DAY;

/// How far ahead records are let in.
const AHEAD: i64 = DAY;

fn noon(days: i64) -> Timestamp {
    Timestamp::from_micros_clamped(1_794_960_000_000_000 + DAY / 2 + days * DAY)
}

fn today(days: i64) -> Day {
    noon(days).day()
}

fn scale(distance: i64, now: Timestamp) -> InUse {
    InUse { distance, now, is_open: false }
}

/// Returns by how many days later than its own day says a partition of the debug tier is over.
fn later(scales: &Scales, day: Day, below: u64) -> i64 {
    let tiers = Tiers::standard();
    let id =
        PartitionId { tenant: Tenant::DEFAULT, tier: tiers.by_name("debug").expect("a tier"), day };
    let written = Written { id, below, logged_from: u64::MAX, next_seq: u64::MAX };
    let due = scales.due(written, &tiers, AHEAD).as_micros();
    (due - tiers.expires(id.tier, day).as_micros()) / DAY
}

fn shifted(shift: i64) -> Settlement {
    Settlement { shift, ..Settlement::default() }
}

fn gap(seq: u64, micros: i64) -> Gap {
    let gap = serde_json::json!(
        {"seq": seq, "micros": micros, "is_pause": true, "is_proven": true}
    );
    serde_json::from_value(gap).expect("a gap")
}

#[test]
fn days_of_one_right_clock_are_over_when_they_say() {
    let mut scales = Scales::new();
    for days in 0..40 {
        scales.note(days, scale(0, noon(days as i64)), &[]);
    }
    assert_eq!(scales.used(), [true]);
    for days in -6..41 {
        assert_eq!(later(&scales, today(days), 40), 0, "{days}");
    }
}

#[test]
fn days_of_a_clock_that_was_behind_move_along_when_it_is_set() {
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(-3650)), &[]);
    scales.settle(&shifted(YEARS));
    scales.end_use(100);
    scales.note(100, scale(0, noon(0)), &[]);
    assert_eq!(scales.used(), [false, true]);
    assert_eq!(later(&scales, today(-3650), 100), 3650);
    assert_eq!(later(&scales, today(-3656), 100), 3650, "a line that came a little late");
    // Days of the right clock are over when they say, also where the wrong one could not reach.
    for days in [0, -6] {
        assert_eq!(later(&scales, today(days), 200), 0);
    }
}

#[test]
fn days_of_a_clock_that_was_ahead_do_not_stay_for_years() {
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(0)), &[]);
    scales.note(50, scale(YEARS, noon(3650)), &[]);
    scales.note(60, scale(0, noon(0)), &[]);
    assert_eq!(later(&scales, today(3650), 60), -3650);
    assert_eq!(later(&scales, today(0), 60), 0);
    // Below the first number of that clock, no record is of it.
    assert_eq!(later(&scales, today(3650), 50), 0);
}

#[test]
fn a_day_of_two_clocks_is_kept_by_the_one_that_keeps_it_longer() {
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(-3)), &[]);
    scales.settle(&shifted(3 * DAY));
    scales.note(100, scale(0, noon(0)), &[]);
    // Either may have written it.
    assert_eq!(later(&scales, today(-3), 200), 3);
    assert_eq!(later(&scales, today(-2), 200), 3);
    // The wrong clock has never said so late a time.
    assert_eq!(later(&scales, today(1), 200), 0);
}

#[test]
fn what_may_wait_in_the_log_counts_for_any_partition() {
    let tiers = Tiers::standard();
    let id = PartitionId {
        tenant: Tenant::DEFAULT,
        tier: tiers.by_name("debug").expect("a tier"),
        day: today(-3650),
    };
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(0)), &[]);
    scales.note(40, scale(-YEARS, noon(-3650)), &[]);
    scales.end_use(50);
    scales.note(50, scale(0, noon(0)), &[]);
    let due = |scales: &Scales, logged_from, next_seq| {
        scales.due(Written { id, below: 0, logged_from, next_seq }, &tiers, AHEAD)
    };
    let (own, later) = (tiers.expires(id.tier, id.day), 3650 * DAY);
    assert_eq!(due(&scales, 49, 60), own.saturating_add_micros(later));
    assert_eq!(due(&scales, 50, 60), own, "everything of that clock is indexed");
    // It is in use again, and what it has dated since the last look is not indexed.
    scales.note(50, scale(-YEARS, noon(-3650)), &[]);
    assert_eq!(due(&scales, 50, 51), own.saturating_add_micros(later));
    assert_eq!(due(&scales, 50, 50), own);
}

#[test]
fn a_record_of_any_moment_is_as_old_as_its_arrival() {
    let mut scales = Scales::new();
    scales.note(0, InUse { is_open: true, ..scale(0, noon(-3650)) }, &[]);
    scales.settle(&shifted(YEARS));
    scales.note(10, scale(0, noon(0)), &[]);
    // A right line, which the clock took for one of the future, and a line of nonsense.
    assert!((0..=3).contains(&later(&scales, today(0), 5)));
    assert!((-20_002..=-19_997).contains(&later(&scales, today(20_000), 5)));
}

#[test]
fn time_that_passed_makes_older_what_was_written_before_it() {
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(0)), &[]);
    scales.note(100, scale(DAY / 2, noon(0)), &[100]);
    scales.note(200, scale(DAY, noon(1)), &[100, 200]);
    let passed = vec![gap(100, DAY / 2), gap(200, DAY / 2)];
    scales.settle(&Settlement { shift: DAY, passed, ..Settlement::default() });
    assert_eq!(scales.list.len(), 1, "all say the same: {scales:?}");
    assert_eq!(later(&scales, today(0), 300), 0);
}

#[test]
fn time_that_may_have_passed_waits_for_a_word() {
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(0)), &[]);
    scales.note(100, scale(60 * DAY, noon(60)), &[100]);
    scales.settle(&Settlement {
        shift: 60 * DAY,
        open: vec![gap(100, 60 * DAY)],
        ..Settlement::default()
    });
    let told = |scales: &Scales| (later(scales, today(0), 300), scales.unconfirmed_micros());
    assert_eq!(told(&scales), (60, 60 * DAY));
    let mut set_back = scales.clone();
    set_back.confirm(-60 * DAY);
    assert_eq!(told(&set_back), (60, 0));
    scales.confirm(0);
    assert_eq!(told(&scales), (0, 0));
    assert_eq!(later(&scales, today(60), 300), 0);
}

#[test]
fn a_present_that_nothing_has_refuted_goes_on_to_count() {
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(0)), &[]);
    let unrefuted = Some(-YEARS);
    scales.settle(&Settlement { shift: YEARS, unrefuted, ..Settlement::default() });
    assert_eq!(scales.unrefuted(), [-YEARS]);
    scales.note(10, scale(0, noon(3650)), &[]);
    scales.note(10, scale(-YEARS, noon(3)), &[]);
    assert_eq!(later(&scales, today(3), 20), 3650, "a line of a right clock");
    assert_eq!(later(&scales, today(3650), 20), 0);
    scales.settle(&shifted(DAY));
    assert_eq!(
        (scales.unrefuted(), scales.unconfirmed_micros()),
        (vec![-YEARS - DAY], YEARS + DAY)
    );
    scales.confirm(0);
    assert!(scales.unrefuted().is_empty());
    for step in 0..20 {
        let unrefuted = Some(-step * DAY);
        scales.settle(&Settlement { unrefuted, ..Settlement::default() });
    }
    assert_eq!(scales.unrefuted().len(), UNREFUTED_MAX);
    assert_eq!(scales.unconfirmed_micros(), 19 * DAY);
}

#[test]
fn a_scale_does_not_reach_over_a_gap() {
    let mut scales = Scales::new();
    scales.note(0, scale(0, noon(0)), &[]);
    scales.note(7, scale(0, noon(0)), &[7]);
    scales.note(9, scale(0, noon(0)), &[7]);
    assert_eq!(scales.list.len(), 2);
}

#[test]
fn scales_are_bounded_and_the_closest_two_become_one_that_keeps_both() {
    let mut scales = Scales::new();
    for step in 0..500_i64 {
        let seq = step as u64;
        scales.note(seq, scale(step * step * DAY / 24, noon(0)), &[]);
        assert!(scales.list.len() <= SCALES_MAX);
    }
    assert_eq!(later(&scales, today(0), u64::MAX), 0, "the least distance keeps longest");
}

#[test]
fn files_are_dated_by_the_clock_that_was() {
    let mut scales = Scales::new();
    scales.note(0, scale(-YEARS, noon(-3650)), &[]);
    scales.note(9, scale(0, noon(0)), &[]);
    assert_eq!(scales.file_due(noon(-3650), 365), today(365).end());
    assert_eq!(scales.file_due(noon(0), 365), today(365).end());
    assert_eq!(scales.file_due(noon(-900), 365), today(-535).end(), "by another machine");
}
