//! A stream whose peer must take what is written: it fails when a write makes too little progress
//! for too long. Reads pass through; their deadlines belong to the protocol.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::Pace;

/// What a peer takes within the time at least: whoever is alive takes it on any line. Against
/// clients that take a byte a second of a large answer.
const TAKEN_BYTES_MIN: usize = 64 * 1024;

/// The stream and the pace of its peer.
#[derive(Debug)]
pub(crate) struct StallGuard<S> {
    inner: S,
    pace: Pace,
}

impl<S> StallGuard<S> {
    /// Puts a stream under guard.
    pub(crate) fn new(inner: S, patience: Duration) -> StallGuard<S> {
        StallGuard { inner, pace: Pace::new(TAKEN_BYTES_MIN, patience) }
    }

    /// Passes the outcome of a write of so many bytes on; a peer that is too slow fails it.
    fn watch_write(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(taken)) if taken < offered => self.pace.moved(taken),
            Poll::Ready(_) => self.pace.caught_up(),
            Poll::Pending => return self.wait(context),
        }
        outcome
    }

    /// Passes the outcome of a flush or shutdown on.
    fn watch_end(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if outcome.is_ready() { outcome } else { self.wait(context) }
    }

    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.pace.poll_too_slow(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch_write(context, outcome, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(context);
        self.watch_end(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watch_end(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(context, buffers);
        self.watch_write(context, outcome, buffers.iter().map(|buffer| buffer.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// Accepts writes and never flushes.
    #[derive(Debug)]
    struct Stuck;

    impl AsyncWrite for Stuck {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_does_not_come_fails() {
        let patience = Duration::from_secs(7);
        let start = tokio::time::Instant::now();
        let mut guarded = StallGuard::new(Stuck, patience);
        guarded.write_all(b"all of it").await.expect("taken");
        for end in 1..=2 {
            let outcome = if end == 1 { guarded.flush().await } else { guarded.shutdown().await };
            assert_eq!(outcome.expect_err("stuck").kind(), io::ErrorKind::TimedOut);
            assert!(start.elapsed() <= end * patience);
        }
    }
}
