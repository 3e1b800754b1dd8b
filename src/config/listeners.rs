//! `[listeners.<name>]`: the sockets of the server, each with the protocol that it speaks.
//!
//! A listener beyond those of the embedded default says protocol, transport and address; every
//! other key that it leaves out has the value of the default's listener of the same kind.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tierlog_ingest::{TcpProtocol, protocols};
use tierlog_model::{Caller, Tenant};

use super::reader::Reader;
use super::sections::Remote;

/// Listeners of one server: a door in and a door out for each of 50 tenants, and some beside. Each
/// is a label of metrics and a task that accepts.
const LISTENERS_MAX: usize = 128;

/// Longest name, bytes: a label of metrics, and a column of the banner.
const NAME_BYTES_MAX: usize = 32;

const CONNECTIONS: RangeInclusive<u64> = 1..=65_536;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Keys that only a listener of HTTP has.
const HTTP_KEYS: [&str; 3] = ["header_timeout", "body_timeout", "write_timeout"];

/// Why an address that other machines reach is refused.
pub(crate) const REMOTE_RULE: &str = "is reachable from other machines, and there is no access \
     control yet: use 127.0.0.1, or set security.allow_remote = true behind a proxy that authenticates";

/// A socket that is listened on.
#[derive(Clone, Debug)]
pub struct ListenerSection {
    /// Its name: in the addresses file, the banner, metrics and our own log.
    pub name: Arc<str>,
    /// What is spoken on it.
    pub protocol: ListenerProtocol,
    /// Whose records its clients write and read.
    pub tenant: Tenant,
    /// `host:port`.
    pub listen: String,
    /// Open connections at once.
    pub connections_max: usize,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerProtocol {
    /// A protocol of ingest over a connection.
    Stream(TcpProtocol),
    /// The HTTP API that takes lines, in every protocol that speaks HTTP.
    Ingest(HttpTimes),
    /// The HTTP API that finds lines and keeps the store.
    Query(HttpTimes),
}

/// Deadlines of an HTTP listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTimes {
    /// Time for a whole request head.
    pub header_timeout: Duration,
    /// Time for a whole request body.
    pub body_timeout: Duration,
    /// Longest time for which a client may read nothing of an answer.
    pub write_timeout: Duration,
}

impl ListenerSection {
    /// Returns in whose name the clients of the listener come.
    pub fn caller(&self) -> Caller {
        Caller { tenant: self.tenant, ..Caller::open() }
    }

    /// Returns how an address of the listener is written as a URL.
    pub fn url(&self, address: std::net::SocketAddr) -> String {
        match self.protocol {
            ListenerProtocol::Stream(_) => format!("tcp://{address}"),
            ListenerProtocol::Ingest(_) => format!("http://{address}/api/v1/ingest"),
            ListenerProtocol::Query(_) => format!("http://{address}/api/v1/search"),
        }
    }
}

/// The kinds of protocol, as a word of the configuration chooses among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stream(TcpProtocol),
    Ingest,
    Query,
}

impl Kind {
    /// Returns the listener of the embedded default that lends values to further listeners.
    fn model(self) -> &'static str {
        match self {
            Kind::Stream(_) => "tcp",
            Kind::Ingest => "ingest",
            Kind::Query => "query",
        }
    }

    fn transport(self) -> Transport {
        match self {
            Kind::Stream(_) => Transport::Tcp,
            Kind::Ingest | Kind::Query => Transport::Http,
        }
    }
}

/// What carries a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Http,
}

/// Reads every listener that is open.
pub(super) fn read_listeners(reader: &mut Reader<'_>, remote: Remote) -> Vec<ListenerSection> {
    let names = reader.tables("listeners");
    if names.len() > LISTENERS_MAX {
        reader.refuse("listeners", format!("more than {LISTENERS_MAX} listeners"));
    }
    let sections: Vec<ListenerSection> = names
        .into_iter()
        .take(LISTENERS_MAX)
        .filter_map(|name| read_listener(reader, name))
        .collect();
    check_addresses(reader, &sections, remote);
    sections
}

/// Reads a listener; none when it is off.
fn read_listener(reader: &mut Reader<'_>, name: String) -> Option<ListenerSection> {
    let table = format!("listeners.{name}");
    let is_label = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    if name.len() > NAME_BYTES_MAX || !name.bytes().all(is_label) {
        let rule = format!("a name has 1 to {NAME_BYTES_MAX} characters of a-z, 0-9, _ and -");
        reader.refuse(&table, rule);
    }
    let streams = protocols().filter_map(|(name, _)| {
        TcpProtocol::of_name(name).map(|protocol| (name, Kind::Stream(protocol)))
    });
    let kinds: Vec<_> = streams.chain([("ingest", Kind::Ingest), ("query", Kind::Query)]).collect();
    let kind = reader.word(&format!("{table}.protocol"), &kinds, Kind::Ingest);
    let transports = [("tcp", Transport::Tcp), ("http", Transport::Http)];
    let transport_key = format!("{table}.transport");
    if reader.word(&transport_key, &transports, kind.transport()) != kind.transport() {
        reader.refuse(&transport_key, "does not carry the protocol of this listener");
    }
    let listen = read_listen(reader, &format!("{table}.listen"));
    let key = |reader: &Reader<'_>, key: &str| match reader.has(&format!("{table}.{key}")) {
        true => format!("{table}.{key}"),
        false => format!("listeners.{}.{key}", kind.model()),
    };
    let tenant_key = key(reader, "tenant");
    let tenant = reader.text(
        &tenant_key,
        "1 to 63 characters of a-z, 0-9, _ and -",
        Tenant::DEFAULT,
        |name| Tenant::define(name).ok(),
    );
    let connections_key = key(reader, "connections_max");
    let connections_max = reader.count(&connections_key, CONNECTIONS) as usize;
    let mut times = || {
        let [header, body, write] = HTTP_KEYS.map(|name| key(reader, name));
        HttpTimes {
            header_timeout: reader.duration(&header, Duration::from_millis(100)..=10 * MINUTE),
            body_timeout: reader.duration(&body, SECOND..=HOUR),
            write_timeout: reader.duration(&write, SECOND..=HOUR),
        }
    };
    let protocol = match kind {
        Kind::Ingest => ListenerProtocol::Ingest(times()),
        Kind::Query => ListenerProtocol::Query(times()),
        Kind::Stream(stream) => {
            for name in HTTP_KEYS {
                let key = format!("{table}.{name}");
                if reader.has(&key) {
                    reader.refuse(&key, "is a key of listeners whose transport is http");
                }
            }
            ListenerProtocol::Stream(stream)
        }
    };
    let listen = listen?;
    Some(ListenerSection { name: name.into(), protocol, tenant, listen, connections_max })
}

fn read_listen(reader: &mut Reader<'_>, key: &str) -> Option<String> {
    reader.text(key, "host:port, port 0 takes a free one, or off", None, |text| {
        if text == "off" {
            return Some(None);
        }
        let (host, port) = text.rsplit_once(':')?;
        (!host.is_empty() && port.parse::<u16>().is_ok()).then(|| Some(text.to_owned()))
    })
}

fn check_addresses(reader: &mut Reader<'_>, sections: &[ListenerSection], remote: Remote) {
    let key = |section: &ListenerSection| format!("listeners.{}.listen", section.name);
    for (position, section) in sections.iter().enumerate() {
        let taken = sections.iter().take(position).find(|other| other.listen == section.listen);
        if let Some(other) = taken.filter(|_| is_fixed(&section.listen)) {
            reader.refuse(&key(section), format!("is the address of {} already", key(other)));
        }
        if remote == Remote::Refused && names_remote(&section.listen) {
            reader.refuse(&key(section), REMOTE_RULE);
        }
    }
}

/// Tells whether an address can be taken only once.
fn is_fixed(address: &str) -> bool {
    !address.ends_with(":0")
}

/// Tells whether an address names a place that other machines reach. Host names are looked at
/// again when they are bound.
fn names_remote(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Sources};
    use super::*;

    fn load(assignments: &[&str]) -> Result<Vec<ListenerSection>, String> {
        let assignments = assignments.iter().map(|text| (*text).to_owned()).collect();
        let loaded = Config::load(&Sources { assignments, ..Sources::default() });
        loaded.map(|(config, _)| config.listeners).map_err(|error| error.to_string())
    }

    fn find<'s>(sections: &'s [ListenerSection], name: &str) -> &'s ListenerSection {
        sections.iter().find(|section| &*section.name == name).expect("a listener")
    }

    #[test]
    fn a_further_listener_takes_the_rest_from_the_one_of_its_kind() {
        let sections = load(&[
            "query.header_timeout=7s",
            "listeners.support.protocol=query",
            "listeners.support.transport=http",
            "listeners.support.listen=127.0.0.1:0",
            "listeners.support.write_timeout=3s",
            "listeners.support.tenant=shop",
        ])
        .unwrap();
        assert_eq!(sections.len(), 4);
        let support = find(&sections, "support");
        let query = find(&sections, "query");
        let ListenerProtocol::Query(own) = support.protocol else { panic!("{support:?}") };
        let ListenerProtocol::Query(model) = query.protocol else { panic!("{query:?}") };
        assert_eq!(own, HttpTimes { write_timeout: Duration::from_secs(3), ..model });
        assert_eq!(own.header_timeout, Duration::from_secs(7));
        assert_eq!(support.connections_max, query.connections_max);
        assert_eq!((support.caller().tenant.name(), query.tenant), ("shop", Tenant::DEFAULT));
    }

    #[test]
    fn a_listener_can_be_off_and_old_spellings_mean_the_same() {
        let sections = load(&["listeners.tcp.listen=off"]).unwrap();
        let names: Vec<&str> = sections.iter().map(|section| &*section.name).collect();
        assert_eq!(names, ["ingest", "query"]);
        for (old, new) in [
            ("ingest.tcp.listen=127.0.0.1:1", "listeners.tcp.listen=127.0.0.1:1"),
            ("query.connections_max=3", "listeners.query.connections_max=3"),
            ("ingest.http.body_timeout=3s", "listeners.ingest.body_timeout=3s"),
        ] {
            let [old, new] = [old, new].map(|assignment| load(&[assignment]).unwrap());
            assert_eq!(format!("{old:?}"), format!("{new:?}"));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (assignments, expected) in [
            (&["listeners.x.listen=127.0.0.1:0"][..], "listeners.x.protocol (default): is missing"),
            (&["listeners.tcp.write_timeout=3s"], "is a key of listeners whose transport is http"),
            (&["listeners.tcp.transport=http"], "does not carry the protocol"),
            (&["listeners.query.protocol=smtp"], "allowed: tcp, gelf_tcp, ingest or query"),
            (&["listeners.query.tenant=A/B"], "allowed: 1 to 63 characters"),
            (&["listeners.query.listen=nowhere"], "host:port, port 0 takes a free one, or off"),
            (&["listeners.query.colour=red"], "no such key"),
        ] {
            let error = load(assignments).unwrap_err();
            assert!(error.contains(expected), "{assignments:?}: {error}");
        }
    }
}
