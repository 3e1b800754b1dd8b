//! Counts by time: against a plain computation, and where ranges cut what the seals counted.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tierlog_model::{Level, Record, Timestamp};

use super::{SECOND, small};
use crate::http::tests::fixture::{DAY, Fixture, NOW, line, text};

pub(super) fn check_histogram(records: &[Record<'static>], answer: &Json) {
    let width = 15 * 60 * SECOND;
    let mut expected: BTreeMap<(i64, String), u64> = BTreeMap::new();
    for record in records {
        let start = record.timestamp.as_micros().div_euclid(width) * width;
        *expected.entry((start, record.level.to_string())).or_default() += 1;
    }
    let mut found = BTreeMap::new();
    let mut next_start = None;
    for bucket in answer["buckets"].as_array().expect("buckets") {
        let start: jiff::Timestamp =
            bucket["start"].as_str().expect("a text").parse().expect("a time");
        let start = start.as_microsecond();
        assert!(next_start.is_none_or(|next| next == start), "a hole before {start}");
        next_start = Some(start + width);
        let mut total = 0;
        for (level, count) in bucket["levels"].as_object().expect("levels") {
            let count = count.as_u64().expect("a count");
            found.insert((start, level.clone()), count);
            total += count;
        }
        assert_eq!(bucket["total"], json!(total));
    }
    assert_eq!(found, expected);
}

/// Asks for counts by time and level in ways that our histogram answers, and in the same words
/// with an option that leaves them to the engine: both must say the same, to the letter.
pub(super) async fn check_counts_by_time(fixture: &Fixture, records: &[Record<'static>]) {
    // Ranges that cut the minutes of records.
    let mut moments: Vec<Timestamp> = records.iter().map(|record| record.timestamp).collect();
    moments.sort_unstable();
    let moment = |part: usize| moments.get(moments.len() * part / 4).copied().unwrap_or_default();
    let (start, end) = (moment(1).to_string(), moment(3).to_string());
    for (q, start, end, interval) in [
        ("", None, None, "1d"),
        ("level:>=warning", None, None, "30s"),
        ("level:>=warning", Some(&start), None, "7m"),
        ("timestamp:<now", None, Some(&end), "1h"),
        ("level:info OR level:error", Some(&start), Some(&end), "3d"),
        ("endpoint:*", None, None, "7m"),
    ] {
        let request = |by: Json| {
            let time = json!({"field": "timestamp", "fixed_interval": interval});
            let mut request = json!({"q": q, "aggs": {"time": {"date_histogram": time,
                "aggs": {"level": {"terms": by}}}}});
            for (name, moment) in [("start", start), ("end", end)] {
                if let Some(moment) = moment {
                    request[name] = json!(moment);
                }
            }
            request
        };
        let ours = request(json!({"field": "level"}));
        let engines = request(json!({"field": "level", "size": 10}));
        let mut ours = fixture.post_ok("/api/v1/aggregate", &ours).await;
        let mut engines = fixture.post_ok("/api/v1/aggregate", &engines).await;
        let (ours, engines) = (ours["aggregations"].take(), engines["aggregations"].take());
        assert_eq!(ours.to_string(), engines.to_string(), "{q} {start:?} {end:?} {interval}");
        if q.is_empty() {
            let count = |bucket: &Json| bucket["doc_count"].as_u64().expect("a count");
            let buckets = ours["time"]["buckets"].as_array().expect("buckets");
            assert_eq!(buckets.iter().map(count).sum::<u64>(), records.len() as u64);
        }
    }
}

#[tokio::test]
async fn a_histogram_reaches_the_ends_that_were_given() {
    let fixture = small().await;
    let answer = fixture.get_ok("/api/v1/histogram?interval=1h&start=now-3h&end=now%2B2h").await;
    let totals: Vec<u64> = answer["buckets"]
        .as_array()
        .expect("buckets")
        .iter()
        .map(|bucket| bucket["total"].as_u64().expect("a count"))
        .collect();
    assert_eq!(totals, [0, 0, 1, 1, 0]);
    assert_eq!(answer["interval_ms"], json!(3_600_000));
    let answer = fixture.get_ok("/api/v1/histogram?q=level:error").await;
    assert_eq!(answer["buckets"].as_array().map(Vec::len), Some(1));
    let (_, problem) = fixture.get("/api/v1/histogram?interval=1ms&start=now-1h&end=now").await;
    assert_eq!(problem["code"], json!("too_expensive"));
    let answer = fixture.get_ok("/api/v1/histogram?start=now-1h&end=now").await;
    assert_eq!(answer["interval_ms"], json!(60_000));
    assert_eq!(answer["buckets"].as_array().map(Vec::len), Some(60));
    assert_eq!(answer["buckets"][0]["start"], json!(moment(-3_600 * SECOND)));
}

fn moment(offset: i64) -> String {
    Timestamp::from_micros_clamped(NOW + offset).to_string()
}

/// A seal counts by whole minutes: the count says nothing of a minute that a range cuts.
#[tokio::test]
async fn a_minute_that_a_range_cuts_is_not_counted_by_the_seal() {
    let fixture = Fixture::new();
    // 12:00:00 of a day that is over, and two later seconds of the same minute.
    let records: Vec<Record<'static>> = [0, 20, 40]
        .map(|second| line(second * SECOND - DAY, Level::Info, &[("message", text("tick"))]))
        .into();
    fixture.write(&records).await;
    fixture.seal_closed_days();
    for (start, end, expected) in [
        (None, None, 3),
        (Some(10), None, 2),
        (Some(20), None, 2),
        (None, Some(20), 1),
        (Some(10), Some(30), 1),
        (Some(0), Some(60), 3),
    ] {
        let bound = |name: &str, second: Option<i64>| match second {
            Some(second) => format!("&{name}={}", moment(second * SECOND - DAY)),
            None => String::new(),
        };
        let range = bound("start", start) + &bound("end", end);
        let path = format!("/api/v1/histogram?interval=1m{range}");
        let answer = fixture.get_ok(&path).await;
        let buckets = answer["buckets"].as_array().expect("buckets");
        let total: u64 = buckets.iter().filter_map(|bucket| bucket["total"].as_u64()).sum();
        assert_eq!(total, expected, "{range}");
    }
}
