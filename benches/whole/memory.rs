//! The most memory that a daemon has resident, by what is sent and how: an application's lines and
//! free text, over TCP and in large bodies, in one hour and over ten days.

use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tierlog::generate::Corpus as World;

use crate::bodies;
use crate::corpus::{AtOnce, Corpus, Spread};
use crate::daemon::Daemon;
use crate::ingest::{self, Protocol};
use crate::measure::{cpu_of, peak_memory_of};
use crate::queries::settings_of;
use crate::results::{Better, Results};

/// The table of peaks.
const PEAKS: &str = "peak memory while lines arrive";

/// Days over which the long corpus lies.
const DAYS: u32 = 10;

/// Bodies as large as shippers that collect for long send them: Fluent Bit's chunks have 2 MB,
/// Vector's batches 10 MB.
const BODIES: [usize; 2] = [2_000_000, 8_000_000];

/// How many lines are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    /// Within an hour.
    pub(crate) hour: u64,
    /// Over ten days.
    pub(crate) days: u64,
    /// The seed of both.
    pub(crate) seed: u64,
    /// Programs that send at once.
    pub(crate) senders: u32,
}

/// How the lines of a row are sent.
#[derive(Clone, Copy, Debug)]
enum Way {
    Tcp,
    Bodies(usize),
}

impl Way {
    fn label(self) -> String {
        match self {
            Way::Tcp => "TCP".to_owned(),
            Way::Bodies(bytes) => format!("bodies of {} MB", bytes / 1_000_000),
        }
    }
}

/// Measures the peaks of every corpus and way, and adds them to the results.
pub(crate) fn memory(results: &mut Results, binary: &Path, lines: Lines) -> Result<()> {
    let hour = Spread { days: 1, at_once: AtOnce::One };
    let (in_order, at_once) =
        (Spread { days: DAYS, at_once: AtOnce::One }, Spread { days: DAYS, at_once: AtOnce::All });
    let [medium, large] = BODIES.map(Way::Bodies);
    let both = [("application", World::Application), ("free text", World::FreeText)];
    for (name, world) in both {
        let ways = [Way::Tcp, medium, large];
        rows(results, binary, (name, world), (lines.hour, hour), &ways, lines)?;
    }
    for (name, world) in both {
        let name = format!("{name}, {DAYS} days in order");
        rows(results, binary, (&name, world), (lines.days, in_order), &[Way::Tcp], lines)?;
    }
    for (name, world) in both {
        let name = format!("{name}, {DAYS} days at once");
        rows(results, binary, (&name, world), (lines.hour, at_once), &[Way::Tcp, large], lines)?;
    }
    Ok(())
}

/// Writes a corpus, sends it in each way to a fresh daemon, and removes it again.
fn rows(
    results: &mut Results,
    binary: &Path,
    (name, world): (&str, World),
    (count, spread): (u64, Spread),
    ways: &[Way],
    lines: Lines,
) -> Result<()> {
    let directory = TempDir::new().context("make a directory")?;
    let seeded = (count, lines.seed);
    let corpus = Corpus::of_world(directory.path(), world, seeded, spread, lines.senders)?;
    for way in ways {
        let home = TempDir::new().context("make a directory")?;
        let daemon = Daemon::start(binary, home.path(), &settings_of(corpus.days))?;
        let cpu_before = cpu_of(daemon.id())?;
        match way {
            Way::Tcp => ingest::send(binary, &daemon, &corpus, Protocol::Tcp)?,
            Way::Bodies(bytes) => bodies::send(&daemon, &corpus, *bytes)?,
        }
        daemon.wait_for_lines(corpus.lines)?;
        let row = format!("{name}, {}", way.label());
        let mut sheet = results.sheet(PEAKS);
        sheet.add(&row, "lines", Better::Given, corpus.lines as f64);
        sheet.add(&row, "MB", Better::Given, corpus.bytes as f64 / 1e6);
        // A million bytes, as the targets are written.
        let peak = peak_memory_of(daemon.id())? * 1.048_576;
        sheet.add(&row, "peak RSS MB", Better::Less, peak);
        sheet.add(&row, "CPU s", Better::Less, cpu_of(daemon.id())? - cpu_before);
    }
    Ok(())
}
