//! What the tests stand on: a server of their own, clients for its protocols, sample lines.

mod home;
mod http;
mod lines;
mod proxy;
mod run;
mod scrape;
mod server;
mod tcp;

use std::time::{Duration, Instant};

pub(crate) use home::{Home, files_under};
pub(crate) use http::{Answer, Http};
pub(crate) use lines::{ago, from_now, line, numbered};
pub(crate) use proxy::Proxy;
pub(crate) use run::{Run, run, shown};
pub(crate) use scrape::Scrape;
pub(crate) use server::Server;
pub(crate) use tcp::Tcp;

/// A longer wait waits in vain: the slowest machine that runs the tests opens a store within a few
/// seconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Time between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Looks at a condition again and again until it holds; fails the test when it does not in time.
///
/// The only place where a test lets time pass.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        std::thread::park_timeout(POLL_INTERVAL);
    }
}
