//! Which lines belong together: a traceback to the line that it was logged with, the pieces of a
//! line that a container runtime cut to each other.
//!
//! Lines arrive one by one, in order; the step of each line says whether the line continues a
//! group. Nothing is kept but what the next line is compared with, and a line of JSON never goes on
//! with anything. `tierlog send` uses the same state, so that it does not cut a batch inside of a
//! group.
//!
//! | behind | belongs to it |
//! |---|---|
//! | a line of a known format | indented lines; a trace, when the line is a warning or worse |
//! | an access line | nothing |
//! | a line of PostgreSQL | also `DETAIL`, `HINT`, `STATEMENT` of the same process |
//! | a text of no known format | a trace |
//! | a line of a trace | what its language writes there ([`Trace`]) |
//! | the error of a trace behind a dated line | further lines of its message ([`Margin`]) |
//! | a piece of a line (CRI's `P`, Docker's 16 KiB) | the next piece |
//!
//! Lines of container runtimes (Docker, CRI) and of log routers (syslog, Heroku) are looked into:
//! what they carry is compared, and a group has lines of one stream of one program only. Groups of
//! several streams may be open at a time.

use std::borrow::Cow;

use crate::frame::content;
use crate::normalise::{CriLine, Extent, cri_line};
use crate::text::{Known, Margin, Takes, Trace, is_further, known, without_colours};

/// Streams whose groups may be open at a time. A container has two; a router may mix programs,
/// whose oldest group is then closed early and loses nothing.
pub(crate) const STREAMS_MAX: usize = 4;

/// How a line of Docker's json-file driver begins.
const DOCKER_HEAD: &[u8] = b"{\"log\":\"";

/// From this length on, text without a line break in Docker's `log` is a piece of a line: pieces
/// have 16 KiB, and a character that the cut divides is counted with less.
const DOCKER_PIECE_BYTES_MIN: usize = 16 * 1024 - 3;

/// The fate of text of no known format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherText {
    /// Rejected: such a text opens no group.
    #[default]
    Rejected,
    /// A message: a trace behind the text belongs to the record.
    Message,
}

/// How a line continues the line before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glue {
    /// As a line of the same text.
    LineBreak,
    /// As the next piece of the same line; the last piece ends the line.
    Piece(Extent),
}

/// The place of a line in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Alone: no later line continues such a line.
    Apart,
    /// The first line of a group, open in this place.
    Opens(usize),
    /// A continuation of the group in this place.
    Continues(usize, Glue),
}

/// What a group expects.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// What a line of a known format takes.
    Head(Takes),
    /// A trace behind a text of no known format.
    Other,
    /// More of a trace.
    Trace(Trace, Margin),
    /// The next piece of a cut line, and afterwards the continuation that the first piece
    /// announces.
    Piece(Option<Box<State>>),
}

/// Lines that go on with each other.
#[derive(Clone, Debug)]
struct Group {
    /// Whose lines: empty for lines without a wrapper.
    stream: Vec<u8>,
    state: State,
}

/// Which groups of lines are open.
#[derive(Clone, Debug, Default)]
pub struct Joining {
    other: OtherText,
    groups: [Option<Group>; STREAMS_MAX],
}

/// A line as it is compared.
struct Line<'l> {
    stream: Vec<u8>,
    text: Cow<'l, str>,
    extent: Extent,
}

/// The parts of a line of Docker's json-file driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DockerLine<'l> {
    /// Where the escaped text of the application ends in the line.
    pub(crate) end: usize,
    /// The escaped text.
    pub(crate) escaped: &'l [u8],
    /// What stands behind the text.
    pub(crate) rest: &'l [u8],
}

impl Joining {
    /// Returns the state before the first line.
    pub fn new(other: OtherText) -> Joining {
        Joining { other, groups: Default::default() }
    }

    /// Sets the fate of text of no known format.
    pub(crate) fn expect(&mut self, other: OtherText) {
        self.other = other;
    }

    /// Tells whether a line continues an earlier line: the two must not be parted. Blank lines are
    /// no lines.
    pub fn continues(&mut self, line: &[u8]) -> bool {
        let line = content(line);
        !line.is_empty() && matches!(self.step(line), Step::Continues(..))
    }

    /// Tells whether a line to come may go on with one that was here.
    pub fn is_open(&self) -> bool {
        self.groups.iter().any(Option::is_some)
    }

    /// Closes every group: the next line opens another group or stands alone.
    pub fn close(&mut self) {
        self.groups = Default::default();
    }

    /// Tells whether the group in a place is open.
    pub(crate) fn is_open_at(&self, place: usize) -> bool {
        self.groups.get(place).is_some_and(Option::is_some)
    }

    /// Takes the next line, which is not blank.
    pub(crate) fn step(&mut self, line: &[u8]) -> Step {
        // Fast path: an ordinary line of JSON behind ordinary lines of JSON.
        if is_plain_object(line) {
            self.close();
            return Step::Apart;
        }
        let Some(line) = Line::read(line) else {
            self.close();
            return Step::Apart;
        };
        let place = self.place_of(&line.stream);
        let before = self.groups.get_mut(place).and_then(Option::take).map(|group| group.state);
        let (step, state) = self.decide(before, &line, place);
        if let (Some(state), Some(group)) = (state, self.groups.get_mut(place)) {
            *group = Some(Group { stream: line.stream, state });
        }
        step
    }

    /// Returns the place of a stream. Lines without a wrapper and lines with one are not mixed by
    /// any runtime: the one kind closes the groups of the other.
    fn place_of(&mut self, stream: &[u8]) -> usize {
        for group in &mut self.groups {
            if group.as_ref().is_some_and(|group| group.stream.is_empty() != stream.is_empty()) {
                *group = None;
            }
        }
        let of_stream =
            |group: &Option<Group>| group.as_ref().is_some_and(|group| group.stream == stream);
        if let Some(place) = self.groups.iter().position(of_stream) {
            return place;
        }
        if let Some(place) = self.groups.iter().position(Option::is_none) {
            return place;
        }
        self.close();
        0
    }

    /// Says what a line is to the group of its stream, and what the group expects then.
    fn decide(
        &self,
        before: Option<State>,
        line: &Line<'_>,
        place: usize,
    ) -> (Step, Option<State>) {
        if let Some(State::Piece(then)) = before {
            let glue = Step::Continues(place, Glue::Piece(line.extent));
            return match line.extent {
                Extent::Partial => (glue, Some(State::Piece(then))),
                Extent::Full => (glue, then.map(|state| *state)),
            };
        }
        let text = line.text.as_ref();
        if let Some(state) = before.and_then(|state| goes_on(state, text)) {
            let step = Step::Continues(place, Glue::LineBreak);
            return match line.extent {
                Extent::Full => (step, Some(state)),
                Extent::Partial => (step, Some(State::Piece(Some(Box::new(state))))),
            };
        }
        let state = self.opens(text);
        match (line.extent, state) {
            (Extent::Partial, state) => {
                (Step::Opens(place), Some(State::Piece(state.map(Box::new))))
            }
            (Extent::Full, Some(state)) => (Step::Opens(place), Some(state)),
            (Extent::Full, None) => (Step::Apart, None),
        }
    }

    /// Returns the continuation that a first line announces.
    fn opens(&self, text: &str) -> Option<State> {
        if text.starts_with('{') {
            return None;
        }
        match known(text) {
            Some(Known::Head(Takes::Nothing)) => return None,
            Some(Known::Head(takes)) => return Some(State::Head(takes)),
            Some(Known::Carrier(..)) => return Some(State::Head(Takes::Traces(Margin::Apart))),
            None => {}
        }
        match (Trace::begin(text), self.other) {
            (Some(trace), _) => Some(State::Trace(trace, Margin::Apart)),
            (None, OtherText::Message) if !text.trim().is_empty() => Some(State::Other),
            (None, OtherText::Message | OtherText::Rejected) => None,
        }
    }
}

/// Returns what a group expects behind a line, or nothing when the line does not belong to it.
fn goes_on(state: State, text: &str) -> Option<State> {
    let is_indented = text.starts_with([' ', '\t']);
    let is_blank = text.trim().is_empty();
    match state {
        State::Trace(trace, margin) if is_blank => Some(State::Trace(trace, margin)),
        State::Head(_) | State::Other if is_blank => None,
        State::Trace(trace, margin) if is_indented || trace.takes_first(text) => {
            trace.next(text).map(|trace| State::Trace(trace, margin))
        }
        State::Trace(_, _) if known(text).is_some() => None,
        State::Trace(trace, margin) => match trace.next(text) {
            Some(next) => Some(State::Trace(next, margin)),
            None if trace.has_message() => margin.next().map(|margin| State::Trace(trace, margin)),
            None => None,
        },
        State::Head(Takes::Nothing) => None,
        State::Head(takes) if is_indented => {
            let trace = Trace::begin(text).map(|trace| State::Trace(trace, takes.margin()));
            Some(trace.unwrap_or(State::Head(takes)))
        }
        State::Head(Takes::Further(process)) => {
            is_further(text, &process).then_some(State::Head(Takes::Further(process)))
        }
        State::Head(Takes::Indented) => None,
        State::Head(Takes::Traces(margin)) => match known(text) {
            Some(_) => None,
            None => Trace::begin_behind_head(text).map(|trace| State::Trace(trace, margin)),
        },
        State::Other => match known(text) {
            Some(_) => None,
            None => Trace::begin(text).map(|trace| State::Trace(trace, Margin::Apart)),
        },
        // A piece was looked at before.
        State::Piece(_) => None,
    }
}

impl<'l> Line<'l> {
    /// Reads a line other than an ordinary object; `None` for bytes that are no text.
    fn read(line: &'l [u8]) -> Option<Line<'l>> {
        if let Some(docker) = docker_line(line) {
            return Line::of_docker(line, &docker);
        }
        if line.first() == Some(&b'{') {
            return None;
        }
        let text = std::str::from_utf8(line).ok()?;
        if let Some(CriLine { stream, extent, content, .. }) = cri_line(text) {
            let stream = stream.as_bytes().to_vec();
            return Some(Line { stream, text: without_colours(content), extent });
        }
        let text = without_colours(text);
        let carried = match known(&text) {
            Some(Known::Carrier(program, line)) => Some((program, line.into_owned())),
            Some(Known::Head(_)) | None => None,
        };
        Some(match carried {
            Some((program, line)) => {
                Line { stream: program.into_bytes(), text: Cow::Owned(line), extent: Extent::Full }
            }
            None => Line { stream: Vec::new(), text, extent: Extent::Full },
        })
    }

    fn of_docker(line: &'l [u8], docker: &DockerLine<'_>) -> Option<Line<'l>> {
        let quoted = line.get(DOCKER_HEAD.len() - 1..=docker.end)?;
        let text: Cow<'l, str> = match serde_json::from_slice::<Cow<'_, str>>(quoted) {
            Ok(text) => Cow::Owned(text.into_owned()),
            Err(_) => return None,
        };
        let is_piece = !text.ends_with('\n') && text.len() >= DOCKER_PIECE_BYTES_MIN;
        let extent = if is_piece { Extent::Partial } else { Extent::Full };
        let text = without_colours(text.trim_end_matches(['\n', '\r'])).into_owned();
        Some(Line { stream: stream_of_docker(docker.rest), text: Cow::Owned(text), extent })
    }
}

/// The text that a continuation adds to a group.
pub(crate) enum Part<'l> {
    /// Text as escaped between quotes.
    Escaped(&'l [u8]),
    /// Text.
    Text(Cow<'l, str>),
}

/// Returns the text that a continuation adds to a group: the line without a wrapper.
pub(crate) fn part_of(line: &[u8]) -> Part<'_> {
    if let Some(docker) = docker_line(line) {
        return Part::Escaped(docker.escaped);
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Part::Text(String::from_utf8_lossy(line));
    };
    if let Some(cri) = cri_line(text) {
        return Part::Text(Cow::Borrowed(cri.content));
    }
    let plain = without_colours(text);
    match known(&plain) {
        Some(Known::Carrier(_, carried)) => Part::Text(Cow::Owned(carried.into_owned())),
        Some(Known::Head(_)) | None => Part::Text(Cow::Borrowed(text)),
    }
}

/// Tells whether a line is an object that no runtime wraps text in.
pub(crate) fn is_plain_object(line: &[u8]) -> bool {
    line.first() == Some(&b'{') && !line.starts_with(DOCKER_HEAD)
}

/// Finds the text in a line of Docker's json-file driver.
pub(crate) fn docker_line(line: &[u8]) -> Option<DockerLine<'_>> {
    let inside = line.strip_prefix(DOCKER_HEAD)?;
    let mut at = 0;
    loop {
        let found = memchr::memchr2(b'"', b'\\', inside.get(at..)?)?;
        at += found;
        if inside.get(at) == Some(&b'"') {
            break;
        }
        at += 2;
    }
    let (escaped, rest) = inside.split_at_checked(at)?;
    let is_object = rest.starts_with(b"\",\"") && rest.ends_with(b"}");
    is_object.then_some(DockerLine { end: DOCKER_HEAD.len() + at, escaped, rest })
}

/// Returns what stands behind Docker's text without the moment, which differs from line to line.
fn stream_of_docker(rest: &[u8]) -> Vec<u8> {
    const TIME: &[u8] = b"\"time\":\"";
    let Some(start) = memchr::memmem::find(rest, TIME) else { return rest.to_vec() };
    let (before, value) = rest.split_at_checked(start + TIME.len()).unwrap_or((rest, b""));
    let end = memchr::memchr(b'"', value).unwrap_or(value.len());
    [before, value.get(end..).unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests;
