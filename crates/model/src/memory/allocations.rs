//! What the allocator really gave: net bytes of the calling thread.
//!
//! The server's allocator calls [`note_allocated`] and [`note_freed`]; a process whose allocator
//! does not (a unit test, a library user) reads zero everywhere. The counter belongs to one
//! thread, so the allocator's fast path touches no shared memory.

use std::cell::Cell;

thread_local! {
    /// Bytes allocated by the thread, less bytes freed by the thread. Below zero on a thread that
    /// frees memory of other threads. A constant without a destructor: reading it never allocates.
    static NET_BYTES: Cell<i64> = const { Cell::new(0) };
}

/// Adds an allocation of the calling thread. Only the allocator calls this.
#[inline]
pub fn note_allocated(bytes: usize) {
    NET_BYTES.with(|net| net.set(net.get().wrapping_add(bytes as i64)));
}

/// Subtracts what the calling thread frees. Only the allocator calls this.
#[inline]
pub fn note_freed(bytes: usize) {
    NET_BYTES.with(|net| net.set(net.get().wrapping_sub(bytes as i64)));
}

/// The memory of one piece of work on one thread, counted from the moment this is made. Read on
/// another thread, the count means nothing.
#[derive(Clone, Copy, Debug)]
pub struct ThreadMemory {
    start_bytes: i64,
}

impl ThreadMemory {
    /// Starts counting on the calling thread.
    pub fn start() -> ThreadMemory {
        ThreadMemory { start_bytes: NET_BYTES.get() }
    }

    /// Returns how many bytes the calling thread holds more than at the start; below zero when it
    /// holds fewer.
    pub fn change_bytes(&self) -> i64 {
        NET_BYTES.get().wrapping_sub(self.start_bytes)
    }
}
