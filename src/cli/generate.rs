//! `tierlog generate`: settings arrive, sample lines and the manifest of what was planted leave.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tierlog_model::{Clock as _, SystemClock, Timestamp};
use tierlog_query::{MOMENT_FORMS, read_moment};

use crate::client::WrongUsage;
use crate::generate::{Corpus, Generator, GeneratorSettings};
use crate::output::{Progress, until_closed};

/// Lines between two looks at the progress bar.
const LINES_PER_TICK: u64 = 4_096;

/// Bytes between two writes.
const BUFFER_BYTES: usize = 256 * 1024;

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How many lines
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    lines: u64,
    /// The same seed and start give the same bytes on every machine
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Moment of the first line: RFC 3339 or a date; by default so that the last line is now
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Time that the lines spread over: 10m, 1h, 30d
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    span: String,
    /// Messages of random words, ids of 36 characters and 50,000 users, without planted data:
    /// nearly every message is new, where those of an application repeat
    #[arg(long, conflicts_with = "manifest")]
    free_text: bool,
    /// Equal parts of the span that take lines in turns, as when N senders catch up: 10 over ten
    /// days lets ten days grow at once; with 1, lines come in the order of time
    #[arg(long, value_name = "N", default_value = "1")]
    backlogs: NonZero<u16>,
    /// File for the planted personal data: {"kind":...,"value":...,"line":...} a line
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// File for the lines; `-` is stdout
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let settings = settings(args, SystemClock.now())?;
    let manifest = args.manifest.as_deref().map(create).transpose()?;
    if args.output.as_os_str() == "-" {
        let progress = Progress::hidden();
        let out = std::io::stdout().lock();
        return until_closed(write(settings, out, manifest, &progress));
    }
    let progress = Progress::of_lines(settings.lines);
    let result = write(settings, create(&args.output)?, manifest, &progress);
    progress.finish();
    result.with_context(|| format!("write {}", args.output.display()))
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("create {}", path.display()))
}

fn settings(args: &Args, now: Timestamp) -> Result<GeneratorSettings, WrongUsage> {
    let span = parse_span(&args.span)
        .ok_or_else(|| WrongUsage(format!("--span {:?}: expected 10m, 1h or 30d", args.span)))?;
    let start = match &args.start {
        Some(text) => read_moment(text, now)
            .ok_or_else(|| WrongUsage(format!("--start {text:?}: {MOMENT_FORMS}")))?,
        None => {
            let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
            let start = now.saturating_add_micros(-micros).as_micros();
            // Whole seconds, so that the start of a run can be given again from its first line.
            Timestamp::from_micros_clamped(start - start.rem_euclid(1_000_000))
        }
    };
    let corpus = if args.free_text { Corpus::FreeText } else { Corpus::Application };
    let (lines, seed, backlogs) = (args.lines, args.seed, args.backlogs);
    Ok(GeneratorSettings { lines, seed, corpus, start, span, backlogs })
}

fn parse_span(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let relative = jiff::SpanRelativeTo::days_are_24_hours();
    let duration = span.to_duration(relative).ok()?;
    Duration::try_from(duration).ok()
}

fn write(
    settings: GeneratorSettings,
    mut out: impl Write,
    manifest: Option<File>,
    progress: &Progress,
) -> Result<ExitCode> {
    let mut generator = Generator::new(settings);
    let mut manifest = manifest.map(BufWriter::new);
    let mut planted = Vec::new();
    let mut buffer = Vec::with_capacity(BUFFER_BYTES + 8 * 1024);
    let mut lines = 0_u64;
    while generator.next_line(&mut buffer, &mut |value| planted.push(value)) {
        lines += 1;
        if let Some(manifest) = &mut manifest {
            for value in &planted {
                serde_json::to_writer(&mut *manifest, value)?;
                manifest.write_all(b"\n")?;
            }
        }
        planted.clear();
        if buffer.len() >= BUFFER_BYTES {
            out.write_all(&buffer)?;
            buffer.clear();
        }
        if lines.is_multiple_of(LINES_PER_TICK) {
            progress.set(lines);
        }
    }
    out.write_all(&buffer)?;
    out.flush()?;
    if let Some(manifest) = &mut manifest {
        manifest.flush()?;
    }
    progress.set(lines);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: Option<&str>, span: &str, expected: Option<(&str, u64)>) {
        let args = Args {
            lines: 5,
            seed: 1,
            start: start.map(str::to_owned),
            span: span.to_owned(),
            free_text: false,
            backlogs: NonZero::<u16>::MIN,
            manifest: None,
            output: PathBuf::from("-"),
        };
        let now: jiff::Timestamp = "2026-11-20T14:05:09.5Z".parse().expect("a moment");
        let settings = settings(&args, now.into());
        let found =
            settings.ok().map(|settings| (settings.start.to_string(), settings.span.as_secs()));
        let expected = expected.map(|(start, span)| (start.to_owned(), span));
        assert_eq!(found, expected, "{start:?} {span:?}");
    }

    #[test]
    fn start_and_span_are_read_in_the_usual_forms() {
        check(None, "1h", Some(("2026-11-20T13:05:09.000000Z", 3_600)));
        check(None, "1d12h", Some(("2026-11-19T02:05:09.000000Z", 129_600)));
        check(Some("2026-11-01"), "30m", Some(("2026-11-01T00:00:00.000000Z", 1_800)));
        check(Some("2026-11-01T02:00:00+02:00"), "1s", Some(("2026-11-01T00:00:00.000000Z", 1)));
        for (start, span) in [(None, "hour"), (None, "-1h"), (None, "1mo"), (Some("Tuesday"), "1h")]
        {
            check(start, span, None);
        }
    }

    #[test]
    fn lines_and_manifest_are_written_to_the_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("manifest");
        let start = Timestamp::from_micros_clamped(0);
        let span = Duration::from_secs(60);
        let settings = GeneratorSettings::application(5_000, 4, start, span);
        let mut lines = Vec::new();
        let manifest = Some(create(&path).expect("a file"));
        write(settings, &mut lines, manifest, &Progress::hidden()).expect("written");
        assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 5_000);
        let manifest = std::fs::read_to_string(&path).expect("a manifest");
        assert!(manifest.ends_with('\n') && manifest.lines().count() > 100);
        for line in manifest.lines() {
            let planted: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(planted["kind"].is_string() && planted["line"].is_u64(), "{line}");
        }
    }
}
