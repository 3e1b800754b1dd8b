//! Latency of acks at a fixed rate: batches leave on a schedule over TCP, acks arrive.
//!
//! A batch's clock starts when the schedule says, whether or not the socket took it then: a
//! server that stalls cannot hide behind a client that waits with it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tierlog::client::{Client, Endpoint};

use crate::daemon::Daemon;

/// Lines of a batch.
const BATCH_LINES: usize = 100;

/// Connections that take turns.
const CONNECTIONS: usize = 4;

/// Between two probes of how soon a line is found.
const PROBE_INTERVAL: Duration = Duration::from_millis(150);

/// Between two looks for a probe.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// A probe that is not found for so long never will be.
const PROBE_PATIENCE: Duration = Duration::from_secs(60);

/// What a paced run showed.
pub(crate) struct Paced {
    /// Lines acked a second.
    pub(crate) lines_per_second: f64,
    /// From schedule to ack, sorted.
    pub(crate) acks: Vec<Duration>,
    /// From the ack of a line until a search found it, sorted.
    pub(crate) searchable: Vec<Duration>,
}

/// Sends batches of lines at a rate, lines a second, until all are acked.
pub(crate) fn run(daemon: &Daemon, text: &[u8], rate: f64) -> Result<Paced> {
    let batches = cut(text);
    let interval = Duration::from_secs_f64(BATCH_LINES as f64 / rate);
    let sending = AtomicBool::new(true);
    let started = Instant::now();
    let (acks, seconds, searchable) = std::thread::scope(|scope| {
        let prober = scope.spawn(|| probe(daemon, &sending));
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|turn| {
                let own: Vec<&[u8]> =
                    batches.iter().copied().skip(turn).step_by(CONNECTIONS).collect();
                let schedule = Schedule { first: started, turn, interval };
                scope.spawn(move || converse(&daemon.tcp, &own, schedule))
            })
            .collect();
        let acks: Result<Vec<_>> =
            connections.into_iter().map(|thread| joined(thread.join())).collect();
        let seconds = started.elapsed().as_secs_f64();
        sending.store(false, Ordering::Relaxed);
        let searchable = joined(prober.join());
        anyhow::Ok((acks?, seconds, searchable?))
    })?;
    let lines = (batches.len() * BATCH_LINES) as f64;
    Ok(Paced {
        lines_per_second: lines / seconds,
        acks: sorted(acks.concat()),
        searchable: sorted(searchable),
    })
}

/// Returns what a thread came to.
pub(crate) fn joined<T>(result: std::thread::Result<Result<T>>) -> Result<T> {
    result.map_err(|_| anyhow::anyhow!("a thread of the client panicked"))?
}

/// Returns times, the shortest first.
pub(crate) fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort_unstable();
    times
}

/// Returns whole batches of lines; what is left at the end is not sent.
fn cut(text: &[u8]) -> Vec<&[u8]> {
    let mut batches = Vec::new();
    let mut rest = text;
    while let Some(end) = memchr::memchr_iter(b'\n', rest).nth(BATCH_LINES - 1) {
        let (batch, tail) = rest.split_at(end + 1);
        batches.push(batch);
        rest = tail;
    }
    batches
}

/// When a connection sends its batches.
#[derive(Clone, Copy)]
struct Schedule {
    first: Instant,
    turn: usize,
    interval: Duration,
}

impl Schedule {
    fn moment(self, number: usize) -> Instant {
        let batch = u32::try_from(number * CONNECTIONS + self.turn).unwrap_or(u32::MAX);
        self.first + self.interval * batch
    }
}

/// Sends the batches of one connection and returns how long each ack took.
fn converse(address: &str, batches: &[&[u8]], schedule: Schedule) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).context("connect to the daemon")?;
    stream.set_nodelay(true)?;
    stream.write_all(b"{\"tierlog\":{\"ack\":true}}\n")?;
    let reader = BufReader::new(stream.try_clone()?);
    let count = batches.len();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(move || receive(reader, count, schedule));
        for (number, batch) in batches.iter().enumerate() {
            let ahead = schedule.moment(number).saturating_duration_since(Instant::now());
            if !ahead.is_zero() {
                std::thread::sleep(ahead);
            }
            stream.write_all(batch)?;
        }
        stream.shutdown(Shutdown::Write)?;
        joined(receiver.join())
    })
}

/// Reads cumulative acks until every batch has one.
fn receive(
    mut reader: BufReader<TcpStream>,
    count: usize,
    schedule: Schedule,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    let mut line = String::new();
    while times.len() < count {
        line.clear();
        anyhow::ensure!(reader.read_line(&mut line)? > 0, "the daemon closed before its last ack");
        let now = Instant::now();
        let ack: Value = serde_json::from_str(&line)?;
        let lines = ack.get("ack").and_then(Value::as_u64).context("read an ack")?;
        let acked = usize::try_from(lines)? / BATCH_LINES;
        while times.len() < acked.min(count) {
            times.push(now.saturating_duration_since(schedule.moment(times.len())));
        }
    }
    Ok(times)
}

/// Stores a line now and then, and returns how long after its ack a search found each.
pub(crate) fn probe(daemon: &Daemon, sending: &AtomicBool) -> Result<Vec<Duration>> {
    let ingest = Client::new(&format!("http://{}", daemon.http), None)?;
    let mut times = Vec::new();
    while sending.load(Ordering::Relaxed) {
        let id = format!("probe-{}", times.len());
        let line =
            format!("{{\"level\":\"info\",\"message\":\"probe\",\"request_id\":\"{id}\"}}\n");
        let type_of_lines = [("content-type", "application/x-ndjson")];
        let endpoint = Endpoint::new("/api/v1/ingest");
        ingest.post_bytes(&endpoint, &type_of_lines, line.as_bytes())?.into_json()?;
        let acked = Instant::now();
        let request = Endpoint::new("/api/v1/requests").segment(&id);
        loop {
            let found = daemon.query.get(&request)?;
            if found.pointer("/records/0").is_some() {
                break;
            }
            anyhow::ensure!(acked.elapsed() < PROBE_PATIENCE, "a stored line was never found");
            std::thread::sleep(LOOK_INTERVAL);
        }
        times.push(acked.elapsed());
        std::thread::sleep(PROBE_INTERVAL);
    }
    Ok(times)
}
