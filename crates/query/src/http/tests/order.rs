//! Orders by a field, page by page, against a plain sort of the same records.

use std::cmp::Ordering;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tierlog_model::{Level, Record, Value};

use super::fixture::{DAY, Fixture, line, text};

/// A name without an own column.
const PAIRED: &str = "a\u{1}b";

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        (-3_i64..3).prop_map(Value::I64),
        Just(Value::I64(9_007_199_254_740_993)),
        Just(Value::U64(u64::MAX)),
        (-5_i32..5).prop_map(|halves| Value::F64(f64::from(halves) / 2.0)),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![Just("a"), Just("b"), Just("-1.5"), Just("7"), Just("")].prop_map(text),
        (0_u8..3).prop_map(|last| Value::Str(format!("{}{last}", "x".repeat(300)).into())),
        prop_oneof![Just("[1,\"z\",false]"), Just("[2,-9]"), Just("[]")]
            .prop_map(|json| Value::Json(json.into())),
    ]
}

prop_compose! {
    fn record()(
        days_ago in 0_i64..3,
        second in 0_i64..5,
        value in prop::option::of(value()),
        level in 0_u8..5,
    ) -> Record<'static> {
        let mut fields = vec![];
        if let Some(value) = value {
            fields = vec![("value", value.clone()), (PAIRED, value)];
        }
        let level = Level::from_u8(level).expect("a level");
        line(-days_ago * DAY - second * 1_000_000, level, &fields)
    }
}

/// A value as the order compares it: kind, number, text.
type Key = (u8, f64, i128, String);

fn key(value: &Json) -> Key {
    match value {
        Json::Bool(value) => (0, f64::from(u8::from(*value)), 0, String::new()),
        Json::Number(number) => (
            1,
            number.as_f64().expect("a float"),
            number
                .to_string()
                .parse()
                .unwrap_or_else(|_| number.as_f64().expect("a float") as i128),
            String::new(),
        ),
        Json::String(text) => match text.parse::<f64>() {
            Ok(number) => (1, number, number as i128, String::new()),
            Err(_) => (2, 0.0, 0, text.chars().take(128).collect()),
        },
        Json::Null | Json::Array(_) | Json::Object(_) => unreachable!("no value"),
    }
}

fn compare(left: &Key, right: &Key) -> Ordering {
    let numbers = left.1.total_cmp(&right.1).then(left.2.cmp(&right.2));
    left.0.cmp(&right.0).then(numbers).then_with(|| left.3.cmp(&right.3))
}

/// The value of a hit that counts in an order.
fn counted(hit: &Json, field: &str, is_descending: bool) -> Option<Key> {
    let keys: Vec<Key> = match &hit[field] {
        Json::Null => Vec::new(),
        Json::Array(values) => values.iter().map(key).collect(),
        value => vec![key(value)],
    };
    match is_descending {
        true => keys.into_iter().max_by(compare),
        false => keys.into_iter().min_by(compare),
    }
}

fn hits(answer: &Json) -> Vec<Json> {
    answer["hits"].as_array().expect("hits").clone()
}

/// Sorts hits that come newest first.
fn sorted(newest_first: &[Json], field: &str, is_descending: bool) -> Vec<Json> {
    let mut sorted = newest_first.to_vec();
    sorted.sort_by(|left, right| {
        let [left, right] = [left, right].map(|hit| counted(hit, field, is_descending));
        match (left, right) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) if is_descending => compare(&right, &left),
            (Some(left), Some(right)) => compare(&left, &right),
        }
    });
    sorted
}

async fn check(fixture: &Fixture, field: &str, is_descending: bool) {
    let all = fixture.get_ok("/api/v1/search?limit=1000").await;
    let expected = sorted(&hits(&all), field, is_descending);
    let sort = format!("{}{field}", if is_descending { "-" } else { "" });
    let ask = async |more: Json| {
        let mut body = json!({"sort": sort, "limit": 7});
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        fixture.post_ok("/api/v1/search", &body).await
    };
    let (mut paged, mut cursor) = (Vec::new(), Json::Null);
    loop {
        let page = ask(json!({"cursor": cursor})).await;
        assert_eq!(page["total"], json!({"value": expected.len(), "relation": "eq"}));
        paged.extend(hits(&page));
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert!(paged == expected, "{sort}");
    for from in [1, 5, expected.len(), expected.len() + 3] {
        let page = hits(&ask(json!({"from": from})).await);
        let rest = expected.get(from..).unwrap_or_default();
        assert!(page == rest[..rest.len().min(7)], "{sort} from {from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn pages_by_a_field_are_a_plain_sort(
        sealed in prop::collection::vec(record(), 0..30),
        hot in prop::collection::vec(record(), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let fixture = Fixture::new();
            fixture.write(&sealed).await;
            fixture.seal_closed_days();
            fixture.write(&hot).await;
            for field in ["value", PAIRED] {
                for is_descending in [false, true] {
                    check(&fixture, field, is_descending).await;
                }
            }
        });
    }
}

#[tokio::test]
async fn levels_are_ordered_by_severity_and_pages_follow_values() {
    let fixture = Fixture::new();
    let at = |number: i64, level| line(-number, level, &[("number", Value::I64(number))]);
    fixture
        .write(&[
            at(1, Level::Info),
            at(2, Level::Critical),
            at(3, Level::Debug),
            at(4, Level::Error),
        ])
        .await;
    let numbers = |answer: &Json| -> Vec<i64> {
        hits(answer).iter().map(|hit| hit["number"].as_i64().expect("a number")).collect()
    };
    let by_level = fixture.get_ok("/api/v1/search?sort=-level").await;
    assert_eq!(numbers(&by_level), [2, 4, 1, 3]);
    for (after, expected) in [
        (json!(["error"]), vec![1, 3]),
        (json!(["critical", "now"]), vec![2, 4, 1, 3]),
        (json!([null]), vec![]),
    ] {
        let body = json!({"sort": "-level", "search_after": after});
        let answer = fixture.post_ok("/api/v1/search", &body).await;
        assert_eq!(numbers(&answer), expected, "{after}");
    }
    let by_time = fixture.get_ok("/api/v1/search?from=1&limit=2").await;
    assert_eq!(numbers(&by_time), [2, 3]);
    let last = hits(&by_time)[1]["timestamp"].clone();
    let body = json!({"search_after": [last]});
    assert_eq!(numbers(&fixture.post_ok("/api/v1/search", &body).await), [4]);
    let far = fixture.get_ok("/api/v1/search?from=50000").await;
    assert_eq!((hits(&far).len(), &far["total"]["value"]), (0, &json!(4)));
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused() {
    let fixture = Fixture::new();
    fixture.write(&[line(0, Level::Info, &[("number", Value::I64(1))])]).await;
    let first = fixture.get_ok("/api/v1/search?sort=number&limit=1").await;
    assert_eq!(first["warnings"], Json::Null);
    let other = fixture.get_ok("/api/v1/search?sort=nunber").await;
    assert_eq!(other["warnings"][0]["suggestion"], json!("number"));
    for (parameters, code) in [
        ("sort=message", "invalid_parameter"),
        ("from=1&cursor=AA", "invalid_parameter"),
        ("from=100001", "invalid_parameter"),
        ("search_after=7", "invalid_parameter"),
        ("sort=number&cursor=AA", "invalid_cursor"),
        ("search_after=%5B%22Tuesday%22%5D", "invalid_parameter"),
    ] {
        let (status, problem) = fixture.get(&format!("/api/v1/search?{parameters}")).await;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!(code)), "{parameters}");
    }
    let (status, _) = fixture.get("/api/v1/export?sort=number").await;
    assert_eq!(status.as_u16(), 400);
}
