//! GELF messages, one JSON object each, over HTTP or TCP.
//!
//! `short_message` is the message, `full_message` a stack trace where it is one, `level` a severity
//! of syslog, `timestamp` seconds since 1970, and `_x` a field `x` of the application. Docker's
//! driver puts whole log lines into `short_message`: they are opened.

use std::slice::Iter;

use simd_json::{Node, StaticNode};
use tierlog_model::{RejectReason, Timestamp};

use crate::decode::{Decoder, Reject, TextBuffer, read_value};
use crate::frame::content;
use crate::intake::Intake;
use crate::normalise::{FieldSink, IngestConfig, RecordDefaults};

/// GELF's own field names, and the canonical name of `short_message`: an additional field of such a
/// name keeps the underscore.
const OWN: [&str; 10] = [
    "version",
    "host",
    "short_message",
    "full_message",
    "message",
    "timestamp",
    "level",
    "facility",
    "line",
    "file",
];

/// Numbers of `timestamp` that are seconds since 1970, from 1973 to 5138. Some libraries write
/// milliseconds: other numbers are read by their size, as everywhere.
const SECONDS: std::ops::Range<f64> = 1e8..1e11;

/// Reads messages; owns the buffer for unescaped text.
pub(super) struct GelfReader {
    decoder: Decoder,
    text: TextBuffer,
    defaults: RecordDefaults,
}

impl GelfReader {
    /// Returns a reader with a configuration's limits.
    pub(super) fn new(config: &IngestConfig) -> GelfReader {
        let decoder = Decoder::new(config.limits.nesting_depth_max);
        GelfReader { decoder, text: TextBuffer::default(), defaults: RecordDefaults::default() }
    }

    /// Reads one message; nothing is no message.
    pub(super) fn message(&mut self, message: &[u8], intake: &mut Intake<'_>) {
        let message = content(message);
        if message.is_empty() {
            return;
        }
        if message.len() > intake.item_bytes_max() {
            self.too_long(message, intake);
            return;
        }
        let GelfReader { decoder, text, defaults } = self;
        match decoder.decode(message, text) {
            Ok(tape) => {
                let mut nodes = tape.0.iter();
                if let Some(Node::Object { len, .. }) = nodes.next() {
                    intake.fields(message, defaults, |sink| give_message(&mut nodes, *len, sink));
                } else {
                    let detail = "valid JSON, but not an object";
                    intake.reject(message, RejectReason::NotAnObject, detail, defaults);
                }
                decoder.recycle(tape);
            }
            Err(Reject { reason, detail, .. }) => {
                intake.reject(message, reason, detail, defaults);
            }
        }
        decoder.shrink(message.len());
        text.shrink();
    }

    /// Takes the head of a message that is too long.
    pub(super) fn too_long(&self, head: &[u8], intake: &mut Intake<'_>) {
        let detail = format!("longer than {} bytes", intake.item_bytes_max());
        intake.reject(head, RejectReason::TooLong, detail, &self.defaults);
    }

    /// Returns the defaults of every message.
    pub(super) fn defaults(&self) -> &RecordDefaults {
        &self.defaults
    }
}

fn give_message<'f, 'd: 'f>(
    nodes: &mut Iter<'_, Node<'d>>,
    len: usize,
    sink: &mut FieldSink<'f, 'd>,
) {
    let mut shape = "gelf";
    for _ in 0..len {
        let Some(&Node::String(name)) = nodes.next() else { break };
        if name == "_container_id" {
            shape = "gelf-docker";
        }
        match (name, nodes.as_slice().first()) {
            ("version", Some(Node::String(_) | Node::Static(_))) => drop(nodes.next()),
            ("timestamp", Some(Node::Static(number))) if seconds(*number).is_some() => {
                nodes.next();
                if let Some(moment) = seconds(*number) {
                    sink.time(moment);
                }
            }
            _ => give_member(name_of(name), nodes, sink),
        }
    }
    sink.shape(shape);
}

fn give_member<'f, 'd: 'f>(
    name: &'d str,
    nodes: &mut Iter<'_, Node<'d>>,
    sink: &mut FieldSink<'f, 'd>,
) {
    match nodes.as_slice().first() {
        Some(&Node::Object { len, .. }) if len > 0 => {
            nodes.next();
            sink.nested(name, |sink| {
                for _ in 0..len {
                    let Some(&Node::String(name)) = nodes.next() else { break };
                    give_member(name, nodes, sink);
                }
            });
        }
        Some(Node::Static(StaticNode::Null)) => drop(nodes.next()),
        Some(_) | None => sink.value(name, read_value(nodes)),
    }
}

/// Returns the name under which a field of a message is kept.
fn name_of(name: &str) -> &str {
    match name.strip_prefix('_') {
        Some(bare) if !bare.is_empty() && !OWN.contains(&bare) => bare,
        Some(_) | None => name,
    }
}

/// Returns the moment of a number of seconds since 1970.
fn seconds(number: StaticNode) -> Option<Timestamp> {
    let (whole, fraction) = match number {
        StaticNode::I64(seconds) => (seconds as f64, 0.0),
        StaticNode::U64(seconds) => (seconds as f64, 0.0),
        StaticNode::F64(seconds) => (seconds.trunc(), seconds.fract()),
        StaticNode::Bool(_) | StaticNode::Null => return None,
    };
    // Whole seconds and fraction apart: their product would lose the last microsecond.
    let micros = whole * 1e6 + (fraction * 1e6).round();
    SECONDS.contains(&whole).then(|| Timestamp::from_micros(micros as i64))?
}
