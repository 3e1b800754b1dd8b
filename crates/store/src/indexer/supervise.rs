//! Keeps indexing going: whatever fails, what was acknowledged is in the WAL, and is read again.
//!
//! A failed step leaves writers that have lost records. Then everything that is not committed is
//! forgotten and read again from the WAL ([`Sink::rewind`], [`Sink::reread`]), until it succeeds:
//!
//! - no room, no files, no memory: again after a while, for as long as it takes; the store
//!   refuses writes meanwhile, and takes them again by itself;
//! - a damaged partition: at once, for it is in quarantine now;
//! - anything else, panics too: batch by batch, and a batch that fails by halves, until the one
//!   record is found that cannot be indexed. It becomes a dead letter, and indexing goes on. When
//!   that fails too, it is more likely the disk: the record is given up only at the last attempt,
//!   and only if what follows it can be indexed.
//!
//! What a start has left for later is indexed in the same way, without a failure before it.
//!
//! When that does not help either, the disk or the program is broken: the thread ends, and the
//! store refuses writes until it is restarted.

use std::ops::Range;
use std::time::Duration;

use super::UNCOMMITTED_BYTES_MAX;
use super::failure::{Failure, guarded};
use super::phase::Event;
use crate::StoreError;
use crate::wal::LoggedBatch;

/// Times that a failure is met without any progress before it is taken for lasting: a record that
/// cannot be indexed is found at the second.
const ATTEMPTS_MAX: u32 = 4;

/// Records set aside in one recovery: with more of them the reason is not the records.
const SET_ASIDE_MAX: u32 = 1_000;

/// Damaged partitions of one recovery: with more of them the reason is the disk.
const QUARANTINED_MAX: u32 = 1_000;

/// First pause before what failed is tried again, doubled up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(200);

/// Longest pause: how long the store refuses writes after there is room again.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Takes each batch of a second reading.
pub(super) type Each<'e> = dyn FnMut(LoggedBatch) -> Result<(), Failure> + 'e;

/// What is supervised: the indexer.
pub(super) trait Sink {
    /// Forgets what is not committed. Returns the number from which on the WAL is read again.
    fn rewind(&self) -> Result<u64, StoreError>;

    /// Gives the batches of the WAL with records in a range, in order.
    fn reread(&self, range: Range<u64>, each: &mut Each<'_>) -> Result<(), Failure>;

    /// Adds the records of a batch whose numbers lie in a range, unless they are indexed.
    fn apply(&self, batch: &LoggedBatch, range: Range<u64>) -> Result<(), StoreError>;

    /// Commits.
    fn commit(&self) -> Result<(), StoreError>;

    /// Adds a dead letter in the place of a record that cannot be indexed.
    fn set_aside(&self, batch: &LoggedBatch, seq: u64) -> Result<(), StoreError>;

    /// Says that a record is given up: not even its dead letter can be indexed.
    fn give_up(&self, seq: u64);

    /// Notes what happens to indexing.
    fn note(&self, event: Event);

    /// Tells whether the store is about to close: long work is left.
    fn is_closing(&self) -> bool;

    /// Waits before the next attempt, less when there is room sooner. Returns whether to go on:
    /// not when the store closes.
    fn pause(&self, time: Duration) -> bool;
}

/// Why recovery ended without success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The store closes; what is not indexed waits in the WAL.
    Closing,
    /// It does not help.
    Lasting(String),
}

/// How the WAL is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// In one go.
    Quick,
    /// Batch by batch, each committed, to find what cannot be indexed.
    BatchByBatch,
}

/// How far a recovery is.
#[derive(Debug, Default)]
struct Course {
    /// Failures since there was progress.
    attempts: u32,
    /// Number up to which everything is committed.
    furthest: Option<u64>,
    /// Records that were set aside.
    set_aside: u32,
    /// Partitions that were damaged.
    quarantined: u32,
}

impl Course {
    /// Counts a failure. Returns whether another attempt makes sense.
    fn goes_on_after(&mut self, failure: &Failure) -> bool {
        match failure {
            // Each is progress: the partition is out of the way.
            Failure::Damaged(_) => self.quarantined += 1,
            Failure::Broken(_) => self.attempts += 1,
            Failure::NoRoom(_) | Failure::Exhausted(_) | Failure::Closing => {}
        }
        self.attempts <= ATTEMPTS_MAX && self.quarantined <= QUARANTINED_MAX
    }

    /// Notes that every record before a number is committed.
    fn reached(&mut self, seq: u64) {
        if self.furthest < Some(seq) {
            // Progress: what fails now is something else.
            if self.furthest.is_some() {
                self.attempts = self.attempts.min(1);
            }
            self.furthest = Some(seq);
        }
    }
}

/// Indexes what a start has left in the WAL before a number. What fails is recovered from.
pub(super) fn follow(sink: &impl Sink, until: u64) -> Result<(), Lost> {
    sink.note(Event::Follows { until });
    tracing::info!(until, "the log holds more than a start indexes; it is done behind it");
    match catch_up(sink, until, Care::Quick, &mut Course::default()) {
        Ok(()) => {
            sink.note(Event::CaughtUp);
            tracing::info!("everything that the start found in the log is indexed");
            Ok(())
        }
        Err(failure) => recover(sink, until, &failure),
    }
}

/// Brings a sink back to where it has everything before a number.
pub(super) fn recover(sink: &impl Sink, until: u64, failure: &Failure) -> Result<(), Lost> {
    let mut failure = failure.clone();
    let mut course = Course::default();
    let mut pause = PAUSE_MIN;
    loop {
        if failure == Failure::Closing {
            sink.note(Event::Closes);
            return Err(Lost::Closing);
        }
        tracing::warn!(%failure, "indexing failed; it is read again from the write-ahead log");
        sink.note(Event::Recovers(failure.clone()));
        if !course.goes_on_after(&failure) {
            return Err(Lost::Lasting(failure.to_string()));
        }
        // The first attempt comes at once: a writer that lost its thread needs no time.
        if (course.attempts > 1 || failure.passes()) && !sink.pause(pause) {
            sink.note(Event::Closes);
            return Err(Lost::Closing);
        }
        pause = (pause * 2).min(PAUSE_MAX);
        let care = if course.attempts > 1 { Care::BatchByBatch } else { Care::Quick };
        match catch_up(sink, until, care, &mut course) {
            Ok(()) => {
                sink.note(Event::CaughtUp);
                tracing::info!("indexing goes on");
                return Ok(());
            }
            Err(next) => failure = next,
        }
    }
}

fn catch_up(sink: &impl Sink, until: u64, care: Care, course: &mut Course) -> Result<(), Failure> {
    let from = guarded(|| sink.rewind())?;
    course.reached(from);
    let mut uncommitted_bytes = 0;
    sink.reread(from..until, &mut |batch| {
        if sink.is_closing() {
            return Err(Failure::Closing);
        }
        // What is before is settled: a record that was given up must not come again.
        let range = batch.first_seq.max(from)..batch.range().end;
        if care == Care::BatchByBatch {
            return find_poison(sink, &batch, range, course);
        }
        guarded(|| sink.apply(&batch, range))?;
        uncommitted_bytes += batch.batch.bytes().len();
        if uncommitted_bytes >= UNCOMMITTED_BYTES_MAX {
            uncommitted_bytes = 0;
            guarded(|| sink.commit())?;
        }
        Ok(())
    })?;
    guarded(|| sink.commit())
}

/// Indexes a range of a batch; when that fails, each half of it, down to the one record.
fn find_poison(
    sink: &impl Sink,
    batch: &LoggedBatch,
    range: Range<u64>,
    course: &mut Course,
) -> Result<(), Failure> {
    let tried = guarded(|| {
        sink.apply(batch, range.clone())?;
        sink.commit()
    });
    let failure = match tried {
        Ok(()) => {
            course.reached(range.end);
            return Ok(());
        }
        Err(failure) if !failure.may_be_a_record() => return Err(failure),
        Err(failure) => failure,
    };
    guarded(|| sink.rewind())?;
    let middle = range.start + (range.end - range.start) / 2;
    if middle > range.start {
        find_poison(sink, batch, range.start..middle, course)?;
        return find_poison(sink, batch, middle..range.end, course);
    }
    course.set_aside += 1;
    if course.set_aside > SET_ASIDE_MAX {
        return Err(failure);
    }
    let seq = range.start;
    let replaced = guarded(|| {
        sink.set_aside(batch, seq)?;
        sink.commit()
    });
    match replaced {
        Ok(()) => {
            course.reached(range.end);
            Ok(())
        }
        Err(failure) if !failure.may_be_a_record() || course.attempts != ATTEMPTS_MAX => {
            Err(failure)
        }
        Err(_) => {
            guarded(|| sink.rewind())?;
            sink.give_up(seq);
            // Without a commit in between, a second record is not the reason either.
            course.attempts += 1;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
