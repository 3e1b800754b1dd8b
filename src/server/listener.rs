//! The accept loop of every listener: accept, a place, then spawn.
//!
//! Connections arrive; a task leaves for each connection, and holds the place, so that the end of
//! the task frees the place. Over the cap one connection at a time is accepted and waits: the one
//! that has kept us waiting longest is asked to leave for it (see [`super::seats`]); while all of
//! them work, further clients wait in the kernel's queue. When the process has no file descriptor
//! left, the loop pauses instead of spinning. Nothing here knows a protocol.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tierlog_model::metric_names::{CONNECTIONS_CLOSED, CONNECTIONS_OPENED};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::seats::{Seat, Seats, Taking};
use crate::config::Remote;

/// Pause after accept found no resources: long enough for a connection to end, short enough
/// that nobody's connect times out.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket with its cap.
#[derive(Debug)]
pub(crate) struct Listener {
    name: Arc<str>,
    socket: TcpListener,
    connections_max: usize,
}

/// Why a listener could not be bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BindError {
    /// The address is no address, or is taken.
    #[error("listen on {address} ({name}): {source}")]
    Bind {
        /// Which listener.
        name: Arc<str>,
        /// The configured address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Other machines would reach it.
    #[error("{name}: {address} {rule}", rule = crate::config::REMOTE_RULE)]
    Remote {
        /// Which listener.
        name: Arc<str>,
        /// The configured address.
        address: String,
    },
}

impl Listener {
    /// Binds `host:port`; a host name is resolved, its first address that can be bound is taken.
    pub(crate) async fn bind(
        name: Arc<str>,
        address: &str,
        connections_max: usize,
        remote: Remote,
    ) -> Result<Listener, BindError> {
        let failed = |source| BindError::Bind {
            name: Arc::clone(&name),
            address: address.to_owned(),
            source,
        };
        let found: Vec<SocketAddr> = lookup_host(address).await.map_err(failed)?.collect();
        if remote == Remote::Refused && found.iter().any(|found| !found.ip().is_loopback()) {
            return Err(BindError::Remote { name, address: address.to_owned() });
        }
        let socket = TcpListener::bind(found.as_slice()).await.map_err(failed)?;
        Ok(Listener { name, socket, connections_max })
    }

    /// Returns the bound address; port 0 has become a real one.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Accepts until `stop`, giving each connection to `serve` in a task of its own; then lets
    /// the open connections finish for at most `drain`, and ends the others.
    pub(crate) async fn run<S, F>(self, serve: S, stop: CancellationToken, drain: Duration)
    where
        S: Fn(TcpStream, IpAddr, Seat) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let name = self.name;
        let seats = Seats::new(Arc::clone(&name), self.connections_max, stop.clone());
        let mut tasks = JoinSet::new();
        let mut exhaustion = Exhaustion::default();
        // Accepted, and without a place yet.
        let mut knocking: Option<(TcpStream, IpAddr)> = None;
        loop {
            let accepts = knocking.is_none() && !exhaustion.is_pausing();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = tasks.join_next(), if !tasks.is_empty() => note_end(&name, ended),
                () = exhaustion.pause_over(), if exhaustion.is_pausing() => exhaustion.resume(),
                permit = seats.free_place(), if knocking.is_some() => {
                    let Some((stream, peer)) = knocking.take() else { continue };
                    counter!(CONNECTIONS_OPENED, "listener" => Arc::clone(&name)).increment(1);
                    let (taking, seat) = seats.take(permit);
                    let served = serve(stream, peer, seat);
                    let open = Open { name: Arc::clone(&name), _taking: taking };
                    tasks.spawn(async move {
                        let _open = open;
                        served.await;
                    });
                }
                accepted = self.socket.accept(), if accepts => match accepted {
                    Ok((stream, peer)) => {
                        exhaustion = Exhaustion::default();
                        // Answers are small and awaited: do not hold them back for company.
                        let _ = stream.set_nodelay(true);
                        knocking = Some((stream, peer.ip()));
                    }
                    Err(error) if is_of_connection(&error) => {
                        debug!(listener = &*name, %error, "connection ended before it was accepted");
                    }
                    Err(error) => {
                        // A connection that only waits may hold the missing descriptor.
                        seats.ask_one_to_leave();
                        exhaustion.pause(&name, &error);
                    }
                }
            }
        }
        // Stop accepting before the connections are drained: the kernel refuses new ones.
        drop(self.socket);
        let drained = async {
            while let Some(ended) = tasks.join_next().await {
                note_end(&name, ended);
            }
        };
        if tokio::time::timeout(drain, drained).await.is_err() {
            warn!(listener = &*name, open = tasks.len(), "end connections that did not finish");
            tasks.shutdown().await;
        }
    }
}

/// Times at which the process has no file descriptor or memory for another connection.
#[derive(Debug, Default)]
struct Exhaustion {
    /// Until when nothing is accepted.
    until: Option<Instant>,
    /// Pauses without an accepted connection in between: only the first is logged.
    pauses: u32,
}

impl Exhaustion {
    fn pause(&mut self, listener: &str, error: &io::Error) {
        if self.pauses == 0 {
            warn!(listener, %error, "cannot accept, pause until a connection ends");
        }
        self.pauses = self.pauses.saturating_add(1);
        self.until = Some(Instant::now() + EXHAUSTED_PAUSE);
    }

    fn is_pausing(&self) -> bool {
        self.until.is_some()
    }

    async fn pause_over(&self) {
        if let Some(until) = self.until {
            tokio::time::sleep_until(until).await;
        }
    }

    fn resume(&mut self) {
        self.until = None;
    }
}

/// Tells whether an error of accept is one connection's and not the listener's.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn note_end(name: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        // The text of the panic may quote input, so the log says only that a task panicked.
        error!(listener = name, "connection task panicked");
    }
}

/// An open connection: the end is counted, however the task ends.
struct Open {
    name: Arc<str>,
    _taking: Taking,
}

impl Drop for Open {
    fn drop(&mut self) {
        counter!(CONNECTIONS_CLOSED, "listener" => Arc::clone(&self.name)).increment(1);
    }
}

#[cfg(test)]
#[path = "listener/tests.rs"]
mod tests;
