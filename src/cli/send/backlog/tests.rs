//! Lines go in, batches come out, whatever becomes of the disk under them.

use super::super::lines::{Cut, Cutter};
use super::super::spool::SpoolSettings;
use super::*;
use crate::output::Progress;

fn notices() -> Notices {
    Notices::beside(Progress::hidden())
}

/// Returns the lines of a text as the cutter gives them.
fn piece(text: &str) -> Piece {
    let mut cutter = Cutter::default();
    cutter.feed(text.as_bytes());
    match cutter.next_cut() {
        Some(Cut::Piece(piece)) => piece,
        other => panic!("no whole lines: {other:?}"),
    }
}

fn in_memory() -> Backlog {
    Backlog::in_memory(Identity(1), notices())
}

/// Opens the spool of a directory.
fn on_spool(directory: &std::path::Path, bytes_max: u64, when_full: WhenFull) -> Arc<Backlog> {
    let directory = directory.to_owned();
    let age_max = Duration::from_secs(3_600);
    with_spool(SpoolSettings { directory, bytes_max, age_max, when_full })
}

fn with_spool(settings: SpoolSettings) -> Arc<Backlog> {
    let found = Spool::open(settings, Identity(2)).expect("a spool");
    let backlog = Arc::new(Backlog::on_spool(found, notices()));
    backlog.keep_synced().expect("a thread");
    backlog
}

/// Ends a run as a kill does: nothing is synced or settled any more.
fn kill(backlog: Arc<Backlog>) {
    backlog.lock().closed = true;
    backlog.wake();
    let (mut held, began) = (backlog, Instant::now());
    while let Err(still) = Arc::try_unwrap(held) {
        held = still;
        held.wait_for_change(Duration::from_millis(1));
        assert!(began.elapsed() < Duration::from_secs(60), "a thread does not end");
    }
}

fn text(batch: &Batch) -> String {
    String::from_utf8_lossy(&batch.bytes).into_owned()
}

fn sent(backlog: &Backlog, from: u64) -> (String, u64) {
    match backlog.next(from) {
        Next::Send(batch, offset) => {
            let last = batch.first_line + batch.line_count - 1;
            (text(&batch)[offset..].to_owned(), last)
        }
        other => panic!("nothing to send: {other:?}"),
    }
}

#[test]
fn a_busy_input_leaves_when_its_lines_are_old() {
    let backlog = in_memory();
    let began = Instant::now();
    // Each line restarts what waits for quiet, and none fills a batch.
    let batch = std::thread::scope(|scope| {
        let taker = scope.spawn(|| backlog.take().expect("a batch"));
        while !taker.is_finished() {
            assert!(backlog.push(&piece("x\n")));
            std::thread::park_timeout(QUIET / 10);
            assert!(began.elapsed() < Duration::from_secs(60), "nothing left");
        }
        taker.join().expect("no panic")
    });
    assert!(batch.line_count > 1 && began.elapsed() >= AGE_MAX);
    backlog.end(Ok(()));
    let rest = backlog.take().map_or(0, |batch| batch.line_count);
    assert_eq!(backlog.waiting().lines, batch.line_count + rest);
}

#[test]
fn a_quiet_input_leaves_soon_and_an_ended_one_at_once() {
    let backlog = in_memory();
    assert!(backlog.push(&piece("a\n\nb\n")));
    let batch = backlog.take().expect("quiet");
    assert_eq!((text(&batch).as_str(), batch.line_count, batch.first_line), ("a\n\nb\n", 2, 1));
    assert!(backlog.push(&piece("c\n")));
    backlog.end(Ok(()));
    let last = backlog.take().expect("ended");
    assert_eq!((last.first_line, last.input_line), (3, Some(1)));
    assert!(backlog.take().is_none() && !backlog.is_done());
    backlog.settle(last.key);
    assert!(!backlog.is_done());
    backlog.settle(batch.key);
    assert!(backlog.is_done());
}

#[test]
fn full_batches_leave_whole_and_full_memory_stops_the_input() {
    let backlog = Arc::new(in_memory());
    let line = format!("{}\n", "x".repeat(300_000));
    let feeder = {
        let backlog = Arc::clone(&backlog);
        std::thread::spawn(move || {
            (0..100).for_each(|_| assert!(backlog.push(&piece(&line))));
            backlog.end(Ok(()));
        })
    };
    let mut lines = 0;
    while let Some(batch) = backlog.take() {
        assert!(batch.bytes.len() <= BATCH_BYTES_TARGET);
        let held = backlog.waiting().bytes as usize;
        assert!(held < MEMORY_BYTES_MAX + 2 * BATCH_BYTES_TARGET, "{held} bytes are held");
        lines += batch.line_count;
        backlog.settle(batch.key);
    }
    feeder.join().expect("the input ends");
    assert_eq!(lines, 100);
}

#[test]
fn lines_are_sent_again_from_where_they_are_not_durable() {
    let backlog = in_memory();
    assert_eq!(backlog.connected(), 1);
    backlog.push(&piece("a\n\n  \r\nb\n\u{feff}\nc\n"));
    assert_eq!(sent(&backlog, 1), ("a\n\n  \r\nb\n\u{feff}\nc\n".to_owned(), 3));
    backlog.push(&piece("d\n"));
    backlog.push(&piece(" \n"));
    assert_eq!(sent(&backlog, 4), ("d\n".to_owned(), 4));
    assert_eq!(backlog.acknowledge(2).durable, 2);
    backlog.broken();
    assert!(matches!(backlog.next(1), Next::Broken));
    assert_eq!(backlog.connected(), 3);
    assert_eq!(sent(&backlog, 3), ("\u{feff}\nc\n".to_owned(), 3));
    assert_eq!(backlog.waiting().lines, 2);
    backlog.end(Ok(()));
    assert_eq!(backlog.acknowledge(4).durable, 4);
    assert!(matches!(backlog.next(5), Next::Done));
    assert!(backlog.is_done());
}

#[test]
fn what_a_spool_holds_outlives_its_run_under_the_same_numbers() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let backlog = on_spool(directory.path(), 1 << 20, WhenFull::DropOldest);
    let identity = backlog.identity();
    for text in ["a\nb\n", "c\n", "d\n"] {
        assert!(backlog.push(&piece(text)));
        let batch = backlog.take().expect("a batch");
        assert_eq!((batch.history, text), (History::Fresh, text));
    }
    kill(backlog);
    let backlog = on_spool(directory.path(), 1 << 20, WhenFull::DropOldest);
    assert_eq!(backlog.identity(), identity);
    let first = backlog.take().expect("the first");
    assert_eq!((text(&first).as_str(), first.history), ("a\nb\n", History::Tried));
    let second = backlog.take().expect("the second");
    assert_eq!((text(&second).as_str(), second.first_line), ("c\n", 3));
    backlog.settle(first.key);
    kill(backlog);
    let backlog = on_spool(directory.path(), 1 << 20, WhenFull::DropOldest);
    assert_eq!(backlog.waiting().lines, 2, "the first is settled");
    backlog.push(&piece("e\n"));
    assert_eq!(backlog.connected(), 3);
    assert_eq!(sent(&backlog, 3), ("c\n".to_owned(), 3));
    backlog.acknowledge(4);
    assert_eq!(sent(&backlog, 5), ("e\n".to_owned(), 5));
    backlog.acknowledge(5);
    backlog.end(Ok(()));
    assert_eq!(backlog.close(), Waiting::default());
    let left = std::fs::read_dir(directory.path())
        .expect("the spool")
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "segment"));
    assert_eq!(left.count(), 0, "nothing is left of what is settled");
    kill(backlog);
    let backlog = on_spool(directory.path(), 1 << 20, WhenFull::DropOldest);
    assert_eq!(backlog.connected(), 6, "numbers are never given twice");
}

#[test]
fn the_oldest_leave_at_the_bound_and_are_counted() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let bound = 1 << 20;
    let backlog = on_spool(directory.path(), bound, WhenFull::DropOldest);
    let line = format!("{}\n", "x".repeat(9_999));
    for _ in 0..300 {
        assert!(backlog.push(&piece(&line)));
        let used: u64 = std::fs::read_dir(directory.path())
            .expect("the spool")
            .flatten()
            .map(|entry| entry.metadata().expect("a file").len())
            .sum();
        assert!(used <= bound + 1_024, "{used} bytes are used");
    }
    let lost = backlog.figures().lost;
    assert_eq!(lost + backlog.waiting().lines, 300);
    assert!((200..=225).contains(&lost), "{lost} lines left");
    backlog.end(Ok(()));
    // A connection that was in the middle says anew where it goes on.
    assert!(matches!(backlog.next(1), Next::Gap));
    assert_eq!(backlog.connected(), lost + 1);
    assert_eq!(sent(&backlog, lost + 1).0.len() % 10_000, 0);
}

#[test]
fn a_file_waits_at_the_bound_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let backlog = on_spool(directory.path(), 1 << 20, WhenFull::Wait);
    let line = format!("{}\n", "x".repeat(9_999));
    let feeder = {
        let backlog = Arc::clone(&backlog);
        std::thread::spawn(move || {
            (0..300).for_each(|_| assert!(backlog.push(&piece(&line))));
            backlog.end(Ok(()));
        })
    };
    let mut lines = 0;
    while let Some(batch) = backlog.take() {
        lines += batch.line_count;
        backlog.settle(batch.key);
    }
    feeder.join().expect("the input ends");
    assert_eq!((lines, backlog.figures().lost), (300, 0));
}

#[test]
fn a_spool_that_cannot_be_written_leaves_lines_to_memory_under_numbers_of_their_own() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let spool = directory.path().join("spool");
    let backlog = on_spool(&spool, 1 << 20, WhenFull::DropOldest);
    backlog.push(&piece("a\n"));
    let first = backlog.take().expect("on disk");
    backlog.settle(first.key);
    backlog.push(&piece("b\n"));
    // Settled batches leave with their segment, and the next batch has no segment to go to.
    backlog.lock().spool.as_mut().expect("a spool").clear().expect("cleared");
    let moved = directory.path().join("moved");
    std::fs::rename(&spool, &moved).expect("renamed");
    backlog.push(&piece("c\n"));
    backlog.hurry();
    let kept: Vec<String> = (0..2).map(|_| text(&backlog.take().expect("a batch"))).collect();
    assert_eq!(kept, ["b\n", "c\n"]);
    kill(backlog);
    let backlog = on_spool(&moved, 1 << 20, WhenFull::DropOldest);
    assert!(backlog.connected() >= 4, "the numbers of lines in memory are taken");
}

#[test]
fn a_closed_backlog_takes_nothing_and_says_what_waits() {
    let backlog = in_memory();
    backlog.push(&piece("a\nb\n"));
    assert_eq!(backlog.close(), Waiting { lines: 2, bytes: 4 });
    assert!(!backlog.push(&piece("c\n")) && backlog.take().is_none());
}

#[test]
fn what_somebody_sends_does_not_leave_at_the_bound() {
    let directory = tempfile::tempdir().expect("a scratch directory");
    let backlog = on_spool(directory.path(), 1 << 20, WhenFull::DropOldest);
    backlog.push(&piece("first\n"));
    let first = backlog.take().expect("a batch");
    let line = format!("{}\n", "x".repeat(9_999));
    (0..300).for_each(|_| assert!(backlog.push(&piece(&line))));
    let (lost, kept) = (backlog.figures().lost, backlog.waiting().lines);
    assert_eq!(lost + kept, 301);
    kill(backlog);
    let backlog = on_spool(directory.path(), 1 << 20, WhenFull::DropOldest);
    assert_eq!(backlog.waiting().lines, kept, "nothing left without being counted");
    assert_eq!(backlog.take().map(|batch| batch.bytes), Some(first.bytes));
}

/// Returns a line of a group: whether it goes on, and whether the next one may.
fn of_group(text: &str, goes_on: bool, may_go_on: bool) -> Piece {
    Piece { goes_on, may_go_on, ..piece(text) }
}

#[test]
fn a_batch_is_not_cut_inside_of_a_group_and_a_group_is_not_waited_for_long() {
    let backlog = in_memory();
    let began = Instant::now();
    backlog.push(&of_group("head\n", false, true));
    assert_eq!(text(&backlog.take().expect("held for a while")), "head\n");
    assert!(began.elapsed() >= GROUP_PATIENCE);
    // A busy input of heads: the batch ends before one of them.
    let began = Instant::now();
    let batch = std::thread::scope(|scope| {
        let taker = scope.spawn(|| backlog.take().expect("a batch"));
        while !taker.is_finished() {
            for (line, goes_on) in [("head\n", false), ("  trace\n", true), ("  trace\n", true)] {
                backlog.push(&of_group(line, goes_on, true));
            }
            std::thread::park_timeout(QUIET / 10);
            assert!(began.elapsed() < Duration::from_secs(60), "nothing left");
        }
        taker.join().expect("no panic")
    });
    assert_eq!(batch.line_count % 3, 0, "cut inside of a group");
    assert!(began.elapsed() >= AGE_MAX);
}

#[test]
fn a_full_batch_grows_for_the_lines_that_go_on() {
    let backlog = in_memory();
    let long = format!("{}\n", "x".repeat(BATCH_BYTES_TARGET - 10));
    backlog.push(&of_group(&long, false, true));
    backlog.push(&of_group("  trace that makes it longer\n", true, true));
    backlog.push(&of_group("next\n", false, false));
    let first = backlog.take().expect("a batch");
    assert_eq!((first.line_count, first.bytes.ends_with(b"longer\n")), (2, true));
    assert_eq!(text(&backlog.take().expect("the rest")), "next\n");
}

#[test]
fn lines_of_a_stream_leave_when_they_are_old_and_those_of_a_file_do_not() {
    for (when_full, expected) in [(WhenFull::DropOldest, 2), (WhenFull::Wait, 0)] {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let backlog = with_spool(SpoolSettings {
            directory: directory.path().to_owned(),
            bytes_max: 1 << 20,
            age_max: Duration::ZERO,
            when_full,
        });
        backlog.push(&piece("on its way\n"));
        let taken = backlog.take().expect("a batch");
        backlog.push(&piece("old\nold\n"));
        let written = now_micros();
        while now_micros() <= written + 1 {
            std::thread::yield_now();
        }
        backlog.drop_old();
        assert_eq!(backlog.figures().lost, expected);
        backlog.settle(taken.key);
        assert_eq!(backlog.waiting().lines, 2 - expected);
    }
}
