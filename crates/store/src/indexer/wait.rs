//! Waiting for a merge, as long as nobody asks the store to stop.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

/// How long a request to stop may go unseen: nobody unparks the thread for it.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Blocks until the future ends and returns its output; `None` when it was asked to stop first.
/// The work behind the future goes on without anyone waiting for it.
pub(super) fn wait_unless<F: Future>(
    future: F,
    is_stopping: impl Fn() -> bool,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if is_stopping() {
            return None;
        }
        std::thread::park_timeout(STOP_POLL_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_is_returned_and_what_does_not_is_left_when_asked_to_stop() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || wait_unless(receiver, || false));
        sender.send(7).expect("somebody waits");
        assert_eq!(thread.join().expect("no panic"), Some(Ok(7)));
        assert_eq!(wait_unless(std::future::pending::<()>(), || true), None);
    }
}
