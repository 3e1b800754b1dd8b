//! An HTTP agent to which every status is an answer. How long it waits arrives, the agent leaves.

use std::time::Duration;

use ureq::Agent;

/// Returns an agent without proxies and redirects.
pub(crate) fn agent(answer_max: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(answer_max))
        .build();
    config.into()
}
