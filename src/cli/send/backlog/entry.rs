//! A batch in the backlog: the place of its lines, and its courier.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use tierlog_ingest::is_blank;

use super::super::spool::{Identity, SpooledBatch, Stored, read_lines};
use super::{AGE_MAX, Batch, History, QUIET};

/// A batch.
#[derive(Debug)]
pub(super) struct Entry {
    /// Counts batches of this run; those in the backlog follow each other.
    pub(super) key: u64,
    /// Its number in the spool.
    pub(super) number: u64,
    pub(super) first_line: u64,
    pub(super) line_count: u64,
    pub(super) input_line: Option<u64>,
    /// Bytes of its lines.
    pub(super) bytes: u64,
    pub(super) body: Body,
    pub(super) stage: Stage,
    pub(super) history: History,
    /// Takes no more lines.
    pub(super) is_closed: bool,
    pub(super) opened_at: Instant,
    pub(super) pushed_at: Instant,
    /// Until when its last line may be continued by the next.
    pub(super) holds_group_until: Option<Instant>,
    /// When its newest line was written, microseconds since 1970.
    pub(super) written_at: i64,
    /// The write that has to be synced before it may leave.
    pub(super) written: u64,
}

/// Where lines are.
#[derive(Debug)]
pub(super) enum Body {
    Memory(Arc<Vec<u8>>),
    Disk(Stored),
}

/// Who has a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody.
    Waiting,
    /// Somebody who sends it.
    Taken,
    /// Nobody needs it any more.
    Settled,
}

impl Entry {
    /// Returns a batch that an earlier run left.
    pub(super) fn spooled(key: u64, batch: SpooledBatch) -> Entry {
        let now = Instant::now();
        Entry {
            key,
            number: batch.number,
            first_line: batch.first_line,
            line_count: batch.line_count,
            input_line: None,
            bytes: batch.bytes,
            body: Body::Disk(batch.stored),
            stage: Stage::Waiting,
            history: History::Tried,
            is_closed: true,
            opened_at: now,
            pushed_at: now,
            holds_group_until: None,
            written_at: batch.written_at,
            written: 0,
        }
    }

    /// Returns the number of the last line that is not blank.
    pub(super) fn last_line(&self) -> u64 {
        (self.first_line + self.line_count).saturating_sub(1)
    }

    /// Returns how many of its lines have numbers beyond one and up to another.
    pub(super) fn lines_in(&self, beyond: u64, through: u64) -> u64 {
        let first = self.first_line.max(beyond.saturating_add(1));
        (self.last_line().min(through) + 1).saturating_sub(first)
    }

    /// Returns when it has waited for company long enough.
    pub(super) fn ripe_at(&self) -> Instant {
        (self.pushed_at + QUIET).min(self.opened_at + AGE_MAX)
    }

    /// Returns how many bytes it holds in memory.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.body {
            Body::Memory(bytes) => bytes.len(),
            Body::Disk(_) => 0,
        }
    }

    /// Hands the batch to a courier.
    pub(super) fn hand_out(&mut self, identity: Identity) -> Result<Batch> {
        let bytes = match &self.body {
            Body::Memory(bytes) => Arc::clone(bytes),
            Body::Disk(stored) => Arc::new(read_lines(&stored.file, stored.offset, stored.length)?),
        };
        let history = std::mem::replace(&mut self.history, History::Tried);
        self.stage = Stage::Taken;
        Ok(Batch {
            key: self.key,
            identity,
            first_line: self.first_line,
            line_count: self.line_count,
            input_line: self.input_line,
            bytes,
            history,
        })
    }
}

/// Returns the offset of the first line behind the given number of non-blank lines.
pub(super) fn offset_of(lines: &[u8], before: u64) -> usize {
    if before == 0 {
        return 0;
    }
    let (mut offset, mut counted) = (0, 0);
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        offset += line.len();
        counted += u64::from(!is_blank(line));
        if counted == before {
            break;
        }
    }
    offset
}
