//! What people type who come from other tools, and text that looks like a clause: understood where
//! the meaning is certain, and otherwise said in the answer; never silently nothing.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::harness::{Home, Server, ago, line, shown};

/// Lines of a shop, oldest first, each with a word of its own as `n`.
fn store_lines(server: &Server<'_>) {
    let lines: String = [
        json!({"n": "slow", "message": "card refused", "service": "shop", "level": "error",
            "duration_ms": 1_500, "status_code": 502, "client_ip": "10.1.2.3"}),
        json!({"n": "fast", "message": "order placed", "service": "shop", "level": "info",
            "duration_ms": 12, "status_code": 200, "path": "/api/courses/3/", "client_ip": "11.0.0.1"}),
        json!({"n": "java", "message": "at shop.Main.run(Main.java:5)", "level": "error"}),
        json!({"n": "host", "message": "connect to example.org:8080 failed", "level": "warning"}),
        json!({"n": "null", "message": "NullPointerException: null", "level": "error"}),
        json!({"n": "six", "message": "bound to fe80::1 and 2001:db8::1", "level": "info"}),
        json!({"n": "extra", "message": "read", "extra": {"request_id": "r-7", "quiz_id": 4}}),
    ]
    .into_iter()
    .enumerate()
    .map(|(second, mut record)| {
        let age = std::time::Duration::from_secs(600 - second as u64);
        record["timestamp"] = Value::from(ago(age).to_string());
        line(&record)
    })
    .collect();
    server.store(&lines);
}

/// Compares which lines a query finds, oldest first, and what is said: `code suggestion`.
#[track_caller]
fn check(server: &Server<'_>, q: &str, found: &str, said: &[&str]) {
    let answer = server.search(&json!({"q": q, "sort": "timestamp"}));
    let hits = answer["hits"].as_array().expect("hits");
    let names: Vec<&str> = hits.iter().map(|hit| hit["n"].as_str().expect("a name")).collect();
    let warnings = answer.get("warnings").and_then(Value::as_array).cloned().unwrap_or_default();
    let warnings: Vec<String> = warnings
        .iter()
        .map(|warning| {
            assert!(warning["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
            let code = warning["code"].as_str().expect("a code");
            let suggestion = warning.get("suggestion").and_then(Value::as_str).unwrap_or_default();
            format!("{code} {suggestion}").trim_end().to_owned()
        })
        .collect();
    assert_eq!(
        (names.join(" "), warnings),
        (found.to_owned(), said.iter().map(ToString::to_string).collect()),
        "{q}"
    );
}

#[test]
fn a_misspelt_field_is_said_with_the_one_that_was_meant() {
    let home = Home::new();
    let server = home.start();
    store_lines(&server);
    check(&server, "sevice:shop", "", &["unknown_field service"]);
    check(&server, "level:error sevice:*", "", &["unknown_field service"]);
    check(&server, "quiz_id:>3", "", &["unknown_field extra.quiz_id"]);
    check(&server, "verb:>100", "", &["unknown_field method"]);
    check(&server, "error_type:*", "", &["unknown_field"]);
    check(&server, "NOT zzz:*", "slow fast java host null six extra", &["unknown_field"]);
    // Where there are no lines, no name is to blame.
    let answer = server.search(&json!({"q": "sevice:x", "end": "2020"}));
    assert_eq!((answer["total"]["value"].as_u64(), answer.get("warnings")), (Some(0), None));
}

#[test]
fn comparisons_of_other_languages_find_what_ours_do() {
    let home = Home::new();
    let server = home.start();
    store_lines(&server);
    for q in [
        "duration_ms>1000",
        "duration_ms > 1000",
        "duration_ms:>1s",
        "status_code:5xx",
        "status_code:[5xx TO *]",
        "client_ip:10.0.0.0/8",
        "client_ip:[10.0.0.0 TO 10.255.255.255]",
        "client_ip:IN [10.0.0.0/8 192.168.0.0/16] AND NOT client_ip:11.0.0.0/8",
        "service:shop AND NOT client_ip:11.0.0.1/32",
        "status_code in (500, 502)",
        "level:error and service:shop",
        "service:shop and not level:info",
        "card AND level:(error or critical)",
        "message like 'card%'",
        "service:“shop” -fast duration_ms:>=1000",
        "_exists_:duration_ms AND level:error",
        "level:error | json | duration_ms > 1000",
    ] {
        let answer = server.search(&json!({"q": q}));
        let hits = answer["hits"].as_array().expect("hits");
        let names: Vec<&str> = hits.iter().filter_map(|hit| hit["n"].as_str()).collect();
        if q.contains("| json") {
            assert_eq!(answer["warnings"][0]["code"], "foreign_syntax", "{answer}");
        } else if !q.contains("fast") {
            assert_eq!(answer.get("warnings"), None, "{q}");
        }
        assert_eq!(names, ["slow"], "{q}");
    }
    check(&server, "service=shop", "slow fast", &["foreign_syntax service:shop"]);
    check(
        &server,
        "{app=\"shop\"} |= \"card\"",
        "slow",
        &["foreign_syntax app:\"shop\"", "foreign_syntax \"card\""],
    );
    check(&server, "card and refused", "", &["foreign_syntax card AND refused"]);
    check(&server, "card or order", "", &["foreign_syntax card OR order"]);
    check(&server, "/api/courses/3/", "fast", &[]);
}

#[test]
fn text_that_looks_like_a_field_is_looked_for_as_text_and_that_is_said() {
    let home = Home::new();
    let server = home.start();
    store_lines(&server);
    check(&server, "Main.java:5", "java", &["unknown_field"]);
    check(&server, "example.org:8080", "host", &["unknown_field"]);
    check(&server, "NullPointerException: null", "null", &["unknown_field"]);
    check(&server, "fe80::1", "six", &["unknown_field"]);
    check(&server, "2001:db8::1", "six", &[]);
    check(&server, "level:error AND NOT Main.java:5", "slow null", &["unknown_field"]);
    // As soon as a record has the field, it is one.
    server.store(&line(&json!({"n": "own", "message": "x", "example.org": 8080})));
    check(&server, "example.org:8080", "own", &[]);
}

#[test]
fn the_name_that_the_application_wrote_finds_what_the_contracts_name_finds() {
    let home = Home::new();
    let server = home.start();
    store_lines(&server);
    for name in
        ["request_id", "extra.request_id", "requestId", "X-Request-ID", "context.request_id"]
    {
        check(&server, &format!("{name}:r-7"), "extra", &[]);
        check(&server, &format!("{name}:*"), "extra", &[]);
        let values = server.query(&format!("/api/v1/fields/{name}/values"));
        let values = server.http().get(&values).json();
        assert_eq!(values["values"], json!([{"value": "r-7", "count": 1}]), "{name}");
        let aggs = json!({"ids": {"terms": {"field": name}}});
        let found =
            server.http().post_json(&server.query("/api/v1/aggregate"), &json!({"aggs": aggs}));
        let found = found.json();
        assert_eq!(found["aggregations"]["ids"]["buckets"][0]["key"], "r-7", "{name}: {found}");
        let shown = server.search(&json!({"q": "request_id:*", "fields": [name]}));
        assert_eq!(shown["hits"][0]["request_id"], "r-7", "{name}");
        assert_eq!(shown.get("warnings"), None, "{name}");
    }
}

#[test]
fn every_answer_says_it() {
    let home = Home::new();
    let server = home.start();
    store_lines(&server);
    let code = |path: &str| {
        let answer = server.http().get(&server.query(path));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()["warnings"][0]["code"].as_str().map(str::to_owned)
    };
    for path in [
        "/api/v1/search?q=sevice:x&limit=0",
        "/api/v1/search?fields=sevice",
        "/api/v1/users/7?q=sevice:x",
        "/api/v1/histogram?q=sevice:x&start=now-1h",
        "/api/v1/fields/level/values?q=sevice:x",
        "/api/v1/fields/sevice/values",
        "/api/v1/aggregate?q=sevice:x&aggs={}",
        "/api/v1/aggregate?aggs={\"a\":{\"avg\":{\"field\":\"sevice\"}}}",
        "/api/v1/aggregate?aggs={\"a\":{\"filter\":{\"query_string\":{\"query\":\"sevice:x\"}}}}",
    ] {
        let path = path.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
        assert_eq!(code(&path).as_deref(), Some("unknown_field"), "{path}");
    }
    let export = server.http().get(&server.query("/api/v1/export?q=sevice:x")).json_lines();
    let last = &export.last().expect("a last line")["tierlog"]["export"];
    assert_eq!(
        (&last["complete"], &last["warnings"][0]["code"]),
        (&json!(true), &json!("unknown_field"))
    );
}

/// Compares what the command line prints.
#[track_caller]
fn check_printed(server: &Server<'_>, arguments: &[&str], expected: &Expect) {
    expected.assert_eq(&shown(&server.run(arguments)));
}

#[test]
fn the_command_line_prints_it() {
    let home = Home::new();
    let server = home.start();
    store_lines(&server);
    check_printed(
        &server,
        &["search", "sevice:x"],
        &expect![[r#"
        exit 0
        -- stderr
        warning: no record has a field "sevice": "sevice:x" is looked for as text; did you mean service?
    "#]],
    );
    check_printed(
        &server,
        &["search", "sevice:x", "-n", "0", "--format", "json"],
        &expect![[r#"
        exit 0
        {"count":0,"warnings":[{"code":"unknown_field","detail":"no record has a field \"sevice\": \"sevice:x\" is looked for as text","field":"sevice","suggestion":"service"}]}
        -- stderr
        warning: no record has a field "sevice": "sevice:x" is looked for as text; did you mean service?
    "#]],
    );
    check_printed(
        &server,
        &["search", "card and refused"],
        &expect![[r#"
        exit 0
        -- stderr
        warning: "and" is looked for as a word: operators are in capitals; did you mean card AND refused?
    "#]],
    );
    check_printed(
        &server,
        &["search", "service=shop", "-n", "0"],
        &expect![[r#"
            exit 0
            2
            -- stderr
            warning: "service=shop" is read as service:shop; quote what is text
        "#]],
    );
    check_printed(
        &server,
        &["search", "level:error | stats count()"],
        &expect![[r#"
        exit 2
        -- stderr
        tierlog: query syntax at byte 12: a query has no pipes such as "| stats": `tierlog stats` groups and computes, limit, sort and fields are parameters; quote a sign that is text (query_syntax)
          level:error | stats count()
                      ^
    "#]],
    );
    check_printed(
        &server,
        &["stats", "--by", "sevice"],
        &expect![[r#"
        exit 0
        sevice  count
        -- stderr
        warning: no record has a field "sevice"; did you mean service?
    "#]],
    );
}
