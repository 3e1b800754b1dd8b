//! The retry window: which batch ids were written lately.
//!
//! Ids arrive with their batches and leave when they are too many or too old. The window is not
//! a cache: what it knows is repeated at the head of every segment, so it outlives the segments
//! that held the batches.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _};
use tierlog_model::limits::BATCH_ID_BYTES_MAX;
use tierlog_model::{BatchId, Timestamp};

use super::error::FrameError;
use super::settings::RETRY_WINDOW_IDS_MAX;

/// Bytes of an entry before its id.
const ENTRY_FIXED_BYTES: usize = 13;

/// Longest payload of a window frame.
pub(super) const RETRY_WINDOW_BYTES_MAX: usize =
    RETRY_WINDOW_IDS_MAX * (ENTRY_FIXED_BYTES + BATCH_ID_BYTES_MAX);

/// Recent batch ids with what was written under them.
#[derive(Debug)]
pub(super) struct RetryWindow {
    age_micros: i64,
    entries: HashMap<BatchId, Entry>,
    /// Oldest first. An id that was written again after it aged stands twice; only the place
    /// with the time of its entry counts.
    order: VecDeque<(BatchId, Timestamp)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    record_count: u32,
    written_at: Timestamp,
}

impl RetryWindow {
    /// Returns an empty window that remembers ids for so long.
    pub(super) fn new(age: Duration) -> RetryWindow {
        let age_micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        RetryWindow { age_micros, entries: HashMap::new(), order: VecDeque::new() }
    }

    /// Returns how many records were written under an id that is still remembered.
    pub(super) fn find(&self, id: &BatchId, now: Timestamp) -> Option<u32> {
        let entry = self.entries.get(id)?;
        (!self.is_old(entry.written_at, now)).then_some(entry.record_count)
    }

    /// Remembers an id. One that is known from a later time stays as it is.
    pub(super) fn insert(&mut self, id: BatchId, record_count: u32, written_at: Timestamp) {
        if self.entries.get(&id).is_some_and(|known| known.written_at >= written_at) {
            return;
        }
        self.entries.insert(id.clone(), Entry { record_count, written_at });
        self.order.push_back((id, written_at));
        while self.order.len() > RETRY_WINDOW_IDS_MAX {
            self.forget_oldest();
        }
    }

    /// Forgets ids that are too old.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(_, written_at)| self.is_old(*written_at, now)) {
            self.forget_oldest();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the payload of a window frame.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        for (id, written_at) in &self.order {
            let Some(entry) = self.entries.get(id).filter(|e| e.written_at == *written_at) else {
                continue;
            };
            payload.put_u32_le(entry.record_count);
            payload.put_i64_le(entry.written_at.as_micros());
            payload.put_u8(id.as_str().len() as u8);
            payload.put_slice(id.as_str().as_bytes());
        }
        payload
    }

    /// Takes up the payload of a window frame.
    pub(super) fn absorb(&mut self, mut payload: &[u8]) -> Result<(), FrameError> {
        while !payload.is_empty() {
            let (mut fixed, rest) =
                payload.split_at_checked(ENTRY_FIXED_BYTES).ok_or(FrameError::Length)?;
            let record_count = fixed.get_u32_le();
            let written_at = Timestamp::from_micros_clamped(fixed.get_i64_le());
            let id_length = usize::from(fixed.get_u8());
            let (id, rest) = rest.split_at_checked(id_length).ok_or(FrameError::Length)?;
            let id = std::str::from_utf8(id).ok().and_then(BatchId::new);
            self.insert(id.ok_or(FrameError::BatchId)?, record_count, written_at);
            payload = rest;
        }
        Ok(())
    }

    /// A clock that was set back makes nothing old: forgetting early would write twice.
    fn is_old(&self, written_at: Timestamp, now: Timestamp) -> bool {
        now.as_micros().saturating_sub(written_at.as_micros()) > self.age_micros
    }

    fn forget_oldest(&mut self) {
        let Some((id, written_at)) = self.order.pop_front() else { return };
        if self.entries.get(&id).is_some_and(|entry| entry.written_at == written_at) {
            self.entries.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> BatchId {
        BatchId::new(&format!("batch-{number}")).expect("an id")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros_clamped(seconds * 1_000_000)
    }

    #[test]
    fn ids_are_found_until_they_are_old() {
        let mut window = RetryWindow::new(Duration::from_secs(60));
        window.insert(id(1), 10, at(0));
        assert_eq!(window.find(&id(1), at(60)), Some(10));
        assert_eq!(window.find(&id(1), at(61)), None);
        assert_eq!(window.find(&id(1), at(-1_000)), Some(10), "the clock was set back");
        window.insert(id(1), 11, at(61));
        window.expire(at(100));
        assert_eq!(window.find(&id(1), at(100)), Some(11), "its first place is gone, not its last");
        window.expire(at(200));
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn the_oldest_ids_make_room() {
        let mut window = RetryWindow::new(Duration::from_secs(60));
        for number in 0..RETRY_WINDOW_IDS_MAX + 5 {
            window.insert(id(number), 1, at(0));
        }
        assert_eq!(window.len(), RETRY_WINDOW_IDS_MAX);
        assert_eq!(window.find(&id(4), at(0)), None);
        assert_eq!(window.find(&id(5), at(0)), Some(1));
    }

    #[test]
    fn a_window_reads_back_as_written_and_refuses_the_rest() {
        let mut window = RetryWindow::new(Duration::from_secs(60));
        for number in 0..3 {
            window.insert(id(number), number as u32, at(number as i64));
        }
        let payload = window.encode();
        let mut back = RetryWindow::new(Duration::from_secs(60));
        back.absorb(&payload).expect("what was written");
        back.absorb(&payload).expect("twice is once");
        assert_eq!(back.encode(), payload);
        for cut in 1..payload.len() {
            let mut partial = RetryWindow::new(Duration::from_secs(60));
            let whole_entries = cut % (ENTRY_FIXED_BYTES + "batch-0".len()) == 0;
            assert_eq!(partial.absorb(&payload[..cut]).is_ok(), whole_entries, "cut at {cut}");
        }
    }
}
