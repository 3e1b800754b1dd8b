//! The benchmark of the whole: the real daemon as a process of its own, `tierlog send` as its
//! clients, every figure beside a yardstick taken in the same run.
//!
//! ```sh
//! cargo build --release && cargo run --release --features bench --bin bench -- all
//! ```
//!
//! docs/performance.md says what is measured and how. Everything lives in the system's directory
//! for temporary files (`TMPDIR` names another disk) and is removed at the end.

#[path = "../shared/agent.rs"]
mod agent;
mod backfill;
mod bodies;
#[path = "../shared/calibration.rs"]
mod calibration;
mod compare;
mod corpus;
#[path = "../shared/daemon.rs"]
mod daemon;
#[path = "../shared/disk.rs"]
mod disk;
mod ingest;
#[path = "../shared/measure.rs"]
mod measure;
mod memory;
mod pace;
mod plot;
mod queries;
mod results;
#[path = "../shared/shapes.rs"]
mod shapes;
mod size;
mod tenants;
mod yardstick;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser as _;
use tempfile::TempDir;

use corpus::Corpus;
use results::Results;
use yardstick::Yardstick;

/// The allocator of the daemon.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The project that this was built from.
const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

/// Where results are kept, from the project's root.
const RESULTS: &str = "benches/results";

/// Where plots are drawn, from the project's root.
const PLOTS: &str = "docs/plots";

/// Days over which queries are asked.
const DAYS: [u32; 3] = [1, 30, 365];

/// Measures Tierlog as a whole
#[derive(Debug, clap::Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Ingest, size and queries; the others apart, as each takes its time
    All(RunArgs),
    /// CPU, memory, writes and acks of taking lines in
    Ingest(RunArgs),
    /// Peak memory by corpus and way of sending: free text, large bodies, ten days
    Memory(RunArgs),
    /// Lines of old days until they are searchable, beside live lines
    Backfill(RunArgs),
    /// A year of 50 tenants beside the same lines of one: start, memory, searchable
    Tenants(RunArgs),
    /// Bytes on disk by component, hot and sealed
    Size(RunArgs),
    /// Latencies over 1, 30 and 365 days, warm and cold
    Queries(RunArgs),
    /// Says what moved between two saved results
    Compare {
        /// The earlier result
        before: PathBuf,
        /// The later result; the last run by default
        after: Option<PathBuf>,
    },
    /// Prints a saved result; the last run by default
    Show {
        /// The result
        file: Option<PathBuf>,
    },
    /// Draws the plots of the documents; from the last run by default
    Plot {
        /// The result
        file: Option<PathBuf>,
    },
}

/// How to measure.
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Lines of the corpus: 10000000 shows whether cost grows in a straight line
    #[arg(long, default_value_t = 1_000_000)]
    lines: u64,
    /// Lines of the corpora of 30 and 365 days
    #[arg(long, default_value_t = 250_000)]
    spread_lines: u64,
    /// Lines of the corpus of ten days that peak memory is measured with
    #[arg(long, default_value_t = 10_000_000)]
    days_lines: u64,
    /// The same seed gives the same lines
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Programs that send at once
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    senders: u32,
    /// Runs of ingest for each protocol; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    repetitions: u32,
    /// What counts as full speed for acks, lines a second; by default what the senders reached
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u32).range(100..))]
    pace: Option<u32>,
    /// Restarts for each cold query
    #[arg(long, default_value_t = 3)]
    restarts: u8,
    /// The program to measure; by default the program beside the benchmark
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// The result is kept as benches/results/NAME.json
    #[arg(long, default_value = "last")]
    name: String,
    /// Compares with an earlier result at the end
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

impl RunArgs {
    fn effort(&self) -> ingest::Effort {
        ingest::Effort { repetitions: self.repetitions, pace: self.pace.map(f64::from) }
    }

    fn memory(&self) -> memory::Lines {
        let (hour, days) = (self.lines, self.days_lines);
        memory::Lines { hour, days, seed: self.seed, senders: self.senders }
    }
}

/// Which parts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Ingest,
    Memory,
    Backfill,
    Tenants,
    Size,
    Queries,
}

fn main() -> Result<()> {
    match Arguments::parse().verb {
        Verb::All(args) => run(&args, &[Part::Ingest, Part::Size, Part::Queries]),
        Verb::Ingest(args) => run(&args, &[Part::Ingest]),
        Verb::Memory(args) => run(&args, &[Part::Memory]),
        Verb::Backfill(args) => run(&args, &[Part::Backfill]),
        Verb::Tenants(args) => run(&args, &[Part::Tenants]),
        Verb::Size(args) => run(&args, &[Part::Size]),
        Verb::Queries(args) => run(&args, &[Part::Queries]),
        Verb::Compare { before, after } => {
            let (before, after) = (Results::load(&before)?, Results::load(&saved(after))?);
            say(&compare::compare(&before, &after))
        }
        Verb::Show { file } => show(&Results::load(&saved(file))?),
        Verb::Plot { file } => {
            plot::draw(&Results::load(&saved(file))?, &Path::new(PROJECT).join(PLOTS))
        }
    }
}

/// Returns the file of a result, or that of the last run.
fn saved(file: Option<PathBuf>) -> PathBuf {
    file.unwrap_or_else(|| kept("last"))
}

fn kept(name: &str) -> PathBuf {
    Path::new(PROJECT).join(RESULTS).join(format!("{name}.json"))
}

fn run(args: &RunArgs, parts: &[Part]) -> Result<()> {
    let binary = server(args)?;
    let directory = TempDir::new().context("make a directory")?;
    let mut results = Results::new(args.lines, args.seed);
    progress("generate and calibrate")?;
    let senders = args.senders;
    let corpus = Corpus::generate(directory.path(), (args.lines, args.seed), 1, senders)?;
    results.bytes = corpus.bytes;
    let yardstick = Yardstick::take(&mut results, &corpus, directory.path())?;
    for part in parts {
        match part {
            Part::Ingest => {
                progress("ingest")?;
                ingest::ingest(&mut results, &binary, &corpus, yardstick, args.effort())?;
            }
            Part::Memory => {
                progress("memory")?;
                memory::memory(&mut results, &binary, args.memory())?;
            }
            Part::Backfill => {
                progress("backfill")?;
                let seeded = (args.lines, args.seed);
                backfill::backfill(&mut results, &binary, seeded, args.senders)?;
            }
            Part::Tenants => {
                progress("tenants")?;
                tenants::tenants(&mut results, &binary, args.seed)?;
            }
            Part::Size => {
                progress("size")?;
                size::size(&mut results, &binary, &corpus, yardstick)?;
            }
            Part::Queries => {
                let restarts = usize::from(args.restarts.max(1));
                progress("queries on 1 day")?;
                queries::queries(&mut results, &binary, &corpus, yardstick, restarts)?;
                for days in DAYS.into_iter().filter(|days| *days > 1) {
                    progress(&format!("queries on {days} days"))?;
                    // A single sender keeps the days in order, as in production.
                    let spread = (args.spread_lines, args.seed);
                    let corpus = Corpus::generate(directory.path(), spread, days, 1)?;
                    queries::queries(&mut results, &binary, &corpus, yardstick, restarts)?;
                }
            }
        }
        // A run that breaks off later has not been for nothing.
        results.save(&kept(&args.name))?;
    }
    show(&results)?;
    match &args.against {
        Some(before) => say(&compare::compare(&Results::load(before)?, &results)),
        None => Ok(()),
    }
}

/// Returns the program that is measured.
fn server(args: &RunArgs) -> Result<PathBuf> {
    if let Some(server) = &args.server {
        return Ok(server.clone());
    }
    let own = std::env::current_exe().context("find this program")?;
    let beside = own.with_file_name("tierlog");
    anyhow::ensure!(
        beside.exists(),
        "there is no {}: run `cargo build --release` first",
        beside.display()
    );
    Ok(beside)
}

fn show(results: &Results) -> Result<()> {
    say(&format!(
        "{}: {} cores of {}, Linux {}, load before {}; now {}\n",
        results.taken,
        results.machine.cores,
        results.machine.processor,
        results.machine.kernel,
        results.load_before,
        results::load()
    ))?;
    for table in results.tables() {
        say(&results.render(table))?;
    }
    Ok(())
}

fn progress(step: &str) -> Result<()> {
    let mut stderr = std::io::stderr().lock();
    Ok(writeln!(stderr, "bench: {step}")?)
}

fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}
