//! How many buckets a histogram can have in a segment, by the ends of its columns, against the
//! buckets that values really fall into.

use std::collections::BTreeSet;

use tierlog_model::{Level, Record, Tenant, Value, fields};

use super::super::segment_facts::SegmentFacts;
use super::SECOND;
use crate::http::tests::fixture::{Fixture, line, text};

/// Buckets that a bound may have beyond the real number: two cut ends and the missing values.
const SLACK: u64 = 3;

#[tokio::test]
async fn a_bound_of_buckets_is_close_above_the_real_number() {
    let fixture = Fixture::new();
    let number = |record: i64| record * 37 % 5_000 - 1_000;
    let records: Vec<Record<'static>> = (0..600)
        .map(|record| {
            let values = [
                ("integer", Value::I64(number(record))),
                ("float", Value::F64(number(record) as f64 / 8.0)),
                ("word", text("12")),
            ];
            line(-record * SECOND, Level::Info, &values)
        })
        .collect();
    fixture.write(&records).await;
    let catalogue = fixture.store.catalogue();
    let list = catalogue.list(Tenant::DEFAULT);
    let (mut segments, mut real) = (0, BTreeSet::new());
    for listed in list.iter() {
        let view = catalogue.open(&list, listed.partition()).expect("opens");
        for segment in view.segments() {
            segments += 1;
            let facts = SegmentFacts::of(segment);
            for step in [0.5, 7.0, 100.0, 1e9] {
                real.clear();
                real.extend((0..600).map(|record| (number(record) as f64 / step).floor() as i64));
                let bound = facts.steps_max("integer", step).expect("a bound");
                assert!(bound >= real.len() as u64, "{step}");
                let span = real.last().zip(real.first()).map_or(0, |(last, first)| last - first);
                assert!(bound <= span.unsigned_abs() + SLACK + 1, "{step}: {bound}");
            }
            // Ten minutes.
            let minutes = facts.steps_max(fields::TIMESTAMP, 60e9).expect("a bound");
            assert!((10..=10 + SLACK).contains(&minutes), "{minutes}");
            assert!(facts.steps_max("float", 1.0).expect("a bound") <= 625 + SLACK);
            // A text may be a number, and a field that nobody has is in no bucket but one.
            assert_eq!(facts.steps_max("word", 1.0).expect("a bound"), u64::MAX);
            assert!(facts.steps_max("absent", 1.0).expect("a bound") <= SLACK);
        }
    }
    assert_eq!(segments, 1);
}
