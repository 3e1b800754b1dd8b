//! A blocking HTTP client to whom every status is an answer, and a dead server none.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use super::agent::agent;

/// Longer than any answer of a server that is well, but for those that may wait for a slow disk.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// The client.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Returns a client without proxies and redirects.
    pub(crate) fn new() -> Http {
        Http { agent: agent(ANSWER_MAX) }
    }

    /// Gets a URL.
    pub(crate) fn get(&self, url: &str) -> Option<Answer> {
        Answer::read(self.agent.get(url).call().ok()?)
    }

    /// Posts a body.
    pub(crate) fn post(&self, url: &str, body: &[u8], headers: &[(&str, &str)]) -> Option<Answer> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send(body).ok()?)
    }
}

impl Answer {
    fn read(mut response: ureq::http::Response<ureq::Body>) -> Option<Answer> {
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        Some(Answer { status, body: body.ok()? })
    }

    /// Returns the body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
