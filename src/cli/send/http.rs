//! Batches over HTTP: compressed, a few at a time, each with a name that makes its retry harmless.
//! A batch with refused content is sent in halves; a line that is refused alone is set aside, so
//! that no line holds up others.

mod part;
mod verdict;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::backlog::{Backlog, Batch, History};
use super::notices::Notices;
use super::spool::Identity;
use super::tally::Tally;
use super::weather::Weather;
use super::{PAUSE_MAX, PAUSE_MIN, RETRY_WINDOW, waiting_text};
use crate::client::{Client, Endpoint};
use crate::output::{Progress, grouped};
use part::Part;
use verdict::{Verdict, read_verdict};

/// Logs shrink to a seventh at this level, at 500 MB/s.
const ZSTD_LEVEL: i32 = 1;

/// How often the server may refuse the same lines, while it answers, before they are sent in
/// halves: half a minute.
const REFUSALS_MAX: u32 = 10;

/// How to send.
#[derive(Clone, Debug)]
pub(super) struct HttpSettings {
    /// The ingest address.
    pub(super) server: String,
    /// Defaults for lines that lack a value.
    pub(super) parameters: Vec<(String, String)>,
    /// What the lines are, as `Content-Type` says.
    pub(super) content_type: &'static str,
    /// Requests at a time.
    pub(super) in_flight: usize,
    /// What is done when the request is wrong, not the lines.
    pub(super) when_wrong: WhenWrong,
}

/// What is done when the server refuses the request, whatever lines it holds: an address, a
/// token, a proxy is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenWrong {
    /// Sending ends, if nothing was ever taken.
    GiveUp,
    /// The batch is retried until the cause is mended; lines are safe meanwhile.
    TryAgain,
}

/// Sends the batches of a backlog.
pub(super) struct Courier {
    client: Client,
    endpoint: Endpoint,
    settings: HttpSettings,
    backlog: Arc<Backlog>,
    weather: Arc<Weather>,
    notices: Notices,
    progress: Progress,
    outcome: Mutex<Outcome>,
    ended: AtomicBool,
}

/// What the threads have found out.
#[derive(Debug, Default)]
struct Outcome {
    tally: Tally,
    error: Option<anyhow::Error>,
}

/// What came of a part of a batch.
enum Delivered {
    /// Every line has its answer.
    Done(Tally),
    /// The server refuses the batch for its content.
    Refused(anyhow::Error),
    /// Sending has ended.
    Ended,
}

impl Courier {
    /// Returns an idle courier.
    pub(super) fn new(
        settings: HttpSettings,
        backlog: Arc<Backlog>,
        weather: Arc<Weather>,
        notices: Notices,
        progress: Progress,
    ) -> Result<Courier> {
        let mut endpoint = Endpoint::new("/api/v1/ingest");
        for (name, value) in &settings.parameters {
            endpoint = endpoint.parameter(name, value);
        }
        Ok(Courier {
            client: Client::new(&settings.server, std::env::var("TIERLOG_TOKEN").ok())?,
            endpoint,
            settings,
            backlog,
            weather,
            notices,
            progress,
            outcome: Mutex::default(),
            ended: AtomicBool::new(false),
        })
    }

    /// Starts the threads that send. They end with the backlog, or when sending has to end.
    pub(super) fn start(self: &Arc<Courier>) -> Result<()> {
        for number in 0..self.settings.in_flight {
            let courier = Arc::clone(self);
            std::thread::Builder::new()
                .name(format!("send {number}"))
                .spawn(move || courier.work())
                .context("start a thread that sends")?;
        }
        Ok(())
    }

    /// Returns the lines so far by outcome.
    pub(super) fn tally(&self) -> Tally {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).tally.clone()
    }

    /// Returns why sending had to end.
    pub(super) fn take_error(&self) -> Option<anyhow::Error> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).error.take()
    }

    fn work(&self) {
        while let Some(batch) = self.backlog.take() {
            if !self.deliver(&batch) {
                return;
            }
            self.progress.set(self.backlog.settle(batch.key).bytes);
        }
    }

    /// Sends a batch, in parts where it has to be. Tells whether all of it is settled.
    fn deliver(&self, batch: &Batch) -> bool {
        let mut parts = vec![Part::whole(batch)];
        while let Some(part) = parts.pop() {
            match self.deliver_part(&part) {
                Delivered::Done(tally) => self.count(tally),
                Delivered::Refused(error) => match part.halves() {
                    Some((first, second)) => parts.extend([second, first]),
                    None => self.put_aside(&part, &error),
                },
                Delivered::Ended => return false,
            }
        }
        true
    }

    /// Sends a part, again and again while the server says that it cannot take it now.
    fn deliver_part(&self, part: &Part<'_>) -> Delivered {
        let body = match zstd::bulk::compress(part.lines, ZSTD_LEVEL) {
            Ok(body) => body,
            Err(error) => {
                return self.give_up(anyhow::Error::from(error).context("compress a batch"));
            }
        };
        let mut attempts = Attempts::of(part, self.weather.successes());
        let mut identity = part.identity;
        loop {
            if self.ended.load(Ordering::Acquire) {
                return Delivered::Ended;
            }
            match self.attempt(part, identity, &body) {
                Verdict::Done(tally) if attempts.is_fresh() && tally.duplicate > Some(0) => {
                    // Another sender uses the same names: the spool was copied, or restored.
                    identity = self.backlog.change_identity();
                }
                Verdict::Done(tally) => {
                    self.weather.succeeded();
                    if attempts.are_forgotten() {
                        self.notices.say(format!(
                            "{} lines were sent more than {} h after an answer to them was lost: \
                             they may be stored twice",
                            grouped(part.sent().line_count),
                            RETRY_WINDOW.as_secs() / 3600,
                        ));
                    }
                    return Delivered::Done(tally);
                }
                Verdict::Refused(error) => {
                    self.weather.succeeded();
                    return Delivered::Refused(error);
                }
                Verdict::Busy(error, asked) => {
                    let others = self.weather.successes();
                    if attempts.refused(others, part.is_one_line()) {
                        return Delivered::Refused(error);
                    }
                    self.wait(error, asked, &mut attempts);
                }
                Verdict::Lost(error) => {
                    attempts.lost();
                    self.wait(error, None, &mut attempts);
                }
                Verdict::Wrong(error) => {
                    let gives_up = self.settings.when_wrong == WhenWrong::GiveUp;
                    if gives_up && self.weather.successes() == 0 {
                        return self.give_up(error);
                    }
                    self.wait(error, Some(PAUSE_MAX), &mut attempts);
                }
            }
        }
    }

    fn attempt(&self, part: &Part<'_>, identity: Identity, body: &[u8]) -> Verdict {
        // While nobody answers, a question costs less than a batch, and leaves no doubt whether
        // the batch arrived.
        if self.weather.bad_for().is_some()
            && let Err(unreachable) = self.client.get_any(&Endpoint::new("/health/live"))
        {
            return Verdict::Busy(unreachable.into(), None);
        }
        let name = part.name(identity);
        let headers = [
            ("Content-Type", self.settings.content_type),
            ("Content-Encoding", "zstd"),
            ("Tierlog-Batch-Id", name.as_str()),
        ];
        read_verdict(part, self.client.post_bytes(&self.endpoint, &headers, body))
    }

    /// Waits before the next attempt.
    fn wait(&self, error: anyhow::Error, asked: Option<Duration>, attempts: &mut Attempts) {
        self.weather.failed(error, || waiting_text(&self.backlog));
        let pause = asked.unwrap_or(attempts.pause);
        attempts.pause = (attempts.pause * 2).min(PAUSE_MAX);
        // A fraction of the idle deadline, so that a closed connection is noticed.
        let mut left = pause;
        while !left.is_zero() && !self.ended.load(Ordering::Acquire) {
            let nap = left.min(PAUSE_MIN);
            std::thread::sleep(nap);
            left -= nap;
        }
    }

    fn put_aside(&self, part: &Part<'_>, error: &anyhow::Error) {
        let mut tally = Tally::default();
        match self.backlog.put_aside(part.first_line(), part.lines) {
            Some(path) => tally.add_aside(part.sent(), format!("{error:#}; it is in {path}")),
            None => tally.add_refused_line(part.sent(), format!("{error:#}")),
        }
        self.count(tally);
    }

    fn count(&self, delivered: Tally) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.tally.add(delivered);
        let lines = outcome.tally.accepted + outcome.tally.rejected;
        self.progress.remark(format!("{} lines", grouped(lines)));
    }

    fn give_up(&self, error: anyhow::Error) -> Delivered {
        self.ended.store(true, Ordering::Release);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.error.get_or_insert(error);
        drop(outcome);
        self.backlog.wake();
        Delivered::Ended
    }
}

/// The attempts to send a part.
struct Attempts {
    pause: Duration,
    history: History,
    /// An attempt whose answer was lost may have brought the lines: in halves, under other names,
    /// they would be stored twice.
    may_be_there: bool,
    /// When the last answer was lost in this run.
    lost_at: Option<Instant>,
    refusals: u32,
    successes_before: u64,
}

impl Attempts {
    fn of(part: &Part<'_>, successes: u64) -> Attempts {
        Attempts {
            pause: PAUSE_MIN,
            history: part.history,
            may_be_there: part.history == History::Tried,
            lost_at: None,
            refusals: 0,
            successes_before: successes,
        }
    }

    /// Tells whether nothing can have brought the lines before.
    fn is_fresh(&self) -> bool {
        self.history == History::Fresh && !self.may_be_there
    }

    /// Notes that the answer was lost.
    fn lost(&mut self) {
        self.may_be_there = true;
        self.lost_at = Some(Instant::now());
    }

    /// Tells whether the server may not remember an attempt whose answer was lost.
    fn are_forgotten(&self) -> bool {
        self.lost_at.is_some_and(|lost_at| lost_at.elapsed() > RETRY_WINDOW)
    }

    /// Notes a refusal. Tells whether the lines are to blame: the server takes others, or has not
    /// taken these in smaller parts yet.
    fn refused(&mut self, successes: u64, is_one_line: bool) -> bool {
        self.refusals += 1;
        let takes_others = successes > self.successes_before;
        self.refusals >= REFUSALS_MAX && !self.may_be_there && (takes_others || !is_one_line)
    }
}

#[cfg(test)]
mod tests;
