//! The binary: an allocator and a call into the library.

mod allocator;

use std::process::ExitCode;

/// musl's own allocator is slow under threads, and jemalloc returns memory sooner than glibc's.
#[global_allocator]
static ALLOCATOR: allocator::CountingAllocator = allocator::CountingAllocator;

fn main() -> ExitCode {
    tierlog::cli::main()
}
