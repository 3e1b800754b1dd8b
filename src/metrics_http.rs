//! `GET /metrics`: Prometheus text. Gauges of the store, the disk and the process are computed on
//! request, so that no thread counts in between.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use metrics::{counter, gauge};
use metrics_exporter_prometheus::PrometheusHandle;
use tierlog_model::memory::MemoryBudget;
use tierlog_model::metric_names as names;
use tierlog_model::{TenantLabels, TierId};
use tierlog_problem::{Code, Problem};
use tierlog_store::{Partition, PartitionState, Store};

use crate::process;

/// What a scrape reads.
pub(crate) struct MetricsState {
    /// Where the metrics are recorded.
    pub(crate) recorder: PrometheusHandle,
    /// The store whose size is told.
    pub(crate) store: Store,
    /// The budget whose use is told.
    pub(crate) memory: MemoryBudget,
    /// The disk whose room is told.
    pub(crate) disk: DiskRoom,
}

/// Where the room of the disk is looked up, and what is kept free of it.
#[derive(Clone, Debug)]
pub(crate) struct DiskRoom {
    /// The data directory.
    pub(crate) directory: PathBuf,
    /// Free room under which days are dropped early.
    pub(crate) low_bytes: u64,
    /// Free room under which writes are refused.
    pub(crate) reserve_bytes: u64,
}

/// Returns the metrics route.
pub(crate) fn metrics_router(state: Arc<MetricsState>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(state)
}

/// Returns every metric as Prometheus text.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(
    (status = 200, body = String, content_type = "text/plain; version=0.0.4"),
))]
pub(crate) async fn metrics(State(state): State<Arc<MetricsState>>) -> Response {
    // A disk that hangs holds up the scrape, and no thread of other requests.
    let text = tokio::task::spawn_blocking(move || read(&state)).await;
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    match text {
        Ok(text) => (content_type, text).into_response(),
        Err(_) => Problem::new(Code::Internal, "metrics cannot be read").into_response(),
    }
}

fn read(state: &MetricsState) -> String {
    refresh_memory(&state.memory);
    refresh_disk(&state.disk);
    refresh(&state.store);
    let mut text = state.recorder.render();
    process::append_metrics(&mut text);
    text
}

fn refresh_disk(disk: &DiskRoom) {
    gauge!(names::DISK_FREE_LOW_BYTES).set(disk.low_bytes.max(disk.reserve_bytes) as f64);
    gauge!(names::DISK_RESERVE_BYTES).set(disk.reserve_bytes as f64);
    match rustix::fs::statvfs(&disk.directory) {
        Ok(stat) => {
            let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize) as f64;
            gauge!(names::DISK_SIZE_BYTES).set(bytes(stat.f_blocks));
            gauge!(names::DISK_FREE_BYTES).set(bytes(stat.f_bavail));
        }
        // Figures of the last look would pass for today's.
        Err(error) => {
            tracing::warn!(%error, "the room of the disk cannot be looked up");
            gauge!(names::DISK_SIZE_BYTES).set(f64::NAN);
            gauge!(names::DISK_FREE_BYTES).set(f64::NAN);
        }
    }
}

fn refresh_memory(memory: &MemoryBudget) {
    for part in memory.parts() {
        let name = part.part_use().as_str();
        gauge!(names::MEMORY_USED_BYTES, "part" => name).set(part.used_bytes() as f64);
        gauge!(names::MEMORY_LIMIT_BYTES, "part" => name).set(part.limit_bytes() as f64);
        counter!(names::MEMORY_REFUSALS, "part" => name).absolute(part.refusals());
    }
}

fn refresh(store: &Store) {
    let poisoned = if store.health().refuses_writes.is_some() { 1.0 } else { 0.0 };
    gauge!(names::POISONED).set(poisoned);
    let unsearchable = store.unsearchable();
    for (lane, age) in [("fresh", unsearchable.fresh), ("backfill", unsearchable.backfill)] {
        let seconds = age.map_or(0.0, |age| age.as_secs_f64());
        gauge!(names::OLDEST_UNSEARCHABLE, "lane" => lane).set(seconds);
    }
    let tiers = store.catalogue().tiers();
    // Tiers without a partition are told too: a gauge that vanishes looks like an outage.
    let mut of_tiers: BTreeMap<TierId, Holding> =
        tiers.iter().map(|(id, _)| (id, Holding::default())).collect();
    let mut of_tenants: BTreeMap<&'static str, Holding> =
        TenantLabels::names().into_iter().map(|name| (name, Holding::default())).collect();
    for partition in store.catalogue().all() {
        let id = partition.id();
        of_tiers.entry(id.tier).or_default().add(&partition);
        of_tenants.entry(TenantLabels::of(id.tenant)).or_default().add(&partition);
    }
    for (id, Holding { records, bytes, hot, sealed }) in of_tiers {
        let tier = tiers.policy(id).name.clone();
        gauge!(names::STORED_RECORDS, "tier" => tier.clone()).set(records as f64);
        gauge!(names::STORED_BYTES, "tier" => tier.clone()).set(bytes as f64);
        gauge!(names::PARTITIONS, "tier" => tier.clone(), "state" => "hot").set(f64::from(hot));
        gauge!(names::PARTITIONS, "tier" => tier, "state" => "sealed").set(f64::from(sealed));
    }
    for (tenant, Holding { records, bytes, .. }) in of_tenants {
        gauge!(names::TENANT_STORED_RECORDS, "tenant" => tenant).set(records as f64);
        gauge!(names::TENANT_STORED_BYTES, "tenant" => tenant).set(bytes as f64);
    }
}

/// What partitions hold together.
#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    records: u64,
    bytes: u64,
    hot: u32,
    sealed: u32,
}

impl Holding {
    fn add(&mut self, partition: &Partition) {
        let stats = partition.stats();
        self.records += stats.records;
        self.bytes += stats.bytes;
        match partition.state() {
            PartitionState::Hot => self.hot += 1,
            PartitionState::Sealed => self.sealed += 1,
        }
    }
}
