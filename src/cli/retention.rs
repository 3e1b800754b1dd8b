//! `tierlog retention status|plan|run`: shows kept partitions, plans drops, drops.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

use super::target::{Ask, TargetArgs, moment, size};
use crate::client::Endpoint;
use crate::maintenance::{self, Moment, Phase, RetentionPlan, RetentionStatus};
use crate::output::grouped;

/// Arguments of `retention`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what each tier holds and when it next drops a day
    Status {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Shows which partitions `run` would drop; changes nothing
    Plan {
        #[command(flatten)]
        target: TargetArgs,
        /// As if it were this moment: 2027-11-20 or 2027-11-20T14:05:09Z
        #[arg(long, value_name = "TIME")]
        now: Option<String>,
    },
    /// Drops the partitions that have expired
    Run {
        #[command(flatten)]
        target: TargetArgs,
        /// As if it were this moment: 2027-11-20 or 2027-11-20T14:05:09Z
        #[arg(long, value_name = "TIME", conflicts_with = "trust_clock")]
        now: Option<String>,
        /// The clock is right: believe it, and count the time that the machine was off
        #[arg(long)]
        trust_clock: bool,
    },
}

/// Shows, plans or runs retention.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.action {
        Action::Status { target } => {
            let endpoint = Endpoint::new("/api/v1/retention/status");
            let status = target
                .report(Ask::Look, &endpoint, |store| Ok(maintenance::retention_status(store)))?;
            print_status(target, &status)?;
        }
        Action::Plan { target, now } => {
            let at = at(now.as_deref())?;
            let endpoint = endpoint("/api/v1/retention/plan", at);
            let plan = target
                .report(Ask::Look, &endpoint, |store| Ok(maintenance::retention_plan(store, at)))?;
            print_plan(target, &plan)?;
        }
        Action::Run { target, now, trust_clock } => {
            let at = if *trust_clock { Moment::TrustedNow } else { at(now.as_deref())? };
            let endpoint = endpoint("/api/v1/retention/run", at);
            let plan = target
                .report(Ask::Change, &endpoint, |store| maintenance::retention_run(store, at))?;
            print_plan(target, &plan)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Without a moment, the store's own present: it knows whether the clock may be believed.
fn at(now: Option<&str>) -> Result<Moment> {
    Ok(match now {
        Some(_) => Moment::At(moment(now)?),
        None => Moment::Now,
    })
}

fn endpoint(path: &str, at: Moment) -> Endpoint {
    match at {
        Moment::Now => Endpoint::new(path),
        Moment::TrustedNow => Endpoint::new(path).parameter("trust_clock", "true"),
        Moment::At(moment) => Endpoint::new(path).parameter("now", &moment.to_string()),
    }
}

fn print_status(target: &TargetArgs, status: &RetentionStatus) -> Result<()> {
    let columns = [
        "tier",
        "days",
        "levels",
        "partitions",
        "records",
        "bytes",
        "oldest",
        "newest",
        "next_expiry",
    ];
    let rows = status
        .tiers
        .iter()
        .map(|tier| {
            vec![
                Value::from(tier.tier.clone()),
                Value::from(tier.days),
                Value::from(tier.levels.join(" ")),
                Value::from(tier.partitions),
                Value::from(tier.records),
                target.bytes(tier.bytes),
                Value::from(tier.oldest.clone()),
                Value::from(tier.newest.clone()),
                Value::from(tier.next_expiry.clone()),
            ]
        })
        .collect();
    let records = status.tiers.iter().map(|tier| tier.records).sum();
    let bytes = status.tiers.iter().map(|tier| tier.bytes).sum();
    target.print(&columns, rows, &format!("{} records, {}", grouped(records), size(bytes)))
}

fn print_plan(target: &TargetArgs, plan: &RetentionPlan) -> Result<()> {
    let rows = plan
        .partitions
        .iter()
        .map(|dropped| {
            vec![
                Value::from(dropped.tenant.clone()),
                Value::from(dropped.tier.clone()),
                Value::from(dropped.day.clone()),
                Value::from(dropped.records),
                target.bytes(dropped.bytes),
                Value::from(dropped.expires.clone()),
            ]
        })
        .collect();
    let verb = match plan.phase {
        Phase::Planned => "would drop",
        Phase::Dropped => "dropped",
    };
    let summary = format!(
        "{verb} {} partitions, {} records, {} (as of {})",
        plan.partitions.len(),
        grouped(plan.records),
        size(plan.bytes),
        plan.now
    );
    target.print(&["tenant", "tier", "day", "records", "bytes", "expires"], rows, &summary)
}
