//! `tierlog send`: the lines of a file or of stdin leave, the server's verdict on them arrives.
//!
//! Over HTTP each batch has a name, over TCP each line a number, so that what is sent again after
//! a broken connection or a restart of the server brings no line twice.

mod batches;
mod http;
mod tally;
mod tcp;

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tierlog_model::ProducerId;

use super::{NO, WrongUsage};
use crate::output::{Format, Palette, Progress, render_table};

use batches::BatchReader;
use http::HttpSettings;
use tally::Tally;
use tcp::TcpSettings;

/// First pause before something is sent again; doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause that we choose ourselves.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File of JSON lines; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The server's ingest address: http://host:port or tcp://host:port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5171")]
    to: String,
    /// Service of lines that name none (HTTP only)
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Where the lines come from, kept with each line (HTTP only)
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Requests at a time (HTTP only)
    #[arg(long, value_name = "N", default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(1..=64))]
    in_flight: u8,
    /// How long to repeat what the server cannot take now, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    retry_for: u64,
    /// Goes on where an earlier run of this name over the same lines was stopped (TCP only)
    #[arg(long, value_name = "NAME", value_parser = producer_name)]
    producer: Option<String>,
    /// How to write the summary
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let target = Target::read(&args.to)?;
    let (input, total) = open(args)?;
    let progress = Progress::of_bytes(total);
    let started = Instant::now();
    let batches = BatchReader::spawn(input)?;
    let sent = match target {
        Target::Http => http::send(batches, &http_settings(args), &progress),
        Target::Tcp(address) => tcp::send(batches, &tcp_settings(args, address), &progress),
    };
    progress.finish();
    report(args.format, &sent?, started.elapsed())
}

/// Where lines go.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    Http,
    /// Host and port.
    Tcp(&'a str),
}

impl Target<'_> {
    fn read(to: &str) -> Result<Target<'_>, WrongUsage> {
        if let Some(address) = to.strip_prefix("tcp://") {
            return Ok(Target::Tcp(address.trim_end_matches('/')));
        }
        if to.starts_with("http://") {
            return Ok(Target::Http);
        }
        let problem = format!("--to {to:?}: expected http://host:port or tcp://host:port");
        Err(WrongUsage(problem))
    }
}

/// Returns the input and, for a file, its length.
fn open(args: &Args) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
    if args.file.as_os_str() == "-" {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let file = File::open(&args.file).with_context(|| format!("open {}", args.file.display()))?;
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
    Ok((Box::new(file), length))
}

fn http_settings(args: &Args) -> HttpSettings {
    let parameter = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| (name.to_owned(), value.clone()))
    };
    HttpSettings {
        server: args.to.clone(),
        parameters: parameter("service", &args.service)
            .into_iter()
            .chain(parameter("source", &args.source))
            .collect(),
        in_flight: usize::from(args.in_flight),
        retry_for: Duration::from_secs(args.retry_for),
    }
}

fn tcp_settings(args: &Args, address: &str) -> TcpSettings {
    TcpSettings {
        address: address.to_owned(),
        producer: args.producer.clone(),
        retry_for: Duration::from_secs(args.retry_for),
    }
}

fn producer_name(text: &str) -> Result<String, String> {
    let is_name = ProducerId::of_client(text).is_some();
    is_name.then(|| text.to_owned()).ok_or("expected 1 to 128 printable ASCII characters".into())
}

/// Returns a name that no other run has: the standard library's hash keys are random.
fn run_id() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}

fn report(format: Format, tally: &Tally, took: Duration) -> Result<ExitCode> {
    let text = match format {
        Format::Pretty => tally.sentence(took),
        Format::Json | Format::Csv => render_table(&tally.table(took), format, Palette::Plain),
    };
    let mut stderr = std::io::stderr().lock();
    for line in tally.complaints() {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(stderr, "{line}");
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(if tally.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_named_by_its_scheme() {
        assert_eq!(Target::read("tcp://h:1/").ok(), Some(Target::Tcp("h:1")));
        assert_eq!(Target::read("http://h:1").ok(), Some(Target::Http));
        for to in ["https://h", "h:1", "", "udp://h:1"] {
            assert!(Target::read(to).is_err(), "{to}");
        }
    }
}
