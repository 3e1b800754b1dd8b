//! Memory of the retry window, and the choice of the entry to lose when the window is full.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tierlog_model::Tenant;

use super::*;

fn id(number: usize) -> BatchId {
    BatchId::of_client(Tenant::DEFAULT, &format!("batch-{number}")).expect("an id")
}

fn batch(number: usize) -> RetryKey {
    RetryKey::Batch(id(number))
}

fn producer(name: &str) -> ProducerId {
    ProducerId::of_client(Tenant::DEFAULT, name).expect("a name")
}

fn lines(name: &str, last: u64) -> RetryKey {
    RetryKey::Lines { producer: producer(name), last }
}

fn sender(number: u16) -> SenderId {
    SenderId::from_number(number)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros_clamped(seconds * 1_000_000)
}

fn window(seconds: u64, entries_max: usize) -> RetryWindow {
    RetryWindow { entries_max, ..RetryWindow::new(Duration::from_secs(seconds)) }
}

fn records(window: &RetryWindow, number: usize, now: Timestamp) -> Option<u32> {
    window.find(&id(number), now).map(|known| known.record_count)
}

#[test]
fn ids_are_found_until_they_are_old() {
    let mut window = window(60, 100);
    window.insert(batch(1), sender(1), 10, at(0));
    assert_eq!(records(&window, 1, at(60)), Some(10));
    assert_eq!(records(&window, 1, at(61)), None);
    assert_eq!(records(&window, 1, at(-1_000)), Some(10), "the clock was set back");
    window.insert(batch(1), sender(1), 11, at(61));
    window.insert(batch(1), sender(1), 10, at(0));
    window.expire(at(100));
    assert_eq!(records(&window, 1, at(100)), Some(11), "its first place is gone, not its last");
    window.expire(at(200));
    assert_eq!((window.len(), window.senders.len(), window.sizes.len()), (0, 0, 0));
}

/// Once, the ids of one sender pushed out the ids of all others.
#[test]
fn a_sender_that_floods_the_window_pushes_out_its_own_entries_only() {
    let mut window = window(3_600, 1_000);
    for number in 0..10 {
        window.insert(batch(number), sender(1), 1, at(0));
    }
    window.insert(lines("shop", 7), sender(2), 7, at(0));
    for number in 0..5_000 {
        window.insert(batch(1_000 + number), sender(3), 1, at(1));
    }
    assert_eq!(window.len(), 1_000);
    assert!((0..10).all(|number| records(&window, number, at(2)) == Some(1)));
    assert_eq!(window.line(&producer("shop"), at(2)), Some(7));
    assert_eq!(records(&window, 5_999, at(2)), Some(1), "the newest of the flood");
    assert_eq!(records(&window, 5_010, at(2)), None);
    // Producers are counted as ids are.
    for number in 0..5_000 {
        window.insert(lines(&format!("p{number}"), 1), sender(4), 1, at(3));
    }
    assert!((0..10).all(|number| records(&window, number, at(4)) == Some(1)));
    // Two floods share the room that other senders leave.
    let held = |number| window.senders.get(&sender(number)).map_or(0, VecDeque::len);
    assert_eq!((held(1), held(2)), (10, 1));
    assert!(held(3).abs_diff(held(4)) <= 1, "{} and {}", held(3), held(4));
}

#[test]
fn one_sender_alone_may_have_all_of_it() {
    let mut window = window(60, 100);
    for number in 0..105 {
        window.insert(batch(number), sender(1), 1, at(0));
    }
    assert_eq!(window.len(), 100);
    assert_eq!(records(&window, 4, at(0)), None);
    assert_eq!(records(&window, 5, at(0)), Some(1));
}

#[test]
fn an_entry_that_is_used_stays_when_another_of_its_sender_has_to_go() {
    let mut window = window(3_600, 3);
    window.insert(lines("a", 1), sender(1), 1, at(0));
    window.insert(batch(1), sender(1), 1, at(1));
    window.insert(batch(2), sender(1), 1, at(2));
    window.insert(lines("a", 2), sender(9), 1, at(3));
    window.insert(batch(3), sender(1), 1, at(4));
    assert_eq!(window.line(&producer("a"), at(5)), Some(2));
    assert_eq!((records(&window, 1, at(5)), records(&window, 2, at(5))), (None, Some(1)));
}

#[test]
fn a_producer_never_goes_back_and_is_forgotten_when_it_is_silent() {
    let mut known = window(60, 100);
    known.insert(lines("a", 10), sender(1), 5, at(0));
    known.insert(lines("b", 7), sender(1), 7, at(30));
    known.insert(lines("a", 4), sender(1), 4, at(10));
    assert_eq!(known.line(&producer("a"), at(60)), Some(10));
    assert_eq!(known.line(&producer("a"), at(71)), None, "silent since second 10");
    assert_eq!(known.line(&producer("c"), at(0)), None);
    let mut back = window(60, 100);
    back.absorb(&known.encode()).expect("what was written");
    back.insert(lines("a", 12), sender(1), 2, at(40));
    back.absorb(&known.encode()).expect("an earlier place, again");
    assert_eq!(back.line(&producer("a"), at(60)), Some(12));
    back.expire(at(95));
    assert_eq!((back.len(), back.line(&producer("a"), at(95))), (1, Some(12)));
}

#[test]
fn senders_that_name_their_batches_alike_are_told_apart_by_what_they_sent() {
    let known = |record_count, number| KnownBatch { record_count, sender: sender(number) };
    assert!(known(5, 1).is_repeated_by(known(5, 1)));
    assert!(known(5, 1).is_repeated_by(known(5, 2)), "a retry by way of another proxy");
    assert!(known(5, 1).is_repeated_by(known(6, 1)), "its own id is its own business");
    assert!(!known(5, 1).is_repeated_by(known(6, 2)));
}

#[test]
fn a_window_reads_back_as_written_and_refuses_the_rest() {
    let mut known = window(60, 100);
    for number in 0..3 {
        let seconds = number as i64;
        known.insert(batch(number), sender(number as u16), number as u32, at(seconds));
    }
    known.insert(lines("a", u64::MAX), sender(2), 0, at(9));
    let payload = known.encode();
    assert_eq!(payload.len(), 4 * ENTRY_BYTES);
    let mut back = window(60, 100);
    back.absorb(&payload).expect("what was written");
    back.absorb(&payload).expect("twice is once");
    assert_eq!(back.encode(), payload);
    for cut in 1..payload.len() {
        let partial = window(60, 100).absorb(&payload[..cut]);
        assert_eq!(partial.is_ok(), cut % ENTRY_BYTES == 0, "cut at {cut}");
    }
    for (byte, value) in [(0, 3), (1, 1), (17, 1)] {
        let mut other = payload.clone();
        other[byte] = value;
        assert!(window(60, 100).absorb(&other).is_err(), "byte {byte}");
    }
}

proptest! {
    /// Beside a plain list: nobody loses an entry while another sender holds more, and the books
    /// of the window agree.
    #[test]
    fn shares_are_equal_or_better(
        steps in prop::collection::vec((0..5_u16, 0..60_usize), 1..400),
    ) {
        let mut window = window(3_600, 40);
        let mut last_used: BTreeMap<usize, usize> = BTreeMap::new();
        for (step, (number, name)) in steps.into_iter().enumerate() {
            let before: BTreeMap<SenderId, usize> =
                window.senders.iter().map(|(sender, order)| (*sender, order.len())).collect();
            window.insert(batch(name), sender(number), 1, at(step as i64));
            last_used.insert(name, step);
            let most = before.values().max().copied().unwrap_or(0);
            for (sender, held) in &before {
                let now = window.senders.get(sender).map_or(0, VecDeque::len);
                prop_assert!(now >= *held || *held == most, "{held} of {most} gave way");
            }
            prop_assert!(window.len() <= 40);
            prop_assert_eq!(window.len(), window.senders.values().map(VecDeque::len).sum::<usize>());
            let sizes: BTreeSet<(usize, SenderId)> =
                window.senders.iter().map(|(sender, order)| (order.len(), *sender)).collect();
            prop_assert_eq!(&window.sizes, &sizes);
            prop_assert!(window.find(&id(name), at(step as i64)).is_some(), "the newest is there");
        }
    }
}
