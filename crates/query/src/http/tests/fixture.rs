//! A real store in a scratch directory with the query API over it.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use tempfile::TempDir;
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    BatchWriter, Caller, HandoffSender, Identities, Level, ManualClock, PseudonymKey, Pseudonyms,
    Record, RecordKind, Redacted, RedactedBatch, Timestamp, Value, handoff,
};
use tierlog_store::{CompactScope, Durability, Store, StoreSettings};
use tower::ServiceExt;

use crate::config::QueryConfig;
use crate::http::{QueryState, http_router};

/// 2026-11-20T12:00:00Z.
pub(crate) const NOW: i64 = 1_795_176_000_000_000;
/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// A running store and its API.
pub(crate) struct Fixture {
    sender: Option<HandoffSender>,
    pub(crate) store: Store,
    pub(crate) state: Arc<QueryState>,
    pub(crate) pseudonyms: Arc<Pseudonyms>,
    router: Router,
    _directory: TempDir,
}

impl Fixture {
    /// Starts an empty store.
    pub(crate) fn new() -> Fixture {
        Fixture::with_config(QueryConfig::default())
    }

    /// Starts an empty store with limits.
    pub(crate) fn with_config(config: QueryConfig) -> Fixture {
        let directory = tempfile::tempdir().expect("a directory");
        let mut settings = StoreSettings::standard(directory.path().to_path_buf());
        settings.durability = Durability::None;
        settings.free_bytes_min = 0;
        settings.seal_zstd_level = 1;
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros_clamped(NOW)));
        let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 24));
        let store = Store::open(settings, clock.clone(), receiver).expect("a store");
        let key = PseudonymKey::from_bytes(&vec![7; 32].into()).expect("a key");
        let fields = ["user_id".to_owned()];
        let identities = Identities::new(&fields, &[]).expect("a field");
        let pseudonyms = Arc::new(Pseudonyms::new(vec![key], identities));
        let state = QueryState::new(store.clone(), pseudonyms.clone(), clock, config);
        let state = Arc::new(state);
        let router = http_router(Arc::clone(&state)).layer(Extension(Caller::open()));
        Fixture { sender: Some(sender), store, state, pseudonyms, router, _directory: directory }
    }

    /// Writes records as one batch and makes the batch searchable, in a segment of its own.
    pub(crate) async fn write(&self, records: &[Record<'static>]) {
        let mut writer = BatchWriter::default();
        for record in records {
            writer.push(record);
        }
        let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
        let sender = self.sender.as_ref().expect("open until dropped");
        let verdict = sender.send(batch).await.expect("room");
        verdict.await.expect("a verdict").expect("taken");
        self.store.flush().expect("flushed");
    }

    /// Seals the partitions whose day is over.
    pub(crate) fn seal_closed_days(&self) {
        self.store.compact(CompactScope::ClosedDays).expect("sealed");
    }

    /// Sends a request.
    pub(crate) async fn send(&self, method: Method, uri: &str, body: &str) -> Response<Body> {
        let request = Request::builder().method(method).uri(uri);
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    /// Gets a JSON document.
    pub(crate) async fn get(&self, uri: &str) -> (StatusCode, Json) {
        read(self.send(Method::GET, uri, "").await).await
    }

    /// Gets a JSON document that must be there.
    pub(crate) async fn get_ok(&self, uri: &str) -> Json {
        let (status, body) = self.get(uri).await;
        assert_eq!(status, StatusCode::OK, "{uri}: {body}");
        body
    }

    /// Posts a JSON document.
    pub(crate) async fn post(&self, uri: &str, body: &Json) -> (StatusCode, Json) {
        read(self.send(Method::POST, uri, &body.to_string()).await).await
    }

    /// Posts a JSON document that must be accepted.
    pub(crate) async fn post_ok(&self, uri: &str, body: &Json) -> Json {
        let (status, answer) = self.post(uri, body).await;
        assert_eq!(status, StatusCode::OK, "{body}: {answer}");
        answer
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.sender = None;
        self.store.close();
    }
}

/// Reads an answer as JSON.
pub(crate) async fn read(response: Response<Body>) -> (StatusCode, Json) {
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

/// Returns a log line so many microseconds after [`NOW`].
pub(crate) fn line(
    offset: i64,
    level: Level,
    fields: &[(&'static str, Value<'static>)],
) -> Record<'static> {
    Record {
        timestamp: Timestamp::from_micros_clamped(NOW + offset),
        level,
        kind: RecordKind::Log,
        fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
    }
}

/// Returns a text value.
pub(crate) fn text(text: &'static str) -> Value<'static> {
    Value::Str(text.into())
}
