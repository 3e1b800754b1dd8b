//! The backlog for a connection with numbered lines: the number to resume from, and the number up
//! to which the server has every line.

use std::time::Instant;

use super::entry::{self, Entry, Stage};
use super::state::Input;
use super::{Backlog, Batch, Figures, History};

/// The next step of a connection with numbered lines.
#[derive(Clone, Debug)]
pub(in super::super) enum Next {
    /// The batch is sent from the given byte on.
    Send(Batch, usize),
    /// Lines in between are gone: a new connection says where it goes on.
    Gap,
    /// Everything was handed out and the input has ended.
    Done,
    /// The connection is broken.
    Broken,
}

impl Backlog {
    /// Waits for lines from a number on.
    pub(in super::super) fn next(&self, from: u64) -> Next {
        let mut state = self.lock();
        loop {
            if state.broken || state.closed {
                return Next::Broken;
            }
            let now = Instant::now();
            state.close_ripe(now);
            let found = state.entries.iter().position(|entry| {
                entry.last_line() >= from && !matches!(entry.stage, Stage::Settled)
            });
            if let Some(position) = found.filter(|position| state.may_leave(*position)) {
                let first = state.entries.get(position).map_or(from, |entry| entry.first_line);
                if first > from {
                    return Next::Gap;
                }
                if let Some(batch) = self.hand_out(&mut state, position) {
                    let offset = entry::offset_of(&batch.bytes, from - first);
                    return Next::Send(batch, offset);
                }
                continue;
            }
            if found.is_none() && !matches!(state.input, Input::Open) {
                return Next::Done;
            }
            let patience = state.ripens_in(now);
            state = self.wait(state, patience);
        }
    }

    /// Waits for lines to send. Tells whether there are some, not once no more come.
    pub(in super::super) fn await_lines(&self) -> bool {
        let mut state = self.lock();
        while state.entries.is_empty() {
            if state.closed || state.is_done() {
                return false;
            }
            state = self.wait(state, None);
        }
        !state.closed
    }

    /// Begins a connection that numbers lines. Returns the number of the first line to send.
    pub(in super::super) fn connected(&self) -> u64 {
        let mut state = self.lock();
        state.broken = false;
        let waiting = state.entries.iter().find(|entry| !matches!(entry.stage, Stage::Settled));
        let first = waiting.map_or(state.next_line, |entry| entry.first_line);
        first.max(state.durable_line + 1)
    }

    /// Returns the number of the last line that the server can have.
    pub(in super::super) fn last_tried_line(&self) -> u64 {
        let state = self.lock();
        let tried = state.entries.iter().filter(|entry| entry.history == History::Tried);
        tried.map(Entry::last_line).max().unwrap_or(0).max(state.durable_line)
    }

    /// Says that the connection is broken.
    pub(in super::super) fn broken(&self) {
        self.lock().broken = true;
        self.changed.notify_all();
    }

    /// Takes an acknowledgement: lines up to a number are durable.
    pub(in super::super) fn acknowledge(&self, line: u64) -> Figures {
        let mut state = self.lock();
        let before = state.durable_line;
        let newly: u64 = state.entries.iter().map(|entry| entry.lines_in(before, line)).sum();
        state.figures.durable += newly;
        state.durable_line = before.max(line);
        for entry in state.entries.iter_mut().take_while(|entry| entry.last_line() <= line) {
            entry.stage = Stage::Settled;
        }
        self.forget_settled(&mut state);
        state.figures
    }
}
