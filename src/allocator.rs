//! The allocator of the server: jemalloc, and a counter of what each thread holds of it.
//!
//! Requests to allocate and free arrive and go to jemalloc unchanged; their sizes go to the
//! counter of the calling thread ([`tierlog_model::memory::ThreadMemory`]), which queries read
//! while they run. The counter is a thread-local number: no lock, no atomic, no allocation. The
//! counted sizes are the requested ones; jemalloc rounds them up by a fifth at most.
//!
//! This is the only file of the workspace with `unsafe` (`tests/it/tidy.rs`): the trait of an
//! allocator cannot be implemented without.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout};

use tierlog_model::memory::{note_allocated, note_freed};
use tikv_jemallocator::Jemalloc;

/// Settings of jemalloc, which it looks up by this name when the process starts; `docs/adr/0044`
/// has the figures.
///
/// - `retain:false`: freed mappings go back to the system. Kept ones would count under a limit of
///   data (`RLIMIT_DATA`) for as long as the process lives.
/// - `narenas:4`: thirty threads share four heaps. With a heap for each thread, the pages of
///   segments that are begun and not full would be the larger part of the memory.
/// - `oversize_threshold:1048577`: what has more than a mebibyte goes back as soon as it is free,
///   and comes anew from the system. Channels of the search engine have 1.4 MB and are made anew
///   for each commit of each partition: kept, their pieces held 40 MB. Arenas of the engine have a
///   mebibyte to the byte, and stay, because they are filled again at once.
/// - `dirty_decay_ms:2000`, `muzzy_decay_ms:0`: anything smaller goes back when it was free for two
///   seconds. One second costs 2 % more CPU of ingest and holds no less.
/// - `thp:never`: a huge page stays resident for one live object of it.
// SAFETY: the name is jemalloc's own for a pointer to a text that ends with a zero, which this is,
// and nothing else of the program has a symbol of this name.
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: &[u8; 97] =
    b"retain:false,narenas:4,oversize_threshold:1048577,dirty_decay_ms:2000,muzzy_decay_ms:0,thp:never\0";

/// jemalloc that counts by thread.
pub(crate) struct CountingAllocator;

// SAFETY: every method passes its arguments on to jemalloc unchanged and returns jemalloc's result,
// so jemalloc is promised just the contract that callers keep, and callers see just the contract
// that jemalloc keeps. Counting touches no memory but a
// constant-initialised thread-local without a destructor: it neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note_allocated(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { Jemalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note_allocated(layout.size());
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { Jemalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note_freed(layout.size());
        // SAFETY: `pointer` came from the methods above, so from jemalloc, with this layout.
        unsafe { Jemalloc.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note_freed(layout.size());
        note_allocated(new_size);
        // SAFETY: `pointer` came from the methods above, so from jemalloc, with this layout; the
        // caller's promise about `new_size` is passed on.
        unsafe { Jemalloc.realloc(pointer, layout, new_size) }
    }
}
