//! A disk on which each sync takes long while more arrives than it takes: senders are told to
//! wait, memory stays flat, and nothing acknowledged is missing.

use std::time::Duration;

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::server::let_pass;
use super::super::trial::{Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// How much longer a sync takes.
const SLOWER_MS: u64 = 200;

/// How long senders push.
const PUSH: Duration = Duration::from_millis(1_200);

/// Senders that push at once, and what each sends: together more than waits in the server.
const SENDERS: usize = 16;
const PACE: Pace = Pace { batches: 100, lines: 400 };

/// Slows disks down.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    if let Err(why) = &rig.shim {
        return Ok(Tally::not_run(why));
    }
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, push(rig, seed));
    }
    Ok(tally)
}

fn push(rig: &Rig, seed: u64) -> Result<Trial> {
    let shim = rig.shim.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
    let mut trial = Trial::new(rig, seed, 2)?
        .with_settings(&["memory.batches=1MiB", "ingest.http.full_wait=100ms"]);
    let server = trial.start_with(&shim.slow_syncs(&trial.place.data.join("wal"), SLOWER_MS))?;
    let mut protocols = [Protocol::Http; SENDERS];
    if let Some(first) = protocols.first_mut() {
        *first = Protocol::Tcp;
    }
    let load = trial.load(&server, &protocols, PACE);
    let_pass(PUSH);
    load.stop();
    let sent = trial.take(load)?;
    let is_told = sent.statuses.contains(&429);
    trial.promise(Holds::from(is_told), || "nobody was told to wait (429)".to_owned());
    let others: Vec<u16> = sent.statuses.into_iter().filter(|status| *status != 429).collect();
    trial
        .promise(Holds::from(others.is_empty()), || format!("refusals other than 429: {others:?}"));
    trial.check(&server)?;
    Ok(trial)
}
