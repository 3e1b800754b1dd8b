//! Hostile lines, an eighth of the longest allowed. A quadratic detector would need many minutes
//! for one of these; a linear one is done before anybody looks.

use std::borrow::Cow;

use tierlog_model::Value;
use tierlog_model::limits::LINE_BYTES_MAX;

use super::{record, redactor};

#[test]
fn a_hostile_line_takes_linear_time() {
    let redactor = redactor();
    for piece in [
        "@",
        "a@",
        "a@b.",
        "a.1.1@",
        "1",
        "1 ",
        "4111-",
        "{",
        "{\"",
        "\"password\":{",
        "\"user_id\":{",
        "\"name\":{",
        "password=",
        "password:",
        "token=null,",
        "pass: 1 ",
        "b",
        "bearer ",
        "basic a",
        "://",
        "a://",
        "a:b@://",
        "?token",
        "?token=",
        "&",
        "--",
        "--token ",
        "\\",
        "\\\"",
        "\\u0040",
        "\\n@a.bc",
        "%",
        "%25",
        "%40",
        "eyJ",
        "eyJ.",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY",
        "AKIA",
        "xoxb-",
        "+",
        "+1 ",
        "DE89 ",
        "GB82WEST",
        "user_id=",
        "user_id=\"",
        "\"user\":{\"id\":",
        "\u{200b}",
        "４",
        "é@",
        "a=",
        "=",
        ":",
        "ssn ",
        "123-45-",
        "a=b;",
        "Cookie: a=1; ",
        "Authorization: Digest a=b, ",
        "[SECRET]",
        "\"key\":\\\"",
        "a@example.org ",
        "cpf ",
        "CPF 1",
        "CPF_",
        "[NATIONAL_ID]",
        "1 CPF ",
        "52998224725 ",
        "AB 12 34 56 ",
        "529.982.",
        "A1",
        "born ",
        "phone ",
        "phone: 1",
        "call me at ",
        "first_name=A ",
        "lat=1.",
        "lat=1.2345,",
        "DE89",
        "GB82.",
        "otp 1",
    ] {
        let text = piece.repeat(LINE_BYTES_MAX / 8 / piece.len());
        let mut given = record("{}");
        given.fields.push(("message".into(), Value::Str(Cow::Borrowed(&text))));
        given.fields.push(("list".into(), Value::Json(Cow::Borrowed(&text))));
        let mut batch = redactor.batch();
        batch.push(given);
    }
}

#[test]
fn a_thousand_addresses_as_names_are_numbered_in_linear_time() {
    let names: Vec<String> = (0..20_000).map(|n| format!("\"u{n}@example.org\":1")).collect();
    let array = format!("[{{{}}}]", names.join(","));
    let mut given = record("{}");
    given.fields.push(("list".into(), Value::Json(Cow::Owned(array))));
    let redactor = redactor();
    let mut batch = redactor.batch();
    batch.push(given);
    assert_eq!(batch.redacted_count(), 20_000);
}
