//! Arguments of the verb, and their combined meaning.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use tierlog_ingest::OtherText;
use tierlog_model::keys::{parse_duration, parse_size};
use tierlog_model::{ProducerId, Tenant};

use super::http::{HttpSettings, WhenWrong};
use super::spool::{SpoolSettings, WhenFull};
use super::tcp::TcpSettings;
use crate::client::WrongUsage;
use crate::output::Format;

/// Smallest spool: it is used in eighths.
const SPOOL_BYTES_MIN: u64 = 1 << 20;

/// Room for lines of a file that wait: the file keeps the others.
const FILE_SPOOL_BYTES: u64 = 64 << 20;

/// How long a file, or what a spool holds at the end of its input, is sent again by default.
const RETRY_FOR: Duration = Duration::from_secs(60);

/// Longest name of a service or a source: with it a handshake stays short, and so does every
/// record that gets it.
const NAME_BYTES_MAX: usize = 256;

/// Arguments of the verb.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// File of lines; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The server's ingest address: http://host:port or tcp://host:port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5171")]
    to: String,
    /// Service of lines that name none
    #[arg(long, value_name = "NAME", value_parser = name)]
    service: Option<String>,
    /// Where the lines come from, kept with each line
    #[arg(long, value_name = "NAME", value_parser = name)]
    source: Option<String>,
    /// Lines of text in no known format are messages, not rejected
    #[arg(long)]
    plain: bool,
    /// Passes the lines on to stdout, unchanged; the summary goes to stderr
    #[arg(long)]
    tee: bool,
    /// Goes on with FILE as it grows and is rotated, from where an earlier run was
    #[arg(long)]
    follow: bool,
    /// Keeps lines in this directory until the server has them, across restarts of either side
    #[arg(long, value_name = "DIR")]
    spool: Option<PathBuf>,
    /// Most that the spool takes of the disk; beyond it the oldest lines go, and are counted
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = spool_size)]
    spool_size: u64,
    /// Lines that wait in the spool for longer go, and are counted
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = age)]
    spool_age: Duration,
    /// Goes on where an earlier run of this name over the same FILE was stopped
    #[arg(long, value_name = "NAME", value_parser = producer_name, conflicts_with = "spool")]
    producer: Option<String>,
    /// Where --producer and --follow remember how far they are
    #[arg(long, value_name = "DIR", env = "TIERLOG_STATE")]
    state: Option<PathBuf>,
    /// Requests at a time (HTTP only)
    #[arg(long, value_name = "N", default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(1..=64))]
    in_flight: u8,
    /// How long to repeat what the server does not take: by default for ever while lines come from
    /// stdin, and 60 s for a file or, with a spool, after the end of the input
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    retry_for: Option<Duration>,
    /// How long sending may go on after SIGINT, SIGTERM or SIGHUP; for half of it, stdin is read
    /// on to its end
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = seconds)]
    stop_timeout: Duration,
    /// How to write the summary
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) source: Source,
    pub(super) target: Target,
    pub(super) keeping: Keeping,
    pub(super) tee: bool,
    pub(super) retry_for: Option<Duration>,
    pub(super) stop_timeout: Duration,
    pub(super) format: Format,
    to: String,
    in_flight: usize,
    /// What lines lack.
    defaults: Vec<(&'static str, String)>,
    plain: bool,
}

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// An input that is read once: stdin, or a path's file.
    Stream(Option<PathBuf>),
    File(PathBuf),
    Followed(PathBuf),
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Http,
    /// Host and port.
    Tcp(String),
}

/// Where lines wait.
#[derive(Clone, Debug)]
pub(super) enum Keeping {
    Memory,
    Spool(SpoolSettings),
}

impl Source {
    /// Returns the length of a file that is read once.
    pub(super) fn length(&self) -> Result<Option<u64>> {
        let Source::File(path) = self else { return Ok(None) };
        let data = std::fs::metadata(path).with_context(|| format!("open {}", path.display()))?;
        Ok(data.is_file().then_some(data.len()))
    }
}

impl Settings {
    /// Reads the arguments; refuses what cannot be meant together.
    pub(super) fn read(args: &Args) -> Result<Settings> {
        let target = read_target(&args.to)?;
        let source = match (args.file.as_os_str() == "-", args.follow) {
            (true, true) => {
                return Err(WrongUsage("--follow needs a FILE: stdin is read once".into()).into());
            }
            (true, false) => Source::Stream(None),
            (false, true) => Source::Followed(args.file.clone()),
            (false, false) if is_pipe(&args.file) => Source::Stream(Some(args.file.clone())),
            (false, false) => Source::File(args.file.clone()),
        };
        let keeping = read_keeping(args, &source)?;
        let waits = matches!((&source, &keeping), (Source::File(_), _) | (_, Keeping::Spool(_)));
        let named = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        Ok(Settings {
            source,
            target,
            keeping,
            tee: args.tee,
            retry_for: args.retry_for.or(waits.then_some(RETRY_FOR)),
            stop_timeout: args.stop_timeout,
            format: args.format,
            to: args.to.clone(),
            in_flight: usize::from(args.in_flight),
            defaults: named("service", &args.service)
                .into_iter()
                .chain(named("source", &args.source))
                .collect(),
            plain: args.plain,
        })
    }

    /// Returns what the server does with text of no known format.
    pub(super) fn other_text(&self) -> OtherText {
        if self.plain { OtherText::Message } else { OtherText::Rejected }
    }

    /// Returns how to send over HTTP.
    pub(super) fn http(&self) -> HttpSettings {
        let parameters = self.defaults.iter();
        HttpSettings {
            server: self.to.clone(),
            parameters: parameters
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            content_type: if self.plain { "text/plain" } else { "application/x-ndjson" },
            in_flight: self.in_flight,
            when_wrong: match self.keeping {
                Keeping::Memory => WhenWrong::GiveUp,
                Keeping::Spool(_) => WhenWrong::TryAgain,
            },
        }
    }

    /// Returns how to send over TCP.
    pub(super) fn tcp(&self, address: &str) -> TcpSettings {
        let mut wishes = Map::new();
        for (name, value) in &self.defaults {
            wishes.insert((*name).to_owned(), json!(value));
        }
        if self.plain {
            wishes.insert("plain".to_owned(), Value::Bool(true));
        }
        TcpSettings { address: address.to_owned(), wishes }
    }
}

/// Tells whether a path is read once: a pipe, a device, a socket. What is not there is a file.
fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir())
}

fn read_target(to: &str) -> Result<Target, WrongUsage> {
    let address = to.strip_prefix("tcp://").map(|address| address.trim_end_matches('/'));
    match address {
        Some(address) if !address.is_empty() => Ok(Target::Tcp(address.to_owned())),
        None if to.starts_with("http://") => Ok(Target::Http),
        Some(_) | None => {
            Err(WrongUsage(format!("--to {to:?}: expected http://host:port or tcp://host:port")))
        }
    }
}

fn read_keeping(args: &Args, source: &Source) -> Result<Keeping> {
    let spool = |directory, bytes_max, when_full| {
        Keeping::Spool(SpoolSettings { directory, bytes_max, age_max: args.spool_age, when_full })
    };
    let when_full = match source {
        Source::Stream(_) => WhenFull::DropOldest,
        Source::File(_) | Source::Followed(_) => WhenFull::Wait,
    };
    if let Some(directory) = &args.spool {
        return Ok(spool(directory.clone(), args.spool_size, when_full));
    }
    let name = match (&args.producer, source) {
        (Some(_), Source::Stream(_)) => {
            let problem = "--producer needs a FILE: stdin is read once; with --spool DIR, what was \
                           read of it outlives a restart";
            return Err(WrongUsage(problem.to_owned()).into());
        }
        (Some(name), _) => file_name_of(name),
        (None, Source::Followed(path)) => {
            let path = std::path::absolute(path).context("find the file")?;
            format!("follow-{}", file_name_of(&path.to_string_lossy()))
        }
        (None, Source::Stream(_) | Source::File(_)) => return Ok(Keeping::Memory),
    };
    Ok(spool(state_directory(args)?.join(name), FILE_SPOOL_BYTES, WhenFull::Wait))
}

/// Returns a file name for any text: what is no letter, digit or `-_.` becomes its code.
fn file_name_of(text: &str) -> String {
    let mut name = String::new();
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        // A name of dots would be another directory.
        if is_plain || (byte == b'.' && !name.is_empty()) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    name
}

fn state_directory(args: &Args) -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = variable("HOME").map(|home| Path::new(&home).join(".local/state"));
    let of_user = variable("XDG_STATE_HOME").map(PathBuf::from).or(home);
    args.state
        .clone()
        // What systemd makes for a unit with `StateDirectory=`.
        .or_else(|| variable("STATE_DIRECTORY").map(PathBuf::from))
        .or_else(|| of_user.map(|directory| directory.join("tierlog")))
        .ok_or_else(|| {
            WrongUsage("neither --state nor HOME says where to remember how far it is".into())
                .into()
        })
}

fn name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= NAME_BYTES_MAX;
    fits.then(|| text.to_owned()).ok_or(format!("expected 1 to {NAME_BYTES_MAX} bytes"))
}

fn producer_name(text: &str) -> Result<String, String> {
    let is_name = ProducerId::of_client(Tenant::DEFAULT, text).is_some();
    is_name.then(|| text.to_owned()).ok_or("expected 1 to 128 printable ASCII characters".into())
}

fn spool_size(text: &str) -> Result<u64, String> {
    let size = parse_size(text).filter(|bytes| *bytes >= SPOOL_BYTES_MIN);
    size.ok_or("expected a size of at least 1MiB, such as 1GiB".into())
}

/// Reads a duration; a number alone counts seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| parse_duration(text)).ok_or("expected a time such as 10s or 5m".into())
}

/// Reads a duration that may count days.
fn age(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok());
    let days = days.map(|days| Duration::from_secs(u64::from(days) * 24 * 3600));
    days.or_else(|| parse_duration(text)).ok_or("expected a time such as 7d or 12h".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn read(arguments: &[&str]) -> Result<Settings> {
        let line = Line::try_parse_from([&["send"], arguments].concat())?;
        Settings::read(&line.args)
    }

    #[test]
    fn the_target_is_named_by_its_scheme() {
        assert_eq!(read_target("tcp://h:1/").ok(), Some(Target::Tcp("h:1".to_owned())));
        assert_eq!(read_target("http://h:1").ok(), Some(Target::Http));
        for to in ["https://h", "h:1", "", "udp://h:1", "tcp://"] {
            assert!(read_target(to).is_err(), "{to}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for arguments in [
            &["--follow"][..],
            &["--producer", "p"],
            &["f", "--producer", "p", "--spool", "s"],
            &["f", "--producer", "two words"],
            &["--spool", "s", "--spool-size", "64"],
            &["--spool", "s", "--spool-size", "64KiB"],
            &["--spool", "s", "--spool-age", "soon"],
            &["--service", ""],
            &["--retry-for", "-1"],
        ] {
            assert!(read(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn a_stream_is_sent_for_ever_and_a_file_for_a_minute() {
        let retry_for = |arguments: &[&str]| read(arguments).expect("meant").retry_for;
        assert_eq!(retry_for(&[]), None);
        assert_eq!(retry_for(&["-", "--spool", "s"]), Some(RETRY_FOR));
        assert_eq!(retry_for(&["f"]), Some(RETRY_FOR));
        assert_eq!(retry_for(&["--retry-for", "5"]), Some(Duration::from_secs(5)));
        assert_eq!(retry_for(&["--retry-for", "5m"]), Some(Duration::from_secs(300)));
    }

    #[test]
    fn only_a_stream_loses_lines_at_the_bound() {
        let when_full = |arguments: &[&str]| match read(arguments).expect("meant").keeping {
            Keeping::Spool(spool) => Some(spool.when_full),
            Keeping::Memory => None,
        };
        assert_eq!(when_full(&["-", "--spool", "s"]), Some(WhenFull::DropOldest));
        assert_eq!(when_full(&["f", "--spool", "s"]), Some(WhenFull::Wait));
        assert_eq!(when_full(&["f", "--producer", "p", "--state", "s"]), Some(WhenFull::Wait));
        assert_eq!(when_full(&["--follow", "f", "--state", "s"]), Some(WhenFull::Wait));
        assert_eq!(when_full(&["f"]), None);
    }

    #[test]
    fn names_become_names_of_directories() {
        assert_eq!(file_name_of("deploy-1"), "deploy-1");
        assert_eq!(file_name_of("../x y"), "%2e.%2fx%20y");
        assert_eq!(file_name_of("."), "%2e");
    }

    #[test]
    fn durations_may_count_days() {
        assert_eq!(age("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(age("12h"), Ok(Duration::from_secs(12 * 3_600)));
        assert!(age("d").is_err());
    }
}
