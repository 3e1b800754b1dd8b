//! Live records: batches arrive from the store once they are durable, the records that pass a
//! filter leave as a stream.
//!
//! A reader is never waited for. One that falls behind is told how many records passed it by;
//! the store's memory does not grow with slow readers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tierlog_model::metric_names::TAIL_MISSED;
use tierlog_model::{BatchPosition, Record, RecordKind, RedactedBatch, Tenant};
use tierlog_store::LiveBatch;
use tokio::sync::broadcast::Receiver;
use tokio_stream::Stream;
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::record_filter::RecordFilter;

/// Records of one poll: decoding so many takes well under a millisecond, then other tasks of the
/// thread have their turn.
const RECORDS_PER_POLL: usize = 128;

/// What a tail yields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TailEvent {
    /// A record that passes the filter.
    Record(Record<'static>),
    /// So many records passed by unseen, matching or not.
    Missed(u64),
}

/// The live records that pass a filter. Ends when the store closes or the token is cancelled.
pub(crate) struct Tail {
    batches: BroadcastStream<Arc<LiveBatch>>,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    tenant: Tenant,
    filter: RecordFilter,
    kind: RecordKind,
    /// The batch that is being looked at, and how far.
    open: Option<(Arc<LiveBatch>, BatchPosition)>,
    /// Number that the next record has when none is missed.
    next_seq: Option<u64>,
    events: VecDeque<TailEvent>,
}

impl Tail {
    /// Returns the records of a tenant and kind that arrive from now on and pass a filter.
    pub(crate) fn new(
        batches: Receiver<Arc<LiveBatch>>,
        tenant: Tenant,
        filter: RecordFilter,
        kind: RecordKind,
        stop: CancellationToken,
    ) -> Tail {
        Tail {
            batches: BroadcastStream::new(batches),
            stopped: Box::pin(stop.cancelled_owned()),
            tenant,
            filter,
            kind,
            open: None,
            next_seq: None,
            events: VecDeque::new(),
        }
    }

    /// Starts with a batch. A gap in the numbers says how many records were missed.
    fn open(&mut self, live: &Arc<LiveBatch>) {
        let missed = self.next_seq.map_or(0, |next| live.first_seq.saturating_sub(next));
        if missed > 0 {
            metrics::counter!(TAIL_MISSED).increment(missed);
            self.events.push_back(TailEvent::Missed(missed));
        }
        let records = live.batch.as_ref().map_or(0, RedactedBatch::record_count);
        self.next_seq = Some(live.first_seq + u64::from(records));
        let is_own = live.batch.as_ref().is_some_and(|batch| batch.tenant() == self.tenant);
        self.open = is_own.then(|| (Arc::clone(live), BatchPosition::default()));
    }

    /// Looks at some records of the open batch, up to the first that passes: one record waits for
    /// a slow client, and not a whole batch of them. Closes the batch at its end.
    fn advance(&mut self) {
        let Some((live, position)) = &mut self.open else { return };
        for _ in 0..RECORDS_PER_POLL {
            // Bytes out of the WAL decode; the WAL's own readers report bytes that do not.
            let batch = live.batch.as_ref();
            let Some(Ok(record)) = batch.and_then(|batch| batch.record_at(position)) else {
                self.open = None;
                return;
            };
            if record.kind() != self.kind {
                continue;
            }
            if let Ok(record) = record.decode()
                && self.filter.matches(&record)
            {
                self.events.push_back(TailEvent::Record(record.into_owned()));
                return;
            }
        }
    }
}

impl Stream for Tail {
    type Item = TailEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<TailEvent>> {
        if self.stopped.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.open.is_some() {
                self.advance();
                if self.events.is_empty() && self.open.is_some() {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                continue;
            }
            match Pin::new(&mut self.batches).poll_next(context) {
                Poll::Ready(Some(Ok(batch))) => self.open(&batch),
                // The gap shows in the numbers of the batch that comes next.
                Poll::Ready(Some(Err(_))) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::{BatchWriter, Level, Redacted, Timestamp, Value};
    use tokio::sync::broadcast;
    use tokio_stream::StreamExt;

    use super::*;
    use crate::expr::{Expr, LevelSet};

    fn batch(first_seq: u64, count: u32, level: Level) -> Arc<LiveBatch> {
        let mut writer = BatchWriter::default();
        for number in 0..count {
            writer.push(&Record {
                timestamp: Timestamp::from_micros_clamped(i64::from(number)),
                level,
                kind: RecordKind::Log,
                fields: vec![("message".into(), Value::Str("hello".into()))],
            });
        }
        let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
        Arc::new(LiveBatch { first_seq, batch: Some(batch), lease: None })
    }

    fn tail(receiver: Receiver<Arc<LiveBatch>>, stop: &CancellationToken) -> Tail {
        let errors = Expr::Level(LevelSet::from_iter([Level::Error]));
        Tail::new(
            receiver,
            Tenant::DEFAULT,
            RecordFilter::new(errors),
            RecordKind::Log,
            stop.clone(),
        )
    }

    #[tokio::test]
    async fn matching_records_arrive_in_order_and_the_end_ends_the_stream() {
        let (sender, receiver) = broadcast::channel(8);
        let tail = tail(receiver, &CancellationToken::new());
        sender.send(batch(0, 300, Level::Info)).expect("a reader");
        sender.send(batch(300, 200, Level::Error)).expect("a reader");
        drop(sender);
        let events: Vec<TailEvent> = tail.collect().await;
        let moments: Vec<i64> = events
            .iter()
            .map(|event| match event {
                TailEvent::Record(record) => record.timestamp.as_micros(),
                TailEvent::Missed(count) => panic!("missed {count}"),
            })
            .collect();
        assert_eq!(moments, (0..200).collect::<Vec<i64>>());
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_is_told_how_many_records_it_missed() {
        let (sender, receiver) = broadcast::channel(2);
        let mut tail = tail(receiver, &CancellationToken::new());
        sender.send(batch(0, 1, Level::Error)).expect("a reader");
        assert!(matches!(tail.next().await, Some(TailEvent::Record(_))));
        for first_seq in [1, 11, 21, 31] {
            sender.send(batch(first_seq, 10, Level::Error)).expect("a reader");
        }
        assert_eq!(tail.next().await, Some(TailEvent::Missed(20)));
        drop(sender);
        assert_eq!(tail.collect::<Vec<_>>().await.len(), 20);
    }

    #[tokio::test]
    async fn a_cancelled_tail_ends() {
        let (_sender, receiver) = broadcast::channel(2);
        let stop = CancellationToken::new();
        let mut tail = tail(receiver, &stop);
        stop.cancel();
        assert_eq!(tail.next().await, None);
    }
}
