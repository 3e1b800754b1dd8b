//! One body on its way: it arrives in pieces of the client's making, and goes to the store in
//! pieces of ours.
//!
//! A piece goes to the store when the one before it is durable. So what is durable is always a
//! beginning of the body, and an answer can say how far: also one that says why the rest was not
//! taken. The memory of one body is at most the window of the next piece, that piece, and the piece
//! before, which the store is writing.
//!
//! A body of one piece is taken as a whole or not at all: nothing is read of it before all of it
//! has arrived.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tierlog_model::{Ack, BatchRoom, Refusal, WhenDiskFull};
use tierlog_problem::{Code, Problem};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::super::problem::{BODY_LIMIT, closed, full, too_large, too_late};
use super::super::{Client, Tally, count_bytes};
use super::Taken;
use crate::body_room::HeldRoom;
use crate::inflate::InflateError;
use crate::intake::PreparedBatch;
use crate::pipeline::{BodyReader, Ingest, OpenBody, Piece, PieceBounds, Step};

/// Bodies up to this size are decoded where they arrive: about 400 µs, less than a move to
/// another thread and back is worth.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// A body that is being taken.
pub(super) struct Taking<'t> {
    ingest: &'t Arc<Ingest>,
    /// The label of metrics.
    protocol: &'static str,
    client: &'t Client,
    arriving: Arriving<'t>,
    taken: Taken,
    /// Number of the line up to which all are durable.
    durable_lines: u64,
    on_its_way: Option<OnItsWay>,
}

/// A piece that the store has not answered yet.
struct OnItsWay {
    verdict: oneshot::Receiver<Ack>,
    tally: Tally,
    joined_count: u64,
    through_line: u64,
}

/// A reader with its lent memory.
struct Reading {
    reader: Box<BodyReader>,
    held: HeldRoom,
}

impl<'t> Taking<'t> {
    /// Returns a body before its first byte.
    pub(super) fn new(
        ingest: &'t Arc<Ingest>,
        protocol: &'static str,
        client: &'t Client,
        body: &'t mut Body,
    ) -> Taking<'t> {
        let limits = &ingest.config().limits;
        Taking {
            ingest,
            protocol,
            client,
            arriving: Arriving {
                body,
                limit: limits.body_bytes_max,
                received: 0,
                time_left: limits.body_deadline,
            },
            taken: Taken {
                accepted_count: 0,
                joined_count: 0,
                duplicate_count: 0,
                verdicts: ingest.no_verdicts(),
            },
            durable_lines: 0,
            on_its_way: None,
        }
    }

    /// Takes the body. An error says how many lines are durable all the same.
    pub(super) async fn run(mut self, open: OpenBody) -> Result<Taken, Problem> {
        let outcome = self.take(open).await;
        let Err(problem) = outcome else { return Ok(self.taken) };
        // What is on its way may become durable, and then has to be told.
        let _ = self.settle().await;
        Err(problem.behind_line(self.durable_lines))
    }

    async fn take(&mut self, open: OpenBody) -> Result<(), Problem> {
        let reader = BodyReader::new(self.ingest, open, PieceBounds::USUAL);
        let reader = Box::new(reader.of_tenant(self.client.caller.tenant));
        let mut reading = Reading { reader, held: self.ingest.body_room.none() };
        loop {
            while reading.reader.wants_input() {
                self.receive(&mut reading).await?;
            }
            let until = Instant::now() + self.ingest.config().limits.full_patience;
            reading = reading.fill(self.ingest, until).await?;
            if !reading.reader.is_filled() {
                continue;
            }
            let (read_on, step, room) = reading.read_on(self.ingest, until).await?;
            reading = read_on;
            match step {
                Step::NeedsInput => {}
                Step::Piece(piece) => self.hand_over(*piece, room, until).await?,
                Step::Last(piece) => {
                    self.hand_over(*piece, room, until).await?;
                    return self.settle().await;
                }
            }
        }
    }

    /// Receives the next bytes, once there is room for them. Meanwhile nothing is read, and TCP
    /// tells the client to wait.
    async fn receive(&mut self, reading: &mut Reading) -> Result<(), Problem> {
        let Some(received) = self.arriving.next().await? else {
            return Ok(reading.reader.end()?);
        };
        let until = Instant::now() + self.ingest.config().limits.full_patience;
        let needed = reading.reader.held_bytes_with(received.len());
        let room = self.ingest.body_room.take_to(needed, &mut reading.held, until);
        room.await.map_err(|_| full())?;
        count_bytes(self.protocol, received.len());
        reading.reader.give(received)?;
        reading.held.shrink_to(reading.reader.held_bytes());
        Ok(())
    }

    /// Hands a piece to the store, once the one before it is durable.
    async fn hand_over(
        &mut self,
        piece: Piece,
        room: BatchRoom,
        until: Instant,
    ) -> Result<(), Problem> {
        self.settle().await?;
        let Piece { prepared: PreparedBatch { batch, verdicts }, through_line } = piece;
        let (tally, joined_count) = (Tally::of(&verdicts), verdicts.joined_count);
        self.taken.verdicts.add(verdicts);
        if batch.record_count() == 0 {
            // All before it is durable, and of its own lines there is nothing to keep.
            self.durable_lines = through_line;
            tally.count(self.protocol, self.client.caller.tenant);
            return Ok(());
        }
        let handoff = self.ingest.handoff();
        let tenant = self.client.caller.tenant;
        let count = tally.clone().count_on_verdict(self.protocol, tenant);
        let batch = batch.with_sender(self.client.sender).of_tenant(tenant);
        let sending = handoff.send_into(room, batch, WhenDiskFull::Refuse, count);
        let sent = tokio::time::timeout_at(until, sending).await;
        let verdict = sent.map_err(|_| full())?.map_err(|_| closed())?;
        self.on_its_way = Some(OnItsWay { verdict, tally, joined_count, through_line });
        Ok(())
    }

    /// Waits until the piece that is on its way is durable.
    async fn settle(&mut self) -> Result<(), Problem> {
        let Some(OnItsWay { verdict, tally, joined_count, through_line }) = self.on_its_way.take()
        else {
            return Ok(());
        };
        let receipt = verdict.await.map_err(|_| closed())??;
        let tally = tally.settled(&receipt);
        // A piece is a repeat as a whole or not at all, and so are the lines that are joined in it.
        let joined_now = if tally.duplicate_count == 0 { joined_count } else { 0 };
        self.taken.accepted_count += tally.accepted_count + joined_now;
        self.taken.joined_count += joined_now;
        self.taken.duplicate_count += tally.duplicate_count + joined_count - joined_now;
        self.durable_lines = through_line;
        Ok(())
    }
}

impl Reading {
    /// Fills the window with plain bytes, off the runtime's threads when they must be inflated.
    async fn fill(mut self, ingest: &Arc<Ingest>, until: Instant) -> Result<Reading, Problem> {
        let needed = self.reader.needed_bytes();
        let held = ingest.body_room.take_to(needed, &mut self.held, until);
        held.await.map_err(|_| full())?;
        if self.reader.is_filled() {
            return Ok(self);
        }
        let Some(bytes) = self.reader.inflating_bytes() else {
            self.fill_window()?;
            return Ok(self);
        };
        let turn = turn(ingest, bytes, until).await?;
        on_a_thread(move || {
            let filled = self.fill_window();
            drop(turn);
            filled.map(|()| self)
        })
        .await?
        .map_err(Problem::from)
    }

    /// Fills the window, and gives back the memory that this did not take.
    fn fill_window(&mut self) -> Result<(), InflateError> {
        self.reader.fill()?;
        self.held.shrink_to(self.reader.held_bytes());
        Ok(())
    }

    /// Reads a piece into room that the store has for it, off the runtime's threads when that
    /// takes long.
    async fn read_on(
        mut self,
        ingest: &Arc<Ingest>,
        until: Instant,
    ) -> Result<(Reading, Step, BatchRoom), Problem> {
        // Whoever would be refused need not wait in line behind those who wait.
        if ingest.handoff().is_disk_full() {
            return Err(Problem::from(Refusal::DiskFull));
        }
        let bytes = self.reader.next_batch_bytes();
        let room = tokio::time::timeout_at(until, ingest.handoff().room(bytes)).await;
        let room = room.map_err(|_| {
            ingest.handoff().note_refusal();
            full()
        })?;
        if self.reader.plain_bytes().is_some_and(|bytes| bytes <= INLINE_BYTES_MAX) {
            let step = self.read(ingest);
            return Ok((self, step, room));
        }
        let turn = turn(ingest, bytes, until).await?;
        let ingest = Arc::clone(ingest);
        on_a_thread(move || {
            let step = self.read(&ingest);
            drop(turn);
            (self, step, room)
        })
        .await
    }

    /// Reads on, and gives back the memory of what was read.
    fn read(&mut self, ingest: &Ingest) -> Step {
        let step = self.reader.step(ingest);
        self.held.shrink_to(self.reader.held_bytes());
        self.held.end_piece();
        step
    }
}

/// Waits for the turn of a piece to be worked on.
async fn turn(
    ingest: &Ingest,
    bytes: usize,
    until: Instant,
) -> Result<OwnedSemaphorePermit, Problem> {
    let turn = tokio::time::timeout_at(until, ingest.turn(bytes)).await;
    turn.map_err(|_| full())?.ok_or_else(closed)
}

/// Works on a thread that owns the body's window and its lease: a client that leaves meanwhile
/// frees nothing in use.
async fn on_a_thread<T, F>(work: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        let detail = "the body could not be read";
        Problem::new(Code::Internal, detail)
    })
}

/// A body as its client sends it.
struct Arriving<'t> {
    body: &'t mut Body,
    limit: usize,
    received: usize,
    /// How long the client may still be waited for.
    time_left: Duration,
}

impl Arriving<'_> {
    /// Returns the next bytes, or nothing at the end. Only the wait for the client counts: while a
    /// piece is written, the client waits for the store.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let began = Instant::now();
            let frame = tokio::time::timeout(self.time_left, self.body.frame()).await;
            self.time_left = self.time_left.saturating_sub(began.elapsed());
            let Some(frame) = frame.map_err(|_| too_late())? else { return Ok(None) };
            let frame = frame.map_err(|error| match is_timeout(&error) {
                true => too_late(),
                false => {
                    let detail = "the body ended before it was complete";
                    Problem::new(Code::IncompleteBody, detail)
                }
            })?;
            let Ok(piece) = frame.into_data() else { continue };
            self.received = self.received.saturating_add(piece.len());
            if self.received > self.limit {
                return Err(too_large(self.limit, BODY_LIMIT));
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }
}

/// Tells whether the listener has given up a body that came too slowly.
fn is_timeout(error: &axum::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}
