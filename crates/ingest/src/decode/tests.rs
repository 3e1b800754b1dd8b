//! The decoder against serde_json, on random values, on rubbish, and on JSON's known nasties.

use proptest::prelude::*;
use serde_json::Value;
use tierlog_model::limits::NESTING_DEPTH_MAX;

use super::*;

/// Decodes a line and prints it back.
fn print(line: &[u8]) -> Result<String, Reject> {
    let mut decoder = Decoder::new(NESTING_DEPTH_MAX);
    let mut text = TextBuffer::default();
    let tape = decoder.decode(line, &mut text)?;
    let mut out = String::new();
    let mut nodes = tape.0.iter();
    write_json(&mut nodes, &mut out);
    assert!(nodes.as_slice().is_empty(), "one value takes the whole tape");
    Ok(out)
}

/// Tells whether two values say the same; numbers by value, not by spelling.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            if left.is_f64() || right.is_f64() {
                left.as_f64() == right.as_f64()
            } else {
                left == right
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(l, r)| l.0 == r.0 && same(l.1, r.1))
        }
        _ => left == right,
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON is finite", |f| f.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-z\"\\\\/\u{0}-\u{1f}\u{1F600}]{0,70}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_equals_serde_json(value in value()) {
        let line = value.to_string();
        let printed = print(line.as_bytes()).expect("what serde_json prints is JSON");
        let back: Value = serde_json::from_str(&printed).expect("what we print is JSON");
        prop_assert!(same(&back, &value), "{} became {}", line, printed);
    }

    #[test]
    fn rubbish_is_refused_without_a_panic(line: Vec<u8>) {
        let _ = print(&line);
    }

    #[test]
    fn what_is_accepted_or_refused_is_as_serde_json_says(line in "[\\[\\]{}\",:0-9a-z.eE+ \\\\-]{0,24}") {
        let strict = serde_json::from_str::<Value>(&line).is_ok();
        let ours = print(line.as_bytes()).is_ok();
        // The decoder takes more (texts that repair mends), never less.
        prop_assert!(ours || !strict, "{}", line);
    }
}

fn check(line: &[u8], expected: Result<&str, RejectReason>) {
    let printed = print(line).map_err(|reject| reject.reason);
    assert_eq!(printed.as_deref(), expected.as_ref().map(|text| *text), "{line:?}");
}

#[test]
fn what_python_writes_is_read() {
    check(br#"{"a":NaN,"b":-Infinity}"#, Ok(r#"{"a":"NaN","b":"-Infinity"}"#));
    check(br#"{"a":"\ud800 x"}"#, Ok(r#"{"a":"\\ud800 x"}"#));
    check(br#"{"\udc00":1}"#, Ok(r#"{"\\udc00":1}"#));
    check(br#"{"a":18446744073709551616}"#, Ok(r#"{"a":"18446744073709551616"}"#));
    check(br#"{"a":1e400,"b":-1e400}"#, Ok(r#"{"a":"1e400","b":"-1e400"}"#));
    check(br#"{"a":[18446744073709551615,-9223372036854775808]}"#, {
        Ok(r#"{"a":[18446744073709551615,-9223372036854775808]}"#)
    });
    check("{\"a\":\"\u{202e}\u{feff}\"}".as_bytes(), Ok("{\"a\":\"\u{202e}\u{feff}\"}"));
    check(br#"{"a\u0000b":"\u0000"}"#, Ok(r#"{"a\u0000b":"\u0000"}"#));
    check(br#"{"a":1,"a":2}"#, Ok(r#"{"a":1,"a":2}"#));
    let digits = "9".repeat(1000);
    check(format!("[{digits}]").as_bytes(), Ok(&format!("[\"{digits}\"]")));
}

#[test]
fn what_templates_write_is_read() {
    check(br#"{"ua":"a \x22b\x22","q":"\xC3\xA9"}"#, Ok(r#"{"ua":"a \"b\"","q":"é"}"#));
    check(br#"{"a":,"b":-,}"#, Ok(r#"{"a":null,"b":"-"}"#));
    check(b"{\"a\":\"x\ty\"}", Ok(r#"{"a":"x\ty"}"#));
}

#[test]
fn what_is_no_json_is_refused() {
    use RejectReason::{InvalidJson, InvalidUtf8};
    for line in [
        "",
        " ",
        "{",
        "}",
        "{]",
        "[1",
        "{\"a\"}",
        "{\"a\":1,,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":tru}",
        "{\"a\":1}x",
        "{\"a\":1} {\"b\":2}",
        "\"",
        "\\",
        "{\"a\":NaNN}",
        "{\"a\":nan}",
        "{\"a\":--1}",
        "{\"a\":0x10}",
        "{\"a\":\"b}",
        "\u{feff}{}",
    ] {
        check(line.as_bytes(), Err(InvalidJson));
    }
    check(b"{\"a\":\"\xff\"}", Err(InvalidUtf8));
    check(b"{\"a\":\"\xed\xa0\x80\"}", Err(InvalidUtf8));
    check(b"{\"a\":\"\xc0\xaf\"}", Err(InvalidUtf8));
    check(b"{\"a\":\"\xe2\x82\"}", Err(InvalidUtf8));
}

#[test]
fn nesting_ends_at_the_limit_and_never_in_the_stack() {
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    assert!(print(&nested(64)).is_ok());
    for depth in [65, 128, 129, 1_000_000] {
        check(&nested(depth), Err(RejectReason::TooDeep));
        check(&b"[".repeat(depth), Err(RejectReason::TooDeep));
        check(&b"{\"a\":".repeat(depth), Err(RejectReason::TooDeep));
    }
    let objects = |depth: usize| {
        [b"{\"a\":".repeat(depth - 1), b"{}".to_vec(), b"}".repeat(depth - 1)].concat()
    };
    assert!(print(&objects(64)).is_ok());
    check(&objects(65), Err(RejectReason::TooDeep));
}

#[test]
fn details_name_places_and_never_content() {
    let detail = |line: &str| print(line.as_bytes()).expect_err("refused").detail.into_owned();
    assert_eq!(detail("{\"hunter2\" 1}"), "expected `:` at byte 12");
    assert_eq!(detail("{\"a\":hunter2}"), "expected value at byte 6");
    assert_eq!(detail("{\"a\":\"hunter2"), "EOF while parsing a string at byte 13");
    assert_eq!(detail(&"[".repeat(65)), "nested deeper than 64 levels");
}

#[test]
fn buffers_serve_line_after_line_and_shrink() {
    let mut decoder = Decoder::new(NESTING_DEPTH_MAX);
    let mut text = TextBuffer::default();
    let cases: [(&[u8], Option<usize>); 4] =
        [(b"{\"a\":1}", Some(3)), (b"{\"a\":", None), (b"[NaN]", Some(2)), (b"[1,[2],3]", Some(5))];
    for (line, expected) in cases {
        let nodes = decoder.decode(line, &mut text).map(|tape| {
            let nodes = tape.0.len();
            decoder.recycle(tape);
            nodes
        });
        assert_eq!(nodes.ok(), expected);
    }
    let long = format!("\"{}\"", "x".repeat(2 * KEPT_BUFFER_BYTES_MAX));
    assert!(decoder.probe(long.as_bytes(), &mut text).is_ok());
    decoder.shrink(long.len());
    text.shrink();
    assert!(text.strict.capacity() <= KEPT_BUFFER_BYTES_MAX);
    assert!(decoder.probe(b"{}", &mut text).is_ok());
}
