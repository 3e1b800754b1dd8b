//! Where a maintenance verb works: on a running server, or with `--data DIR` on the directory of
//! a stopped one. Both give the same reports.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tierlog_model::{Clock as _, SystemClock, Timestamp};
use tierlog_query::{MOMENT_FORMS, read_moment};
use tierlog_store::{Store, StoreError};

use super::config::ConfigArgs;
use crate::client::{Client, Endpoint, ErrorAnswer, ServerArgs, WrongUsage};
use crate::config::Config;
use crate::maintenance::http::CONFIRM_HEADER;
use crate::maintenance::offline::with_store;
use crate::output::{Format, Palette, Table, render_table};

/// Flags of every maintenance verb.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TargetArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// With --data, works on the directory of a stopped server instead of asking one
    #[command(flatten)]
    config: ConfigArgs,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// `GET`: nothing changes.
    Look,
    /// `POST` with the confirming header.
    Change,
}

impl TargetArgs {
    /// Returns the report of a server, or of the directory that `--data` names.
    pub(super) fn report<T: DeserializeOwned>(
        &self,
        ask: Ask,
        endpoint: &Endpoint,
        offline: impl FnOnce(&Store) -> Result<T, StoreError>,
    ) -> Result<T> {
        if self.config.data.is_some() {
            let (config, _) = self.config.load()?;
            return with_store(&config, &config.server.data_dir, offline);
        }
        self.ask(ask, endpoint)
    }

    /// Returns the report of a server, or what `offline` says of the directory that `--data` names
    /// without opening a store in it.
    pub(super) fn report_untouched<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        offline: impl FnOnce(&Config, &Path) -> Result<T>,
    ) -> Result<T> {
        if self.config.data.is_some() {
            let (config, _) = self.config.load()?;
            return offline(&config, &config.server.data_dir);
        }
        self.ask(Ask::Look, endpoint)
    }

    /// Returns the report of a server.
    pub(super) fn ask<T: DeserializeOwned>(&self, ask: Ask, endpoint: &Endpoint) -> Result<T> {
        let client = self.server.patient_client()?;
        let value = match ask {
            Ask::Look => client.get(endpoint)?,
            Ask::Change => change(&client, endpoint)?,
        };
        Ok(serde_json::from_value(value)?)
    }

    /// Tells whether a directory is worked on instead of a server.
    pub(super) fn is_offline(&self) -> bool {
        self.config.data.is_some()
    }

    /// Writes a table, and for people a line below it.
    pub(super) fn print(
        &self,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        summary: &str,
    ) -> Result<()> {
        let columns = columns.iter().map(|name| (*name).to_owned()).collect();
        let table = Table { columns, rows };
        let mut stdout = std::io::stdout().lock();
        if !(self.is_for_people() && table.rows.is_empty()) {
            stdout
                .write_all(render_table(&table, self.format, Palette::for_stdout()).as_bytes())?;
        }
        if self.is_for_people() {
            writeln!(stdout, "{summary}")?;
        }
        Ok(())
    }

    /// Returns a number of bytes as the reader of the chosen format takes it.
    pub(super) fn bytes(&self, bytes: u64) -> Value {
        if self.is_for_people() { Value::from(size(bytes)) } else { Value::from(bytes) }
    }

    /// Tells whether people read the report.
    pub(super) fn is_for_people(&self) -> bool {
        self.format == Format::Pretty
    }
}

/// Returns a size for people.
pub(super) fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}

/// Returns the moment of `--now`, as searches read moments; the present when missing.
pub(super) fn moment(now: Option<&str>) -> Result<Timestamp> {
    let present = SystemClock.now();
    let Some(text) = now else { return Ok(present) };
    let problem = || WrongUsage(format!("--now {text:?}: {MOMENT_FORMS}"));
    Ok(read_moment(text, present).ok_or_else(problem)?)
}

/// Posts a change, with the confirming header.
pub(super) fn change(client: &Client, endpoint: &Endpoint) -> Result<Value> {
    let headers = [(CONFIRM_HEADER, "yes"), ("content-type", "application/json")];
    let reply = client.post_bytes(endpoint, &headers, b"")?;
    if (200..300).contains(&reply.status) {
        return reply.into_json();
    }
    Err(ErrorAnswer::read(reply.status, &reply.body).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_searches_read_it() {
        let text = |now| moment(Some(now)).map(|moment| moment.to_string()).ok();
        assert_eq!(text("2027-11-20"), Some("2027-11-20T00:00:00.000000Z".to_owned()));
        assert_eq!(text("2027-11-20T01:00:00+02:00"), text("2027-11-19T23:00:00Z"));
        assert!(text("tomorrow").is_some());
        assert_eq!(text("Tuesday"), None);
    }
}
