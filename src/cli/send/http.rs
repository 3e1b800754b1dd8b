//! Batches over HTTP: compressed, a few at a time, each with a name that makes its retry
//! harmless.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::batches::{Batch, BatchReader, Cut};
use super::tally::Tally;
use super::{PAUSE_MAX, PAUSE_MIN, run_id};
use crate::cli::Unreachable;
use crate::client::{Client, Endpoint, Problem, Reply};
use crate::output::{Progress, grouped};

/// Logs shrink to a seventh at this level, at 500 MB/s.
const ZSTD_LEVEL: i32 = 1;

/// How to send.
#[derive(Clone, Debug)]
pub(super) struct HttpSettings {
    /// The ingest address.
    pub(super) server: String,
    /// Defaults for lines that lack a value.
    pub(super) parameters: Vec<(String, String)>,
    /// Requests at a time.
    pub(super) in_flight: usize,
    /// How long a batch is repeated.
    pub(super) retry_for: Duration,
}

/// Sends everything and returns what became of it.
pub(super) fn send(
    mut batches: BatchReader,
    settings: &HttpSettings,
    progress: &Progress,
) -> Result<Tally> {
    let sender = Sender::new(settings, progress)?;
    sender.greet()?;
    let (queue, waiting) = sync_channel::<Batch>(settings.in_flight);
    let waiting = Mutex::new(waiting);
    let read = std::thread::scope(|scope| {
        for _ in 0..settings.in_flight {
            scope.spawn(|| sender.work(&waiting));
        }
        // Dropping the queue at the end of this block is what ends the threads.
        let queue = queue;
        while !sender.stopped.load(Ordering::Acquire) {
            match batches.next_cut()? {
                None => break,
                Some(Cut::TooLong(line)) => sender.result(|result| result.tally.add_too_long(line)),
                Some(Cut::Batch(batch)) => {
                    queue.send(batch).context("every sending thread has ended")?;
                }
            }
        }
        anyhow::Ok(())
    });
    let outcome = sender.outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    match outcome.error {
        Some(error) => {
            let durable = grouped(outcome.tally.accepted + outcome.tally.rejected);
            Err(error.context(format!("{durable} lines are durable, then sending stopped")))
        }
        None => read.map(|()| outcome.tally),
    }
}

/// What the threads have found out.
#[derive(Debug, Default)]
struct Outcome {
    tally: Tally,
    error: Option<anyhow::Error>,
}

/// What the threads share.
struct Sender<'s> {
    client: Client,
    endpoint: Endpoint,
    run: String,
    retry_for: Duration,
    progress: &'s Progress,
    started: Instant,
    stopped: AtomicBool,
    outcome: Mutex<Outcome>,
}

impl Sender<'_> {
    fn new<'s>(settings: &HttpSettings, progress: &'s Progress) -> Result<Sender<'s>> {
        let mut endpoint = Endpoint::new("/api/v1/ingest");
        for (name, value) in &settings.parameters {
            endpoint = endpoint.parameter(name, value);
        }
        Ok(Sender {
            client: Client::new(&settings.server, std::env::var("TIERLOG_TOKEN").ok())?,
            endpoint,
            run: run_id(),
            retry_for: settings.retry_for,
            progress,
            started: Instant::now(),
            stopped: AtomicBool::new(false),
            outcome: Mutex::new(Outcome::default()),
        })
    }

    /// Finds out at once whether anybody listens, before a batch is repeated for a minute.
    fn greet(&self) -> Result<(), Unreachable> {
        self.client.get_any(&Endpoint::new("/health/live")).map(|_| ())
    }

    /// Sends batches until there are no more. After an error of any thread the rest is dropped,
    /// so that the reading side is never left waiting.
    fn work(&self, waiting: &Mutex<Receiver<Batch>>) {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = next else { return };
            if self.stopped.load(Ordering::Acquire) {
                continue;
            }
            match self.deliver(&batch) {
                Ok(delivered) => self.count(delivered),
                Err(error) => {
                    self.stopped.store(true, Ordering::Release);
                    self.result(|outcome| {
                        outcome.error.get_or_insert(error);
                    });
                }
            }
        }
    }

    fn count(&self, delivered: Tally) {
        self.progress.advance(delivered.bytes);
        self.result(|outcome| {
            outcome.tally.add(delivered);
            let lines = outcome.tally.accepted + outcome.tally.rejected;
            let per_second = lines as f64 / self.started.elapsed().as_secs_f64().max(0.001);
            self.progress.remark(format!("{} lines/s", grouped(per_second as u64)));
        });
    }

    fn result(&self, change: impl FnOnce(&mut Outcome)) {
        change(&mut self.outcome.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sends one batch, again and again while the server says that it cannot take it now.
    fn deliver(&self, batch: &Batch) -> Result<Tally> {
        let body = zstd::bulk::compress(&batch.bytes, ZSTD_LEVEL).context("compress a batch")?;
        let id = format!("{}-{}", self.run, batch.number);
        let headers = [
            ("Content-Type", "application/x-ndjson"),
            ("Content-Encoding", "zstd"),
            ("Tierlog-Batch-Id", id.as_str()),
        ];
        let give_up = Instant::now() + self.retry_for;
        let mut pause = PAUSE_MIN;
        loop {
            let sent = self.client.post_bytes(&self.endpoint, &headers, &body);
            let (error, asked_pause) = match read_verdict(batch, sent)? {
                Verdict::Done(tally) => return Ok(tally),
                Verdict::Later(error, asked_pause) => (error, asked_pause),
            };
            let next_pause = asked_pause.unwrap_or(pause);
            if Instant::now() + next_pause > give_up || self.stopped.load(Ordering::Acquire) {
                let seconds = self.retry_for.as_secs();
                return Err(error.context(format!("gave up after {seconds} s")));
            }
            std::thread::sleep(next_pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// What an attempt came to.
#[derive(Debug)]
enum Verdict {
    /// Every line of the batch has its answer.
    Done(Tally),
    /// Another attempt may do better, after so long if the server says so.
    Later(anyhow::Error, Option<Duration>),
}

fn read_verdict(batch: &Batch, sent: Result<Reply, Unreachable>) -> Result<Verdict> {
    let reply = match sent {
        Ok(reply) => reply,
        Err(unreachable) => return Ok(Verdict::Later(unreachable.into(), None)),
    };
    let mut tally = Tally::default();
    match reply.status {
        200 => tally.add_answer(batch, &reply.into_json()?),
        400 => {
            let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            if problem.get("errors").is_none() {
                // Not the lines are wrong but the request.
                return Err(Problem::read(400, &reply.body).into());
            }
            tally.add_refused(batch, &problem);
        }
        408 | 429 | 502 | 503 | 504 | 507 => {
            let problem = Problem::read(reply.status, &reply.body);
            return Ok(Verdict::Later(problem.into(), reply.retry_after));
        }
        status => return Err(Problem::read(status, &reply.body).into()),
    }
    Ok(Verdict::Done(tally))
}

#[cfg(test)]
mod tests;
