//! The bytes of a body are told apart: a window of them arrives, and leaves line by line or
//! element by element. What the window cuts stays for the next one, and an item beyond the limit
//! of a line is never held whole: its head is kept for the dead letter, the rest is skipped.
//!
//! Whether an item is too long does not depend on where windows were cut: white space and NUL
//! bytes before the text of a line do not count, everything else does.

use std::borrow::Cow;

use super::BodyFormat;
use crate::elements::{Elements, object_end};
use crate::frame::{BYTE_ORDER_MARK, HEAD_BYTES_MAX};

/// What a body consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item<'w> {
    /// A line without its end; perhaps blank.
    Line(&'w [u8]),
    /// An element of an array, or a body that is one object.
    Element(&'w [u8]),
    /// The head of a line or element beyond the limit.
    TooLong(Cow<'w, [u8]>),
}

/// Whether a window reaches to the end of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowEnd {
    /// More bytes follow.
    Open,
    /// The body ends with it.
    Last,
}

/// What the beginning of a body says about the rest.
#[derive(Debug)]
pub(super) enum Beginning {
    /// How it is told apart.
    Known(Splitter),
    /// Only blank lines yet: the count of bytes and lines.
    Blank {
        /// How many bytes they are.
        bytes: usize,
        /// How many lines they are.
        lines: u64,
    },
    /// An object whose end must be seen.
    Unfinished,
}

/// Tells the items of one body apart.
#[derive(Debug)]
pub(super) struct Splitter {
    rule: Rule,
    line_bytes_max: usize,
    /// Head of the item whose end is still to come.
    skipping: Option<Vec<u8>>,
    /// Whether white space before the text of the next line was dropped.
    has_dropped_start: bool,
}

#[derive(Debug)]
enum Rule {
    Lines,
    Elements(Elements),
}

impl Splitter {
    /// Returns how a body is told apart that begins with these bytes, without its byte order mark.
    pub(super) fn of(
        beginning: &[u8],
        format: BodyFormat,
        line_bytes_max: usize,
        end: WindowEnd,
    ) -> Beginning {
        let known = |rule| Beginning::Known(Splitter::new(rule, line_bytes_max));
        let text = beginning.trim_ascii_start();
        if text.is_empty() && end == WindowEnd::Open && format != BodyFormat::Text {
            return match memchr::memrchr(b'\n', beginning) {
                Some(last) => {
                    let lines = memchr::memchr_iter(b'\n', beginning).count() as u64;
                    Beginning::Blank { bytes: last + 1, lines }
                }
                None => known(Rule::Lines),
            };
        }
        match (format, text.first()) {
            (BodyFormat::Json | BodyFormat::JsonLines, Some(b'['))
                if starts_array(text, format) =>
            {
                known(Rule::Elements(Elements::of_array()))
            }
            (BodyFormat::Json, Some(b'{')) => match is_one_object(text, line_bytes_max, end) {
                Some(OneObject::Yes) => known(Rule::Elements(Elements::of_object())),
                Some(OneObject::No) => known(Rule::Lines),
                None => Beginning::Unfinished,
            },
            _ => known(Rule::Lines),
        }
    }

    fn new(rule: Rule, line_bytes_max: usize) -> Splitter {
        Splitter { rule, line_bytes_max, skipping: None, has_dropped_start: false }
    }

    /// Returns the next item of a window from a position on, and moves the position behind it;
    /// `None` when the rest of the window must be read with what follows.
    #[inline]
    pub(super) fn next<'w>(
        &mut self,
        window: &'w [u8],
        at: &mut usize,
        end: WindowEnd,
    ) -> Option<Item<'w>> {
        match self.rule {
            Rule::Lines => self.next_line(window, at, end),
            Rule::Elements(_) => self.next_element(window, at, end),
        }
    }

    #[inline]
    fn next_line<'w>(
        &mut self,
        window: &'w [u8],
        at: &mut usize,
        end: WindowEnd,
    ) -> Option<Item<'w>> {
        let rest = window.get(*at..).unwrap_or_default();
        let (line, length) = match memchr::memchr(b'\n', rest) {
            Some(found) => (rest.get(..found)?, found + 1),
            None if end == WindowEnd::Last && (!rest.is_empty() || self.skipping.is_some()) => {
                (rest, rest.len())
            }
            None => {
                self.keep_unfinished_line(rest, window.len(), at);
                return None;
            }
        };
        *at += length;
        let has_dropped_start = std::mem::take(&mut self.has_dropped_start);
        if let Some(mut head) = self.skipping.take() {
            extend_head(&mut head, line);
            if head.len() < HEAD_BYTES_MAX && head.ends_with(b"\r") {
                head.pop();
            }
            return Some(Item::TooLong(Cow::Owned(head)));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Fast path: nothing is special about it.
        if line.len() <= self.line_bytes_max && !has_dropped_start {
            return Some(Item::Line(line));
        }
        let text = without_start(line);
        let is_too_long = text.len() > self.line_bytes_max;
        Some(if is_too_long { Item::TooLong(Cow::Borrowed(head(text))) } else { Item::Line(text) })
    }

    /// Decides what is kept of a line whose end is not in the window.
    fn keep_unfinished_line(&mut self, rest: &[u8], window_length: usize, at: &mut usize) {
        if let Some(head) = &mut self.skipping {
            extend_head(head, rest);
            *at = window_length;
            return;
        }
        // One byte more than the limit may be the `\r` of an end that is not here yet.
        let most = self.line_bytes_max.saturating_add(1);
        if rest.len() <= most {
            return;
        }
        let text = without_start(rest);
        if text.len() > most {
            self.skipping = Some(head(text).to_vec());
            *at = window_length;
        } else {
            self.has_dropped_start = true;
            *at += rest.len() - text.len();
        }
    }

    fn next_element<'w>(
        &mut self,
        window: &'w [u8],
        at: &mut usize,
        end: WindowEnd,
    ) -> Option<Item<'w>> {
        let Rule::Elements(elements) = &mut self.rule else { return None };
        if let Some(head) = &mut self.skipping {
            let rest = window.get(*at..)?;
            match elements.find_end(rest) {
                Some(found) => {
                    elements.pass(*rest.get(found)?);
                    extend_head(head, rest.get(..found)?);
                    *at += found + 1;
                }
                None => {
                    extend_head(head, rest);
                    *at = window.len();
                    if end == WindowEnd::Open {
                        return None;
                    }
                }
            }
            if head.len() < HEAD_BYTES_MAX {
                head.truncate(head.trim_ascii_end().len());
            }
            return self.skipping.take().map(|head| Item::TooLong(Cow::Owned(head)));
        }
        loop {
            let rest = window.get(*at..)?;
            let Some(place) = elements.find(rest) else {
                *at = window.len();
                return None;
            };
            let element = match place.end {
                Some(found) => {
                    elements.pass(*rest.get(found)?);
                    *at += found + 1;
                    rest.get(place.start..found)?
                }
                None if end == WindowEnd::Last => {
                    *at = window.len();
                    rest.get(place.start..)?
                }
                None => {
                    *at += place.start;
                    let unfinished = rest.get(place.start..)?;
                    if unfinished.len() > self.line_bytes_max {
                        self.skipping = Some(head(unfinished).to_vec());
                        *at = window.len();
                    }
                    return None;
                }
            };
            let is_too_long = element.len() > self.line_bytes_max;
            let element = element.trim_ascii_end();
            if is_too_long {
                return Some(Item::TooLong(Cow::Borrowed(head(element))));
            }
            if !element.is_empty() {
                return Some(Item::Element(element));
            }
        }
    }
}

/// Returns what is kept of an item that is too long.
fn head(text: &[u8]) -> &[u8] {
    text.get(..HEAD_BYTES_MAX).unwrap_or(text)
}

/// Adds the next bytes of an item that is too long to what is kept of it.
fn extend_head(head: &mut Vec<u8>, text: &[u8]) {
    let missing = HEAD_BYTES_MAX.saturating_sub(head.len());
    head.extend_from_slice(text.get(..missing).unwrap_or(text));
}

/// Returns a line without the white space, byte order marks and NUL bytes that it begins with.
fn without_start(line: &[u8]) -> &[u8] {
    let mut text = line;
    loop {
        let rest = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        match rest.split_first() {
            Some((first, rest)) if *first == 0 || first.is_ascii_whitespace() => text = rest,
            Some(_) | None => return rest,
        }
    }
}

/// Tells whether a body is an array of records. In a body of lines `[` may also start a text
/// prefix, so there an object must follow.
fn starts_array(text: &[u8], format: BodyFormat) -> bool {
    let Some((b'[', inside)) = text.split_first() else { return false };
    let next = inside.trim_ascii_start().first();
    match format {
        BodyFormat::Json => true,
        BodyFormat::JsonLines => matches!(next, Some(b'{' | b']')),
        BodyFormat::Text => false,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OneObject {
    Yes,
    No,
}

/// Tells whether a body that starts with `{` is one object over several lines, as pretty-printed
/// ones are, and not an object a line; `None` when more of it must be seen.
///
/// An object beyond the limit of a line is no record in either case. It is one dead letter when
/// its first line is a bare brace, and each of its lines is one when not: then a line may be
/// damaged, and good ones follow.
fn is_one_object(text: &[u8], line_bytes_max: usize, end: WindowEnd) -> Option<OneObject> {
    let yes_if = |condition| Some(if condition { OneObject::Yes } else { OneObject::No });
    match (object_end(text), end) {
        (Some(length), _) => {
            let (object, behind) = text.split_at_checked(length)?;
            let is_alone = behind.trim_ascii_start().is_empty();
            yes_if(is_alone && (end == WindowEnd::Last || object.contains(&b'\n')))
        }
        (None, WindowEnd::Last) => Some(OneObject::No),
        (None, WindowEnd::Open) if text.len() <= line_bytes_max => None,
        (None, WindowEnd::Open) => {
            let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or(text);
            yes_if(first_line.trim_ascii() == b"{")
        }
    }
}

#[cfg(test)]
mod tests;
