//! One server's HTTP API: paths and JSON leave, replies arrive.

use std::io::Read as _;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::ErrorAnswer;
use super::{Unreachable, WrongUsage};

/// A server on the same network answers a connection in milliseconds, or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than any deadline of the server for a query, so that the server's own answer arrives.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Sealing or checking a year of partitions may take hours, and nothing is said until it is done.
const PATIENT_ANSWER_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// Largest answer: 10,000 hits of the longest lines would be more, but nobody reads that.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Which server a verb asks.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArgs {
    /// The server's query address. A token is taken from the environment: TIERLOG_TOKEN
    #[arg(
        long,
        value_name = "URL",
        env = "TIERLOG_SERVER",
        default_value = "http://127.0.0.1:5172"
    )]
    server: String,
}

impl ServerArgs {
    /// Returns a client of the server, with the token of the environment.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::new(&self.server, std::env::var("TIERLOG_TOKEN").ok())
    }

    /// Returns a client that waits for as long as maintenance takes.
    pub fn patient_client(&self) -> anyhow::Result<Client> {
        Ok(Client { agent: agent(PATIENT_ANSWER_TIMEOUT), ..self.client()? })
    }
}

/// A client of one server. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    authorization: Option<String>,
}

/// A path with its query string, ready to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// Returns a path that needs no escaping.
    pub fn new(path: &str) -> Endpoint {
        Endpoint(path.to_owned())
    }

    /// Appends a path segment, escaped.
    #[must_use]
    pub fn segment(mut self, segment: &str) -> Endpoint {
        self.0.push('/');
        push_escaped(&mut self.0, segment);
        self
    }

    /// Appends a parameter, escaped.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Endpoint {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        push_escaped(&mut self.0, value);
        self
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A server's answer of any status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Returns the JSON of a good answer, or the problem.
    pub fn into_json(self) -> anyhow::Result<Value> {
        if !(200..300).contains(&self.status) {
            return Err(ErrorAnswer::read(self.status, &self.body).into());
        }
        serde_json::from_slice(&self.body).context("the server's answer is not JSON")
    }
}

impl Client {
    /// Returns a client; connects when something is asked.
    pub fn new(server: &str, token: Option<String>) -> anyhow::Result<Client> {
        let base = server.trim_end_matches('/').to_owned();
        let host = base.strip_prefix("http://").unwrap_or_default();
        if host.is_empty() {
            let problem = format!("{server:?} is not an address such as http://127.0.0.1:5172");
            return Err(WrongUsage(problem).into());
        }
        let agent = agent(ANSWER_TIMEOUT);
        let token = token.filter(|token| !token.trim().is_empty());
        let authorization = token.map(|token| format!("Bearer {}", token.trim()));
        Ok(Client { agent, base, authorization })
    }

    /// Returns the address that is asked.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks for a resource.
    pub fn get(&self, endpoint: &Endpoint) -> anyhow::Result<Value> {
        self.get_any(endpoint)?.into_json()
    }

    /// Asks for a resource, and returns the answer whatever its status.
    pub fn get_any(&self, endpoint: &Endpoint) -> Result<Reply, Unreachable> {
        let request = self.authorized(self.agent.get(self.url(endpoint)));
        let reply = request.call().map_err(|error| self.unreachable(&error))?;
        self.reply(reply)
    }

    /// Posts a JSON object.
    pub fn post(&self, endpoint: &Endpoint, body: &Value) -> anyhow::Result<Value> {
        let request = self.authorized(self.agent.post(self.url(endpoint)));
        let request = request.content_type("application/json");
        let reply =
            request.send(body.to_string().as_bytes()).map_err(|error| self.unreachable(&error))?;
        self.reply(reply)?.into_json()
    }

    /// Posts bytes with headers, and returns the answer whatever its status.
    pub fn post_bytes(
        &self,
        endpoint: &Endpoint,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, Unreachable> {
        let mut request = self.authorized(self.agent.post(self.url(endpoint)));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send(body).map_err(|error| self.unreachable(&error))?;
        self.reply(reply)
    }

    /// Opens a stream that lasts until either side closes.
    pub fn stream(&self, endpoint: &Endpoint) -> anyhow::Result<impl std::io::Read + use<>> {
        let request = self.authorized(self.agent.get(self.url(endpoint)));
        let reply = request.call().map_err(|error| self.unreachable(&error))?;
        if reply.status().as_u16() != 200 {
            self.reply(reply)?.into_json()?;
            anyhow::bail!("the server answered with something else than a stream");
        }
        Ok(reply.into_body().into_reader())
    }

    fn url(&self, endpoint: &Endpoint) -> String {
        format!("{}{}", self.base, endpoint.as_str())
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization),
            None => request,
        }
    }

    fn reply(&self, reply: ureq::http::Response<ureq::Body>) -> Result<Reply, Unreachable> {
        let status = reply.status().as_u16();
        let retry_after = reply
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        let mut reader = reply.into_body().into_with_config().limit(ANSWER_BYTES_MAX).reader();
        reader.read_to_end(&mut body).map_err(|error| Unreachable {
            server: self.base.clone(),
            reason: format!("the answer broke off: {error}"),
        })?;
        Ok(Reply { status, retry_after, body })
    }

    fn unreachable(&self, error: &ureq::Error) -> Unreachable {
        let reason = match error {
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                "connection refused; start one with `tierlog serve`".to_owned()
            }
            ureq::Error::HostNotFound => "there is no host of this name".to_owned(),
            ureq::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        };
        Unreachable { server: self.base.clone(), reason }
    }
}

fn agent(answer_timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(answer_timeout))
        .max_redirects(0)
        .proxy(None)
        .user_agent(concat!("tierlog/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Appends text with everything but unreserved characters as `%XX`.
fn push_escaped(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let written = write!(out, "%{byte:02X}");
            debug_assert!(written.is_ok(), "a String takes any text");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_parameters_are_escaped() {
        let endpoint = Endpoint::new("/api/v1/requests")
            .segment("a/b?c=d é")
            .parameter("q", "level:>=error AND x&y")
            .parameter("limit", "5");
        assert_eq!(
            endpoint.as_str(),
            "/api/v1/requests/a%2Fb%3Fc%3Dd%20%C3%A9?q=level%3A%3E%3Derror%20AND%20x%26y&limit=5"
        );
    }

    #[test]
    fn a_server_that_is_not_there_is_said_to_be_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        drop(listener);
        let client = Client::new(&format!("http://{address}/"), None).expect("an address");
        let error = client.get(&Endpoint::new("/health")).expect_err("nobody listens");
        let unreachable = error.downcast_ref::<Unreachable>().expect("unreachable");
        assert_eq!(unreachable.server, format!("http://{address}"));
        assert!(unreachable.reason.contains("tierlog serve"), "{}", unreachable.reason);
    }

    #[test]
    fn other_addresses_are_wrong_usage() {
        for server in ["", "127.0.0.1:5172", "https://logs.example.org", "http://"] {
            let error = Client::new(server, None).expect_err(server);
            assert!(error.is::<WrongUsage>(), "{server}");
        }
    }
}
