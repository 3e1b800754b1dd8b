//! Waits on a plain thread for the next submission, but not for ever.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use tierlog_model::{HandoffReceiver, Submission};

/// Why waiting ended.
#[derive(Debug)]
pub(super) enum Received {
    Submission(Submission),
    /// Every sender is gone.
    Closed,
    /// The deadline came first.
    TimedOut,
}

/// Waits for the next submission, at most until the deadline.
pub(super) fn receive(receiver: &mut HandoffReceiver, deadline: Option<Instant>) -> Received {
    let Some(deadline) = deadline else {
        return receiver.blocking_recv().map_or(Received::Closed, Received::Submission);
    };
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match receiver.poll_recv(&mut context) {
            Poll::Ready(Some(submission)) => return Received::Submission(submission),
            Poll::Ready(None) => return Received::Closed,
            Poll::Pending => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Received::TimedOut;
        }
        thread::park_timeout(left);
    }
}

/// Wakes the waiting thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
