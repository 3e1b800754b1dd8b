//! What it costs to take lines in: CPU, time, memory and writes of the daemon, and how soon acks
//! come.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::corpus::Corpus;
use crate::daemon::Daemon;
use crate::measure::{cpu_of, peak_memory_of};
use crate::pace;
use crate::results::{Better, Results};
use crate::shapes::percentile_ms;
use crate::yardstick::Yardstick;

/// The table of costs.
pub(crate) const COSTS: &str = "ingest (in calibrations)";

/// The column of the figure that targets are written in.
pub(crate) const CPU: &str = "CPU s";

/// The table of latencies.
const ACKS: &str = "acks of 100 lines over TCP (in syncs)";

/// How long lines are sent at a fixed rate, if there are enough.
const PACED_SECONDS: f64 = 10.0;

/// How lines are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `POST /api/v1/ingest`, several requests at a time.
    Http,
    /// Lines over TCP, acked.
    Tcp,
}

impl Protocol {
    /// Returns the name of the row.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Protocol::Http => "HTTP",
            Protocol::Tcp => "TCP",
        }
    }
}

/// What one run of a fresh daemon showed, until every line was searchable.
struct Run {
    cpu: f64,
    wall: f64,
    searchable_ms: f64,
    peak_memory_mib: f64,
    written_bytes: f64,
}

/// Sends the lines of a corpus, a program a file, and waits for the last ack.
pub(crate) fn send(
    binary: &Path,
    daemon: &Daemon,
    corpus: &Corpus,
    protocol: Protocol,
) -> Result<()> {
    let address = match protocol {
        Protocol::Http => format!("http://{}", daemon.http),
        Protocol::Tcp => format!("tcp://{}", daemon.tcp),
    };
    let senders = corpus.files.iter().map(|file| {
        let mut command = Command::new(binary);
        command.arg("send").arg(file).args(["--to", &address]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().context("start a sender")
    });
    let senders: Vec<_> = senders.collect::<Result<_>>()?;
    for mut sender in senders {
        let status = sender.wait()?;
        anyhow::ensure!(status.success(), "a sender over {protocol:?} ended with {status}");
    }
    Ok(())
}

/// How often and how fast lines are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Runs of each protocol; the median counts.
    pub(crate) repetitions: u32,
    /// What counts as full speed for acks, lines a second; else what the senders reached.
    pub(crate) pace: Option<f64>,
}

/// Measures how the corpus is taken in, and adds it to the results.
pub(crate) fn ingest(
    results: &mut Results,
    binary: &Path,
    corpus: &Corpus,
    yardstick: Yardstick,
    effort: Effort,
) -> Result<()> {
    let megabytes = corpus.bytes as f64 / 1e6;
    let mut lines_per_second = 0.0;
    for protocol in [Protocol::Http, Protocol::Tcp] {
        let runs: Vec<Run> = (0..effort.repetitions)
            .map(|_| run(binary, corpus, protocol))
            .collect::<Result<_>>()?;
        let middle = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
        let (cpu, wall) = (middle(|run| run.cpu), middle(|run| run.wall));
        let row = protocol.label();
        let mut sheet = results.sheet(COSTS);
        sheet.add_beside(row, CPU, cpu, yardstick.parse_s_per_mb * megabytes);
        sheet.add(row, "MB/CPU-s", Better::More, megabytes / cpu);
        sheet.add(row, "wall MB/s", Better::More, megabytes / wall);
        let searchable_ms = middle(|run| run.searchable_ms);
        sheet.add(row, "last ack to searchable ms", Better::Less, searchable_ms);
        sheet.add(row, "peak RSS MiB", Better::Less, middle(|run| run.peak_memory_mib));
        let written = middle(|run| run.written_bytes) / corpus.bytes as f64;
        sheet.add(row, "written per byte in", Better::Less, written);
        lines_per_second = corpus.lines as f64 / wall;
    }
    let full = effort.pace.unwrap_or(lines_per_second);
    for (row, share) in [("half speed", 0.5), ("full speed", 1.0)] {
        acks(results, binary, corpus, yardstick, (row, full * share))?;
    }
    Ok(())
}

fn run(binary: &Path, corpus: &Corpus, protocol: Protocol) -> Result<Run> {
    let directory = TempDir::new().context("make a directory")?;
    let daemon = Daemon::start(binary, directory.path(), &[])?;
    let (cpu_before, written_before) = (cpu_of(daemon.id())?, written_by(daemon.id())?);
    let started = Instant::now();
    send(binary, &daemon, corpus, protocol)?;
    let acked = Instant::now();
    daemon.wait_for_lines(corpus.lines)?;
    Ok(Run {
        cpu: cpu_of(daemon.id())? - cpu_before,
        wall: started.elapsed().as_secs_f64(),
        searchable_ms: acked.elapsed().as_secs_f64() * 1e3,
        peak_memory_mib: peak_memory_of(daemon.id())?,
        written_bytes: written_by(daemon.id())? - written_before,
    })
}

fn acks(
    results: &mut Results,
    binary: &Path,
    corpus: &Corpus,
    yardstick: Yardstick,
    (row, rate): (&str, f64),
) -> Result<()> {
    let bytes_per_line = corpus.bytes as f64 / corpus.lines as f64;
    let text = corpus.head((rate * PACED_SECONDS * bytes_per_line) as u64)?;
    let directory = TempDir::new().context("make a directory")?;
    let daemon = Daemon::start(binary, directory.path(), &[])?;
    let paced = pace::run(&daemon, &text, rate)?;
    let mut sheet = results.sheet(ACKS);
    sheet.add(row, "lines/s asked", Better::Given, rate);
    sheet.add(row, "lines/s acked", Better::More, paced.lines_per_second);
    for (name, percent) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let ms = percentile_ms(&paced.acks, percent).context("no ack came")?;
        sheet.add_beside(row, &format!("ack {name} ms"), ms, yardstick.sync_ms);
    }
    for (name, percent) in [("p50", 50), ("p99", 99)] {
        let ms = percentile_ms(&paced.searchable, percent).context("no probe was found")?;
        sheet.add(row, &format!("ack to searchable {name} ms"), Better::Less, ms);
    }
    Ok(())
}

/// Returns the bytes that a process caused to be sent to the disk.
fn written_by(process: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/io")).context("read its writes")?;
    let bytes =
        text.lines().find_map(|line| line.strip_prefix("write_bytes:")?.trim().parse().ok());
    bytes.context("read its writes")
}

/// Returns the middle value; of an even number, the higher of both.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
