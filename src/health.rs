//! `/health`, `/health/live`, `/health/ready`, `/api/v1/ready`: what the server says of itself.
//!
//! live    503 only when a thread of the store has ended: a restart heals that
//! ready   200 only when the store takes writes and answers reads
//! health  as ready, with everything that is known
//!
//! No path of the machine or configuration value but the durability is told, and no record content
//! but what [`ingest`] shows.

mod clock;
mod ingest;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tierlog_ingest::Ingest;
use tierlog_model::Timestamp;
use tierlog_store::{ClockReport, ClockState, FailedSeal, Loss, Partition, Store, StoreHealth};
use utoipa::ToSchema;

use crate::live::Live;
use crate::redaction_http::RedactionReport;
use ingest::{IngestHealth, notices};

/// What the health routes look at.
pub(crate) struct HealthState {
    store: Store,
    ingest: Arc<Live<Ingest>>,
    started: Instant,
}

impl HealthState {
    /// Returns the state of a server that is ready now.
    pub(crate) fn new(store: Store, ingest: Arc<Live<Ingest>>) -> HealthState {
        HealthState { store, ingest, started: Instant::now() }
    }
}

/// Partitions with many names that are listed: more than a fortnight of one tier says no more.
const MANY_NAMES_LISTED: usize = 16;

/// Damaged places of the log that are listed: whoever has more of them looks at the disk.
const LOG_DAMAGE_LISTED: usize = 100;

/// Damaged places of the log that stand among the reasons.
const LOG_DAMAGE_REASONS: usize = 4;

/// Overall state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Writes are taken, reads are answered, nothing was put aside.
    Ok,
    /// Writes are taken and reads are answered, but something was put aside, is not known, or
    /// the clock is in doubt.
    Degraded,
    /// Writes are refused or reads fail.
    Unavailable,
}

/// What the server says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Overall state.
    status: Status,
    /// Version of the program.
    version: &'static str,
    /// Seconds since the server became ready.
    uptime_s: u64,
    /// What an acknowledgement means: `fsync`, `interval:50ms`, `none`.
    #[schema(example = "fsync")]
    durability: String,
    /// Whether writes are taken.
    writable: bool,
    /// Whether reads are answered.
    readable: bool,
    /// Why not, for each thing that is wrong.
    reasons: Vec<String>,
    /// Partitions in quarantine whose records are missing from answers, until that is acknowledged.
    quarantined: Vec<String>,
    /// Tiers on disk that the configuration does not name; kept, not searched.
    unknown_tiers: Vec<String>,
    /// Records that the start found in the write-ahead log. While some of them are not indexed,
    /// `reasons` says so and answers are partial (`indexing_late`).
    replayed_records: u64,
    /// What was put into quarantine because it could not be read, until that is acknowledged.
    quarantine: QuarantineHealth,
    /// What of the write-ahead log is damaged, until somebody acknowledges it. While records are
    /// gone, answers whose range they may belong to are partial (`records_lost`).
    log_damage: Vec<LogDamage>,
    /// How the machine's clock stands, and what is believed of the time.
    clock: ClockHealth,
    /// The last day that was dropped before its time for want of room, by `<tenant>/<tier>`.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    dropped_early: BTreeMap<String, String>,
    /// Partitions with more field names than columns, newest first: the further names are searched
    /// in one column that they share, which takes longer.
    many_names: Vec<ManyNames>,
    /// What was noticed about the lines that arrived.
    ingest: IngestHealth,
    /// How redaction is configured.
    redaction: RedactionReport,
    /// What may be wrong with senders or with the configuration, in words, with the setting that
    /// mends it. None of it makes the server `degraded`.
    notices: Vec<String>,
}

/// A partition with more field names than columns.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ManyNames {
    /// The partition.
    #[schema(example = "default/info/2026-11-20")]
    partition: String,
    /// Values whose names have no column of their own.
    values: u64,
}

/// What was put aside.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantineHealth {
    /// How many partitions and parts of the log.
    count: u64,
    /// Their bytes together.
    bytes: u64,
    /// The first of them by name.
    items: Vec<String>,
}

/// A damaged place of the write-ahead log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogDamage {
    /// Its name under `quarantine/`.
    entry: String,
    /// How many acknowledged records are gone: what the place held and no index has. Missing when
    /// nothing says how many.
    records: Option<u64>,
    /// A moment before which none of them happened.
    #[schema(format = DateTime)]
    earliest: Option<String>,
    /// A moment after which none of them happened.
    #[schema(format = DateTime)]
    latest: Option<String>,
    /// What is wrong.
    problem: String,
}

impl From<&Loss> for LogDamage {
    fn from(loss: &Loss) -> LogDamage {
        let text = |moment: Timestamp| moment.to_string();
        LogDamage {
            entry: loss.name.clone(),
            records: loss.records,
            earliest: loss.earliest.map(text),
            latest: loss.latest.map(text),
            problem: loss.problem.clone(),
        }
    }
}

impl LogDamage {
    /// Returns what is wrong in words.
    fn reason(loss: &Loss) -> String {
        let records = match loss.records {
            Some(0) => "none of its records is gone, as all are indexed".to_owned(),
            Some(count) => format!("{count} acknowledged records are gone"),
            None => "acknowledged records may be gone, nothing says how many".to_owned(),
        };
        format!("the log is damaged ({}): {records}; acknowledge {}", loss.problem, loss.name)
    }
}

/// How the machine's clock stands, and what is believed of the time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClockHealth {
    /// `steady`: the clock is believed; `ahead` or `behind` what was measured by more than
    /// `store.clock_jump_max`; `unset`: it says a time before this program was made.
    #[schema(example = "steady")]
    state: &'static str,
    /// Seconds that it is ahead of the time that was measured; negative when it is behind.
    ahead_s: i64,
    /// What is believed: lines that name no time are dated by it.
    #[schema(format = DateTime)]
    present: String,
    /// What retention takes for the present.
    #[schema(format = DateTime)]
    retention_present: String,
    /// Seconds of steady running until the clock is believed as it is; 0 when it is, and when it
    /// is only believed once it is set right or confirmed.
    believed_in_s: u64,
    /// Seconds by which the clock was believed although nobody has measured them, over a downtime
    /// or after a jump: records may be kept that much longer until the clock is confirmed.
    unconfirmed_s: i64,
    /// Partitions that a wrong clock has dated: they go when their days are over by measured time,
    /// not when their date says.
    misdated_partitions: u64,
}

impl ClockHealth {
    fn new(report: &ClockReport, misdated_partitions: u64) -> ClockHealth {
        ClockHealth {
            state: match report.state {
                ClockState::Steady => "steady",
                ClockState::Ahead => "ahead",
                ClockState::Behind => "behind",
                ClockState::Unset => "unset",
            },
            ahead_s: report.ahead_s,
            present: report.present.to_string(),
            retention_present: report.retention_present.to_string(),
            believed_in_s: report.believed_in_s,
            unconfirmed_s: report.unconfirmed_s,
            misdated_partitions,
        }
    }
}

/// Returns the health routes.
pub(crate) fn health_router(state: Arc<HealthState>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/api/v1/ready", get(ready))
        .with_state(state)
}

/// Says everything that is known.
#[utoipa::path(get, path = "/health", tag = "operations", responses(
    (status = 200, body = Health, description = "ready"),
    (status = 503, body = Health, description = "not ready"),
))]
pub(crate) async fn health(State(state): State<Arc<HealthState>>) -> Response {
    let health = look(&state).await;
    answer(if health.is_ready() { StatusCode::OK } else { UNAVAILABLE }, &health)
}

/// Says whether the process works at all.
#[utoipa::path(get, path = "/health/live", tag = "operations", responses(
    (status = 200, description = "alive"),
    (status = 503, description = "a thread of the store has ended, restart"),
))]
pub(crate) async fn live(State(state): State<Arc<HealthState>>) -> Response {
    let ended = state.store.health().ended_threads;
    let status = if ended.is_empty() { StatusCode::OK } else { UNAVAILABLE };
    answer(status, &serde_json::json!({"live": ended.is_empty(), "ended_threads": ended}))
}

/// Says whether the store takes writes and answers reads.
#[utoipa::path(get, path = "/health/ready", tag = "operations", responses(
    (status = 200, description = "ready"),
    (status = 503, description = "not ready, with reasons"),
))]
pub(crate) async fn ready(State(state): State<Arc<HealthState>>) -> Response {
    let health = look(&state).await;
    let status = if health.is_ready() { StatusCode::OK } else { UNAVAILABLE };
    answer(status, &serde_json::json!({"ready": health.is_ready(), "reasons": health.reasons}))
}

const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

impl Health {
    fn is_ready(&self) -> bool {
        self.writable && self.readable
    }

    fn new(store: &StoreHealth, read: &Result<(), String>, state: &HealthState) -> Health {
        let mut reasons = Vec::new();
        reasons.extend(store.refuses_writes.iter().map(|why| format!("writes are refused: {why}")));
        reasons.extend(store.ended_threads.iter().map(|name| format!("{name}: has ended")));
        reasons.extend(read.as_ref().err().map(|why| format!("reads fail: {why}")));
        let report = state.ingest.current().reporter().report();
        let redaction = RedactionReport::of(state.ingest.current().redactor());
        let (writable, readable) = (store.is_writable(), read.is_ok());
        let is_doubted = store.clock.state != ClockState::Steady;
        let waits = store.indexing_waits.as_ref();
        reasons.extend(waits.map(|why| format!("indexing waits: {why}")));
        reasons.extend(store.losses.iter().take(LOG_DAMAGE_REASONS).map(LogDamage::reason));
        reasons.extend(clock::doubt(&store.clock));
        reasons.extend(store.failed_seals.iter().map(failed_seal));
        let whole = store.quarantine.count == 0
            && store.failed_seals.is_empty()
            && store.losses.is_empty()
            && store.unknown_tiers.is_empty()
            && store.indexing_waits.is_none()
            && !is_doubted;
        let status = match (writable && readable, whole) {
            (false, _) => Status::Unavailable,
            (true, false) => Status::Degraded,
            (true, true) => Status::Ok,
        };
        Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: state.started.elapsed().as_secs(),
            durability: state.store.settings().durability.to_string(),
            writable,
            readable,
            reasons,
            quarantined: store.quarantined.clone(),
            unknown_tiers: store.unknown_tiers.clone(),
            replayed_records: store.replayed_records,
            quarantine: QuarantineHealth {
                count: store.quarantine.count,
                bytes: store.quarantine.bytes,
                items: store.quarantine.items.iter().map(|item| item.name.clone()).collect(),
            },
            log_damage: store.losses.iter().take(LOG_DAMAGE_LISTED).map(LogDamage::from).collect(),
            clock: ClockHealth::new(&store.clock, store.misdated),
            dropped_early: store
                .dropped_early
                .iter()
                .flat_map(|(tenant, tiers)| tiers.iter().map(move |entry| (tenant, entry)))
                .map(|(tenant, (tier, day))| (format!("{tenant}/{tier}"), day.to_string()))
                .collect(),
            many_names: many_names(&state.store),
            ingest: IngestHealth::from(&report),
            notices: [
                redaction_off(&redaction),
                clock::notices(&store.clock, store.misdated),
                notices(&report),
            ]
            .concat(),
            redaction,
        }
    }
}

fn redaction_off(redaction: &RedactionReport) -> Vec<String> {
    let notice = "redaction.enabled is false: personal data and secrets are stored as they come";
    if redaction.enabled { Vec::new() } else { vec![notice.to_owned()] }
}

fn failed_seal(failed: &FailedSeal) -> String {
    let FailedSeal { partition, problem, since, attempts } = failed;
    let why = problem.as_str();
    format!("{partition} could not be sealed, {attempts} times since {since}: {why}")
}

fn many_names(store: &Store) -> Vec<ManyNames> {
    let values = |partition: &Arc<Partition>| partition.facts().paired_values();
    let mut named = store.catalogue().all();
    named.retain(|partition| values(partition) > 0);
    named.sort_by_key(|partition| (Reverse(partition.id().day), partition.name().to_owned()));
    let told = named.iter().take(MANY_NAMES_LISTED).map(|partition| ManyNames {
        partition: partition.name().to_owned(),
        values: values(partition),
    });
    told.collect()
}

async fn look(state: &Arc<HealthState>) -> Health {
    let store = state.store.clone();
    // Opening a partition reads files.
    let read = tokio::task::spawn_blocking(move || try_read(&store)).await;
    let read = read.unwrap_or_else(|_| Err("reader panicked".to_owned()));
    Health::new(&state.store.health(), &read, state)
}

/// Partitions that are tried before reads are said to fail: a rotten day is put aside, and the
/// other days answer.
const READS_TRIED: usize = 4;

/// Opens the newest partition, as a search would. A partition that does not open is suspect:
/// maintenance looks, and the next partition is tried.
fn try_read(store: &Store) -> Result<(), String> {
    let mut read = Ok(());
    for partition in store.catalogue().newest(READS_TRIED) {
        match partition.view() {
            Ok(_) => return Ok(()),
            Err(error) => {
                store.catalogue().suspect(partition.id());
                read = Err(error.to_string());
            }
        }
    }
    read
}

fn answer<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, Json(body)).into_response()
}
