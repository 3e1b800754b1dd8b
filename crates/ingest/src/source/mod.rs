//! Sources: one file a protocol. What arrives is bytes of a socket that the root package owns;
//! what leaves is a batch in the hand-off and the protocol's own form of the verdict.
//!
//! [`PROTOCOLS`] is the registry: a new protocol is a file here that implements [`BodyProtocol`] or
//! [`StreamProtocol`], and a line in the list. docs/protocols.md goes through one.

mod body;
mod gelf;
mod gelf_http;
mod gelf_tcp;
mod lines_http;
mod lines_tcp;
mod problem;
mod stream;
mod tally;

use std::sync::Arc;

use axum::http::Extensions;
use tierlog_model::{Caller, SenderId};
use tierlog_problem::{ErrorShape, ShapedPath};
use utoipa::openapi::OpenApi;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use gelf_http::gelf_items;
pub use lines_http::IngestAnswer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use lines_tcp::{Reading, fuzz_handshake};
pub use problem::refusal_names;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use stream::StreamReader;
pub use stream::{ConnectionError, serve_tcp_connection};
pub(crate) use tally::{Tally, count_bytes, count_refused};

use crate::pipeline::Ingest;
use body::BodyProtocol;
use stream::StreamProtocol;

/// Every protocol. Protocols of datagrams are the third kind: their entry comes with the first.
pub(crate) static PROTOCOLS: &[Protocol] = &[
    Protocol::Stream(&lines_tcp::LinesTcp),
    Protocol::Body(&lines_http::LinesHttp),
    Protocol::Stream(&gelf_tcp::GelfTcp),
    Protocol::Body(&gelf_http::GelfHttp),
];

/// A protocol, by what carries it.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    /// Requests of HTTP.
    Body(&'static dyn BodyProtocol),
    /// Connections of TCP.
    Stream(&'static dyn StreamProtocol),
}

/// What carries a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Requests of HTTP.
    Http,
    /// Connections of TCP.
    Tcp,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::Body(protocol) => protocol.name(),
            Protocol::Stream(protocol) => protocol.name(),
        }
    }
}

/// A protocol of TCP connections.
#[derive(Clone, Copy, Debug)]
pub struct TcpProtocol(pub(crate) &'static dyn StreamProtocol);

impl PartialEq for TcpProtocol {
    /// Compares names, which are unique.
    fn eq(&self, other: &TcpProtocol) -> bool {
        self.name() == other.name()
    }
}

impl Eq for TcpProtocol {}

impl TcpProtocol {
    /// JSON lines with acknowledgements.
    pub const LINES: TcpProtocol = TcpProtocol(&lines_tcp::LinesTcp);

    /// Returns the protocol of a name.
    pub fn of_name(name: &str) -> Option<TcpProtocol> {
        PROTOCOLS.iter().find_map(|protocol| match protocol {
            Protocol::Stream(protocol) if protocol.name() == name => Some(TcpProtocol(*protocol)),
            Protocol::Stream(_) | Protocol::Body(_) => None,
        })
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// Returns the name of each protocol, the label of metrics, with the transport.
pub fn protocols() -> impl Iterator<Item = (&'static str, Transport)> {
    PROTOCOLS.iter().map(|protocol| {
        let transport = match protocol {
            Protocol::Body(_) => Transport::Http,
            Protocol::Stream(_) => Transport::Tcp,
        };
        (protocol.name(), transport)
    })
}

fn bodies() -> impl Iterator<Item = &'static dyn BodyProtocol> {
    PROTOCOLS.iter().filter_map(|protocol| match protocol {
        Protocol::Body(protocol) => Some(*protocol),
        Protocol::Stream(_) => None,
    })
}

/// Returns the routes of every body protocol. The listener puts the [`SenderId`] and the [`Caller`]
/// of a request into its extensions.
pub fn http_router(ingest: Arc<Ingest>) -> axum::Router {
    let mut router = axum::Router::new();
    for protocol in bodies() {
        for route in protocol.routes() {
            router = router.route(route.path, body::method_router(protocol, *route));
        }
    }
    // The cap of bodies comes from the configuration.
    router.layer(axum::extract::DefaultBodyLimit::disable()).with_state(ingest)
}

/// Returns the routes of every body protocol as the OpenAPI document has them.
pub fn ingest_contract() -> OpenApi {
    let mut contract = OpenApi::default();
    bodies().for_each(|protocol| contract.merge(protocol.contract()));
    contract
}

/// Returns the form of errors below the paths of body protocols whose form is not ours.
pub fn error_shapes() -> Vec<ShapedPath> {
    let shaped = bodies().filter_map(|protocol| Some((protocol, protocol.error_shape()?)));
    let paths = |(protocol, shape): (&'static dyn BodyProtocol, ErrorShape)| {
        protocol.routes().iter().map(move |route| ShapedPath {
            prefix: route.path,
            suffix: "",
            shape,
        })
    };
    shaped.flat_map(paths).collect()
}

/// Who sends.
#[derive(Clone, Debug)]
pub struct Client {
    /// The machine, as the retry window counts senders.
    pub sender: SenderId,
    /// In whose name.
    pub caller: Caller,
}

impl Default for Client {
    /// Returns the client of a listener without keys that does not say its address.
    fn default() -> Client {
        Client { sender: SenderId::default(), caller: Caller::open() }
    }
}

impl Client {
    /// Returns the client whom a listener has put into the extensions of a request.
    fn of_request(extensions: &Extensions) -> Client {
        let sender = extensions.get::<SenderId>().copied().unwrap_or_default();
        Client { sender, caller: extensions.get().cloned().unwrap_or_else(Caller::open) }
    }
}

#[cfg(test)]
mod tests;
