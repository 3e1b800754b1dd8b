//! `tierlog compact`: seals every partition whose day is over.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use super::target::{Ask, TargetArgs, size};
use crate::client::Endpoint;
use crate::maintenance::{self, CompactReport, Scope};

/// Arguments of `compact`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Seals today's partitions too
    #[arg(long)]
    all: bool,
}

/// Seals partitions.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let (scope, name) =
        if args.all { (Scope::All, "all") } else { (Scope::ClosedDays, "closed_days") };
    let endpoint = Endpoint::new("/api/v1/compact").parameter("scope", name);
    // Which days are over is the present's to say, so the store's clock must run.
    let report: CompactReport =
        args.target.report(Ask::Change, &endpoint, |store| maintenance::compact(store, scope))?;
    let rows = report
        .sealed
        .iter()
        .map(|sealed| {
            vec![
                Value::from(sealed.tenant.clone()),
                Value::from(sealed.tier.clone()),
                Value::from(sealed.day.clone()),
                Value::from(sealed.records),
                args.target.bytes(sealed.bytes_before),
                args.target.bytes(sealed.bytes_after),
            ]
        })
        .collect();
    let summary = format!(
        "sealed {} partitions, {} became {}",
        report.sealed.len(),
        size(report.bytes_before),
        size(report.bytes_after)
    );
    let columns = ["tenant", "tier", "day", "records", "bytes_before", "bytes_after"];
    args.target.print(&columns, rows, &summary)?;
    Ok(ExitCode::SUCCESS)
}
