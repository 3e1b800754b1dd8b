//! The WAL thread: takes submissions from Q1, writes them in groups, acknowledges, hands on.
//!
//! Submissions arrive, acks and numbered batches leave. The order is fixed: write, sync, ack,
//! live readers, Q2. Bytes of Q1 are given back only when the indexer is done with the batch: one
//! bound holds for both queues, many small batches do not fill Q2 while the indexer commits, and
//! a slow indexer is felt by the senders and by nobody's memory.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use metrics::{gauge, histogram};
use tierlog_model::metric_names::{POISONED, WAL_GROUP_RECORDS};
use tierlog_model::{
    Clock, DiskFull, HandoffReceiver, HeldBytes, Receipt, RedactedBatch, Refusal, Reply,
    Submission, WhenDiskFull,
};
use tracing::{error, info, warn};

use super::settings::{DISK_FULL_RECHECK, FRAME_PAYLOAD_BYTES_MAX};
use super::state::DiskRoom;
use super::wait::{Received, receive};
use super::{Durability, Placement, Wal, WalError, WriteState, WriteStateHandle};
use crate::live::LiveSender;

const THREAD_NAME: &str = "tierlog-wal";

/// A batch that is in the log and goes to the indexer (an item of Q2).
#[derive(Debug)]
pub struct LoggedBatch {
    /// Number of the first record.
    pub first_seq: u64,
    /// The records.
    pub batch: RedactedBatch,
    /// Bytes of the hand-off, given back when the indexer drops the batch.
    pub held: HeldBytes,
}

impl LoggedBatch {
    /// Returns the numbers of the records.
    pub(crate) fn range(&self) -> Range<u64> {
        self.first_seq..self.first_seq + u64::from(self.batch.record_count())
    }
}

/// What the thread shares with the rest of the store.
#[derive(Clone, Debug)]
pub struct WalHooks {
    /// Time of writing, for the age of batch ids.
    pub clock: Arc<dyn Clock>,
    /// Live readers. A reader that falls behind misses batches; the thread never waits for readers.
    pub live: LiveSender,
    /// Whether batches are taken.
    pub state: WriteStateHandle,
}

/// Starts the thread. It ends, with the log synced, when every sender of the hand-off is gone.
pub fn spawn_wal_thread(
    receiver: HandoffReceiver,
    wal: Wal,
    applied: SyncSender<LoggedBatch>,
    hooks: WalHooks,
) -> io::Result<JoinHandle<Wal>> {
    gauge!(POISONED).set(0.0);
    hooks.state.begin_at(wal.next_seq());
    let waiting = Vec::new();
    let thread = WalThread { receiver, wal, applied, hooks, waiting, sync_due: None };
    thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(move || thread.run())
}

struct WalThread {
    receiver: HandoffReceiver,
    wal: Wal,
    applied: SyncSender<LoggedBatch>,
    hooks: WalHooks,
    /// Batches that wait for room on the disk, in the order of arrival. The hand-off bounds them: a
    /// waiting batch keeps its bytes of the bound.
    waiting: Vec<Pending>,
    /// When unsynced bytes must be synced, with [`Durability::Interval`].
    sync_due: Option<Instant>,
}

/// A submission that is being written.
struct Pending {
    batch: RedactedBatch,
    reply: Reply,
    when_disk_full: WhenDiskFull,
    held: HeldBytes,
}

impl WalThread {
    fn run(mut self) -> Wal {
        let _guard = PanicGuard(self.hooks.state.clone());
        loop {
            let deadline = self.deadline();
            match receive(&mut self.receiver, deadline) {
                Received::Submission(first) => {
                    let group = self.collect(first);
                    self.commit(group);
                }
                Received::TimedOut => self.recheck_disk(),
                Received::Closed => break,
            }
            if self.sync_due.is_some_and(|due| due <= Instant::now()) {
                self.sync_now();
            }
        }
        if !self.waiting.is_empty() {
            // A last try: their senders have gone, or go now.
            self.commit(Vec::new());
            refuse(std::mem::take(&mut self.waiting), &Refusal::ShuttingDown);
        }
        self.sync_now();
        self.wal.keep_mark();
        self.wal
    }

    fn deadline(&self) -> Option<Instant> {
        let disk_full = self.receiver.is_disk_full() || !self.waiting.is_empty();
        let recheck = disk_full.then(|| Instant::now() + DISK_FULL_RECHECK);
        self.sync_due.into_iter().chain(recheck).min()
    }

    /// Takes what already waits, up to the size of a group.
    fn collect(&mut self, first: Submission) -> Vec<Pending> {
        let group_bytes = self.wal.settings().group_bytes;
        let mut bytes = 0;
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(submission) = next {
            let when_disk_full = submission.when_disk_full;
            let (batch, reply, held) = submission.into_parts();
            bytes += batch.bytes().len();
            group.push(Pending { batch, reply, when_disk_full, held });
            next = if bytes < group_bytes { self.receiver.try_recv() } else { None };
        }
        group
    }

    fn commit(&mut self, newest: Vec<Pending>) {
        // What waits came before.
        let mut group = std::mem::take(&mut self.waiting);
        group.extend(newest);
        if let Some(refusal) = self.refusal() {
            return self.turn_away(group, &refusal);
        }
        match self.write(&group) {
            Ok(placements) => {
                self.set_disk(DiskRoom::Free);
                self.hooks.state.set_next_seq(self.wal.next_seq());
                self.acknowledge(group, placements);
            }
            Err(error) => {
                let refusal = self.note(&error);
                self.turn_away(group, &refusal);
            }
        }
    }

    /// Refuses batches, except the batches that wait for room.
    fn turn_away(&mut self, group: Vec<Pending>, refusal: &Refusal) {
        if *refusal != Refusal::DiskFull {
            return refuse(group, refusal);
        }
        let waits = |pending: &Pending| pending.when_disk_full == WhenDiskFull::Wait;
        let (waiting, refused) = group.into_iter().partition(waits);
        self.waiting = waiting;
        refuse(refused, refusal);
    }

    /// Returns why nothing is written now.
    fn refusal(&self) -> Option<Refusal> {
        if let WriteState::Poisoned(reason) = self.hooks.state.get() {
            return Some(Refusal::Poisoned(reason));
        }
        if self.hooks.state.index_has_no_room() {
            self.receiver.set_disk_full(DiskFull::Yes);
            return Some(Refusal::DiskFull);
        }
        if self.has_room() {
            return None;
        }
        self.set_disk(DiskRoom::Full);
        Some(Refusal::DiskFull)
    }

    /// An unknown amount of room is tried: the write itself will say.
    fn has_room(&self) -> bool {
        let free_bytes_min = self.wal.settings().free_bytes_min;
        self.wal.free_bytes().map_or(true, |free| free >= free_bytes_min)
    }

    fn write(&mut self, group: &[Pending]) -> Result<Vec<Placement>, WalError> {
        let now = self.hooks.clock.now();
        let placements = self.wal.write_group(group.iter().map(|pending| &pending.batch), now)?;
        match self.wal.settings().durability {
            Durability::Fsync => self.wal.sync()?,
            Durability::Interval(interval) => {
                if self.wal.has_unsynced() && self.sync_due.is_none() {
                    self.sync_due = Some(Instant::now() + interval);
                }
            }
            Durability::None => {}
        }
        Ok(placements)
    }

    fn acknowledge(&mut self, group: Vec<Pending>, placements: Vec<Placement>) {
        let mut written = Vec::new();
        let mut group_records = 0_u64;
        for (pending, placement) in group.into_iter().zip(placements) {
            let Pending { batch, reply, held, .. } = pending;
            let record_count = batch.record_count();
            let producer_line = batch.lines().map(|lines| {
                // Everything of the group is in the log by now.
                self.wal.producer_line(&lines.producer, self.hooks.clock.now())
            });
            let receipt = |written_count, duplicate_count| {
                Ok(Receipt { written_count, duplicate_count, producer_line })
            };
            let ack = match placement {
                Placement::Written { first_seq } => {
                    group_records += u64::from(record_count);
                    written.push(LoggedBatch { first_seq, batch, held });
                    receipt(record_count, 0)
                }
                Placement::Duplicate { record_count } => receipt(0, record_count),
                Placement::Rest { known_count, first_seq } => {
                    let batch = batch.without_first(known_count);
                    let written_count = batch.record_count();
                    group_records += u64::from(written_count);
                    written.push(LoggedBatch { first_seq, batch, held });
                    receipt(written_count, known_count)
                }
                Placement::MissingLines { durable } => Err(Refusal::MissingLines { durable }),
                Placement::PartedLines { durable } => Err(Refusal::PartedLines { durable }),
                Placement::LinesJump { durable } => {
                    let first = batch.lines().map_or(0, |lines| lines.first);
                    Err(Refusal::LinesJump { durable, first })
                }
                Placement::TooLarge => {
                    Err(Refusal::TooLarge { limit_bytes: FRAME_PAYLOAD_BYTES_MAX as u64 })
                }
            };
            reply.send(ack);
        }
        histogram!(WAL_GROUP_RECORDS).record(group_records as f64);
        for applied in written {
            self.hand_on(applied);
        }
    }

    fn hand_on(&mut self, applied: LoggedBatch) {
        if applied.batch.record_count() == 0 {
            return;
        }
        self.hooks.live.send(applied.first_seq, &applied.batch);
        let sent = match self.applied.try_send(applied) {
            Ok(()) => true,
            Err(TrySendError::Disconnected(_)) => false,
            Err(TrySendError::Full(applied)) => {
                // Nobody knows how long Q2 stays full; a promised sync does not wait for it.
                if self.sync_due.is_some() {
                    self.sync_now();
                }
                // Waiting here is how a slow indexer is felt.
                self.applied.send(applied).is_ok()
            }
        };
        if !sent {
            // The batch is durable and is indexed after a restart, but nothing more is taken.
            self.poison("indexer has ended");
        }
    }

    fn sync_now(&mut self) {
        self.sync_due = None;
        if self.wal.poisoned().is_some() {
            return;
        }
        if let Err(error) = self.wal.sync() {
            self.note(&error);
        }
    }

    fn recheck_disk(&mut self) {
        if !self.waiting.is_empty() {
            self.commit(Vec::new());
        } else if self.receiver.is_disk_full() && self.refusal().is_none() {
            self.set_disk(DiskRoom::Free);
        }
    }

    fn note(&self, error: &WalError) -> Refusal {
        if matches!(error, WalError::DiskFull { .. }) {
            self.set_disk(DiskRoom::Full);
            return Refusal::DiskFull;
        }
        let reason = error.to_string();
        self.poison(&reason);
        Refusal::Poisoned(reason)
    }

    fn set_disk(&self, room: DiskRoom) {
        self.receiver.set_disk_full(match room {
            DiskRoom::Full => DiskFull::Yes,
            DiskRoom::Free => DiskFull::No,
        });
        if !self.hooks.state.set_disk(room) {
            return;
        }
        match room {
            DiskRoom::Full => warn!("disk is full: batches are refused"),
            DiskRoom::Free => info!("disk has room again"),
        }
    }

    fn poison(&self, reason: &str) {
        error!(reason, "store refuses writes until it is restarted");
        self.hooks.state.poison(reason);
    }
}

fn refuse(group: Vec<Pending>, refusal: &Refusal) {
    for pending in group {
        pending.reply.send(Err(refusal.clone()));
    }
}

/// Makes a panic of the thread visible: nothing is written after it.
struct PanicGuard(WriteStateHandle);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.poison("wal thread has panicked");
        }
    }
}

#[cfg(test)]
mod tests;
