//! A sync that fails with EIO: of the write-ahead log, after which nothing may be acknowledged;
//! of a partition, whose lines the log still has. A first start may meet it too: it ends then, says
//! why, and the next one must do.

use std::time::Duration;

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::random::Random;
use super::super::server::{Server, Started, wait_until};
use super::super::tenants::Tenant;
use super::super::trial::{Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// The sync that fails, at the latest.
const LATEST: u64 = 30;

/// Batches that senders try.
const PACE_BATCHES: u64 = 60;

/// Until the failure must have come.
const FAILED_MAX: Duration = Duration::from_secs(10);

/// How long lines are sent to a server that cannot commit.
const INDEXED_MAX: Duration = Duration::from_secs(3);

/// A server with a failed disk still ends by then.
const END_MAX: Duration = Duration::from_secs(30);

/// Lines of a request that must be refused.
const REFUSED_LINES: u64 = 20;

/// A sync of the log.
pub(crate) fn of_the_log(rig: &Rig, effort: Effort) -> Result<Tally> {
    run(rig, effort, fail_log)
}

/// A sync of a partition.
pub(crate) fn of_the_index(rig: &Rig, effort: Effort) -> Result<Tally> {
    run(rig, effort, fail_index)
}

fn run(rig: &Rig, effort: Effort, fail: fn(&Rig, u64) -> Result<Trial>) -> Result<Tally> {
    if let Err(why) = &rig.shim {
        return Ok(Tally::not_run(why));
    }
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, fail(rig, seed));
    }
    Ok(tally)
}

/// Starts a server one of whose syncs will fail; `None` when one of the start's did.
fn begin(rig: &Rig, seed: u64, part: &str) -> Result<(Trial, Option<Server>)> {
    let shim = rig.shim.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
    let mut trial = Trial::new(rig, seed, 2)?;
    let number = 1 + Random::new(seed).below(LATEST);
    let launch = shim.fail_sync(&trial.place.data.join(part), number);
    let status = match trial.place.start(&launch)? {
        Started::Ready(server) => return Ok((trial, Some(server))),
        Started::Ended(status) => status,
    };
    let says_why = trial.place.output_text().lines().any(|line| {
        line.contains("sync ") && line.contains(part) && line.contains("Input/output error")
    });
    trial.promise(Holds::from(!status.success() && says_why), || {
        format!("a start ended with {status} at sync {number} and does not say why")
    });
    let server = trial.start()?;
    trial.check(&server)?;
    Ok((trial, None))
}

fn fail_log(rig: &Rig, seed: u64) -> Result<Trial> {
    let (mut trial, server) = begin(rig, seed, "wal")?;
    let Some(mut server) = server else { return Ok(trial) };
    let load = trial.load(&server, &[Protocol::Http, Protocol::Tcp], Pace::batches(PACE_BATCHES));
    let has_failed = wait_until(FAILED_MAX, || {
        server.get("/health/ready").is_some_and(|answer| answer.status == 503)
    });
    load.stop();
    trial.promise(Holds::from(has_failed), || "health does not tell of a failed sync".to_owned());
    // What is refused now must be stored all the same once it is sent again after the restart.
    let ids = trial.ledger.issue(Tenant::FIRST, REFUSED_LINES)?;
    let body = trial.lines.texts(ids.clone());
    let url = server.ingest("/api/v1/ingest");
    let answer = super::super::load::post(&server.http, &url, &ids, &body);
    let status = answer.map(|answer| answer.status);
    trial.promise(Holds::from(status == Some(503)), || {
        format!("after a failed sync a request was answered {status:?}")
    });
    let read = server.get("/api/v1/search?q=&limit=5").map(|answer| answer.status);
    trial.promise(Holds::from(read == Some(200)), || format!("a search was answered {read:?}"));
    trial.take(load)?;
    server.signal_to_end()?;
    let status = server.await_end(END_MAX)?;
    trial.promise(Holds::from(!status.success()), || {
        "a server whose disk failed ended with success".to_owned()
    });
    let server = trial.start()?;
    trial.check(&server)?;
    Ok(trial)
}

fn fail_index(rig: &Rig, seed: u64) -> Result<Trial> {
    let (mut trial, server) = begin(rig, seed, "partitions")?;
    let Some(mut server) = server else { return Ok(trial) };
    let load = trial.load(&server, &[Protocol::Http, Protocol::Tcp], Pace::batches(PACE_BATCHES));
    wait_until(INDEXED_MAX, || load.has_ended());
    load.stop();
    trial.take(load)?;
    let read = server.get("/api/v1/search?q=&limit=5").map(|answer| answer.status);
    trial.promise(Holds::from(read == Some(200)), || format!("a search was answered {read:?}"));
    server.signal_to_end()?;
    server.await_end(END_MAX)?;
    let server = trial.start()?;
    trial.check(&server)?;
    Ok(trial)
}
