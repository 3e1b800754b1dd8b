//! Senders: lines leave over TCP and HTTP until the server dies or they are told to stop; every
//! ack is in the ledger before the next line is sent.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::http::{Answer, Http};
use super::ledger::Ledger;
use super::lines::Lines;
use super::oracle::{Invariant, Violation};
use super::server::{Server, let_pass};
use super::tenants::Tenant;

/// Batches that a sender sends over a connection before the next tenant has its turn.
const CONNECTION_BATCHES: u64 = 12;

/// Lines of one batch: no multiple of the distance between broken lines, and more than it.
const BATCH_LINES: u64 = 40;

/// Batches that a TCP sender lets wait for their ack: a kill finds some between write and ack.
const UNACKED_BATCHES_MAX: usize = 4;

/// How long a sender waits after a refusal.
const REFUSED_PAUSE: Duration = Duration::from_millis(20);

/// Longer than a server that is well keeps a sender waiting.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How lines travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Lines over TCP, acked.
    Tcp,
    /// Batches over HTTP, each under an id.
    Http,
}

/// How much a sender sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Batches at most.
    pub(crate) batches: u64,
    /// Lines of each.
    pub(crate) lines: u64,
}

impl Pace {
    /// Returns so many batches of the usual size.
    pub(crate) fn batches(batches: u64) -> Pace {
        Pace { batches, lines: BATCH_LINES }
    }
}

/// What a sender has seen.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Batches under an id whose answer is not known: sent again, each must be there once.
    pub(crate) unsure: Vec<Range<u64>>,
    /// Refusals: 429, 503, 507, or a connection that was closed on purpose.
    pub(crate) refused: u64,
    /// Statuses of the refusals.
    pub(crate) statuses: Vec<u16>,
    /// Batches acknowledged.
    pub(crate) acked: u64,
    /// Wrong answers of the server.
    pub(crate) violations: Vec<Violation>,
}

/// Senders at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<Result<Sent>>>,
}

/// What a sender needs.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    ledger: Ledger,
    lines: Lines,
    /// Addresses of each tenant for lines over TCP and for bodies.
    doors: Vec<(Tenant, String, String)>,
    /// The turn of the tenant that the sender begins with.
    turn: usize,
    stop: Arc<AtomicBool>,
    pace: Pace,
}

impl Load {
    /// Starts senders.
    pub(crate) fn start(
        server: &Server,
        (ledger, lines): (&Ledger, &Lines),
        protocols: &[Protocol],
        pace: Pace,
    ) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let sender = Sender {
            ledger: ledger.clone(),
            lines: lines.clone(),
            doors: Tenant::all()
                .map(|own| (own, server.address_of(own, "tcp"), server.ingest_of(own)))
                .collect(),
            turn: 0,
            stop: Arc::clone(&stop),
            pace,
        };
        let senders = protocols.iter().enumerate().map(|(turn, protocol)| {
            let (mut sender, protocol) = (Sender { turn, ..sender.clone() }, *protocol);
            std::thread::spawn(move || match protocol {
                Protocol::Tcp => sender.send_tcp(),
                Protocol::Http => sender.send_http(),
            })
        });
        let senders = senders.collect();
        Load { stop, senders }
    }

    /// Tells the senders to stop after the current request.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Tells whether every sender has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.senders.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the senders: their server has died, they were told to stop, or they are done.
    pub(crate) fn join(self) -> Result<Sent> {
        let mut all = Sent::default();
        for sender in self.senders {
            let sent = sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??;
            all.unsure.extend(sent.unsure);
            all.refused += sent.refused;
            all.statuses.extend(sent.statuses);
            all.acked += sent.acked;
            all.violations.extend(sent.violations);
        }
        Ok(all)
    }
}

impl Sender {
    fn must_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Returns the doors of the next tenant.
    fn next_door(&mut self) -> Result<(Tenant, String, String)> {
        let door = self.doors.iter().cycle().nth(self.turn).cloned();
        self.turn += 1;
        door.context("a tenant")
    }

    fn send_http(&mut self) -> Result<Sent> {
        let http = Http::new();
        let mut sent = Sent::default();
        for _ in 0..self.pace.batches {
            if self.must_stop() {
                break;
            }
            let (tenant, _, url) = self.next_door()?;
            let ids = self.ledger.issue(tenant, self.pace.lines)?;
            let body = self.lines.texts(ids.clone());
            loop {
                let Some(answer) = post(&http, &url, &ids, &body) else {
                    sent.unsure.push(ids);
                    return Ok(sent);
                };
                if answer.status == 200 {
                    self.ledger.ack(&ids)?;
                    sent.acked += 1;
                    sent.violations.extend(count_lines(&answer, &ids));
                    break;
                }
                sent.refused += 1;
                sent.statuses.push(answer.status);
                if self.must_stop() {
                    sent.unsure.push(ids);
                    return Ok(sent);
                }
                let_pass(REFUSED_PAUSE);
            }
        }
        Ok(sent)
    }

    fn send_tcp(&mut self) -> Result<Sent> {
        let mut sent = Sent::default();
        let mut left = self.pace.batches;
        while left > 0 && !self.must_stop() {
            let (tenant, address, _) = self.next_door()?;
            let Ok(stream) = TcpStream::connect(&address) else { break };
            // Every connection of a sender is one of the next tenant.
            let mut own = left.min(CONNECTION_BATCHES);
            left -= own;
            let ended = self.send_over((&stream, tenant), &mut own, &mut sent)?;
            left += own;
            if ended == Connection::Lost {
                break;
            }
            let_pass(REFUSED_PAUSE);
        }
        Ok(sent)
    }

    /// Sends over one connection until it ends.
    fn send_over(
        &self,
        (stream, tenant): (&TcpStream, Tenant),
        left: &mut u64,
        sent: &mut Sent,
    ) -> Result<Connection> {
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        let mut writer = stream;
        let mut reader = BufReader::new(stream);
        // In the order in which they were sent, with the count of lines that acks each.
        let mut waiting: VecDeque<(Range<u64>, u64)> = VecDeque::new();
        let mut lines = 0;
        if writer.write_all(b"{\"tierlog\":{\"ack\":true}}\n").is_err() {
            return Ok(Connection::Lost);
        }
        loop {
            let full = waiting.len() >= UNACKED_BATCHES_MAX;
            let over = *left == 0 || self.must_stop();
            if over && waiting.is_empty() {
                return Ok(Connection::Done);
            }
            if !full && !over {
                let ids = self.ledger.issue(tenant, self.pace.lines)?;
                *left -= 1;
                let text = self.lines.texts(ids.clone());
                lines += self.pace.lines;
                waiting.push_back((ids, lines));
                if writer.write_all(text.as_bytes()).is_err() {
                    return Ok(Connection::Lost);
                }
                continue;
            }
            match next_ack(&mut reader) {
                Ack::Lines(durable) => {
                    while let Some((ids, _)) = waiting.pop_front_if(|(_, at)| *at <= durable) {
                        self.ledger.ack(&ids)?;
                        sent.acked += 1;
                    }
                }
                Ack::Refused => {
                    sent.refused += 1;
                    return Ok(Connection::Refused);
                }
                Ack::None => return Ok(Connection::Lost),
            }
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Done,
    Refused,
    Lost,
}

enum Ack {
    Lines(u64),
    Refused,
    None,
}

fn next_ack(reader: &mut BufReader<&TcpStream>) -> Ack {
    let mut text = String::new();
    if !reader.read_line(&mut text).is_ok_and(|length| length > 0 && text.ends_with('\n')) {
        return Ack::None;
    }
    let ack: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    match ack.get("ack").and_then(Value::as_u64) {
        Some(lines) if ack.get("error").is_none() => Ack::Lines(lines),
        _ => Ack::Refused,
    }
}

/// Posts a batch under the id of its first line, which batches of other tenants have too; `None`
/// when no answer came.
pub(crate) fn post(http: &Http, url: &str, ids: &Range<u64>, body: &str) -> Option<Answer> {
    let first_id = Tenant::of_line(ids.start).map_or(0, Tenant::first_id);
    let id = format!("torture-{}-{}", ids.start - first_id, ids.end - first_id);
    let headers = [("content-type", "application/x-ndjson"), ("tierlog-batch-id", id.as_str())];
    http.post(url, body.as_bytes(), &headers)
}

/// Every line of an acknowledged batch is accounted for in its answer.
fn count_lines(answer: &Answer, ids: &Range<u64>) -> Option<Violation> {
    let verdict = answer.json();
    let number = |name: &str| verdict.get(name).and_then(Value::as_u64).unwrap_or(0);
    let told = number("accepted") + number("rejected") + number("duplicate");
    let lines = ids.end - ids.start;
    (told < lines).then(|| {
        let detail = format!("an answer accounts for {told} of {lines} lines");
        Violation::new(Invariant::Conserved, detail)
    })
}

/// Sends batches again until each is acknowledged.
pub(crate) fn send_again(
    server: &Server,
    (ledger, lines): (&Ledger, &Lines),
    unsure: &[Range<u64>],
    longest: Duration,
) -> Result<()> {
    for ids in unsure {
        let tenant = Tenant::of_line(ids.start).context("a line of a tenant")?;
        let url = server.ingest_of(tenant);
        let body = lines.texts(ids.clone());
        let mut last = None;
        let is_taken = super::server::wait_until(longest, || {
            last = post(&server.http, &url, ids, &body);
            last.as_ref().is_some_and(|answer| answer.status == 200)
        });
        let told = || last.as_ref().map(|answer| (answer.status, answer.text()));
        let refused = || {
            let detail = format!("not acknowledged after {longest:?}: {:?}", told());
            Violation::new(Invariant::Fresh, detail)
        };
        anyhow::ensure!(is_taken, refused());
        ledger.ack(ids).context("note an ack")?;
    }
    Ok(())
}
