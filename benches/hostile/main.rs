//! What ordinary clients notice of hostile ones: the latency of small posts and searches, alone
//! and under each attack, as ratios of one run on one machine; beside them the same of a bare
//! server that is not attacked.
//!
//! `cargo run --release --features bench --bin hostile [SERVER] [ROUNDS]`
//!
//! With `memory` in front, the server may have 768 MiB of data, and the hostile clients send what
//! is small on the wire and large in the server ([`memory`]).

mod attacks;
mod control;
mod memory;

#[path = "../shared/agent.rs"]
mod agent;
#[path = "../shared/daemon.rs"]
#[expect(dead_code, reason = "shared with the other benchmarks, which use more of it")]
mod daemon;
#[path = "../shared/heavy.rs"]
mod heavy;
#[path = "../shared/measure.rs"]
#[expect(dead_code, reason = "shared with the other benchmarks, which use more of it")]
mod measure;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ureq::Agent;

use self::attacks::{ATTACKS, Target};
use self::control::Control;
use self::daemon::Daemon;

/// Posts and searches of one measurement, some seconds in all; the first tenth warms up and is
/// not counted. A 99th percentile of fewer would be that of two or three.
const ROUNDS: usize = 1_000;

/// Lines of the store before the first measurement.
const STORED_LINES: u64 = 50_000;

/// Lines of an ordinary post.
const POST_LINES: u64 = 50;

/// Longest wait of an ordinary client: what is beyond counts as this.
const PATIENCE: Duration = Duration::from_secs(20);

/// Latencies of the ordinary clients, sorted.
#[derive(Debug, Default)]
struct Ordinary {
    posts: Vec<Duration>,
    searches: Vec<Duration>,
    /// Posts and searches of clients that connect anew each time.
    fresh: Vec<Duration>,
    /// Messages to the bare server.
    control: Vec<Duration>,
    refused: u64,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let is_memory = arguments.next_if_eq("memory").is_some();
    let server =
        arguments.next().map_or_else(|| PathBuf::from("target/release/tierlog"), PathBuf::from);
    if is_memory {
        let seed =
            arguments.next().map_or(Ok(memory::SEED), |text| text.parse()).context("SEED")?;
        return memory::run(&server, seed);
    }
    let rounds = arguments.next().map_or(Ok(ROUNDS), |text| text.parse()).context("ROUNDS")?;
    let directory = tempfile::tempdir()?;
    let daemon = Daemon::start(&server, directory.path(), &[])?;
    let target = Target {
        tcp: daemon.tcp.clone(),
        ingest: daemon.http.clone(),
        query: query_address(directory.path())?,
    };
    let agent = agent::agent(PATIENCE);
    for first in (0..STORED_LINES).step_by(5_000) {
        post(&agent, &target, first, 5_000)?;
    }
    daemon.wait_for_lines(STORED_LINES)?;
    let mut control = Control::start(directory.path())?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| attack | connections | control p99 | post p50 | post p99 | search p99 | fresh p50 | fresh p99 | refused | resident |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    let mut baseline = None;
    for attack in ATTACKS {
        let under_way = (attack.start)(&target)?;
        let measured = measure(&agent, &target, &mut control, rounds)?;
        let base = baseline.get_or_insert_with(|| measured.figures());
        let row = measured.row(base);
        let resident = resident_mebibytes(daemon.id());
        writeln!(
            out,
            "| {} | {} | {row} | {resident} MiB |",
            attack.name,
            under_way.connections()
        )?;
        under_way.end();
        // What an attack leaves behind is not the next one's.
        std::thread::sleep(Duration::from_secs(3));
    }
    control.end();
    Ok(())
}

fn query_address(directory: &Path) -> Result<String> {
    let addresses: serde_json::Value =
        serde_json::from_slice(&std::fs::read(directory.join("addresses.json"))?)?;
    let query = addresses.get("query").and_then(serde_json::Value::as_str);
    Ok(query.context("the address of queries")?.to_owned())
}

fn post(agent: &Agent, target: &Target, first: u64, count: u64) -> Result<u16> {
    let lines: String = (first..first + count)
        .map(|number| {
            format!(
                "{{\"level\":\"info\",\"message\":\"request {number} of /api/courses\",\
                 \"request_id\":\"r-{}\",\"status_code\":{}}}\n",
                number / 4,
                200 + number % 7
            )
        })
        .collect();
    let url = format!("http://{}/api/v1/ingest", target.ingest);
    let request = agent.post(&url).header("content-type", "application/x-ndjson");
    let mut answer = request.send(lines.as_bytes())?;
    answer.body_mut().read_to_vec()?;
    Ok(answer.status().as_u16())
}

fn search(agent: &Agent, target: &Target, number: u64) -> Result<u16> {
    let url = format!("http://{}/api/v1/search?q=request_id:r-{number}&limit=20", target.query);
    let mut answer = agent.get(&url).call()?;
    answer.body_mut().read_to_vec()?;
    Ok(answer.status().as_u16())
}

fn measure(
    kept: &Agent,
    target: &Target,
    control: &mut Control,
    rounds: usize,
) -> Result<Ordinary> {
    let mut ordinary = Ordinary::default();
    for round in 0..rounds + rounds / 10 {
        let number = round as u64;
        let mut timed = |work: &dyn Fn() -> Result<u16>| {
            let started = Instant::now();
            if !matches!(work(), Ok(200)) {
                ordinary.refused += 1;
                return PATIENCE.min(started.elapsed().max(Duration::from_secs(1)));
            }
            started.elapsed()
        };
        let posted = timed(&|| post(kept, target, STORED_LINES + number * POST_LINES, POST_LINES));
        let searched = timed(&|| search(kept, target, number));
        let fresh = timed(&|| search(&agent::agent(PATIENCE), target, number));
        let asked = Instant::now();
        control.ask()?;
        let controlled = asked.elapsed();
        if round >= rounds / 10 {
            ordinary.control.push(controlled);
            ordinary.posts.push(posted);
            ordinary.searches.push(searched);
            ordinary.fresh.push(fresh);
        }
    }
    let Ordinary { posts, searches, fresh, control, .. } = &mut ordinary;
    for list in [posts, searches, fresh, control] {
        list.sort_unstable();
    }
    Ok(ordinary)
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
}

impl Ordinary {
    fn figures(&self) -> [f64; 6] {
        [
            percentile(&self.control, 99),
            percentile(&self.posts, 50),
            percentile(&self.posts, 99),
            percentile(&self.searches, 99),
            percentile(&self.fresh, 50),
            percentile(&self.fresh, 99),
        ]
    }

    /// Returns the columns of the table: milliseconds, and how many times the baseline.
    fn row(&self, baseline: &[f64; 6]) -> String {
        let cell = |(now, base): (f64, &f64)| format!("{now:.1} ms, {:.1}x", now / base);
        let cells: Vec<String> = self.figures().into_iter().zip(baseline).map(cell).collect();
        format!("{} | {}", cells.join(" | "), self.refused)
    }
}

fn resident_mebibytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1024
}
