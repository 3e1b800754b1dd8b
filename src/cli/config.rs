//! `tierlog config check|print|reload`, and the flags by which every verb finds its configuration.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use tierlog_model::keys::DEFAULT_TOML;

use super::NO;
use super::target::change;
use crate::client::{Endpoint, ServerArgs};
use crate::config::{Config, ConfigError, ConfigFault, Layers, Sources};
use crate::reload::ReloadReport;

/// Flags by which a configuration is found and changed.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ConfigArgs {
    /// Configuration file (else ./tierlog.toml or /etc/tierlog/tierlog.toml, if there)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory (data.dir)
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Sets a key, such as ingest.tcp.listen=127.0.0.1:0 (may be given again)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    /// Reads and checks the configuration.
    pub(super) fn load(&self) -> Result<(Config, Layers), ConfigError> {
        Config::load(&self.sources()?)
    }

    /// Returns where the configuration is read.
    pub(super) fn sources(&self) -> Result<Sources, ConfigError> {
        let mut assignments = self.set.clone();
        if let Some(data) = &self.data {
            let Some(data) = data.to_str() else {
                return Err(ConfigError(vec![ConfigFault {
                    key: "data.dir".to_owned(),
                    value: None,
                    origin: "--data".to_owned(),
                    rule: "must be UTF-8".to_owned(),
                }]));
            };
            assignments.push(format!("data.dir={}", toml::Value::from(data)));
        }
        Ok(Sources::of_process(self.config.as_deref(), &assignments))
    }
}

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Says ok, or lists every problem
    Check(ConfigArgs),
    /// Prints what is in force, with where each value comes from
    Print {
        #[command(flatten)]
        config: ConfigArgs,
        /// Prints the embedded default with all of its comments instead
        #[arg(long)]
        default: bool,
    },
    /// Lets a running server read its configuration again
    ///
    /// The whole of it is checked: it is taken over, or refused with every problem, and then
    /// nothing has changed. Keys that need a restart are named.
    Reload(ServerArgs),
}

/// Checks or prints the configuration.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let mut stdout = std::io::stdout().lock();
    match &args.action {
        Action::Print { default: true, .. } => stdout.write_all(DEFAULT_TOML.as_bytes())?,
        Action::Print { config, .. } => match config.load() {
            Ok((_, layers)) => stdout.write_all(layers.to_toml().as_bytes())?,
            Err(problems) => return refuse(&problems),
        },
        Action::Check(config) => match config.load() {
            Ok(_) => writeln!(stdout, "ok")?,
            Err(problems) => return refuse(&problems),
        },
        Action::Reload(server) => {
            let answer = change(&server.client()?, &Endpoint::new("/api/v1/config/reload"))?;
            let ReloadReport { applied, needs_restart } = serde_json::from_value(answer)?;
            let list = |keys: Vec<String>| match keys.is_empty() {
                true => "nothing".to_owned(),
                false => keys.join(", "),
            };
            writeln!(stdout, "taken over: {}", list(applied))?;
            writeln!(stdout, "needs a restart: {}", list(needs_restart))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse(problems: &ConfigError) -> Result<ExitCode> {
    writeln!(std::io::stderr(), "{problems}")?;
    Ok(ExitCode::from(NO))
}
