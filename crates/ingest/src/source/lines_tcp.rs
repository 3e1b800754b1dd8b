//! JSON lines over TCP. A client whose first line is a handshake may ask for acknowledgements,
//! number lines, and give defaults; a client without a handshake hears nothing.

mod handshake;

use std::collections::VecDeque;

use tierlog_model::Caller;

use self::handshake::Opening;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::handshake::fuzz as fuzz_handshake;
use super::stream::{Said, StreamProtocol, StreamSession, Wanted};
use crate::frame::{Frame, FrameEnd, Framing, LineDecoder, take_lines};
use crate::intake::Intake;
use crate::joiner::Joiner;
use crate::normalise::{IngestConfig, LineKind, RecordDefaults};
use crate::pipeline::{Held, LineIntake, estimate};

/// JSON lines over TCP.
#[derive(Debug)]
pub(crate) struct LinesTcp;

impl StreamProtocol for LinesTcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn framing(&self, config: &IngestConfig) -> Box<dyn Framing> {
        Box::new(LineDecoder::new(config.limits.line_bytes_max, FrameEnd::Newline))
    }

    fn session(&self, config: &IngestConfig, caller: &Caller) -> Box<dyn StreamSession> {
        Box::new(LineSession::new(config, caller.clone(), Reading::default()))
    }

    fn answer(&self, said: Said<'_>) -> Option<String> {
        Some(match said {
            Said::Resume(line) => format!("{{\"resume\":{line}}}\n"),
            Said::Durable { lines, rejected, policy_dropped: 0 } => {
                format!("{{\"ack\":{lines},\"rejected\":{rejected}}}\n")
            }
            Said::Durable { lines, rejected, policy_dropped } => format!(
                "{{\"ack\":{lines},\"rejected\":{rejected},\"policy_dropped\":{policy_dropped}}}\n"
            ),
            Said::Error(problem) => format!("{}\n", serde_json::json!({ "error": problem })),
        })
    }
}

/// How the lines of a connection are read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Values for records that lack them.
    pub(crate) defaults: RecordDefaults,
    /// What a line may be.
    pub(crate) kind: LineKind,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading { defaults: RecordDefaults::default(), kind: LineKind::Json }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl super::stream::StreamReader {
    /// Returns a reader of lines.
    pub(crate) fn of_lines(config: &IngestConfig, reading: Reading) -> super::stream::StreamReader {
        let session = LineSession::new(config, Caller::open(), reading);
        super::stream::StreamReader::new(config, Box::new(session))
    }
}

/// Reads the lines of one connection, and keeps lines of an open group.
#[derive(Debug)]
struct LineSession {
    caller: Caller,
    reading: Reading,
    joiner: Joiner,
}

impl LineSession {
    /// Returns a session that has seen no line yet.
    fn new(config: &IngestConfig, caller: Caller, reading: Reading) -> LineSession {
        let joiner = Joiner::new(reading.kind.other_text(), config.limits.line_bytes_max);
        LineSession { caller, reading, joiner }
    }
}

impl StreamSession for LineSession {
    fn open(&mut self, first: &mut Frame) -> Result<Wanted, &'static str> {
        let Frame::Lines(lines) = first else { return Ok(Wanted::Silence) };
        let end = memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1);
        let line = lines.get(..end).unwrap_or_default();
        match Opening::read(line, self.caller.tenant) {
            Opening::Lines => Ok(Wanted::Silence),
            Opening::Handshake(wanted, reading) => {
                drop(lines.split_to(end));
                self.reading = reading;
                Ok(wanted)
            }
            Opening::Invalid(problem) => Err(problem),
        }
    }

    fn is_opening(&self, unfinished: &[u8]) -> bool {
        Opening::is_broken(unfinished)
    }

    fn read(&mut self, frames: &mut VecDeque<Frame>, held: Held, intake: &mut Intake<'_>) {
        let Reading { defaults, kind } = &self.reading;
        let mut lines = LineIntake::new(intake, &mut self.joiner, *kind, defaults);
        take_lines(frames, FrameEnd::Newline, |line| {
            match line {
                Ok(line) => lines.line(line),
                Err(head) => lines.too_long(head),
            }
            lines.flow()
        });
        lines.end(if frames.is_empty() { held } else { Held::Kept });
    }

    fn batch_bytes(&self, frames: &VecDeque<Frame>) -> usize {
        let lines = |frame: &Frame| match frame {
            Frame::Lines(lines) => estimate(lines, &self.reading.defaults),
            Frame::TooLong(head) => head.len(),
        };
        frames.iter().map(lines).sum()
    }

    fn joiner(&mut self) -> Option<&mut Joiner> {
        Some(&mut self.joiner)
    }
}
