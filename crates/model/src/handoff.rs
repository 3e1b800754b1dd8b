//! Q1: the hand-off from ingest to the store, bounded in bytes.
//!
//! A batch of ten lines can be one kilobyte or ten megabytes, so items are the wrong measure.
//! The permits ride inside the submission and are freed when it is dropped, which is when the
//! WAL has it. Full means: [`HandoffSender::send`] waits (TCP stops reading),
//! [`HandoffSender::try_send`] says so (HTTP answers 429).

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, oneshot};

use crate::RedactedBatch;
use crate::limits::HANDOFF_BATCHES_MAX;

/// What the store says about a batch.
pub type Ack = Result<Receipt, Refusal>;

/// The batch is durable to the configured degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Records that were written now.
    pub written_count: u32,
    /// Records that an earlier batch of the same [`crate::BatchId`] had already written.
    pub duplicate_count: u32,
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
}

/// A batch that waits for the store, and the way to answer its sender.
#[derive(Debug)]
pub struct Submission {
    /// The records.
    pub batch: RedactedBatch,
    /// Where the verdict goes. A dropped receiver is a sender that left; the batch still counts.
    pub reply: oneshot::Sender<Ack>,
    /// Bytes of the bound that this submission holds until it is dropped.
    permits: Option<OwnedSemaphorePermit>,
}

/// Bytes of the bound, given back when this is dropped. The default holds none.
#[derive(Debug, Default)]
pub struct HeldBytes {
    _permits: Option<OwnedSemaphorePermit>,
}

impl Submission {
    /// Takes the submission apart, so that it can be answered before its bytes are given back.
    pub fn into_parts(self) -> (RedactedBatch, oneshot::Sender<Ack>, HeldBytes) {
        (self.batch, self.reply, HeldBytes { _permits: self.permits })
    }

    /// Returns how many bytes of the bound the submission holds.
    pub fn held_bytes(&self) -> usize {
        self.permits.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
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
    budget: Arc<Semaphore>,
    capacity_bytes: u32,
}

/// The fill level of a hand-off, for metrics.
#[derive(Clone, Debug)]
pub struct HandoffGauge {
    budget: Arc<Semaphore>,
    capacity_bytes: u32,
}

impl HandoffGauge {
    /// Returns how many bytes wait or are being written.
    pub fn used_bytes(&self) -> usize {
        (self.capacity_bytes as usize).saturating_sub(self.budget.available_permits())
    }
}

/// The receiving half, read by the WAL thread.
#[derive(Debug)]
pub struct HandoffReceiver {
    queue: mpsc::Receiver<Submission>,
}

/// Makes a hand-off that holds at most so many bytes.
pub fn handoff(capacity_bytes: u32) -> (HandoffSender, HandoffReceiver) {
    let (sender, receiver) = mpsc::channel(HANDOFF_BATCHES_MAX);
    let budget = Arc::new(Semaphore::new(capacity_bytes as usize));
    let sender = HandoffSender { queue: sender, budget, capacity_bytes };
    (sender, HandoffReceiver { queue: receiver })
}

impl HandoffSender {
    /// Hands a batch over, waiting for room. Returns the future verdict.
    ///
    /// Cancel-safe: when dropped before it is ready, the batch was not taken.
    pub async fn send(&self, batch: RedactedBatch) -> Result<oneshot::Receiver<Ack>, SendError> {
        let cost = self.cost(&batch);
        let permits = Arc::clone(&self.budget)
            .acquire_many_owned(cost)
            .await
            .map_err(|_| SendError::Closed)?;
        let (submission, verdict) = submission(batch, permits);
        self.queue.send(submission).await.map_err(|_| SendError::Closed)?;
        Ok(verdict)
    }

    /// Hands a batch over if there is room now. Returns the future verdict.
    pub fn try_send(&self, batch: RedactedBatch) -> Result<oneshot::Receiver<Ack>, SendError> {
        let cost = self.cost(&batch);
        let permits =
            Arc::clone(&self.budget).try_acquire_many_owned(cost).map_err(|error| match error {
                TryAcquireError::NoPermits => SendError::Full,
                TryAcquireError::Closed => SendError::Closed,
            })?;
        let (submission, verdict) = submission(batch, permits);
        self.queue.try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })?;
        Ok(verdict)
    }

    /// Returns how many bytes wait or are being written.
    pub fn used_bytes(&self) -> usize {
        (self.capacity_bytes as usize).saturating_sub(self.budget.available_permits())
    }

    /// Returns a view of the fill level that does not keep the hand-off open.
    pub fn gauge(&self) -> HandoffGauge {
        HandoffGauge { budget: Arc::clone(&self.budget), capacity_bytes: self.capacity_bytes }
    }

    /// A batch larger than the whole bound takes all of it instead of waiting for ever.
    fn cost(&self, batch: &RedactedBatch) -> u32 {
        u32::try_from(batch.bytes().len()).unwrap_or(u32::MAX).min(self.capacity_bytes)
    }
}

impl HandoffReceiver {
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
    permits: OwnedSemaphorePermit,
) -> (Submission, oneshot::Receiver<Ack>) {
    let (reply, verdict) = oneshot::channel();
    (Submission { batch, reply, permits: Some(permits) }, verdict)
}
