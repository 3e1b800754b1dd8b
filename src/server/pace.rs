//! The least speed of a peer: waits on it arrive, and the news that it is too slow leaves.
//!
//! Time counts only while the server waits: a peer is not blamed for bytes that the server did not
//! ask for. A byte now and then is not enough; whoever has moved [`Pace::least`] bytes begins anew.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// How much a peer moved of late, and until when it has time for more.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Bytes to move within `patience` while the server waits.
    least: usize,
    patience: Duration,
    /// Runs while we wait.
    sleep: Pin<Box<Sleep>>,
    waiting: Waiting,
    /// When the peer moved bytes last; until we wait again, time is ours.
    moved_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    No,
    /// Since the timer was set, so many bytes were moved.
    Yes(usize),
}

impl Pace {
    /// Returns the demand for so many bytes within so much time.
    pub(crate) fn new(least: usize, patience: Duration) -> Pace {
        Pace {
            least,
            patience,
            sleep: Box::pin(sleep(patience)),
            waiting: Waiting::No,
            moved_at: None,
        }
    }

    /// Notes that the peer moved bytes.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Waiting::Yes(before) = self.waiting {
            let moved = before.saturating_add(bytes);
            self.moved_at = Some(Instant::now());
            self.waiting = if moved >= self.least { Waiting::No } else { Waiting::Yes(moved) };
        }
    }

    /// Notes that the peer has moved all requested bytes.
    pub(crate) fn caught_up(&mut self) {
        self.waiting = Waiting::No;
    }

    /// Waits on the peer; ready when it was too slow.
    pub(crate) fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.waiting == Waiting::No {
            self.waiting = Waiting::Yes(0);
            self.sleep.as_mut().reset(Instant::now() + self.patience);
        } else if let Some(moved_at) = self.moved_at.take() {
            let until = self.sleep.deadline() + moved_at.elapsed();
            self.sleep.as_mut().reset(until);
        }
        self.sleep.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// Waits for so long; tells whether the peer was too slow meanwhile.
    async fn is_too_slow(pace: &mut Pace, seconds: u64) -> bool {
        let waits = poll_fn(|context| pace.poll_too_slow(context));
        tokio::time::timeout(Duration::from_secs(seconds), waits).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_moves_enough_or_has_nothing_to_do_begins_anew() {
        let mut pace = Pace::new(10, PATIENCE);
        tokio::time::sleep(2 * PATIENCE).await;
        assert!(!is_too_slow(&mut pace, 4).await, "nobody waited before");
        pace.moved(9);
        pace.moved(1);
        assert!(!is_too_slow(&mut pace, 4).await);
        pace.caught_up();
        assert!(!is_too_slow(&mut pace, 4).await);
        pace.moved(9);
        assert!(is_too_slow(&mut pace, 4).await, "nine are too few");
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nothing_was_asked_is_not_the_peers() {
        let mut pace = Pace::new(10, PATIENCE);
        assert!(!is_too_slow(&mut pace, 4).await);
        pace.moved(1);
        // Something else is waited for: room for what the peer sent, say.
        tokio::time::sleep(2 * PATIENCE).await;
        assert!(!is_too_slow(&mut pace, 0).await, "it had no chance");
        pace.moved(1);
        assert!(is_too_slow(&mut pace, 2).await, "five seconds for two bytes");
    }
}
