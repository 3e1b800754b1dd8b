//! The binary: an allocator and a call into the library.

use std::process::ExitCode;

/// musl's own allocator is slow under threads, and this one returns memory sooner than glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tierlog::cli::main()
}
