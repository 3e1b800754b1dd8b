//! `tierlog verify`: checks every checksum; exit 1 when one is wrong. With `--data` the directory
//! is not changed, and may be a read-only copy.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::Value;

use super::NO;
use super::target::{TargetArgs, size};
use crate::client::Endpoint;
use crate::maintenance::{self, VerifyReport};
use crate::output::grouped;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: TargetArgs,
}

/// Checks the write-ahead log and every partition.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let endpoint = Endpoint::new("/api/v1/verify");
    let report: VerifyReport =
        args.target.report_untouched(&endpoint, maintenance::offline::verify_directory)?;
    let columns = ["checked", "state", "records", "bytes", "problems"];
    args.target.print(&columns, rows(&args.target, &report), &summary(&report))?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}

fn rows(target: &TargetArgs, report: &VerifyReport) -> Vec<Vec<Value>> {
    let problems = |problems: &[String]| match problems {
        [] => Value::Null,
        problems => Value::from(problems.join("; ")),
    };
    let wal = vec![
        Value::from("wal"),
        Value::Null,
        Value::Null,
        Value::Null,
        problems(&report.wal_problems),
    ];
    let partitions = report.partitions.iter().map(|check| {
        vec![
            Value::from(check.partition.clone()),
            Value::from(check.state.clone()),
            Value::from(check.records),
            target.bytes(check.bytes),
            problems(&check.problems),
        ]
    });
    std::iter::once(wal).chain(partitions).collect()
}

fn summary(report: &VerifyReport) -> String {
    let damaged = report.partitions.iter().filter(|check| !check.problems.is_empty()).count();
    let bytes = report.partitions.iter().map(|check| check.bytes).sum();
    let looked_at = format!(
        "{} partitions, {} WAL frames, {}",
        report.partitions.len(),
        grouped(report.wal_frames),
        size(bytes)
    );
    if report.ok {
        return format!("ok: {looked_at}");
    }
    let wal = if report.wal_problems.is_empty() { "" } else { " and the WAL" };
    format!("DAMAGED: {damaged} partitions{wal} of {looked_at}")
}
