//! A disk that becomes read-only, as Linux makes one after errors: under load, and before a start.

use std::time::Duration;

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::server::{Launch, Started, let_pass, wait_until};
use super::super::tmpfs::Tmpfs;
use super::super::trial::{Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// Bytes of the disk.
const DISK_BYTES: u64 = 128 << 20;

/// Batches that senders try.
const PACE_BATCHES: u64 = 200;

/// How long lines are taken before.
const BEFORE: Duration = Duration::from_millis(200);

/// Until the server must have noticed.
const NOTICED_MAX: Duration = Duration::from_secs(10);

/// A server that cannot write still ends by then.
const END_MAX: Duration = Duration::from_secs(30);

/// Makes disks read-only.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    if let Err(why) = &rig.shim {
        return Ok(Tally::not_run(why));
    }
    if let Err(why) = Tmpfs::mount(DISK_BYTES, None) {
        return Ok(Tally::not_run(format!("{why:#}")));
    }
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, forbid(rig, seed));
    }
    Ok(tally)
}

fn forbid(rig: &Rig, seed: u64) -> Result<Trial> {
    let shim = rig.shim.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
    let disk = Tmpfs::mount(DISK_BYTES, None)?;
    let mut trial = Trial::at(rig, seed, 2, &disk.data())?;
    // The kernel lets no disk with open files become read-only, but by an error of its own.
    let mark = trial.place.aside.join("read-only");
    let mut server = trial.start_with(&shim.read_only_while(&disk.data(), &mark))?;
    let load = trial.load(&server, &[Protocol::Http, Protocol::Tcp], Pace::batches(PACE_BATCHES));
    let_pass(BEFORE);
    std::fs::write(&mark, "")?;
    let has_noticed = wait_until(NOTICED_MAX, || {
        server.get("/health/ready").is_some_and(|answer| answer.status == 503)
    });
    trial.promise(Holds::from(has_noticed || load.has_ended()), || {
        "health does not tell of a read-only disk".to_owned()
    });
    load.stop();
    let read = server.get("/api/v1/search?q=&limit=5").map(|answer| answer.status);
    trial.promise(Holds::from(read == Some(200)), || format!("a search was answered {read:?}"));
    trial.take(load)?;
    server.signal_to_end()?;
    server.await_end(END_MAX)?;

    disk.remount("ro")?;
    let started = trial.place.start(&Launch::default())?;
    let is_refused = matches!(&started, Started::Ended(status) if !status.success());
    drop(started);
    trial.promise(Holds::from(is_refused), || "it starts on a read-only disk".to_owned());
    let says_why = trial.place.output_text().to_lowercase().contains("read-only");
    trial.promise(Holds::from(says_why), || "it does not say why it does not start".to_owned());
    disk.remount("rw")?;
    let server = trial.start()?;
    trial.check(&server)?;
    server.kill()?;
    drop(disk);
    Ok(trial)
}
