//! The allocator of the server: mimalloc, and a counter of what each thread holds of it.
//!
//! Requests to allocate and free arrive and go to mimalloc unchanged; their sizes go to the
//! counter of the calling thread ([`tierlog_model::memory::ThreadMemory`]), which queries read
//! while they run. The counter is a thread-local number: no lock, no atomic, no allocation. Sizes
//! are those that were asked for; mimalloc rounds them up by an eighth at most.
//!
//! This is the only file of the workspace with `unsafe` (`tests/it/tidy.rs`): the trait of an
//! allocator cannot be implemented without.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};

use mimalloc::MiMalloc;
use tierlog_model::memory::{note_allocated, note_freed};

/// mimalloc that counts by thread.
pub(crate) struct CountingAllocator;

// SAFETY: every method passes its arguments on to mimalloc unchanged and returns what mimalloc
// returned, so the contract that callers keep is the one that mimalloc is promised, and the
// contract that mimalloc keeps is the one that callers see. Counting touches no memory but a
// constant-initialised thread-local without a destructor: it neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note_allocated(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { MiMalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note_allocated(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note_freed(layout.size());
        // SAFETY: `pointer` came from the methods above, so from mimalloc, with this layout.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note_freed(layout.size());
        note_allocated(new_size);
        // SAFETY: `pointer` came from the methods above, so from mimalloc, with this layout; the
        // caller's promise about `new_size` is passed on.
        unsafe { MiMalloc.realloc(pointer, layout, new_size) }
    }
}
