//! Dead letters: rejected lines, kept for a while for whoever mends the sender.
//!
//! Arrives: the bytes of a line that is no record, perhaps not UTF-8, perhaps cut. Leaves: a
//! record of kind dead letter. The line is redacted as text before it is shortened, so that a
//! secret at the cut is seen whole.

use std::borrow::Cow;

use tierlog_model::limits::DEAD_LETTER_BYTES_MAX;
use tierlog_model::{Level, Record, RecordKind, RejectReason, Timestamp, Value, fields};

use super::cut::cut;

/// A rejected line.
#[derive(Clone, Debug)]
pub struct DeadLetter<'a> {
    /// When the line arrived.
    pub arrival: Timestamp,
    /// Why it was rejected.
    pub reason: RejectReason,
    /// What exactly was wrong.
    pub detail: Cow<'a, str>,
    /// The line, or its beginning. It need not be UTF-8.
    pub line: Cow<'a, [u8]>,
    /// The service, where it is known.
    pub service: Option<&'a str>,
    /// The source, where it is known.
    pub source: Option<&'a str>,
}

/// How much of a line is read: what is kept, and as much again so that whatever lies across the cut
/// is seen whole. Longer tokens exist, and are still found by the start of the token.
const READ_BYTES_MAX: usize = 4 * DEAD_LETTER_BYTES_MAX;

/// End of a line after a cut by the source: half an address or number may stand there, no detector
/// can tell, and the end is dropped unread.
const CUT_BYTES: usize = 256;

impl<'a> DeadLetter<'a> {
    /// Returns the record, not redacted yet, its line longer than it will be.
    pub(super) fn into_record(self) -> Record<'a> {
        let text = |value: Cow<'a, str>| Value::Str(value);
        // Of a line that is too long, its source may have kept the head only.
        let is_cut = self.reason == RejectReason::TooLong || self.line.len() > READ_BYTES_MAX;
        let mut record_fields = vec![
            (Cow::Borrowed(fields::REASON), text(Cow::Borrowed(self.reason.as_str()))),
            (Cow::Borrowed(fields::DETAIL), text(self.detail)),
            (Cow::Borrowed(fields::MESSAGE), text(readable(self.line))),
        ];
        let known = [(fields::SERVICE, self.service), (fields::SOURCE, self.source)];
        for (name, value) in known {
            if let Some(value) = value {
                record_fields.push((Cow::Borrowed(name), text(Cow::Borrowed(value))));
            }
        }
        if is_cut {
            record_fields.push((Cow::Borrowed(fields::TRUNCATED), Value::Bool(true)));
        }
        Record {
            timestamp: self.arrival,
            level: Level::Warning,
            kind: RecordKind::DeadLetter,
            fields: record_fields,
        }
    }
}

/// Returns the beginning of the line as text, with marks where it is not UTF-8.
fn readable(line: Cow<'_, [u8]>) -> Cow<'_, str> {
    match line {
        Cow::Borrowed(line) => String::from_utf8_lossy(line.get(..READ_BYTES_MAX).unwrap_or(line)),
        Cow::Owned(mut line) => {
            line.truncate(READ_BYTES_MAX);
            Cow::Owned(String::from_utf8_lossy(&line).into_owned())
        }
    }
}

/// What stands in place of a line of which nothing may be kept.
const HIDDEN: &str = "[REDACTED]";

/// Takes the line out of a dead letter: where rules say which fields may be stored, a line that was
/// not told apart into fields may not.
pub(super) fn hide_line(record: &mut Record<'_>) {
    let message = record.fields.iter_mut().find(|(name, _)| name == fields::MESSAGE);
    if let Some((_, text)) = message {
        *text = Value::Str(Cow::Borrowed(HIDDEN));
    }
}

/// Cuts the redacted line to what a dead letter keeps.
pub(super) fn shorten(record: &mut Record<'_>, reason: RejectReason) {
    let message = record.fields.iter_mut().find(|(name, _)| name == fields::MESSAGE);
    let Some((_, Value::Str(text))) = message else { return };
    let was_cut = reason == RejectReason::TooLong && text.len() > 2 * CUT_BYTES;
    let known_bytes = if was_cut { text.len() - CUT_BYTES } else { text.len() };
    let kept = cut(text, known_bytes.min(DEAD_LETTER_BYTES_MAX));
    if kept.len() < text.len() {
        *text = Cow::Owned(kept.to_owned());
        if record.get(fields::TRUNCATED).is_none() {
            record.fields.push((Cow::Borrowed(fields::TRUNCATED), Value::Bool(true)));
        }
    }
}
