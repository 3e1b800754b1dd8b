//! Another engine behind the same API: records in a list, compared one by one.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use tierlog_model::{
    Caller, Level, ManualClock, Pseudonyms, Record, RecordKind, Tenant, TierPolicy, Timestamp,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::fixture::{NOW, line, read, text};
use crate::aggregate::{AggregateAnswer, FieldList, FieldValues, Histogram, Request as Asked};
use crate::config::QueryConfig;
use crate::cursor::Cursor;
use crate::description::{Description, Detail, Tier};
use crate::dialect::{AnyField, KnownFields};
use crate::error::QueryError;
use crate::execute::{Deadline, Found, Hit, HitSink, Kept, Search, Total, TotalRelation};
use crate::http::{QueryState, http_router};
use crate::order::{Next, Order};
use crate::query::Query;
use crate::record_filter::RecordFilter;
use crate::searcher::Searcher;
use crate::sort::Sort;
use crate::tail::Tail;
use crate::time_range::TimeRange;
use crate::warning::Warnings;

/// The records of a tenant, oldest first; the number of a record is its place.
#[derive(Debug)]
struct List {
    owner: Tenant,
    records: Vec<Record<'static>>,
}

const COUNTS: QueryError = QueryError::Internal("the list does not compute");

impl Searcher for List {
    fn search(
        &self,
        search: &Search,
        deadline: &Deadline,
        sink: &mut dyn HitSink,
    ) -> Result<Found, QueryError> {
        deadline.check()?;
        let filter = RecordFilter::new(search.query.expr.clone());
        let mut hits: Vec<Hit> = Vec::new();
        for (record, seq) in self.records.iter().zip(0..) {
            let is_asked = search.query.tenant == self.owner
                && search.query.range.contains(record.timestamp)
                && filter.matches(record);
            if is_asked {
                hits.push(Hit { seq, record: record.clone() });
            }
        }
        let Order::Time { sort, .. } = search.order else { return Err(COUNTS) };
        if sort == Sort::NewestFirst {
            hits.reverse();
        }
        let total = Total { value: hits.len() as u64, relation: TotalRelation::Eq };
        let mut last = None;
        let mut left = hits.into_iter().skip(search.from);
        for hit in left.by_ref().take(search.limit) {
            let place = (hit.record.timestamp, hit.seq);
            if sink.take(hit)? == Kept::NoRoom {
                break;
            }
            last = Some(place);
        }
        let cursor = last.map(|(timestamp, seq)| Cursor { sort, timestamp, seq });
        Ok(Found {
            total,
            next: cursor.filter(|_| left.next().is_some()).map(Next::Time),
            partial_reasons: Vec::new(),
            whole_from: None,
            partial_partitions: Vec::new(),
            expired: Vec::new(),
            warnings: Warnings::default(),
        })
    }

    fn aggregate(&self, _: &Query, _: &Asked, _: &Deadline) -> Result<AggregateAnswer, QueryError> {
        Err(COUNTS)
    }

    fn histogram(
        &self,
        _: &Query,
        _: Option<Duration>,
        _: &Deadline,
    ) -> Result<Histogram, QueryError> {
        Err(COUNTS)
    }

    fn fields(&self, _: &Query, _: &Deadline) -> Result<FieldList, QueryError> {
        Err(COUNTS)
    }

    fn values(
        &self,
        _: &Query,
        _: &str,
        _: usize,
        _: &Deadline,
    ) -> Result<FieldValues, QueryError> {
        Err(COUNTS)
    }

    fn tail(&self, query: Query, stop: CancellationToken) -> Tail {
        let (_, quiet) = tokio::sync::broadcast::channel(1);
        Tail::new(quiet, query.tenant, RecordFilter::new(query.expr), query.kind, stop)
    }

    fn describe(&self, _: Tenant, _: Detail) -> Description {
        let tier = |name: &str, levels: &[Level]| Tier {
            policy: TierPolicy { name: name.to_owned(), days: 7, levels: levels.to_vec() },
            kept_since: Timestamp::MIN,
            partitions: Vec::new(),
        };
        let dead_letters = tier("dead_letter", &[]);
        Description { tiers: vec![tier("all", &Level::ALL)], dead_letters }
    }

    fn known_fields<'s>(
        &'s self,
        _: Tenant,
        _: TimeRange,
        _: RecordKind,
        _: &Deadline,
    ) -> Box<dyn KnownFields + 's> {
        Box::new(AnyField)
    }
}

async fn ask(owner: Tenant, uri: &str) -> serde_json::Value {
    let id = ("request_id", text("r-1"));
    let records = vec![
        line(-2, Level::Info, &[id.clone(), ("message", text("first"))]),
        line(-1, Level::Error, &[id, ("message", text("second"))]),
    ];
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros_clamped(NOW)));
    let list = Arc::new(List { owner, records });
    let pseudonyms = Arc::new(Pseudonyms::off());
    let state = QueryState::over(list, pseudonyms, clock, Arc::new(QueryConfig::default()));
    let request = Request::builder().method(Method::GET).uri(uri).body(Body::empty());
    let router = http_router(Arc::new(state)).layer(Extension(Caller::open()));
    let (_, answer) = read(router.oneshot(request.unwrap()).await.unwrap()).await;
    answer
}

#[tokio::test]
async fn the_api_answers_from_another_engine() {
    let owner = Tenant::DEFAULT;
    let answer = ask(owner, "/api/v1/search?q=level:error").await;
    assert_eq!(answer["hits"][0]["message"], json!("second"));
    let answer = ask(owner, "/api/v1/requests/r-1").await;
    assert_eq!(answer["records"].as_array().unwrap().len(), 2);
    assert_eq!(answer["levels"]["error"], json!({"count": 1, "state": "present"}));
    assert_eq!(ask(owner, "/_count?q=first").await["count"], json!(1));
    let answer = ask(owner, "/api/v1/fields").await;
    assert_eq!(answer["code"], json!("internal"));
}

#[tokio::test]
async fn a_query_names_the_tenant_of_its_caller() {
    let other = Tenant::define("query-other").unwrap();
    assert_eq!(ask(other, "/_count").await["count"], json!(0));
    assert_eq!(ask(other, "/api/v1/requests/r-1").await["records"], json!([]));
}
