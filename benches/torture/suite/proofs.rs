//! Proof that the judge can be convinced of the opposite: a real server is helped to break each
//! promise, and the same checks that pass everywhere else must say so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::files::files_under;
use super::load::send_again;
use super::oracle::Invariant;
use super::rig::Rig;
use super::server::Launch;
use super::tally::broken;
use super::tenants::Tenant;
use super::trial::Trial;
use super::wal::last_segment;

/// What is broken on purpose is not waited for.
const PATIENCE: Duration = Duration::from_millis(300);

/// An id that no ledger issues.
const FOREIGN_ID: u64 = 1_000_000_002;

/// Places in a file at which a bit is flipped, until one changes a record.
const ROT_TRIES: usize = 24;

/// Batches of a trial before it is broken.
const BATCHES: u64 = 2;

/// A promise broken on purpose.
pub(crate) struct Proof {
    /// How.
    pub(crate) name: &'static str,
    /// What must be said to be violated.
    pub(crate) expected: Invariant,
    run: fn(&mut Trial) -> Result<()>,
}

/// Every proof.
#[rustfmt::skip]
pub(crate) const PROOFS: &[Proof] = &[
    Proof { name: "the log loses its last frames behind the server's back", expected: Invariant::Acked, run: lose },
    Proof { name: "a batch is sent again under another id", expected: Invariant::Once, run: double },
    Proof { name: "a line is sent that the ledger does not know", expected: Invariant::Issued, run: invent },
    Proof { name: "a line is changed on its way", expected: Invariant::Payload, run: change },
    Proof { name: "a column rots, and its checksum with it", expected: Invariant::Payload, run: rot_unseen },
    Proof { name: "the directory says that it is of another format", expected: Invariant::Start, run: unstartable },
    Proof { name: "the server takes no line", expected: Invariant::Fresh, run: refuse },
    Proof { name: "redaction is switched off", expected: Invariant::Private, run: leak },
    Proof { name: "a dead letter comes from nowhere", expected: Invariant::Conserved, run: bury },
    Proof { name: "the cap of memory is below what any server needs", expected: Invariant::Memory, run: starve },
];

impl Proof {
    /// Breaks the promise, and returns what the checks said.
    pub(crate) fn said(&self, rig: &Rig) -> Result<Vec<Invariant>> {
        let mut trial = Trial::new(rig, 1, 1)?;
        trial.patience = PATIENCE;
        let outcome = (self.run)(&mut trial);
        let mut violations = std::mem::take(&mut trial.violations);
        violations.extend(outcome.err().map(broken));
        Ok(violations.into_iter().map(|violation| violation.invariant).collect())
    }
}

fn lose(trial: &mut Trial) -> Result<()> {
    let server = trial.start_with(&Launch::with_settings(&["store.commit_interval=1m"]))?;
    trial.send(&server, BATCHES)?;
    server.kill()?;
    let segment = last_segment(&trial.place.data)?;
    let last = *segment.frames.last().context("a frame")?;
    let kept = segment.bytes.get(..last).context("bytes before the frame")?;
    std::fs::write(&segment.path, kept)?;
    let server = trial.start()?;
    trial.check(&server)
}

fn double(trial: &mut Trial) -> Result<()> {
    let server = trial.start()?;
    let ids = trial.send_batch(&server, 4)?;
    let (first, rest) = (ids.start..ids.start + 2, ids.start + 2..ids.end);
    send_again(&server, (&trial.ledger, &trial.lines), &[first, rest], trial.patience)?;
    settle(trial, &server)
}

fn invent(trial: &mut Trial) -> Result<()> {
    let server = trial.start()?;
    trial.send(&server, BATCHES)?;
    post(&server, &trial.lines.text(FOREIGN_ID))?;
    settle(trial, &server)
}

fn change(trial: &mut Trial) -> Result<()> {
    let server = trial.start()?;
    let ids = trial.ledger.issue(Tenant::FIRST, 2)?;
    let text = trial.lines.texts(ids.clone()).replace("line", "LINE");
    post(&server, &text)?;
    trial.ledger.ack(&ids)?;
    settle(trial, &server)
}

/// Rot that no checksum notices: the answers of the store must give the rot away.
fn rot_unseen(trial: &mut Trial) -> Result<()> {
    let mut server = trial.start()?;
    trial.send(&server, BATCHES)?;
    trial.compare(&server, &|_| false)?;
    server.signal_to_end()?;
    server.await_end(Duration::from_secs(20))?;
    for part in 0..ROT_TRIES {
        let mut rotten = trial.fork()?;
        flip_and_fit(&rotten.place.data, part)?;
        let server = rotten.start()?;
        // Some flips make a file that does not read, which is told.
        let checked = rotten.compare(&server, &|_| false);
        let is_changed =
            rotten.violations.iter().any(|found| found.invariant == Invariant::Payload);
        if checked.is_ok() && is_changed {
            trial.violations.append(&mut rotten.violations);
            return Ok(());
        }
    }
    Ok(())
}

/// Flips a bit in the largest file of columns, a part of the way into it, and makes the checksum
/// at the end of the file fit.
fn flip_and_fit(data: &Path, part: usize) -> Result<()> {
    let mut files = files_under(&data.join("partitions"))?;
    files.retain(|path| path.extension().is_some_and(|end| end == "fast"));
    let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let path = files.into_iter().max_by_key(length).context("a file of columns")?;
    let mut bytes = std::fs::read(&path)?;
    let tail = bytes.len().saturating_sub(8);
    let footer_bytes = bytes.get(tail..).and_then(|tail| tail.first_chunk()).context("a tail")?;
    let body = tail.saturating_sub(u32::from_le_bytes(*footer_bytes) as usize);
    let at = body * part / ROT_TRIES;
    *bytes.get_mut(at).context("a byte")? ^= 1;
    let footer = String::from_utf8(bytes.get(body..tail).unwrap_or_default().to_vec())?;
    let mut footer: serde_json::Value = serde_json::from_str(&footer)?;
    let crc = footer.get_mut("crc").context("a checksum")?;
    *crc = crc32(bytes.get(..body).unwrap_or_default()).into();
    let magic = bytes.split_off(bytes.len() - 4);
    bytes.truncate(body);
    let footer = footer.to_string();
    bytes.extend_from_slice(footer.as_bytes());
    bytes.extend_from_slice(&u32::try_from(footer.len())?.to_le_bytes());
    bytes.extend_from_slice(&magic);
    std::fs::write(&path, bytes).context("damage a file")
}

/// Returns the checksum that the search engine uses, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

fn unstartable(trial: &mut Trial) -> Result<()> {
    let server = trial.start()?;
    server.kill()?;
    std::fs::write(trial.place.data.join("tierlog.json"), "{\"format\": 99}\n")?;
    trial.start().map(drop)
}

fn refuse(trial: &mut Trial) -> Result<()> {
    // No disk of today has a tebibyte less than what is asked to stay free.
    let server = trial.start_with(&Launch::with_settings(&["store.free_min=1TiB"]))?;
    trial.check(&server)
}

fn leak(trial: &mut Trial) -> Result<()> {
    let server = trial.start_with(&Launch::with_settings(&["redaction.enabled=false"]))?;
    trial.send(&server, BATCHES)?;
    trial.check(&server)
}

fn bury(trial: &mut Trial) -> Result<()> {
    let server = trial.start()?;
    trial.send(&server, BATCHES)?;
    let strangers = "{\"broken\n".repeat(50);
    post(&server, &format!("{}{strangers}", trial.lines.text(0)))?;
    settle(trial, &server)
}

fn starve(trial: &mut Trial) -> Result<()> {
    let server = trial.start()?;
    trial.memory_bytes_max = 1 << 20;
    trial.check(&server)
}

/// Posts lines without an entry in the ledger.
fn post(server: &super::server::Server, lines: &str) -> Result<()> {
    let headers = [("content-type", "application/x-ndjson")];
    let answer = server.http.post(&server.ingest("/api/v1/ingest"), lines.as_bytes(), &headers);
    anyhow::ensure!(answer.is_some_and(|answer| answer.status == 200), "lines were not taken");
    Ok(())
}

/// What was sent unknown to the ledger is searchable before the checks look.
fn settle(trial: &mut Trial, server: &super::server::Server) -> Result<()> {
    super::server::wait_until(Duration::from_secs(20), || {
        let taken = server.metric("tierlog_ingest_accepted_records_total");
        let taken = taken.zip(server.metric("tierlog_ingest_rejected_lines_total"));
        taken.map(|(accepted, rejected)| accepted + rejected)
            == server.metric("tierlog_indexed_records_total")
    });
    trial.check(server)
}
