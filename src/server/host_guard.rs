//! Against DNS rebinding: a web page can make its own name point to 127.0.0.1 and then read a
//! server that listens there. The `Host` of such a request is the page's name, so while only
//! loopback is served, only requests to an address, to `localhost` or to a configured name are
//! answered.

use std::net::IpAddr;

use axum::http::{Request, header};
use axum::response::{IntoResponse as _, Response};
use tierlog_problem::{Code, Problem};

use crate::config::Remote;

/// Names under which a server is asked.
#[derive(Debug)]
pub(super) struct Hosts {
    remote: Remote,
    names: Vec<String>,
}

impl Hosts {
    /// Returns the names of a server; where other machines are let in, every name is one.
    pub(super) fn new(remote: Remote, names: &[String]) -> Hosts {
        Hosts { remote, names: names.to_vec() }
    }

    /// Tells whether a request is meant for this server.
    pub(super) fn have<B>(&self, request: &Request<B>) -> bool {
        self.remote == Remote::Allowed
            || host_of(request).is_none_or(|host| is_local(host, &self.names))
    }
}

/// Returns the answer to a request under a foreign name.
pub(super) fn foreign_host() -> Response {
    let detail = "this server answers only to an IP address or localhost: name this \
                  host in security.hosts if it is meant";
    Problem::new(Code::UnknownHost, detail).into_response()
}

/// Returns the host of a request without the port. HTTP/1.0 need not name one.
fn host_of<B>(request: &Request<B>) -> Option<&str> {
    let header = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let host = header.or_else(|| request.uri().authority().map(|authority| authority.as_str()))?;
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    Some(host.trim_start_matches('[').trim_end_matches(']'))
}

/// Tells whether a name is this machine's; letters of either case are the same in a name.
fn is_local(host: &str, names: &[String]) -> bool {
    const SUFFIX: &str = ".localhost";
    let end = host.len().checked_sub(SUFFIX.len()).and_then(|start| host.get(start..));
    host.is_empty()
        || host.eq_ignore_ascii_case("localhost")
        || end.is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX))
        || host.parse::<IpAddr>().is_ok()
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(remote: Remote, host: Option<&str>) -> bool {
        let hosts = Hosts::new(remote, &["Logs.Example.org".to_owned()]);
        let mut request = Request::builder().uri("/");
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        hosts.have(&request.body(()).unwrap())
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in [
            "127.0.0.1:5172",
            "127.0.0.1",
            "localhost:5172",
            "LocalHost",
            "a.LOCALHOST:80",
            "[::1]:5172",
            "[::1]",
        ] {
            assert!(has(Remote::Refused, Some(host)), "{host}");
        }
        assert!(has(Remote::Refused, None));
        assert!(has(Remote::Refused, Some("logs.example.org:80")));
        for host in [
            "evil.example",
            "evil.example:5172",
            "127.0.0.1.evil.example",
            "evillocalhost",
            "\u{e9}",
        ] {
            assert!(!has(Remote::Refused, Some(host)), "{host}");
            assert!(has(Remote::Allowed, Some(host)), "{host}");
        }
    }
}
