//! GELF over TCP: a message a frame, and a frame ends with NUL, as Graylog's libraries write it, or
//! with a line break. The protocol has no answers; a message that cannot be read is a dead letter.

use std::collections::VecDeque;

use tierlog_model::Caller;

use super::gelf::GelfReader;
#[cfg(any(test, feature = "fuzzing"))]
use super::stream::StreamReader;
use super::stream::{Said, StreamProtocol, StreamSession};
use crate::frame::{Frame, FrameEnd, Framing, LineDecoder, take_lines};
use crate::intake::Intake;
use crate::normalise::IngestConfig;
use crate::pipeline::{Held, estimate};

/// GELF over TCP.
#[derive(Debug)]
pub(crate) struct GelfTcp;

impl StreamProtocol for GelfTcp {
    fn name(&self) -> &'static str {
        "gelf_tcp"
    }

    fn framing(&self, config: &IngestConfig) -> Box<dyn Framing> {
        Box::new(LineDecoder::new(config.limits.line_bytes_max, FrameEnd::NewlineOrNul))
    }

    fn session(&self, config: &IngestConfig, _: &Caller) -> Box<dyn StreamSession> {
        Box::new(Messages { reader: GelfReader::new(config) })
    }

    fn answer(&self, _: Said<'_>) -> Option<String> {
        None
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl StreamReader {
    /// Returns the reader of a connection of GELF.
    pub(crate) fn of_gelf(config: &IngestConfig) -> StreamReader {
        StreamReader::new(config, GelfTcp.session(config, &Caller::open()))
    }
}

/// Reads the messages of one connection.
struct Messages {
    reader: GelfReader,
}

impl StreamSession for Messages {
    fn read(&mut self, frames: &mut VecDeque<Frame>, _: Held, intake: &mut Intake<'_>) {
        take_lines(frames, FrameEnd::NewlineOrNul, |message| {
            match message {
                Ok(message) => self.reader.message(message, intake),
                Err(head) => self.reader.too_long(head, intake),
            }
            intake.flow()
        });
    }

    fn batch_bytes(&self, frames: &VecDeque<Frame>) -> usize {
        let bytes = |frame: &Frame| match frame {
            Frame::Lines(messages) => estimate(messages, self.reader.defaults()),
            Frame::TooLong(head) => head.len(),
        };
        frames.iter().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests;
