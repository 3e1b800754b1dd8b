//! The time that the server takes to stop: `server.drain_timeout` bounds all of it.
//!
//! A signal arrives elsewhere; connections are drained by their listeners, in the part of the time
//! that is theirs; the store is closed here, in the rest. Nothing that was acked depends on it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tierlog_store::Store;
use tokio::time::Instant;

/// The time that a stop may take, and how it is shared out.
#[derive(Debug)]
pub(crate) struct Drain {
    end: Instant,
}

impl Drain {
    /// One part in so many of the time belongs to the store, at least [`Self::STORE_TIME_MIN`].
    const STORE_SHARE: u32 = 5;
    /// A sync and a commit of what the queues hold.
    const STORE_TIME_MIN: Duration = Duration::from_secs(1);

    /// Returns the time of a stop that begins now.
    pub(crate) fn starting_now(allowed: Duration) -> Drain {
        Drain { end: Instant::now() + allowed }
    }

    /// Returns how long connections may take to finish what they sent.
    pub(crate) fn of_connections(allowed: Duration) -> Duration {
        allowed.saturating_sub(Self::of_store(allowed))
    }

    fn of_store(allowed: Duration) -> Duration {
        (allowed / Self::STORE_SHARE).max(Self::STORE_TIME_MIN)
    }

    /// Closes the store, or leaves it when that takes too long: whatever was acked is in the WAL,
    /// and the next start goes on from there as it does after a crash.
    pub(crate) async fn close(&self, store: Store) -> Result<()> {
        let end = self.end.max(Instant::now() + Self::STORE_TIME_MIN);
        let closing = tokio::task::spawn_blocking(move || store.close());
        match tokio::time::timeout_at(end, closing).await {
            Ok(closed) => {
                closed.context("close the store")?;
                tracing::info!("stopped");
            }
            Err(_) => {
                tracing::warn!("stopped before all was indexed; the next start goes on with it");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_has_its_share_and_connections_the_rest() {
        for (allowed, connections) in [(0, 0), (500, 0), (3_000, 2_000), (10_000, 8_000)] {
            let drain = Drain::of_connections(Duration::from_millis(allowed));
            assert_eq!(drain, Duration::from_millis(connections), "of {allowed} ms");
        }
    }
}
