//! The redaction policy with the real server: each action over HTTP and TCP, a reload and a
//! refusal, what the statistics and the test route say, and the same engine as a filter.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Home, Scrape, Server, line};

/// A rule for each action, each told apart by the service.
const POLICY: &str = r#"
[[rule]]
name = "masked"
detectors = ["card"]
services = ["mask"]
action = "mask"

[[rule]]
name = "cut"
fields = ["client_ip"]
services = ["truncate"]
action = "truncate"

[[rule]]
name = "known again"
detectors = ["email"]
services = ["pseudonym"]
action = "pseudonym"

[[rule]]
name = "no field"
detectors = ["email"]
services = ["drop-field"]
action = "drop_field"

[[rule]]
name = "no record"
detectors = ["card"]
services = ["drop-record"]
action = "drop_record"

[[rule]]
name = "watched"
detectors = ["*"]
services = ["tag"]
action = "tag"

[[rule]]
name = "closed"
fields_except = ["message", "service", "request_id"]
services = ["closed"]
action = "drop_field"
"#;

fn home(policy: &str) -> Home {
    let home = Home::new();
    let path = home.path().join("redaction.toml");
    fs::write(&path, policy).expect("a file of ours");
    let text = format!("[redaction]\npolicy_file = \"{}\"\n", path.display());
    fs::write(home.path().join("tierlog.toml"), text).expect("a file of ours");
    home
}

/// Lines of each service that has a rule, and of one that has none.
fn lines(run: &str) -> String {
    ["mask", "truncate", "pseudonym", "drop-field", "drop-record", "tag", "closed", "plain"]
        .iter()
        .map(|service| {
            line(&json!({
                "service": service, "request_id": format!("{run}-{service}"),
                "message": "card 4111111111111111", "mail": "ada@example.org",
                "client_ip": "203.0.113.77",
            }))
        })
        .collect()
}

#[track_caller]
fn check_stored(server: &Server<'_>, run: &str) {
    server.await_count(&format!("request_id:{run}-*"), 7);
    let hit = |service: &str| {
        let hits = server.hits(&format!("request_id:{run}-{service}"));
        hits.into_iter().next().unwrap_or(Value::Null)
    };
    let plain = hit("plain");
    assert_eq!(plain["message"], "card [CARD]");
    assert_eq!(plain["_redacted"], json!(["card", "email"]));
    assert_eq!(plain["_policy"].as_str().map(str::len), Some(12));
    assert_eq!(hit("mask")["message"], "card [CARD ****1111]");
    assert_eq!(hit("truncate")["client_ip"], "203.0.113.0");
    let token = hit("pseudonym")["mail"].as_str().unwrap_or_default().to_owned();
    assert!(token.starts_with("u_"), "{token}");
    assert_eq!(hit("drop-field").get("mail"), None);
    assert_eq!(hit("drop-record"), Value::Null);
    let tagged = hit("tag");
    assert_eq!(tagged["message"], "card 4111111111111111");
    assert_eq!(tagged["_detected"], json!(["card", "email"]));
    assert_eq!(tagged.get("_redacted"), None);
    let closed = hit("closed");
    assert_eq!(closed["message"], "card [CARD]");
    assert_eq!((closed.get("mail"), closed.get("client_ip")), (None, None));
}

#[test]
fn each_action_is_done_over_http_and_tcp_and_dropped_lines_are_told() {
    let home = home(POLICY);
    let server = home.start();
    let id = [("tierlog-batch-id", "batch-1")];
    let answer = server.post_lines(lines("http").as_bytes(), &id).json();
    assert_eq!(answer["accepted"], 7, "{answer}");
    assert_eq!((&answer["policy_dropped"], &answer["rejected"]), (&json!(1), &json!(0)));
    let again = server.post_lines(lines("http").as_bytes(), &id).json();
    assert_eq!((&again["duplicate"], &again["policy_dropped"]), (&json!(7), &json!(1)), "{again}");
    check_stored(&server, "http");

    let mut tcp = server.tcp().with_acks();
    tcp.send(lines("tcp").as_bytes());
    let mut said = json!({});
    while said["ack"] != 8 {
        said = tcp.next_line().expect("an ack");
    }
    assert_eq!((&said["rejected"], &said["policy_dropped"]), (&json!(0), &json!(1)), "{said}");
    check_stored(&server, "tcp");

    // A body of which nothing is stored is taken all the same.
    let dropped = line(&json!({"service": "drop-record", "message": "card 4111111111111111"}));
    let answer = server.post_lines(dropped.as_bytes(), &[]);
    assert_eq!((answer.status, &answer.json()["policy_dropped"]), (200, &json!(1)));
    let scrape = Scrape::of(&server);
    let series = "tierlog_ingest_policy_dropped_lines_total{protocol=\"http\"}";
    assert!((scrape.value(series) - 2.0).abs() < 0.5, "{}", scrape.value(series));
}

/// A producer's lines have numbers, dropped ones too, also after the server was killed.
#[test]
fn a_producer_whose_lines_are_dropped_goes_on_behind_them() {
    let home = home(POLICY);
    let dropped = line(&json!({"service": "drop-record", "message": "card 4111111111111111"}));
    let kept = line(&json!({"service": "plain", "message": "kept"}));
    let opening = "{\"tierlog\":{\"ack\":true,\"producer\":\"shop-1\"}}\n";
    let server = home.start();
    let mut tcp = server.tcp();
    tcp.send(opening.as_bytes());
    assert_eq!(tcp.next_line(), Some(json!({"resume": 0})));
    for (lines, last) in
        [(dropped.repeat(3), 3), (format!("{kept}{dropped}{kept}"), 6), (dropped, 7)]
    {
        tcp.send(lines.as_bytes());
        let mut said = json!({});
        while said["ack"] != last {
            said = tcp.next_line().expect("an ack");
        }
    }
    server.await_count("kept", 2);
    server.kill();

    let server = home.start();
    let mut tcp = server.tcp();
    tcp.send(opening.as_bytes());
    assert_eq!(tcp.next_line(), Some(json!({"resume": 7})));
    tcp.send(kept.as_bytes());
    assert_eq!(tcp.next_line().map(|said| said["ack"].clone()), Some(json!(8)));
    server.await_count("kept", 3);
}

#[test]
fn a_policy_is_reloaded_whole_or_refused_with_rule_and_key() {
    let home = home("");
    let path = home.path().join("redaction.toml");
    let server = home.start();
    let stored = |id: &str| {
        server.store(&line(&json!({"message": "ask ada@example.org", "request_id": id})));
        server.await_count(&format!("request_id:{id}"), 1);
        server.hits(&format!("request_id:{id}"))[0]["message"].clone()
    };
    assert_eq!(stored("r-1"), "ask [EMAIL]");
    let rule = |action: &str| {
        format!("[[rule]]\nname = \"mail\"\ndetectors = [\"email\"]\naction = \"{action}\"\n")
    };
    fs::write(&path, rule("mask")).expect("a file of ours");
    let reloaded = server.run(&["config", "reload"]);
    assert_eq!(reloaded.stdout.lines().next(), Some("taken over: redaction.policy_file"));
    assert_eq!(stored("r-2"), "ask [EMAIL ****eorg]");
    for (text, expected) in [
        (rule("hash"), "rule \"mail\": action: allowed: replace, mask"),
        (rule("tag").replace("email", "emial"), "rule \"mail\": detectors: \"emial\" is none of"),
        ("colour = 1\n".to_owned(), "colour: no such key"),
    ] {
        fs::write(&path, text).expect("a file of ours");
        let refused = server.run(&["config", "reload"]);
        assert_eq!(refused.code, 1, "{}", refused.stdout);
        for part in ["redaction.policy_file", "redaction.toml", expected] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
    assert_eq!(stored("r-3"), "ask [EMAIL ****eorg]");
}

#[test]
fn statistics_and_the_test_route_tell_what_is_found_and_keep_nothing() {
    let home = home(POLICY);
    let server = home.start();
    server.store(&lines("s"));
    let stats = server.http().get(&server.query("/api/v1/redaction/stats")).json();
    assert_eq!(stats["services"]["plain"], 2, "{stats}");
    assert_eq!(stats["redaction"]["rules"], 7);
    let entry = json!({"service": "plain", "field": "mail", "detector": "email", "count": 1});
    assert!(stats["entries"].as_array().is_some_and(|entries| entries.contains(&entry)), "{stats}");
    assert!(!stats.to_string().contains("example.org") && !stats.to_string().contains("4111"));
    let scrape = Scrape::of(&server);
    let series = "tierlog_redaction_new_total{service=\"plain\",detector=\"email\"}";
    assert!((scrape.value(series) - 1.0).abs() < 0.5);

    let url = server.query("/api/v1/redaction/test");
    let tested = server.http().post_json(&url, &json!({"text": "ask eve@example.net"})).json();
    assert_eq!(tested["text"], "ask [EMAIL]");
    let find = &tested["finds"][0];
    assert_eq!(
        (&find["detector"], &find["start"], &find["end"]),
        (&json!("email"), &json!(4), &json!(19))
    );
    let record = json!({"record": {"service": "drop-record", "msg": "card 5555555555554444"}});
    let tested = server.http().post_json(&url, &record).json();
    assert_eq!(tested["policy_dropped"], true, "{tested}");
    assert_eq!(tested["finds"][0]["rule"], "no record");
    let wrong = server.http().post_json(&url, &json!({"text": 1}));
    assert_eq!((wrong.status, &wrong.json()["code"]), (400, &json!("invalid_body")));
    // What was tried out is nowhere.
    server.ask_to_end();
    assert_eq!(server.await_end(), Some(0));
    for file in home.data_files() {
        let bytes = fs::read(&file).unwrap_or_default();
        let found = memchr::memmem::find(&bytes, b"eve@example.net");
        assert_eq!(found, None, "{}", file.display());
    }
    assert!(!home.output_text().contains("eve@example.net"));
}

/// Runs the filter over a text.
fn filtered(home: &Home, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = home.tierlog(&[&["redact"], arguments].concat());
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("the program reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_filter_redacts_any_lines_explains_and_checks() {
    let home = Home::new();
    let input = "{ \"n\": 1.50, \"message\": \"ask ada@example.org\" }\nplain a@b.ch\r\nclean\n";
    let (code, out, err) = filtered(&home, &["--explain"], input);
    assert_eq!(
        out,
        "{ \"n\": 1.50, \"message\": \"ask [EMAIL]\",\"_redacted\":[\"email\"] }\nplain [EMAIL]\r\nclean\n"
    );
    assert_eq!(code, Some(0));
    assert!(err.contains("1: message 4-19: email (text: "), "{err}");
    assert!(err.contains("2: 6-12: email (text: ") && !err.contains("ada@"), "{err}");
    let (code, out, _) = filtered(&home, &["--check"], input);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    let (code, ..) = filtered(&home, &["--check"], "clean\n");
    assert_eq!(code, Some(0));
    let policy = home.path().join("policy.toml");
    fs::write(
        &policy,
        "[[rule]]\nname = \"m\"\ndetectors = [\"email\"]\naction = \"drop_record\"\n",
    )
    .expect("a file of ours");
    let policy = policy.to_str().expect("text");
    let (code, out, _) = filtered(&home, &["--policy", policy], input);
    assert_eq!((code, out.as_str()), (Some(0), "clean\n"));
    fs::write(policy, "[[rule]]\n").expect("a file of ours");
    let (code, _, err) = filtered(&home, &["--policy", policy], input);
    assert_eq!(code, Some(2), "{err}");
    // The lines of a key say nothing alone, and go together.
    let key =
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----\nnext\n";
    let (_, out, _) = filtered(&home, &[], key);
    assert_eq!(out, "[PRIVATE_KEY]\nnext\n");
}

#[test]
fn redaction_that_is_off_is_said() {
    let home = Home::with(&["redaction.enabled=false"]);
    let server = home.start();
    let health = server.http().get(&server.query("/health")).json();
    assert_eq!(health["redaction"]["enabled"], false);
    assert!(
        health["notices"][0].as_str().is_some_and(|notice| notice.contains("redaction.enabled"))
    );
    assert!(home.output_text().contains("redaction.enabled is false"));
}
