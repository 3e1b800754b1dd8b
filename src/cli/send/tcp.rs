//! Lines over TCP by a producer that numbers them: a connection that breaks is made anew, and lines
//! that were not acknowledged are sent again. The server skips lines that are durable already: each
//! line is stored once.

mod link;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::backlog::Backlog;
use super::notices::Notices;
use super::tally::Tally;
use super::weather::Weather;
use super::{PAUSE_MAX, PAUSE_MIN, waiting_text};
use crate::client::{Unreachable, WrongUsage};
use crate::output::{Progress, grouped};

use link::{Acknowledged, Ended, Link, open};

/// How to send.
#[derive(Clone, Debug)]
pub(super) struct TcpSettings {
    /// Host and port.
    pub(super) address: String,
    /// Members of the handshake: defaults of the lines, and their kind.
    pub(super) wishes: Map<String, Value>,
}

/// Sends the lines of a backlog.
pub(super) struct Courier {
    settings: TcpSettings,
    backlog: Arc<Backlog>,
    weather: Arc<Weather>,
    notices: Notices,
    progress: Progress,
    started: Instant,
    /// Lines that the server had before the first connection.
    known: AtomicU64,
    /// Lines that became dead letters, over this and all former connections.
    rejected: [AtomicU64; 2],
    /// Likewise, lines whose records a rule of the server's policy drops.
    dropped: [AtomicU64; 2],
    error: Mutex<Option<anyhow::Error>>,
}

impl Courier {
    /// Returns an idle courier.
    pub(super) fn new(
        settings: TcpSettings,
        backlog: Arc<Backlog>,
        weather: Arc<Weather>,
        notices: Notices,
        progress: Progress,
    ) -> Courier {
        Courier {
            settings,
            backlog,
            weather,
            notices,
            progress,
            started: Instant::now(),
            known: AtomicU64::new(0),
            rejected: Default::default(),
            dropped: Default::default(),
            error: Mutex::default(),
        }
    }

    /// Starts the thread that sends. It ends with the backlog, or when sending has to end.
    pub(super) fn start(self: &Arc<Courier>) -> Result<()> {
        let courier = Arc::clone(self);
        std::thread::Builder::new()
            .name("send".to_owned())
            .spawn(move || courier.work())
            .context("start a thread that sends")?;
        Ok(())
    }

    /// Returns the lines so far by outcome.
    pub(super) fn tally(&self) -> Tally {
        let figures = self.backlog.figures();
        let known = self.known.load(Ordering::Acquire).min(figures.durable);
        let sum = |counts: &[AtomicU64; 2]| {
            counts.iter().map(|count| count.load(Ordering::Acquire)).sum::<u64>()
        };
        let (rejected, dropped) = (sum(&self.rejected), sum(&self.dropped));
        let mut tally = Tally::default();
        tally.bytes = figures.bytes;
        tally.accepted = figures.durable.saturating_sub(known + rejected + dropped);
        (tally.rejected, tally.policy_dropped) = (rejected, dropped);
        // Only lines of an earlier run can have been there before.
        tally.add_known(known);
        tally
    }

    /// Returns why sending had to end.
    pub(super) fn take_error(&self) -> Option<anyhow::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes one connection after the other until every line is durable.
    fn work(&self) {
        let mut pause = PAUSE_MIN;
        let mut is_first = true;
        while self.backlog.await_lines() {
            let from = self.backlog.connected();
            let durable = self.backlog.figures().durable;
            let link = match self.connect(from) {
                Ok(link) => link,
                Err(error) if error.is::<WrongUsage>() => return self.give_up(error),
                Err(error) => {
                    self.rest(error, &mut pause);
                    continue;
                }
            };
            if !self.is_ours(&link) {
                continue;
            }
            self.note_what_is_known(&link, from, &mut is_first);
            let (ended, reason) = link.run(&self.backlog, from, |said| self.acknowledged(said));
            for [before, now] in [&self.rejected, &self.dropped] {
                before.fetch_add(now.swap(0, Ordering::AcqRel), Ordering::AcqRel);
            }
            if self.backlog.figures().durable > durable {
                pause = PAUSE_MIN;
            }
            // An idle connection may end, too: the next one is made when there is something to
            // send.
            if !self.backlog.is_waiting() || (ended == Ended::Gap && reason.is_none()) {
                continue;
            }
            let reason = reason.unwrap_or_else(|| "the connection ended".to_owned());
            self.rest(self.unreachable(reason), &mut pause);
        }
        self.backlog.wake();
    }

    fn connect(&self, from: u64) -> Result<Link> {
        let mut wishes = self.settings.wishes.clone();
        wishes.insert("ack".to_owned(), json!(true));
        wishes.insert("producer".to_owned(), json!(self.backlog.identity().to_string()));
        wishes.insert("from".to_owned(), json!(from));
        open(&self.settings.address, &Value::Object(wishes))
    }

    /// Tells whether the server knows the producer's name from this sender. It knows more lines of
    /// the name than were ever sent from here when the spool was copied, or put back: then new
    /// lines would be taken for old ones, so they get another name.
    fn is_ours(&self, link: &Link) -> bool {
        let is_ours = link.resume <= self.backlog.last_tried_line();
        if !is_ours {
            self.backlog.change_identity();
        }
        is_ours
    }

    fn note_what_is_known(&self, link: &Link, from: u64, is_first: &mut bool) {
        if std::mem::replace(is_first, false) {
            self.known.store((link.resume + 1).saturating_sub(from), Ordering::Release);
        }
        let doubtful = (self.backlog.last_tried_line() + 1).saturating_sub(from);
        if link.resume == 0 && from > 1 && doubtful > 0 {
            self.notices.say(format!(
                "the server does not remember this sender: up to {} lines that were sent before \
                 without an answer may be stored twice",
                grouped(doubtful)
            ));
        }
    }

    fn acknowledged(&self, said: Acknowledged) {
        let ([_, rejected], [_, dropped]) = (&self.rejected, &self.dropped);
        rejected.store(said.rejected, Ordering::Release);
        dropped.store(said.policy_dropped, Ordering::Release);
        let before = self.backlog.figures().durable;
        let figures = self.backlog.acknowledge(said.line);
        if figures.durable > before {
            self.weather.succeeded();
        }
        self.progress.set(figures.bytes);
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let per_second = figures.durable as f64 / seconds;
        self.progress.remark(format!("{} lines/s acknowledged", grouped(per_second as u64)));
    }

    /// Waits before the next connection.
    fn rest(&self, error: anyhow::Error, pause: &mut std::time::Duration) {
        self.weather.failed(error, || waiting_text(&self.backlog));
        std::thread::sleep(*pause);
        *pause = (*pause * 2).min(PAUSE_MAX);
    }

    fn give_up(&self, error: anyhow::Error) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.backlog.wake();
    }

    fn unreachable(&self, reason: String) -> anyhow::Error {
        Unreachable { server: format!("tcp://{}", self.settings.address), reason }.into()
    }
}

#[cfg(test)]
mod tests;
