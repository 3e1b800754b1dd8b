//! `cargo bench`: what each stage of a line's way costs, and how long each kind of query takes.
//!
//! The input is what `tierlog generate` writes. Beside every cost stands how many calibrations it
//! is: parsing the same lines to a tree like `serde_json::Value` costs one, so that figures from
//! two machines compare. CPU seconds are those of the process that does the work, user and system
//! together.
//!
//! `TIERLOG_BENCH_LINES=1000000 cargo bench` takes more lines than the usual 200,000; `cargo bench
//! -- redaction` measures redaction alone.

#[path = "../shared/calibration.rs"]
mod calibration;
mod corpus;
#[path = "../shared/daemon.rs"]
#[expect(dead_code, reason = "shared with the other benchmarks, which use more of it")]
mod daemon;
#[path = "../shared/disk.rs"]
mod disk;
#[path = "../shared/measure.rs"]
#[expect(dead_code, reason = "shared with the other benchmarks, which use more of it")]
mod measure;
mod queries;
mod redaction;
mod report;
mod server;
#[path = "../shared/shapes.rs"]
mod shapes;
mod stages;

use std::io::Write as _;

use anyhow::Result;

use corpus::Corpus;
use measure::Cost;
use report::Report;

/// The allocator of the daemon.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Enough for steady figures, few enough for a minute.
const LINES_DEFAULT: u64 = 200_000;

fn main() -> Result<()> {
    let lines = match std::env::var("TIERLOG_BENCH_LINES") {
        Ok(text) => text.parse()?,
        Err(_) => LINES_DEFAULT,
    };
    let corpus = Corpus::generate(lines);
    let calibration = calibration::calibrate(&corpus.text)?;
    let mut report = Report::new(&corpus, calibration);
    say(&report.head())?;
    if std::env::args().any(|argument| argument == "redaction") {
        return say(&redaction::table(&corpus, calibration)?);
    }

    let plain = stages::prepare(&corpus, stages::Redaction::Off)?;
    let redacted = stages::prepare(&corpus, stages::Redaction::On)?;
    report.add("decode and normalise", plain.cost);
    report.add("redact and pseudonymise", beyond(redacted.cost, plain.cost));
    report.add("index: WAL, fsync, commit", stages::index(redacted.batches)?);
    for protocol in server::Protocol::ALL {
        let run = server::run(&corpus, protocol)?;
        report.add(protocol.label(), run.cost);
        report.note(run.note());
        if let Some(sealed) = run.sealed {
            report.note(sealed);
            say(&report.costs())?;
            say(&queries::table(&run.latencies))?;
        }
    }
    Ok(())
}

/// Returns the cost of a stage beyond the cost of its part.
fn beyond(whole: Cost, part: Cost) -> Cost {
    Cost { cpu: (whole.cpu - part.cpu).max(0.0), wall: (whole.wall - part.wall).max(0.0) }
}

fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}
