//! Rot in every kind of file, of days that are sealed and not, of the log too, while the server
//! runs and between two: a bit flipped, a file of a partition cut, emptied or gone. The server
//! starts, the other partitions answer, nothing wrong is given back, what is missing is not kept
//! quiet, and nothing of it is sealed in.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::super::files::files_under;
use super::super::lines::Kind;
use super::super::random::Random;
use super::super::server::{Server, wait_until};
use super::super::tenants::Tenant;
use super::super::trial::{Answers, Holds, Trial};
use super::super::{Effort, Rig, Tally};

/// Batches to store, in parts with a commit each.
const BATCHES: u64 = 12;

/// Days of the lines.
const DAYS: u64 = 2;

/// A server ends by then.
const END_MAX: Duration = Duration::from_secs(30);

/// The directory of critical lines: errors are in it too.
const SHARED_TIER: &str = "critical";

/// The scrub comes by at once, and the job seals nothing by itself.
const SETTINGS: [&str; 3] =
    ["store.scrub_rate=1GiB", "store.maintenance_interval=1s", "store.seal_grace=168h"];

/// The signal of which a process dies that meets the hole in a mapped file.
const SIGBUS: i32 = 7;

/// Names below the data directory in which no bit says anything: room that is held, locks, a mark
/// that is empty, and entries that are out of the way.
const IDLE: [&str; 5] = ["reserve", "lost-map", "LOCK", "quarantine", "trash"];

/// Directory of the log, whose files are flipped here; `torn-tail` cuts them.
const LOG: &str = "wal";

/// Characters of the names of segments, of the engine's and of the log's.
const SEGMENT_NAME_MIN: usize = 20;

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Rot {
    Flip,
    Cut,
    Empty,
    Gone,
}

const ROTS: [Rot; 6] = [Rot::Flip, Rot::Flip, Rot::Flip, Rot::Cut, Rot::Empty, Rot::Gone];

/// Around what it happens.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The server was stopped in order, and starts.
    Stopped,
    /// It was killed with lines that only the log has, and starts.
    Killed,
    /// It runs, and seals.
    Sealing,
    /// It runs, and takes lines.
    Taking,
}

const MOMENTS: [Moment; 4] = [Moment::Stopped, Moment::Killed, Moment::Sealing, Moment::Taking];

/// Damages partitions.
pub(crate) fn run(rig: &Rig, effort: Effort) -> Result<Tally> {
    let hot = prepare(rig, effort.seed)?;
    let sealed = seal(&hot)?;
    let mut tally = Tally::default();
    for seed in effort.seeds() {
        let base = if seed.is_multiple_of(2) { &hot } else { &sealed };
        tally.count(seed, rot(base, seed));
    }
    Ok(tally)
}

/// Partitions of several segments, none of them sealed.
pub(crate) fn prepare(rig: &Rig, seed: u64) -> Result<Trial> {
    let mut trial = Trial::new(rig, seed, DAYS)?.with_settings(&SETTINGS);
    let server = trial.start()?;
    for _ in 0..BATCHES / 4 {
        trial.send(&server, 4)?;
        trial.compare(&server, &|_| false)?;
    }
    trial.check(&server)?;
    end(server)?;
    anyhow::ensure!(trial.violations.is_empty(), "undisturbed: {:?}", trial.violations);
    Ok(trial)
}

fn seal(hot: &Trial) -> Result<Trial> {
    let trial = hot.fork()?;
    let server = trial.start()?;
    let sealed = compact(&server);
    anyhow::ensure!(sealed == Some(200), "compact was answered {sealed:?}");
    end(server)?;
    Ok(trial)
}

fn end(mut server: Server) -> Result<()> {
    server.signal_to_end()?;
    server.await_end(END_MAX).map(drop)
}

fn compact(server: &Server) -> Option<u16> {
    server.post("/api/v1/compact?scope=all").map(|answer| answer.status)
}

fn rot(base: &Trial, seed: u64) -> Result<Trial> {
    let mut random = Random::new(seed);
    let mut trial = base.fork()?;
    trial.answers = Answers::Partial;
    let moment = random.pick(&MOMENTS).copied().unwrap_or(Moment::Stopped);
    let server = match moment {
        Moment::Stopped => None,
        Moment::Killed => {
            let server = trial.start()?;
            trial.send(&server, 1)?;
            server.kill()?;
            None
        }
        Moment::Sealing | Moment::Taking => Some(trial.start()?),
    };
    let within = any_file(&trial.place.data, &mut random)?;
    let hit = Hit::of(&trial, &within);
    let rot = match random.pick(&ROTS).copied() {
        Some(rot) if !hit.is_log => rot,
        _ => Rot::Flip,
    };
    rot.apply(&trial.place.data.join(&within), &mut random)?;
    let server = go_on(&mut trial, server, moment)?;
    await_looked_at(&mut trial, &server)?;
    let is_hit = |id: u64| hit.is_hit(id);
    trial.check_but(&server, &is_hit)?;
    check_word(&mut trial, &server, &is_hit)?;
    // Whatever is left is sealed, and must be what it was.
    let sealed = compact(&server);
    trial.promise(Holds::from(sealed == Some(200)), || format!("compact: {sealed:?}"));
    await_looked_at(&mut trial, &server)?;
    trial.compare(&server, &is_hit)?;
    check_word(&mut trial, &server, &is_hit)?;
    for violation in &mut trial.violations {
        let text = format!(" ({rot:?} of {}, {moment:?})", within.display());
        violation.detail.push_str(&text);
    }
    Ok(trial)
}

/// Returns a file below the data directory, of each kind as likely as of any other.
fn any_file(data: &Path, random: &mut Random) -> Result<PathBuf> {
    let mut kinds: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in files_under(data)? {
        let within = path.strip_prefix(data)?.to_owned();
        let name = within.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let first = within.iter().next().unwrap_or_default().to_string_lossy().into_owned();
        if IDLE.contains(&first.as_str()) || name.ends_with(".lock") {
            continue;
        }
        // Files of segments are of a kind by their ending, others by their name.
        let kind = name.rsplit_once('.').filter(|(id, _)| id.len() >= SEGMENT_NAME_MIN);
        let kind = kind.map_or(name.as_str(), |(_, ending)| ending).to_owned();
        kinds.entry(kind).or_default().push(within);
    }
    let kinds: Vec<Vec<PathBuf>> = kinds.into_values().collect();
    let files = random.pick(&kinds).context("no file to damage")?;
    random.pick(files).cloned().context("no file to damage")
}

/// Lets the server meet the damage. The damage may end the server, once, with a reason in its log.
fn go_on(trial: &mut Trial, server: Option<Server>, moment: Moment) -> Result<Server> {
    let Some(mut server) = server else { return trial.start() };
    match moment {
        Moment::Sealing => drop(compact(&server)),
        // A connection that breaks is looked at below.
        _ => drop(trial.send(&server, 1)),
    }
    let looked = await_looked_at(trial, &server);
    let Some(status) = server.ended() else {
        looked?;
        return Ok(server);
    };
    let server = trial.start()?;
    let is_told = trial.place.output_text().contains("died of SIGBUS");
    trial.promise(Holds::from(status.signal() == Some(SIGBUS) && is_told), || {
        format!("the server ended with {status}, told: {is_told}")
    });
    Ok(server)
}

/// Waits until every checksum was looked at and what is damaged is away.
fn await_looked_at(trial: &mut Trial, server: &Server) -> Result<()> {
    let mut report = None;
    let is_clean = wait_until(trial.patience, || {
        report = server.get("/api/v1/verify").map(|answer| answer.json());
        // A server that has ended is not asked again. Damage of the log stays in place, and health
        // tells of the damage until an acknowledgement.
        match &report {
            Some(report) => is_whole(report),
            None => server.health().is_none(),
        }
    });
    trial.promise(Holds::from(is_clean), || {
        format!("damage stays where it is: {}", report.unwrap_or_default())
    });
    Ok(())
}

/// Tells whether a verification found every partition as it was written.
fn is_whole(report: &Value) -> bool {
    let partitions = report.get("partitions").and_then(Value::as_array);
    partitions.is_some_and(|partitions| {
        let problems = |partition: &Value| partition.get("problems").cloned().unwrap_or_default();
        partitions.iter().all(|partition| problems(partition) == Value::Array(Vec::new()))
    })
}

/// Which lines a damaged file may take along.
struct Hit {
    lines: super::super::lines::Lines,
    /// Tenant, tier and day; `None` is none.
    partition: Option<[String; 3]>,
    /// The log, which has lines of every partition.
    is_log: bool,
}

impl Hit {
    fn of(trial: &Trial, within: &Path) -> Hit {
        let mut parts = within.components().map(|part| part.as_os_str().to_string_lossy());
        let first = parts.next().unwrap_or_default().into_owned();
        let is_partition = first == "partitions";
        // The tenant's directory, then the tier's, then the day's.
        let mut next = || parts.next().unwrap_or_default().into_owned();
        let partition = is_partition.then(|| [next(), next(), next()]);
        Hit { lines: trial.lines.clone(), partition, is_log: first == LOG }
    }

    fn is_hit(&self, id: u64) -> bool {
        let Some([tenant, tier, day]) = &self.partition else { return self.is_log };
        if Tenant::of_line(id).is_none_or(|own| own.name() != tenant) {
            return false;
        }
        if self.lines.kind(id) == Kind::Broken {
            return tier == "dead_letter";
        }
        let level = self.lines.level(id);
        let is_of_tier = level == tier || (level == "error" && tier == SHARED_TIER);
        is_of_tier && self.lines.timestamp(id).day().to_string() == *day
    }
}

/// What is missing is told: by the answer, or by health.
fn check_word(trial: &mut Trial, server: &Server, is_hit: &dyn Fn(u64) -> bool) -> Result<()> {
    let acked = trial.ledger.known()?.acked;
    let is_record = |id: &&u64| trial.lines.kind(**id) == Kind::Record;
    let expected = acked.iter().filter(is_record).filter(|id| is_hit(**id)).count();
    let mut found = 0;
    // The fresh line may be of the damaged day, for which the comparison does not wait.
    let is_kept = wait_until(trial.patience, || {
        let Ok((records, end)) = server.export() else { return false };
        let number = |(_, record): &(Tenant, Value)| record.get("number").and_then(Value::as_u64);
        let numbers = records.iter().filter_map(number);
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
    /// Damages a file in place, as a disk or a careless hand does: whoever has it mapped sees it.
    fn apply(self, path: &Path, random: &mut Random) -> Result<()> {
        let length = std::fs::metadata(path)?.len();
        let at = random.below(length.max(1));
        let bit = 1 << random.below(8);
        let open = || File::options().read(true).write(true).open(path);
        match self {
            Rot::Flip if length > 0 => {
                let file = open()?;
                let mut byte = [0_u8];
                file.read_exact_at(&mut byte, at)?;
                file.write_all_at(&byte.map(|byte| byte ^ bit), at)?;
            }
            Rot::Flip => {}
            Rot::Cut => open()?.set_len(at)?,
            Rot::Empty => open()?.set_len(0)?,
            Rot::Gone => return std::fs::remove_file(path).context("remove a file"),
        }
        Ok(())
    }
}
