//! `tierlog serve`: runs the server until a signal stops it.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::config::ConfigArgs;
use tierlog_store::Durability;

use crate::config::{Config, LogFormat, RedactionSection};
use crate::reload::Startup;
use crate::server::{Addresses, raise_limit};
use crate::{counters, telemetry, wiring};

/// Threads that decode bodies, run queries and maintenance: more threads than concurrent queries,
/// so that ingest always finds a free thread; further work waits.
const BLOCKING_THREADS_MAX: usize = 64;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Writes the bound addresses as JSON to this file once the server is ready
    #[arg(long, value_name = "FILE")]
    addresses_file: Option<PathBuf>,
}

/// Runs the server.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let sources = args.config.sources()?;
    let (config, layers) = Config::load(&sources)?;
    let log = telemetry::start_log(&config.log)?;
    telemetry::quiet_panics();
    raise_limit();
    let recorder = telemetry::start_metrics()?;
    counters::start_at_zero(&config);
    if let Some(file) = &args.addresses_file {
        Addresses::forget(file)?;
    }
    let banner = Banner::of(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("tierlog-io")
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .context("start the runtime")?;
    let ready = |addresses: &Addresses| {
        telemetry::mark_ready();
        banner.show(addresses);
        args.addresses_file.as_ref().map_or(Ok(()), |file| addresses.write(file))
    };
    let startup = Startup { config, layers, sources, log };
    let outcome = runtime.block_on(wiring::serve(startup, recorder, ready));
    // A query or a verification may still run on a blocking thread; its client is gone, and
    // maintenance may end at any point.
    runtime.shutdown_background();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Returns how redaction is configured, in words.
fn redaction(section: &RedactionSection) -> String {
    match (section.enabled, section.policy.version()) {
        (false, _) => "NOTHING: redaction.enabled is false".to_owned(),
        (true, None) => "every find".to_owned(),
        (true, Some(version)) => format!("every find, by the rules of policy {version}"),
    }
}

/// What an engineer wants to know at the start.
struct Banner {
    format: LogFormat,
    data_dir: String,
    durability: String,
    tiers: String,
    redaction: String,
}

impl Banner {
    fn of(config: &Config) -> Banner {
        let tiers = config.store.tiers.iter();
        let tiers: Vec<String> =
            tiers.map(|(_, policy)| format!("{} {} d", policy.name, policy.days)).collect();
        Banner {
            format: config.log.format,
            data_dir: config.server.data_dir.display().to_string(),
            durability: match config.store.durability {
                Durability::Fsync => "fsync: an ack survives a power cut".to_owned(),
                Durability::Interval(interval) => {
                    format!("interval: a power cut loses up to {} ms", interval.as_millis())
                }
                Durability::None => "none: a power cut loses what was not written".to_owned(),
            },
            tiers: tiers.join(", "),
            redaction: redaction(&config.redaction),
        }
    }

    /// Shows the banner on a terminal, and one line in the log elsewhere.
    fn show(&self, addresses: &Addresses) {
        let Banner { data_dir: data, durability, tiers, redaction, format: _ } = self;
        if !std::io::stderr().is_terminal() || self.format == LogFormat::Json {
            let listeners: Vec<String> =
                addresses.urls().map(|(name, url)| format!("{name}={url}")).collect();
            let listeners = listeners.join(" ");
            tracing::info!(%listeners, %data, %durability, %tiers, %redaction, "ready");
            return;
        }
        let listeners: String =
            addresses.urls().map(|(name, url)| format!("  {name:<9} {url}\n")).collect();
        let to = addresses.urls().find(|(_, url)| url.starts_with("tcp://"));
        let to = to.map_or(String::new(), |(_, url)| format!(" --to {url}"));
        let text = format!(
            "tierlog {version} is ready\n\n{listeners}  data      {data}\n  ack       {durability}\
             \n  keeps     {tiers}\n  redacts   {redaction}\n\
             \n  try       tierlog generate --lines 1000 --seed 1 | tierlog send{to}\n\n",
            version = env!("CARGO_PKG_VERSION"),
        );
        // Nobody is left to tell when stderr is closed.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
