//! Whether the server takes lines: each attempt reports here, and people are told when it changes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::notices::Notices;

/// How long attempts fail before it is said: a restart of the server takes less.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// How often it is said again.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What attempts came to.
#[derive(Debug)]
pub(super) struct Weather {
    notices: Notices,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since when every attempt fails.
    bad_since: Option<Instant>,
    said_at: Option<Instant>,
    error: Option<anyhow::Error>,
    successes: u64,
}

impl Weather {
    /// Returns the weather before the first attempt.
    pub(super) fn new(notices: Notices) -> Weather {
        Weather { notices, state: Mutex::default() }
    }

    /// Notes a failed attempt, with the number of waiting lines.
    pub(super) fn failed(&self, error: anyhow::Error, waiting: impl Fn() -> String) {
        let mut state = self.lock();
        let now = Instant::now();
        let since = *state.bad_since.get_or_insert(now);
        let is_due = match state.said_at {
            None => now - since >= SAY_AFTER,
            Some(said_at) => now - said_at >= SAY_EVERY,
        };
        if is_due {
            state.said_at = Some(now);
            self.notices.say(format!("{error:#}; trying again, {}", waiting()));
        }
        state.error = Some(error);
    }

    /// Notes an attempt that succeeded.
    pub(super) fn succeeded(&self) {
        let mut state = self.lock();
        state.successes += 1;
        if let (Some(since), Some(_)) = (state.bad_since.take(), state.said_at.take()) {
            let seconds = since.elapsed().as_secs();
            self.notices.say(format!("the server takes lines again, after {seconds} s"));
        }
        state.error = None;
    }

    /// Returns how many attempts succeeded.
    pub(super) fn successes(&self) -> u64 {
        self.lock().successes
    }

    /// Returns for how long every attempt has failed.
    pub(super) fn bad_for(&self) -> Option<Duration> {
        self.lock().bad_since.map(|since| since.elapsed())
    }

    /// Returns why the last attempt failed.
    pub(super) fn take_error(&self) -> Option<anyhow::Error> {
        self.lock().error.take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
