//! Buffers of batches: a few, used again and again.
//!
//! A batch is filled by a thread of ingest, written by the WAL's and dropped by the indexer's. A
//! new buffer for each would be new pages from the kernel, cleared and given back a moment later. A
//! pooled buffer keeps only its memory.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers that wait for their next batch: as many as threads fill and write at one time on a
/// few cores. More would be memory that a quiet server holds for nothing.
const IDLE_BUFFERS_MAX: usize = 6;

/// Largest buffer that is kept; a larger one was grown by an exceptional batch.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Smallest pooled buffer: the allocator is quick with smaller buffers, and small buffers would
/// take the places of large buffers.
const KEPT_BYTES_MIN: usize = 64 << 10;

/// Hands out empty buffers and takes those of finished batches back.
#[derive(Debug, Default)]
pub struct BufferPool {
    idle: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// Returns an empty buffer with room for so many bytes.
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        if bytes < KEPT_BYTES_MIN {
            return Vec::with_capacity(bytes);
        }
        let mut idle = self.idle();
        let Some(fitting) = idle.iter().position(|buffer| buffer.capacity() >= bytes) else {
            // A larger buffer takes the place of a smaller one. The smaller buffer is replaced
            // instead of grown: growing an empty buffer copies all of its memory.
            let smaller = idle.pop();
            drop(idle);
            drop(smaller);
            return Vec::with_capacity(bytes);
        };
        idle.swap_remove(fitting)
    }

    /// Makes bytes of a buffer that comes back when the last of them is dropped.
    pub(crate) fn freeze(self: &Arc<BufferPool>, buffer: Vec<u8>) -> Bytes {
        match buffer.capacity() {
            KEPT_BYTES_MIN..=KEPT_BYTES_MAX => {
                Bytes::from_owner(Lent { buffer, pool: Arc::clone(self) })
            }
            _ => Bytes::from(buffer),
        }
    }

    fn put(&self, mut buffer: Vec<u8>) {
        let mut idle = self.idle();
        if idle.len() < IDLE_BUFFERS_MAX {
            buffer.clear();
            idle.push(buffer);
        }
    }

    /// A list with atomic changes.
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer that comes back.
struct Lent {
    buffer: Vec<u8>,
    pool: Arc<BufferPool>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_when_its_last_bytes_are_dropped() {
        let pool = Arc::new(BufferPool::default());
        let mut buffer = pool.take(KEPT_BYTES_MIN);
        buffer.extend_from_slice(b"text");
        let memory = buffer.as_ptr();
        let bytes = pool.freeze(buffer);
        let part = bytes.slice(1..3);
        drop(bytes);
        assert_eq!(pool.idle().len(), 0);
        assert_eq!(&part[..], b"ex");
        drop(part);
        let again = pool.take(KEPT_BYTES_MIN);
        assert_eq!((again.as_ptr(), again.len()), (memory, 0));
    }

    #[test]
    fn the_first_buffer_that_is_large_enough_is_taken() {
        let pool = Arc::new(BufferPool::default());
        let (small, large) = (KEPT_BYTES_MIN, 2 * KEPT_BYTES_MIN);
        drop([small, large, small].map(|bytes| pool.freeze(Vec::with_capacity(bytes))));
        assert!(pool.take(large).capacity() >= large);
        assert_eq!(pool.idle().len(), 2);
        // None is: one of them makes room.
        assert_eq!(pool.take(large).capacity(), large);
        assert_eq!(pool.idle().len(), 1);
        assert_eq!(pool.take(small).capacity(), small);
        assert_eq!(pool.idle().len(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_size() {
        let pool = Arc::new(BufferPool::default());
        let frozen = |bytes: usize| pool.freeze(Vec::with_capacity(bytes));
        let all: Vec<Bytes> = (0..2 * IDLE_BUFFERS_MAX).map(|_| frozen(KEPT_BYTES_MAX)).collect();
        drop(all);
        assert_eq!(pool.idle().len(), IDLE_BUFFERS_MAX);
        pool.idle().clear();
        drop([frozen(KEPT_BYTES_MIN - 1), frozen(2 * KEPT_BYTES_MAX)]);
        assert_eq!(pool.idle().len(), 0);
        assert_eq!(pool.take(100).capacity(), 100);
    }
}
