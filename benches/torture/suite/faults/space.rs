//! A small disk without room, or on which no file can be made: nothing acknowledged is lost,
//! reads go on, and when there is room again so do writes, without a hand.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::super::load::{Pace, Protocol};
use super::super::random::Random;
use super::super::server::{Server, let_pass, wait_until};
use super::super::tmpfs::Tmpfs;
use super::super::trial::{Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// Bytes of the disk.
const DISK_BYTES: u64 = 48 << 20;

/// Files of a disk on which no file can be made: those of the partitions of three tenants, twice.
const DISK_FILES: u64 = 1_800;

/// Most free room: above `store.free_min`, so that a write meets the end of the disk.
const ROOM_BYTES_MAX: u64 = 3 << 20;

/// Most files that can still be made.
const ROOM_FILES_MAX: u64 = 30;

/// Batches that senders try on a full disk.
const PACE: Pace = Pace { batches: 400, lines: 100 };

/// How long senders try on a full disk.
const FULL_FOR: Duration = Duration::from_millis(1_500);

/// Until writes must go on after there is room again.
const RESUME_MAX: Duration = Duration::from_secs(30);

/// Bytes that the ballast grows by.
const BALLAST_STEP: usize = 64 << 10;

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortage {
    Bytes,
    Files,
    /// Bytes, and the server may drop what is least valuable before its time.
    Pressure,
}

/// Settings under which days are dropped early: there is never as much room as asked for.
const PRESSURE: [&str; 3] =
    ["store.early_drop_max=info", "store.free_low=40MiB", "store.maintenance_interval=1s"];

/// The levels that may go early.
const DROPPED_LEVELS: [&str; 2] = ["debug", "info"];

/// No room.
pub(crate) fn bytes(rig: &Rig, effort: Effort) -> Result<Tally> {
    run(rig, effort, Shortage::Bytes)
}

/// Little room, and days that may go early.
pub(crate) fn pressure(rig: &Rig, effort: Effort) -> Result<Tally> {
    run(rig, effort, Shortage::Pressure)
}

/// No files.
pub(crate) fn inodes(rig: &Rig, effort: Effort) -> Result<Tally> {
    run(rig, effort, Shortage::Files)
}

fn run(rig: &Rig, effort: Effort, shortage: Shortage) -> Result<Tally> {
    if let Err(why) = Tmpfs::mount(DISK_BYTES, None) {
        return Ok(Tally::not_run(format!("{why:#}")));
    }
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, fill(rig, seed, shortage));
    }
    Ok(tally)
}

fn fill(rig: &Rig, seed: u64, shortage: Shortage) -> Result<Trial> {
    let files = (shortage == Shortage::Files).then_some(DISK_FILES);
    let disk = Tmpfs::mount(DISK_BYTES, files)?;
    let mut random = Random::new(seed);
    // The memory of indexing is on the disk's account too: a segment is written as a whole.
    let mut trial = Trial::at(rig, seed, 2, &disk.data())?;
    if shortage == Shortage::Pressure {
        trial = trial.with_settings(&PRESSURE);
    }
    let lines = trial.lines.clone();
    let may_go =
        move |id: u64| shortage == Shortage::Pressure && DROPPED_LEVELS.contains(&lines.level(id));
    let server = trial.start()?;
    trial.send(&server, 10)?;
    trial.compare(&server, &may_go)?;

    let ballast = match shortage {
        Shortage::Bytes | Shortage::Pressure => fill_bytes(&disk, random.below(ROOM_BYTES_MAX))?,
        Shortage::Files => fill_files(&disk, random.below(ROOM_FILES_MAX))?,
    };
    let load = trial.load(&server, &[Protocol::Http, Protocol::Tcp], PACE);
    let upkeep =
        *random.pick(&["", "/api/v1/compact?scope=all", "/api/v1/retention/run"]).unwrap_or(&"");
    if !upkeep.is_empty() {
        // May fail for want of room; must not harm.
        let _ = server.post(upkeep);
    }
    let_pass(FULL_FOR);
    check_reads(&mut trial, &server);
    load.stop();
    if shortage != Shortage::Pressure && random.below(3) == 0 {
        return die_full(trial, server, load, &ballast, disk);
    }
    for file in &ballast {
        std::fs::remove_file(file)?;
    }
    trial.take(load)?;
    let mut server = resume(&mut trial, server)?;
    trial.check_but(&server, &may_go)?;
    server.signal_to_end()?;
    let status = server.await_end(RESUME_MAX)?;
    trial.promise(Holds::from(status.success()), || format!("it ended with {status}"));
    let server = trial.start()?;
    trial.check_but(&server, &may_go)?;
    server.kill()?;
    drop(disk);
    Ok(trial)
}

/// Reads must be answered on a full disk.
fn check_reads(trial: &mut Trial, server: &Server) {
    let answer = server.get("/api/v1/search?q=level:error&limit=10");
    let is_answered = answer.as_ref().is_some_and(|answer| answer.status == 200);
    trial.promise(Holds::from(is_answered), || {
        format!("a search on a full disk: {:?}", answer.map(|answer| answer.status))
    });
}

/// Writes must go on by themselves.
fn resume(trial: &mut Trial, server: Server) -> Result<Server> {
    let mut status = None;
    let goes_on = wait_until(RESUME_MAX, || {
        status = server.get("/health/ready").map(|answer| answer.status);
        status == Some(200)
    });
    if goes_on {
        return Ok(server);
    }
    let health = server.health();
    trial.promise(Holds::No, || format!("writes do not go on with room: {health:?}"));
    server.kill()?;
    trial.start()
}

/// The server dies on the full disk. A start without room may fail; a start with room must succeed.
fn die_full(
    mut trial: Trial,
    server: Server,
    load: super::super::load::Load,
    ballast: &[PathBuf],
    disk: Tmpfs,
) -> Result<Trial> {
    server.kill()?;
    trial.take(load)?;
    drop(trial.place.start(&super::super::server::Launch::default())?);
    for file in ballast {
        std::fs::remove_file(file)?;
    }
    let server = trial.start()?;
    trial.check(&server)?;
    server.kill()?;
    drop(disk);
    Ok(trial)
}

/// Fills a disk but for some bytes.
fn fill_bytes(disk: &Tmpfs, room: u64) -> Result<Vec<PathBuf>> {
    let path = disk.path().join("ballast");
    let mut file = File::create(&path)?;
    let block = vec![0x5a; BALLAST_STEP];
    let mut length = 0_u64;
    while let Ok(written) = file.write(&block) {
        if written == 0 {
            break;
        }
        length += written as u64;
    }
    file.set_len(length.saturating_sub(room))?;
    Ok(vec![path])
}

/// Makes files until there is room for some only.
fn fill_files(disk: &Tmpfs, room: u64) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for number in 0..DISK_FILES {
        let path = disk.path().join(format!("ballast-{number}"));
        if File::create(&path).is_err() {
            break;
        }
        files.push(path);
    }
    for path in files.drain(..files.len().min(room as usize)) {
        std::fs::remove_file(path)?;
    }
    Ok(files)
}
