//! Kinds of one's own and detectors that are asked for, through the whole redactor.

use tierlog_model::Tiers;

use super::super::*;
use super::{pseudonyms, record, redacted, shown};

const POLICY: &str = r#"
[[custom]]
name = "badge"
expression = '\b\d{5}\b'
near = ["badge", "employee"]
example = "badge 12345"
counter_example = "port 12345"

[[custom]]
name = "project"
words = ["Blue Heron", "Grey Seal"]
"#;

#[track_caller]
fn check(settings: &RedactionSettings, fields: &str, expected: &str) {
    let redactor = Redactor::new(settings, pseudonyms());
    let once = redacted(&redactor, record(fields));
    assert_eq!(redacted(&redactor, once.clone()), once, "redaction is idempotent");
    let shown = shown(&once);
    let lines = shown.lines().filter(|line| !line.starts_with("_policy"));
    assert_eq!(lines.collect::<Vec<_>>().join("; "), expected);
}

#[test]
fn kinds_of_ones_own_are_found_in_texts_fields_and_arrays() {
    let policy = RedactionPolicy::parse(POLICY, &Tiers::standard()).expect("a valid policy");
    let settings = RedactionSettings::default().with_policy(&policy);
    for (fields, expected) in [
        (
            r#"{"message":"badge 12345 of BLUE HERON at port 54321"}"#,
            r#"message: "badge [BADGE] of [PROJECT] at port 54321"; _redacted: ["custom"]"#,
        ),
        (r#"{"message":"port 54321"}"#, r#"message: "port 54321""#),
        (
            r#"{"badge":"12345","port":"12345"}"#,
            r#"badge: "[BADGE]"; port: "12345"; _redacted: ["custom"]"#,
        ),
        (
            r#"{"list":["Grey Seal", {"employee":"no. 12345"}]}"#,
            r#"list: ["[PROJECT]",{"employee":"no. [BADGE]"}]; _redacted: ["custom"]"#,
        ),
    ] {
        check(&settings, fields, expected);
    }
}

#[test]
fn addresses_are_kept_until_asked_for() {
    let fields = r#"{"client_ip":"81.2.69.142","message":"from 2a00:1450::1 via 10.0.0.1"}"#;
    check(
        &RedactionSettings::default(),
        fields,
        r#"client_ip: "81.2.69.142"; message: "from 2a00:1450::1 via 10.0.0.1""#,
    );
    let named = |name| detector_named(name).expect("a detector");
    let settings = RedactionSettings::default().with(named("ipv4")).with(named("ipv6"));
    check(
        &settings,
        fields,
        r#"client_ip: "[IP]"; message: "from [IP] via 10.0.0.1"; _redacted: ["ipv4","ipv6"]"#,
    );
}
