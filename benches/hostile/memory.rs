//! A server of 768 MiB of data under requests that are small on the wire and large in it: each kind
//! alone, eight at once, and thirty by a seed, eight at once.
//!
//! `hostile memory [SERVER] [SEED]` prints what ordinary posts notice of each and what the heavy
//! clients were told, and ends with code 1 when the server ended, an answer had no name, an
//! ordinary post was refused, or the 99th percentile of the posts of a round was over 100 ms.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ureq::Agent;

use crate::attacks::Target;
use crate::daemon::Daemon;
use crate::heavy::{
    DATA_KIBIBYTES_MAX, Heavy, Port, Scale, Told, corpus, known, perform, random, related,
};
use crate::measure::peak_memory_of;
use crate::{agent, percentile, post, query_address};

/// The seed of the random requests, unless another one is given.
pub(crate) const SEED: u64 = 12;

/// Sizes of the independent attack on an earlier build.
const SCALE: Scale = Scale { items: 30_000_000, records: 100_000, answer_bytes: 64 << 20 };

/// Clients at once.
const AT_ONCE: usize = 8;

/// Random requests.
const RANDOM: usize = 30;

/// How long heavy clients wait for their answer; ordinary posts are measured meanwhile.
const ROUND: Duration = Duration::from_secs(30);

/// Between two ordinary posts, as from a few senders that have work now and then.
const POST_INTERVAL: Duration = Duration::from_millis(10);

/// Ordinary posts of a round at least: fewer have no 99th percentile.
const POSTS_MIN: usize = 300;

/// Longest wait of an ordinary post.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long bodies of a round may be on their way after it.
const SETTLE_MAX: Duration = Duration::from_secs(600);

/// The 99th percentile allowed for ordinary posts.
const POST_MS_MAX: f64 = 100.0;

/// What one round showed.
struct Round {
    posts: Vec<Duration>,
    refused: usize,
    told: Vec<Told>,
}

/// Runs every round.
pub(crate) fn run(server: &Path, seed: u64) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let limited = limited(server, directory.path())?;
    let daemon = Daemon::start(&limited, directory.path(), &[])?;
    let target = Target {
        tcp: daemon.tcp.clone(),
        ingest: daemon.http.clone(),
        query: query_address(directory.path())?,
    };
    let agent = agent::agent(PATIENCE);
    let stored = store(&agent, &target)?;
    daemon.wait_for_lines(stored)?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| requests | clients | post p50 ms | post p99 ms | refused | peak RSS MiB | told |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    let alone = known(SCALE).into_iter().map(|one| (one.name.clone(), vec![one]));
    let at_once = known(SCALE).into_iter().map(|one| (one.name.clone(), vec![one; AT_ONCE]));
    let related = std::iter::once(("their relatives".to_owned(), related(SCALE)));
    let drawn = random(seed, RANDOM, SCALE);
    let drawn = drawn.chunks(AT_ONCE).enumerate();
    let drawn = drawn.map(|(number, some)| (format!("seed {seed}, {number}"), some.to_vec()));
    let nothing = std::iter::once(("none".to_owned(), Vec::new()));
    let mut faults = Vec::new();
    for (name, requests) in nothing.chain(alone).chain(at_once).chain(related).chain(drawn) {
        let log = || std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        let round = attack(&agent, &target, &requests).with_context(|| {
            format!("under {} times {name}; the server: {}", requests.len(), last_lines(&log()))
        })?;
        let peak = peak_memory_of(daemon.id()).context("the server has ended")?;
        let (p50, p99) = (percentile(&round.posts, 50), percentile(&round.posts, 99));
        writeln!(
            out,
            "| {name} | {} | {p50:.1} | {p99:.1} | {} | {peak:.0} | {} |",
            requests.len(),
            round.refused,
            summary(&round.told)
        )?;
        faults.extend(round.faults(&name, p99, &requests));
        settle(&agent, &target)?;
    }
    for fault in &faults {
        writeln!(out, "FAULT {fault}")?;
    }
    anyhow::ensure!(faults.is_empty(), "{} faults", faults.len());
    Ok(())
}

/// Returns the end of a log: what a process that ended said last.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}

/// Writes a program that becomes the server under the limit of data.
fn limited(server: &Path, directory: &Path) -> Result<PathBuf> {
    let path = directory.join("limited");
    let server = server.canonicalize().with_context(|| format!("find {}", server.display()))?;
    let text = format!(
        "#!/bin/sh\nulimit -d {DATA_KIBIBYTES_MAX} && exec '{}' \"$@\"\n",
        server.display()
    );
    std::fs::write(&path, text)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
    Ok(path)
}

/// Stores what the queries are about, and returns how many lines that are.
fn store(agent: &Agent, target: &Target) -> Result<u64> {
    let url = format!("http://{}/api/v1/ingest", target.ingest);
    let mut lines = 0;
    for body in corpus(SCALE) {
        let request = agent.post(&url).header("content-type", "application/x-ndjson");
        let mut answer = request.send(&body)?;
        let text = answer.body_mut().read_to_string()?;
        anyhow::ensure!(answer.status() == 200, "the corpus was refused: {text}");
        lines += memchr::memchr_iter(b'\n', &body).count() as u64;
    }
    Ok(lines)
}

/// Waits until nothing of a round is on its way any more: bodies whose client has left are taken to
/// their end.
fn settle(agent: &Agent, target: &Target) -> Result<()> {
    let url = format!("http://{}/metrics", target.ingest);
    let give_up = Instant::now() + SETTLE_MAX;
    while Instant::now() < give_up {
        let text = agent.get(&url).call()?.body_mut().read_to_string()?;
        let is_idle = ["bodies", "batches"].iter().all(|part| {
            let series = format!("tierlog_memory_used_bytes{{part=\"{part}\"}} 0");
            text.lines().any(|line| line == series)
        });
        if is_idle {
            return Ok(());
        }
        std::thread::sleep(POST_INTERVAL * 10);
    }
    anyhow::bail!("bodies are still on their way after {SETTLE_MAX:?}")
}

/// Sends requests at once and posts ordinary lines until all have their answer or their time is
/// over.
fn attack(agent: &Agent, target: &Target, requests: &[Heavy]) -> Result<Round> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = requests
            .iter()
            .map(|request| {
                let address = match request.port {
                    Port::Ingest => &target.ingest,
                    Port::Query => &target.query,
                };
                let ended = &ended;
                scope.spawn(move || perform(address, request, ended, ROUND))
            })
            .collect();
        let (mut posts, mut refused) = (Vec::new(), 0);
        while posts.len() < POSTS_MIN || !clients.iter().all(|client| client.is_finished()) {
            let started = Instant::now();
            // An answer that does not come in time is none.
            if !matches!(post(agent, target, posts.len() as u64, 20), Ok(200)) {
                refused += 1;
            }
            posts.push(started.elapsed());
            std::thread::sleep(POST_INTERVAL);
        }
        ended.store(true, Ordering::Relaxed);
        let told = clients.into_iter().map(|client| {
            let told = client.join().map_err(|_| anyhow::anyhow!("a client panicked"))?;
            told.context("connect to the server")
        });
        let told = told.collect::<Result<Vec<Told>>>()?;
        posts.sort_unstable();
        Ok(Round { posts, refused, told })
    })
}

impl Round {
    /// Returns what must not be.
    fn faults(&self, name: &str, p99: f64, requests: &[Heavy]) -> Vec<String> {
        let mut faults = Vec::new();
        if p99 > POST_MS_MAX {
            faults.push(format!("{name}: ordinary posts have a p99 of {p99:.0} ms"));
        }
        if self.refused > 0 {
            faults.push(format!("{name}: {} ordinary posts were refused", self.refused));
        }
        for (request, told) in requests.iter().zip(&self.told).filter(|(_, told)| !told.is_fit()) {
            faults.push(format!("{name}: {} was told {told:?}", request.name));
        }
        faults
    }
}

/// Returns the answers that clients had, with the number of clients for each.
fn summary(told: &[Told]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for told in told {
        let text = match told {
            Told::Nothing => "nothing in time".to_owned(),
            Told::Closed => "closed".to_owned(),
            Told::Answer { status, code: Some(code), .. } => format!("{status} {code}"),
            Told::Answer { status, code: None, .. } => status.to_string(),
        };
        *counts.entry(text).or_default() += 1;
    }
    let parts: Vec<String> =
        counts.iter().map(|(text, count)| format!("{count} x {text}")).collect();
    parts.join(", ")
}
