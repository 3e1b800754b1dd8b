//! Maintenance of a real store in a scratch directory: over HTTP and offline.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde::de::DeserializeOwned;
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    BatchWriter, Level, ManualClock, Record, RecordKind, Redacted, RedactedBatch, Timestamp,
    handoff,
};
use tierlog_store::Store;
use tower::ServiceExt as _;

use super::http::{CONFIRM_HEADER, MaintenanceState, maintenance_router};
use super::offline::with_store;
use super::*;
use crate::config::{Config, Sources};
use crate::settings::store_settings;

/// The day on which the records of these tests were logged, at noon.
const NOON: &str = "2026-11-20T12:00:00Z";

fn moment(text: &str) -> Timestamp {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

fn config() -> Config {
    Config::load(&Sources::default()).unwrap().0
}

/// Fills a directory with one record of each level, and leaves it as a stopped server does.
fn fill(directory: &Path) {
    let clock = Arc::new(ManualClock::at(moment(NOON)));
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 20));
    let store = Store::open(
        store_settings(&config(), directory, &config().memory.budget()),
        clock,
        receiver,
    )
    .unwrap();
    let mut writer = BatchWriter::default();
    for level in Level::ALL {
        writer.push(&Record {
            timestamp: moment(NOON),
            level,
            kind: RecordKind::Log,
            fields: vec![("message".into(), tierlog_model::Value::Str("hello".into()))],
        });
    }
    let verdict =
        sender.try_send(RedactedBatch::from_redacted(writer, None, Redacted::vouch())).unwrap();
    verdict.blocking_recv().unwrap().unwrap();
    store.flush().unwrap();
    drop(sender);
    store.close();
}

#[test]
fn offline_plan_names_what_run_drops_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    let with = |work: &dyn Fn(&Store) -> RetentionPlan| {
        with_store(&config(), directory.path(), |store| Ok(work(store))).unwrap()
    };
    // Eight days later only debug's seven are over; the plan itself changes nothing.
    let now = moment("2026-11-28T00:00:00Z");
    for _ in 0..2 {
        let plan = with(&|store| retention_plan(store, Moment::At(now)));
        let tiers: Vec<&str> =
            plan.partitions.iter().map(|dropped| dropped.tier.as_str()).collect();
        assert_eq!((tiers, plan.records, plan.phase), (vec!["debug"], 1, Phase::Planned));
    }
    let plan = with(&|store| retention_plan(store, Moment::At(now)));
    let run = with(&|store| retention_run(store, Moment::At(now)).unwrap());
    assert_eq!((run.phase, &run.partitions), (Phase::Dropped, &plan.partitions));
    let status = with_store(&config(), directory.path(), |store| Ok(retention_status(store)));
    let left: Vec<(String, u64)> =
        status.unwrap().tiers.into_iter().map(|tier| (tier.tier, tier.records)).collect();
    let expected = [("critical", 2), ("warning", 1), ("info", 1), ("debug", 0), ("dead_letter", 0)];
    assert_eq!(left, expected.map(|(tier, records)| (tier.to_owned(), records)));
}

#[test]
fn a_directory_that_is_held_or_is_not_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let look = |path: &Path| {
        let outcome = with_store(&config(), path, |store| Ok(retention_status(store)));
        outcome.map(|_| ()).map_err(|error| error.to_string())
    };
    let missing = directory.path().join("mistyped");
    assert!(look(&missing).unwrap_err().contains("no data directory"));
    assert!(!missing.exists());
    fill(directory.path());
    look(directory.path()).unwrap();
    let outcome = with_store(&config(), directory.path(), |_| {
        assert!(look(directory.path()).unwrap_err().contains("held by a running server"));
        Ok(())
    });
    outcome.unwrap();
}

struct Server {
    store: Store,
    sender: Option<tierlog_model::HandoffSender>,
    routes: axum::Router,
    _directory: tempfile::TempDir,
}

impl Server {
    async fn new() -> Server {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        tokio::task::spawn_blocking(move || fill(&path)).await.unwrap();
        let clock = Arc::new(ManualClock::at(moment(NOON)));
        let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 20));
        let settings = store_settings(&config(), directory.path(), &config().memory.budget());
        let store = Store::open(settings, clock, receiver).unwrap();
        let state = MaintenanceState::new(store.clone());
        let routes = maintenance_router(Arc::new(state));
        Server { store, sender: Some(sender), routes, _directory: directory }
    }

    async fn ask(&self, method: &str, path: &str, confirmed: &[&str]) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path);
        for header in confirmed {
            request = request.header(*header, "yes");
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = self.routes.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, body.to_vec())
    }

    async fn report<T: DeserializeOwned>(&self, method: &str, path: &str) -> T {
        let (status, body) = self.ask(method, path, &[CONFIRM_HEADER]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.sender.take());
        self.store.close();
    }
}

#[tokio::test]
async fn a_running_server_gives_the_same_reports() {
    let server = Server::new().await;
    let plan: RetentionPlan =
        server.report("GET", "/api/v1/retention/plan?now=2027-12-31T00:00:00Z").await;
    assert_eq!((plan.partitions.len(), plan.records), (4, 5));
    let plan: RetentionPlan = server.report("GET", "/api/v1/retention/plan").await;
    assert!(plan.partitions.is_empty() && plan.now.starts_with("2026-11-20T12:00"));

    let report: CompactReport = server.report("POST", "/api/v1/compact").await;
    assert!(report.sealed.is_empty(), "today is not over");
    let report: CompactReport = server.report("POST", "/api/v1/compact?scope=all").await;
    assert_eq!(report.sealed.len(), 4);
    let report: VerifyReport = server.report("GET", "/api/v1/verify").await;
    assert!(report.ok && report.partitions.iter().all(|check| check.state == "sealed"));

    let path = "/api/v1/retention/run?now=2026-11-28T00:00:00Z";
    let run: RetentionPlan = server.report("POST", path).await;
    assert_eq!((run.phase, run.partitions.len()), (Phase::Dropped, 1));
    let status: RetentionStatus = server.report("GET", "/api/v1/retention/status").await;
    assert_eq!(status.tiers.iter().map(|tier| tier.records).sum::<u64>(), 4);
}

#[tokio::test]
async fn nothing_changes_without_confirmation() {
    let server = Server::new().await;
    for path in ["/api/v1/retention/run?now=2099-01-01T00:00:00Z", "/api/v1/compact?scope=all"] {
        let (status, body) = server.ask("POST", path, &[]).await;
        assert_eq!(status, StatusCode::PRECONDITION_REQUIRED, "{path}");
        assert!(String::from_utf8_lossy(&body).contains("confirmation_required"));
        let (status, _) = server.ask("GET", path, &[CONFIRM_HEADER]).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let status: RetentionStatus = server.report("GET", "/api/v1/retention/status").await;
    assert_eq!(status.tiers.iter().map(|tier| tier.records).sum::<u64>(), 5);
}

#[tokio::test]
async fn a_moment_or_scope_that_cannot_be_read_is_refused() {
    let server = Server::new().await;
    for path in
        ["/api/v1/retention/plan?now=tomorrow", "/api/v1/retention/plan?then=2026-11-20T00:00:00Z"]
    {
        assert_eq!(server.ask("GET", path, &[]).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    let path = "/api/v1/compact?scope=everything";
    assert_eq!(server.ask("POST", path, &[CONFIRM_HEADER]).await.0, StatusCode::BAD_REQUEST);
}
