//! Lines over TCP by a producer that numbers them: a connection that breaks is made anew, the
//! server says how far it is, and lines that were not acknowledged are sent again. The server
//! leaves out the ones that it has: each line is stored once.

mod link;
mod outbox;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::batches::{BatchReader, Cut};
use super::tally::Tally;
use super::{PAUSE_MAX, PAUSE_MIN, run_id};
use crate::cli::Unreachable;
use crate::output::{Progress, grouped};

use link::{Link, open};
use outbox::{Figures, Outbox};

/// How to send.
#[derive(Clone, Debug)]
pub(super) struct TcpSettings {
    /// Host and port.
    pub(super) address: String,
    /// Name of the producer; one that nobody else has, when missing.
    pub(super) producer: Option<String>,
    /// How long to go on without anything becoming durable.
    pub(super) retry_for: Duration,
}

/// Sends everything and waits for the last acknowledgement.
pub(super) fn send(
    batches: BatchReader,
    settings: &TcpSettings,
    progress: &Progress,
) -> Result<Tally> {
    let producer = settings.producer.clone().unwrap_or_else(run_id);
    // Finds out at once whether anybody listens.
    let first = open(&settings.address, &producer, None)?;
    let outbox = Arc::new(Outbox::new(first.resume));
    feed(batches, Arc::clone(&outbox))?;
    let sender = Sender { settings, producer, outbox: &outbox, progress, started: Instant::now() };
    sender.send_all(first)?;
    let (too_long, input_error) = outbox.leftovers();
    let figures = outbox.figures();
    if let Some(error) = input_error {
        return Err(error.context(so_far(figures)));
    }
    Ok(tally(figures, settings.producer.is_some(), too_long))
}

/// Moves the input into the outbox, on a thread that ends with the input. A process that gives
/// up does not wait for it: its input may be silent for ever.
fn feed(mut batches: BatchReader, outbox: Arc<Outbox>) -> Result<()> {
    let feed = move || {
        let ended = loop {
            match batches.next_cut() {
                Ok(Some(Cut::Batch(batch))) => outbox.push(&batch.bytes),
                Ok(Some(Cut::TooLong(line))) => outbox.too_long(line),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        outbox.end(ended);
    };
    std::thread::Builder::new()
        .name("feed lines".to_owned())
        .spawn(feed)
        .context("start a thread that feeds lines")?;
    Ok(())
}

struct Sender<'s> {
    settings: &'s TcpSettings,
    producer: String,
    outbox: &'s Outbox,
    progress: &'s Progress,
    started: Instant,
}

impl Sender<'_> {
    /// Makes one connection after the other until every line is durable.
    fn send_all(&self, first: Link) -> Result<()> {
        let mut link = first;
        let mut from = self.outbox.connected();
        let mut durable = 0;
        let mut stuck_since = None;
        let mut pause = PAUSE_MIN;
        loop {
            let reason = link.run(self.outbox, from, |figures| self.tell(figures));
            if self.outbox.is_done() {
                return Ok(());
            }
            let reason = reason.unwrap_or_else(|| "the connection ended".to_owned());
            let figures = self.outbox.figures();
            if figures.durable > durable {
                (durable, stuck_since, pause) = (figures.durable, None, PAUSE_MIN);
            }
            let since = *stuck_since.get_or_insert_with(Instant::now);
            let mut failed = self.unreachable(reason);
            link = loop {
                if since.elapsed() + pause > self.settings.retry_for {
                    let seconds = self.settings.retry_for.as_secs();
                    let outcome = format!("{}, gave up after {seconds} s", so_far(figures));
                    return Err(failed.context(outcome));
                }
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
                // What was acknowledged is not here any more: the server takes our word for it,
                // should it know less.
                from = self.outbox.connected();
                match open(&self.settings.address, &self.producer, Some(from)) {
                    Ok(link) => break link,
                    Err(error) => failed = error,
                }
            };
        }
    }

    fn tell(&self, figures: Figures) {
        self.progress.set(figures.bytes);
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let per_second = (figures.durable - figures.skipped.min(figures.durable)) as f64 / seconds;
        self.progress.remark(format!("{} lines/s acknowledged", grouped(per_second as u64)));
    }

    fn unreachable(&self, reason: String) -> anyhow::Error {
        Unreachable { server: format!("tcp://{}", self.settings.address), reason }.into()
    }
}

fn so_far(figures: Figures) -> String {
    format!("{} lines are durable, then sending stopped", grouped(figures.durable))
}

fn tally(figures: Figures, is_named: bool, too_long: Vec<u64>) -> Tally {
    let mut tally = Tally::default();
    tally.bytes = figures.bytes;
    tally.accepted = figures.durable.saturating_sub(figures.skipped + figures.rejected);
    tally.rejected = figures.rejected;
    // Only a name that was there before can have brought lines before.
    tally.duplicate = is_named.then_some(figures.skipped);
    too_long.into_iter().for_each(|line| tally.add_too_long(line));
    tally
}

#[cfg(test)]
mod tests;
