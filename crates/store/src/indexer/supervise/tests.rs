//! The supervisor against a sink that fails as it is told.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tierlog_model::{
    BatchWriter, HeldBytes, Level, Record, RecordKind, Redacted, RedactedBatch, Timestamp, Value,
};

use super::*;
use crate::indexer::phase::Phase;

/// What a record does to the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poison {
    /// Adding it panics.
    Panics,
    /// Committing it fails.
    FailsToCommit,
    /// Neither the record nor a dead letter for the record can be committed.
    Hopeless,
}

#[derive(Default)]
struct State {
    log: Vec<LoggedBatch>,
    poison: BTreeMap<u64, Poison>,
    /// Steps that still fail for the want of room.
    full_for: u32,
    /// Numbers of further failing steps, counted from 1.
    full_at: BTreeSet<u32>,
    steps: u32,
    /// How often the batch with a number still cannot be read.
    unreadable: BTreeMap<u64, u32>,
    /// Every step fails.
    broken: bool,
    /// So many steps still fail, for a lasting reason.
    broken_for: u32,
    closing: bool,
    pending: BTreeSet<u64>,
    pending_letters: BTreeSet<u64>,
    indexed: BTreeSet<u64>,
    letters: BTreeSet<u64>,
    given_up: BTreeSet<u64>,
    applied: u64,
    committed: u64,
    phase: Phase,
    has_followed: bool,
    most_pending: usize,
    /// Whether it was said that indexing waits, whatever was said since.
    has_stalled: bool,
    pauses: Vec<Duration>,
}

#[derive(Default)]
struct Fake(RefCell<State>);

fn batch(first_seq: u64, count: u64) -> LoggedBatch {
    let mut writer = BatchWriter::default();
    for _ in 0..count {
        writer.push(&Record {
            timestamp: Timestamp::default(),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![("message".into(), Value::Bool(true))],
        });
    }
    let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
    LoggedBatch { first_seq, batch, held: HeldBytes::default() }
}

impl State {
    fn admit(&mut self) -> Result<(), StoreError> {
        if self.broken || self.broken_for > 0 {
            self.broken_for = self.broken_for.saturating_sub(1);
            return Err(StoreError::ThreadEnded("test"));
        }
        self.steps += 1;
        if self.full_for > 0 || self.full_at.contains(&self.steps) {
            self.full_for = self.full_for.saturating_sub(1);
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(StoreError::io("write", std::path::Path::new("segment"))(full));
        }
        Ok(())
    }
}

impl Sink for Fake {
    fn rewind(&self) -> Result<u64, StoreError> {
        let mut state = self.0.borrow_mut();
        state.pending.clear();
        state.pending_letters.clear();
        state.applied = state.committed;
        state.phase = std::mem::take(&mut state.phase).after(Event::Rewound);
        Ok(state.committed)
    }

    fn reread(&self, range: Range<u64>, each: &mut Each<'_>) -> Result<(), Failure> {
        let log: Vec<LoggedBatch> = {
            let state = self.0.borrow();
            let held = HeldBytes::default;
            let copy = |b: &LoggedBatch| LoggedBatch {
                first_seq: b.first_seq,
                batch: b.batch.clone(),
                held: held(),
            };
            state.log.iter().map(copy).collect()
        };
        for batch in log {
            let own = batch.range();
            if own.end > range.start && own.start < range.end {
                if let Some(times) = self.0.borrow_mut().unreadable.get_mut(&own.start)
                    && *times > 0
                {
                    *times -= 1;
                    return Err(broken());
                }
                each(batch)?;
            }
        }
        Ok(())
    }

    fn apply(&self, _: &LoggedBatch, range: Range<u64>) -> Result<(), StoreError> {
        let mut state = self.0.borrow_mut();
        state.admit()?;
        for seq in range.clone() {
            if state.indexed.contains(&seq) || state.letters.contains(&seq) {
                continue;
            }
            if state.poison.get(&seq) == Some(&Poison::Panics) {
                drop(state);
                unreachable!("a record that panics");
            }
            state.pending.insert(seq);
            state.most_pending = state.most_pending.max(state.pending.len());
        }
        state.applied = range.end;
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        let mut state = self.0.borrow_mut();
        state.admit()?;
        let fails = |seq: &u64| state.poison.contains_key(seq);
        let hopeless = |seq: &u64| state.poison.get(seq) == Some(&Poison::Hopeless);
        if state.pending.iter().any(fails) || state.pending_letters.iter().any(hopeless) {
            return Err(StoreError::ThreadEnded("worker"));
        }
        let (pending, letters) =
            (std::mem::take(&mut state.pending), std::mem::take(&mut state.pending_letters));
        for seq in pending {
            assert!(state.indexed.insert(seq), "{seq} is indexed twice");
        }
        for seq in letters {
            assert!(state.letters.insert(seq), "{seq} is a dead letter twice");
        }
        state.committed = state.applied;
        Ok(())
    }

    fn set_aside(&self, _: &LoggedBatch, seq: u64) -> Result<(), StoreError> {
        let mut state = self.0.borrow_mut();
        state.pending_letters.insert(seq);
        state.applied = seq + 1;
        Ok(())
    }

    fn give_up(&self, seq: u64) {
        let mut state = self.0.borrow_mut();
        state.given_up.insert(seq);
        state.applied = seq + 1;
    }

    fn note(&self, event: Event) {
        let mut state = self.0.borrow_mut();
        state.phase = std::mem::take(&mut state.phase).after(event);
        state.has_stalled |= matches!(state.phase, Phase::Stalled(_));
        state.has_followed |= matches!(state.phase, Phase::FollowingLog { .. });
    }

    fn is_closing(&self) -> bool {
        self.0.borrow().closing
    }

    fn pause(&self, time: Duration) -> bool {
        let mut state = self.0.borrow_mut();
        state.pauses.push(time);
        !state.closing
    }
}

fn fake(counts: &[u64]) -> (Fake, u64) {
    let mut next = 0;
    let mut log = Vec::new();
    for count in counts {
        log.push(batch(next, *count));
        next += count;
    }
    (Fake(RefCell::new(State { log, ..State::default() })), next)
}

fn broken() -> Failure {
    Failure::Broken("test".to_owned())
}

#[test]
fn a_full_disk_is_waited_for_and_everything_is_indexed_once() {
    let (sink, until) = fake(&[5, 7, 3]);
    sink.0.borrow_mut().full_for = 6;
    let failure = Failure::NoRoom("full".to_owned());
    assert_eq!(recover(&sink, until, &failure), Ok(()));
    let state = sink.0.borrow();
    assert_eq!(state.indexed.len(), 15);
    assert_eq!(state.phase, Phase::Steady);
    assert!(state.pauses.len() >= 6 && state.has_stalled);
    // Longer each time, and never so long that room goes unnoticed.
    assert!(state.pauses.is_sorted());
    let ends = (state.pauses.first(), state.pauses.last());
    assert_eq!(ends, (Some(&PAUSE_MIN), Some(&PAUSE_MAX)));
}

#[test]
fn a_closing_store_does_not_wait_for_room() {
    let (sink, until) = fake(&[5]);
    sink.0.borrow_mut().full_for = u32::MAX;
    sink.0.borrow_mut().closing = true;
    let failure = Failure::NoRoom("full".to_owned());
    assert_eq!(recover(&sink, until, &failure), Err(Lost::Closing));
}

#[test]
fn what_a_start_has_left_is_indexed_and_its_failures_are_recovered_from() {
    let (sink, until) = fake(&[5, 7, 3]);
    assert_eq!(follow(&sink, until), Ok(()));
    assert!(sink.0.borrow().has_followed);
    assert_eq!((sink.0.borrow().indexed.len(), sink.0.borrow().committed), (15, until));

    let (sink, until) = fake(&[5, 7, 3]);
    sink.0.borrow_mut().full_for = 2;
    sink.0.borrow_mut().poison.insert(6, Poison::Panics);
    assert_eq!(follow(&sink, until), Ok(()));
    let state = sink.0.borrow();
    assert_eq!((state.indexed.len(), &state.letters), (14, &BTreeSet::from([6])));
    assert_eq!(state.phase, Phase::Steady);
}

#[test]
fn a_closing_store_leaves_what_a_start_has_left() {
    let (sink, until) = fake(&[5, 7]);
    sink.0.borrow_mut().closing = true;
    assert_eq!(follow(&sink, until), Err(Lost::Closing));
    assert!(sink.0.borrow().indexed.is_empty());
}

#[test]
fn what_is_read_again_is_committed_on_the_way() {
    let (sink, _) = fake(&[]);
    let line = "x".repeat(UNCOMMITTED_BYTES_MAX / 8);
    for seq in 0..20 {
        let mut writer = BatchWriter::default();
        writer.push(&Record {
            timestamp: Timestamp::default(),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![("message".into(), Value::Str(line.as_str().into()))],
        });
        let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
        let held = HeldBytes::default();
        sink.0.borrow_mut().log.push(LoggedBatch { first_seq: seq, batch, held });
    }
    assert_eq!(recover(&sink, 20, &broken()), Ok(()));
    assert_eq!((sink.0.borrow().indexed.len(), sink.0.borrow().most_pending), (20, 8));
}

#[test]
fn what_stays_broken_ends_it() {
    let (sink, until) = fake(&[5]);
    sink.0.borrow_mut().broken = true;
    assert!(matches!(recover(&sink, until, &broken()), Err(Lost::Lasting(_))));
    let state = sink.0.borrow();
    assert_ne!(state.phase, Phase::Steady);
    // Tried as often as it may be, the first time at once.
    assert_eq!(state.pauses.len() as u32, ATTEMPTS_MAX - 1);
    // No more than one record was thought to be the reason, and that is not committed.
    assert_eq!((state.given_up.len(), state.committed), (1, 0));
}

#[test]
fn a_disk_that_fails_for_a_while_costs_no_record() {
    // An attempt takes six halves and a dead letter: this ends before the last one.
    for broken_for in 0..20 {
        let (sink, until) = fake(&[40, 3]);
        sink.0.borrow_mut().broken_for = broken_for;
        assert_eq!(recover(&sink, until, &broken()), Ok(()), "{broken_for}");
        let state = sink.0.borrow();
        assert!(state.given_up.is_empty(), "{broken_for}");
        assert_eq!(state.indexed.len() + state.letters.len(), 43, "{broken_for}");
    }
}

#[test]
fn failures_with_progress_in_between_are_not_taken_for_lasting() {
    let (sink, until) = fake(&[3; 12]);
    sink.0.borrow_mut().unreadable = (0..12).map(|batch| (batch * 3, 2)).collect();
    assert_eq!(recover(&sink, until, &broken()), Ok(()));
    assert_eq!(sink.0.borrow().indexed.len() as u64, until);
}

#[test]
fn more_poison_than_there_can_be_is_not_the_records() {
    for (poison, is_over) in [(SET_ASIDE_MAX, false), (SET_ASIDE_MAX + 1, true)] {
        let (sink, until) = fake(&[500; 4]);
        let all = (0..u64::from(poison)).map(|seq| (seq, Poison::FailsToCommit));
        sink.0.borrow_mut().poison = all.collect();
        let ended = recover(&sink, until, &broken());
        assert_eq!(matches!(ended, Err(Lost::Lasting(_))), is_over, "{poison}: {ended:?}");
        assert!(sink.0.borrow().letters.len() as u32 <= SET_ASIDE_MAX);
    }
}

#[test]
fn a_record_that_not_even_becomes_a_dead_letter_is_given_up() {
    let (sink, until) = fake(&[4]);
    sink.0.borrow_mut().poison = [0, 2].map(|seq| (seq, Poison::Hopeless)).into();
    assert_eq!(recover(&sink, until, &broken()), Ok(()));
    let state = sink.0.borrow();
    assert_eq!(state.indexed, BTreeSet::from([1, 3]));
    assert_eq!(state.given_up, BTreeSet::from([0, 2]));
    assert_eq!(state.committed, until);
}

proptest! {
    #[test]
    fn exactly_the_poisonous_records_become_dead_letters(
        counts in prop::collection::vec(1_u64..40, 1..8),
        poison in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6),
        full_for in 0_u32..4,
        full_at in prop::collection::btree_set(0_u32..200, 0..40),
    ) {
        let (sink, until) = fake(&counts);
        let poison: BTreeMap<u64, Poison> = poison
            .into_iter()
            .map(|(index, panics)| {
                let kind = if panics { Poison::Panics } else { Poison::FailsToCommit };
                (index.index(until as usize) as u64, kind)
            })
            .collect();
        sink.0.borrow_mut().poison.clone_from(&poison);
        sink.0.borrow_mut().full_for = full_for;
        sink.0.borrow_mut().full_at = full_at;
        prop_assert_eq!(recover(&sink, until, &broken()), Ok(()));
        let state = sink.0.borrow();
        let expected: BTreeSet<u64> = (0..until).filter(|seq| !poison.contains_key(seq)).collect();
        prop_assert_eq!(&state.indexed, &expected);
        prop_assert_eq!(&state.letters, &poison.keys().copied().collect());
        prop_assert_eq!(state.committed, until);
        prop_assert!(state.given_up.is_empty() && state.phase == Phase::Steady);
    }
}
