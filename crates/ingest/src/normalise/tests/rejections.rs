//! Every reason for which one line is refused, and the bounds from both sides.

use super::*;

#[test]
fn every_reason_of_a_line_has_its_case() {
    check(
        "plain text",
        expect![[r#"
        invalid_json: expected value at byte 1
    "#]],
    );
    check(
        r#"{"a":"#,
        expect![[r#"
        invalid_json: EOF while parsing a value at byte 5
    "#]],
    );
    check(
        "[{\"a\":1}",
        expect![[r#"
        invalid_json: EOF while parsing a list at byte 8
    "#]],
    );
    check(
        "[1,2]",
        expect![[r#"
        not_an_object: valid JSON, but not an object
    "#]],
    );
    check(
        "42",
        expect![[r#"
        not_an_object: valid JSON, but not an object
    "#]],
    );
    check(
        "NaN",
        expect![[r#"
        not_an_object: valid JSON, but not an object
    "#]],
    );
    check(
        &format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64)),
        expect![[r#"
        too_deep: nested deeper than 64 levels
    "#]],
    );
    check(
        r#"{"timestamp":"yesterday"}"#,
        expect![[r#"
        invalid_timestamp: timestamp text is in no known form
    "#]],
    );
    check(
        r#"{"@timestamp":0}"#,
        expect![[r#"
        invalid_timestamp: unix timestamp is zero or negative
    "#]],
    );
    check(
        r#"{"timestamp":"9999-01-01T00:00:00Z"}"#,
        expect![[r#"
        invalid_timestamp: timestamp is outside the years 1678 to 2261
    "#]],
    );
    check(
        r#"{"timestamp":true}"#,
        expect![[r#"
        invalid_timestamp: timestamp is neither text nor number
    "#]],
    );
    check(
        r#"{"level":"debug","ts":"2026-11-12T23:59:59Z"}"#,
        expect![[r#"
        past_retention: older than the 7 days that tier debug keeps
    "#]],
    );
    check(
        r#"{"ts":"2026-11-21T12:00:00.000001Z"}"#,
        expect![[r#"
        too_far_ahead: timestamp is more than 86400 seconds ahead
    "#]],
    );
    let read = |line: &[u8]| print(read_as(line, LineKind::Json, &IngestConfig::default()));
    expect![[r#"
        invalid_utf8: line is not valid UTF-8
    "#]]
    .assert_eq(&read(b"{\"a\":\"\xff\"}"));
    expect![[r#"
        invalid_utf8: line is not valid UTF-8
    "#]]
    .assert_eq(&read(b"text \xff"));
}

#[test]
fn bounds_are_inclusive_where_a_day_still_lives() {
    check(
        r#"{"level":"debug","ts":"2026-11-13T00:00:00Z"}"#,
        expect![[r#"
        2026-11-13T00:00:00.000000Z debug
    "#]],
    );
    check(
        r#"{"ts":"2026-11-21T12:00:00Z"}"#,
        expect![[r#"
        2026-11-21T12:00:00.000000Z info
    "#]],
    );
    check(
        r#"{"level":"critical","ts":"2025-11-20T00:00:00Z"}"#,
        expect![[r#"
        2025-11-20T00:00:00.000000Z critical
    "#]],
    );
}

#[test]
fn fields_are_counted_after_flattening() {
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{n}")).collect();
        format!("{{\"nested\":{{{}}}}}", members.join(","))
    };
    let read = |count| {
        let line = members(count);
        read_as(line.as_bytes(), LineKind::Json, &IngestConfig::default())
    };
    assert_eq!(read(1_000).expect("at the limit").fields.len(), 1_000);
    let reject = read(1_001).expect_err("beyond the limit");
    assert_eq!(reject.reason, RejectReason::TooManyFields);
    assert_eq!(reject.detail, "more than 1000 fields");
}
