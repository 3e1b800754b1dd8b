//! The backlog against a plain list of what was routed.

use proptest::prelude::*;
use tierlog_model::{
    BatchWriter, Level, Record, RecordKind, Redacted, RedactedBatch, Tenant, Tiers, Value,
};

use super::*;

/// Bytes that may wait in memory here.
const BOUND: usize = 12_000;

fn backlog() -> Backlog {
    Backlog { bytes_max: BOUND, ..Backlog::new(day(10)) }
}

fn day(number: i32) -> Day {
    let first: Day = "2026-11-01".parse().expect("a day");
    first.plus_days(number)
}

/// Returns the records of one batch, one for each day, of so many bytes each.
fn batch(first: u64, days: &[i32], bytes: usize) -> BTreeMap<PartitionId, Excerpt> {
    let tier = Tiers::standard().by_name("critical").expect("a tier");
    let mut writer = BatchWriter::default();
    for _ in days {
        writer.push(&Record {
            timestamp: day(0).start(),
            level: Level::Error,
            kind: RecordKind::Log,
            fields: vec![("message".into(), Value::Str("x".repeat(bytes).into()))],
        });
    }
    let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
    let mut records: BTreeMap<PartitionId, Excerpt> = BTreeMap::new();
    for ((number, record), day_number) in (first..).zip(batch.records()).zip(days) {
        let id = PartitionId { tenant: Tenant::DEFAULT, tier, day: day(*day_number) };
        let excerpt = records.entry(id).or_insert_with(|| Excerpt::of(&batch));
        excerpt.push(number, &record.expect("valid"));
    }
    records
}

fn numbers(gathered: &Gathered) -> Vec<u64> {
    let records = gathered.values().flatten().flat_map(Excerpt::records);
    let mut numbers: Vec<u64> = records.map(|record| record.expect("valid").0).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_day_before_the_boundary_is_old_and_the_boundary_waits_for_what_waits() {
    let mut backlog = backlog();
    assert_eq!(backlog.lane_of(day(9)), Lane::Backfill);
    assert_eq!(backlog.lane_of(day(10)), Lane::Fresh);
    backlog.move_boundary(day(8));
    assert_eq!(backlog.lane_of(day(9)), Lane::Fresh);
    backlog.route(batch(0, &[3], 1), 0, 1);
    // A day of which records may wait here must not become fresh; a fresh day may become old.
    backlog.move_boundary(day(2));
    assert_eq!(backlog.lane_of(day(7)), Lane::Backfill);
    backlog.move_boundary(day(11));
    assert_eq!(backlog.lane_of(day(10)), Lane::Backfill);
}

#[test]
fn beyond_the_bound_only_numbers_are_kept() {
    let mut backlog = backlog();
    let large = BOUND / 3;
    for number in 0..4 {
        backlog.route(batch(number, &[3], large), 0, number + 1);
    }
    assert!(backlog.waiting_bytes <= BOUND && backlog.has_unread());
    assert_eq!((backlog.pending_from(), backlog.routed()), (Some(0), 4));
    // With records in the log alone, all of them are read from there.
    let Some(Work::Unread(range)) = backlog.take() else { unreachable!("memory has two of four") };
    assert_eq!((range, backlog.pending_from(), backlog.waiting_bytes), (0..4, Some(0), 0));
    assert!(backlog.take().is_none(), "one pass at a time");
    // What comes meanwhile stays in the log as well: it comes behind.
    backlog.route(batch(4, &[3], 1), 0, 5);
    backlog.note_read(4);
    backlog.finish();
    assert_eq!((backlog.pending_from(), backlog.last_day), (Some(4), Some(day(3))));
    assert!(matches!(backlog.take(), Some(Work::Unread(range)) if range == (4..5)));
    backlog.note_read(5);
    backlog.finish();
    assert_eq!(
        (backlog.pending_from(), backlog.last_day, backlog.has_unread()),
        (None, None, false)
    );
}

/// What happens to a backlog.
#[derive(Clone, Debug)]
enum Step {
    /// A batch with records of these days comes; day 20 is fresh.
    Route(Vec<i32>, bool),
    /// A pass is taken, and of the log so many records are read.
    Take(u64),
    /// The pass under way ends.
    Finish,
    /// The pass under way fails, and everything is read again.
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    let days = prop::collection::vec(prop_oneof![0..5_i32, Just(20)], 1..5);
    prop_oneof![
        4 => (days, any::<bool>()).prop_map(|(days, large)| Step::Route(days, large)),
        2 => (1_u64..6).prop_map(Step::Take),
        2 => Just(Step::Finish),
        1 => Just(Step::Forget),
    ]
}

proptest! {
    #[test]
    fn every_old_record_is_taken_once_in_order_and_bounds_the_log_until_it_is_done(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut backlog = backlog();
        // Old records by number; those before `done` are committed.
        let (mut log, mut end, mut done) = (Vec::new(), 0_u64, 0_usize);
        let mut in_work = 0;
        for step in steps.into_iter().chain([Step::Forget]) {
            match step {
                Step::Route(days, large) => {
                    let old: Vec<i32> = days.iter().copied().filter(|day| *day < 10).collect();
                    let first = end + (days.len() - old.len()) as u64;
                    let bytes = if large { BOUND / 6 } else { 1 };
                    end += days.len() as u64;
                    backlog.route(batch(first, &old, bytes), 0, end);
                    log.extend(first..end);
                }
                Step::Take(records) if in_work == 0 => match backlog.take() {
                    Some(Work::Waiting(gathered)) => {
                        let taken = numbers(&gathered);
                        in_work = taken.len();
                        prop_assert_eq!(&taken, &log[done..done + in_work]);
                    }
                    Some(Work::Unread(range)) => {
                        let read: Vec<u64> =
                            log.iter().copied().filter(|seq| range.contains(seq)).collect();
                        prop_assert_eq!(read.first(), log.get(done));
                        let until = read.get(records as usize).copied().unwrap_or(range.end);
                        in_work = read.iter().filter(|seq| **seq < until).count();
                        backlog.note_read(until);
                    }
                    None => prop_assert_eq!(done, log.len()),
                },
                Step::Take(_) => prop_assert!(backlog.take().is_none()),
                Step::Finish => {
                    backlog.finish();
                    (done, in_work) = (done + in_work, 0);
                }
                Step::Forget => {
                    let from = backlog.forget();
                    in_work = 0;
                    prop_assert_eq!(from, log.get(done).copied().unwrap_or(end));
                }
            }
            prop_assert!(backlog.waiting_bytes <= BOUND);
            prop_assert_eq!(backlog.routed(), end);
            // After a part of the log was read, the rest begins with any number before the next.
            let first = log.get(done).copied();
            match (backlog.pending_from(), first) {
                (Some(from), Some(first)) => prop_assert!(from <= first),
                (from, first) => prop_assert_eq!(from, first),
            }
            prop_assert_eq!(backlog.last_day.is_some(), backlog.pending_from().is_some());
        }
    }
}

#[test]
fn what_is_read_again_comes_first_and_swallows_what_waits() {
    let mut backlog = backlog();
    for number in 0..4 {
        backlog.route(batch(number, &[3], 1), 0, number + 1);
    }
    assert!(backlog.take().is_some());
    backlog.route(batch(4, &[3], 1), 0, 5);
    assert_eq!((backlog.pending_from(), backlog.committed()), (Some(0), 0));
    backlog.finish();
    assert_eq!((backlog.pending_from(), backlog.committed()), (Some(4), 4));
    backlog.read_again(1, day(2));
    assert_eq!(backlog.pending_from(), Some(1));
    let Some(Work::Unread(range)) = backlog.take() else { unreachable!("nothing is in memory") };
    assert_eq!(range, 1..5);
    // A pass under way that began behind the number does not hide it.
    backlog.note_read(3);
    backlog.read_again(2, day(2));
    assert_eq!((backlog.pending_from(), backlog.forget()), (Some(1), 1));
    backlog.note_read(5);
    assert_eq!((backlog.pending_from(), backlog.committed()), (None, 5));
    // Nothing was routed from there on.
    backlog.read_again(5, day(2));
    assert_eq!(backlog.pending_from(), None);
}
