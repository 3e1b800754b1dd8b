//! The count that every dashboard draws: `date_histogram` over the moment, by `level` or alone.
//!
//! A request arrives as it was written. For just this count our own histogram answers in the shape
//! of tantivy's answer, mostly out of the counts made at the seal. Everything else, and what the
//! histogram finds too large, is left to the engine.

use std::sync::Arc;
use std::time::Duration;

use tierlog_model::Level;
use tierlog_store::Store;

use super::answer::{Answer, Answers, BucketKey, Buckets, Cut, Inside, Listing};
use super::grid::HistogramBucket;
use super::histogram::bare_histogram;
use super::request::Asked;
use crate::error::QueryError;
use crate::execute::{Deadline, ScanReport};
use crate::plan::Plan;

/// The answers, and the report of the scan for them.
pub(super) type CountedByTime = (Answers, ScanReport);

/// Counts that seals have made beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precounted {
    /// Records by spans of time of one length.
    Time(Duration),
    /// Records by level.
    Level,
}

/// A request that the histogram can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CountByTime {
    name: Arc<str>,
    interval: Duration,
    /// Name of the count by level inside, if there is one.
    by_level: Option<Arc<str>>,
}

impl CountByTime {
    /// Returns the count that a request asks for; `None` when the request asks for anything else.
    pub(super) fn of(asked: &[Asked]) -> Option<CountByTime> {
        let [Asked { name, aggregation, inner, .. }] = asked else { return None };
        let Some(Precounted::Time(interval)) = aggregation.precounted() else { return None };
        let by_level = match inner.as_slice() {
            [] => None,
            [Asked { name, aggregation, inner, .. }] => {
                let is_level = aggregation.precounted() == Some(Precounted::Level);
                Some((is_level && inner.is_empty()).then(|| Arc::clone(name))?)
            }
            _ => return None,
        };
        Some(CountByTime { name: Arc::clone(name), interval, by_level })
    }

    /// Answers it; `None` when there are more buckets than our histogram has.
    pub(super) fn answer(
        &self,
        store: &Store,
        plan: &Plan,
        deadline: &Deadline,
    ) -> Result<Option<CountedByTime>, QueryError> {
        let (buckets, report) = match bare_histogram(store, plan, self.interval, deadline) {
            Ok(counted) => counted,
            Err(QueryError::TooExpensive { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let list = buckets.iter().map(|bucket| self.bucket(bucket)).collect();
        let listing = Listing::InOrder;
        let answer = Answer::Buckets(Buckets { list, listing, cut: None, skipped: None });
        Ok(Some((Answers(vec![(Arc::clone(&self.name), answer)]), report)))
    }

    fn bucket(&self, bucket: &HistogramBucket) -> (BucketKey, Inside) {
        let key = BucketKey::Moment(bucket.start.as_micros().div_euclid(1_000));
        let answers = self.by_level.iter().map(|name| (Arc::clone(name), levels(bucket)));
        let answers = Answers(answers.collect());
        (key, Inside { records: bucket.total, answers })
    }
}

/// Returns the count by level of a bucket, in the order of the engine: the most frequent first.
fn levels(bucket: &HistogramBucket) -> Answer {
    let mut levels: Vec<(Level, u64)> = bucket.levels.clone();
    levels.sort_by(|(left, few), (right, many)| {
        many.cmp(few).then_with(|| left.as_str().cmp(right.as_str()))
    });
    let of_level = |(level, records): (Level, u64)| {
        let key = BucketKey::Text(level.as_str().to_owned());
        (key, Inside { records, answers: Answers::default() })
    };
    let list = levels.into_iter().map(of_level).collect();
    let cut = Some(Cut { others: 0, count_error_max: Some(0) });
    Answer::Buckets(Buckets { list, listing: Listing::InOrder, cut, skipped: None })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tierlog_model::{Pseudonyms, Timestamp};

    use super::*;
    use crate::aggregate::request::{Names, Request};

    fn read(aggs: Value) -> Option<CountByTime> {
        let names = Names {
            pseudonyms: &Pseudonyms::off(),
            now: Timestamp::MIN,
            name_of: &str::to_owned,
            condition: &|_| Err(QueryError::Internal("no conditions here")),
        };
        Request::read(aggs, names).expect("a request").by_time
    }

    #[test]
    fn only_the_plain_count_is_taken() {
        let time = json!({"field": "timestamp", "fixed_interval": "90s"});
        let level = json!({"terms": {"field": "level"}});
        let plain = read(json!({"t": {"date_histogram": time, "aggs": {"l": level}}}));
        let plain = plain.expect("plain");
        assert_eq!((plain.interval.as_secs(), plain.by_level.as_deref()), (90, Some("l")));
        let alone = read(json!({"t": {"date_histogram": time}})).expect("plain");
        assert_eq!((alone.name.as_ref(), alone.by_level), ("t", None));
        let day = json!({"field": "timestamp", "calendar_interval": "day"});
        let day = read(json!({"t": {"date_histogram": day}})).expect("plain");
        assert_eq!(day.interval.as_secs(), 86_400);
        let with = |name: &str, value: Value| {
            let mut options = time.clone();
            options[name] = value;
            json!({"t": {"date_histogram": options}})
        };
        for other in [
            json!({}),
            json!({"t": {"date_histogram": time}, "u": level}),
            json!({"t": {"date_histogram": {"field": "timestamp", "interval": "week"}}}),
            with("min_doc_count", json!(1)),
            with("keyed", json!(true)),
            with("offset", json!("1h")),
            with("hard_bounds", json!({"min": 0, "max": 1})),
            json!({"t": {"date_histogram": time, "aggs": {"l": {"terms": {"field": "level", "size": 1}}}}}),
            json!({"t": {"date_histogram": time, "aggs": {"l": {"terms": {"field": "service"}}}}}),
            json!({"t": {"date_histogram": time, "aggs": {"l": level, "m": level}}}),
            json!({"t": {"date_histogram": time, "aggs": {"l": {"terms": {"field": "level"}, "aggs": {"d": level}}}}}),
            json!({"t": {"terms": {"field": "level"}}}),
        ] {
            assert_eq!(read(other.clone()), None, "{other}");
        }
    }
}
