//! Answers against their documents, and the leases of answers until the last byte is read.

use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tierlog_model::memory::MemoryUse;
use tierlog_model::{Level, Record, RecordKind, Timestamp, Value};
use tokio_stream::StreamExt as _;

use super::*;

fn part(limit_bytes: u64) -> MemoryPart {
    MemoryPart::new(MemoryUse::Answers, limit_bytes)
}

fn hit(seq: u64, message: &str) -> Hit {
    let record = Record {
        timestamp: Timestamp::from_micros_clamped(1_795_176_000_000_000),
        level: Level::Info,
        kind: RecordKind::Log,
        fields: vec![("message".into(), Value::Str(message.to_owned().into()))],
    };
    Hit { seq, record }
}

#[derive(Serialize)]
struct Document {
    id: String,
    hits: Apart,
    total: u32,
}

async fn read(answer: JsonAnswer) -> (u64, Json) {
    let response = answer.into_response();
    let length = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len() as u64, length);
    (length, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn records_stand_in_the_document_where_they_belong() {
    let part = part(8 << 20);
    let long = "x".repeat(100_000);
    for (id, messages) in [
        ("plain", vec![]),
        ("\0", vec!["one"]),
        ("\"hits\":\"\\u0000\"", vec!["\"hits\":\"\\u0000\"", "\0", "\n"]),
        ("long", vec![long.as_str(); 7]),
    ] {
        let mut records = Records::up_to(usize::MAX, &part);
        for (seq, message) in messages.iter().enumerate() {
            assert_eq!(records.take(hit(seq as u64, message)).unwrap(), Kept::Yes);
        }
        let document = Document { id: id.to_owned(), hits: Apart, total: 3 };
        let answer = JsonAnswer::around(records, "hits", &document, &part).unwrap();
        let (length, found) = read(answer).await;
        let shown: Vec<Json> =
            messages.iter().map(|message| serde_json::to_value(hit(0, message)).unwrap()).collect();
        assert_eq!(found, json!({"id": id, "hits": shown, "total": 3}), "{length}");
        assert_eq!(part.used_bytes(), 0);
    }
}

#[tokio::test]
async fn an_answer_holds_what_its_client_has_not_taken() {
    let part = part(8 << 20);
    let document = "y".repeat(1 << 20);
    let mut answer = JsonAnswer::of(&document, &part).unwrap();
    let whole = document.len() as u64 + 2;
    assert_eq!(part.used_bytes(), whole);
    let piece = answer.next().await.unwrap().unwrap();
    assert_eq!(piece.len(), PIECE_BYTES);
    assert_eq!(part.used_bytes(), whole - PIECE_BYTES as u64);
    drop(answer);
    assert_eq!(part.used_bytes(), 0);
}

#[test]
fn large_answers_leave_room_for_small_ones() {
    let part = part(4 << 20);
    let large = || JsonAnswer::of(&"z".repeat(1 << 20), &part);
    let held: Vec<JsonAnswer> = std::iter::from_fn(|| large().ok()).collect();
    assert_eq!(held.len(), 2, "a third would touch the last quarter");
    let QueryError::Memory(refused) = large().unwrap_err() else { panic!("refused by name") };
    assert!(!refused.is_final(), "{refused}");
    let small: Vec<JsonAnswer> =
        (0..4).map(|_| JsonAnswer::of(&"s".repeat(200_000), &part).unwrap()).collect();
    drop((held, small));
    let QueryError::Memory(refused) = JsonAnswer::of(&"z".repeat(4 << 20), &part).unwrap_err()
    else {
        panic!("refused by name")
    };
    assert!(refused.is_final(), "{refused}");
    assert_eq!((part.used_bytes(), part.refusals()), (0, 3));
}

#[test]
fn a_page_ends_at_its_text_or_at_what_the_budget_allows() {
    let part = part(1 << 20);
    let text = "t".repeat(50_000);
    let page = |text_bytes_max: usize| {
        let mut records = Records::up_to(text_bytes_max, &part);
        let mut count = 0;
        while count < 100 && records.take(hit(count, &text)).unwrap() == Kept::Yes {
            count += 1;
        }
        count
    };
    assert_eq!(page(210_000), 4);
    assert_eq!(page(10), 1, "one record is always shown");
    assert_eq!(page(usize::MAX), 14, "three quarters of a mebibyte, less the document");
}
