//! Drives a log beside a plain model of what it promised, and compares after every restart.
//!
//! Promises: what was acknowledged and not released is found, each once, in order and under its
//! number; nothing is found that was not issued; of the attempts under one batch id at most one
//! is found, and after one was acknowledged every other is a duplicate; the log always opens.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Placement;
use super::*;
use crate::backend::Crash;

/// A batch offered to the log.
#[derive(Clone, Debug)]
struct Attempt {
    texts: Vec<String>,
    id: Option<String>,
    /// Number of the first record, once acknowledged.
    acked_at: Option<u64>,
}

pub(super) struct Driver {
    pub(super) vfs: SimulatedVfs,
    wal: Option<Wal>,
    attempts: Vec<Attempt>,
    /// Batch id to the attempt that was written, as far as is known.
    by_id: BTreeMap<String, usize>,
    released_before: u64,
}

impl Driver {
    pub(super) fn new() -> Driver {
        let vfs = empty_disk();
        Driver { vfs, wal: None, attempts: Vec::new(), by_id: BTreeMap::new(), released_before: 0 }
    }

    /// Offers one batch as a group. `Err` means that a promise was broken.
    pub(super) fn append(&mut self, record_count: usize, id: Option<&str>) -> Result<(), String> {
        let Some(wal) = &mut self.wal else { return Ok(()) };
        let number = self.attempts.len();
        let texts: Vec<String> =
            (0..record_count).map(|record| format!("{number}.{record}")).collect();
        let batch = batch_of(&texts, id);
        let id = id.map(str::to_owned);
        let result = wal.write_group([&batch], at(0));
        let synced = result.as_ref().ok().map(|_| wal.sync());
        match (result, synced) {
            (Ok(placements), Some(Ok(()))) => match placements.first() {
                Some(Placement::Written { first_seq }) => {
                    let before = id.as_ref().and_then(|id| self.by_id.get(id));
                    if before.and_then(|at| self.attempts[*at].acked_at).is_some() {
                        return Err(format!("an acknowledged id was written again: {id:?}"));
                    }
                    if let Some(id) = &id {
                        self.by_id.insert(id.clone(), number);
                    }
                    self.attempts.push(Attempt { texts, id, acked_at: Some(*first_seq) });
                }
                Some(Placement::Duplicate { .. }) => self.acknowledge_earlier(id.as_deref())?,
                other => return Err(format!("unexpected placement {other:?}")),
            },
            // Undone: the batch must not be found, hence the model leaves the batch out.
            (Err(WalError::DiskFull { .. }), _) => {}
            _ => {
                self.attempts.push(Attempt { texts, id, acked_at: None });
                self.wal = None;
            }
        }
        Ok(())
    }

    /// An acknowledged duplicate: an attempt under the id is durable, and the model promises the
    /// batch.
    fn acknowledge_earlier(&mut self, id: Option<&str>) -> Result<(), String> {
        let Some(id) = id else { return Err("a duplicate without an id".to_owned()) };
        if self.by_id.get(id).is_some_and(|at| self.attempts[*at].acked_at.is_some()) {
            return Ok(());
        }
        let found = self.found();
        for (number, attempt) in self.attempts.iter_mut().enumerate() {
            let first = attempt.texts.first();
            let at = found.iter().find(|(_, text)| Some(text) == first);
            if attempt.id.as_deref() == Some(id) && at.is_some() {
                attempt.acked_at = at.map(|(seq, _)| *seq);
                self.by_id.insert(id.to_owned(), number);
                return Ok(());
            }
        }
        Err(format!("{id} is called a duplicate, but no attempt of it is there"))
    }

    pub(super) fn release(&mut self, back: u64) {
        let Some(wal) = &self.wal else { return };
        let seq = wal.next_seq().saturating_sub(back);
        self.released_before = self.released_before.max(seq);
        if wal.releaser().release_before(seq).is_err() {
            self.wal = None;
        }
    }

    /// Ends the process, or the power, and opens the log again.
    pub(super) fn restart(&mut self, crash: Crash) -> Result<(), String> {
        self.wal = None;
        self.vfs.crash(crash);
        let (wal, _) = try_open(&self.vfs).map_err(|error| format!("does not open: {error}"))?;
        self.wal = Some(wal);
        self.check()
    }

    /// Opens the log while faults are armed; a failure is a process that died.
    pub(super) fn restart_under_faults(&mut self) {
        self.wal = try_open(&self.vfs).ok().map(|(wal, _)| wal);
    }

    pub(super) fn found(&self) -> Vec<(u64, String)> {
        self.wal.as_ref().map(contents).unwrap_or_default()
    }

    /// Compares the records in the log with the promised records.
    pub(super) fn check(&self) -> Result<(), String> {
        let found = self.found();
        let told = self.wal.as_ref().map(|wal| wal.losses().told()).unwrap_or_default();
        if !told.is_empty() {
            return Err(format!("damage is told, and there was none: {told:?}"));
        }
        let by_text: BTreeMap<&str, u64> =
            found.iter().map(|(seq, text)| (text.as_str(), *seq)).collect();
        if by_text.len() != found.len() {
            return Err(format!("found twice: {found:?}"));
        }
        if !found.is_sorted_by(|(seq, _), (next, _)| seq < next) {
            return Err(format!("numbers out of order: {found:?}"));
        }
        let mut position = 0;
        let mut ids = BTreeSet::new();
        for (number, attempt) in self.attempts.iter().enumerate() {
            let seqs: Vec<u64> = attempt
                .texts
                .iter()
                .filter_map(|text| by_text.get(text.as_str()).copied())
                .collect();
            let whole = seqs.is_empty() || seqs.len() == attempt.texts.len();
            if !whole {
                return Err(format!("attempt {number} is found in part"));
            }
            if let Some(first_seq) = attempt.acked_at {
                let released = first_seq + (attempt.texts.len() as u64) <= self.released_before;
                match seqs.first() {
                    None if released => {}
                    None => return Err(format!("acknowledged attempt {number} is lost")),
                    Some(seq) if *seq == first_seq => {}
                    Some(seq) => return Err(format!("{number}: {first_seq} became {seq}")),
                }
            }
            if !seqs.is_empty() {
                position += seqs.len();
                if attempt.id.as_ref().is_some_and(|id| !ids.insert(id)) {
                    return Err(format!("two attempts under id {:?}", attempt.id));
                }
            }
        }
        if position != found.len() {
            return Err(format!("found what was never issued: {found:?}"));
        }
        let issued = self.attempts.iter().flat_map(|attempt| &attempt.texts);
        let kept: Vec<&String> =
            issued.filter(|text| by_text.contains_key(text.as_str())).collect();
        if !kept.iter().copied().eq(found.iter().map(|(_, text)| text)) {
            return Err(format!("order is not the order of issue: {found:?}"));
        }
        Ok(())
    }
}
