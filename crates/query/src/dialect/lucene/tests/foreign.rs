//! Forms of other languages, misspelt names, and text that looks like clauses: what is understood,
//! and what is said about it.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tierlog_model::Pseudonyms;

use super::{now, query_like};
use crate::dialect::lucene::{Compiled, parse};
use crate::dialect::{KnownFields, Spellings, Vocabulary};
use crate::error::QueryError;
use crate::warning::Warning;

/// Fields of the records of a shop.
const FIELDS: [&str; 14] = [
    "service",
    "status_code",
    "duration_ms",
    "path",
    "error_type",
    "host",
    "extra.quiz_id",
    "labels.team",
    "labels.tier",
    "msg",
    "client_ip",
    "region",
    "page",
    "response.status",
];

/// Records that have some fields and no others.
struct Shop;

impl KnownFields for Shop {
    fn has(&self, name: &str) -> bool {
        FIELDS.contains(&name)
    }

    fn names(&self) -> Result<Vec<String>, QueryError> {
        Ok(FIELDS.map(str::to_owned).to_vec())
    }

    fn similar_names(&self) -> Vec<String> {
        FIELDS.map(str::to_owned).to_vec()
    }
}

fn compile(query: &str) -> Result<Compiled, QueryError> {
    let (pseudonyms, spellings) = (Pseudonyms::off(), Spellings::default());
    parse(
        query,
        Vocabulary { pseudonyms: &pseudonyms, now: now(), spellings: &spellings, fields: &Shop },
    )
}

fn said(warning: &Warning) -> String {
    let mut text = format!("    ! {}", warning.detail);
    if let Some(suggestion) = &warning.suggestion {
        text.push_str(&format!(" -> {suggestion}"));
    }
    text + "\n"
}

/// Compiles each line, and writes the meaning and the warnings below the line.
pub(super) fn check(queries: &[&str], expected: &Expect) {
    let lines = queries.iter().map(|query| {
        let meaning = match compile(query) {
            Ok(Compiled { expr, warnings }) => {
                format!("{expr}\n{}", warnings.iter().map(said).collect::<String>())
            }
            Err(error) => format!("{error}\n"),
        };
        format!("{query}\n    {meaning}")
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn a_name_that_no_record_has_is_said_and_looked_for_as_text() {
    check(
        &[
            "sevice:x",
            "Service:x",
            "quizId:5",
            "quiz_id:5",
            "latency:5",
            "zzz:5",
            "NOT sevice:x",
            "sevice:\"a b\"",
            "sevice:*",
            "sevice:>5",
            "sevice:x*",
            "sevice:(a OR b)",
            "logger:x",
            "user_id:7",
            "sevice:x OR sevice:y",
        ],
        &expect![[r#"
            sevice:x
                text:phrase(sevice x)
                ! no record has a field "sevice": "sevice:x" is looked for as text -> service
            Service:x
                service:is("x")
            quizId:5
                text:phrase(quizid 5)
                ! no record has a field "quizId": "quizId:5" is looked for as text -> extra.quiz_id
            quiz_id:5
                text:phrase(quiz id 5)
                ! no record has a field "quiz_id": "quiz_id:5" is looked for as text -> extra.quiz_id
            latency:5
                text:phrase(latency 5)
                ! no record has a field "latency": "latency:5" is looked for as text -> duration_ms
            zzz:5
                text:phrase(zzz 5)
                ! no record has a field "zzz": "zzz:5" is looked for as text
            NOT sevice:x
                not(text:phrase(sevice x))
                ! no record has a field "sevice": "sevice:x" is looked for as text -> service
            sevice:"a b"
                text:phrase(sevice a b)
                ! no record has a field "sevice": "sevice:"a b"" is looked for as text -> service
            sevice:*
                exists(sevice)
                ! no record has a field "sevice" -> service
            sevice:>5
                sevice:Numbers { lower: Excluded(Integer(5)), upper: Unbounded }
                ! no record has a field "sevice" -> service
            sevice:x*
                sevice:fits(x* | phrase(x…))
                ! no record has a field "sevice" -> service
            sevice:(a OR b)
                or(sevice:is("a"), sevice:is("b"))
                ! no record has a field "sevice" -> service
            logger:x
                logger:is("x")
                ! no record has a field "logger"
            user_id:7
                user_id:is("7")
            sevice:x OR sevice:y
                or(text:phrase(sevice x), text:phrase(sevice y))
                ! no record has a field "sevice": "sevice:x" is looked for as text -> service
                ! no record has a field "sevice": "sevice:y" is looked for as text -> service
        "#]],
    );
}

#[test]
fn text_that_looks_like_a_clause_is_text() {
    check(
        &[
            "Main.java:5",
            "example.org:8080",
            "NullPointerException: null",
            "KeyError: 'x'",
            "ValueError:",
            "12:30:45",
            "C:\\x",
            "http://h/x",
            "fe80::1",
            "2001:db8::1",
            "::1",
            "std::io::Error",
            "invalid literal for int() with base 10",
            "main()",
            "'tis the season",
            "foo => bar",
            "foo->bar",
            "a - b",
            "List<String>",
            "错误：超时",
        ],
        &expect![[r#"
            Main.java:5
                text:phrase(main java 5)
                ! no record has a field "Main.java": "Main.java:5" is looked for as text
            example.org:8080
                text:phrase(example org 8080)
                ! no record has a field "example.org": "example.org:8080" is looked for as text
            NullPointerException: null
                text:phrase(nullpointerexception null)
                ! no record has a field "NullPointerException": "NullPointerException: null" is looked for as text
            KeyError: 'x'
                text:phrase(keyerror x)
                ! no record has a field "KeyError": "KeyError: 'x'" is looked for as text
            ValueError:
                text:phrase(valueerror)
            12:30:45
                text:phrase(12 30 45)
            C:\x
                text:phrase(c x)
                ! no record has a field "C": "C:\x" is looked for as text
            http://h/x
                text:phrase(http h x)
            fe80::1
                text:phrase(fe80 1)
                ! no record has a field "fe80": "fe80::1" is looked for as text
            2001:db8::1
                text:phrase(2001 db8 1)
            ::1
                text:phrase(1)
            std::io::Error
                text:phrase(std io error)
                ! no record has a field "std": "std::io::Error" is looked for as text
            invalid literal for int() with base 10
                and(text:phrase(invalid), text:phrase(literal), text:phrase(for), text:phrase(int), text:phrase(with), text:phrase(base), text:phrase(10))
            main()
                text:phrase(main)
            'tis the season
                and(text:phrase(tis), text:phrase(the), text:phrase(season))
            foo => bar
                and(text:phrase(foo), text:signs(=>), text:phrase(bar))
            foo->bar
                text:phrase(foo bar)
            a - b
                and(text:phrase(a), text:signs(-), text:phrase(b))
            List<String>
                text:phrase(list string)
            错误：超时
                text:phrase(错误 超时)
        "#]],
    );
}

#[test]
fn operators_in_lower_case_are_some_where_nobody_looks_for_the_words() {
    check(
        &[
            "a and b",
            "a or b",
            "not a",
            "not found",
            "search and rescue and more",
            "level:error and timeout",
            "timeout and not level:debug",
            "(a or b) c",
            "\"disk full\" or \"no space\"",
            "service:(shop or billing)",
            "level:error And service:shop",
            "and",
            "a and",
            "android or",
            "or a",
        ],
        &expect![[r#"
            a and b
                and(text:phrase(a), text:phrase(and), text:phrase(b))
                ! "and" is looked for as a word: operators are in capitals -> a AND b
            a or b
                and(text:phrase(a), text:phrase(or), text:phrase(b))
                ! "or" is looked for as a word: operators are in capitals -> a OR b
            not a
                and(text:phrase(not), text:phrase(a))
                ! "not" is looked for as a word: operators are in capitals -> NOT a
            not found
                and(text:phrase(not), text:phrase(found))
                ! "not" is looked for as a word: operators are in capitals -> NOT found
            search and rescue and more
                and(text:phrase(search), text:phrase(and), text:phrase(rescue), text:phrase(and), text:phrase(more))
                ! "and" is looked for as a word: operators are in capitals -> search AND rescue AND more
            level:error and timeout
                and(level(error), text:phrase(timeout))
            timeout and not level:debug
                and(text:phrase(timeout), level(info warning error critical))
            (a or b) c
                and(or(text:phrase(a), text:phrase(b)), text:phrase(c))
            "disk full" or "no space"
                or(text:phrase(disk full), text:phrase(no space))
            service:(shop or billing)
                or(service:is("shop"), service:is("billing"))
            level:error And service:shop
                and(level(error), service:is("shop"))
            and
                text:phrase(and)
            a and
                and(text:phrase(a), text:phrase(and))
            android or
                and(text:phrase(android), text:phrase(or))
            or a
                and(text:phrase(or), text:phrase(a))
        "#]],
    );
}

#[test]
fn comparisons_are_read_when_the_name_is_a_field() {
    check(
        &[
            "duration_ms>1000",
            "duration_ms >= 1000",
            "duration_ms<1s",
            "duration_ms:>1.5s",
            "service=shop",
            "service==shop",
            "service = 'the shop'",
            "service!=shop",
            "service <> shop",
            "service=~\"sh.*\"",
            "service!~\"sh.*\"",
            "service=*",
            "level=error",
            "level>=warning",
            "@timestamp>now-1h",
            "@timestamp:>now-1h",
            "page=2",
            "sevice=x",
            "latency>500",
            "a<b",
            "dGVzdA==",
            "x=",
            "service:=shop",
            "service:!shop",
            "service:!=shop",
            "service:~\"sh.*\"",
            "service:in(shop, 'the shop')",
        ],
        &expect![[r##"
            duration_ms>1000
                duration_ms:Numbers { lower: Excluded(Integer(1000)), upper: Unbounded }
            duration_ms >= 1000
                duration_ms:Numbers { lower: Included(Integer(1000)), upper: Unbounded }
            duration_ms<1s
                duration_ms:Numbers { lower: Unbounded, upper: Excluded(Integer(1000)) }
            duration_ms:>1.5s
                duration_ms:Numbers { lower: Excluded(Integer(1500)), upper: Unbounded }
            service=shop
                service:is("shop")
                ! "service=shop" is read as service:shop; quote what is text -> service:shop
            service==shop
                service:is("shop")
            service = 'the shop'
                service:is("the shop")
                ! "service = 'the shop'" is read as service:'the shop'; quote what is text -> service:'the shop'
            service!=shop
                not(service:is("shop"))
            service <> shop
                not(service:is("shop"))
            service=~"sh.*"
                service:/^(?:sh.*)$/
            service!~"sh.*"
                not(service:/^(?:sh.*)$/)
            service=*
                exists(service)
                ! "service=*" is read as service:*; quote what is text -> service:*
            level=error
                level(error)
                ! "level=error" is read as level:error; quote what is text -> level:error
            level>=warning
                level(warning error critical)
            @timestamp>now-1h
                timestamp(2026-11-20T11:00:00.000001Z..)
            @timestamp:>now-1h
                timestamp(2026-11-20T11:00:00.000001Z..)
            page=2
                page:is("2"#)
                ! "page=2" is read as page:2; quote what is text -> page:2
            sevice=x
                text:phrase(sevice x)
                ! no record has a field "sevice": "sevice=x" is looked for as text -> service
            latency>500
                text:phrase(latency 500)
                ! no record has a field "latency": "latency>500" is looked for as text -> duration_ms
            a<b
                text:phrase(a b)
            dGVzdA==
                text:phrase(dgvzda)
            x=
                text:phrase(x)
            service:=shop
                service:is("shop")
            service:!shop
                not(service:is("shop"))
            service:!=shop
                not(service:is("shop"))
            service:~"sh.*"
                service:/sh.*/
            service:in(shop, 'the shop')
                service:is("shop" "the shop")
        "##]],
    );
}

#[test]
fn sql_kql_logql_and_logsql() {
    check(
        &[
            "where level = 'error' and duration_ms > 100",
            "SELECT * FROM logs WHERE level = 'error'",
            "status_code in (500, 502)",
            "status_code NOT IN (500, 502)",
            "path like '/api/%'",
            "error_type is null",
            "error_type IS NOT NULL",
            "duration_ms between 10 and 20",
            "where is it",
            "{app=\"shop\", level=~\"err.*\"} |= \"card\" != \"test\" |~ \"4[0-9]+\"",
            "|= `a b`",
            "{\"service\":\"shop\"}",
            "\"service\":\"shop\", \"level\":\"error\"",
            "level:error | json | duration_ms > 1s",
            "level:error | where status_code >= 500",
            "level:error | stats count() by (service)",
            "error | head 10",
            "2026-12-01 | INFO | shop | started",
            "_exists_:error_type",
            "_missing_:error_type",
            "_time:5m",
            "_time:2026-12-01",
            "_msg:x",
            "*:*",
            "labels.*:blue",
            "l*.team:blue",
            "nothing.*:blue",
            "level:[info to error]",
            "status_code:[500, 599]",
            "status_code:[500..599]",
            "service:“the shop”",
            "‘a b’",
            "service：shop",
            "!timeout",
            "-timeout",
            "level:error && service:shop || x",
        ],
        &expect![[r##"
            where level = 'error' and duration_ms > 100
                and(level(error), duration_ms:Numbers { lower: Excluded(Integer(100)), upper: Unbounded })
                ! "level = 'error'" is read as level:'error'; quote what is text -> level:'error'
            SELECT * FROM logs WHERE level = 'error'
                query syntax at byte 0: SQL is not read here: write the condition alone, such as level:error AND duration_ms:>1000; `tierlog stats` groups and computes
            status_code in (500, 502)
                status_code:is("500"# "502"#)
            status_code NOT IN (500, 502)
                not(status_code:is("500"# "502"#))
            path like '/api/%'
                path:fits(/api/* | phrase(api))
            error_type is null
                not(exists(error_type))
            error_type IS NOT NULL
                exists(error_type)
            duration_ms between 10 and 20
                duration_ms:Numbers { lower: Included(Integer(10)), upper: Included(Integer(20)) }
            where is it
                and(text:phrase(where), text:phrase(is), text:phrase(it))
            {app="shop", level=~"err.*"} |= "card" != "test" |~ "4[0-9]+"
                and(service:is("shop"), level(error), text:phrase(card), not(text:phrase(test)), text:word(/4[0-9]+/))
                ! "app="shop"" is read as app:"shop"; quote what is text -> app:"shop"
                ! "|= "card"" is read as "card"; quote what is text -> "card"
                ! "!= "test"" is read as NOT "test"; quote what is text -> NOT "test"
                ! "|~ "4[0-9]+"" is read as /4[0-9]+/; quote what is text -> /4[0-9]+/
            |= `a b`
                text:phrase(a b)
                ! "|= `a b`" is read as "a b"; quote what is text -> "a b"
            {"service":"shop"}
                query syntax at byte 0: a range needs a field before it; quote a bracket that is text
            "service":"shop", "level":"error"
                and(service:is("shop"), level(error))
            level:error | json | duration_ms > 1s
                and(level(error), duration_ms:Numbers { lower: Excluded(Integer(1000)), upper: Unbounded })
                ! | json is passed over: every record was read as it came in
            level:error | where status_code >= 500
                and(level(error), status_code:Numbers { lower: Included(Integer(500)), upper: Unbounded })
            level:error | stats count() by (service)
                query syntax at byte 12: a query has no pipes such as "| stats": `tierlog stats` groups and computes, limit, sort and fields are parameters; quote a sign that is text
            error | head 10
                query syntax at byte 6: a query has no pipes such as "| head": `tierlog stats` groups and computes, limit, sort and fields are parameters; quote a sign that is text
            2026-12-01 | INFO | shop | started
                and(text:phrase(2026 12 01), text:signs(|), text:phrase(info), text:signs(|), text:phrase(shop), text:signs(|), text:phrase(started))
            _exists_:error_type
                exists(error_type)
            _missing_:error_type
                not(exists(error_type))
            _time:5m
                timestamp(2026-11-20T11:55:00.000000Z..)
                ! "_time:5m" is read as timestamp:>=now-5m; quote what is text -> timestamp:>=now-5m
            _time:2026-12-01
                timestamp(2026-12-01T00:00:00.000000Z..2026-12-02T00:00:00.000000Z)
                ! "_time:2026-12-01" is read as timestamp:2026-12-01; quote what is text -> timestamp:2026-12-01
            _msg:x
                text:phrase(msg x)
                ! no record has a field "_msg": "_msg:x" is looked for as text -> msg
            *:*
                all
            labels.*:blue
                or(labels.team:is("blue"), labels.tier:is("blue"))
            l*.team:blue
                labels.team:is("blue")
            nothing.*:blue
                nothing.*:is("blue")
                ! no record has a field "nothing.*"
            level:[info to error]
                level(info warning error)
            status_code:[500, 599]
                status_code:Numbers { lower: Included(Integer(500)), upper: Included(Integer(599)) }
            status_code:[500..599]
                status_code:Numbers { lower: Included(Integer(500)), upper: Included(Integer(599)) }
            service:“the shop”
                service:is("the shop")
            ‘a b’
                text:phrase(a b)
            service：shop
                service:is("shop")
            !timeout
                not(text:phrase(timeout))
            -timeout
                not(text:phrase(timeout))
            level:error && service:shop || x
                or(and(level(error), service:is("shop")), text:phrase(x))
        "##]],
    );
}

proptest! {
    #[test]
    fn any_likely_text_is_compiled_or_refused_inside_the_text(query in query_like()) {
        if let Err(error) = compile(&query) {
            prop_assert!(error.position().is_none_or(|position| position <= query.len()));
            prop_assert!(!matches!(error, QueryError::Internal(_)), "{error}");
        }
    }

    #[test]
    fn any_foreign_text_is_compiled_or_refused_inside_the_text(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "service", "level", "sevice", "duration_ms", "=", "==", "=~", "!=", "!~", ">", "<=", ":",
                " ", " in ", "(", ")", "[", "]", "{", "}", "\"", "'", "`", "“", "”", "|", "|= ", "| json ",
                "| where ", "select ", " from ", "where ", " and ", " or ", "not ", " like ", " is null",
                " between ", "5xx", "10.0.0.0/8", "::", "%", "*", "/", "\\", "x", "é", "：", "now-1h", ",",
                "_exists_:", "_time:", "\"service\":",
            ]),
            0..14,
        ),
    ) {
        let query = pieces.concat();
        if let Err(error) = compile(&query) {
            prop_assert!(error.position().is_none_or(|position| query.is_char_boundary(position)));
            prop_assert!(!matches!(error, QueryError::Internal(_)), "{error}");
        }
    }
}
