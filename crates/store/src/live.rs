//! Batches as they become durable, for live readers.
//!
//! The WAL thread hands a batch on; each reader takes it when it comes to it. A reader is never
//! waited for: what waits is bounded in batches and in bytes of the budget, and where either is
//! reached the oldest batches leave. A reader sees in the numbers of records what passed it by.

use std::sync::Arc;

use tierlog_model::RedactedBatch;
use tierlog_model::memory::{MemoryLease, MemoryPart};
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Batches that a live reader may fall behind before it misses some.
const LIVE_BATCHES: usize = 64;

/// A batch in the log, for live readers.
#[derive(Debug)]
pub struct LiveBatch {
    /// Number of the first record.
    pub first_seq: u64,
    /// The records; none in what only makes older batches leave.
    pub batch: Option<RedactedBatch>,
    /// What the records hold of the budget until the last reader has let go of them.
    pub lease: Option<MemoryLease>,
}

/// Where batches are handed on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LiveSender {
    readers: Sender<Arc<LiveBatch>>,
    memory: MemoryPart,
}

impl LiveSender {
    /// Returns a sender without readers, under a part of the budget.
    pub fn new(memory: MemoryPart) -> LiveSender {
        let (readers, _) = broadcast::channel(LIVE_BATCHES);
        LiveSender { readers, memory }
    }

    /// Returns what becomes durable from now on.
    pub fn subscribe(&self) -> Receiver<Arc<LiveBatch>> {
        self.readers.subscribe()
    }

    /// Hands a batch on to whoever reads.
    pub fn send(&self, first_seq: u64, batch: &RedactedBatch) {
        if self.readers.receiver_count() == 0 {
            return;
        }
        let bytes = (batch.bytes().len() as u64).min(self.memory.limit_bytes());
        let mut lease = self.memory.try_take(bytes).ok();
        for _ in 0..LIVE_BATCHES {
            if lease.is_some() {
                break;
            }
            // Takes the place of the oldest that waits.
            self.send_live(LiveBatch { first_seq, batch: None, lease: None });
            lease = self.memory.try_take(bytes).ok();
        }
        // Without room, no reader sees the batch, and the numbers of the next batch show the gap.
        if lease.is_some() {
            self.send_live(LiveBatch { first_seq, batch: Some(batch.clone()), lease });
        }
    }

    fn send_live(&self, batch: LiveBatch) {
        // An error means that the last live reader left just now.
        let _ = self.readers.send(Arc::new(batch));
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::memory::MemoryUse;
    use tierlog_model::{BatchWriter, Level, Record, RecordKind, Redacted, Timestamp, Value};
    use tokio::sync::broadcast::error::TryRecvError;

    use super::*;

    fn batch(text_bytes: usize) -> RedactedBatch {
        let mut writer = BatchWriter::default();
        writer.push(&Record {
            timestamp: Timestamp::from_micros_clamped(0),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![("message".into(), Value::Str("x".repeat(text_bytes).into()))],
        });
        RedactedBatch::from_redacted(writer, None, Redacted::vouch())
    }

    #[test]
    fn a_slow_reader_holds_no_more_than_the_budget_and_misses_the_oldest() {
        let memory = MemoryPart::new(MemoryUse::Tails, 10_000);
        let live = LiveSender::new(memory.clone());
        live.send(0, &batch(1_000));
        assert_eq!(memory.used_bytes(), 0, "nobody reads");
        let (mut slow, mut quick) = (live.subscribe(), live.subscribe());
        let mut seen = Vec::new();
        for seq in 1..=40 {
            live.send(seq, &batch(1_000));
            assert!(memory.used_bytes() <= 10_000);
            while let Ok(batch) = quick.try_recv() {
                seen.extend(batch.batch.as_ref().map(|_| batch.first_seq));
            }
        }
        assert_eq!(seen, (1..=40).collect::<Vec<u64>>(), "who keeps up misses nothing");
        assert!(matches!(slow.try_recv(), Err(TryRecvError::Lagged(_))));
        let mut late = Vec::new();
        while let Ok(batch) = slow.try_recv() {
            late.extend(batch.batch.as_ref().map(|_| batch.first_seq));
        }
        assert_eq!(late.last(), Some(&40));
        assert!(late.len() < 10, "{late:?}");
        assert_eq!(memory.used_bytes(), 0);
    }

    #[test]
    fn a_batch_larger_than_the_budget_is_seen_alone() {
        let live = LiveSender::new(MemoryPart::new(MemoryUse::Tails, 10_000));
        let mut reader = live.subscribe();
        live.send(0, &batch(1_000));
        live.send(1, &batch(50_000));
        assert!(matches!(reader.try_recv(), Err(TryRecvError::Lagged(_))));
        let mut seen = Vec::new();
        while let Ok(batch) = reader.try_recv() {
            seen.extend(batch.batch.as_ref().map(|_| batch.first_seq));
        }
        assert_eq!(seen, [1]);
    }
}
