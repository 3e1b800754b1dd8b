//! The memory of a running query: allocations of the worker arrive, a lease of the budget or a
//! refusal leaves.
//!
//! Only metered work is counted: what a worker opens for everybody (readers of partitions, which
//! stay open for the next query) has a part of the budget of its own. The count is checked wherever
//! the deadline is, so between blocks of bounded work; work that allocates much at one go reserves
//! its room before.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tierlog_model::memory::{Exhausted, MemoryLease, MemoryPart, ThreadMemory};

/// Bytes that a query may hold without a lease: what a look-up or a page of hits takes. As many
/// queries run at once as `query.concurrency_max` says.
const FREE_BYTES: u64 = 1 << 20;

/// Step of a lease's growth, and least surplus worth giving back.
const STEP_BYTES: u64 = 1 << 20;

/// The memory of a query on a thread.
#[derive(Debug)]
pub(crate) struct WorkMemory(Mutex<Work>);

#[derive(Debug)]
struct Work {
    lease: MemoryLease,
    /// Bytes that metered work has left behind.
    held_bytes: i64,
    /// Metered work that is under way.
    metering: Option<ThreadMemory>,
}

/// Forgets, when dropped, what metered work left behind since this was made: it is gone by then.
#[derive(Debug)]
pub(crate) struct Passing<'w> {
    memory: Option<&'w WorkMemory>,
    held_bytes: i64,
}

impl WorkMemory {
    /// Returns the memory of a query without allocations.
    pub(crate) fn of(part: &MemoryPart) -> WorkMemory {
        let lease = part.empty_lease();
        WorkMemory(Mutex::new(Work { lease, held_bytes: 0, metering: None }))
    }

    /// Runs work on the calling thread and counts what it leaves allocated.
    pub(crate) fn metered<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.work().metering.is_some() {
            return work();
        }
        self.work().metering = Some(ThreadMemory::start());
        let stop = StopMetering(self);
        let done = work();
        drop(stop);
        done
    }

    /// Counts bytes that are held and were not metered.
    pub(crate) fn hold(&self, bytes: u64) {
        let mut work = self.work();
        work.held_bytes = work.held_bytes.saturating_add_unsigned(bytes);
    }

    /// Leases what is held now; fails when the part of the budget has no room for it.
    pub(crate) fn check(&self) -> Result<(), Exhausted> {
        self.work().cover(0)
    }

    /// Leases room for bytes about to be allocated at one go, beside the held bytes. The next check
    /// gives back what was not needed.
    pub(crate) fn reserve(&self, ahead_bytes: u64) -> Result<(), Exhausted> {
        self.work().cover(ahead_bytes)
    }

    /// Returns the bytes that metered work holds.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.work().held()
    }

    /// Every step leaves the numbers whole, so a panic elsewhere does not spoil them.
    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'w> Passing<'w> {
    /// Remembers what is held now.
    pub(crate) fn of(memory: Option<&'w WorkMemory>) -> Passing<'w> {
        Passing { memory, held_bytes: memory.map_or(0, |memory| memory.work().held_bytes) }
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if let Some(memory) = self.memory {
            memory.work().held_bytes = self.held_bytes;
        }
    }
}

/// Ends metering, also when the metered work panics: what a panic unwinds is freed.
struct StopMetering<'w>(&'w WorkMemory);

impl Drop for StopMetering<'_> {
    fn drop(&mut self) {
        let mut work = self.0.work();
        let change = work.metering.take().map_or(0, |memory| memory.change_bytes());
        work.held_bytes = work.held_bytes.saturating_add(change);
    }
}

impl Work {
    fn held(&self) -> u64 {
        let under_way = self.metering.map_or(0, |memory| memory.change_bytes());
        u64::try_from(self.held_bytes.saturating_add(under_way)).unwrap_or(0)
    }

    fn cover(&mut self, ahead_bytes: u64) -> Result<(), Exhausted> {
        let needed = self.held().saturating_add(ahead_bytes);
        let Some(leased) = needed.checked_sub(FREE_BYTES) else {
            self.lease.shrink_to(0);
            return Ok(());
        };
        let limit = self.lease.part().limit_bytes();
        let rounded = leased.next_multiple_of(STEP_BYTES).min(limit).max(leased);
        self.lease.shrink_to(rounded.saturating_add(STEP_BYTES));
        self.lease.grow_to(rounded)
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::memory::{MemoryUse, note_allocated, note_freed};

    use super::*;

    const MIB: u64 = 1 << 20;

    fn part() -> MemoryPart {
        MemoryPart::new(MemoryUse::Aggregations, 10 * MIB)
    }

    fn allocate(bytes: u64) {
        note_allocated(bytes as usize);
    }

    #[test]
    fn metered_work_is_leased_beyond_what_is_free() {
        let part = part();
        let memory = WorkMemory::of(&part);
        memory.metered(|| allocate(MIB));
        memory.check().unwrap();
        assert_eq!(part.used_bytes(), 0);
        // Not metered: a reader that stays open for the next query.
        allocate(100 * MIB);
        memory.metered(|| allocate(3 * MIB / 2));
        memory.check().unwrap();
        assert_eq!((memory.held_bytes(), part.used_bytes()), (5 * MIB / 2, 2 * MIB));
        memory.metered(|| note_freed(5 * MIB as usize / 2));
        memory.check().unwrap();
        assert_eq!((memory.held_bytes(), part.used_bytes()), (0, 0));
    }

    #[test]
    fn work_under_way_counts_and_what_cannot_fit_is_told_from_what_may_later() {
        let part = part();
        let (first, second) = (WorkMemory::of(&part), WorkMemory::of(&part));
        first.metered(|| {
            allocate(7 * MIB);
            first.check().unwrap();
            assert_eq!(part.used_bytes(), 6 * MIB);
        });
        second.metered(|| allocate(7 * MIB));
        assert!(!second.check().unwrap_err().is_final());
        second.metered(|| allocate(7 * MIB));
        assert!(second.check().unwrap_err().is_final());
        drop(first);
        assert_eq!(part.used_bytes(), 0);
    }

    #[test]
    fn a_reserve_is_given_back_by_the_next_check() {
        let part = part();
        let memory = WorkMemory::of(&part);
        memory.reserve(8 * MIB).unwrap();
        assert_eq!(part.used_bytes(), 7 * MIB);
        memory.check().unwrap();
        assert_eq!(part.used_bytes(), 0);
        assert!(memory.reserve(12 * MIB).unwrap_err().is_final());
    }

    #[test]
    fn a_panic_ends_metering_and_what_passes_is_forgotten() {
        let part = part();
        let memory = WorkMemory::of(&part);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            memory.metered(|| panic!("damaged bytes"));
        }));
        assert!(panicked.is_err());
        {
            let _passing = Passing::of(Some(&memory));
            memory.metered(|| allocate(4 * MIB));
            memory.check().unwrap();
            assert_eq!(part.used_bytes(), 3 * MIB);
        }
        memory.check().unwrap();
        assert_eq!((memory.held_bytes(), part.used_bytes()), (0, 0));
    }
}
