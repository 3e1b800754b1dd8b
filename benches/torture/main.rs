//! The torture command: faults are done to a real server, and an oracle that knows every line
//! ever sent says whether it kept its word (docs/guarantees.md).
//!
//! ```sh
//! cargo build --release && cargo run --release --features bench --bin torture -- all
//! ```
//!
//! Every violation is printed with the seed that repeats it: `torture kill-tcp --seed N --runs 1`.
//! Everything lives in the system's directory for temporary files (`TMPDIR` names another disk)
//! and is removed at the end. Exit code 1 says that something was violated.

mod power;
mod report;
#[path = "suite/mod.rs"]
mod suite;

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser as _;

use report::{Report, Row};
use suite::faults::{self, Fault};
use suite::namespace;
use suite::proofs::PROOFS;
use suite::tmpfs::Tmpfs;
use suite::{Effort, Keep, Rig};

/// What the simulated disk's store has put aside, and why, is told by its start alone.
const LOGGED: &str = "tierlog_store::recovery=error,tierlog_store::tombstone=error";

/// Bytes of a disk that is only mounted to see whether it can be.
const PROBE_BYTES: u64 = 1 << 20;

/// The project that this was built from.
const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the last report is kept, from the project's root.
const RESULT: &str = "benches/results/torture.json";

/// Does faults to a server and says whether it kept its word
#[derive(Debug, clap::Parser)]
#[command(name = "torture")]
struct Arguments {
    /// all, list, prove, or names of faults
    #[arg(required = true, value_name = "FAULT")]
    faults: Vec<String>,
    /// Program under torture; the one beside this by default
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs of each fault, instead of its own number
    #[arg(long)]
    runs: Option<u64>,
    /// Longest time for each fault
    #[arg(long)]
    seconds: Option<u64>,
    /// A thousand kills, every change, every byte
    #[arg(long)]
    long: bool,
    /// A look that takes a minute or two, as the tests do
    #[arg(long, conflicts_with = "long")]
    short: bool,
    /// Leave the directories of violations where they are
    #[arg(long)]
    keep: bool,
    /// File of the report
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter(LOGGED).with_writer(std::io::stderr).init();
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ = say(&format!("torture: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.faults.iter().any(|name| name == "list") {
        for Fault { name, about, usual, long, .. } in faults() {
            let long = if *long == u64::MAX { "each".to_owned() } else { long.to_string() };
            say(&format!("{name:<16} {usual:>5} runs, long {long:>5}   {about}"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if Tmpfs::mount(PROBE_BYTES, None).is_err()
        && let Some(mut inside) = namespace::again("torture")
    {
        return Err(inside.args(std::env::args_os().skip(1)).exec()).context("begin again inside");
    }
    let mut rig = Rig::new(server(arguments.server.as_deref())?);
    if arguments.keep {
        rig.keep = Keep::Broken;
    }
    if arguments.faults.iter().any(|name| name == "prove") {
        return prove(&rig);
    }
    let faults = chosen(&arguments.faults)?;
    let mut report = Report::begin(arguments.seed);
    for fault in faults {
        let began = Instant::now();
        progress(&format!("{}: {}", fault.name, fault.about))?;
        let tally = (fault.run)(&rig, effort(arguments, fault));
        let row = Row::new(fault, tally, began.elapsed());
        for line in row.told() {
            progress(&format!("  {line}"))?;
        }
        report.add(row);
        // A run that breaks off later has not been for nothing.
        report.save(arguments.json.as_deref().unwrap_or(&Path::new(PROJECT).join(RESULT)))?;
    }
    say(&report.table())?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Breaks each promise on purpose; fails unless every check says so.
fn prove(rig: &Rig) -> Result<ExitCode> {
    let mut all_seen = true;
    for proof in PROOFS {
        let said = proof.said(rig)?;
        let is_seen = said.contains(&proof.expected);
        all_seen &= is_seen;
        let verdict = if is_seen { "seen" } else { "NOT SEEN" };
        say(&format!("{verdict}: {} ({})", proof.name, proof.expected))?;
    }
    Ok(if all_seen { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Those of a real server, and those of the simulated disk.
fn faults() -> impl Iterator<Item = &'static Fault> {
    faults::FAULTS.iter().chain(power::FAULTS)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Fault>> {
    if names.iter().any(|name| name == "all") {
        return Ok(faults().collect());
    }
    let find = |name: &String| {
        let fault = faults().find(|fault| fault.name == name);
        fault.with_context(|| format!("no fault is called {name:?}; `torture list` names them"))
    };
    names.iter().map(find).collect()
}

fn effort(arguments: &Arguments, fault: &Fault) -> Effort {
    let own = match (arguments.short, arguments.long) {
        (true, _) => fault.short,
        (_, true) => fault.long,
        _ => fault.usual,
    };
    let until = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    Effort { seed: arguments.seed, runs: arguments.runs.unwrap_or(own), until }
}

/// Returns the program that is tortured.
fn server(named: Option<&Path>) -> Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let server = named.map_or_else(|| own.with_file_name("tierlog"), Path::to_owned);
    server.canonicalize().with_context(|| format!("no server {}", server.display()))
}

fn progress(step: &str) -> Result<()> {
    let mut stderr = std::io::stderr().lock();
    Ok(writeln!(stderr, "torture: {step}")?)
}

fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
