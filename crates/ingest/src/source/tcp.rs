//! JSON lines over TCP. Bytes of one connection arrive; batches leave for the store, and, when
//! the client asked for them, counts of durable lines go back.
//!
//! Backpressure is TCP's own: reading stops while the hand-off or the disk is full, or too many
//! batches wait for their fsync. A line is never dropped. A client that asked for nothing is told
//! nothing.
//!
//! A client that says who it is numbers its lines: what it sends again after a broken connection
//! is recognised by the store, whose WAL knows how far each producer is. Here lines are counted,
//! never compared.
//!
//! Batches are cut as Nagle's algorithm cuts segments: at once while nothing is on its way, else
//! when there is enough, the last verdict is in, or a few milliseconds have passed.

mod handshake;
mod hold;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tierlog_model::limits::BATCH_BYTES_TARGET;
use tierlog_model::{
    Ack, BatchRoom, LinesBefore, ProducerId, ProducerLines, RedactedBatch, Refusal, SenderId,
    WhenDiskFull,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use tokio_util::codec::Decoder;
use tokio_util::sync::CancellationToken;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::handshake::fuzz as fuzz_handshake;
use self::handshake::{Numbering, Opening, Wanted};
use self::hold::Hold;
use super::room::HeldRoom;
use super::{Protocol, Tally, count_bytes};
use crate::frame::{Frame, LineDecoder};
use crate::normalise::LineKind;
use crate::pipeline::{Held, Ingest, PreparedBatch, Reading, StreamReader, Verdicts};

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

/// Why a connection ended before its client ended it.
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
    /// The first line asks for something that cannot be meant.
    #[error("tcp connection: handshake: {0}")]
    Handshake(&'static str),
    /// The thread that decodes ended early. Its panic may quote a line, so it is not told.
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
    ingest: Arc<Ingest>,
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    buffer: BytesMut,
    decoder: LineDecoder,
    lines: StreamReader,
    /// How the client wants its lines to be read.
    reading: Arc<Reading>,
    answers: Answers,
    in_flight: VecDeque<InFlight>,
    /// Who sends the lines.
    sender: SenderId,
    /// How the lines of a producer are numbered.
    numbering: Option<Numbering>,
    /// Durable lines so far, rejected ones included; of a producer, the number of the last one.
    durable_count: u64,
    /// Durable dead letters so far.
    rejected_count: u64,
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
    ingest: Arc<Ingest>,
    stream: S,
    sender: SenderId,
    shutdown: CancellationToken,
) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (reader, writer) = tokio::io::split(stream);
    let limits = &ingest.config().limits;
    let mut connection = Connection {
        reader,
        writer,
        buffer: BytesMut::new(),
        decoder: LineDecoder::new(limits.line_bytes_max),
        lines: StreamReader::new(ingest.config(), LineKind::Json),
        reading: Arc::default(),
        answers: Answers::Undecided,
        in_flight: VecDeque::new(),
        sender,
        numbering: None,
        durable_count: 0,
        rejected_count: 0,
        linger_until: None,
        hold: Hold::new(Instant::now()),
        idle_at: Instant::now() + limits.idle_deadline,
        long: None,
        ingest,
    };
    let served = connection.serve(&shutdown).await;
    match &served {
        Err(ConnectionError::Refused(refusal)) => connection.say_error(&refusal.to_string()).await,
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
                    count_bytes(Protocol::Tcp, bytes);
                    self.after_read().await?;
                }
                Event::Verdict(verdict) => {
                    self.settle(verdict).await?;
                    // Nothing is on its way any more: what waits need not wait.
                    if self.in_flight.is_empty() && self.linger_until.is_some() {
                        self.cut(LineDecoder::decode, Held::Kept).await?;
                    }
                }
                Event::LingerOver => self.cut(LineDecoder::decode, Held::Kept).await?,
                Event::HoldOver => self.cut(LineDecoder::decode, Held::Cut).await?,
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
                    self.cut(LineDecoder::decode, Held::Closed).await?;
                    return self.drain().await;
                }
            }
        }
    }

    /// Waits for the next thing to do. Cancel-safe: every branch is.
    async fn next_event(&mut self, shutdown: &CancellationToken) -> Event {
        let room = self.in_flight.len() < IN_FLIGHT_MAX;
        let waits = !self.in_flight.is_empty();
        let is_long = self.buffer.len() + self.lines.joiner.byte_len() > READ_BYTES;
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
            || self.decoder.is_skipping();
        if cut_now {
            return self.cut(LineDecoder::decode, Held::Kept).await;
        }
        self.linger_until.get_or_insert_with(|| Instant::now() + LINGER);
        Ok(())
    }

    /// Takes what is left when nothing more comes. A last line without its end counts, but not
    /// that of a producer: its connection may have broken in the middle of the line, which comes
    /// again.
    async fn cut_rest(&mut self) -> Result<(), ConnectionError> {
        self.cut(LineDecoder::decode, Held::Kept).await?;
        let is_handshake = self.answers == Answers::Undecided && Opening::is_broken(&self.buffer);
        if self.numbering.is_some() || is_handshake {
            return self.cut(LineDecoder::decode, Held::Closed).await;
        }
        self.cut(LineDecoder::decode_eof, Held::Closed).await
    }

    /// Takes the whole lines out of the buffer and sends them on, and with them those that were
    /// held, when they are held no longer: as one batch, or, when they are many short ones, as
    /// several.
    async fn cut(
        &mut self,
        decode: fn(&mut LineDecoder, &mut BytesMut) -> std::io::Result<Option<Frame>>,
        held: Held,
    ) -> Result<(), ConnectionError> {
        self.linger_until = None;
        let mut frames = VecDeque::new();
        while let Some(frame) = decode(&mut self.decoder, &mut self.buffer)? {
            frames.push_back(frame);
        }
        if frames.is_empty() && (held == Held::Kept || self.lines.joiner.oldest().is_none()) {
            return Ok(());
        }
        let now = Instant::now();
        if !frames.is_empty() {
            self.idle_at = now + self.ingest.config().limits.idle_deadline;
            self.hold.lines_arrived(now, &mut self.lines.joiner);
        }
        if self.answers == Answers::Undecided {
            self.read_handshake(&mut frames).await?;
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
        self.hold.look(now, self.lines.joiner.oldest());
        Ok(())
    }

    /// Hands a batch to the store, unless it is empty.
    async fn hand_over(
        &mut self,
        prepared: PreparedBatch,
        room: BatchRoom,
    ) -> Result<(), ConnectionError> {
        let PreparedBatch { batch, verdicts } = prepared;
        if batch.record_count() == 0 {
            return Ok(());
        }
        let count = Tally::of(&verdicts).count_on_verdict(Protocol::Tcp);
        let batch = self.number(batch);
        let handoff = self.ingest.handoff();
        let sent = handoff.send_into(room, batch, WhenDiskFull::Wait, count).await;
        let answer = sent.map_err(|_| Refusal::ShuttingDown)?;
        self.in_flight.push_back(InFlight { answer, verdicts });
        Ok(())
    }

    /// Takes the first line away if it is a handshake.
    async fn read_handshake(
        &mut self,
        frames: &mut VecDeque<Frame>,
    ) -> Result<(), ConnectionError> {
        self.answers = Answers::None;
        let Some(Frame::Lines(lines)) = frames.front_mut() else { return Ok(()) };
        let end = memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1);
        let opening = Opening::read(lines.get(..end).unwrap_or_default());
        if opening != Opening::Lines {
            let _handshake: Bytes = lines.split_to(end);
        }
        match opening {
            Opening::Lines => {}
            Opening::Handshake(wanted, reading) => {
                self.reading = Arc::new(reading);
                match wanted {
                    Wanted::Silence => {}
                    Wanted::Acks => self.answers = Answers::Acks,
                    Wanted::Numbers { producer, from } => {
                        self.answers = Answers::Acks;
                        self.greet(producer, from).await?;
                    }
                }
            }
            Opening::Invalid(problem) => {
                // Only who wants answers sends such a line.
                self.answers = Answers::Acks;
                return Err(ConnectionError::Handshake(problem));
            }
        }
        Ok(())
    }

    /// Tells a producer how far its lines are durable. A batch without lines asks the store: it
    /// goes the same way as those before it.
    async fn greet(
        &mut self,
        producer: ProducerId,
        from: Option<u64>,
    ) -> Result<(), ConnectionError> {
        let mut nothing_yet = VecDeque::new();
        let PreparedBatch { batch, .. } = self.ingest.prepare_frames(
            &mut self.lines,
            &self.reading,
            &mut nothing_yet,
            Held::Kept,
        );
        let nothing = ProducerLines { producer, first: 1, before: LinesBefore::Durable };
        let sent = self.ingest.handoff().send_waiting(batch.with_lines(nothing)).await;
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
        self.lines.joiner.part_after(durable.saturating_sub(self.durable_count));
        self.numbering = Some(Numbering { producer, next, before });
        self.say(&format!("{{\"resume\":{durable}}}\n")).await
    }

    /// Says who has sent a batch, and which lines of its producer the batch holds.
    fn number(&mut self, batch: RedactedBatch) -> RedactedBatch {
        let batch = batch.with_sender(self.sender);
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
        let batch_bytes = self.ingest.batch_bytes(&self.reading, frames);
        let room = self.ingest.handoff().room(batch_bytes).await;
        if bytes <= INLINE_BYTES_MAX {
            let prepared = self.ingest.prepare_frames(&mut self.lines, &self.reading, frames, held);
            return Ok((prepared, room));
        }
        let (ingest, reading) = (Arc::clone(&self.ingest), Arc::clone(&self.reading));
        let fresh = StreamReader::new(ingest.config(), self.reading.kind);
        let mut lines = std::mem::replace(&mut self.lines, fresh);
        let turn = ingest.turn(batch_bytes).await.ok_or(Refusal::ShuttingDown)?;
        let mut taken = std::mem::take(frames);
        let work = move || {
            let prepared = ingest.prepare_frames(&mut lines, &reading, &mut taken, held);
            drop(turn);
            (prepared, lines, taken)
        };
        let (prepared, lines, left) =
            tokio::task::spawn_blocking(work).await.map_err(|_| ConnectionError::Decode)?;
        (self.lines, *frames) = (lines, left);
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
        let text =
            format!("{{\"ack\":{},\"rejected\":{}}}\n", self.durable_count, self.rejected_count);
        self.say(&text).await
    }

    async fn say_error(&mut self, problem: &str) {
        let text = serde_json::json!({ "error": problem });
        // The connection ends anyway; a client that does not read loses only the reason.
        let _ = self.say(&format!("{text}\n")).await;
    }

    /// Writes to a client that asked for answers, for as long as the idle limit.
    async fn say(&mut self, text: &str) -> Result<(), ConnectionError> {
        if self.answers != Answers::Acks {
            return Ok(());
        }
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
