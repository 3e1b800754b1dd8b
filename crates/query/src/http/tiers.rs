//! `GET /api/v1/tiers`: the kept days, with size and end of each.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use tierlog_problem::{Errors, Problem};
use utoipa::ToSchema;

use super::body::JsonAnswer;
use super::caller::Asking;
use super::parameters::Parameters;
use super::problem::ListingErrors;
use super::state::QueryState;
use crate::description::{Description, Detail, Partition, PartitionState, Tier};

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
        Errors<ListingErrors>,
    )
)]
pub(super) async fn tiers(
    State(state): State<Arc<QueryState>>,
    Asking(caller): Asking,
    parameters: Parameters,
) -> Result<JsonAnswer, Problem> {
    let _held = parameters.finish()?;
    // All of it is in memory: dashboards get it even while queries wait for permits.
    let description = state.searcher().describe(caller.tenant, Detail::Partitions);
    Ok(JsonAnswer::of(&TiersResponse::from(description), state.answers())?)
}

impl From<Description> for TiersResponse {
    fn from(description: Description) -> TiersResponse {
        TiersResponse {
            tiers: description.tiers.into_iter().map(TierEntry::from).collect(),
            dead_letters: description.dead_letters.into(),
        }
    }
}

impl From<Tier> for TierEntry {
    fn from(tier: Tier) -> TierEntry {
        let Tier { policy, partitions, .. } = tier;
        TierEntry {
            name: policy.name,
            days: policy.days,
            levels: policy.levels.iter().map(|level| level.as_str()).collect(),
            records: partitions.iter().map(|partition| partition.records).sum(),
            bytes: partitions.iter().map(|partition| partition.bytes).sum(),
            partitions: partitions.into_iter().map(PartitionEntry::from).collect(),
        }
    }
}

impl From<Partition> for PartitionEntry {
    fn from(partition: Partition) -> PartitionEntry {
        PartitionEntry {
            day: partition.day.to_string(),
            state: match partition.state {
                PartitionState::Hot => "hot",
                PartitionState::Sealed => "sealed",
            },
            records: partition.records,
            bytes: partition.bytes,
            expires: partition.expires.to_string(),
        }
    }
}
