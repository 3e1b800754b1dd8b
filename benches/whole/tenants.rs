//! Fifty tenants with a year behind them beside one tenant with the same lines: how soon a start is
//! ready, how much memory the server takes, and how soon the lines of a quiet day are searchable.
//!
//! One small year is sent, sealed and stopped. The directory of its tenant is then given to the
//! other tenants by hard links: sealed files never change, and no file names its tenant.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tierlog::client::{Client, Endpoint};
use tierlog::generate::{Corpus as World, Generator, GeneratorSettings};
use tierlog_model::{Clock as _, SystemClock};

use crate::corpus::Corpus;
use crate::daemon::Daemon;
use crate::ingest::{self, Protocol, median};
use crate::measure::{cpu_of, memory_of, open_files_of, peak_memory_of};
use crate::pace::sorted;
use crate::results::{Better, Results};
use crate::shapes::percentile_ms;

/// The table of both rows.
const TABLE: &str = "a year of tenants, then 50 lines a second";

/// Tenants of the row that has many.
const TENANTS: u32 = 50;

/// Tiers of the default configuration: a level of each, and the tier's days.
const TIERS: [(&str, i32); 4] = [("error", 365), ("warning", 90), ("info", 30), ("debug", 7)];

/// Lines of a partition where there are [`TENANTS`]; one tenant alone has as many as all of them.
const LINES_PER_PARTITION: u32 = 40;

/// Starts of which the median counts.
const STARTS: usize = 3;

/// How long lines are sent.
const QUIET_DAY: Duration = Duration::from_secs(60);

/// Between two looks for a line.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A line that is not found for so long never will be.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures both rows.
pub(crate) fn tenants(results: &mut Results, binary: &Path, seed: u64) -> Result<()> {
    for tenants in [1, TENANTS] {
        let home = TempDir::new().context("make a directory")?;
        fill_year(binary, home.path(), LINES_PER_PARTITION * TENANTS / tenants, seed)?;
        multiply(&home.path().join("data/partitions"), tenants)?;
        row(results, binary, home.path(), tenants)?;
    }
    Ok(())
}

/// Returns the name of a tenant; the first is the default.
fn name(tenant: u32) -> String {
    if tenant == 0 { "default".to_owned() } else { format!("tenant-{tenant}") }
}

/// Returns the settings that give each tenant a listener of lines and a listener of queries.
fn listeners(tenants: u32) -> Vec<String> {
    let mut settings = Vec::new();
    for tenant in 0..tenants {
        for (way, protocol) in [("in", "ingest"), ("out", "query")] {
            let listener = format!("listeners.{way}-{tenant}");
            settings.push(format!("{listener}.protocol={protocol}"));
            settings.push(format!("{listener}.transport=http"));
            settings.push(format!("{listener}.listen=127.0.0.1:0"));
            settings.push(format!("{listener}.tenant={}", name(tenant)));
        }
    }
    settings
}

/// Sends the lines of a year of the default tenant, seals every day, and stops the daemon.
fn fill_year(binary: &Path, home: &Path, per_partition: u32, seed: u64) -> Result<()> {
    let corpus = year(home, per_partition, seed)?;
    let daemon = Daemon::start(binary, home, &[])?;
    ingest::send(binary, &daemon, &corpus, Protocol::Http)?;
    daemon.wait_for_lines(corpus.lines)?;
    daemon.seal()?;
    daemon.stop()?;
    for file in corpus.files {
        fs::remove_file(file)?;
    }
    Ok(())
}

/// Writes the lines of every day that a tier of the default configuration keeps, the newest last.
fn year(directory: &Path, per_partition: u32, seed: u64) -> Result<Corpus> {
    let today = SystemClock.now().day();
    let path = directory.join("year.jsonl");
    let mut corpus = Corpus { lines: 0, bytes: 0, days: 0, files: Vec::new() };
    let mut file = BufWriter::new(File::create(&path).context("make a file of lines")?);
    let mut generator = application(seed);
    let oldest = TIERS.iter().map(|(_, days)| *days).max().unwrap_or_default();
    for age in (1..=oldest).rev() {
        for (level, _) in TIERS.iter().filter(|(_, days)| age <= *days) {
            for number in 0..per_partition {
                let mut line = next_line(&mut generator)?;
                let moment = today.plus_days(-age).start();
                let moment = moment.saturating_add_micros(i64::from(number) * 1_000_000);
                line.insert("timestamp".to_owned(), moment.to_string().into());
                line.insert("level".to_owned(), (*level).into());
                let text = serde_json::to_string(&line)?;
                writeln!(file, "{text}")?;
                corpus.lines += 1;
                corpus.bytes += text.len() as u64 + 1;
            }
        }
    }
    file.flush()?;
    corpus.files.push(path);
    Ok(corpus)
}

/// Returns an application whose lines do not end.
fn application(seed: u64) -> Generator {
    Generator::new(GeneratorSettings {
        lines: u64::from(u32::MAX),
        seed,
        corpus: World::Application,
        start: SystemClock.now(),
        span: QUIET_DAY,
        backlogs: NonZero::<u16>::MIN,
    })
}

fn next_line(generator: &mut Generator) -> Result<Map<String, Value>> {
    let mut text = Vec::new();
    generator.next_line(&mut text, &mut |_planted| {});
    serde_json::from_slice(&text).context("read a generated line")
}

/// Gives the partitions of the default tenant to all other tenants.
fn multiply(partitions: &Path, tenants: u32) -> Result<()> {
    for tenant in 1..tenants {
        link_tree(&partitions.join(name(0)), &partitions.join(name(tenant)))?;
    }
    Ok(())
}

fn link_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_tree(&entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Starts a daemon on the year of so many tenants, sends a quiet minute, and adds a row.
fn row(results: &mut Results, binary: &Path, home: &Path, tenants: u32) -> Result<()> {
    let settings = listeners(tenants);
    let mut ready_ms = Vec::new();
    let mut start = || {
        let started = Instant::now();
        let daemon = Daemon::start(binary, home, &settings)?;
        ready_ms.push(started.elapsed().as_secs_f64() * 1e3);
        anyhow::Ok(daemon)
    };
    for _ in 1..STARTS {
        start()?.stop()?;
    }
    let daemon = start()?;
    let at_ready = memory_of(daemon.id())?;
    let cpu_before = cpu_of(daemon.id())?;
    let searchable = quiet_day(&daemon, tenants)?;
    let cpu = cpu_of(daemon.id())? - cpu_before;
    let afterwards = memory_of(daemon.id())?;
    // A million bytes, as the targets are written.
    let megabytes = |mebibytes: f64| mebibytes * 1.048_576;
    let partitions = TIERS.iter().map(|(_, days)| days.unsigned_abs()).sum::<u32>() * tenants;
    let row = format!("{tenants} tenants");
    let mut sheet = results.sheet(TABLE);
    sheet.add(&row, "partitions", Better::Given, f64::from(partitions));
    sheet.add(&row, "start to ready ms", Better::Less, median(ready_ms));
    sheet.add(&row, "RSS at ready MB", Better::Less, megabytes(at_ready));
    sheet.add(&row, "RSS after a minute MB", Better::Less, megabytes(afterwards));
    let peak = megabytes(peak_memory_of(daemon.id())?);
    sheet.add(&row, "peak RSS MB", Better::Less, peak);
    sheet.add(&row, "CPU s", Better::Less, cpu);
    sheet.add(&row, "open files", Better::Less, open_files_of(daemon.id())?);
    for percent in [50, 99] {
        let ms = percentile_ms(&searchable, percent).context("no line was found")?;
        sheet.add(&row, &format!("line searchable p{percent} ms"), Better::Less, ms);
    }
    Ok(())
}

/// A line on its way: when its ack came, and where a search finds the line.
struct Sent {
    acked: Instant,
    request: String,
    tenant: usize,
}

/// Sends [`TENANTS`] lines a second, by the tenants in turns, and returns how long after its ack a
/// search found each line that was looked for, sorted.
fn quiet_day(daemon: &Daemon, tenants: u32) -> Result<Vec<Duration>> {
    let clients = |way: &str| -> Result<Vec<Client>> {
        let addresses = (0..tenants).map(|tenant| daemon.address(&format!("{way}-{tenant}")));
        addresses.map(|address| Client::new(&format!("http://{}", address?), None)).collect()
    };
    let (senders, readers) = (clients("in")?, clients("out")?);
    let (sent, to_find) = sync_channel(0);
    std::thread::scope(|scope| {
        let finder = scope.spawn(move || find_all(&readers, &to_find));
        send_all(&senders, &sent)?;
        drop(sent);
        let times = finder.join().map_err(|_| anyhow::anyhow!("a reader panicked"))??;
        Ok(sorted(times))
    })
}

fn send_all(senders: &[Client], sent: &SyncSender<Sent>) -> Result<()> {
    let mut generator = application(2);
    let (started, interval) = (Instant::now(), Duration::from_secs(1) / TENANTS);
    let (mut number, mut due) = (0, started);
    while due < started + QUIET_DAY {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let tenant = number % senders.len();
        let sender = senders.get(tenant).context("find a sender")?;
        let mut line = next_line(&mut generator)?;
        let request = format!("quiet-{number}");
        line.insert("timestamp".to_owned(), SystemClock.now().to_string().into());
        line.insert("request_id".to_owned(), request.clone().into());
        let body = format!("{}\n", serde_json::to_string(&line)?);
        let lines = [("content-type", "application/x-ndjson")];
        let endpoint = Endpoint::new("/api/v1/ingest");
        sender.post_bytes(&endpoint, &lines, body.as_bytes())?.into_json()?;
        // A line is looked for when the search for another has ended: no line waits for a search.
        let _ = sent.try_send(Sent { acked: Instant::now(), request, tenant });
        (number, due) = (number + 1, due + interval);
    }
    Ok(())
}

fn find_all(readers: &[Client], sent: &Receiver<Sent>) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for Sent { acked, request, tenant } in sent {
        let reader = readers.get(tenant).context("find a reader")?;
        let endpoint = Endpoint::new("/api/v1/requests").segment(&request);
        while reader.get(&endpoint)?.pointer("/records/0").is_none() {
            anyhow::ensure!(acked.elapsed() < PATIENCE, "a stored line was never found");
            std::thread::sleep(LOOK_INTERVAL);
        }
        times.push(acked.elapsed());
    }
    Ok(times)
}
