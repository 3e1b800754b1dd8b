//! Takes over a changed configuration while the server runs (SIGHUP, `tierlog config reload`).
//!
//! ```text
//! read every layer again ─ check the whole ─ refuse, with all problems; nothing has changed
//!                                          └ build ingest and its routes anew, replace them
//! ```
//!
//! Requests that begin later, and TCP connections that are accepted later, are served by the new
//! settings; a request or connection in work ends with those it began with. A key that is no
//! [`RELOADED`] one is told as waiting for a restart, and keeps its value until then.

pub(crate) mod http;

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tierlog_ingest::{CanaryError, Ingest, IngestConfig, IngestLimits};
use tierlog_model::Pseudonyms;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use utoipa::ToSchema;

use crate::config::{Config, ConfigError, ConfigFault, Layers, RELOADED, Sources};
use crate::live::Live;
use crate::server::ReloadSignal;
use crate::settings::redactor;
use crate::telemetry::LogLevel;

/// Outcome of a reload that was taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReloadReport {
    /// Keys whose new values are in force now.
    pub(crate) applied: Vec<String>,
    /// Keys whose values differ from those of the start, and need a restart.
    pub(crate) needs_restart: Vec<String>,
}

/// The configuration that the server was started with, and where it came from.
pub(crate) struct Startup {
    /// The valid configuration.
    pub(crate) config: Config,
    /// Its values, key by key.
    pub(crate) layers: Layers,
    /// Where to read them again.
    pub(crate) sources: Sources,
    /// The level of our own log.
    pub(crate) log: LogLevel,
}

/// Reads the configuration again and replaces what may be replaced.
pub(crate) struct Reloader {
    startup: Startup,
    pseudonyms: Pseudonyms,
    ingest: Arc<Live<Ingest>>,
    in_force: Mutex<InForce>,
}

/// The last configuration that was taken over.
struct InForce {
    /// Its values, key by key.
    layers: Layers,
    /// The version of its file of rules, which may change under the same name.
    policy_version: Option<String>,
}

/// The key of the file of rules.
const POLICY_KEY: &str = "redaction.policy_file";

impl Reloader {
    /// Returns a reloader of a server that has just been started.
    pub(crate) fn new(
        startup: Startup,
        pseudonyms: Pseudonyms,
        ingest: Arc<Live<Ingest>>,
    ) -> Reloader {
        let in_force = InForce {
            layers: startup.layers.clone(),
            policy_version: startup.config.redaction.policy.version().map(str::to_owned),
        };
        Reloader { startup, pseudonyms, ingest, in_force: Mutex::new(in_force) }
    }

    /// Takes the configuration over, or returns every problem. Reads files.
    pub(crate) fn reload(&self) -> Result<ReloadReport, ConfigError> {
        // One reload after the other: the last to begin is the last to be in force.
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let (config, layers) = Config::load(&self.startup.sources.found_again())?;
        let is_reloaded = |key: &String| RELOADED.contains(&key.as_str());
        let changed = layers.keys_that_differ_from(&in_force.layers);
        let mut applied: Vec<String> = changed.into_iter().filter(is_reloaded).collect();
        let policy_version = config.redaction.policy.version().map(str::to_owned);
        if policy_version != in_force.policy_version && !applied.iter().any(|key| key == POLICY_KEY)
        {
            applied.push(POLICY_KEY.to_owned());
        }
        let waiting = layers.keys_that_differ_from(&self.startup.layers);
        let needs_restart = waiting.into_iter().filter(|key| !is_reloaded(key)).collect();
        if !applied.is_empty() {
            let current = self.ingest.current();
            let redactor = redactor(&config, &self.pseudonyms).map_err(|error| refused(&error))?;
            let redactor = redactor.with_ledger(Arc::clone(current.redactor().ledger()));
            let settings = self.with_values_of_the_start(config.ingest);
            let next = current.reconfigured(settings, Arc::new(redactor));
            self.ingest.replace(next);
            self.startup.log.set(&config.log.level);
        }
        *in_force = InForce { layers, policy_version };
        Ok(ReloadReport { applied, needs_restart })
    }

    /// Returns settings of ingest with the values of the start in place of those that other rooms
    /// of the server hold too.
    fn with_values_of_the_start(&self, new: IngestConfig) -> IngestConfig {
        let old = self.startup.config.ingest.clone();
        IngestConfig {
            limits: IngestLimits {
                body_deadline: old.limits.body_deadline,
                ahead_seconds_max: old.limits.ahead_seconds_max,
                ..new.limits
            },
            aliases: old.aliases,
            tiers: old.tiers,
            durability: old.durability,
            ..new
        }
    }
}

/// Returns the problem of a configuration under which a detector finds its example no more.
fn refused(error: &CanaryError) -> ConfigError {
    ConfigError(vec![ConfigFault {
        key: "redaction".to_owned(),
        value: None,
        origin: "canaries".to_owned(),
        rule: error.to_string(),
    }])
}

/// Reloads at each SIGHUP until the server stops.
pub(crate) async fn reload_on_signal(
    reloader: Arc<Reloader>,
    mut signal: ReloadSignal,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = signal.next() => {}
        }
        let reloader = Arc::clone(&reloader);
        match tokio::task::spawn_blocking(move || reloader.reload()).await {
            Ok(Ok(ReloadReport { applied, needs_restart })) => {
                info!(?applied, ?needs_restart, "configuration taken over");
            }
            Ok(Err(problems)) => error!(%problems, "configuration refused, the old one holds"),
            Err(ended) => error!(panicked = ended.is_panic(), "reload ended early"),
        }
    }
}
