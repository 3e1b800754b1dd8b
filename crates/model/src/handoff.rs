//! Q1: the hand-off from ingest to the store, bounded in bytes.
//!
//! A batch of ten lines can be one kilobyte or ten megabytes, so items are the wrong measure.
//! Room for a batch is taken before it is made ([`HandoffSender::room`]): while the hand-off is
//! full, what waits is what a source received and not what it becomes. Large batches leave a
//! quarter of the room to small ones: who sends a few lines does not wait behind a flood.
//! The lease of [`MemoryPart`] rides inside the submission and is given back when that is dropped,
//! which is when the WAL has it. Full means: [`HandoffSender::send`] waits (TCP stops reading),
//! [`HandoffSender::try_send`] says so. A full disk is said apart: HTTP
//! answers 507, TCP waits ([`WhenDiskFull`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

use crate::RedactedBatch;
use crate::limits::HANDOFF_BATCHES_MAX;
use crate::memory::{MemoryLease, MemoryPart};

/// Batches from this size on are large: three hundred ordinary lines, which take a millisecond to
/// read and to write.
pub const BULK_BYTES_MIN: usize = 128 << 10;

/// Which part of the hand-off is left to batches that are not large.
const SMALL_SHARE: u64 = 4;

/// What the store says about a batch.
pub type Ack = Result<Receipt, Refusal>;

/// The batch is durable to the configured degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Records that were written now.
    pub written_count: u32,
    /// Records that an earlier batch of the same [`crate::BatchId`], or of the same lines of the
    /// same producer, had already written.
    pub duplicate_count: u32,
    /// Number of the last line that its producer has here, when the batch holds lines of one.
    pub producer_line: Option<u64>,
}

/// The batch was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A write or fsync failed; the store serves reads until it is restarted.
    #[error("store refuses writes: {0}")]
    Poisoned(String),
    /// There is no room on the disk.
    #[error("disk is full")]
    DiskFull,
    /// The server shuts down.
    #[error("server is shutting down")]
    ShuttingDown,
    /// The batch is larger than what the log can hold in one piece. Sending it again cannot help.
    #[error("batch is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The most bytes that a frame of the log can hold.
        limit_bytes: u64,
    },
    /// Lines of the producer are missing between what is here and the batch: an earlier batch of
    /// its connection was refused, or the producer was silent for longer than it is remembered.
    #[error("lines are missing: {durable} are durable")]
    MissingLines {
        /// Number of the last line that is here.
        durable: u64,
    },
    /// The numbers of a producer's lines leap further ahead than any producer can mean.
    #[error(
        "line {first} leaps too far ahead: {durable} are durable; a new sequence of lines needs a new producer name"
    )]
    LinesJump {
        /// Number of the last line that is here.
        durable: u64,
        /// Number of the line that was sent.
        first: u64,
    },
    /// The last line of the producer that is here lies inside of lines that the batch has joined:
    /// another connection of the producer parted them there. Going on behind it mends that.
    #[error("lines that belong together were parted: {durable} are durable, go on behind them")]
    PartedLines {
        /// Number of the last line that is here.
        durable: u64,
    },
}

/// What is done once the verdict on a batch is in.
type OnVerdict = Box<dyn FnOnce(&Ack) + Send>;

/// The way back to the sender of a batch.
pub struct Reply {
    sender: oneshot::Sender<Ack>,
    on_verdict: OnVerdict,
}

impl Reply {
    /// Gives the verdict. What was asked to be done with it is done first, and also when nobody
    /// listens any more: a batch counts whether or not its sender has left.
    pub fn send(self, ack: Ack) {
        (self.on_verdict)(&ack);
        // A sender that left needs no answer.
        let _ = self.sender.send(ack);
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// What is done with a batch while the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDiskFull {
    /// It is refused: its sender has been told how to come again (HTTP).
    Refuse,
    /// The submission waits, and its source reads no further: a TCP client cannot be told to keep a
    /// line.
    Wait,
}

/// Whether the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFull {
    /// Nothing is taken.
    Yes,
    /// There is room.
    No,
}

/// A batch that waits for the store, and the way to answer its sender.
#[derive(Debug)]
pub struct Submission {
    /// The records.
    pub batch: RedactedBatch,
    /// Where the verdict goes.
    pub reply: Reply,
    /// The fate of the submission while the disk is full.
    pub when_disk_full: WhenDiskFull,
    /// Bytes of the bound, held until the submission is dropped.
    room: Box<BatchRoom>,
}

/// Room in the hand-off for one batch, given back when this is dropped.
#[derive(Debug)]
pub struct BatchRoom {
    lease: MemoryLease,
    /// The part of the bound reserved for large batches.
    bulk: Option<MemoryLease>,
}

/// Bytes of the bound, given back when this is dropped. The default holds none.
#[derive(Debug, Default)]
pub struct HeldBytes {
    _room: Option<Box<BatchRoom>>,
}

impl BatchRoom {
    /// Makes the room that of a batch which is there: its bytes are counted, also where they are
    /// more than was expected.
    fn settle(&mut self, batch: &RedactedBatch) {
        let bytes = batch.bytes().len() as u64;
        self.lease.settle(bytes);
        if let Some(bulk) = &mut self.bulk {
            bulk.settle(bytes);
        }
    }
}

impl Submission {
    /// Takes the submission apart: the reply may leave before the bytes are given back.
    pub fn into_parts(self) -> (RedactedBatch, Reply, HeldBytes) {
        (self.batch, self.reply, HeldBytes { _room: Some(self.room) })
    }

    /// Returns how many bytes of the bound the submission holds.
    pub fn held_bytes(&self) -> usize {
        self.room.lease.bytes() as usize
    }
}

/// Why a batch was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The bound is reached; try again later.
    #[error("hand-off is full")]
    Full,
    /// The store is gone.
    #[error("hand-off is closed")]
    Closed,
}

/// The sending half; clone one for every source.
#[derive(Clone, Debug)]
pub struct HandoffSender {
    queue: mpsc::Sender<Submission>,
    batches: MemoryPart,
    /// What large batches may hold of it.
    bulk: MemoryPart,
    disk_full: Arc<AtomicBool>,
}

/// The receiving half, read by the WAL thread.
#[derive(Debug)]
pub struct HandoffReceiver {
    queue: mpsc::Receiver<Submission>,
    disk_full: Arc<AtomicBool>,
}

/// Makes a hand-off whose batches are leases of a part of the budget.
pub fn handoff(batches: MemoryPart) -> (HandoffSender, HandoffReceiver) {
    let (sender, receiver) = mpsc::channel(HANDOFF_BATCHES_MAX);
    let disk_full = Arc::new(AtomicBool::new(false));
    let receiver = HandoffReceiver { queue: receiver, disk_full: Arc::clone(&disk_full) };
    let bulk_bytes = batches.limit_bytes() - batches.limit_bytes() / SMALL_SHARE;
    let bulk = MemoryPart::new(batches.part_use(), bulk_bytes);
    (HandoffSender { queue: sender, batches, bulk, disk_full }, receiver)
}

impl HandoffSender {
    /// Hands a batch over, waiting for room. Returns the future verdict. While the disk is full
    /// it is refused.
    ///
    /// Cancel-safe: when dropped before it is ready, the batch was not taken.
    pub async fn send(&self, batch: RedactedBatch) -> Result<oneshot::Receiver<Ack>, SendError> {
        self.send_as(batch, WhenDiskFull::Refuse, |_| {}).await
    }

    /// Hands a batch over as [`HandoffSender::send`] does. While the disk is full, the submission
    /// waits and keeps its bytes of the bound; hence the source reads no further.
    pub async fn send_waiting(
        &self,
        batch: RedactedBatch,
    ) -> Result<oneshot::Receiver<Ack>, SendError> {
        self.send_as(batch, WhenDiskFull::Wait, |_| {}).await
    }

    /// Tells whether the store takes nothing now because the disk is full: who would be refused
    /// need not wait in line behind those who wait.
    pub fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }

    /// Hands a batch over as [`HandoffSender::send`] does, with what is to be done once the
    /// verdict is in, on the thread that gives it and whoever still waits for it: so it must be
    /// quick, and must not block.
    ///
    /// Cancel-safe: when dropped before it is ready, the batch was not taken.
    pub async fn send_as(
        &self,
        batch: RedactedBatch,
        when_disk_full: WhenDiskFull,
        on_verdict: impl FnOnce(&Ack) + Send + 'static,
    ) -> Result<oneshot::Receiver<Ack>, SendError> {
        let room = self.room(batch.bytes().len()).await;
        self.send_into(room, batch, when_disk_full, on_verdict).await
    }

    /// Takes room for a batch of about so many bytes, waiting for it in line.
    ///
    /// Cancel-safe: when dropped before it is ready, nothing was taken.
    pub async fn room(&self, bytes: usize) -> BatchRoom {
        // ORDER: the room of large batches first. Whoever has it never waits for long for the
        // rest, so that no large batch stands in line before a small one.
        let bulk = match bytes {
            0..BULK_BYTES_MIN => None,
            BULK_BYTES_MIN.. => Some(self.bulk.take(bytes as u64).await),
        };
        // A batch larger than all that large ones may hold takes all of that, and leaves the rest.
        let bytes = bulk.as_ref().map_or(bytes as u64, MemoryLease::bytes);
        BatchRoom { lease: self.batches.take(bytes).await, bulk }
    }

    /// Hands a batch over as [`HandoffSender::send_as`] does, into room that was taken for it.
    ///
    /// Cancel-safe: when dropped before it is ready, the batch was not taken.
    pub async fn send_into(
        &self,
        mut room: BatchRoom,
        batch: RedactedBatch,
        when_disk_full: WhenDiskFull,
        on_verdict: impl FnOnce(&Ack) + Send + 'static,
    ) -> Result<oneshot::Receiver<Ack>, SendError> {
        room.settle(&batch);
        let (submission, verdict) = submission(batch, room, when_disk_full, Box::new(on_verdict));
        self.queue.send(submission).await.map_err(|_| SendError::Closed)?;
        Ok(verdict)
    }

    /// Hands a batch over if there is room now. Returns the future verdict.
    pub fn try_send(&self, batch: RedactedBatch) -> Result<oneshot::Receiver<Ack>, SendError> {
        // A batch larger than the whole bound takes all of it, as when it waits.
        let bytes = (batch.bytes().len() as u64).min(self.batches.limit_bytes());
        let lease = self.batches.try_take(bytes).map_err(|_| SendError::Full)?;
        let room = BatchRoom { lease, bulk: None };
        let (submission, verdict) = submission(batch, room, WhenDiskFull::Refuse, Box::new(|_| {}));
        self.queue.try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })?;
        Ok(verdict)
    }

    /// Counts a batch whose sender gave up waiting for room.
    pub fn note_refusal(&self) {
        self.batches.note_refusal();
    }

    /// Returns how many bytes wait or are being written.
    pub fn used_bytes(&self) -> usize {
        self.batches.used_bytes() as usize
    }
}

impl HandoffReceiver {
    /// Says whether the store takes nothing because the disk is full.
    pub fn set_disk_full(&self, is_full: DiskFull) {
        self.disk_full.store(is_full == DiskFull::Yes, Ordering::Relaxed);
    }

    /// Tells what was last said of the disk.
    pub fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }

    /// Waits on the calling thread for the next batch; `None` when every sender is gone.
    pub fn blocking_recv(&mut self) -> Option<Submission> {
        self.queue.blocking_recv()
    }

    /// Waits for the next batch in the manner of a future, for a caller that has a deadline;
    /// `None` when every sender is gone.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Submission>> {
        self.queue.poll_recv(context)
    }

    /// Returns a batch that already waits.
    pub fn try_recv(&mut self) -> Option<Submission> {
        self.queue.try_recv().ok()
    }
}

fn submission(
    batch: RedactedBatch,
    room: BatchRoom,
    when_disk_full: WhenDiskFull,
    on_verdict: OnVerdict,
) -> (Submission, oneshot::Receiver<Ack>) {
    let (sender, verdict) = oneshot::channel();
    let reply = Reply { sender, on_verdict };
    (Submission { batch, reply, when_disk_full, room: Box::new(room) }, verdict)
}
