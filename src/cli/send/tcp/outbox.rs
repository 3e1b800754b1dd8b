//! Lines between the input and their acknowledgement.
//!
//! The input's lines arrive, numbered from 1, blank ones left out; whole pieces leave to a
//! connection, from any number that is not acknowledged yet, so that a new connection sends
//! again what an old one may have lost. Acknowledged lines are forgotten. What is held is
//! bounded: a full outbox stops the input.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tierlog_ingest::is_blank;

/// Bytes that wait for their acknowledgement before the input is stopped: several full batches
/// of the server, so that it never waits for us.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

/// What a connection does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It sends these bytes from this offset; the last line in them has this number.
    Send(Arc<Vec<u8>>, usize, u64),
    /// Everything was handed out and the input has ended.
    Done,
    /// The connection is broken.
    Broken,
}

/// What has become of the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Number of the last line that is durable.
    pub(super) durable: u64,
    /// Lines of this run that are durable as dead letters only.
    pub(super) rejected: u64,
    /// Lines that an earlier run had brought already.
    pub(super) skipped: u64,
    /// Bytes of the input whose lines are durable.
    pub(super) bytes: u64,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Piece>,
    waiting_bytes: usize,
    /// Number of the last line of the input so far.
    last_line: u64,
    /// Lines up to here are durable already and are left out.
    skip_through: u64,
    figures: Figures,
    /// Rejected lines of former connections.
    rejected_before: u64,
    input: Input,
    broken: bool,
    /// Lines that are too long to be sent, by their number in the input.
    too_long: Vec<u64>,
}

#[derive(Debug)]
enum Input {
    Open,
    Ended,
    Failed(anyhow::Error),
}

#[derive(Debug)]
struct Piece {
    first: u64,
    line_count: u64,
    bytes: Arc<Vec<u8>>,
    /// Bytes of the input that it stands for.
    input_bytes: u64,
}

impl Piece {
    fn last(&self) -> u64 {
        self.first + self.line_count - 1
    }

    /// Returns where a line begins.
    fn offset_of(&self, line: u64) -> usize {
        let before = usize::try_from(line.saturating_sub(self.first)).unwrap_or(usize::MAX);
        match before.checked_sub(1) {
            None => 0,
            Some(breaks) => memchr::memchr_iter(b'\n', &self.bytes)
                .nth(breaks)
                .map_or(self.bytes.len(), |line_break| line_break + 1),
        }
    }
}

impl Outbox {
    /// Returns an outbox for a producer whose first lines are durable already.
    pub(super) fn new(durable: u64) -> Outbox {
        let state = State {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            last_line: 0,
            skip_through: durable,
            figures: Figures::default(),
            rejected_before: 0,
            input: Input::Open,
            broken: false,
            too_long: Vec::new(),
        };
        Outbox { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Takes whole lines of the input; waits while too much is waiting.
    pub(super) fn push(&self, input: &[u8]) {
        let mut state = self.lock();
        let mut bytes = Vec::with_capacity(input.len());
        let mut line_count = 0;
        let mut skipped = 0;
        for line in input.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_blank(line)) {
            if state.last_line < state.skip_through {
                skipped += 1;
            } else {
                bytes.extend_from_slice(line);
                line_count += 1;
            }
            state.last_line += 1;
        }
        state.figures.skipped += skipped;
        let known = state.last_line.min(state.skip_through);
        state.figures.durable = state.figures.durable.max(known);
        if line_count == 0 {
            state.figures.bytes += input.len() as u64;
            return;
        }
        while state.waiting_bytes >= WAITING_BYTES_MAX {
            state = self.wait(state);
        }
        let first = state.last_line - line_count + 1;
        state.waiting_bytes += bytes.len();
        let (bytes, input_bytes) = (Arc::new(bytes), input.len() as u64);
        state.waiting.push_back(Piece { first, line_count, bytes, input_bytes });
        self.changed.notify_all();
    }

    /// Notes a line that is not sent.
    pub(super) fn too_long(&self, input_line: u64) {
        self.lock().too_long.push(input_line);
    }

    /// Says that the input has ended, or why it cannot be read.
    pub(super) fn end(&self, ended: anyhow::Result<()>) {
        self.lock().input = match ended {
            Ok(()) => Input::Ended,
            Err(error) => Input::Failed(error),
        };
        self.changed.notify_all();
    }

    /// Begins a connection. Returns the number of the first line that it has to send.
    pub(super) fn connected(&self) -> u64 {
        let mut state = self.lock();
        state.broken = false;
        state.rejected_before = state.figures.rejected;
        state.figures.durable.max(state.skip_through) + 1
    }

    /// Says that the connection is broken.
    pub(super) fn broken(&self) {
        self.lock().broken = true;
        self.changed.notify_all();
    }

    /// Waits for lines from a number on.
    pub(super) fn next(&self, from: u64) -> Next {
        let mut state = self.lock();
        loop {
            if state.broken {
                return Next::Broken;
            }
            if let Some(piece) = state.waiting.iter().find(|piece| piece.last() >= from) {
                return Next::Send(Arc::clone(&piece.bytes), piece.offset_of(from), piece.last());
            }
            if !matches!(state.input, Input::Open) {
                return Next::Done;
            }
            state = self.wait(state);
        }
    }

    /// Takes an acknowledgement of the connection: lines up to a number are durable, so many of
    /// the connection's lines as dead letters.
    pub(super) fn acknowledge(&self, durable: u64, rejected: u64) -> Figures {
        let mut state = self.lock();
        state.figures.durable = state.figures.durable.max(durable);
        state.figures.rejected = state.rejected_before + rejected;
        while state.waiting.front().is_some_and(|piece| piece.last() <= durable) {
            let Some(piece) = state.waiting.pop_front() else { break };
            state.waiting_bytes -= piece.bytes.len();
            state.figures.bytes += piece.input_bytes;
        }
        self.changed.notify_all();
        state.figures
    }

    /// Tells whether lines wait for their acknowledgement.
    pub(super) fn is_waiting(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Tells whether the input has ended and every line is durable.
    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        !matches!(state.input, Input::Open) && state.waiting.is_empty()
    }

    /// Returns what has become of the lines so far.
    pub(super) fn figures(&self) -> Figures {
        self.lock().figures
    }

    /// Returns the lines that were not sent, and why the input could not be read to its end.
    pub(super) fn leftovers(&self) -> (Vec<u64>, Option<anyhow::Error>) {
        let mut state = self.lock();
        let error = match std::mem::replace(&mut state.input, Input::Ended) {
            Input::Failed(error) => Some(error),
            Input::Open | Input::Ended => None,
        };
        (std::mem::take(&mut state.too_long), error)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Each step leaves the state whole, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(outbox: &Outbox, from: u64) -> (String, u64) {
        match outbox.next(from) {
            Next::Send(bytes, offset, last) => {
                (String::from_utf8_lossy(&bytes[offset..]).into_owned(), last)
            }
            other => panic!("nothing to send: {other:?}"),
        }
    }

    #[test]
    fn lines_are_sent_again_from_where_they_are_not_durable() {
        let outbox = Outbox::new(0);
        assert_eq!(outbox.connected(), 1);
        outbox.push(b"a\n\n  \r\nb\n\xef\xbb\xbf\nc\n");
        outbox.push(b"d\n");
        outbox.push(b" \n");
        assert_eq!(outbox.figures().durable, 0, "blank lines make nothing durable");
        assert_eq!(sent(&outbox, 1), ("a\nb\nc\n".to_owned(), 3));
        assert_eq!(sent(&outbox, 4), ("d\n".to_owned(), 4));
        outbox.acknowledge(2, 1);
        outbox.broken();
        assert_eq!(outbox.next(1), Next::Broken);
        assert_eq!(outbox.connected(), 3);
        assert_eq!(sent(&outbox, 3), ("c\n".to_owned(), 3));
        assert!(!outbox.is_done());
        outbox.acknowledge(4, 1);
        outbox.end(Ok(()));
        assert_eq!((outbox.next(5), outbox.is_done()), (Next::Done, true));
        let expected = Figures { durable: 4, rejected: 2, skipped: 0, bytes: 19 };
        assert_eq!(outbox.figures(), expected);
    }

    #[test]
    fn lines_of_an_earlier_run_are_left_out() {
        let outbox = Outbox::new(3);
        assert_eq!(outbox.connected(), 4);
        outbox.push(b"a\nb\n");
        assert!(!outbox.is_waiting());
        outbox.push(b"c\nd\ne\n");
        assert_eq!(sent(&outbox, 4), ("d\ne\n".to_owned(), 5));
        assert_eq!(outbox.figures().skipped, 3);
        outbox.acknowledge(5, 0);
        outbox.end(Ok(()));
        assert!(outbox.is_done());
        assert_eq!(outbox.figures().durable, 5);
    }

    #[test]
    fn a_full_outbox_stops_the_input_until_something_is_durable() {
        let outbox = Arc::new(Outbox::new(0));
        let line = [&[b'x'; 1 << 20][..], b"\n"].concat();
        let feeder = {
            let outbox = Arc::clone(&outbox);
            std::thread::spawn(move || (0..40).for_each(|_| outbox.push(&line)))
        };
        let mut next = outbox.connected();
        while next <= 40 {
            next = sent(&outbox, next).1 + 1;
            let waiting = outbox.lock().waiting_bytes;
            assert!(waiting <= WAITING_BYTES_MAX + (2 << 20), "{waiting} bytes wait");
            outbox.acknowledge(next - 1, 0);
        }
        feeder.join().expect("the input ends");
        assert!(!outbox.is_waiting());
    }
}
