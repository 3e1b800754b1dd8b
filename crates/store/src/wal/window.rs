//! The retry window: which batch ids were written lately, and how far each producer is.
//!
//! Keys arrive with their batches and leave when they are too many or too old. The window is not
//! a cache: what it knows is repeated at the head of every segment, so it outlives the segments
//! that held the batches.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _};
use tierlog_model::limits::BATCH_ID_BYTES_MAX;
use tierlog_model::{BatchId, ProducerId, RetryKey, Timestamp};

use super::error::FrameError;
use super::settings::{RETRY_WINDOW_IDS_MAX, RETRY_WINDOW_PRODUCERS_MAX};

/// Bytes of an entry before its id.
const ENTRY_FIXED_BYTES: usize = 13;

/// Longest key of a producer: a hash, a separator, a number.
const PRODUCER_KEY_BYTES_MAX: usize = 48;

/// Longest payload of a window frame.
pub(super) const RETRY_WINDOW_BYTES_MAX: usize = RETRY_WINDOW_IDS_MAX
    * (ENTRY_FIXED_BYTES + BATCH_ID_BYTES_MAX)
    + RETRY_WINDOW_PRODUCERS_MAX * (ENTRY_FIXED_BYTES + PRODUCER_KEY_BYTES_MAX);

/// Recent batch ids with what was written under them, and recent producers.
#[derive(Debug)]
pub(super) struct RetryWindow {
    age_micros: i64,
    entries: HashMap<BatchId, Entry>,
    /// Oldest first. An id that was written again after it aged stands twice; only the place
    /// with the time of its entry counts.
    order: VecDeque<(BatchId, Timestamp)>,
    producers: HashMap<ProducerId, Position>,
}

/// How far a producer is.
#[derive(Clone, Copy, Debug)]
struct Position {
    /// Number of its last line that was written.
    line: u64,
    written_at: Timestamp,
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
        RetryWindow {
            age_micros,
            entries: HashMap::new(),
            order: VecDeque::new(),
            producers: HashMap::new(),
        }
    }

    /// Returns how many records were written under an id that is still remembered.
    pub(super) fn find(&self, id: &BatchId, now: Timestamp) -> Option<u32> {
        let entry = self.entries.get(id)?;
        (!self.is_old(entry.written_at, now)).then_some(entry.record_count)
    }

    /// Returns the number of the last line of a producer that was written, if it is remembered.
    pub(super) fn line(&self, producer: &ProducerId, now: Timestamp) -> Option<u64> {
        let position = self.producers.get(producer)?;
        (!self.is_old(position.written_at, now)).then_some(position.line)
    }

    /// Remembers what was written under a key.
    pub(super) fn insert(&mut self, key: RetryKey, record_count: u32, written_at: Timestamp) {
        match key {
            RetryKey::Batch(id) => self.insert_id(id, record_count, written_at),
            RetryKey::Lines { producer, last } => self.insert_line(producer, last, written_at),
        }
    }

    /// Remembers how far a producer is. It never goes back: a window frame may repeat an earlier
    /// place.
    fn insert_line(&mut self, producer: ProducerId, line: u64, written_at: Timestamp) {
        if let Some(known) = self.producers.get_mut(&producer) {
            known.line = known.line.max(line);
            known.written_at = known.written_at.max(written_at);
            return;
        }
        if self.producers.len() >= RETRY_WINDOW_PRODUCERS_MAX {
            // The one that was silent for longest. Looking at all of them takes less than the
            // fsync that this batch waits for.
            let oldest = self.producers.iter().min_by_key(|(_, position)| position.written_at);
            if let Some(oldest) = oldest.map(|(producer, _)| producer.clone()) {
                self.producers.remove(&oldest);
            }
        }
        self.producers.insert(producer, Position { line, written_at });
    }

    /// Remembers an id. One that is known from a later time stays as it is.
    fn insert_id(&mut self, id: BatchId, record_count: u32, written_at: Timestamp) {
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

    /// Forgets producers that are too old. Looks at all of them: for a start and for the head of
    /// a segment, not for every batch.
    pub(super) fn expire_producers(&mut self, now: Timestamp) {
        let age_micros = self.age_micros;
        self.producers.retain(|_, position| !is_old(age_micros, position.written_at, now));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() + self.producers.len()
    }

    /// Returns the payload of a window frame.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        for (id, written_at) in &self.order {
            let Some(entry) = self.entries.get(id).filter(|e| e.written_at == *written_at) else {
                continue;
            };
            put_entry(&mut payload, entry.record_count, entry.written_at, id.as_str());
        }
        let mut producers: Vec<_> = self.producers.iter().collect();
        producers.sort_unstable_by_key(|(producer, position)| (position.written_at, *producer));
        for (producer, Position { line, written_at }) in producers {
            let key = RetryKey::Lines { producer: producer.clone(), last: *line };
            put_entry(&mut payload, 0, *written_at, &key.to_string());
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
            let key = std::str::from_utf8(id).ok().and_then(RetryKey::parse);
            self.insert(key.ok_or(FrameError::BatchId)?, record_count, written_at);
            payload = rest;
        }
        Ok(())
    }

    fn is_old(&self, written_at: Timestamp, now: Timestamp) -> bool {
        is_old(self.age_micros, written_at, now)
    }

    fn forget_oldest(&mut self) {
        let Some((id, written_at)) = self.order.pop_front() else { return };
        if self.entries.get(&id).is_some_and(|entry| entry.written_at == written_at) {
            self.entries.remove(&id);
        }
    }
}

/// A clock that was set back makes nothing old: forgetting early would write twice.
fn is_old(age_micros: i64, written_at: Timestamp, now: Timestamp) -> bool {
    now.as_micros().saturating_sub(written_at.as_micros()) > age_micros
}

fn put_entry(payload: &mut Vec<u8>, record_count: u32, written_at: Timestamp, key: &str) {
    payload.put_u32_le(record_count);
    payload.put_i64_le(written_at.as_micros());
    payload.put_u8(key.len() as u8);
    payload.put_slice(key.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> BatchId {
        BatchId::new(&format!("batch-{number}")).expect("an id")
    }

    fn batch(number: usize) -> RetryKey {
        RetryKey::Batch(id(number))
    }

    fn producer(name: &str) -> ProducerId {
        ProducerId::of_client(name).expect("a name")
    }

    fn lines(name: &str, last: u64) -> RetryKey {
        RetryKey::Lines { producer: producer(name), last }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros_clamped(seconds * 1_000_000)
    }

    #[test]
    fn ids_are_found_until_they_are_old() {
        let mut window = RetryWindow::new(Duration::from_secs(60));
        window.insert(batch(1), 10, at(0));
        assert_eq!(window.find(&id(1), at(60)), Some(10));
        assert_eq!(window.find(&id(1), at(61)), None);
        assert_eq!(window.find(&id(1), at(-1_000)), Some(10), "the clock was set back");
        window.insert(batch(1), 11, at(61));
        window.expire(at(100));
        assert_eq!(window.find(&id(1), at(100)), Some(11), "its first place is gone, not its last");
        window.expire(at(200));
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn the_oldest_ids_make_room() {
        let mut window = RetryWindow::new(Duration::from_secs(60));
        for number in 0..RETRY_WINDOW_IDS_MAX + 5 {
            window.insert(batch(number), 1, at(0));
        }
        assert_eq!(window.len(), RETRY_WINDOW_IDS_MAX);
        assert_eq!(window.find(&id(4), at(0)), None);
        assert_eq!(window.find(&id(5), at(0)), Some(1));
    }

    #[test]
    fn a_producer_never_goes_back_and_is_forgotten_when_it_is_silent() {
        let mut window = RetryWindow::new(Duration::from_secs(60));
        window.insert(lines("a", 10), 5, at(0));
        window.insert(lines("b", 7), 7, at(30));
        window.insert(lines("a", 4), 4, at(10));
        assert_eq!(window.line(&producer("a"), at(60)), Some(10));
        assert_eq!(window.line(&producer("a"), at(71)), None, "silent since second 10");
        assert_eq!(window.line(&producer("c"), at(0)), None);
        let mut back = RetryWindow::new(Duration::from_secs(60));
        back.absorb(&window.encode()).expect("what was written");
        back.insert(lines("a", 12), 2, at(40));
        back.absorb(&window.encode()).expect("an earlier place, again");
        assert_eq!(back.line(&producer("a"), at(60)), Some(12));
        back.expire_producers(at(95));
        assert_eq!((back.len(), back.line(&producer("a"), at(95))), (1, Some(12)));
    }

    #[test]
    fn the_producer_that_was_silent_for_longest_makes_room() {
        let mut window = RetryWindow::new(Duration::from_secs(1_000_000));
        for number in 0..=RETRY_WINDOW_PRODUCERS_MAX {
            window.insert(lines(&format!("p{number}"), 1), 1, at(number as i64));
        }
        assert_eq!(window.len(), RETRY_WINDOW_PRODUCERS_MAX);
        assert_eq!(window.line(&producer("p0"), at(0)), None);
        assert_eq!(window.line(&producer("p1"), at(0)), Some(1));
    }

    #[test]
    fn a_window_reads_back_as_written_and_refuses_the_rest() {
        let mut window = RetryWindow::new(Duration::from_secs(60));
        for number in 0..3 {
            window.insert(batch(number), number as u32, at(number as i64));
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
