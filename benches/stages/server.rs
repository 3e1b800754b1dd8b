//! The whole way: the real daemon as a process of its own, and `tierlog send` as its client.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tierlog::client::{Client, Endpoint};

use crate::corpus::Corpus;
use crate::measure::{Cost, cpu_of, peak_memory_of};
use crate::queries::{Latencies, latencies};

/// Between two looks at something that takes a while.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

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
    let server = Server::start(protocol)?;
    let cpu_before = cpu_of(server.process.id())?;
    let started = Instant::now();
    server.send(corpus, protocol)?;
    let acked = Instant::now();
    server.wait_until("every line is searchable", || Ok(server.count()? == corpus.lines))?;
    let cost = Cost {
        cpu: cpu_of(server.process.id())? - cpu_before,
        wall: started.elapsed().as_secs_f64(),
    };
    let mut run = Run {
        protocol,
        cost,
        searchable_after: acked.elapsed(),
        peak_memory_mib: peak_memory_of(server.process.id())?,
        sealed: None,
        latencies: Vec::new(),
    };
    if Some(&protocol) == Protocol::ALL.last() {
        run.latencies.push(latencies("hot", &server.query, corpus)?);
        run.sealed = Some(server.seal(corpus)?);
        run.latencies.push(latencies("sealed", &server.query, corpus)?);
    }
    Ok(run)
}

/// A daemon on a directory of its own; ends when dropped.
struct Server {
    process: Child,
    directory: TempDir,
    ingest: String,
    query: Client,
}

impl Server {
    fn start(protocol: Protocol) -> Result<Server> {
        let directory = tempfile::tempdir().context("make a directory")?;
        let addresses = directory.path().join("addresses.json");
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_tierlog"));
        command.arg("serve").arg("--data").arg(directory.path().join("data"));
        command.arg("--addresses-file").arg(&addresses);
        for listener in ["ingest.tcp", "ingest.http", "query"] {
            command.arg("--set").arg(format!("{listener}.listen=127.0.0.1:0"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().context("start the daemon")?;
        let query = Client::new("http://127.0.0.1:1", None)?;
        let mut server = Server { process, directory, ingest: String::new(), query };
        server.wait_until("the daemon is ready", || Ok(read_addresses(&addresses).is_some()))?;
        let bound = read_addresses(&addresses).context("read the addresses")?;
        let address = |name: &str| bound.get(name).and_then(Value::as_str).unwrap_or_default();
        server.ingest = match protocol {
            Protocol::Http => format!("http://{}", address("ingest")),
            Protocol::Tcp => format!("tcp://{}", address("tcp")),
        };
        server.query = Client::new(&format!("http://{}", address("query")), None)?;
        Ok(server)
    }

    fn send(&self, corpus: &Corpus, protocol: Protocol) -> Result<()> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tierlog"));
        command.args(["send", "-", "--to", &self.ingest]).stdin(Stdio::piped());
        let mut sender = command.stdout(Stdio::null()).spawn().context("start a sender")?;
        sender.stdin.take().context("feed the sender")?.write_all(&corpus.text)?;
        let status = sender.wait()?;
        anyhow::ensure!(status.success(), "the sender over {protocol:?} ended with {status}");
        Ok(())
    }

    fn count(&self) -> Result<u64> {
        let body = json!({"aggs": {"all": {"filter": {"match_all": {}}}}});
        let answer = self.query.post(&Endpoint::new("/api/v1/aggregate"), &body)?;
        let count = answer.pointer("/aggregations/all/doc_count").and_then(Value::as_u64);
        count.context("read a count")
    }

    fn wait_until(&self, what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        while !holds()? {
            anyhow::ensure!(Instant::now() < give_up, "waited in vain until {what}");
            std::thread::park_timeout(LOOK_INTERVAL);
        }
        Ok(())
    }

    /// Seals every partition and says what became of the sizes.
    fn seal(&self, corpus: &Corpus) -> Result<String> {
        let partitions = self.directory.path().join("data/partitions");
        let hot_bytes = bytes_under(&partitions)?;
        let cpu_before = cpu_of(self.process.id())?;
        let status = Command::new(env!("CARGO_BIN_EXE_tierlog"))
            .args(["compact", "--all", "--server", self.query.base()])
            .stdout(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "sealing ended with {status}");
        let cpu = cpu_of(self.process.id())? - cpu_before;
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
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of it is needed any more, and nobody is left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read_addresses(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn bytes_under(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut waiting: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_dir() {
                waiting.push(entry.path());
            } else {
                bytes += data.len();
            }
        }
    }
    Ok(bytes)
}
