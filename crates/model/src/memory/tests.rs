//! Leases against a plain model, the line of waiting, and the counter of a thread.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::{MemoryBudget, MemoryLease, MemoryPart, MemoryUse, ThreadMemory};
use super::{note_allocated, note_freed};

fn part(limit_bytes: u64) -> MemoryPart {
    MemoryPart::new(MemoryUse::Bodies, limit_bytes)
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_lease_grows_shrinks_and_is_given_back() {
    let part = part(100);
    let mut lease = part.try_take(40).unwrap();
    lease.grow_to(60).unwrap();
    lease.grow_to(50).unwrap();
    assert_eq!((lease.bytes(), part.used_bytes(), part.refusals()), (60, 60, 0));
    let refused = lease.grow(41).unwrap_err();
    assert!(refused.is_final(), "{refused}");
    assert_eq!((lease.bytes(), part.used_bytes(), part.refusals()), (60, 60, 1));
    let other = part.try_take(41).unwrap_err();
    assert!(!other.is_final());
    assert_eq!(
        other.to_string(),
        "memory.bodies is exhausted: 41 bytes are needed, 100 are allowed for all"
    );
    lease.shrink_to(10);
    lease.shrink_to(20);
    lease.absorb(part.try_take(0).unwrap());
    assert_eq!((lease.bytes(), part.used_bytes(), part.peak_bytes()), (10, 10, 60));
    drop(lease);
    assert_eq!((part.used_bytes(), part.refusals()), (0, 2));
    assert_eq!(part.try_take(100).unwrap().bytes(), 100);
}

#[test]
fn what_is_there_already_is_counted_past_the_limit_and_paid_off_first() {
    let part = part(100);
    let mut first = part.try_take(60).unwrap();
    let mut second = part.try_take(30).unwrap();
    first.settle(90);
    assert_eq!((first.bytes(), part.used_bytes(), part.peak_bytes()), (90, 120, 120));
    let mut waiting = Box::pin(part.take(10));
    assert!(poll(waiting.as_mut()).is_pending());
    second.shrink_to(15);
    assert!(poll(waiting.as_mut()).is_pending(), "105 of 100 are lent");
    second.shrink_to(5);
    assert!(poll(waiting.as_mut()).is_pending(), "95 are lent, ten are wanted");
    second.settle(0);
    let Poll::Ready(third) = poll(waiting.as_mut()) else { panic!("ten are free") };
    assert_eq!(part.used_bytes(), 100);
    drop((first, second, third));
    assert_eq!(part.used_bytes(), 0);
    assert_eq!(part.try_take(100).unwrap().bytes(), 100, "nothing is owed any more");
}

#[test]
fn more_than_the_whole_waits_for_all_and_takes_all() {
    let part = part(100);
    let held = part.try_take(1).unwrap();
    let mut whole = pin!(part.take(5_000_000_000));
    assert!(poll(whole.as_mut()).is_pending());
    drop(held);
    let Poll::Ready(lease) = poll(whole) else { panic!("all of it is free") };
    assert_eq!((lease.bytes(), part.used_bytes()), (100, 100));
}

#[test]
fn the_line_is_fair_and_who_leaves_it_takes_nothing() {
    let part = part(100);
    let mut held = part.try_take(90).unwrap();
    let mut first = Box::pin(part.take(50));
    let mut second = pin!(part.take(10));
    assert!(poll(first.as_mut()).is_pending());
    // Ten bytes are free, and the first in line waits for them.
    assert!(poll(second.as_mut()).is_pending());
    assert!(part.try_take(1).is_err());
    held.shrink_to(80);
    assert!(poll(first.as_mut()).is_pending());
    drop(first);
    let Poll::Ready(lease) = poll(second) else { panic!("the first has left the line") };
    assert_eq!((lease.bytes(), part.used_bytes()), (10, 90));
    drop((lease, held));
    assert_eq!((part.used_bytes(), part.try_take(100).unwrap().bytes()), (0, 100));
}

#[test]
fn a_cancelled_waiter_that_was_served_gives_back() {
    let part = part(100);
    let held = part.try_take(100).unwrap();
    let mut waiting = Box::pin(part.take(60));
    assert!(poll(waiting.as_mut()).is_pending());
    // The permits are the waiter's now, although it was never polled again.
    drop(held);
    drop(waiting);
    assert_eq!(part.try_take(100).unwrap().bytes(), 100);
}

#[test]
fn each_use_has_a_part_of_its_own_name() {
    let budget = MemoryBudget::new(|part_use| part_use.as_str().len() as u64);
    for part_use in MemoryUse::ALL {
        let part = budget.part(part_use);
        assert_eq!(part.part_use(), part_use);
        assert_eq!(part.limit_bytes(), part_use.as_str().len() as u64);
    }
    let names: Vec<&str> = budget.parts().iter().map(|part| part.part_use().as_str()).collect();
    assert_eq!(names, MemoryUse::ALL.map(MemoryUse::as_str));
}

#[test]
fn a_thread_counts_its_own_allocations_only() {
    let memory = ThreadMemory::start();
    note_allocated(100);
    std::thread::spawn(|| note_allocated(1_000)).join().unwrap();
    note_freed(30);
    assert_eq!(memory.change_bytes(), 70);
    note_freed(80);
    assert_eq!(memory.change_bytes(), -10);
    note_allocated(10);
}

/// What is done with the leases of a part.
#[derive(Clone, Debug)]
enum Step {
    Take(u64),
    Grow(usize, u64),
    Shrink(usize, u64),
    Settle(usize, u64),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..600_u64).prop_map(Step::Take),
        (0..8_usize, 0..600_u64).prop_map(|(at, bytes)| Step::Grow(at, bytes)),
        (0..8_usize, 0..600_u64).prop_map(|(at, bytes)| Step::Shrink(at, bytes)),
        (0..8_usize, 0..600_u64).prop_map(|(at, bytes)| Step::Settle(at, bytes)),
        (0..8_usize).prop_map(Step::Drop),
    ]
}

proptest! {
    /// A part is a sum that exceeds its limit by what was settled only: whatever is done, it says
    /// the same as a
    /// plain list of numbers.
    #[test]
    fn a_part_is_a_bounded_sum(steps in proptest::collection::vec(step(), 0..60)) {
        const LIMIT: u64 = 1_000;
        let part = part(LIMIT);
        let (mut leases, mut plain): (Vec<MemoryLease>, Vec<u64>) = (Vec::new(), Vec::new());
        let (mut peak, mut refusals, mut has_settled) = (0, 0, false);
        for step in steps {
            let used: u64 = plain.iter().sum();
            match step {
                Step::Take(bytes) => match part.try_take(bytes) {
                    Ok(lease) => {
                        leases.push(lease);
                        plain.push(bytes);
                    }
                    Err(_) => {
                        prop_assert!(used + bytes > LIMIT);
                        refusals += 1;
                    }
                },
                Step::Grow(at, bytes) => {
                    let Some(lease) = leases.get_mut(at) else { continue };
                    match lease.grow(bytes) {
                        Ok(()) => plain[at] += bytes,
                        Err(_) => {
                            prop_assert!(used + bytes > LIMIT);
                            refusals += 1;
                        }
                    }
                }
                Step::Shrink(at, bytes) => {
                    let Some(lease) = leases.get_mut(at) else { continue };
                    lease.shrink_to(bytes);
                    plain[at] = plain[at].min(bytes);
                }
                Step::Settle(at, bytes) => {
                    let Some(lease) = leases.get_mut(at) else { continue };
                    lease.settle(bytes);
                    plain[at] = bytes;
                    has_settled = true;
                }
                Step::Drop(at) => {
                    if at < leases.len() {
                        drop(leases.remove(at));
                        plain.remove(at);
                    }
                }
            }
            let used: u64 = plain.iter().sum();
            peak = peak.max(used);
            prop_assert!(used <= LIMIT || has_settled);
            prop_assert_eq!(part.used_bytes(), used);
            prop_assert_eq!((part.peak_bytes(), part.refusals()), (peak, refusals));
        }
        leases.clear();
        prop_assert_eq!(part.used_bytes(), 0);
        prop_assert!(part.try_take(LIMIT).is_ok());
    }
}
