//! What query texts mean, as snapshots, and that no text is too strange.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tierlog_model::limits::{QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX};
use tierlog_model::{Pseudonyms, Timestamp};

mod classes;
mod foreign;
mod pseudonyms;

use super::{Compiled, parse};
use crate::dialect::{AnyField, Spellings, Vocabulary};
use crate::error::QueryError;
use crate::expr::AddressRange;
use crate::moment::read_moment;

fn now() -> Timestamp {
    read_moment("2026-11-20T12:00:00Z", Timestamp::default()).unwrap()
}

/// Compiles a query over records that have any field.
pub(crate) fn compiled(query: &str, pseudonyms: &Pseudonyms) -> Result<Compiled, QueryError> {
    let spellings = Spellings::default();
    parse(query, Vocabulary { pseudonyms, now: now(), spellings: &spellings, fields: &AnyField })
}

fn compile(query: &str) -> String {
    match compiled(query, &Pseudonyms::off()) {
        Ok(compiled) => compiled.expr.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Compiles each line, and writes the meaning under it.
fn check(queries: &[&str], expected: &Expect) {
    let lines: Vec<String> =
        queries.iter().map(|query| format!("{query}\n    {}\n", compile(query))).collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn an_escaped_sign_stays_in_the_value() {
    check(
        &["duration_ms:>=5\\(:1", "n:<\\\"x:1", "n:>a\\ b:1", "n:[\"a b\" TO \"c]\"]"],
        &expect![[r#"
            duration_ms:>=5\(:1
                duration_ms:Texts { lower: Included("5(:1"), upper: Unbounded }
            n:<\"x:1
                n:Texts { lower: Unbounded, upper: Excluded("\"x:1") }
            n:>a\ b:1
                n:Texts { lower: Excluded("a b:1"), upper: Unbounded }
            n:["a b" TO "c]"]
                n:Texts { lower: Included("a b"), upper: Included("c]") }
        "#]],
    );
}

#[test]
fn clauses_of_the_contract() {
    check(
        &[
            "*",
            "*:*",
            "level:>=warning",
            "level:warn",
            "level:ERR",
            "severity:fatal",
            "level:IN [debug, info]",
            "level:[info TO error}",
            "level:(error critical)",
            "level:(error OR critical)",
            "-level:debug",
            "level:*",
            "level:e*",
            "user_id:4242",
            "\"exact phrase\"",
            "path:/api/*",
            "path:/api/v1/",
            "path:/api/",
            "status_code:[500 TO 599]",
            "status_code:{500 TO 599}",
            "status_code:[500 TO *]",
            "status_code:[* TO *]",
            "status_code:500",
            "duration_ms:>1000",
            "duration_ms:>=  -0.5",
            "duration_ms:(>=10 <20)",
            "version:[1.0-a TO 2.0-b]",
            "error_type:*",
            "path:/^\\/api\\/v[12]/",
            "/time.?out/",
            "status_code:IN [500, 502 503]",
            "service:IN ['a b' \"c,d\" e]",
            "timeout",
            "Time*",
            "user-4242",
        ],
        &expect![[r##"
            *
                all
            *:*
                all
            level:>=warning
                level(warning error critical)
            level:warn
                level(warning)
            level:ERR
                level(error)
            severity:fatal
                or(level(critical), severity:is("fatal"))
            level:IN [debug, info]
                level(debug info)
            level:[info TO error}
                level(info warning)
            level:(error critical)
                and(level(error), level(critical))
            level:(error OR critical)
                or(level(error), level(critical))
            -level:debug
                level(info warning error critical)
            level:*
                all
            level:e*
                level(error)
            user_id:4242
                user_id:is("4242")
            "exact phrase"
                text:phrase(exact phrase)
            path:/api/*
                path:fits(/api/* | phrase(api))
            path:/api/v1/
                path:is("/api/v1/")
            path:/api/
                path:/api/
            status_code:[500 TO 599]
                status_code:Numbers { lower: Included(Integer(500)), upper: Included(Integer(599)) }
            status_code:{500 TO 599}
                status_code:Numbers { lower: Excluded(Integer(500)), upper: Excluded(Integer(599)) }
            status_code:[500 TO *]
                status_code:Numbers { lower: Included(Integer(500)), upper: Unbounded }
            status_code:[* TO *]
                exists(status_code)
            status_code:500
                status_code:is("500"#)
            duration_ms:>1000
                duration_ms:Numbers { lower: Excluded(Integer(1000)), upper: Unbounded }
            duration_ms:>=  -0.5
                duration_ms:Numbers { lower: Included(Float(-0.5)), upper: Unbounded }
            duration_ms:(>=10 <20)
                and(duration_ms:Numbers { lower: Included(Integer(10)), upper: Unbounded }, duration_ms:Numbers { lower: Unbounded, upper: Excluded(Integer(20)) })
            version:[1.0-a TO 2.0-b]
                version:Texts { lower: Included("1.0-a"), upper: Included("2.0-b") }
            error_type:*
                exists(error_type)
            path:/^\/api\/v[12]/
                path:/^/api/v[12]/
            /time.?out/
                text:word(/time.?out/)
            status_code:IN [500, 502 503]
                status_code:is("500"# "502"# "503"#)
            service:IN ['a b' "c,d" e]
                service:is("a b" "c,d" "e")
            timeout
                text:phrase(timeout)
            Time*
                text:phrase(time…)
            user-4242
                text:phrase(user 4242)
        "##]],
    );
}

#[test]
fn no_text_is_everything() {
    for query in ["", "   ", "\n\t", "*", " * "] {
        assert_eq!(compile(query), "all", "{query:?}");
    }
}

#[test]
fn operators_bind_as_documented() {
    check(
        &[
            "a b",
            "a AND b OR c",
            "a b OR c d",
            "a OR b c",
            "(a OR b) c",
            "a AND b c AND d",
            "a -b",
            "-a OR b",
            "NOT a",
            "NOT NOT a",
            "NOT (a OR b)",
            "!a",
            "+a OR b",
            "+a -b +c",
            "a && b || c",
            "a and b",
            "c (a OR a) d OR e",
            "a NOT b",
            "service:(auth OR -billing level:error)",
            "a AND(b)",
        ],
        &expect![[r#"
            a b
                and(text:phrase(a), text:phrase(b))
            a AND b OR c
                or(and(text:phrase(a), text:phrase(b)), text:phrase(c))
            a b OR c d
                or(and(text:phrase(a), text:phrase(b)), and(text:phrase(c), text:phrase(d)))
            a OR b c
                or(text:phrase(a), and(text:phrase(b), text:phrase(c)))
            (a OR b) c
                and(or(text:phrase(a), text:phrase(b)), text:phrase(c))
            a AND b c AND d
                and(text:phrase(a), text:phrase(b), text:phrase(c), text:phrase(d))
            a -b
                and(text:phrase(a), not(text:phrase(b)))
            -a OR b
                or(not(text:phrase(a)), text:phrase(b))
            NOT a
                not(text:phrase(a))
            NOT NOT a
                text:phrase(a)
            NOT (a OR b)
                not(or(text:phrase(a), text:phrase(b)))
            !a
                not(text:phrase(a))
            +a OR b
                or(text:phrase(a), text:phrase(b))
            +a -b +c
                and(text:phrase(a), not(text:phrase(b)), text:phrase(c))
            a && b || c
                or(and(text:phrase(a), text:phrase(b)), text:phrase(c))
            a and b
                and(text:phrase(a), text:phrase(and), text:phrase(b))
            c (a OR a) d OR e
                or(and(text:phrase(c), or(text:phrase(a), text:phrase(a)), text:phrase(d)), text:phrase(e))
            a NOT b
                and(text:phrase(a), not(text:phrase(b)))
            service:(auth OR -billing level:error)
                or(service:is("auth"), and(not(service:is("billing")), level(error)))
            a AND(b)
                and(text:phrase(a), text:phrase(b))
        "#]],
    );
}

#[test]
fn values_keep_their_signs() {
    check(
        &[
            "url:http://host:8080/a?b=1",
            "http://host/",
            "12:30:05",
            "can't stop",
            "message:\"it said \\\"no\\\"\"",
            "name:'single quoted'",
            "path:\\*literal\\?",
            "path:a\\*b*",
            "a\\:b:c",
            "error.kind:Timeout",
            "labels.app.kubernetes.io/name:api",
            "context.user.name:x",
            "amount:-5",
            "amount:>-5",
            "big:9007199254740993",
            "float:1e3",
            "notnumber:inf",
            "method:\"GET\"",
            "\"card decl\"*",
            "message:fail*",
            "message:\"card decl\"*",
            "foo - bar",
            "foo => bar",
            "\"--\"",
            "-\"--\"",
            "\"a b\"^2 c",
            "http.request.method:GET",
            "msg:x",
            "NOT Msg:*",
            "status:>=500",
            "X-Request-ID:r",
            "duration:>1",
            "@timestamp:[2026-11-01 TO now-1h}",
            "timestamp:>=2026-11-20T00:00:00Z",
            "timestamp:\"2026-11-20 01:02:03\"",
            "ключ:значение Ünïcode",
            "a:b*c?d",
            "a/b*c/d",
        ],
        &expect![[r##"
            url:http://host:8080/a?b=1
                url:fits(http://host:8080/a?b=1 | phrase(http host 8080 a b 1))
            http://host/
                text:phrase(http host)
            12:30:05
                text:phrase(12 30 05)
            can't stop
                and(text:phrase(can t), text:phrase(stop))
            message:"it said \"no\""
                message:is("it said \"no\"")
            name:'single quoted'
                name:is("single quoted")
            path:\*literal\?
                path:is("*literal?")
            path:a\*b*
                path:fits(a\*b* | phrase(a b…))
            a\:b:c
                a:b:is("c")
            error.kind:Timeout
                error.kind:is("Timeout")
            labels.app.kubernetes.io/name:api
                labels.app.kubernetes.io/name:is("api")
            context.user.name:x
                context.user.name:is("x")
            amount:-5
                amount:is("-5"#)
            amount:>-5
                amount:Numbers { lower: Excluded(Integer(-5)), upper: Unbounded }
            big:9007199254740993
                big:is("9007199254740993"#)
            float:1e3
                float:is("1e3"#)
            notnumber:inf
                notnumber:is("inf")
            method:"GET"
                method:is("GET")
            "card decl"*
                text:phrase(card decl…)
            message:fail*
                message:fits(fail* | phrase(fail…))
            message:"card decl"*
                message:fits(card decl* | phrase(card decl…))
            foo - bar
                and(text:phrase(foo), text:signs(-), text:phrase(bar))
            foo => bar
                and(text:phrase(foo), text:signs(=>), text:phrase(bar))
            "--"
                text:signs(--)
            -"--"
                not(text:signs(--))
            "a b"^2 c
                and(text:phrase(a b), text:phrase(c))
            http.request.method:GET
                or(method:is("GET"), http.request.method:is("GET"))
            msg:x
                or(message:is("x"), msg:is("x"))
            NOT Msg:*
                not(or(exists(message), exists(Msg)))
            status:>=500
                or(status_code:Numbers { lower: Included(Integer(500)), upper: Unbounded }, status:Numbers { lower: Included(Integer(500)), upper: Unbounded })
            X-Request-ID:r
                or(request_id:is("r"), X-Request-ID:is("r"))
            duration:>1
                duration:Numbers { lower: Excluded(Integer(1)), upper: Unbounded }
            @timestamp:[2026-11-01 TO now-1h}
                or(timestamp(2026-11-01T00:00:00.000000Z..2026-11-20T11:00:00.000000Z), @timestamp:Texts { lower: Included("2026-11-01"), upper: Excluded("now-1h") })
            timestamp:>=2026-11-20T00:00:00Z
                timestamp(2026-11-20T00:00:00.000000Z..)
            timestamp:"2026-11-20 01:02:03"
                timestamp(2026-11-20T01:02:03.000000Z..2026-11-20T01:02:04.000000Z)
            ключ:значение Ünïcode
                and(ключ:is("значение"), text:phrase(ünïcode))
            a:b*c?d
                a:fits(b*c?d | word(b*c?d))
            a/b*c/d
                query syntax at byte 0: a wildcard in a text of several words may only stand at its end
        "##]],
    );
}

#[test]
fn errors_say_where_and_what() {
    check(
        &[
            "title:",
            "a AND",
            "AND a",
            "a OR OR b",
            "(a",
            "a)",
            "a ()",
            "(a OR )",
            "NOT",
            "\"open",
            "x:\"open",
            "x:[1 TO",
            "x:[1 to 2]",
            "x:IN [a b",
            "x:>",
            "[1 TO 2]",
            "level:loud",
            "level:>=loud",
            "ok level:IN [info loud]",
            "timestamp:>=yesterday",
            "timestamp:[now TO /x/]",
            "x:/(/",
            "x:/(a{999}){999}/",
            "\"a b\"~3",
            "x:>=\"5\"",
            "fo*o/ba*r/x",
        ],
        &expect![[r#"
            title:
                query syntax at byte 6: a value is missing after ':'
            a AND
                query syntax at byte 2: a clause is missing after the operator
            AND a
                query syntax at byte 0: a clause is missing before the operator
            a OR OR b
                query syntax at byte 5: a clause is missing before the operator
            (a
                query syntax at byte 0: this '(' is never closed
            a)
                query syntax at byte 1: this ')' closes nothing
            a ()
                query syntax at byte 3: a clause is missing before ')'
            (a OR )
                query syntax at byte 6: a clause is missing between the operator and ')'
            NOT
                query syntax at byte 0: a clause is missing after the operator
            "open
                query syntax at byte 0: this quote is never closed
            x:"open
                query syntax at byte 2: this quote is never closed
            x:[1 TO
                query syntax at byte 2: this range is never closed
            x:[1 to 2]
                x:Numbers { lower: Included(Integer(1)), upper: Included(Integer(2)) }
            x:IN [a b
                query syntax at byte 2: this set is never closed
            x:>
                query syntax at byte 3: a value is missing after the comparison
            [1 TO 2]
                query syntax at byte 0: a range needs a field before it; quote a bracket that is text
            level:loud
                query syntax at byte 0: not a level: expected debug, info, warning, error, critical or a usual spelling of them
            level:>=loud
                query syntax at byte 0: not a level: expected debug, info, warning, error, critical or a usual spelling of them
            ok level:IN [info loud]
                query syntax at byte 3: not a level: expected debug, info, warning, error, critical or a usual spelling of them
            timestamp:>=yesterday
                timestamp(2026-11-19T00:00:00.000000Z..)
            timestamp:[now TO /x/]
                query syntax at byte 0: not a time or a range of times: expected RFC 3339, a day or its beginning (2026-12-01T10), unix time in s, ms, us or ns, now, now-1h or now-1d/d
            x:/(/
                query syntax at byte 0: regular expression: unclosed group
            x:/(a{999}){999}/
                query syntax at byte 0: regular expression is too large
            "a b"~3
                query syntax at byte 5: word distance (~) is not supported; use AND between the words
            x:>="5"
                x:Numbers { lower: Included(Integer(5)), upper: Unbounded }
            fo*o/ba*r/x
                query syntax at byte 0: a wildcard in a text of several words may only stand at its end
        "#]],
    );
}

#[test]
fn limits_are_named() {
    let check = |query: &str, expected: &str| {
        let found = compiled(query, &Pseudonyms::off()).map(drop);
        match found {
            Err(QueryError::TooExpensive { what, .. }) => assert_eq!(what, expected),
            other => unreachable!("{expected}: {other:?}"),
        }
    };
    check(&"a".repeat(QUERY_BYTES_MAX + 1), "length in bytes");
    check(&"(".repeat(QUERY_DEPTH_MAX + 1), "nesting");
    check(&"NOT ".repeat(QUERY_DEPTH_MAX + 1), "nesting");
    check(&format!("{}a", "-".repeat(QUERY_DEPTH_MAX + 1)), "nesting");
    check(&"a ".repeat(QUERY_TERMS_MAX + 1), "terms");
    check(&"/a/ ".repeat(33), "regular expressions");
    check(&format!("x:IN [{}]", "a ".repeat(QUERY_TERMS_MAX + 1)), "terms");

    let deep = format!("{}a{}", "(".repeat(QUERY_DEPTH_MAX), ")".repeat(QUERY_DEPTH_MAX));
    assert_eq!(compile(&deep), "text:phrase(a)");
    let wide = "a OR ".repeat(QUERY_TERMS_MAX - 1) + "a";
    assert!(compile(&wide).starts_with("or("));
}

/// Text made of what queries are made of reaches more than random characters do.
pub(crate) fn query_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,4}",
        Just("level".to_owned()),
        "[(){}\\[\\]:*?/\\\\\"'~^<>=+!|&, -]{1,3}",
        prop::sample::select(vec![" AND ", " OR ", " NOT ", "IN [", " TO ", ":>=", ":/", " "])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_compiled_or_refused(query in ".{0,80}") {
        let _ = compiled(&query, &Pseudonyms::off());
    }

    #[test]
    fn any_likely_text_is_compiled_or_refused_inside_the_text(query in query_like()) {
        if let Err(error) = compiled(&query, &Pseudonyms::off()) {
            prop_assert!(error.position().is_none_or(|position| position <= query.len()));
            prop_assert!(!matches!(error, QueryError::Internal(_)), "{error}");
        }
    }

    #[test]
    fn a_quoted_text_is_one_literal(text in "[^\"\\\\\u{0}]{1,30}") {
        // An address is looked for in every spelling.
        prop_assume!(AddressRange::network(&text).or(AddressRange::spelled(&text)).is_none());
        let expr = compile(&format!("field:\"{text}\""));
        let plain = format!("field:is({text:?})");
        prop_assert!(expr == plain || expr == format!("field:is({text:?}#)"), "{expr}");
    }
}
