//! Rot in sealed partitions: a byte flipped, a file cut, emptied or gone. The server starts, the
//! other partitions answer, nothing wrong is given back, and what is missing is not kept quiet.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::super::files::files_under;
use super::super::random::Random;
use super::super::server::{Server, wait_until};
use super::super::trial::{Answers, Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// Batches that are stored.
const BATCHES: u64 = 12;

/// Days of the lines.
const DAYS: u64 = 2;

/// A server ends by then.
const END_MAX: Duration = Duration::from_secs(30);

/// The directory of critical lines: errors are in it too.
const SHARED_TIER: &str = "critical";

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Rot {
    Flip,
    Cut,
    Empty,
    Gone,
}

const ROTS: [Rot; 5] = [Rot::Flip, Rot::Flip, Rot::Cut, Rot::Empty, Rot::Gone];

/// Damages partitions.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    let base = prepare(rig, effort.seed)?;
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        tally.count(seed, rot(&base, seed));
    }
    Ok(tally)
}

fn prepare(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut trial = Trial::new(rig, seed, DAYS)?;
    let mut server = trial.start()?;
    trial.send(&server, BATCHES)?;
    trial.check(&server)?;
    let sealed = server.post("/api/v1/compact?scope=all").map(|answer| answer.status);
    anyhow::ensure!(sealed == Some(200), "compact was answered {sealed:?}");
    server.signal_to_end()?;
    server.await_end(END_MAX)?;
    anyhow::ensure!(trial.violations.is_empty(), "undisturbed: {:?}", trial.violations);
    Ok(trial)
}

fn rot(base: &Trial, seed: u64) -> Result<Trial> {
    let mut random = Random::new(seed);
    let mut trial = base.fork()?;
    let partitions = trial.place.data.join("partitions");
    let files: Vec<PathBuf> = files_under(&partitions)?
        .into_iter()
        .filter(|path| !path.to_string_lossy().ends_with(".lock"))
        .collect();
    let path = random.pick(&files).context("no file to damage")?.clone();
    let rot = *random.pick(&ROTS).unwrap_or(&Rot::Flip);
    rot.apply(&path, &mut random)?;
    let within = path.strip_prefix(&partitions)?.to_owned();
    let mut parts = within.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let tier = parts.next().context("a tier")?;
    let day = parts.next().context("a day")?;

    trial.answers = Answers::Partial;
    let lines = trial.lines.clone();
    let is_hit = move |id: u64| {
        let level = lines.level(id);
        let is_of_tier = level == tier || (level == "error" && tier == SHARED_TIER);
        let is_letter = lines.kind(id) == super::super::lines::Kind::Broken;
        let is_record_hit =
            !is_letter && is_of_tier && lines.timestamp(id).day().to_string() == day;
        is_record_hit || (is_letter && tier == "dead_letter")
    };
    let server = trial.start()?;
    trial.check_but(&server, &is_hit)?;
    check_word(&mut trial, &server, &is_hit)?;
    for violation in &mut trial.violations {
        violation.detail.push_str(&format!(" ({rot:?} of {})", within.display()));
    }
    Ok(trial)
}

/// What is missing is told: by the answer, or by health.
fn check_word(trial: &mut Trial, server: &Server, is_hit: &dyn Fn(u64) -> bool) -> Result<()> {
    let acked = trial.ledger.known()?.acked;
    let is_record = |id: &&u64| trial.lines.kind(**id) == super::super::lines::Kind::Record;
    let expected = acked.iter().filter(is_record).filter(|id| is_hit(**id)).count();
    let mut found = 0;
    // The fresh line may be of the damaged day, for which the comparison does not wait.
    let is_kept = wait_until(trial.patience, || {
        let Ok((records, end)) = server.export() else { return false };
        let numbers =
            records.iter().filter_map(|record| record.get("number").and_then(Value::as_u64));
        found = numbers.filter(|id| is_hit(*id)).count();
        found >= expected || is_told(server, &end)
    });
    trial.promise(Holds::from(is_kept), || {
        format!("{} lines are missing without a word", expected.saturating_sub(found))
    });
    Ok(())
}

/// Tells whether the end of an export, or health, says that something is missing.
fn is_told(server: &Server, end: &Value) -> bool {
    end.get("complete") == Some(&Value::Bool(false))
        || end.get("partial") == Some(&Value::Bool(true))
        || server
            .health()
            .is_some_and(|(_, health)| health.get("status") != Some(&Value::from("ok")))
}

impl Rot {
    fn apply(self, path: &PathBuf, random: &mut Random) -> Result<()> {
        let mut bytes = std::fs::read(path)?;
        let at = random.below(bytes.len() as u64) as usize;
        match self {
            Rot::Flip => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            Rot::Cut => bytes.truncate(at),
            Rot::Empty => bytes.clear(),
            Rot::Gone => return std::fs::remove_file(path).context("remove a file"),
        }
        std::fs::write(path, bytes).context("damage a file")
    }
}
