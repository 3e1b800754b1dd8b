//! What a record says in other words: ids in lists and objects, errors in traces, routes in paths,
//! names that meet. Sent, stored, sealed, and found by the field that the contract names.

use serde_json::{Value, json};

use crate::harness::{Home, Server, line};

/// Seals every partition, today's too.
fn seal(home: &Home, server: &Server<'_>) {
    let sealed = home.tierlog(&["compact", "--all", "--server", &server.query("")]).output();
    let sealed = sealed.expect("the command runs");
    assert!(sealed.status.success(), "{}", String::from_utf8_lossy(&sealed.stderr));
}

/// Asserts which lines, by `number`, a query finds, before and after the day is sealed.
#[track_caller]
fn check(server: &Server<'_>, query: &str, expected: &[u64]) {
    let mut found: Vec<u64> =
        server.hits(query).iter().filter_map(|hit| hit["number"].as_u64()).collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{query}");
}

fn store(server: &Server<'_>, lines: &[Value]) {
    let lines: String = lines
        .iter()
        .zip(0_u64..)
        .map(|(members, number)| {
            let mut members = members.clone();
            members["number"] = json!(number);
            line(&members)
        })
        .collect();
    server.store(&lines);
}

#[test]
fn every_id_of_a_list_or_object_is_found_and_none_is_in_the_clear() {
    let home = Home::new();
    let server = home.start();
    store(
        &server,
        &[
            json!({"user_id": ["ada-0001", "ada-0002"], "request_id": ["req-1", "req-2"]}),
            json!({"user_id": {"id": "ada-0001"}, "trace_id": [7, 8]}),
            json!({"user_id": {"value": "ada-0003"}, "request_id": {"id": "req-1"}}),
            json!({"user_id": [{"id": "ada-0002", "name": "ada-name"}], "span_id": ["s"]}),
            json!({"user_id": "ada-0001,ada-0002"}),
            json!({"user": {"id": "ada-0002"}, "message": "user_id=[ada-0001, ada-0003] done"}),
            json!({"user_id": 1_234_567, "user_id.note": "ada-note"}),
        ],
    );
    let look = || {
        check(&server, "user_id:ada-0001", &[0, 1, 5]);
        check(&server, "user_id:ada-0002", &[0, 3, 5]);
        check(&server, "user_id:ada-0003", &[2, 5]);
        check(&server, "user_id:\"ada-0001,ada-0002\"", &[4]);
        check(&server, "user_id:IN [ada-0003 1234567]", &[2, 5, 6]);
        check(&server, "user_id.note:ada-note", &[6]);
        check(&server, "request_id:req-1", &[0, 2]);
        check(&server, "request_id:req-2", &[0]);
        check(&server, "trace_id:8", &[1]);
        check(&server, "span_id:s", &[3]);
        let request = server.http().get(&server.query("/api/v1/requests/req-2")).json();
        assert_eq!(request["records"].as_array().map(Vec::len), Some(1));
        let user = server.http().get(&server.query("/api/v1/users/ada-0002")).json();
        assert_eq!(user["hits"].as_array().map(Vec::len), Some(3));
    };
    look();
    seal(&home, &server);
    look();
    let shown = json!(server.hits("")).to_string();
    assert!(!shown.contains("ada-"), "{shown}");
    assert_eq!(server.terminate(), Some(0));
    for file in home.data_files() {
        let bytes = std::fs::read(&file).expect("a file of the data directory");
        let found = bytes.windows(4).any(|window| window == b"ada-");
        assert!(!found, "{}", file.display());
    }
}

#[test]
fn errors_by_type_agree_with_a_plain_count() {
    let home = Home::new();
    let server = home.start();
    let python = |class: &str| {
        format!("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n{class}: bad")
    };
    let lines = [
        json!({"exc_info": python("ValueError")}),
        json!({"exception": python("django.db.utils.IntegrityError")}),
        json!({"message": format!("Internal Server Error: /x\n{}", python("ValueError"))}),
        json!({"err": {"type": "ValueError", "message": "bad", "stack": "x"}}),
        json!({"exception": {"values": [{"type": "ValueError", "value": "bad"}]}}),
        json!({"error": {"stack_trace": "java.io.IOException: closed\n\tat A.b(A.java:1)"}}),
        json!({"error_type": "ValueError", "exc_info": python("KeyError")}),
        json!({"message": "no error", "error": false}),
    ];
    store(&server, &lines);
    let count = |class: &str| server.hits(&format!("error_type:\"{class}\"")).len();
    assert_eq!(count("ValueError"), 5);
    assert_eq!(count("django.db.utils.IntegrityError"), 1);
    assert_eq!(count("java.io.IOException"), 1);
    check(&server, "error_type:*", &[0, 1, 2, 3, 4, 5, 6]);
    check(&server, "error_message:bad", &[0, 1, 2, 3, 4, 6]);
    let stats = home.tierlog(&["stats", "--by", "error_type", "--format", "json"]);
    let mut stats = stats;
    let stats = stats.args(["--server", &server.query("")]).output().expect("the command runs");
    let rows = String::from_utf8(stats.stdout).expect("UTF-8");
    let rows: Vec<Value> =
        rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    let of = |class: &str| {
        rows.iter().find(|row| row["error_type"] == class).map(|row| row["count"].clone())
    };
    assert_eq!(of("ValueError"), Some(json!(5)), "{rows:?}");
    assert_eq!(of("java.io.IOException"), Some(json!(1)), "{rows:?}");
}

#[test]
fn paths_group_by_route_and_keep_their_query() {
    let home = Home::new();
    let server = home.start();
    store(
        &server,
        &[
            json!({"path": "/api/v1/quizzes/42/attempts?page=2"}),
            json!({"request_uri": "/api/v1/quizzes/43/attempts"}),
            json!({"url": {"path": "/api/v1/quizzes/550e8400-e29b-41d4-a716-446655440000/attempts"}}),
            json!({"path": "https://lms.example/login?next=/x&token=hunter2-swordfish"}),
            json!({"path": "/api/v1/quizzes/44", "endpoint": "quiz-detail"}),
        ],
    );
    check(&server, "route:\"/api/v1/quizzes/:id/attempts\"", &[0, 1, 2]);
    check(&server, "path:\"/api/v1/quizzes/42/attempts\"", &[0]);
    check(&server, "url.query:\"page=2\"", &[0]);
    check(&server, "path:\"/login\"", &[3]);
    check(&server, "route:*", &[0, 1, 2, 3]);
    let shown = json!(server.hits("")).to_string();
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn nothing_that_an_application_wrote_is_gone() {
    let home = Home::new();
    let server = home.start();
    let lines = concat!(
        r#"{"number":0,"a.b":1,"a":{"b":2}}"#,
        "\n",
        r#"{"number":1,"_redacted":"by us","_overflow":"mine","level":"error","level_text":"own"}"#,
        "\n",
        r#"{"number":2,"k":"one","k":"two","k":"three","original.k":"own"}"#,
        "\n",
    );
    server.store(lines);
    check(&server, "a.b:2", &[0]);
    check(&server, "original.a.b:1", &[0]);
    check(&server, "original._redacted:\"by us\"", &[1]);
    check(&server, "level_text:own AND _overflow:mine", &[1]);
    check(&server, "k:three", &[2]);
    let hits = server.hits("k:three");
    let shown = hits.first().expect("one").to_string();
    for value in ["one", "two", "three", "own"] {
        assert!(shown.contains(&format!("\"{value}\"")), "{shown}");
    }
}

#[test]
fn decimal_ids_are_found_again_and_cards_are_not() {
    let home = Home::new();
    let server = home.start();
    // Each of them has the prefix, the length and the check digit of a card.
    let ids = ["4111111111111111", "5555555555554444", "6011111111111117"];
    let lines: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({"request_id": id, "trace_id": id.parse::<u64>().expect("a number"),
                "order_id": id, "message": format!("order {id} shipped, trace_id={id}")})
        })
        .chain([
            json!({"card_id": "4111111111111111", "message": "card 5555555555554444 declined"}),
        ])
        .collect();
    store(&server, &lines);
    for (number, id) in ids.iter().enumerate() {
        for name in ["request_id", "trace_id", "order_id"] {
            check(&server, &format!("{name}:{id}"), &[number as u64]);
        }
        check(&server, &format!("message:{id}"), &[number as u64]);
    }
    let card = server.hits("message:declined");
    let card = card.first().expect("one");
    assert_eq!(
        (&card["card_id"], &card["message"]),
        (&json!("[CARD]"), &json!("card [CARD] declined"))
    );
}
