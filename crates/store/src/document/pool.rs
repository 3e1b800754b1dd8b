//! The buffers of chunks: a fixed number, used again and again.
//!
//! A chunk is filled by the indexing thread and emptied by the thread of an index writer. The
//! pool is what bounds the records between the two: who wants a chunk while all are under way
//! waits. And memory that stays mapped is not cleared by the kernel for every megabyte of logs.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::chunk::{Buffers, Chunk};

/// Chunks under way at once, over all partitions: enough that every writer has some while one
/// is busy with a segment, and together within 10 MiB.
const CHUNKS_MAX: usize = 24;

/// Hands out empty chunks and takes their buffers back.
#[derive(Debug, Default)]
pub(crate) struct ChunkPool {
    state: Mutex<PoolState>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct PoolState {
    idle: Vec<Buffers>,
    under_way: usize,
}

impl ChunkPool {
    /// Returns an empty chunk, or `None` when none came back for so long: what waits for a writer
    /// whose thread has ended never does. A caller holds one at a time.
    pub(crate) fn take(self: &Arc<ChunkPool>, patience: Duration) -> Option<Chunk> {
        let are_all_under_way = |state: &mut PoolState| state.under_way >= CHUNKS_MAX;
        let waited = self.returned.wait_timeout_while(self.lock(), patience, are_all_under_way);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        if outcome.timed_out() {
            return None;
        }
        state.under_way += 1;
        Some(Chunk::new(state.idle.pop().unwrap_or_default(), self.clone()))
    }

    /// Takes back what [`ChunkPool::take`] gave. Buffers that an exceptional record made large
    /// are freed.
    pub(super) fn put(&self, mut buffers: Buffers) {
        let mut state = self.lock();
        state.under_way -= 1;
        if buffers.are_worth_keeping() {
            buffers.clear();
            state.idle.push(buffers);
        }
        drop(state);
        self.returned.notify_one();
    }

    /// Two plain values, changed together.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
