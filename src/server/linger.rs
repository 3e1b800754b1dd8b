//! A stream that is closed politely: the answer goes out at once, and what its client is still
//! sending is read for a while and dropped.
//!
//! A socket that is closed over unread bytes is reset, and a client that was refused in the middle
//! of its body would see the reset and not the answer. So the sending half is closed first, which
//! ends the answer, and the rest of the body is read until the client has ended too, or time is up.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the rest of a refused body is read: 64 MiB at 100 Mbit/s.
const LINGER_TIME: Duration = Duration::from_secs(5);

/// Bytes that are read and dropped at a time.
const DROPPED_BYTES: usize = 16 * 1024;

/// Reads and drops at one poll: more would keep the thread from others.
const DROPS_MAX: usize = 16;

/// Whether the client of a connection was still sending when it was answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// Notes that a body has unread bytes.
    pub(crate) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether a body was not read to its end.
    pub(crate) fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The stream, and the state of the client.
#[derive(Debug)]
pub(crate) struct Linger<S> {
    inner: S,
    unread: Unread,
    closing: Closing,
}

#[derive(Debug)]
enum Closing {
    /// Not yet, or only the sending half.
    No,
    /// Nothing is sent any more, and what arrives is dropped until then.
    Reading(Pin<Box<Sleep>>),
}

impl<S> Linger<S> {
    /// Returns a stream that lingers when a body is unread at its end.
    pub(crate) fn new(inner: S, unread: Unread) -> Linger<S> {
        Linger { inner, unread, closing: Closing::No }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Linger<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Closing::No = this.closing {
            ready!(Pin::new(&mut this.inner).poll_shutdown(context))?;
            if !this.unread.is_noted() {
                return Poll::Ready(Ok(()));
            }
            this.closing = Closing::Reading(Box::pin(sleep(LINGER_TIME)));
        }
        let Closing::Reading(until) = &mut this.closing else { return Poll::Ready(Ok(())) };
        if until.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut dropped = [0; DROPPED_BYTES];
        for _ in 0..DROPS_MAX {
            let mut buffer = ReadBuf::new(&mut dropped);
            // Whatever ends the client's sending ends the wait for that.
            let read = ready!(Pin::new(&mut this.inner).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    /// Closes a stream whose client sends so many bytes, a kilobyte a second, and then ends or
    /// not; returns how long that takes.
    async fn closes_in(kilobytes: usize, ends: bool, unread: bool) -> Duration {
        let (mut client, server) = duplex(100);
        let noted = Unread::default();
        if unread {
            noted.note();
        }
        let mut server = Linger::new(server, noted);
        let sending = tokio::spawn(async move {
            let mut answer = Vec::new();
            for _ in 0..kilobytes {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if client.write_all(&[b'x'; 1024]).await.is_err() {
                    return answer;
                }
            }
            if ends {
                client.shutdown().await.expect("open");
            }
            let _ = client.read_to_end(&mut answer).await;
            answer
        });
        let began = Instant::now();
        server.write_all(b"refused").await.expect("room");
        server.shutdown().await.expect("no error");
        let took = began.elapsed();
        drop(server);
        assert_eq!(
            sending.await.expect("no panic"),
            if took < LINGER_TIME || !unread { "refused" } else { "" }.as_bytes()
        );
        took
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_still_sends_is_read_for_a_while() {
        let second = Duration::from_secs(1);
        assert_eq!(closes_in(3, true, true).await, 3 * second);
        assert_eq!(closes_in(1_000, true, true).await, LINGER_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_read_to_the_end_is_not_waited_for() {
        assert_eq!(closes_in(0, false, false).await, Duration::ZERO);
    }
}
