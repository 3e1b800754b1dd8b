//! A body protocol of another product, with an answer for each item: Elasticsearch's `_bulk`, as
//! much of it as shows that the seam holds. Every machine of bodies is behind it unchanged.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tierlog_model::{
    Ack, Receipt, RedactedBatch, RejectReason, Scope, Scopes, SenderId, Tenant, metric_names,
};

use super::*;
use crate::intake::{Intake, Outcome, OutcomeRun};
use crate::normalise::RecordDefaults;
use crate::pipeline::{BodyFormat, BodyItems, Item, ItemFinder, Read, Window, estimate};
use crate::testing::{Counters, FakeStore, ingest_of, records_of, written};

#[derive(Debug)]
struct Bulk;

/// The action of the document that comes next.
#[derive(Clone, Debug)]
enum Action {
    Index(Arc<RecordDefaults>),
    Unknown,
}

struct Documents {
    finder: ItemFinder,
    /// One value for all documents of an index.
    indices: BTreeMap<String, Arc<RecordDefaults>>,
    action: Option<Action>,
}

impl BodyProtocol for Bulk {
    fn name(&self) -> &'static str {
        "bulk"
    }

    fn routes(&self) -> &'static [Route] {
        &[Route { method: MethodFilter::POST, path: "/_bulk" }]
    }

    fn contract(&self) -> OpenApi {
        OpenApi::default()
    }

    fn open(&self, head: &Head<'_>) -> Result<OpenBody, Problem> {
        if !head.caller.scopes.contain(Scope::Ingest) {
            return Err(Problem::new(Code::InvalidHeader, "not yours"));
        }
        let finder = ItemFinder::new(BodyFormat::JsonLines, head.config);
        let items = Box::new(Documents { finder, indices: BTreeMap::new(), action: None });
        Ok(OpenBody { encoding: head.encoding()?, id: None, items })
    }

    fn answer(&self, taken: Taken, _: &IngestConfig) -> Result<Response, Problem> {
        let item = |outcome| match outcome {
            Outcome::Accepted | Outcome::Dropped => json!({ "index": { "status": 201 } }),
            Outcome::Rejected(reason) => {
                json!({ "index": { "status": 400, "error": { "type": reason.as_str() } } })
            }
        };
        let items: Vec<Value> = taken.verdicts.outcomes.items().map(item).collect();
        let has_errors = taken.verdicts.rejected_count() > 0;
        Ok(Json(json!({ "errors": has_errors, "items": items })).into_response())
    }

    fn error_shape(&self) -> Option<ErrorShape> {
        Some(|problem| {
            let status = problem.status();
            let error = json!({ "type": problem.code().as_str(), "reason": problem.detail() });
            (status, Json(json!({ "error": error, "status": status.as_u16() }))).into_response()
        })
    }
}

impl Documents {
    fn action(&mut self, line: &[u8]) -> Action {
        let Ok(Value::Object(action)) = serde_json::from_slice(line) else {
            return Action::Unknown;
        };
        let Some(index) = action.get("create").and_then(|of| of.get("_index")?.as_str()) else {
            return Action::Unknown;
        };
        let defaults = self.indices.entry(index.to_owned()).or_insert_with(|| {
            let index = Some(index.to_owned());
            Arc::new(RecordDefaults { index, ..RecordDefaults::default() })
        });
        Action::Index(Arc::clone(defaults))
    }
}

impl BodyItems for Documents {
    fn read(&mut self, window: &mut Window<'_>, intake: &mut Intake<'_>) -> Read {
        let none = RecordDefaults::default();
        while !intake.is_full() {
            let line = match self.finder.next(window) {
                Some(Item::Line(line) | Item::Element(line)) => line.to_vec(),
                Some(Item::TooLong(head)) => {
                    self.action = None;
                    intake.reject(&head, RejectReason::TooLong, "too long", &none);
                    continue;
                }
                None => return Read::Starved,
            };
            match self.action.take() {
                _ if line.is_empty() => {}
                None => self.action = Some(self.action(&line)),
                Some(Action::Index(defaults)) => {
                    intake.json(&line, &defaults);
                }
                Some(Action::Unknown) => {
                    let detail = "the action before is unknown";
                    intake.reject(&line, RejectReason::InvalidJson, detail, &none);
                }
            }
        }
        Read::Full
    }

    fn batch_bytes(&self, unread: &[u8]) -> usize {
        estimate(unread, &RecordDefaults::default())
    }
}

/// Posts a body to the protocol; returns the answer and what the store took.
async fn ask(
    body: impl Into<Body>,
    caller: Option<Caller>,
    answer: impl FnMut(&RedactedBatch) -> Ack + Send + 'static,
    counters: &Counters,
) -> (StatusCode, Value, Vec<RedactedBatch>) {
    let (ingest, receiver) = ingest_of(IngestConfig::default(), 1 << 26);
    let store = FakeStore::start_counting(receiver, answer, counters.clone());
    let mut request = HttpRequest::post("/_bulk").body(body.into()).expect("a request");
    request.extensions_mut().insert(SenderId::from_number(7));
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    let response = serve(&Bulk, Arc::new(ingest), request).await;
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).expect("JSON"), store.batches())
}

const BODY: &str = "{\"create\":{\"_index\":\"shop\"}}\n\
    {\"message\":\"a\"}\n\
    {\"create\":{\"_index\":\"web\"}}\n\
    {\"message\":\n\
    {\"update\":{\"_index\":\"web\"}}\n\
    {\"message\":\"c\"}\n\
    {\"create\":{\"_index\":\"shop\"}}\n\
    {\"message\":\"ada@example.org\"}\n";

#[tokio::test]
async fn each_document_has_its_item_and_its_index() {
    let counters = Counters::default();
    let (status, answer, batches) = ask(BODY, None, written, &counters).await;
    assert_eq!(status, StatusCode::OK);
    let statuses: Vec<u64> = answer["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["index"]["status"].as_u64().expect("a status"))
        .collect();
    assert_eq!(statuses, [201, 400, 400, 201]);
    assert_eq!(answer["items"][1]["index"]["error"]["type"], "invalid_json");
    let records: Vec<_> = batches.iter().flat_map(records_of).collect();
    let texts = |name| records.iter().map(|record| record.get_str(name)).collect::<Vec<_>>();
    assert_eq!(texts("index"), [Some("shop"), None, None, Some("shop")]);
    assert_eq!(texts("message").last(), Some(&Some("[EMAIL]")));
    assert_eq!(counters.of(metric_names::INGEST_ACCEPTED), 2);
    assert_eq!(counters.of(metric_names::INGEST_REJECTED), 2);
}

#[tokio::test]
async fn items_are_told_over_all_pieces_of_a_body() {
    let action = "{\"create\":{\"_index\":\"shop\"}}\n";
    let good = format!("{action}{{\"message\":\"{}\"}}\n", "x".repeat(100));
    let body = [good.repeat(20_000), format!("{action}rubbish\n"), good].concat();
    let taken = std::sync::Mutex::new(0);
    let count = move |batch: &RedactedBatch| {
        *taken.lock().expect("whole") += 1;
        written(batch)
    };
    let (status, answer, batches) = ask(body, None, count, &Counters::default()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(batches.len() > 2, "{} pieces", batches.len());
    let items = answer["items"].as_array().expect("items");
    let is_good = |item: &Value| item["index"]["status"] == 201;
    assert_eq!((items.len(), items.iter().filter(|item| is_good(item)).count()), (20_002, 20_001));
    assert!(!is_good(&items[20_000]) && is_good(&items[20_001]));
}

#[tokio::test]
async fn a_caller_is_the_tenant_of_every_batch() {
    let tenant = Tenant::define("bulk-team").expect("a name");
    let caller = Caller { tenant, ..Caller::open() };
    let (_, _, batches) = ask(BODY, Some(caller), written, &Counters::default()).await;
    let of = |batch: &RedactedBatch| (batch.tenant(), batch.sender());
    let expected = (tenant, SenderId::from_number(7));
    assert_eq!(batches.iter().map(of).collect::<Vec<_>>(), [expected]);
    let (_, _, batches) = ask(BODY, None, written, &Counters::default()).await;
    assert_eq!(batches.first().map(RedactedBatch::tenant), Some(Tenant::DEFAULT));
    let reader = Caller { scopes: Scopes::of(&[Scope::Query]), ..Caller::open() };
    let (status, _, batches) = ask(BODY, Some(reader), written, &Counters::default()).await;
    assert_eq!((status, batches.len()), (StatusCode::BAD_REQUEST, 0), "the protocol sees scopes");
}

#[tokio::test]
async fn refusals_have_the_form_of_the_protocol() {
    let full = |_: &RedactedBatch| Err(tierlog_model::Refusal::DiskFull);
    let (status, answer, _) = ask(BODY, None, full, &Counters::default()).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(answer["error"]["type"], "disk_full");
    assert_eq!(answer["status"], 507);
}

#[tokio::test]
async fn a_repeat_counts_once() {
    let counters = Counters::default();
    let again = |batch: &RedactedBatch| {
        Ok(Receipt { written_count: 0, duplicate_count: batch.record_count(), producer_line: None })
    };
    let (status, _, _) = ask(BODY, None, again, &counters).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(counters.of(metric_names::INGEST_DUPLICATE), 2);
    assert_eq!(counters.of(metric_names::INGEST_ACCEPTED), 0);
}

#[test]
fn a_million_accepted_items_are_one_run() {
    let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
    let defaults = RecordDefaults::default();
    let mut all = ingest.no_verdicts();
    for _ in 0..125 {
        let prepared = ingest.prepare(0, |intake| {
            for _ in 0..8_000 {
                intake.json(b"{}", &defaults);
            }
        });
        all.add(prepared.verdicts);
    }
    let run = OutcomeRun { outcome: Outcome::Accepted, count: 1_000_000 };
    assert_eq!((all.outcomes.runs(), all.outcomes.untold_count()), (&[run][..], 0));
}
