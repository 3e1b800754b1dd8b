//! Texts with their moment and length.

use proptest::prelude::*;

use tierlog_model::Timestamp;

use super::{Moment, read_moment};

fn now() -> Timestamp {
    read_moment("2026-11-20T14:05:09.5Z", Timestamp::default()).expect("a moment")
}

/// Compares the first moment that a text means, and the first one after.
fn check(text: &str, first: &str, after: &str) {
    let found = Moment::read(text, now())
        .map(|moment| (moment.first.to_string(), moment.after.to_string()));
    let whole = |text: &str| match text.len() {
        20 => format!("{}.000000Z", text.trim_end_matches('Z')),
        _ => text.to_owned(),
    };
    assert_eq!(found, Some((whole(first), whole(after))), "{text:?}");
}

#[test]
fn a_moment_is_as_long_as_it_is_written() {
    for (text, first, after) in [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("202602", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2026-12-01", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        ("20261201", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        ("2026/12/01", "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        ("2026-12-01T10", "2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z"),
        ("20261201T10", "2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z"),
        ("20261201T1030Z", "2026-12-01T10:30:00Z", "2026-12-01T10:31:00Z"),
        ("202612011030", "2026-12-01T10:30:00Z", "2026-12-01T10:31:00Z"),
        ("20261201103015", "2026-12-01T10:30:15Z", "2026-12-01T10:30:16Z"),
        ("20261201103015250", "2026-12-01T10:30:15.250000Z", "2026-12-01T10:30:15.251000Z"),
        ("2026-12-01 10:30", "2026-12-01T10:30:00Z", "2026-12-01T10:31:00Z"),
        ("2026-12-01t10:30:15z", "2026-12-01T10:30:15Z", "2026-12-01T10:30:16Z"),
        ("2026-12-01 10:30:15,25", "2026-12-01T10:30:15.250000Z", "2026-12-01T10:30:15.260000Z"),
        (
            "2026-12-01T10:30:15.1234567Z",
            "2026-12-01T10:30:15.123456Z",
            "2026-12-01T10:30:15.123457Z",
        ),
        ("2026-12-01T12:00:00+02:00", "2026-12-01T10:00:00Z", "2026-12-01T10:00:01Z"),
        ("2026-12-01 12:00:00 +0200", "2026-12-01T10:00:00Z", "2026-12-01T10:00:01Z"),
        ("2026-12-01T12:00-0530", "2026-12-01T17:30:00Z", "2026-12-01T17:31:00Z"),
        ("2026-12-01 12:00:00 UTC", "2026-12-01T12:00:00Z", "2026-12-01T12:00:01Z"),
        (
            "2026-12-01T12:00:00+01:00[Europe/Berlin]",
            "2026-12-01T11:00:00Z",
            "2026-12-01T11:00:01Z",
        ),
        ("2026-12-01T24:00:00Z", "2026-12-02T00:00:00Z", "2026-12-02T00:00:01Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", "2017-01-01T00:00:00Z"),
        ("Tue, 01 Dec 2026 10:00:00 GMT", "2026-12-01T10:00:00Z", "2026-12-01T10:00:01Z"),
        ("[01/Dec/2026:12:00:00 +0200]", "2026-12-01T10:00:00Z", "2026-12-01T10:00:01Z"),
    ] {
        check(text, first, after);
    }
}

#[test]
fn the_magnitude_tells_the_unit_of_unix_time() {
    for (text, first, after) in [
        ("0", "1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"),
        ("1795000000", "2026-11-18T11:06:40Z", "2026-11-18T11:06:41Z"),
        ("1795000000.5", "2026-11-18T11:06:40.500000Z", "2026-11-18T11:06:40.600000Z"),
        ("1.795e9", "2026-11-18T11:06:40Z", "2026-11-18T11:06:40.000001Z"),
        ("1795000000123", "2026-11-18T11:06:40.123000Z", "2026-11-18T11:06:40.124000Z"),
        ("1795000000123456", "2026-11-18T11:06:40.123456Z", "2026-11-18T11:06:40.123457Z"),
        ("1795000000123456789", "2026-11-18T11:06:40.123456Z", "2026-11-18T11:06:40.123457Z"),
        // No day, so unix time.
        ("20261301", "1970-08-23T12:08:21Z", "1970-08-23T12:08:22Z"),
        ("86400", "1970-01-02T00:00:00Z", "1970-01-02T00:00:01Z"),
    ] {
        check(text, first, after);
    }
}

#[test]
fn the_present_is_gone_from_in_steps() {
    let exactly = |text: &str, first: &str| {
        let found = read_moment(text, now()).map(|moment| moment.to_string());
        assert_eq!(found.as_deref(), Some(first), "{text:?}");
    };
    exactly("now", "2026-11-20T14:05:09.500000Z");
    exactly(" now-1h ", "2026-11-20T13:05:09.500000Z");
    exactly("now - 1h", "2026-11-20T13:05:09.500000Z");
    exactly("now-1h30m", "2026-11-20T12:35:09.500000Z");
    exactly("-90m", "2026-11-20T12:35:09.500000Z");
    exactly("90 minutes ago", "2026-11-20T12:35:09.500000Z");
    exactly("now+1d-1h", "2026-11-21T13:05:09.500000Z");
    exactly("now-1M", "2026-10-20T14:05:09.500000Z");
    exactly("now-1y", "2025-11-20T14:05:09.500000Z");
    exactly("now-9M/d+3h", "2026-02-20T03:00:00.000000Z");
    exactly("2026-03-31||-1M", "2026-02-28T00:00:00.000000Z");
    check("now/d", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    check("now-7d/d", "2026-11-13T00:00:00Z", "2026-11-14T00:00:00Z");
    check("yesterday", "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z");
    check("now/w", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z");
    check("now/M", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    check("now/y", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    check("now/h", "2026-11-20T14:00:00Z", "2026-11-20T15:00:00Z");
}

#[test]
fn what_lies_beyond_every_record_is_the_first_or_last_moment() {
    for text in [
        "9999",
        "99991231",
        "9999-12-31T23:59:59.999Z",
        "now+900y",
        "9e10",
        "999999999999999999999999",
        "now+9223372036854775807w",
        "now+99999999999999y",
    ] {
        assert_eq!(read_moment(text, now()), Some(Timestamp::MAX), "{text:?}");
    }
    for text in [
        "0001-01-01",
        "1066-10-14T10:00:00Z",
        "now-900y",
        "now-9999999999999w",
        "now-9223372036854775807M",
    ] {
        assert_eq!(read_moment(text, now()), Some(Timestamp::MIN), "{text:?}");
    }
}

#[test]
fn anything_else_is_no_moment() {
    for text in [
        "",
        "nowish",
        "now-",
        "now-1",
        "now-1x",
        "now/",
        "now/q",
        "Tuesday",
        "2026-13-01",
        "2026-02-30",
        "2026-12-01T25",
        "2026-12-01T10:61",
        "2026-12-01x",
        "01/12/2026",
        "1e99",
        "-",
        "-1",
        "-86400",
        "-9e10",
        "nan",
        "inf",
        "2026-12-01||",
        "||",
        "é",
        "10:30",
    ] {
        let expected = (text == "2026-12-01||").then_some("2026-12-01T00:00:00.000000Z");
        let found = read_moment(text, now()).map(|moment| moment.to_string());
        assert_eq!(found.as_deref(), expected, "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "[-+0-9now/dMTZ:. |,]{0,24}|.{0,24}") {
        if let Some(moment) = Moment::read(&text, now()) {
            prop_assert!(moment.first <= moment.after, "{text}: {moment:?}");
        }
    }

    #[test]
    fn our_own_form_is_one_microsecond(micros in -9_214_560_000_000_000_i64..9_214_560_000_000_000) {
        let moment = Timestamp::from_micros_clamped(micros);
        let read = Moment::read(&moment.to_string(), now()).expect("our own form");
        prop_assert_eq!((read.first, read.after), (moment, moment.saturating_add_micros(1)));
    }
}
