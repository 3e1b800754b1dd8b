//! A blocking HTTP client that takes every status as an answer.

use serde_json::Value;
use ureq::Agent;

use super::DEADLINE;
use crate::torture::suite::agent::agent;

/// Largest answer that a test reads.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// The client.
pub(crate) struct Http {
    agent: Agent,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Http {
    /// Returns a client without proxies and redirects.
    pub(crate) fn new() -> Http {
        Http { agent: agent(DEADLINE) }
    }

    /// Gets a URL.
    #[track_caller]
    pub(crate) fn get(&self, url: &str) -> Answer {
        self.get_with(url, &[])
    }

    /// Gets a URL with query parameters.
    #[track_caller]
    pub(crate) fn get_with(&self, url: &str, parameters: &[(&str, &str)]) -> Answer {
        let request = self.agent.get(url).query_pairs(parameters.iter().copied());
        Answer::read(request.call().expect("an HTTP answer"))
    }

    /// Posts a body.
    #[track_caller]
    pub(crate) fn post(&self, url: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        self.try_post(url, body, headers).expect("an HTTP answer")
    }

    /// Posts a body to a server that may die meanwhile.
    pub(crate) fn try_post(
        &self,
        url: &str,
        body: &[u8],
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send(body).ok().map(Answer::read)
    }

    /// Posts a JSON document.
    #[track_caller]
    pub(crate) fn post_json(&self, url: &str, document: &Value) -> Answer {
        let body = document.to_string();
        self.post(url, body.as_bytes(), &[("content-type", "application/json")])
    }
}

impl Answer {
    fn read(mut response: ureq::http::Response<ureq::Body>) -> Answer {
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()))
            .collect();
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        Answer { status, headers, body: body.unwrap_or_default() }
    }

    /// Returns a header by its lowercase name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// Returns the body as one JSON value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}
