//! The real server as a process: started with what a fault needs around it, killed when dropped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::http::{Answer, Http};
use super::oracle::{Invariant, Violation};
use super::tenants::Tenant;

/// Interval between two polls of a slow event.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// A start takes longer than ten seconds on no machine, replay of what a trial sends included;
/// the rest is for machines that do other work too.
pub(crate) const START_MAX: Duration = Duration::from_secs(30);

/// What is put around a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// Program and arguments in front of the server's own.
    pub(crate) wrapper: Vec<String>,
    /// Variables of the server's environment, which is empty otherwise.
    pub(crate) environment: Vec<(String, String)>,
    /// Further settings, as of `--set`.
    pub(crate) settings: Vec<String>,
}

impl Launch {
    /// Returns a launch with further settings.
    pub(crate) fn with_settings(settings: &[&str]) -> Launch {
        let settings = settings.iter().map(|text| (*text).to_owned()).collect();
        Launch { settings, ..Launch::default() }
    }
}

/// Where a server lives.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The program.
    pub(crate) binary: PathBuf,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// A directory for its output and addresses.
    pub(crate) aside: PathBuf,
    /// Settings of every start.
    pub(crate) settings: Vec<String>,
}

/// How a start went.
#[derive(Debug)]
pub(crate) enum Started {
    /// It is there.
    Ready(Server),
    /// It ended by itself.
    Ended(ExitStatus),
}

/// A server that is ready.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    addresses: Value,
    /// The client.
    pub(crate) http: Http,
}

impl Place {
    /// Returns the file that servers print into.
    pub(crate) fn output(&self) -> PathBuf {
        self.aside.join("output.log")
    }

    /// Returns everything that they printed.
    pub(crate) fn output_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.output()).unwrap_or_default()).into_owned()
    }

    /// Runs a verb of the program on the stopped directory.
    pub(crate) fn verb(&self, arguments: &[&str], launch: &Launch) -> Result<std::process::Output> {
        let mut command = self.command(launch)?;
        command.args(arguments).arg("--data").arg(&self.data);
        command.stdout(Stdio::piped()).output().context("run a verb")
    }

    /// Starts a server and waits until it is ready or has ended.
    pub(crate) fn start(&self, launch: &Launch) -> Result<Started> {
        let began = Instant::now();
        let mut process = self.spawn(launch)?;
        loop {
            if let Some(status) = process.child.try_wait()? {
                return Ok(Started::Ended(status));
            }
            if process.is_ready() {
                return Ok(Started::Ready(process.into_server()?));
            }
            if began.elapsed() > START_MAX {
                let detail = format!("the server was not ready after {START_MAX:?}");
                return Err(Violation::new(Invariant::Start, detail).into());
            }
            std::thread::park_timeout(LOOK_INTERVAL);
        }
    }

    /// Starts a server and does not wait for it.
    pub(crate) fn spawn(&self, launch: &Launch) -> Result<Starting> {
        let addresses = self.aside.join("addresses.json");
        // That of an earlier server would be taken for ours.
        let _ = fs::remove_file(&addresses);
        let mut command = self.command(launch)?;
        command.arg("serve").arg("--data").arg(&self.data).arg("--addresses-file").arg(&addresses);
        for setting in self.settings.iter().chain(&launch.settings) {
            command.args(["--set", setting]);
        }
        let child = command.spawn().context("start the server")?;
        Ok(Starting { child: Owned(Some(child)), addresses })
    }

    fn command(&self, launch: &Launch) -> Result<Command> {
        let output = File::options().create(true).append(true).open(self.output())?;
        let mut command = match launch.wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        command.current_dir(&self.aside).env_clear();
        command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        Ok(command)
    }
}

/// A process that ends with its owner.
#[derive(Debug)]
struct Owned(Option<Child>);

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Owned {
    fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        let child = self.0.as_mut().context("a process that is ours")?;
        child.try_wait().context("look at a process")
    }
}

/// A server that is starting.
#[derive(Debug)]
pub(crate) struct Starting {
    child: Owned,
    addresses: PathBuf,
}

impl Starting {
    fn is_ready(&self) -> bool {
        read_addresses(&self.addresses).is_some()
    }

    fn into_server(mut self) -> Result<Server> {
        let addresses = read_addresses(&self.addresses).context("read the addresses")?;
        let child = self.child.0.take().context("a process that is ours")?;
        Ok(Server { child, addresses, http: Http::new() })
    }
}

impl Server {
    /// Returns the number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the address of a listener: `tcp`, `ingest` or `query`.
    pub(crate) fn address(&self, listener: &str) -> &str {
        self.addresses.get(listener).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the address of a tenant's listener: `tcp`, `ingest` or `query`.
    pub(crate) fn address_of(&self, tenant: Tenant, protocol: &str) -> String {
        self.address(&tenant.listener(protocol)).to_owned()
    }

    /// Returns the URL that takes lines of a tenant.
    pub(crate) fn ingest_of(&self, tenant: Tenant) -> String {
        format!("http://{}/api/v1/ingest", self.address_of(tenant, "ingest"))
    }

    /// Returns a URL of the ingest API.
    pub(crate) fn ingest(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("ingest"))
    }

    /// Gets a path of the query API.
    pub(crate) fn get(&self, path: &str) -> Option<Answer> {
        self.http.get(&format!("http://{}{path}", self.address("query")))
    }

    /// Posts to a path of the query API, confirmed.
    pub(crate) fn post(&self, path: &str) -> Option<Answer> {
        let url = format!("http://{}{path}", self.address("query"));
        self.http.post(&url, b"", &[("tierlog-confirm", "yes")])
    }

    /// Gets a path of a tenant's query API.
    fn get_of(&self, tenant: Tenant, path: &str) -> Option<Answer> {
        self.http.get(&format!("http://{}{path}", self.address_of(tenant, "query")))
    }

    /// Returns every record with the tenant whose export showed the record, and the end of an
    /// export: the first end of a partial export, or the last end.
    pub(crate) fn export(&self) -> Result<(Vec<(Tenant, Value)>, Value)> {
        let mut all = Vec::new();
        let mut end = Value::Null;
        for tenant in Tenant::all() {
            let (records, own_end) = self.export_of(tenant)?;
            all.extend(records.into_iter().map(|record| (tenant, record)));
            let is_whole = |end: &Value| {
                end.get("complete") == Some(&Value::Bool(true))
                    && end.get("partial") != Some(&Value::Bool(true))
            };
            if end.is_null() || is_whole(&end) {
                end = own_end;
            }
        }
        Ok((all, end))
    }

    /// Returns every record of a tenant and what the export said at its end.
    fn export_of(&self, tenant: Tenant) -> Result<(Vec<Value>, Value)> {
        let answer =
            self.get_of(tenant, "/api/v1/export?q=").context("the export was not answered")?;
        anyhow::ensure!(answer.status == 200, "export: {} {}", answer.status, answer.text());
        let lines = answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut records: Vec<Value> = lines
            .map(|line| serde_json::from_slice(line).context("a line of the export"))
            .collect::<Result<_>>()?;
        let end = records.pop().context("the export has no end")?;
        let end = end.pointer("/tierlog/export").cloned().context("the export has no end")?;
        Ok((records, end))
    }

    /// Returns how many records all tenants have.
    pub(crate) fn count(&self) -> Option<u64> {
        let count = |tenant| {
            let answer = self.get_of(tenant, "/api/v1/search?q=&limit=0")?;
            answer.json().pointer("/total/value")?.as_u64()
        };
        Tenant::all().map(count).sum()
    }

    /// Returns how many dead letters each tenant has.
    pub(crate) fn dead_letters(&self) -> Option<BTreeMap<Tenant, u64>> {
        let count = |tenant| {
            let tiers = self.get_of(tenant, "/api/v1/tiers")?.json();
            Some((tenant, tiers.pointer("/dead_letters/records")?.as_u64()?))
        };
        Tenant::all().map(count).collect()
    }

    /// Returns the health document.
    pub(crate) fn health(&self) -> Option<(u16, Value)> {
        let answer = self.get("/health")?;
        Some((answer.status, answer.json()))
    }

    /// Tells whether answers are partial because indexing is late.
    pub(crate) fn is_indexing_late(&self) -> Option<bool> {
        self.is_partial_because("indexing_late")
    }

    /// Tells whether answers about everything are partial for a reason.
    pub(crate) fn is_partial_because(&self, reason: &str) -> Option<bool> {
        let answer = self.get("/api/v1/search?q=&limit=0")?.json();
        let reasons = answer.get("partial_reasons").and_then(Value::as_array);
        Some(reasons.is_some_and(|reasons| reasons.contains(&Value::from(reason))))
    }

    /// Returns the sum of a counter over all labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics")?.text();
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let is_whole = rest.starts_with(' ') || rest.starts_with('{');
            is_whole.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        Some(values.sum())
    }

    /// Returns the peak of the server's resident memory.
    pub(crate) fn peak_memory_bytes(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    }

    /// Tells whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it without any warning.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end.
    pub(crate) fn signal_to_end(&self) -> Result<()> {
        let id = self.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().context("send a signal")?;
        anyhow::ensure!(told.success(), "send a signal: {told}");
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub(crate) fn await_end(&mut self, longest: Duration) -> Result<ExitStatus> {
        let mut status = None;
        let has_ended = wait_until(longest, || {
            status = self.ended();
            status.is_some()
        });
        let late = || Violation::new(Invariant::Promise, format!("not ended after {longest:?}"));
        anyhow::ensure!(has_ended, late());
        status.context("a process that has ended")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is left to tell, and a server must survive it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks at a condition until it holds or time is up; tells whether it holds.
pub(crate) fn wait_until(longest: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + longest;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > give_up {
            return false;
        }
        std::thread::park_timeout(LOOK_INTERVAL);
    }
}

/// Lets time pass: a fault comes at some moment, whatever the server does then.
pub(crate) fn let_pass(duration: Duration) {
    wait_until(duration, || false);
}

fn read_addresses(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
