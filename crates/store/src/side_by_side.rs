//! Work on many partitions by several threads.
//!
//! Items arrive; what a function says of each leaves, in the order of the items. Few items are done
//! one after the other, by the thread that asks.

use std::num::NonZero;

/// Threads at once: beyond a few, reading small files waits for the file system's locks.
const THREADS_MAX: usize = 8;

/// Gives every item to a function. A further thread is started for so many items each: a simulated
/// power cut counts the calls of one thread, and has fewer items than that.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    items_per_thread: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    // Reading and syncing wait for the disk, too.
    let most = (2 * cores).min(THREADS_MAX);
    let threads = (items.len() / items_per_thread).clamp(1, most);
    if threads == 1 {
        return items.iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|scope| {
        let shares = items.chunks(items.len().div_ceil(threads));
        let threads: Vec<_> = shares
            .map(|share| scope.spawn(move || share.iter().map(work).collect::<Vec<R>>()))
            .collect();
        let done = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER_THREAD: usize = 4;

    #[test]
    fn few_and_many_items_come_back_in_order() {
        for count in [0, 1, PER_THREAD * 2, PER_THREAD * 99 + 1] {
            let items: Vec<usize> = (0..count).collect();
            let doubled = map(&items, PER_THREAD, |item| item * 2);
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "an item")]
    fn a_panic_of_a_thread_is_one_of_the_caller() {
        let items: Vec<usize> = (0..PER_THREAD * 3).collect();
        map(&items, PER_THREAD, |item| assert_ne!(*item, PER_THREAD * 2, "an item"));
    }
}
