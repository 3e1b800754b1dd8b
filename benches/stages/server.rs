//! The whole way: the real daemon as a process of its own, and `tierlog send` as its client.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::corpus::Corpus;
use crate::daemon::Daemon;
use crate::disk::files_under;
use crate::measure::{Cost, cpu_of, peak_memory_of};
use crate::queries::{Latencies, latencies};

/// The program that is measured.
const BINARY: &str = env!("CARGO_BIN_EXE_tierlog");

/// The level that the size on disk is compared with.
const COMPARED_ZSTD_LEVEL: i32 = 9;

/// How lines are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Tcp,
}

impl Protocol {
    /// Both, in the order of the report; queries are asked after the last.
    pub(crate) const ALL: [Protocol; 2] = [Protocol::Http, Protocol::Tcp];

    /// Returns the name of the row.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Protocol::Http => "whole way, HTTP with zstd",
            Protocol::Tcp => "whole way, TCP with acks",
        }
    }
}

/// What a run of the daemon showed.
pub(crate) struct Run {
    protocol: Protocol,
    /// CPU of the daemon until every line was searchable.
    pub(crate) cost: Cost,
    searchable_after: Duration,
    peak_memory_mib: f64,
    /// What sealing did; only after the last run.
    pub(crate) sealed: Option<String>,
    /// Hot and sealed; only after the last run.
    pub(crate) latencies: Vec<Latencies>,
}

impl Run {
    /// Returns what the table of costs does not hold.
    pub(crate) fn note(&self) -> String {
        format!(
            "{}: {:.0} MiB resident at most, searchable {} ms after the last ack",
            self.protocol.label(),
            self.peak_memory_mib,
            self.searchable_after.as_millis()
        )
    }
}

/// Sends every line to a fresh daemon.
pub(crate) fn run(corpus: &Corpus, protocol: Protocol) -> Result<Run> {
    let directory = tempfile::tempdir().context("make a directory")?;
    let daemon = Daemon::start(Path::new(BINARY), directory.path(), &[])?;
    let cpu_before = cpu_of(daemon.id())?;
    let started = Instant::now();
    send(&daemon, corpus, protocol)?;
    let acked = Instant::now();
    daemon.wait_for_lines(corpus.lines)?;
    let cost =
        Cost { cpu: cpu_of(daemon.id())? - cpu_before, wall: started.elapsed().as_secs_f64() };
    let mut run = Run {
        protocol,
        cost,
        searchable_after: acked.elapsed(),
        peak_memory_mib: peak_memory_of(daemon.id())?,
        sealed: None,
        latencies: Vec::new(),
    };
    if Some(&protocol) == Protocol::ALL.last() {
        run.latencies.push(latencies("hot", &daemon.query, corpus)?);
        run.sealed = Some(seal(&daemon, corpus)?);
        run.latencies.push(latencies("sealed", &daemon.query, corpus)?);
    }
    Ok(run)
}

fn send(daemon: &Daemon, corpus: &Corpus, protocol: Protocol) -> Result<()> {
    let address = match protocol {
        Protocol::Http => format!("http://{}", daemon.http),
        Protocol::Tcp => format!("tcp://{}", daemon.tcp),
    };
    let mut command = Command::new(BINARY);
    command.args(["send", "-", "--to", &address]).stdin(Stdio::piped());
    let mut sender = command.stdout(Stdio::null()).spawn().context("start a sender")?;
    sender.stdin.take().context("feed the sender")?.write_all(&corpus.text)?;
    let status = sender.wait()?;
    anyhow::ensure!(status.success(), "the sender over {protocol:?} ended with {status}");
    Ok(())
}

/// Seals every partition and says what became of the sizes.
fn seal(daemon: &Daemon, corpus: &Corpus) -> Result<String> {
    let partitions = daemon.data.join("partitions");
    let hot_bytes = bytes_under(&partitions)?;
    let cpu = daemon.seal()?;
    let sealed_bytes = bytes_under(&partitions)?;
    let compared_bytes = zstd::bulk::compress(&corpus.text, COMPARED_ZSTD_LEVEL)?.len() as u64;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    Ok(format!(
        "on disk: {:.1} MB hot, {:.1} MB sealed (in {cpu:.2} CPU-s), the lines by zstd -{} {:.1} MB: {:.2} of it",
        megabytes(hot_bytes),
        megabytes(sealed_bytes),
        COMPARED_ZSTD_LEVEL,
        megabytes(compared_bytes),
        sealed_bytes as f64 / compared_bytes as f64,
    ))
}

fn bytes_under(directory: &Path) -> Result<u64> {
    Ok(files_under(directory)?.iter().map(|(_, bytes)| bytes).sum())
}
