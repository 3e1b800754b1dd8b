//! Death at each change that a process makes to its directory: the changes of a task are counted
//! once, then the task is done again and again on a copy, and dies at another one each time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tierlog_model::{Clock as _, SystemClock};

use super::super::random::{Random, spread};
use super::super::server::{Launch, Server, Started, wait_until};
use super::super::shim::{Death, Shim};
use super::super::tenants::Tenant;
use super::super::trial::{Holds, REPLAY_LATER, Trial};
use super::super::{Effort, Rig, Tally};

/// Batches that a task sends.
const BATCHES: u64 = 2;

/// A task of the server that is not killed is done by then.
const TASK_MAX: Duration = Duration::from_secs(20);

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// How far ahead retention is asked for: debug is kept for a week, everything else for longer.
const AHEAD_DAYS: i64 = 12;

/// The tier that has expired by then.
const EXPIRED_LEVEL: &str = "debug";

/// The deaths at each change.
const DEATHS: [Death; 3] = [Death::Before, Death::After, Death::Torn];

/// Calls that `strace` counts.
const CALLS: [&str; 6] = ["write", "fdatasync", "fsync", "rename", "unlink", "openat"];

/// Latest system call of a thread for the kill.
const LATEST_CALL: u64 = 40;

/// What is done to a directory, and looked at afterwards.
struct Task {
    prepare: fn(&Rig, u64) -> Result<Trial>,
    act: fn(&mut Trial, &Launch) -> Result<()>,
    check: fn(&mut Trial) -> Result<()>,
}

/// Start, append, commit.
pub(crate) fn append(rig: &Rig, effort: Effort) -> Result<Tally> {
    enumerate(rig, effort, &Task { prepare: empty, act: serve, check: start_and_check })
}

/// Replay of the log that a dead server left.
pub(crate) fn replay(rig: &Rig, effort: Effort) -> Result<Tally> {
    enumerate(rig, effort, &Task { prepare: unreplayed, act: serve, check: start_and_check })
}

/// The same by the indexing thread, behind a start that has left it for later.
pub(crate) fn replay_later(rig: &Rig, effort: Effort) -> Result<Tally> {
    let left = |rig: &Rig, seed| Ok(unreplayed(rig, seed)?.with_settings(&[REPLAY_LATER]));
    enumerate(rig, effort, &Task { prepare: left, act: serve, check: start_and_check })
}

/// Sealing of every partition.
pub(crate) fn seal(rig: &Rig, effort: Effort) -> Result<Tally> {
    enumerate(rig, effort, &Task { prepare: stored, act: compact, check: start_and_check })
}

/// Retention of a tier that has expired.
pub(crate) fn retention(rig: &Rig, effort: Effort) -> Result<Tally> {
    enumerate(rig, effort, &Task { prepare: stored, act: expire, check: check_retention })
}

fn enumerate(rig: &Rig, effort: Effort, task: &Task) -> Result<Tally> {
    let shim = match &rig.shim {
        Ok(shim) => shim,
        Err(why) => return Ok(Tally::not_run(why)),
    };
    let base = (task.prepare)(rig, effort.seed)?;
    let changes = watch(shim, &base, task)?;
    let points = changes.len() as u64 * DEATHS.len() as u64;
    let runs = effort.runs.min(points);
    let mut tally = Tally::default();
    tally.notes.push(format!("{} changes, {points} deaths possible", changes.len()));
    let chosen = spread(points, effort.seed).take(runs as usize);
    for point in chosen.take_while(|_| effort.has_time()) {
        let death = DEATHS.iter().cycle().nth(point as usize).copied().unwrap_or(Death::Before);
        let change = 1 + point / DEATHS.len() as u64;
        let mut outcome = die_at(shim, &base, task, (change, death));
        if let Ok(trial) = &mut outcome {
            let at = changes.get(change as usize - 1).map_or("", String::as_str);
            for violation in &mut trial.violations {
                violation.detail.push_str(&format!(" (death {death:?} change {at})"));
            }
        }
        tally.count(effort.seed, outcome);
    }
    Ok(tally)
}

/// Does the task once and returns the changes that it makes.
fn watch(shim: &Shim, base: &Trial, task: &Task) -> Result<Vec<String>> {
    let mut trial = base.fork()?;
    let log = trial.place.aside.join("changes.log");
    let launch = shim.watch(&trial.place.data, &log);
    (task.act)(&mut trial, &launch)?;
    let text = std::fs::read_to_string(&log).context("the task made no change")?;
    (task.check)(&mut trial)?;
    anyhow::ensure!(trial.violations.is_empty(), "undisturbed: {:?}", trial.violations);
    Ok(text.lines().map(str::to_owned).collect())
}

fn die_at(shim: &Shim, base: &Trial, task: &Task, (change, death): (u64, Death)) -> Result<Trial> {
    let mut trial = base.fork()?;
    let launch = shim.kill_at(&trial.place.data, change, death);
    (task.act)(&mut trial, &launch)?;
    (task.check)(&mut trial)?;
    Ok(trial)
}

/// Dies at a call of the kernel, counted for each thread, in a process without any library.
pub(crate) fn by_strace(rig: &Rig, effort: Effort) -> Result<Tally> {
    let probe = std::process::Command::new("strace").arg("-V").output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return Ok(Tally::not_run("no strace"));
    }
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, die_at_call(rig, seed));
    }
    Ok(tally)
}

fn die_at_call(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut random = Random::new(seed);
    let call = random.pick(&CALLS).copied().unwrap_or("write");
    let number = 1 + random.below(LATEST_CALL);
    let mut trial = unreplayed(rig, seed)?;
    let inject = format!("inject={call}:signal=KILL:when={number}");
    // The tracer is a grandchild, so that the server stays a child of torture and its death is
    // seen.
    let words = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
    let wrapper = words.iter().map(|word| (*word).to_owned()).collect();
    serve(&mut trial, &Launch { wrapper, ..Launch::default() })?;
    start_and_check(&mut trial)?;
    for violation in &mut trial.violations {
        violation.detail.push_str(&format!(" (death at {call} {number})"));
    }
    Ok(trial)
}

fn empty(rig: &Rig, seed: u64) -> Result<Trial> {
    let trial = Trial::new(rig, seed, 1)?;
    std::fs::create_dir_all(&trial.place.data)?;
    Ok(trial)
}

/// A directory with lines that are in the log and in no partition.
fn unreplayed(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut trial = empty(rig, seed)?;
    let server = trial.start_with(&Launch::with_settings(&["store.commit_interval=1m"]))?;
    trial.send(&server, BATCHES)?;
    server.kill()?;
    Ok(trial)
}

/// A directory whose lines are all in partitions.
fn stored(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut trial = empty(rig, seed)?;
    let mut server = trial.start()?;
    trial.send(&server, BATCHES)?;
    trial.compare(&server, &|_| false)?;
    server.signal_to_end()?;
    server.await_end(TASK_MAX)?;
    Ok(trial)
}

/// Serves, takes lines, commits and ends, as far as the process lives.
fn serve(trial: &mut Trial, launch: &Launch) -> Result<()> {
    let Started::Ready(mut server) = trial.place.start(launch)? else { return Ok(()) };
    trial.send(&server, BATCHES)?;
    let records = trial.ledger.known()?.acked;
    let records = records.iter().filter(|id| is_record(trial, **id)).count() as u64;
    wait_until(TASK_MAX, || {
        server.ended().is_some() || server.count().is_some_and(|count| count >= records)
    });
    if server.ended().is_none() {
        server.signal_to_end()?;
        server.await_end(TASK_MAX)?;
    }
    Ok(())
}

fn is_record(trial: &Trial, id: u64) -> bool {
    trial.lines.kind(id) == super::super::lines::Kind::Record
}

fn start_and_check(trial: &mut Trial) -> Result<()> {
    let server = trial.start()?;
    trial.check(&server)
}

fn compact(trial: &mut Trial, launch: &Launch) -> Result<()> {
    // The command fails when the server dies; the check relies on this failure.
    trial.place.verb(&["compact", "--all"], launch).map(drop)
}

fn expire(trial: &mut Trial, launch: &Launch) -> Result<()> {
    let later = SystemClock.now().saturating_add_micros(AHEAD_DAYS * DAY_MICROS).to_string();
    trial.place.verb(&["retention", "run", "--now", &later], launch).map(drop)
}

/// A partition is there or gone as a whole; what retention finishes later stays gone.
fn check_retention(trial: &mut Trial) -> Result<()> {
    let before = trial.ledger.known()?.acked;
    let lines = trial.lines.clone();
    let is_expired = |id: u64| lines.level(id) == EXPIRED_LEVEL && before.contains(&id);
    let server = trial.start()?;
    trial.check_but(&server, &is_expired)?;
    let found = numbers(&server)?;
    server.kill()?;

    let mut days: BTreeMap<(Option<Tenant>, String), [u64; 2]> = BTreeMap::new();
    for id in before.iter().filter(|id| is_expired(**id) && is_record(trial, **id)) {
        let day = lines.timestamp(*id).day().to_string();
        let [all, there] = days.entry((Tenant::of_line(*id), day)).or_default();
        *all += 1;
        *there += u64::from(found.contains(id));
    }
    for ((tenant, day), [all, there]) in days {
        let is_whole = there == 0 || there == all;
        trial.promise(Holds::from(is_whole), || {
            let tenant = tenant.map_or("nobody", Tenant::name);
            format!("{there} of {all} lines of {tenant}/{EXPIRED_LEVEL}/{day} are left")
        });
    }
    expire(trial, &Launch::default())?;
    let server = trial.start()?;
    trial.check_but(&server, &|id| lines.level(id) == EXPIRED_LEVEL)?;
    let left = numbers(&server)?.into_iter().filter(|id| is_expired(*id)).count();
    trial.promise(Holds::from(left == 0), || format!("{left} expired lines came back"));
    Ok(())
}

fn numbers(server: &Server) -> Result<std::collections::BTreeSet<u64>> {
    let (records, _) = server.export()?;
    let number = |(_, record): &(Tenant, Value)| record.get("number").and_then(Value::as_u64);
    Ok(records.iter().filter_map(number).collect())
}
