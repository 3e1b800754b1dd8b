//! The real daemon as a process of its own, on free ports; ends when dropped.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tierlog::client::{Client, Endpoint};

use crate::measure::cpu_of;

/// Interval between two polls of a slow event.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// A daemon that is ready.
pub(crate) struct Daemon {
    /// Answers queries.
    pub(crate) query: Client,
    /// Address for lines over TCP.
    pub(crate) tcp: String,
    /// Address for lines over HTTP.
    pub(crate) http: String,
    /// Its data directory.
    pub(crate) data: PathBuf,
    addresses: Value,
    binary: PathBuf,
    process: Child,
}

impl Daemon {
    /// Starts a daemon on `data` in a directory, which may hold what an earlier one left, and
    /// waits until it is ready. Settings are those of `--set`.
    pub(crate) fn start(binary: &Path, directory: &Path, settings: &[String]) -> Result<Daemon> {
        let addresses = directory.join("addresses.json");
        // That of an earlier daemon would be taken for ours.
        let _ = std::fs::remove_file(&addresses);
        let data = directory.join("data");
        let log = std::fs::File::create(directory.join("log"))?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data").arg(&data).arg("--addresses-file").arg(&addresses);
        let listeners = ["ingest.tcp", "ingest.http", "query"];
        for setting in listeners.map(|name| format!("{name}.listen=127.0.0.1:0")) {
            command.args(["--set", &setting]);
        }
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().context("start the daemon")?;
        let mut daemon = Daemon {
            query: Client::new("http://127.0.0.1:1", None)?,
            tcp: String::new(),
            http: String::new(),
            data,
            addresses: Value::Null,
            binary: binary.to_owned(),
            process,
        };
        wait_until("the daemon is ready", || {
            anyhow::ensure!(daemon.process.try_wait()?.is_none(), "the daemon ended by itself");
            Ok(read_addresses(&addresses).is_some())
        })?;
        daemon.addresses = read_addresses(&addresses).context("read the addresses")?;
        daemon.tcp = daemon.address("tcp")?.to_owned();
        daemon.http = daemon.address("ingest")?.to_owned();
        daemon.query = Client::new(&format!("http://{}", daemon.address("query")?), None)?;
        Ok(daemon)
    }

    /// Returns the address of a listener.
    pub(crate) fn address(&self, listener: &str) -> Result<&str> {
        let bound = self.addresses.get(listener).and_then(Value::as_str);
        bound.with_context(|| format!("there is no listener {listener}"))
    }

    /// Asks the daemon to end, and waits for the end.
    pub(crate) fn stop(mut self) -> Result<()> {
        let id = self.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().context("send a signal")?;
        anyhow::ensure!(told.success(), "send a signal: {told}");
        let status = self.process.wait()?;
        anyhow::ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }

    /// Returns the number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until so many lines are searchable.
    pub(crate) fn wait_for_lines(&self, lines: u64) -> Result<()> {
        wait_until("every line is searchable", || Ok(self.count()? >= lines))
    }

    fn count(&self) -> Result<u64> {
        let body = json!({"aggs": {"all": {"filter": {"match_all": {}}}}});
        let answer = self.query.post(&Endpoint::new("/api/v1/aggregate"), &body)?;
        let count = answer.pointer("/aggregations/all/doc_count").and_then(Value::as_u64);
        count.context("read a count")
    }

    /// Seals every partition and returns the CPU seconds that it took.
    pub(crate) fn seal(&self) -> Result<f64> {
        let cpu_before = cpu_of(self.id())?;
        let status = Command::new(&self.binary)
            .args(["compact", "--all", "--server", self.query.base()])
            .stdout(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "sealing ended with {status}");
        Ok(cpu_of(self.id())? - cpu_before)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Nobody is left to tell, and a daemon must survive it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    while !holds()? {
        anyhow::ensure!(Instant::now() < give_up, "waited in vain until {what}");
        std::thread::park_timeout(LOOK_INTERVAL);
    }
    Ok(())
}

fn read_addresses(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
