//! A data directory through many starts: ledger and output lie beside the directory, and every
//! fault is followed by a check of all answers.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::files::copy_tree;
use super::ledger::{Known, Ledger};
use super::lines::{Kind, Lines};
use super::load::{Load, Pace, Protocol, Sent, send_again};
use super::oracle::{Evidence, Invariant, Violation};
use super::rig::{Keep, Rig};
use super::scan::scan;
use super::server::{Launch, Place, Server, Started, wait_until};
use super::tenants::Tenant;

/// Settings of every server under torture: listeners of all tenants, quick commits, small segments,
/// so that a fault meets everything that happens seldom; nothing is dropped early unless a fault is
/// about it.
const SETTINGS: [&str; 5] = [
    "query.track_total_max=10000000",
    "store.commit_interval=50ms",
    "store.free_min=1MiB",
    "store.early_drop_max=none",
    "store.wal_segment_max=2MiB",
];

/// Leaves all of the log to the indexing thread of a server that is ready at once.
pub(crate) const REPLAY_LATER: &str = "store.replay_before_ready=0s";

/// Until a fresh line must be acknowledged, and until what was acknowledged must be found.
const PATIENCE: Duration = Duration::from_secs(20);

/// Cap of the server's memory: the bounds of the configuration under torture, twice.
const MEMORY_BYTES_MAX: u64 = 768 << 20;

/// A data directory with the ledger of its lines and the violations found.
pub(crate) struct Trial {
    /// Where the server lives.
    pub(crate) place: Place,
    /// What was sent and acknowledged.
    pub(crate) ledger: Ledger,
    /// What is sent.
    pub(crate) lines: Lines,
    /// Everything that was violated so far.
    pub(crate) violations: Vec<Violation>,
    /// Whether a partial answer may leave out records that the fault has damaged.
    pub(crate) answers: Answers,
    /// How long anything is waited for.
    pub(crate) patience: Duration,
    /// Cap of the server's memory.
    pub(crate) memory_bytes_max: u64,
    /// Batches whose answer is not known.
    unsure: Vec<Range<u64>>,
    directory: TempDir,
    keep: Keep,
}

impl Trial {
    /// Returns an empty directory; its lines are spread over so many days.
    pub(crate) fn new(rig: &Rig, seed: u64, days: u64) -> Result<Trial> {
        let directory = rig.keep.directory()?;
        let data = directory.path().join("data");
        Trial::with_data(rig, Lines::new(seed, days), directory, data)
    }

    /// Returns a trial whose data lies elsewhere.
    pub(crate) fn at(rig: &Rig, seed: u64, days: u64, data: &Path) -> Result<Trial> {
        let directory = rig.keep.directory()?;
        Trial::with_data(rig, Lines::new(seed, days), directory, data.to_owned())
    }

    fn with_data(rig: &Rig, lines: Lines, directory: TempDir, data: PathBuf) -> Result<Trial> {
        let aside = directory.path().join("aside");
        std::fs::create_dir_all(&aside)?;
        let ledger = Ledger::create(&directory.path().join("ledger"))?;
        let settings = SETTINGS.iter().map(|text| (*text).to_owned());
        let settings = settings.chain(Tenant::settings()).collect();
        let place = Place { binary: rig.server.clone(), data, aside, settings };
        Ok(Trial {
            place,
            ledger,
            lines,
            violations: Vec::new(),
            answers: Answers::Whole,
            patience: PATIENCE,
            memory_bytes_max: MEMORY_BYTES_MAX,
            unsure: Vec::new(),
            directory,
            keep: rig.keep,
        })
    }

    /// Returns a copy of a trial whose server has ended: data, keys and ledger.
    pub(crate) fn fork(&self) -> Result<Trial> {
        let directory = self.keep.directory()?;
        copy_tree(&self.place.data, &directory.path().join("data"))?;
        let keys = self.place.data.with_file_name("data.keys");
        if keys.exists() {
            copy_tree(&keys, &directory.path().join("data.keys"))?;
        }
        std::fs::copy(self.directory.path().join("ledger"), directory.path().join("ledger"))?;
        let aside = directory.path().join("aside");
        std::fs::create_dir_all(&aside)?;
        let ledger = Ledger::create(&directory.path().join("ledger"))?;
        let data = directory.path().join("data");
        let place = Place { data, aside, ..self.place.clone() };
        Ok(Trial {
            place,
            ledger,
            lines: self.lines.clone(),
            violations: Vec::new(),
            answers: self.answers,
            patience: self.patience,
            memory_bytes_max: self.memory_bytes_max,
            unsure: self.unsure.clone(),
            directory,
            keep: self.keep,
        })
    }

    /// Adds settings to every start.
    #[must_use]
    pub(crate) fn with_settings(mut self, settings: &[&str]) -> Trial {
        self.place.settings.extend(settings.iter().map(|text| (*text).to_owned()));
        self
    }

    /// Starts a server that must come up without a hand.
    pub(crate) fn start(&self) -> Result<Server> {
        self.start_with(&Launch::default())
    }

    /// Starts a server under a wrapper; the server must come up all the same.
    pub(crate) fn start_with(&self, launch: &Launch) -> Result<Server> {
        match self.place.start(launch)? {
            Started::Ready(server) => Ok(server),
            Started::Ended(status) => {
                let output = self.place.output_text();
                let last = output.lines().last().unwrap_or_default();
                let detail = format!("the server ended with {status}: {last}");
                Err(Violation::new(Invariant::Start, detail).into())
            }
        }
    }

    /// Starts senders.
    pub(crate) fn load(&self, server: &Server, protocols: &[Protocol], pace: Pace) -> Load {
        Load::start(server, (&self.ledger, &self.lines), protocols, pace)
    }

    /// Enters the answers of the senders into the ledger, and returns the answers.
    pub(crate) fn take(&mut self, load: Load) -> Result<Sent> {
        let mut sent = load.join()?;
        self.unsure.append(&mut sent.unsure);
        self.violations.append(&mut sent.violations);
        Ok(sent)
    }

    /// Sends batches over HTTP and waits for their acks.
    pub(crate) fn send(&mut self, server: &Server, batches: u64) -> Result<Sent> {
        let load = self.load(server, &[Protocol::Http], Pace::batches(batches));
        self.take(load)
    }

    /// Sends a number of lines of the first tenant as a batch, requires the acknowledgement, and
    /// returns the ids of the lines.
    pub(crate) fn send_batch(&self, server: &Server, lines: u64) -> Result<Range<u64>> {
        let ids = self.ledger.issue(Tenant::FIRST, lines)?;
        let again = std::slice::from_ref(&ids);
        send_again(server, (&self.ledger, &self.lines), again, self.patience)?;
        Ok(ids)
    }

    /// Checks all answers: the server must take a fresh line and hold every acknowledged line.
    pub(crate) fn check(&mut self, server: &Server) -> Result<()> {
        self.check_but(server, &|_| false)
    }

    /// As [`Trial::check`], but for ids that the fault may have taken.
    pub(crate) fn check_but(
        &mut self,
        server: &Server,
        excused: &dyn Fn(u64) -> bool,
    ) -> Result<()> {
        let unsure = std::mem::take(&mut self.unsure);
        send_again(server, (&self.ledger, &self.lines), &unsure, self.patience)?;
        self.send_fresh(server)?;
        self.compare(server, excused)?;
        self.check_conservation(server);
        self.check_memory(server);
        self.scan()
    }

    /// A fresh line of each tenant is acknowledged; whether a search finds the line, the comparison
    /// tells.
    fn send_fresh(&self, server: &Server) -> Result<()> {
        for tenant in Tenant::all() {
            let mut ids = self.ledger.issue(tenant, 1)?;
            // A body of which no line can be read is answered 400.
            while self.lines.kind(ids.start) == Kind::Broken {
                ids = self.ledger.issue(tenant, 1)?;
            }
            let fresh = std::slice::from_ref(&ids);
            send_again(server, (&self.ledger, &self.lines), fresh, self.patience)?;
        }
        Ok(())
    }

    /// Compares ledger and store, once everything acknowledged is searchable.
    pub(crate) fn compare(&mut self, server: &Server, excused: &dyn Fn(u64) -> bool) -> Result<()> {
        let known = self.ledger.known()?;
        let least = |kind: Kind| {
            let of_kind = known.acked.iter().filter(|id| self.lines.kind(**id) == kind);
            of_kind.filter(|id| !excused(**id)).count() as u64
        };
        let (records, letters) = (least(Kind::Record), least(Kind::Broken));
        // What is lost already does not come by waiting.
        let patience = if self.violations.is_empty() { self.patience } else { Duration::ZERO };
        wait_until(patience, || server.count().is_some_and(|count| count >= records));
        wait_until(patience, || {
            server.dead_letters().is_some_and(|counts| counts.values().sum::<u64>() >= letters)
        });
        // Answers say that they are partial while the log of the time before the start is indexed.
        wait_until(patience, || server.is_indexing_late() == Some(false));
        let mut violations = self.judge(server, &known, excused)?;
        // Lines that were found without an ack may have stood in for some that were still on
        // their way.
        wait_until(patience, || {
            let is_lost = |found: &Violation| found.invariant == Invariant::Acked;
            if violations.iter().any(is_lost) {
                violations = self.judge(server, &known, excused).unwrap_or_default();
            }
            !violations.iter().any(is_lost)
        });
        self.violations.append(&mut violations);
        Ok(())
    }

    fn judge(
        &self,
        server: &Server,
        known: &Known,
        excused: &dyn Fn(u64) -> bool,
    ) -> Result<Vec<Violation>> {
        let (records, end) = server.export()?;
        let dead_letters = server.dead_letters().context("the tiers were not answered")?;
        let lines = &self.lines;
        let (records, dead_letters) = (&records, &dead_letters);
        let evidence = Evidence { known, lines, records, dead_letters, excused };
        let mut violations = evidence.judge();
        let is_whole = end.get("complete") == Some(&serde_json::Value::Bool(true));
        if self.answers == Answers::Whole && !is_whole {
            violations.push(Violation::new(Invariant::Promise, format!("the export ended: {end}")));
        }
        Ok(violations)
    }

    /// If the start replayed no log, every record taken since is indexed or was dropped with its
    /// partition.
    fn check_conservation(&mut self, server: &Server) {
        let replayed = server.health().and_then(|(_, health)| {
            health.get("replayed_records").and_then(serde_json::Value::as_u64)
        });
        if replayed != Some(0) {
            return;
        }
        let sum = |names: &[&str]| -> Option<f64> {
            names.iter().map(|name| server.metric(name)).sum::<Option<f64>>()
        };
        let taken =
            ["tierlog_ingest_accepted_records_total", "tierlog_ingest_rejected_lines_total"];
        // An early drop of a day takes the records on their way to the day along.
        let settled = ["tierlog_indexed_records_total", "tierlog_dropped_unindexed_records_total"];
        let mut seen = (None, None);
        let is_conserved = wait_until(self.patience, || {
            seen = (sum(&taken), sum(&settled));
            seen.0.is_some() && seen.0 == seen.1
        });
        if !is_conserved {
            let detail = format!("taken {:?}, indexed {:?}", seen.0, seen.1);
            self.violations.push(Violation::new(Invariant::Conserved, detail));
        }
    }

    /// The most memory that the server has had is under the cap.
    pub(crate) fn check_memory(&mut self, server: &Server) {
        let peak = server.peak_memory_bytes().unwrap_or(u64::MAX);
        if peak > self.memory_bytes_max {
            let detail = format!("{} MiB resident", peak >> 20);
            self.violations.push(Violation::new(Invariant::Memory, detail));
        }
    }

    fn scan(&mut self) -> Result<()> {
        let mut found = scan(&self.place.data)?;
        found.append(&mut scan(&self.place.aside)?);
        self.violations.append(&mut found);
        Ok(())
    }

    /// Returns what was found wrong. With directories kept, an empty directory is removed all the
    /// same.
    pub(crate) fn into_violations(mut self) -> Vec<Violation> {
        if self.keep == Keep::Broken && self.violations.is_empty() {
            self.directory.disable_cleanup(false);
        }
        if self.keep == Keep::Broken
            && let Some(last) = self.violations.last_mut()
        {
            last.detail.push_str(&format!(" (kept in {})", self.directory.path().display()));
        }
        self.violations
    }

    /// Notes that something promised did not hold.
    pub(crate) fn promise(&mut self, holds: Holds, what: impl FnOnce() -> String) {
        if holds == Holds::No {
            self.violations.push(Violation::new(Invariant::Promise, what()));
        }
    }
}

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Whole.
    Whole,
    /// Whole but for what is damaged, and marked as partial.
    Partial,
}

/// Whether a promise was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// It was.
    Yes,
    /// It was not.
    No,
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Holds {
        if holds { Holds::Yes } else { Holds::No }
    }
}
