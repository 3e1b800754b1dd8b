//! Bodies of lines, of an array, or of one object: what the splitter tells apart goes into the
//! intake, text lines by way of the joiner.

use std::sync::Arc;

use super::body::{BodyItems, Read, Window};
use super::splitter::{Beginning, Item, Splitter, WindowEnd};
use super::{BodyFormat, Held, LineIntake, estimate};
use crate::frame::BYTE_ORDER_MARK;
use crate::intake::Intake;
use crate::joiner::Joiner;
use crate::normalise::{IngestConfig, LineKind, RecordDefaults};

/// Finds the items of a body, whatever they are to a protocol.
#[derive(Debug)]
pub(crate) struct ItemFinder {
    format: BodyFormat,
    line_bytes_max: usize,
    /// Nothing until the beginning of the body was seen.
    splitter: Option<Splitter>,
    /// Lines before the first that is not blank.
    blank_count: u64,
}

impl ItemFinder {
    /// Returns who finds the items of a body before its first byte.
    pub(crate) fn new(format: BodyFormat, config: &IngestConfig) -> ItemFinder {
        let line_bytes_max = config.limits.line_bytes_max;
        ItemFinder { format, line_bytes_max, splitter: None, blank_count: 0 }
    }

    /// Looks at the beginning of the body, unless it was seen. Returns how many blank lines were
    /// passed; `None` when more of the body must be seen.
    fn begin(&mut self, window: &mut Window<'_>) -> Option<u64> {
        if self.splitter.is_some() {
            return Some(0);
        }
        if self.blank_count == 0 && window.at == 0 && window.bytes.starts_with(BYTE_ORDER_MARK) {
            window.at = BYTE_ORDER_MARK.len();
        }
        match Splitter::of(window.unread(), self.format, self.line_bytes_max, window.end) {
            Beginning::Known(splitter) => {
                self.splitter = Some(splitter);
                Some(std::mem::take(&mut self.blank_count))
            }
            Beginning::Blank { bytes, lines } => {
                window.at += bytes;
                self.blank_count += lines;
                None
            }
            Beginning::Unfinished => None,
        }
    }

    /// Returns the next item, and moves the window behind it; `None` when the rest of the window
    /// must be read with what follows.
    #[inline]
    pub(crate) fn next<'w>(&mut self, window: &mut Window<'w>) -> Option<Item<'w>> {
        if self.splitter.is_none() {
            self.begin(window)?;
        }
        self.splitter.as_mut()?.next(window.bytes, &mut window.at, window.end)
    }
}

/// Reads the body of `POST /api/v1/ingest`.
#[derive(Debug)]
pub(crate) struct LineItems {
    finder: ItemFinder,
    kind: LineKind,
    defaults: Arc<RecordDefaults>,
    /// Lines whose group may go on with the next window.
    joiner: Joiner,
}

impl LineItems {
    /// Returns a reader of a body before its first byte.
    pub(crate) fn new(
        format: BodyFormat,
        config: &IngestConfig,
        defaults: Arc<RecordDefaults>,
    ) -> LineItems {
        let kind = match format {
            BodyFormat::Json | BodyFormat::JsonLines => LineKind::Json,
            BodyFormat::Text => LineKind::Text,
        };
        let joiner = Joiner::new(kind.other_text(), config.limits.line_bytes_max);
        LineItems { finder: ItemFinder::new(format, config), kind, defaults, joiner }
    }
}

impl BodyItems for LineItems {
    fn read(&mut self, window: &mut Window<'_>, intake: &mut Intake<'_>) -> Read {
        let Some(blank_count) = self.finder.begin(window) else { return Read::Starved };
        intake.skip(blank_count);
        let mut lines = LineIntake::new(intake, &mut self.joiner, self.kind, &self.defaults);
        loop {
            if lines.flow().is_break() {
                lines.end(Held::Kept);
                return Read::Full;
            }
            match self.finder.next(window) {
                Some(Item::Line(line)) => lines.line(line),
                Some(Item::Element(element)) => lines.element(element),
                Some(Item::TooLong(head)) => lines.too_long(&head),
                None => break,
            }
        }
        lines.end(if window.end == WindowEnd::Last { Held::Closed } else { Held::Kept });
        Read::Starved
    }

    fn batch_bytes(&self, unread: &[u8]) -> usize {
        estimate(unread, &self.defaults)
    }

    fn first_waiting(&self) -> Option<u64> {
        self.joiner.first_waiting_line()
    }
}
