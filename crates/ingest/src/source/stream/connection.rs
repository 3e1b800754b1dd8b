//! One connection: bytes arrive, batches leave for the store, and, where the protocol answers,
//! counts of durable lines go back.
//!
//! Backpressure is TCP's own: reading stops while the hand-off or the disk is full, or too many
//! batches wait for their fsync. A frame is never dropped.
//!
//! A client that says who it is numbers its lines: lines that come again after a broken connection
//! are recognised by the store, whose log knows how far each producer is. Here lines are counted,
//! never compared.
//!
//! Batches are cut as Nagle's algorithm cuts segments: at once while nothing is on its way, else
//! when there is enough, the last verdict is in, or a few milliseconds have passed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tierlog_model::limits::BATCH_BYTES_TARGET;
use tierlog_model::{
    Ack, BatchRoom, LinesBefore, ProducerId, ProducerLines, RedactedBatch, Refusal, WhenDiskFull,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::{Client, Tally, TcpProtocol, count_bytes};
use super::hold::Hold;
use super::{Said, StreamReader, Wanted};
use crate::body_room::HeldRoom;
use crate::frame::{Frame, Framing, StreamEnd};
use crate::intake::{PreparedBatch, Verdicts};
use crate::joiner::Joiner;
use crate::pipeline::{Held, Ingest};

/// Batches of one connection that wait for their verdict: enough that the next ones are read
/// while an fsync runs, few enough that a connection holds a bounded part of the hand-off.
const IN_FLIGHT_MAX: usize = 8;

/// How long a small batch waits for company while another is on its way.
const LINGER: Duration = Duration::from_millis(5);

/// Bytes asked of the socket at a time.
const READ_BYTES: usize = 64 * 1024;

/// Pieces up to this size are decoded on the runtime's thread: about 400 µs.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// How long a line that is longer than one read may take to arrive whole: at 300 kbit/s, a line
/// of 1 MiB. Few may be held at a time (see [`Ingest`]), so none may be held for long.
const LONG_LINE_TIME: Duration = Duration::from_secs(30);

/// Why a connection ended before the client closed the stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The socket broke.
    #[error("tcp connection: {0}")]
    Socket(#[from] std::io::Error),
    /// The store does not take lines.
    #[error("tcp connection: {0}")]
    Refused(#[from] Refusal),
    /// No whole line arrived for as long as the limit says.
    #[error("tcp connection: no line for {0:?}")]
    Idle(Duration),
    /// The client did not read its acknowledgements for as long as the limit says.
    #[error("tcp connection: acknowledgements not read for {0:?}")]
    Unread(Duration),
    /// The first line contradicts itself.
    #[error("tcp connection: handshake: {0}")]
    Handshake(&'static str),
    /// The thread that decodes ended early. The panic may quote a line and is left out.
    #[error("tcp connection: decode a batch: thread ended early")]
    Decode,
}

/// What the client wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// Its first line has not arrived yet.
    Undecided,
    /// Nothing.
    None,
    /// Counts of durable lines.
    Acks,
}

/// Where the lines of a producer's connection stand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Numbering {
    producer: ProducerId,
    /// Number of the line that comes next.
    next: u64,
    /// What holds for the lines before it.
    before: LinesBefore,
}

/// A batch that waits for its verdict.
#[derive(Debug)]
struct InFlight {
    answer: oneshot::Receiver<Ack>,
    verdicts: Verdicts,
}

/// What a connection waits for.
enum Event {
    Verdict(Ack),
    Read(std::io::Result<usize>),
    LingerOver,
    HoldOver,
    MayGoOn(LongRead),
    Idle,
    Shutdown,
}

/// The right to hold more than one read of a line, and the memory for that.
struct LongRead {
    _permit: OwnedSemaphorePermit,
    _room: HeldRoom,
}

/// One connection.
struct Connection<S> {
    protocol: TcpProtocol,
    ingest: Arc<Ingest>,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    buffer: BytesMut,
    framing: Box<dyn Framing>,
    /// Away while a thread reads.
    frames: Option<StreamReader>,
    answers: Answers,
    in_flight: VecDeque<InFlight>,
    /// Who sends.
    client: Client,
    /// How the lines of a producer are numbered.
    numbering: Option<Numbering>,
    /// Durable lines so far, rejected ones included; of a producer, the number of the last one.
    durable_count: u64,
    /// Durable dead letters so far.
    rejected_count: u64,
    /// Lines so far that a rule of the redaction policy asks not to be stored.
    dropped_count: u64,
    /// When bytes that are already here must go on.
    linger_until: Option<Instant>,
    /// Lines that more may belong to.
    hold: Hold,
    /// When a client without a whole line is given up.
    idle_at: Instant,
    long: Option<LongRead>,
}

/// Serves one connection until its client ends it, the limit of idle time passes, the store
/// refuses, or the token is cancelled. In the last case what has arrived in whole lines is still
/// made durable and acknowledged.
pub async fn serve_tcp_connection<S>(
    protocol: TcpProtocol,
    ingest: Arc<Ingest>,
    stream: S,
    client: Client,
    shutdown: CancellationToken,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let limits = &ingest.config().limits;
    let session = protocol.0.session(ingest.config(), &client.caller);
    let mut connection = Connection {
        reader,
        writer,
        buffer: BytesMut::new(),
        framing: protocol.0.framing(ingest.config()),
        frames: Some(StreamReader::new(ingest.config(), session).of_tenant(client.caller.tenant)),
        answers: Answers::Undecided,
        in_flight: VecDeque::new(),
        client,
        protocol,
        numbering: None,
        durable_count: 0,
        rejected_count: 0,
        dropped_count: 0,
        linger_until: None,
        hold: Hold::new(Instant::now()),
        idle_at: Instant::now() + limits.idle_deadline,
        long: None,
        ingest,
    };
    let served = connection.serve(&shutdown).await;
    match &served {
        Err(ConnectionError::Refused(refusal)) => {
            connection.say_error(&refusal.to_string()).await;
        }
        Err(ConnectionError::Handshake(problem)) => connection.say_error(problem).await,
        Err(_) | Ok(()) => {}
    }
    // The client may be gone; there is nobody left to tell.
    let _ = connection.writer.shutdown().await;
    served
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    async fn serve(&mut self, shutdown: &CancellationToken) -> Result<(), ConnectionError> {
        loop {
            match self.next_event(shutdown).await {
                Event::Read(read) => {
                    let bytes = read?;
                    if bytes == 0 {
                        self.cut_rest().await?;
                        return self.drain().await;
                    }
                    count_bytes(self.protocol.name(), bytes);
                    self.after_read().await?;
                }
                Event::Verdict(verdict) => {
                    self.settle(verdict).await?;
                    // No batch is in flight any more: lingering bytes leave at once.
                    if self.in_flight.is_empty() && self.linger_until.is_some() {
                        self.cut(StreamEnd::Open, Held::Kept).await?;
                    }
                }
                Event::LingerOver => self.cut(StreamEnd::Open, Held::Kept).await?,
                Event::HoldOver => self.cut(StreamEnd::Open, Held::Cut).await?,
                Event::MayGoOn(long) => {
                    self.long = Some(long);
                    self.idle_at = self.idle_at.min(Instant::now() + LONG_LINE_TIME);
                }
                Event::Idle => {
                    self.cut_rest().await?;
                    self.drain().await?;
                    return Err(ConnectionError::Idle(self.ingest.config().limits.idle_deadline));
                }
                Event::Shutdown => {
                    self.cut(StreamEnd::Open, Held::Closed).await?;
                    return self.drain().await;
                }
            }
        }
    }

    /// Waits for the next thing to do. Cancel-safe: every branch is.
    async fn next_event(&mut self, shutdown: &CancellationToken) -> Event {
        let room = self.in_flight.len() < IN_FLIGHT_MAX;
        let waits = !self.in_flight.is_empty();
        let held_bytes = self.frames.as_mut().map_or(0, StreamReader::held_bytes);
        let is_long = self.buffer.len() + held_bytes > READ_BYTES;
        if !is_long {
            self.long = None;
        }
        let may_read = room && (!is_long || self.long.is_some());
        let needs_right = room && !may_read;
        self.buffer.reserve(READ_BYTES);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Event::Shutdown,
            verdict = front_verdict(&mut self.in_flight), if waits => Event::Verdict(verdict),
            read = self.reader.read_buf(&mut self.buffer), if may_read => Event::Read(read),
            long = long_read(&self.ingest), if needs_right => {
                long.map_or(Event::Shutdown, Event::MayGoOn)
            }
            () = sleep_until(self.linger_until), if self.linger_until.is_some() && room => {
                Event::LingerOver
            }
            () = sleep_until(self.hold.until), if self.hold.until.is_some() && room => {
                Event::HoldOver
            }
            () = tokio::time::sleep_until(self.idle_at), if !waits => Event::Idle,
        }
    }

    async fn after_read(&mut self) -> Result<(), ConnectionError> {
        let cut_now = self.in_flight.is_empty()
            || self.buffer.len() >= BATCH_BYTES_TARGET
            || self.framing.is_skipping();
        if cut_now {
            return self.cut(StreamEnd::Open, Held::Kept).await;
        }
        self.linger_until.get_or_insert_with(|| Instant::now() + LINGER);
        Ok(())
    }

    /// Takes the rest of the buffer at the end of the stream. A last line without its end counts,
    /// but not that of a producer: its connection may have broken in the middle of the line, which
    /// comes again.
    async fn cut_rest(&mut self) -> Result<(), ConnectionError> {
        self.cut(StreamEnd::Open, Held::Kept).await?;
        let is_opening = self.answers == Answers::Undecided
            && self.frames.as_ref().is_some_and(|frames| frames.session.is_opening(&self.buffer));
        if self.numbering.is_some() || is_opening {
            return self.cut(StreamEnd::Open, Held::Closed).await;
        }
        self.cut(StreamEnd::Last, Held::Closed).await
    }

    /// Takes the whole frames out of the buffer and sends the records on, together with held lines
    /// whose time is over: as one batch, or as several batches of many short lines.
    async fn cut(&mut self, end: StreamEnd, held: Held) -> Result<(), ConnectionError> {
        self.linger_until = None;
        let mut frames = VecDeque::new();
        while let Some(frame) = self.framing.next(&mut self.buffer, end) {
            frames.push_back(frame);
        }
        let oldest = self.joiner().and_then(|joiner| joiner.oldest());
        if frames.is_empty() && (held == Held::Kept || oldest.is_none()) {
            return Ok(());
        }
        let now = Instant::now();
        if !frames.is_empty() {
            self.idle_at = now + self.ingest.config().limits.idle_deadline;
            let joiner = self.frames.as_mut().and_then(|frames| frames.session.joiner());
            self.hold.lines_arrived(now, joiner);
        }
        if self.answers == Answers::Undecided {
            self.read_opening(&mut frames).await?;
        }
        let held = self.hold.at(now, held);
        loop {
            // Waiting for room is the backpressure: nothing is read meanwhile.
            let (prepared, room) = self.prepare(&mut frames, held).await?;
            self.hand_over(prepared, room).await?;
            if frames.is_empty() {
                break;
            }
        }
        let oldest = self.joiner().and_then(|joiner| joiner.oldest());
        self.hold.look(now, oldest);
        Ok(())
    }

    /// Hands a batch to the store, unless nothing was read. A batch whose every line a rule drops
    /// goes there too: the lines are acknowledged in their turn, and a producer's are numbered.
    async fn hand_over(
        &mut self,
        prepared: PreparedBatch,
        room: BatchRoom,
    ) -> Result<(), ConnectionError> {
        let PreparedBatch { batch, verdicts } = prepared;
        if verdicts.line_count == 0 {
            return Ok(());
        }
        let count =
            Tally::of(&verdicts).count_on_verdict(self.protocol.name(), self.client.caller.tenant);
        let batch = self.number(batch);
        let handoff = self.ingest.handoff();
        let sent = handoff.send_into(room, batch, WhenDiskFull::Wait, count).await;
        let answer = sent.map_err(|_| Refusal::ShuttingDown)?;
        self.in_flight.push_back(InFlight { answer, verdicts });
        Ok(())
    }

    /// Returns the joiner that keeps lines of open groups.
    fn joiner(&mut self) -> Option<&mut Joiner> {
        self.frames.as_mut().and_then(|frames| frames.session.joiner())
    }

    /// Looks at the first frame, which may be about the connection.
    async fn read_opening(&mut self, frames: &mut VecDeque<Frame>) -> Result<(), ConnectionError> {
        self.answers = Answers::None;
        let (Some(first), Some(reader)) = (frames.front_mut(), &mut self.frames) else {
            return Ok(());
        };
        let wanted = reader.session.open(first).map_err(|problem| {
            // Only a client that wants answers opens a connection in this way.
            self.answers = Answers::Acks;
            ConnectionError::Handshake(problem)
        })?;
        match wanted {
            Wanted::Silence => Ok(()),
            Wanted::Acks => {
                self.answers = Answers::Acks;
                Ok(())
            }
            Wanted::Numbers { producer, from } => {
                self.answers = Answers::Acks;
                self.greet(producer, from).await
            }
        }
    }

    /// Tells a producer how far its lines are durable. A batch without lines asks the store: it
    /// goes the same way as those before it.
    async fn greet(
        &mut self,
        producer: ProducerId,
        from: Option<u64>,
    ) -> Result<(), ConnectionError> {
        let PreparedBatch { batch, .. } = self.ingest.prepare(0, |_| {});
        let nothing = ProducerLines { producer, first: 1, before: LinesBefore::Durable };
        let sent = self.ingest.handoff().send_waiting(self.sign(batch).with_lines(nothing)).await;
        let answer = sent.map_err(|_| Refusal::ShuttingDown)?;
        let receipt = answer.await.unwrap_or(Err(Refusal::ShuttingDown))?;
        let durable = receipt.producer_line.unwrap_or(0);
        if let Some(first) = from {
            let before = LinesBefore::Settled;
            if (ProducerLines { producer, first, before }).jump(durable, 1) {
                return Err(Refusal::LinesJump { durable, first }.into());
            }
        }
        let next = from.unwrap_or_else(|| durable.saturating_add(1));
        let before = if from.is_some() { LinesBefore::Settled } else { LinesBefore::Durable };
        self.durable_count = next.saturating_sub(1);
        // Lines that are known already must not be joined to lines that are not.
        let known_count = durable.saturating_sub(self.durable_count);
        if let Some(joiner) = self.joiner() {
            joiner.part_after(known_count);
        }
        self.numbering = Some(Numbering { producer, next, before });
        self.say(Said::Resume(durable)).await
    }

    /// Writes sender and tenant into a batch.
    fn sign(&self, batch: RedactedBatch) -> RedactedBatch {
        batch.with_sender(self.client.sender).of_tenant(self.client.caller.tenant)
    }

    /// Writes sender, tenant and, for a producer, the line numbers into a batch.
    fn number(&mut self, batch: RedactedBatch) -> RedactedBatch {
        let batch = self.sign(batch);
        let Some(numbering) = &mut self.numbering else { return batch };
        let Numbering { producer, next, before } = numbering.clone();
        let lines = ProducerLines { producer, first: next, before };
        numbering.next = lines.last(batch.line_count()).saturating_add(1);
        numbering.before = LinesBefore::Durable;
        batch.with_lines(lines)
    }

    /// Reads lines of the frames, as many as make one batch, into room that the store has for it.
    async fn prepare(
        &mut self,
        frames: &mut VecDeque<Frame>,
        held: Held,
    ) -> Result<(PreparedBatch, BatchRoom), ConnectionError> {
        let bytes: usize = frames.iter().map(Frame::byte_len).sum();
        let mut reader = self.frames.take().ok_or(ConnectionError::Decode)?;
        let batch_bytes = reader.session.batch_bytes(frames);
        let room = self.ingest.handoff().room(batch_bytes).await;
        if bytes <= INLINE_BYTES_MAX {
            let prepared = reader.prepare_frames(&self.ingest, frames, held);
            self.frames = Some(reader);
            return Ok((prepared, room));
        }
        let ingest = Arc::clone(&self.ingest);
        let turn = ingest.turn(batch_bytes).await.ok_or(Refusal::ShuttingDown)?;
        let mut taken = std::mem::take(frames);
        let work = move || {
            let prepared = reader.prepare_frames(&ingest, &mut taken, held);
            drop(turn);
            (prepared, reader, taken)
        };
        let (prepared, reader, left) =
            tokio::task::spawn_blocking(work).await.map_err(|_| ConnectionError::Decode)?;
        (self.frames, *frames) = (Some(reader), left);
        Ok((prepared, room))
    }

    /// Counts the batch at the front, and every other whose verdict is in, then acknowledges.
    async fn settle(&mut self, first: Ack) -> Result<(), ConnectionError> {
        let mut verdict = Some(first);
        while let Some(ack) = verdict.take() {
            let Some(batch) = self.in_flight.pop_front() else { break };
            ack?;
            self.durable_count += batch.verdicts.line_count;
            self.rejected_count += batch.verdicts.rejected_line_count();
            self.dropped_count += batch.verdicts.policy_dropped_count;
            verdict = self.in_flight.front_mut().and_then(|next| next.answer.try_recv().ok());
        }
        self.say_acks().await
    }

    /// Waits for every verdict.
    async fn drain(&mut self) -> Result<(), ConnectionError> {
        while !self.in_flight.is_empty() {
            let verdict = front_verdict(&mut self.in_flight).await;
            self.settle(verdict).await?;
        }
        Ok(())
    }

    async fn say_acks(&mut self) -> Result<(), ConnectionError> {
        let (lines, rejected) = (self.durable_count, self.rejected_count);
        self.say(Said::Durable { lines, rejected, policy_dropped: self.dropped_count }).await
    }

    async fn say_error(&mut self, problem: &str) {
        // The connection ends anyway; a client that does not read loses only the reason.
        let _ = self.say(Said::Error(problem)).await;
    }

    /// Writes to a client that asked for answers, for as long as the idle limit.
    async fn say(&mut self, said: Said<'_>) -> Result<(), ConnectionError> {
        if self.answers != Answers::Acks {
            return Ok(());
        }
        let Some(text) = self.protocol.0.answer(said) else { return Ok(()) };
        let patience = self.ingest.config().limits.idle_deadline;
        let write = async {
            self.writer.write_all(text.as_bytes()).await?;
            self.writer.flush().await
        };
        match tokio::time::timeout(patience, write).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(ConnectionError::Unread(patience)),
        }
    }
}

/// Waits for the right to hold a line of any length, and for the memory. Cancel-safe.
async fn long_read(ingest: &Ingest) -> Option<LongRead> {
    let permit = Arc::clone(&ingest.long_reads).acquire_owned().await.ok()?;
    let bytes = ingest.config().limits.line_bytes_max.saturating_add(READ_BYTES);
    Some(LongRead { _permit: permit, _room: ingest.body_room.take_line(bytes).await })
}

/// Waits for the verdict on the oldest batch; for ever when there is none. Cancel-safe.
async fn front_verdict(in_flight: &mut VecDeque<InFlight>) -> Ack {
    match in_flight.front_mut() {
        // A store that drops a batch without a word is going away.
        Some(batch) => (&mut batch.answer).await.unwrap_or(Err(Refusal::ShuttingDown)),
        None => std::future::pending().await,
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
