//! `GET /api/v1/tiers`: what is kept, how large it is, and when it goes.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use tierlog_model::{TierId, TierPolicy, Tiers};
use tierlog_problem::{Errors, Problem};
use tierlog_store::{Partition, PartitionState};
use utoipa::ToSchema;

use super::body::Answer;
use super::parameters::Parameters;
use super::problem::Listing;
use super::state::QueryState;

/// Every tier with its partitions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TiersResponse {
    /// Tiers in configured order.
    tiers: Vec<TierEntry>,
    /// The tier of rejected lines, which searches look at only when asked to.
    dead_letters: TierEntry,
}

/// One tier.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TierEntry {
    /// Name of the tier.
    #[schema(example = "debug")]
    name: String,
    /// Days that a record is kept.
    days: u32,
    /// Levels that belong to it.
    #[schema(example = json!(["debug"]))]
    levels: Vec<&'static str>,
    /// Records in all partitions.
    records: u64,
    /// Bytes on disk of all partitions.
    bytes: u64,
    /// Partitions, newest day first.
    partitions: Vec<PartitionEntry>,
}

/// One day of a tier.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartitionEntry {
    /// The UTC day.
    #[schema(example = "2026-11-20")]
    day: String,
    /// `hot` while the day is written to, `sealed` once it is compacted.
    #[schema(example = "hot")]
    state: &'static str,
    /// Records that can be searched.
    records: u64,
    /// Bytes on disk.
    bytes: u64,
    /// First moment at which the partition may be dropped.
    #[schema(format = DateTime)]
    expires: String,
}

/// Lists tiers and their partitions.
#[utoipa::path(
    get,
    path = "/api/v1/tiers",
    tag = "store",
    responses(
        (status = 200, body = TiersResponse, description = "The answer"),
        Errors<Listing>,
    )
)]
pub(super) async fn tiers(
    State(state): State<Arc<QueryState>>,
    parameters: Parameters,
) -> Result<Answer, Problem> {
    let _held = parameters.finish()?;
    // All of it is in memory: dashboards get it even while queries wait for permits.
    let catalogue = state.engine().store().catalogue();
    Ok(Answer::of(&list(catalogue.tiers(), &catalogue.partitions()), state.answers())?)
}

fn list(tiers: &Tiers, partitions: &[Arc<Partition>]) -> TiersResponse {
    let entry = |id: TierId, policy: &TierPolicy| {
        let own = partitions.iter().filter(|partition| partition.id().tier == id);
        let partitions: Vec<PartitionEntry> =
            own.map(|partition| partition_entry(tiers, partition)).collect();
        TierEntry {
            name: policy.name.clone(),
            days: policy.days,
            levels: policy.levels.iter().map(|level| level.as_str()).collect(),
            records: partitions.iter().map(|partition| partition.records).sum(),
            bytes: partitions.iter().map(|partition| partition.bytes).sum(),
            partitions,
        }
    };
    let dead_letter = tiers.dead_letter();
    let others = tiers.iter().filter(|(id, _)| *id != dead_letter);
    TiersResponse {
        tiers: others.map(|(id, policy)| entry(id, policy)).collect(),
        dead_letters: entry(dead_letter, tiers.policy(dead_letter)),
    }
}

fn partition_entry(tiers: &Tiers, partition: &Partition) -> PartitionEntry {
    let id = partition.id();
    let stats = partition.stats();
    PartitionEntry {
        day: id.day.to_string(),
        state: match partition.state() {
            PartitionState::Hot => "hot",
            PartitionState::Sealed => "sealed",
        },
        records: stats.records,
        bytes: stats.bytes,
        expires: tiers.expires(id.tier, id.day).to_string(),
    }
}
