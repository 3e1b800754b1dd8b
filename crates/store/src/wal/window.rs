//! The retry window: which batch ids were written lately, and how far each producer is.
//!
//! Keys arrive with their batches and leave when they are too old, or when there are too many of
//! them. The window is not a cache: all its entries are repeated at the head of every segment, so
//! an entry outlives the segments that held its batch.
//!
//! When the window is full, the largest holder loses the entry with the oldest use. Each sender
//! keeps an equal share at least, a flood pushes out entries of its own sender only, and a single
//! sender may fill the whole window. The sender of a question does not matter for *finding* an
//! entry, because a retry may come by way of another proxy or network.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _};
use tierlog_model::{BatchId, ProducerId, RetryKey, SenderId, Timestamp};

use super::error::FrameError;
use super::settings::RETRY_WINDOW_ENTRIES_MAX;

/// Bytes of an entry in a window frame; see the drawing in [`super`].
const ENTRY_BYTES: usize = 36;

/// Longest payload of a window frame.
pub(super) const RETRY_WINDOW_BYTES_MAX: usize = RETRY_WINDOW_ENTRIES_MAX * ENTRY_BYTES;

const KIND_BATCH: u8 = 1;
const KIND_PRODUCER: u8 = 2;

/// Hash of a batch's or producer's name. The two never have one: see [`ProducerId::of_client`].
type Key = [u8; BatchId::BYTES];

/// Recent batch ids with what was written under them, and recent producers.
#[derive(Debug)]
pub(super) struct RetryWindow {
    age_micros: i64,
    entries_max: usize,
    entries: HashMap<Key, Entry>,
    senders: HashMap<SenderId, Order>,
    /// How many entries each sender has, the largest last.
    sizes: BTreeSet<(usize, SenderId)>,
}

/// The entries of a sender, roughly in the order of use. Each entry has one place, with the entry's
/// time at the moment of placing.
type Order = VecDeque<(Key, Timestamp)>;

#[derive(Clone, Copy, Debug)]
struct Entry {
    meaning: Meaning,
    written_at: Timestamp,
    sender: SenderId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// So many records were written under a batch id.
    Records(u32),
    /// Number of the last line of a producer that was written.
    Line(u64),
}

/// What was written under a batch id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownBatch {
    pub(super) record_count: u32,
    pub(super) sender: SenderId,
}

impl KnownBatch {
    /// Tells whether a batch of the same id can be a repeat. Two senders with equal names for
    /// different batches are told apart by the number of records.
    pub(super) fn is_repeated_by(self, other: KnownBatch) -> bool {
        self.sender == other.sender || self.record_count == other.record_count
    }
}

impl RetryWindow {
    /// Returns an empty window with a time to remember entries for.
    pub(super) fn new(age: Duration) -> RetryWindow {
        let age_micros = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        RetryWindow {
            age_micros,
            entries_max: RETRY_WINDOW_ENTRIES_MAX,
            entries: HashMap::new(),
            senders: HashMap::new(),
            sizes: BTreeSet::new(),
        }
    }

    /// Returns what was written under an id that is still remembered.
    pub(super) fn find(&self, id: &BatchId, now: Timestamp) -> Option<KnownBatch> {
        let entry = self.known(id.as_bytes(), now)?;
        let Meaning::Records(record_count) = entry.meaning else { return None };
        Some(KnownBatch { record_count, sender: entry.sender })
    }

    /// Returns the number of the last line of a producer that was written, if it is remembered.
    pub(super) fn line(&self, producer: &ProducerId, now: Timestamp) -> Option<u64> {
        let Meaning::Line(line) = self.known(producer.as_bytes(), now)?.meaning else {
            return None;
        };
        Some(line)
    }

    fn known(&self, key: &Key, now: Timestamp) -> Option<&Entry> {
        let entry = self.entries.get(key)?;
        (!is_old(self.age_micros, entry.written_at, now)).then_some(entry)
    }

    /// Remembers what was written under a key. A producer never goes back, and no entry becomes
    /// older: a window frame may repeat an earlier state.
    pub(super) fn insert(
        &mut self,
        key: RetryKey,
        sender: SenderId,
        record_count: u32,
        written_at: Timestamp,
    ) {
        let (key, meaning) = match key {
            RetryKey::Batch(id) => (*id.as_bytes(), Meaning::Records(record_count)),
            RetryKey::Lines { producer, last } => (*producer.as_bytes(), Meaning::Line(last)),
        };
        if let Some(known) = self.entries.get_mut(&key) {
            known.meaning = match (known.meaning, meaning) {
                (Meaning::Line(before), Meaning::Line(now)) => Meaning::Line(before.max(now)),
                (before, _) if written_at < known.written_at => before,
                (_, now) => now,
            };
            known.written_at = known.written_at.max(written_at);
            return;
        }
        // Room is made first, so that the new entry cannot be the loser.
        if self.entries.len() >= self.entries_max
            && let Some((_, largest)) = self.sizes.last().copied()
        {
            self.forget_one_of(largest, |_| true);
        }
        self.entries.insert(key, Entry { meaning, written_at, sender });
        let order = self.senders.entry(sender).or_default();
        self.sizes.remove(&(order.len(), sender));
        order.push_back((key, written_at));
        self.sizes.insert((order.len(), sender));
    }

    /// Forgets entries that are too old. Looks at every sender: for a start and for the head of a
    /// segment, not for every batch.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let age_micros = self.age_micros;
        let senders: Vec<SenderId> = self.senders.keys().copied().collect();
        for sender in senders {
            while self.forget_one_of(sender, |written_at| is_old(age_micros, written_at, now)) {}
        }
    }

    /// Forgets the entry with a sender's oldest use, if that entry may go. Entries with a newer use
    /// than their place says move to the back.
    fn forget_one_of(&mut self, sender: SenderId, may_go: impl Fn(Timestamp) -> bool) -> bool {
        let Some(order) = self.senders.get_mut(&sender) else { return false };
        let size = order.len();
        // A second look at an entry finds it with its present time: the loop ends.
        while let Some((key, placed_at)) = order.front().copied() {
            let written_at = self.entries.get(&key).map_or(placed_at, |entry| entry.written_at);
            if !may_go(written_at) && written_at <= placed_at {
                return false;
            }
            order.pop_front();
            if written_at > placed_at {
                order.push_back((key, written_at));
                continue;
            }
            self.entries.remove(&key);
            self.sizes.remove(&(size, sender));
            if order.is_empty() {
                self.senders.remove(&sender);
            } else {
                self.sizes.insert((size - 1, sender));
            }
            return true;
        }
        false
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the payload of a window frame: each sender's entries in their order.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.entries.len() * ENTRY_BYTES);
        let mut senders: Vec<(&SenderId, &Order)> = self.senders.iter().collect();
        senders.sort_unstable_by_key(|(sender, _)| **sender);
        for key in senders.iter().flat_map(|(_, order)| order.iter().map(|(key, _)| key)) {
            let Some(entry) = self.entries.get(key) else { continue };
            let (kind, value) = match entry.meaning {
                Meaning::Records(count) => (KIND_BATCH, u64::from(count)),
                Meaning::Line(line) => (KIND_PRODUCER, line),
            };
            payload.put_u8(kind);
            payload.put_u8(0);
            payload.put_u16_le(entry.sender.number());
            payload.put_i64_le(entry.written_at.as_micros());
            payload.put_u64_le(value);
            payload.put_slice(key);
        }
        payload
    }

    /// Takes up the payload of a window frame.
    pub(super) fn absorb(&mut self, mut payload: &[u8]) -> Result<(), FrameError> {
        while !payload.is_empty() {
            let (entry, rest) =
                payload.split_first_chunk::<ENTRY_BYTES>().ok_or(FrameError::Length)?;
            let mut fields = entry.as_slice();
            let kind = fields.get_u8();
            let zero = fields.get_u8();
            let sender = SenderId::from_number(fields.get_u16_le());
            let written_at = Timestamp::from_micros_clamped(fields.get_i64_le());
            let value = fields.get_u64_le();
            let id: Key = fields.try_into().map_err(|_| FrameError::Length)?;
            let (key, record_count) = match (kind, zero, u32::try_from(value)) {
                (KIND_BATCH, 0, Ok(count)) => (RetryKey::Batch(BatchId::from_bytes(id)), count),
                (KIND_PRODUCER, 0, _) => {
                    (RetryKey::Lines { producer: ProducerId::from_bytes(id), last: value }, 0)
                }
                _ => return Err(FrameError::RetryKey),
            };
            self.insert(key, sender, record_count, written_at);
            payload = rest;
        }
        Ok(())
    }
}

/// A clock that was set back makes nothing old: forgetting early would write twice.
fn is_old(age_micros: i64, written_at: Timestamp, now: Timestamp) -> bool {
    now.as_micros().saturating_sub(written_at.as_micros()) > age_micros
}

#[cfg(test)]
#[path = "window/tests.rs"]
mod tests;
