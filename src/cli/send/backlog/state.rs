//! The backlog's state, under its lock: the choice of the next batch, and the release of settled
//! batches.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::notices::Notices;
use super::super::spool::{Identity, Spool};
use super::entry::{Entry, Stage};
use super::{Figures, GROUP_PATIENCE};

/// See [`super`].
#[derive(Debug)]
pub(super) struct State {
    pub(super) entries: VecDeque<Entry>,
    pub(super) next_key: u64,
    pub(super) next_batch: u64,
    pub(super) next_line: u64,
    /// Lines up to here are durable at a server that numbers them.
    pub(super) durable_line: u64,
    pub(super) memory_bytes: usize,
    /// Lines that wait to be taken.
    pub(super) pending_lines: u64,
    pub(super) spool: Option<Spool>,
    pub(super) identity: Identity,
    /// Counts writes to the spool, ...
    pub(super) written: u64,
    /// ... and the writes among them that are synced.
    pub(super) synced: u64,
    /// Whether lines are written to the spool now.
    pub(super) disk: Disk,
    /// The identity could not be written down.
    pub(super) is_incognito: bool,
    pub(super) figures: Figures,
    pub(super) input: Input,
    /// The input is about to end: what is there leaves now.
    pub(super) hurry: bool,
    pub(super) broken: bool,
    pub(super) closed: bool,
}

/// Whether lines can be written to the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    Works,
    /// Not now: there is no room, say.
    Refuses,
    /// A sync failed: the spool's content on disk is unknown, and the spool takes no further lines.
    Failed,
}

/// Whether more lines come.
#[derive(Debug)]
pub(super) enum Input {
    Open,
    Ended,
    Failed(anyhow::Error),
}

impl State {
    pub(super) fn new(identity: Identity) -> State {
        State {
            entries: VecDeque::new(),
            next_key: 0,
            next_batch: 0,
            next_line: 1,
            durable_line: 0,
            memory_bytes: 0,
            pending_lines: 0,
            spool: None,
            identity,
            written: 0,
            synced: 0,
            disk: Disk::Works,
            is_incognito: false,
            figures: Figures::default(),
            input: Input::Open,
            hurry: false,
            broken: false,
            closed: false,
        }
    }

    pub(super) fn take_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key - 1
    }

    pub(super) fn is_done(&self) -> bool {
        !matches!(self.input, Input::Open) && self.entries.is_empty()
    }

    /// Tells whether somebody has, or had, each batch, and no more come.
    pub(super) fn has_handed_out_all(&self) -> bool {
        let waits = |entry: &Entry| matches!(entry.stage, Stage::Waiting);
        !matches!(self.input, Input::Open) && !self.entries.iter().any(waits)
    }

    pub(super) fn entry(&mut self, key: u64) -> Option<&mut Entry> {
        let position = self.entries.binary_search_by_key(&key, |entry| entry.key).ok()?;
        self.entries.get_mut(position)
    }

    /// Returns the oldest batch that has no courier and may leave.
    pub(super) fn ready(&mut self, now: Instant) -> Option<usize> {
        self.close_ripe(now);
        let waits = |entry: &Entry| matches!(entry.stage, Stage::Waiting);
        let position = self.entries.iter().position(waits)?;
        self.may_leave(position).then_some(position)
    }

    /// Tells whether a batch takes no more lines and is on disk where it is to be.
    pub(super) fn may_leave(&self, position: usize) -> bool {
        let entry = self.entries.get(position);
        entry.is_some_and(|entry| entry.is_closed && entry.written <= self.synced)
    }

    /// Closes the last batch if it has waited long enough.
    pub(super) fn close_ripe(&mut self, now: Instant) {
        if self.ripens_in(now).is_some_and(|patience| patience.is_zero())
            && let Some(last) = self.entries.back_mut()
        {
            last.is_closed = true;
        }
    }

    /// Returns how long the last batch waits for company; nothing when there is none that does,
    /// or while earlier ones wait.
    pub(super) fn ripens_in(&self, now: Instant) -> Option<Duration> {
        let last = self.entries.back().filter(|last| !last.is_closed)?;
        if self.hurry || !matches!(self.input, Input::Open) {
            return Some(Duration::ZERO);
        }
        let earlier = self.entries.len().checked_sub(2).and_then(|before| self.entries.get(before));
        if earlier.is_some_and(|entry| matches!(entry.stage, Stage::Waiting)) {
            return None;
        }
        let ripe = last.ripe_at();
        // Lines that go on with the last one may still come; not for ever.
        let held = last.holds_group_until.map(|held| held.min(ripe + GROUP_PATIENCE));
        Some(held.unwrap_or(ripe).max(ripe).saturating_duration_since(now))
    }

    /// Forgets settled batches. What is settled for good ends at the first that is not.
    pub(super) fn forget_settled(&mut self) -> std::io::Result<()> {
        let (memory_bytes, bytes) = (&mut self.memory_bytes, &mut self.figures.bytes);
        self.entries.retain(|entry| {
            let is_settled = matches!(entry.stage, Stage::Settled);
            if is_settled {
                *memory_bytes -= entry.memory_bytes();
                *bytes += entry.bytes;
            }
            !is_settled
        });
        let (batch, line) = match self.entries.front() {
            Some(first) => (first.number, first.first_line.saturating_sub(1)),
            None => (self.next_batch, self.next_line.saturating_sub(1)),
        };
        let line = line.max(self.durable_line);
        match &mut self.spool {
            Some(spool) => spool.settle(batch, line),
            None => Ok(()),
        }
    }

    /// Gives up batches without a courier; returns the number of their lines.
    pub(super) fn lose(&mut self, is_lost: impl Fn(&Entry) -> bool, notices: &Notices) -> u64 {
        let mut lines = 0;
        let waits = |entry: &&mut Entry| matches!(entry.stage, Stage::Waiting);
        for entry in self.entries.iter_mut().filter(waits).filter(|entry| is_lost(entry)) {
            lines += entry.lines_in(self.durable_line, u64::MAX);
            entry.stage = Stage::Settled;
            entry.is_closed = true;
        }
        self.figures.lost += lines;
        if let Some(spool) = self.spool.as_mut().filter(|_| lines > 0) {
            spool.count_lost(lines);
        }
        notices.lost(lines);
        lines
    }
}
