//! `kill -9` at a random time: while lines are written, synced, indexed, and while a server that
//! died starts again.

use std::time::Duration;

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::random::Random;
use super::super::server::{Launch, let_pass};
use super::super::trial::{REPLAY_LATER, Trial};
use super::super::{Effort, Rig, Tally};

/// Kills of one directory: the directory grows, and every check reads all records.
const KILLS_PER_DIRECTORY: u64 = 20;

/// Batches that a sender sends at most between two kills.
const PACE_BATCHES: u64 = 30;

/// Latest kill after senders have begun.
const LATEST_MS: u64 = 350;

/// Latest kill of a server that is starting.
const LATEST_AT_START_MS: u64 = 120;

/// Every n-th kill is followed by a second kill during the start.
const AGAIN_EVERY: u64 = 3;

/// Lines over TCP.
pub(crate) fn over_tcp(rig: &Rig, effort: Effort) -> Result<Tally> {
    run(rig, effort, &[Protocol::Tcp; 3])
}

/// Batches over HTTP.
pub(crate) fn over_http(rig: &Rig, effort: Effort) -> Result<Tally> {
    run(rig, effort, &[Protocol::Http, Protocol::Http])
}

fn run(rig: &Rig, effort: Effort, protocols: &[Protocol]) -> Result<Tally> {
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        let kills = KILLS_PER_DIRECTORY.min(effort.runs.saturating_sub(tally.runs));
        if kills == 0 {
            break;
        }
        let mut done = 0;
        let outcome = kill_again_and_again(rig, (seed, kills), effort, protocols, &mut done);
        tally.count_many(seed, done.max(1), outcome);
    }
    Ok(tally)
}

fn kill_again_and_again(
    rig: &Rig,
    (seed, kills): (u64, u64),
    effort: Effort,
    protocols: &[Protocol],
    done: &mut u64,
) -> Result<Trial> {
    let mut trial = Trial::new(rig, seed, 2)?;
    if seed.is_multiple_of(2) {
        trial = trial.with_settings(&[REPLAY_LATER]);
    }
    let mut random = Random::new(seed);
    let mut server = trial.start()?;
    while *done < kills && trial.violations.is_empty() && (*done == 0 || effort.has_time()) {
        let load = trial.load(&server, protocols, Pace::batches(PACE_BATCHES));
        let_pass(Duration::from_millis(1 + random.below(LATEST_MS)));
        server.kill()?;
        trial.take(load)?;
        if random.below(AGAIN_EVERY) == 0 {
            let starting = trial.place.spawn(&Launch::default())?;
            let_pass(Duration::from_millis(random.below(LATEST_AT_START_MS)));
            drop(starting);
        }
        *done += 1;
        server = trial.start()?;
        trial.check(&server)?;
    }
    Ok(trial)
}
