//! The lines that everything is measured with, in files: a seed arrives, the same lines leave on
//! every machine, but for the day.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tierlog::generate::{Corpus as World, Generator, GeneratorSettings};
use tierlog_model::{Clock as _, SystemClock, Timestamp};

use crate::shapes::sample_request_ids;

/// Microseconds of an hour, in which the lines of the main corpus lie.
const HOUR_MICROS: i64 = 3_600_000_000;

/// Microseconds of a day.
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// Every n-th line is looked up by its request id.
const LINES_PER_SAMPLE: usize = 997;

/// So many bytes are looked through for request ids at most.
const SAMPLED_BYTES_MAX: u64 = 400_000_000;

/// Generated lines.
pub(crate) struct Corpus {
    /// How many lines.
    pub(crate) lines: u64,
    /// How many bytes.
    pub(crate) bytes: u64,
    /// Over how many days they are spread.
    pub(crate) days: u32,
    /// The files, one a sender.
    pub(crate) files: Vec<PathBuf>,
}

/// How lines lie over days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// How many days.
    pub(crate) days: u32,
    /// How many of them a sender's lines fill at a time.
    pub(crate) at_once: AtOnce,
}

/// See [`Spread::at_once`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtOnce {
    /// One after the other, as in life.
    One,
    /// All in turns, as when a backlog of each is sent.
    All,
}

impl Corpus {
    /// Writes lines of the application into as many files as there are senders. Lines of one day
    /// lie within one hour; lines of many days end with yesterday.
    pub(crate) fn generate(
        directory: &Path,
        (lines, seed): (u64, u64),
        days: u32,
        senders: u32,
    ) -> Result<Corpus> {
        let spread = Spread { days, at_once: AtOnce::One };
        Corpus::of_world(directory, World::Application, (lines, seed), spread, senders)
    }

    /// Writes lines of a world as [`Corpus::generate`] does.
    pub(crate) fn of_world(
        directory: &Path,
        world: World,
        (lines, seed): (u64, u64),
        Spread { days, at_once }: Spread,
        senders: u32,
    ) -> Result<Corpus> {
        let now = SystemClock.now().as_micros();
        let (start, span) = match days {
            1 => (one_hour_before(now), HOUR_MICROS),
            _ => {
                let span = i64::from(days) * DAY_MICROS;
                (now - now.rem_euclid(DAY_MICROS) - span, span)
            }
        };
        let start = Timestamp::from_micros_clamped(start);
        let span = Duration::from_micros(span.unsigned_abs());
        let backlogs = match at_once {
            AtOnce::One => NonZero::<u16>::MIN,
            AtOnce::All => u16::try_from(days).ok().and_then(NonZero::new).context("count days")?,
        };
        let settings = GeneratorSettings { lines, seed, corpus: world, start, span, backlogs };
        let mut generator = Generator::new(settings);
        let mut corpus = Corpus { lines, bytes: 0, days, files: Vec::new() };
        let mut line = Vec::new();
        for sender in 0..u64::from(senders) {
            let path = directory.join(format!("lines-{days}-{sender}.jsonl"));
            let mut file = BufWriter::new(File::create(&path).context("make a file of lines")?);
            let (first, end) =
                (lines * sender / u64::from(senders), lines * (sender + 1) / u64::from(senders));
            for _ in first..end {
                line.clear();
                generator.next_line(&mut line, &mut |_planted| {});
                corpus.bytes += line.len() as u64;
                file.write_all(&line)?;
            }
            file.flush()?;
            corpus.files.push(path);
        }
        Ok(corpus)
    }

    /// Returns the first bytes of the lines, cut after a whole line.
    pub(crate) fn head(&self, bytes_max: u64) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        for path in &self.files {
            let rest = bytes_max.saturating_sub(text.len() as u64);
            File::open(path)?.take(rest).read_to_end(&mut text)?;
        }
        let end = memchr::memrchr(b'\n', &text).context("a corpus of no line")?;
        text.truncate(end + 1);
        Ok(text)
    }

    /// Returns request ids of lines all over the corpus.
    pub(crate) fn request_ids(&self) -> Result<Vec<String>> {
        Ok(sample_request_ids(&self.head(SAMPLED_BYTES_MAX)?, LINES_PER_SAMPLE))
    }
}

/// Returns the beginning of the newest hour that is over and lies in one day as a whole.
fn one_hour_before(now: i64) -> i64 {
    let start = now - HOUR_MICROS;
    let crosses_midnight = start.div_euclid(DAY_MICROS) != now.div_euclid(DAY_MICROS);
    if crosses_midnight { now - now.rem_euclid(DAY_MICROS) - HOUR_MICROS } else { start }
}
