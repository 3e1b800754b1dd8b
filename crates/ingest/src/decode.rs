//! One line of JSON becomes a tape of values that borrow from the decoder's buffers.
//!
//! The strict parser is simd-json, which unescapes in place and does not recurse; it has its own
//! depth limit. What it refuses goes through [`crate::repair`], which turns what Python writes
//! (`NaN`, `Infinity`, lone surrogates) and numbers beyond 64 bits into text, and is parsed once
//! more. A line is never changed: it is copied first, because its dead letter needs it whole.

use std::borrow::Cow;

use simd_json::{Buffers, ErrorType, INPUT_PADDING, Node, StaticNode, Tape};
use tierlog_model::{RejectReason, Value};

use crate::repair::repair;

/// Longest line for which the parser's buffers are kept; longer ones are rare and would pin
/// memory for as long as their connection lives.
const KEPT_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Deepest nesting that configuration may allow: what walks the values recurses.
const NESTING_DEPTH_CEILING: usize = 512;

/// Why the strict parser refuses a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParseError {
    TooDeep,
    Refused,
}

/// Why a line is no record, without a word of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reject {
    /// The named reason.
    pub(crate) reason: RejectReason,
    /// What exactly is wrong.
    pub(crate) detail: Cow<'static, str>,
    /// The service of a line that could be read but may not be stored.
    pub(crate) service: Option<String>,
}

impl Reject {
    /// Returns a rejection with its explanation.
    pub(crate) fn new(reason: RejectReason, detail: impl Into<Cow<'static, str>>) -> Reject {
        Reject { reason, detail: detail.into(), service: None }
    }

    /// Returns the rejection of a record whose objects and arrays nest too deep.
    pub(crate) fn too_deep(depth_max: usize) -> Reject {
        let detail = format!("nested deeper than {depth_max} levels");
        Reject::new(RejectReason::TooDeep, detail)
    }

    /// Returns the rejection of a line with a service.
    #[cold]
    pub(crate) fn of_service(self, service: Option<&str>) -> Reject {
        Reject { service: service.map(str::to_owned), ..self }
    }
}

/// Buffer for the unescaped text of one line. Reused from line to line.
#[derive(Debug, Default)]
pub(crate) struct TextBuffer {
    /// Copy of the line as it came.
    strict: Vec<u8>,
    /// The line after repair. Apart from `strict`, which a returned tape may borrow.
    repaired: Vec<u8>,
}

impl TextBuffer {
    /// Gives memory back after a line that was unusually long.
    pub(crate) fn shrink(&mut self) {
        for buffer in [&mut self.strict, &mut self.repaired] {
            if buffer.capacity() > KEPT_BUFFER_BYTES_MAX {
                *buffer = Vec::new();
            }
        }
    }
}

/// The parsers and their reusable memory.
pub(crate) struct Decoder {
    buffers: Buffers,
    tape: Option<Tape<'static>>,
    depth_max: usize,
}

impl Decoder {
    /// Returns a decoder that refuses deeper nesting than the limit.
    pub(crate) fn new(depth_max: usize) -> Decoder {
        let depth_max = depth_max.min(NESTING_DEPTH_CEILING);
        Decoder { buffers: Buffers::with_max_depth(0, depth_max), tape: None, depth_max }
    }

    /// Parses one JSON value. The tape borrows from `text`, not from the decoder.
    pub(crate) fn decode<'a>(
        &mut self,
        line: &[u8],
        text: &'a mut TextBuffer,
    ) -> Result<Tape<'a>, Reject> {
        let TextBuffer { strict, repaired } = text;
        let error = match self.parse(line, strict) {
            Ok(tape) => return Ok(tape),
            Err(error) => error,
        };
        if error == ParseError::TooDeep {
            return Err(self.too_deep());
        }
        if std::str::from_utf8(line).is_err() {
            return Err(Reject::new(RejectReason::InvalidUtf8, "line is not valid UTF-8"));
        }
        let Some(mended) = repair(line) else { return Err(invalid_json(line)) };
        match self.parse(&mended, repaired) {
            Ok(tape) => Ok(tape),
            Err(ParseError::TooDeep) => Err(self.too_deep()),
            Err(ParseError::Refused) => Err(invalid_json(&mended)),
        }
    }

    /// Tells whether a text is one JSON value, without keeping the values.
    pub(crate) fn probe(&mut self, line: &[u8], text: &mut TextBuffer) -> Result<(), Reject> {
        let tape = self.decode(line, text)?;
        self.recycle(tape);
        Ok(())
    }

    /// Takes a tape back after the values were read: the next line uses the same memory.
    pub(crate) fn recycle(&mut self, tape: Tape<'_>) {
        self.tape = Some(tape.reset());
    }

    /// Gives memory back after a line that was unusually long.
    pub(crate) fn shrink(&mut self, line_bytes: usize) {
        if line_bytes > KEPT_BUFFER_BYTES_MAX {
            self.buffers = Buffers::with_max_depth(0, self.depth_max);
            self.tape = None;
        }
    }

    fn parse<'a>(&mut self, line: &[u8], text: &'a mut Vec<u8>) -> Result<Tape<'a>, ParseError> {
        text.clear();
        text.reserve(line.len() + INPUT_PADDING);
        text.extend_from_slice(line);
        text.resize(line.len() + INPUT_PADDING, b' ');
        let mut tape: Tape<'a> = match self.tape.take() {
            Some(tape) => tape.reset(),
            None => Tape(Vec::new()),
        };
        match simd_json::fill_tape_padded(text, line.len(), &mut self.buffers, &mut tape) {
            Ok(()) => Ok(tape),
            Err(error) => {
                self.recycle(tape);
                let too_deep = matches!(error.error(), ErrorType::DepthLimitExceeded);
                Err(if too_deep { ParseError::TooDeep } else { ParseError::Refused })
            }
        }
    }

    fn too_deep(&self) -> Reject {
        Reject::too_deep(self.depth_max)
    }
}

/// Explains where a line stops being JSON. serde_json's messages name positions, never content.
fn invalid_json(line: &[u8]) -> Reject {
    let detail = match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
        Ok(_) => Cow::Borrowed("not valid JSON"),
        Err(error) => {
            let text = error.to_string();
            let problem = text.split(" at line ").next().unwrap_or("not valid JSON");
            Cow::Owned(format!("{problem} at byte {}", error.column()))
        }
    };
    Reject::new(RejectReason::InvalidJson, detail)
}

/// Returns the next value of a tape, which is no filled object, and moves past it.
pub(crate) fn read_value<'a>(nodes: &mut std::slice::Iter<'_, Node<'a>>) -> Value<'a> {
    match nodes.as_slice().first() {
        Some(&Node::String(text)) => {
            nodes.next();
            Value::Str(Cow::Borrowed(text))
        }
        Some(&Node::Static(value)) => {
            nodes.next();
            match value {
                StaticNode::Bool(value) => Value::Bool(value),
                StaticNode::I64(value) => Value::I64(value),
                StaticNode::U64(value) => {
                    i64::try_from(value).map_or(Value::U64(value), Value::I64)
                }
                StaticNode::F64(value) => Value::F64(value),
                StaticNode::Null => Value::Json(Cow::Borrowed("null")),
            }
        }
        Some(Node::Array { .. } | Node::Object { .. }) | None => {
            let mut text = String::new();
            write_json(nodes, &mut text);
            Value::Json(Cow::Owned(text))
        }
    }
}

/// Writes the next value of a tape as compact JSON and moves past it.
///
/// Recursion is bounded by the decoder's depth limit.
fn write_json<'a, 't>(nodes: &mut std::slice::Iter<'t, Node<'a>>, out: &mut String) {
    match nodes.next() {
        Some(Node::String(text)) => write_json_text(text, out),
        Some(Node::Static(value)) => write_static(*value, out),
        Some(Node::Array { len, .. }) => {
            out.push('[');
            for position in 0..*len {
                if position > 0 {
                    out.push(',');
                }
                write_json(nodes, out);
            }
            out.push(']');
        }
        Some(Node::Object { len, .. }) => {
            out.push('{');
            for position in 0..*len {
                if position > 0 {
                    out.push(',');
                }
                write_json(nodes, out);
                out.push(':');
                write_json(nodes, out);
            }
            out.push('}');
        }
        None => {}
    }
}

/// Writes a number, a truth value or null as JSON.
pub(crate) fn write_static(value: StaticNode, out: &mut String) {
    use std::fmt::Write;
    // Writing into a String cannot fail.
    let _ = match value {
        StaticNode::Null => out.write_str("null"),
        StaticNode::Bool(value) => write!(out, "{value}"),
        StaticNode::I64(value) => write!(out, "{value}"),
        StaticNode::U64(value) => write!(out, "{value}"),
        // `{:?}` is the shortest form that reads back to the same number, with a point or
        // exponent that keeps it a float.
        StaticNode::F64(value) => write!(out, "{value:?}"),
    };
}

/// Writes a text as JSON.
pub(crate) fn write_json_text(text: &str, out: &mut String) {
    match serde_json::to_string(text) {
        Ok(quoted) => out.push_str(&quoted),
        Err(_) => out.push_str("\"\""),
    }
}

#[cfg(test)]
mod tests;
