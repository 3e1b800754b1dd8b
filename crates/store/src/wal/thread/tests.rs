//! The thread's promises: the answers, their order, and the bytes held meanwhile.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{Ack, HandoffSender, ManualClock, handoff};
use tokio::sync::oneshot;

use super::super::tests::{DATA, at, batch_of, contents, empty_disk, small_settings, texts_of};
use super::super::{WaitState, WalSettings, verify};
use super::*;
use crate::backend::{Crash, FaultError, Operation, SimulatedVfs};

struct Running {
    vfs: SimulatedVfs,
    sender: HandoffSender,
    applied: Receiver<LoggedBatch>,
    live: tokio::sync::broadcast::Receiver<Arc<crate::LiveBatch>>,
    state: WriteStateHandle,
    thread: JoinHandle<Wal>,
}

fn start(settings: WalSettings, queue: usize) -> Running {
    let vfs = empty_disk();
    let opened = Wal::open(Arc::new(vfs.clone()), Path::new(DATA), settings, at(0));
    let (wal, _) = opened.expect("opens");
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 10_000));
    let (applied_sender, applied) = sync_channel(queue);
    let live_sender = LiveSender::new(MemoryPart::new(MemoryUse::Tails, 1 << 20));
    let live = live_sender.subscribe();
    let state = WriteStateHandle::default();
    let hooks = WalHooks {
        clock: Arc::new(ManualClock::at(at(0))),
        live: live_sender,
        state: state.clone(),
    };
    let thread = spawn_wal_thread(receiver, wal, applied_sender, hooks).expect("a thread");
    Running { vfs, sender, applied, live, state, thread }
}

fn submit(running: &Running, text: &str, id: Option<&str>) -> Ack {
    let verdict = running.sender.try_send(batch_of(&[text], id)).expect("room");
    verdict.blocking_recv().expect("an answer")
}

fn finish(running: Running) -> (Wal, Vec<LoggedBatch>) {
    drop(running.sender);
    let wal = running.thread.join().expect("no panic");
    (wal, running.applied.iter().collect())
}

const WRITTEN: Ack = Ok(Receipt { written_count: 1, duplicate_count: 0, producer_line: None });

#[test]
fn an_ack_is_durable_and_the_batch_goes_on_to_both_readers() {
    let mut running = start(small_settings(), 64);
    for number in 0..10 {
        assert_eq!(submit(&running, &format!("record-{number}"), None), WRITTEN);
    }
    let seen = running.live.blocking_recv().expect("a live batch");
    let live = texts_of(seen.batch.as_ref().expect("records"));
    assert_eq!((seen.first_seq, live), (0, vec!["record-0".to_owned()]));
    running.vfs.crash(Crash::DropUnsynced);
    assert_eq!(verify(&running.vfs, Path::new(DATA)).expect("verified").record_count, 10);
    let (_, applied) = finish(running);
    let numbers: Vec<u64> = applied.iter().map(|applied| applied.first_seq).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<u64>>());
}

#[test]
fn a_retry_is_answered_as_a_duplicate_and_goes_no_further() {
    let running = start(small_settings(), 64);
    assert_eq!(submit(&running, "one", Some("retry-1")), WRITTEN);
    let duplicate = Ok(Receipt { written_count: 0, duplicate_count: 1, producer_line: None });
    assert_eq!(submit(&running, "one", Some("retry-1")), duplicate);
    let (wal, applied) = finish(running);
    assert_eq!((applied.len(), contents(&wal).len()), (1, 1));
}

#[test]
fn bytes_are_held_until_the_indexer_has_the_batch() {
    // A queue of no places: the thread hands over from hand to hand.
    let running = start(small_settings(), 0);
    assert_eq!(submit(&running, "one", None), WRITTEN);
    assert!(running.sender.used_bytes() > 0, "acknowledged, but still counted");
    let waiting = running.sender.try_send(batch_of(&["two"], None)).expect("room");
    running.applied.recv().expect("the first batch");
    running.applied.recv().expect("the second batch");
    assert_eq!(waiting.blocking_recv().expect("an answer"), WRITTEN);
    let sender = running.sender.clone();
    drop(running.sender);
    drop(sender);
    let wal = running.thread.join().expect("no panic");
    assert_eq!(contents(&wal).len(), 2);
}

#[test]
fn after_a_failed_sync_everyone_is_refused() {
    let running = start(small_settings(), 64);
    assert_eq!(submit(&running, "one", None), WRITTEN);
    running.vfs.fail_after(Operation::SyncData, 0, FaultError::Io);
    assert!(matches!(submit(&running, "two", None), Err(Refusal::Poisoned(_))));
    assert!(matches!(submit(&running, "three", None), Err(Refusal::Poisoned(_))));
    assert!(matches!(running.state.get(), WriteState::Poisoned(_)));
    let (_, applied) = finish(running);
    assert_eq!(applied.len(), 1, "what was refused is not indexed");
}

#[test]
fn a_full_disk_refuses_until_there_is_room() {
    let settings = WalSettings { free_bytes_min: 1_000, ..small_settings() };
    let running = start(settings, 64);
    assert_eq!(submit(&running, "one", None), WRITTEN);
    running.vfs.set_capacity(1_000);
    assert_eq!(submit(&running, "two", None), Err(Refusal::DiskFull));
    assert_eq!(running.state.get(), WriteState::DiskFull);
    running.vfs.set_capacity(1 << 30);
    assert_eq!(submit(&running, "three", None), WRITTEN);
    assert_eq!(running.state.get(), WriteState::Writable);
    assert_eq!(finish(running).1.len(), 2);
}

/// Hands a batch over that waits while the disk is full.
fn submit_waiting(running: &Running, text: &str) -> oneshot::Receiver<Ack> {
    let mut sent = std::pin::pin!(running.sender.send_waiting(batch_of(&[text], None)));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match sent.as_mut().poll(&mut context) {
        std::task::Poll::Ready(sent) => sent.expect("an open hand-off"),
        std::task::Poll::Pending => unreachable!("there is room in the hand-off"),
    }
}

#[test]
fn who_can_wait_waits_for_room_and_goes_first() {
    let settings = WalSettings { free_bytes_min: 1_000, ..small_settings() };
    let running = start(settings, 64);
    running.vfs.set_capacity(1_000);
    assert_eq!(submit(&running, "refused", None), Err(Refusal::DiskFull));
    assert!(running.sender.is_disk_full());
    let mut first = submit_waiting(&running, "one");
    let second = submit_waiting(&running, "two");
    // The refusal shows that the thread has looked at both waiting batches.
    assert_eq!(submit(&running, "refused too", None), Err(Refusal::DiskFull));
    assert!(first.try_recv().is_err() && running.sender.used_bytes() > 0);
    running.vfs.set_capacity(1 << 30);
    // Without a further batch, the thread finds the room by itself.
    assert_eq!(first.blocking_recv().expect("an answer"), WRITTEN);
    assert_eq!(second.blocking_recv().expect("an answer"), WRITTEN);
    assert!(!running.sender.is_disk_full());
    let written = finish(running).1;
    let texts: Vec<String> = written.iter().flat_map(|item| texts_of(&item.batch)).collect();
    assert_eq!(texts, ["one", "two"]);
}

#[test]
fn who_waits_for_room_is_refused_at_the_end() {
    let settings = WalSettings { free_bytes_min: 1_000, ..small_settings() };
    let running = start(settings, 64);
    running.vfs.set_capacity(1_000);
    let waiting = submit_waiting(&running, "one");
    assert_eq!(finish(running).1.len(), 0);
    assert_eq!(waiting.blocking_recv().expect("an answer"), Err(Refusal::ShuttingDown));
}

#[test]
fn an_indexer_without_room_is_felt_and_seen_to_go_on() {
    let running = start(small_settings(), 64);
    running.state.set_indexing(WaitState::NoRoom, Some("test".to_owned()));
    assert_eq!(submit(&running, "one", None), Err(Refusal::DiskFull));
    assert_eq!(running.state.get(), WriteState::DiskFull);
    assert!(running.sender.is_disk_full());
    let waiting = submit_waiting(&running, "two");
    running.state.set_indexing(WaitState::GoesOn, None);
    assert_eq!(waiting.blocking_recv().expect("an answer"), WRITTEN);
    assert_eq!(running.state.get(), WriteState::Writable);
    assert_eq!(finish(running).1.len(), 1);
}

#[test]
fn an_indexer_that_ended_stops_the_log() {
    let Running { vfs, sender, applied, live: _live, state, thread } = start(small_settings(), 64);
    drop(applied);
    let first = sender.try_send(batch_of(&["one"], None)).expect("room");
    assert_eq!(first.blocking_recv().expect("an answer"), WRITTEN, "it is durable");
    let second = sender.try_send(batch_of(&["two"], None)).expect("room");
    let refused = Err(Refusal::Poisoned("indexer has ended".to_owned()));
    assert_eq!(second.blocking_recv().expect("an answer"), refused);
    assert_eq!(state.get().refusal().map_or(WRITTEN, Err), refused);
    drop(sender);
    thread.join().expect("no panic");
    assert_eq!(verify(&vfs, Path::new(DATA)).expect("verified").record_count, 1);
}

/// Looks at what a power cut would leave until the one record is there.
fn wait_until_durable(running: &Running) {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let copy = running.vfs.after(Crash::DropUnsynced);
        if verify(&copy, Path::new(DATA)).expect("verified").record_count == 1 {
            return;
        }
        assert!(Instant::now() < limit, "never synced");
        thread::yield_now();
    }
}

#[test]
fn with_an_interval_the_sync_follows_without_further_batches() {
    let durability = Durability::Interval(Duration::from_millis(1));
    let running = start(WalSettings { durability, ..small_settings() }, 64);
    assert_eq!(submit(&running, "one", None), WRITTEN);
    wait_until_durable(&running);
    finish(running);
}

#[test]
fn a_promised_sync_does_not_wait_for_the_indexer() {
    let durability = Durability::Interval(Duration::from_secs(3_600));
    // Nobody takes from a queue of no places, so the thread has to wait with the batch.
    let running = start(WalSettings { durability, ..small_settings() }, 0);
    assert_eq!(submit(&running, "one", None), WRITTEN);
    wait_until_durable(&running);
    running.applied.recv().expect("the batch");
    finish(running);
}

#[test]
fn closing_syncs_what_no_ack_waited_for() {
    let settings = WalSettings { durability: Durability::None, ..small_settings() };
    let running = start(settings, 64);
    assert_eq!(submit(&running, "one", None), WRITTEN);
    let vfs = running.vfs.clone();
    let (wal, _) = finish(running);
    assert!(!wal.has_unsynced());
    vfs.crash(Crash::DropUnsynced);
    assert_eq!(verify(&vfs, Path::new(DATA)).expect("verified").record_count, 1);
}
