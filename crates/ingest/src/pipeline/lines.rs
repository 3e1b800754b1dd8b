//! Lines become items: lines that belong together are joined, and each text that is whole goes
//! into the intake. What more lines may belong to is kept for the next piece of its stream.

use std::ops::ControlFlow;

use super::Held;
use crate::frame::content;
use crate::intake::Intake;
use crate::join::is_plain_object;
use crate::joiner::{Joiner, Next};
use crate::normalise::{LineKind, RecordDefaults};

/// Reads the lines of one piece into an intake.
pub(crate) struct LineIntake<'l, 'i> {
    intake: &'l mut Intake<'i>,
    joiner: &'l mut Joiner,
    kind: LineKind,
    defaults: &'l RecordDefaults,
}

impl<'l, 'i> LineIntake<'l, 'i> {
    /// Returns the way of lines that lack these defaults into an intake.
    pub(crate) fn new(
        intake: &'l mut Intake<'i>,
        joiner: &'l mut Joiner,
        kind: LineKind,
        defaults: &'l RecordDefaults,
    ) -> LineIntake<'l, 'i> {
        joiner.expect(kind.other_text());
        LineIntake { intake, joiner, kind, defaults }
    }

    /// Tells whether the batch takes a further line.
    #[inline]
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        self.intake.flow()
    }

    /// Takes one line. A blank one only counts in the numbering.
    pub(crate) fn line(&mut self, line: &[u8]) {
        let number = self.intake.advance();
        let text = content(line);
        if text.is_empty() {
            self.joiner.blank();
            return;
        }
        // Fast path: an object where no group is open is read where it stands.
        if is_plain_object(text) && !self.joiner.is_open() {
            return self.intake.line(text, self.kind, self.defaults);
        }
        if text.len() > self.intake.item_bytes_max() {
            self.pass_groups();
            return self.intake.line(text, self.kind, self.defaults);
        }
        let next = self.joiner.take(text, number);
        self.take_ready();
        match next {
            Next::Waiting => {}
            Next::WaitingThenLine => self.intake.line(text, self.kind, self.defaults),
        }
    }

    /// Takes one element of an array, or the only object of a body.
    pub(crate) fn element(&mut self, element: &[u8]) {
        self.intake.advance();
        let text = element.strip_prefix(crate::frame::BYTE_ORDER_MARK).unwrap_or(element);
        let text = text.trim_ascii();
        if !text.is_empty() {
            self.intake.line(text, self.kind, self.defaults);
        }
    }

    /// Takes the head of a line that is too long.
    pub(crate) fn too_long(&mut self, head: &[u8]) {
        self.intake.advance();
        self.pass_groups();
        self.intake.too_long(head, self.defaults);
    }

    /// Does what was said with lines that more may belong to, at the end of a piece.
    pub(crate) fn end(mut self, held: Held) {
        match held {
            Held::Kept => {}
            Held::Cut => self.joiner.cut(),
            Held::Closed => self.joiner.close(),
        }
        self.take_ready();
    }

    fn pass_groups(&mut self) {
        self.joiner.pass();
        self.take_ready();
    }

    /// Reads the texts whose groups are whole.
    fn take_ready(&mut self) {
        let ready = self.joiner.ready();
        // Fast path: lines of JSON leave nothing to wait.
        if ready.is_empty() {
            return;
        }
        let texts = ready.iter().map(|joined| (&*joined.bytes, joined.line, joined.line_count));
        self.intake.joined(texts, self.kind, self.defaults);
    }
}
