//! Properties of every input: planted values are gone, other bytes stay, and redaction is
//! idempotent.

use std::borrow::Cow;

use proptest::prelude::*;
use tierlog_model::limits::{DEAD_LETTER_BYTES_MAX, FIELD_NAME_BYTES_MAX};
use tierlog_model::{RejectReason, Value};

use super::plant::{Disguise, Plant, disguise, plant};
use super::{DeadLetter, Redactor, record, redacted, redactor};

/// Text that logs are full of and that is nobody's data.
const CLEAN: [&str; 18] = [
    "GET /api/courses/12?page=2&q=maths 200 12.5ms",
    "2026-11-20T14:05:09.123456Z",
    "request 550e8400-e29b-41d4-a716-446655440000 done",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "epoch 1763650000 1763650000123 1763650000123456 1763650000123456789",
    "host 10.0.0.1:8080 version 8.5.1.2",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "lodash@4.17.21 nginx@sha256:4bbd26a4",
    "Traceback (most recent call last):\n  File \"/srv/app/views.py\", line 12, in get\n",
    "SELECT \"auth_user\".\"id\" FROM \"auth_user\" WHERE \"auth_user\".\"id\" = 7",
    "{\"a\": 1, \"b\": [true, null, \"x\\\"y\"], \"c\": {\"d\": 2.5}}",
    "token_count=12 max_token=5 password_changed_at=2026-11-20",
    "C:\\Users\\app\\new\\table.txt 100% of 50%",
    "std::collections::HashMap a != b, x <= 3, 50/50 at 12:30",
    "naïve café – Größe 東京 ok",
    "user logged in; session opened, token expired, password changed",
    "offset=123456789 lag=42 partition=7 order 2026-000123",
    "MemoryError: heap 1,234,567 of 2,000,000 (61.7 %)",
];

fn message(redactor: &Redactor, text: &str) -> String {
    let mut given = record("{}");
    given.fields.push(("message".into(), Value::Str(Cow::Borrowed(text))));
    redacted(redactor, given).get_str("message").expect("text stays text").to_owned()
}

/// Undoes every disguise, so that a value cannot hide in the answer.
fn bare(text: &str) -> String {
    let mut text = text.replace("\\u", "%u").replace('\\', "");
    for (entity, plain) in [("&quot;", "\""), ("&#39;", "'"), ("&#64;", "@"), ("&amp;", "&")] {
        text = text.replace(entity, plain);
    }
    for code in 0x20_u32..0x7F {
        let plain = char::from_u32(code).expect("ascii").to_string();
        text = text
            .replace(&format!("%u{code:04x}"), &plain)
            .replace(&format!("%{code:02X}"), &plain)
            .replace(char::from_u32(code + 0xFEE0).expect("a character"), &plain);
    }
    text
}

fn neighbours() -> impl Strategy<Value = (String, String)> {
    let word = || prop::sample::select(CLEAN.to_vec());
    let gap = prop::sample::select(vec![
        (" ", " "),
        ("(", ") "),
        ("\n", "\n"),
        (" <", "> "),
        (", ", ", "),
        (" ", ". "),
    ]);
    (word(), word(), gap).prop_map(|(before, after, (open, close))| {
        (format!("{before}{open}"), format!("{close}{after}"))
    })
}

fn check_gone(redactor: &Redactor, plant: &Plant, text: &str) -> Result<(), TestCaseError> {
    let answer = message(redactor, text);
    prop_assert!(!bare(&answer).contains(&plant.secret), "{text:?} became {answer:?}");
    prop_assert_eq!(&message(redactor, &answer), &answer);
    Ok(())
}

fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        plant().prop_map(|plant| plant.text),
        prop::sample::select(CLEAN.to_vec()).prop_map(str::to_owned),
        "[ -~]{0,12}",
        "[\"'\\\\{}\\[\\]:=,;&@%+\\-. 0-9a-fu\n]{0,24}",
        prop::sample::select(vec![
            "password",
            "\"token\":",
            "=",
            ": ",
            "user_id=",
            "Bearer ",
            "://",
            "--secret ",
            "eyJ",
            "\\u0040",
            "%40",
            "[SECRET]",
            "[EMAIL]",
            "\"name\":\"password\",\"value\":",
            "\u{200b}",
            "4111",
            "Cookie: a=1; ",
            "-----BEGIN PRIVATE KEY-----",
            "{",
            "[",
            "\\\"",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_planted_survives(plant in plant(), disguise in disguise(), (before, after) in neighbours()) {
        let redactor = redactor();
        check_gone(&redactor, &plant, &disguise.write(&plant.text))?;
        check_gone(&redactor, &plant, &format!("{before}{}{after}", disguise.write(&plant.text)))?;
        check_gone(&redactor, &plant, &disguise.write(&format!("{before}{}{after}", plant.text)))?;
    }

    #[test]
    fn nothing_planted_survives_in_arrays_names_and_dead_letters(plant in plant(), other in plant()) {
        let redactor = redactor();
        let fields = serde_json::json!({
            "list": [&plant.text, {"deep": [&other.text]}],
            &plant.text: 1,
            "nested": [{&other.text: {"a": 2}}],
        });
        let answer = redacted(&redactor, record(&fields.to_string()));
        for (name, value) in &answer.fields {
            if let Value::Json(json) = value {
                prop_assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{name}: {json}");
            }
        }
        let shown = bare(&serde_json::to_string(&answer).expect("serializable"));
        prop_assert!(!shown.contains(&plant.secret) && !shown.contains(&other.secret), "{shown}");

        let line = fields.to_string();
        let cut = line.floor_char_boundary(line.len() - 2);
        let mut batch = redactor.batch();
        batch.push_dead_letter(DeadLetter {
            arrival: tierlog_model::Timestamp::default(),
            reason: RejectReason::InvalidJson,
            detail: Cow::Borrowed(&plant.text),
            line: Cow::Borrowed(&line.as_bytes()[..cut]),
            service: Some(&plant.text),
            source: Some(&other.text),
        });
        let shown = super::shown(&super::only(&batch.finish(None)));
        prop_assert!(!bare(&shown).contains(&plant.secret) && !bare(&shown).contains(&other.secret), "{shown}");
    }

    #[test]
    fn twice_is_once(text in soup(), other in soup()) {
        let redactor = redactor();
        let fields = serde_json::json!({ "message": text, "list": [other, {&text: &other}], &other: 1 });
        let once = redacted(&redactor, record(&fields.to_string()));
        prop_assert_eq!(&redacted(&redactor, once.clone()), &once);
    }

    #[test]
    fn clean_text_keeps_every_byte(words in prop::collection::vec(prop::sample::select(CLEAN.to_vec()), 1..6)) {
        let redactor = redactor();
        let text = words.join("\n");
        prop_assert_eq!(&message(&redactor, &text), &text);
        let inner = Disguise::JsonInJson.write(&text);
        prop_assert_eq!(&message(&redactor, &inner), &inner);
    }

    #[test]
    fn what_surrounds_a_find_keeps_every_byte(plant in plant(), (before, after) in neighbours()) {
        let answer = message(&redactor(), &format!("{before}{}{after}", plant.text));
        // Nothing but a key that stays, a quote or the scheme of an address may follow.
        prop_assert!(answer.starts_with(&before), "{answer}");
        prop_assert!(answer.ends_with(&after), "{answer}");
    }

    #[test]
    fn json_inside_a_string_stays_json(plant in plant(), (before, after) in neighbours()) {
        let text = Disguise::JsonInJson.write(&format!("{before}{}{after}", plant.text));
        let answer = message(&redactor(), &text);
        let outer: serde_json::Value = serde_json::from_str(&answer).expect("still JSON");
        let inner = outer["m"].as_str().expect("still text");
        prop_assert!(serde_json::from_str::<serde_json::Value>(inner).is_ok(), "{inner}");
    }
}

#[test]
fn tokens_stay_tokens_where_names_and_lines_are_cut_and_numbered() {
    let redactor = redactor();
    let same = |first: String, second: &str| {
        let fields = serde_json::json!({ &first: 1, second: 2 });
        let once = redacted(&redactor, record(&fields.to_string()));
        assert_eq!(redacted(&redactor, once.clone()), once, "{first}");
    };
    for bytes in FIELD_NAME_BYTES_MAX - 60..FIELD_NAME_BYTES_MAX + 10 {
        same(format!("{} user_id=4242", "a".repeat(bytes)), "b");
        // What is cut off told a secret from the parameter behind it.
        same(format!("{}/cb?token=aaa0_-_AA_0A&x=1&y=2", "a".repeat(bytes)), "b");
    }
    // Two addresses as names become one: the second name is numbered.
    same("a@example.org user_id=4242".to_owned(), "b@example.org user_id=4242");
    same("a@example.org user_id=[4242".to_owned(), "b@example.org user_id=[4242");
    for bytes in DEAD_LETTER_BYTES_MAX - 60..DEAD_LETTER_BYTES_MAX + 10 {
        let line = format!("{} user_id=4242", "a".repeat(bytes));
        let mut batch = redactor.batch();
        batch.push_dead_letter(DeadLetter {
            arrival: tierlog_model::Timestamp::default(),
            reason: RejectReason::InvalidJson,
            detail: Cow::Borrowed("x"),
            line: Cow::Borrowed(line.as_bytes()),
            service: None,
            source: None,
        });
        let kept = super::only(&batch.finish(None));
        let text = kept.get_str("message").expect("the line");
        assert_eq!(message(&redactor, text), text, "{bytes}");
    }
}

/// Found by many thousand runs of [`twice_is_once`].
#[test]
fn twice_is_once_for_what_once_was_not() {
    let redactor = redactor();
    for (key, value) in [
        // A key that becomes `[CARD]` speaks of cards.
        ("4000 0000 0000 0002:0eyJhbGciOi", "Acard 4000000000000002"),
        ("4000 0000 0000 0002", "4000000000000002"),
        // What another detector put there is no list of ids.
        ("a", "password[SECRET]user_id=Basic YWE6MCEhIQ=="),
        ("a", "user_id.password==Basic YWE6MCEhIQ=="),
    ] {
        let fields = serde_json::json!({ "list": [value, {key: value}], key: value, value: 1 });
        let once = redacted(&redactor, record(&fields.to_string()));
        assert_eq!(redacted(&redactor, once.clone()), once, "{key} {value}");
    }
}
