//! How fast a backlog of old days becomes searchable, and how little live lines notice of that.
//!
//! Lines of a year in turns over all days are the worst order: every batch has lines of every day.
//! A year has 365 partitions where the standard tiers keep a day of errors, 492 with the others;
//! here every tier keeps every day, so that no line is refused: 1,460 partitions.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tierlog::generate::Corpus as World;

use crate::corpus::{AtOnce, Corpus, Spread};
use crate::daemon::Daemon;
use crate::ingest::{self, Protocol};
use crate::measure::{cpu_of, peak_memory_of};
use crate::pace;
use crate::queries::settings_of;
use crate::results::{Better, Results};
use crate::shapes::percentile_ms;

/// The table of backlogs.
const BACKLOGS: &str = "old days beside live lines";

/// Orders of the lines, and over how many days.
const SPREADS: [(&str, Spread); 3] = [
    ("30 days in turns", Spread { days: 30, at_once: AtOnce::All }),
    ("365 days in turns", Spread { days: 365, at_once: AtOnce::All }),
    ("365 days in order", Spread { days: 365, at_once: AtOnce::One }),
];

/// Sends lines of old days while a live line comes now and then, and adds what was measured to the
/// results.
pub(crate) fn backfill(
    results: &mut Results,
    binary: &Path,
    (lines, seed): (u64, u64),
    senders: u32,
) -> Result<()> {
    for (row, spread) in SPREADS {
        let directory = TempDir::new().context("make a directory")?;
        let world = World::Application;
        let corpus = Corpus::of_world(directory.path(), world, (lines, seed), spread, senders)?;
        let daemon = Daemon::start(binary, directory.path(), &settings_of(spread.days))?;
        let cpu_before = cpu_of(daemon.id())?;
        let (sending, started) = (AtomicBool::new(true), Instant::now());
        let (acked, searchable, live) = std::thread::scope(|scope| {
            let prober = scope.spawn(|| pace::probe(&daemon, &sending));
            let sent = ingest::send(binary, &daemon, &corpus, Protocol::Http);
            let acked = started.elapsed();
            let found = sent.and_then(|()| daemon.wait_for_lines(corpus.lines));
            let searchable = started.elapsed();
            sending.store(false, Ordering::Relaxed);
            let live = pace::sorted(pace::joined(prober.join())?);
            found.map(|()| (acked, searchable, live))
        })?;
        let mut sheet = results.sheet(BACKLOGS);
        sheet.add(row, "lines", Better::Given, lines as f64);
        sheet.add(row, "lines/s acked", Better::More, lines as f64 / acked.as_secs_f64());
        let per_second = lines as f64 / searchable.as_secs_f64();
        sheet.add(row, "lines/s searchable", Better::More, per_second);
        sheet.add(row, "CPU s", Better::Less, cpu_of(daemon.id())? - cpu_before);
        // A million bytes, as the targets are written.
        sheet.add(row, "peak RSS MB", Better::Less, peak_memory_of(daemon.id())? * 1.048_576);
        for (name, percent) in [("p50", 50), ("p99", 99)] {
            let ms = percentile_ms(&live, percent).context("no live line was found")?;
            sheet.add(row, &format!("live line searchable {name} ms"), Better::Less, ms);
        }
    }
    Ok(())
}
