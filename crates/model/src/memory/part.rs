//! A part of the budget, and its leases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

use super::MemoryUse;

/// The largest limit of a part, bytes: a lease is asked for in one step, and the semaphore counts
/// a step in 32 bits.
const LIMIT_BYTES_MAX: u64 = u32::MAX as u64;

/// A named part of the budget. Cheap to clone; all clones lend from the same bytes.
#[derive(Clone, Debug)]
pub struct MemoryPart(Arc<Part>);

#[derive(Debug)]
struct Part {
    part_use: MemoryUse,
    limit_bytes: u64,
    /// A permit for each byte not lent. Its line of waiting is fair.
    room: Semaphore,
    /// What was lent past the limit: it is paid off before permits become free again.
    debt_bytes: AtomicU64,
    used_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    refusals: AtomicU64,
}

/// Why a lease could not be had or could not grow: the part has lent too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory.{} is exhausted: {wanted_bytes} bytes are needed, {limit_bytes} are allowed for all", .part_use.as_str())]
pub struct Exhausted {
    /// The part.
    pub part_use: MemoryUse,
    /// Bytes that the one lease would hold.
    pub wanted_bytes: u64,
    /// Bytes that all leases of the part may hold together.
    pub limit_bytes: u64,
}

impl Exhausted {
    /// Tells whether waiting cannot help: one lease would be larger than the whole part.
    pub fn is_final(&self) -> bool {
        self.wanted_bytes > self.limit_bytes
    }
}

/// Bytes that a part has lent. Dropping the lease gives them back.
#[derive(Debug)]
#[must_use = "a lease that is dropped gives its bytes back at once"]
pub struct MemoryLease {
    part: MemoryPart,
    bytes: u64,
}

impl MemoryPart {
    /// Returns a part that lends at most so many bytes, at most 4 GiB, outside of any budget.
    pub fn new(part_use: MemoryUse, limit_bytes: u64) -> MemoryPart {
        let limit_bytes = limit_bytes.min(LIMIT_BYTES_MAX);
        MemoryPart(Arc::new(Part {
            part_use,
            limit_bytes,
            room: Semaphore::new(limit_bytes as usize),
            debt_bytes: AtomicU64::new(0),
            used_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        }))
    }

    /// Waits in line until so many bytes can be lent. More than the whole part takes all of it
    /// and is alone then: a caller that would rather refuse compares with
    /// [`MemoryPart::limit_bytes`] first.
    ///
    /// Cancel-safe: when dropped before it is ready, nothing was lent and the place in line is
    /// free.
    pub async fn take(&self, bytes: u64) -> MemoryLease {
        let bytes = bytes.min(self.0.limit_bytes);
        // The semaphore is never closed, and no step is larger than its count.
        if let Ok(permits) = self.0.room.acquire_many(bytes as u32).await {
            permits.forget();
        }
        self.lend(bytes)
    }

    /// Lends so many bytes now, or counts a refusal.
    pub fn try_take(&self, bytes: u64) -> Result<MemoryLease, Exhausted> {
        let mut lease = self.empty_lease();
        lease.grow(bytes)?;
        Ok(lease)
    }

    /// Returns a lease of no bytes, to grow as its work does.
    pub fn empty_lease(&self) -> MemoryLease {
        MemoryLease { part: self.clone(), bytes: 0 }
    }

    /// Counts a refusal by a caller that gave up waiting.
    pub fn note_refusal(&self) {
        self.0.refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what the part is for.
    pub fn part_use(&self) -> MemoryUse {
        self.0.part_use
    }

    /// Returns the most that may be lent, bytes.
    pub fn limit_bytes(&self) -> u64 {
        self.0.limit_bytes
    }

    /// Returns what is lent now, bytes.
    pub fn used_bytes(&self) -> u64 {
        self.0.used_bytes.load(Ordering::Relaxed)
    }

    /// Returns the peak of lent bytes.
    pub fn peak_bytes(&self) -> u64 {
        self.0.peak_bytes.load(Ordering::Relaxed)
    }

    /// Returns how often bytes were refused.
    pub fn refusals(&self) -> u64 {
        self.0.refusals.load(Ordering::Relaxed)
    }

    /// Makes a lease of bytes whose permits were taken.
    fn lend(&self, bytes: u64) -> MemoryLease {
        self.add_used(bytes);
        MemoryLease { part: self.clone(), bytes }
    }

    fn add_used(&self, bytes: u64) {
        let before = self.0.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.0.peak_bytes.fetch_max(before + bytes, Ordering::Relaxed);
    }

    /// Takes permits if enough are free and no task waits for permits.
    fn try_acquire(&self, bytes: u64) -> bool {
        let Ok(step) = u32::try_from(bytes) else { return false };
        let Ok(permits) = self.0.room.try_acquire_many(step) else { return false };
        permits.forget();
        self.add_used(bytes);
        true
    }

    /// ORDER: the count goes down before the permits are free, so that it never shows more than
    /// the limit.
    fn give_back(&self, bytes: u64) {
        self.0.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mut free_bytes = bytes;
        let pay = |debt: u64| Some(debt.saturating_sub(bytes)).filter(|_| debt > 0);
        if let Ok(debt) = self.0.debt_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay)
        {
            free_bytes = bytes.saturating_sub(debt);
        }
        self.0.room.add_permits(free_bytes as usize);
    }

    /// Lends bytes without asking whether there are any.
    fn lend_past(&self, bytes: u64) {
        let taken = self.0.room.forget_permits(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.0.debt_bytes.fetch_add(bytes - taken as u64, Ordering::Relaxed);
        self.add_used(bytes);
    }
}

impl MemoryLease {
    /// Returns the bytes that the lease holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the part that has lent them.
    pub fn part(&self) -> &MemoryPart {
        &self.part
    }

    /// Adds so many bytes, or leaves the lease as it is and counts a refusal.
    pub fn grow(&mut self, more_bytes: u64) -> Result<(), Exhausted> {
        if !self.part.try_acquire(more_bytes) {
            self.part.note_refusal();
            return Err(Exhausted {
                part_use: self.part.part_use(),
                wanted_bytes: self.bytes.saturating_add(more_bytes),
                limit_bytes: self.part.limit_bytes(),
            });
        }
        self.bytes += more_bytes;
        Ok(())
    }

    /// Grows to so many bytes; a lease that holds as much already stays as it is.
    pub fn grow_to(&mut self, bytes: u64) -> Result<(), Exhausted> {
        match bytes.checked_sub(self.bytes) {
            None | Some(0) => Ok(()),
            Some(more_bytes) => self.grow(more_bytes),
        }
    }

    /// Takes over the bytes of another lease of the same part.
    pub fn absorb(&mut self, mut other: MemoryLease) {
        debug_assert!(Arc::ptr_eq(&self.part.0, &other.part.0), "both are of one part");
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Adds so many bytes at once, past the limit where it must be: for work whose length was
    /// estimated before and is known now that its bytes are there. Later leases wait until the
    /// part is below its limit again. The caller bounds how often this can happen at one time.
    pub fn grow_past(&mut self, more_bytes: u64) {
        self.part.lend_past(more_bytes);
        self.bytes += more_bytes;
    }

    /// Sets the lease to a number of bytes already allocated: see [`MemoryLease::grow_past`].
    pub fn settle(&mut self, bytes: u64) {
        match bytes.checked_sub(self.bytes) {
            Some(more_bytes) => self.grow_past(more_bytes),
            None => self.shrink_to(bytes),
        }
    }

    /// Gives back the bytes beyond a number.
    pub fn shrink_to(&mut self, bytes: u64) {
        if let Some(over) = self.bytes.checked_sub(bytes) {
            self.bytes = bytes;
            self.part.give_back(over);
        }
    }
}

impl Drop for MemoryLease {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}
