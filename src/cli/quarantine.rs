//! `tierlog quarantine list|acknowledge`: what could not be read, and taking note of it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

use super::NO;
use super::target::{Ask, TargetArgs, size};
use crate::client::Endpoint;
use crate::maintenance::{self, QuarantineAcknowledged, QuarantineList};

/// Arguments of `quarantine`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists what health and answers speak of
    List {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Takes note: the files stay until their time is over, health and answers fall silent
    Acknowledge {
        #[command(flatten)]
        target: TargetArgs,
        /// An entry of the list, or a partition (default/info/2026-11-20) with all of its entries
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        entry: Option<String>,
        /// Everything in the list
        #[arg(long)]
        all: bool,
    },
}

/// Lists or acknowledges.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.action {
        Action::List { target } => {
            let endpoint = Endpoint::new("/api/v1/quarantine");
            let list: QuarantineList = target
                .report(Ask::Look, &endpoint, |store| Ok(maintenance::quarantine_list(store)))?;
            print_list(target, &list)?;
        }
        Action::Acknowledge { target, entry, all: _ } => {
            let endpoint = Endpoint::new("/api/v1/quarantine/acknowledge");
            let endpoint = match entry {
                Some(entry) => endpoint.parameter("entry", entry),
                None => endpoint.parameter("all", "true"),
            };
            let done: QuarantineAcknowledged = target.report(Ask::Change, &endpoint, |store| {
                maintenance::quarantine_acknowledge(store, entry.as_deref())
            })?;
            let rows = done.acknowledged.iter().map(|entry| vec![Value::from(entry.clone())]);
            let summary = format!("acknowledged {} entries", done.acknowledged.len());
            target.print(&["entry"], rows.collect(), &summary)?;
            // A mistyped name must not pass for done.
            if entry.is_some() && done.acknowledged.is_empty() {
                return Ok(ExitCode::from(NO));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_list(target: &TargetArgs, list: &QuarantineList) -> Result<()> {
    let row = |item: &maintenance::QuarantineItem| {
        vec![
            Value::from(item.entry.clone()),
            Value::from(item.of.clone()),
            Value::from(if item.missing { "missing" } else { "" }),
            target.bytes(item.bytes),
        ]
    };
    let rows = list.items.iter().map(row).collect();
    let summary = format!("{} entries, {}", list.count, size(list.bytes));
    target.print(&["entry", "of", "records", "bytes"], rows, &summary)
}
