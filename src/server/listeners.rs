//! Every listener as one list: binding, addresses, names, start and stop derive from it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use tierlog_ingest::{Client as StreamClient, Ingest, TcpProtocol};
use tierlog_model::SenderId;
use tierlog_model::memory::MemoryPart;
use tierlog_problem::ErrorShapes;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::addresses::Addresses;
use super::drain::Drain;
use super::host_guard::Hosts;
use super::http::{Client, HalfClosed, HttpDeadlines, serve_http_connection};
use super::listener::Listener;
use super::protect::{Protected, Rules};
use super::seats::{LineWatch, Seat};
use crate::config::{Config, HttpTimes, ListenerProtocol, ListenerSection, Remote};
use crate::live::Live;

/// What stands behind the listeners.
pub(crate) struct Services {
    /// The way of a line, as the configuration of the moment says.
    pub(crate) ingest: Arc<Live<Ingest>>,
    /// Routes of listeners that take lines.
    pub(crate) ingest_routes: Router,
    /// Routes of listeners that find lines.
    pub(crate) query_routes: Router,
    /// The part of the budget that large answers of the latter hold.
    pub(crate) answers: MemoryPart,
}

/// Every bound socket. Bound before the store is opened: a taken port is told before the data is
/// touched, and clients wait in the kernel's queue while the log is replayed.
pub(crate) struct Listeners {
    bound: Vec<(ListenerSection, Listener)>,
    remote: Remote,
    hosts: Vec<String>,
    drain: Duration,
}

impl Listeners {
    /// Binds the listeners of a configuration, all or none.
    pub(crate) async fn bind(config: &Config) -> Result<Listeners> {
        let mut bound = Vec::with_capacity(config.listeners.len());
        for section in &config.listeners {
            let ListenerSection { name, listen, connections_max, .. } = section;
            let socket =
                Listener::bind(Arc::clone(name), listen, *connections_max, config.server.remote)
                    .await?;
            bound.push((section.clone(), socket));
        }
        Ok(Listeners {
            bound,
            remote: config.server.remote,
            hosts: config.server.hosts.clone(),
            drain: Drain::of_connections(config.server.drain_timeout),
        })
    }

    /// Returns where each listens; port 0 has become a real one.
    pub(crate) fn addresses(&self) -> Result<Addresses> {
        let addresses = self.bound.iter().map(|(section, socket)| {
            let address = socket.local_addr()?;
            Ok((section.name.to_string(), section.url(address), address))
        });
        addresses.collect::<Result<_>>().map(Addresses::new)
    }

    /// Starts an accept loop for each. Once `stop` is cancelled, all end when their connections are
    /// drained.
    pub(crate) fn start(
        self,
        services: &Services,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) {
        let Listeners { bound, remote, hosts, drain } = self;
        for (section, socket) in bound {
            let http = |routes: &Router, times: HttpTimes, half_closed, shapes, answers| {
                let rules = Rules {
                    hosts: Hosts::new(remote, &hosts),
                    body_timeout: times.body_timeout,
                    shapes: ErrorShapes::of(shapes),
                    answers,
                };
                let HttpTimes { header_timeout: header, write_timeout: write, .. } = times;
                let deadlines = HttpDeadlines { header, write, half_closed };
                (Protected::new(routes.clone(), rules), deadlines)
            };
            let (routes, deadlines) = match section.protocol {
                ListenerProtocol::Ingest(times) => {
                    let shapes = tierlog_ingest::error_shapes();
                    http(&services.ingest_routes, times, HalfClosed::Waits, shapes, None)
                }
                ListenerProtocol::Query(times) => {
                    let shapes = tierlog_query::error_shapes();
                    let answers = Some(services.answers.clone());
                    http(&services.query_routes, times, HalfClosed::Left, shapes, answers)
                }
                ListenerProtocol::Stream(protocol) => {
                    let ingest = Arc::clone(&services.ingest);
                    let stream = (protocol, section);
                    tasks.spawn(run_stream(socket, stream, ingest, stop.clone(), drain));
                    continue;
                }
            };
            tasks.spawn(run_http(socket, section, routes, deadlines, stop.clone(), drain));
        }
    }
}

/// Returns the accept loop of a listener of streams.
fn run_stream(
    socket: Listener,
    (protocol, section): (TcpProtocol, ListenerSection),
    ingest: Arc<Live<Ingest>>,
    stop: CancellationToken,
    drain: Duration,
) -> impl Future<Output = ()> {
    let serve = move |stream, peer, seat: Seat| {
        let leave = seat.leave().clone();
        let stream = LineWatch::new(stream, seat);
        let ingest = ingest.current();
        let client = StreamClient { sender: SenderId::of_peer(peer), caller: section.caller() };
        let served = tierlog_ingest::serve_tcp_connection(protocol, ingest, stream, client, leave);
        async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "tcp connection ended early");
            }
        }
    };
    socket.run(serve, stop, drain)
}

/// Returns the accept loop of an HTTP listener.
fn run_http(
    socket: Listener,
    section: ListenerSection,
    routes: Protected,
    deadlines: HttpDeadlines,
    stop: CancellationToken,
    drain: Duration,
) -> impl Future<Output = ()> {
    let told = stop.clone();
    let serve = move |stream, peer, seat| {
        let client = Client { seat, sender: SenderId::of_peer(peer), caller: section.caller() };
        serve_http_connection(stream, routes.clone(), deadlines, client, told.clone())
    };
    socket.run(serve, stop, drain)
}
