//! The generator against what it promises: the same bytes for a seed, the mixture of levels,
//! requests and shapes, and a manifest that is true.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use expect_test::{Expect, expect};
use serde_json::Value;

use super::*;

const LINES: u64 = 20_000;

fn settings(lines: u64, seed: u64) -> GeneratorSettings {
    let start = Timestamp::from_micros(1_795_100_400_000_000).expect("in range");
    GeneratorSettings::application(lines, seed, start, Duration::from_secs(3_600))
}

fn generate(settings: GeneratorSettings) -> (String, Vec<Planted>) {
    let mut generator = Generator::new(settings);
    let mut bytes = Vec::new();
    let mut manifest = Vec::new();
    while generator.next_line(&mut bytes, &mut |planted| manifest.push(planted)) {}
    (String::from_utf8(bytes).expect("UTF-8"), manifest)
}

/// Returns a field from wherever a shape puts it.
fn find<'v>(line: &'v Value, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|name| line.get(name).or_else(|| line["attributes"].get(name)))
}

fn request_id(line: &Value) -> &str {
    find(line, &["request_id", "correlation_id", "reqId"])
        .and_then(Value::as_str)
        .expect("a request id")
}

fn level(line: &Value) -> &'static str {
    let word = match find(line, &["levelname", "severity_text", "level"]) {
        Some(Value::String(word)) => word.to_ascii_lowercase(),
        other => format!("{other:?}"),
    };
    match word.as_str() {
        "debug" => "debug",
        "info" => "info",
        "warning" | "warn" => "warning",
        "error" => "error",
        "critical" | "fatal" => "critical",
        _ => match line["level"].as_u64() {
            Some(20) => "debug",
            Some(30) => "info",
            Some(40) => "warning",
            Some(50) => "error",
            Some(60) => "critical",
            _ => panic!("no level: {line}"),
        },
    }
}

/// FNV-1a: a digest that needs no library and never changes.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn a_seed_gives_the_same_bytes_for_ever() {
    let (text, manifest) = generate(settings(10_000, 1));
    assert_eq!(text.lines().count(), 10_000);
    let figures = format!("{:016x} {} bytes {} planted", digest(&text), text.len(), manifest.len());
    expect!["b98cdecccf1b208d 3941601 bytes 511 planted"].assert_eq(&figures);
    assert_eq!(generate(settings(10_000, 1)).0, text);
    assert_ne!(generate(settings(10_000, 2)).0, text);
    let shorter = generate(GeneratorSettings { lines: 0, ..settings(0, 1) });
    assert_eq!(shorter.0, "");
}

fn check_first_of_shape(text: &str, marker: &str, expected: &Expect) {
    let line = text.lines().find(|line| line.contains(marker)).expect("a line of the shape");
    expected.assert_eq(line);
}

#[test]
fn every_shape_is_written_as_its_library_writes_it() {
    let (text, _) = generate(settings(5_000, 1));
    check_first_of_shape(
        &text,
        "\"service\": \"lms-web\"",
        &expect![[
            r#"{"timestamp": "2026-11-19T15:00:01.419217+00:00", "levelname": "INFO", "name": "lms.tasks", "message": "Queued lms.notifications.tasks.send_email", "pathname": "/app/lms/tasks/dispatch.py", "lineno": 29, "service": "lms-web", "host": "web-4", "request_id": "78abb337419acd17799374124180bde4", "user_id": 2114, "task": "lms.notifications.tasks.send_email", "queue_depth": 35}"#
        ]],
    );
    check_first_of_shape(
        &text,
        "\"asctime\"",
        &expect![[
            r#"{"asctime": "2026-11-19 15:00:12,232", "taskName": null, "levelname": "INFO", "name": "lms.tasks", "message": "Queued lms.notifications.tasks.send_email", "pathname": "/app/lms/tasks/dispatch.py", "lineno": 29, "service": "payments", "host": "pay-2", "request_id": "e0ebd98d-2a2b-4bc0-9eea-4a1dc6cd7ed5", "user_id": 44, "task": "lms.notifications.tasks.send_email", "queue_depth": 61}"#
        ]],
    );
    check_first_of_shape(
        &text,
        "\"correlation_id\"",
        &expect![[
            r#"{"event": "Queued lms.certificates.tasks.render_pdf", "level": "info", "timestamp": "2026-11-19T15:00:12.915388Z", "logger": "lms.tasks", "service": "celery-worker", "host": "worker-2", "correlation_id": "dc7379ee-d9b5-43e2-924f-2e16c6cf71b6", "user_id": 104261, "task": "lms.certificates.tasks.render_pdf", "queue_depth": 79}"#
        ]],
    );
    check_first_of_shape(
        &text,
        "\"responseTime\"",
        &expect![[
            r#"{"level":30,"time":1795100414372,"pid":17,"hostname":"notify-1","service":"notifications","reqId":"c9d78bcf-a4c2-411d-b612-16e2f2807e26","userId":12180,"req":{"method":"POST","url":"/push","remoteAddress":"10.20.240.133"},"res":{"statusCode":201},"endpoint":"push","responseTime":17.88,"msg":"POST /push answered 201"}"#
        ]],
    );
    check_first_of_shape(
        &text,
        "\"http.route\"",
        &expect![[
            r#"{"timestamp":"2026-11-19T15:00:37.412441Z","severity_text":"INFO","severity_number":9,"body":"POST /oauth2/token answered 200","trace_id":"ac1322feffce4eed9231d2e85999ca69","resource":{"service.name":"auth-gateway","host.name":"gw-2"},"attributes":{"request_id":"6926aaa1-59a8-4c06-9502-8c05f13e5cc4","user_id":34,"code.namespace":"lms.requests","http.request.method":"POST","url.path":"/oauth2/token","http.route":"token","http.response.status_code":200,"duration_ms":45.06,"client.address":"10.21.4.35"}}"#
        ]],
    );
    check_first_of_shape(
        &text,
        "Traceback",
        &expect![[
            r#"{"timestamp":"2026-11-19T15:00:00.671630Z","severity_text":"ERROR","severity_number":17,"body":"Internal error: KeyError","trace_id":"bc41d44ab95d68570147aeff22858743","resource":{"service.name":"auth-gateway","host.name":"gw-2"},"attributes":{"request_id":"7fe3dcaf-bf3d-4e28-9e6e-99f1d4705d2c","user_id":null,"code.namespace":"lms.quiz","exception.type":"KeyError","exception.stacktrace":"Traceback (most recent call last):\n  File \"/venv/lib/django/core/handlers/exception.py\", line 55, in inner\n    response = get_response(request)\n  File \"/app/lms/quiz/services.py\", line 188, in grade\n    expected = answers[question.key]\nKeyError: 'question_1976'"}}"#
        ]],
    );
}

#[test]
fn every_line_is_json_of_ordinary_size_and_nearly_in_order() {
    let (text, _) = generate(settings(LINES, 5));
    let bytes_per_line = text.len() as u64 / LINES;
    assert!((382..398).contains(&bytes_per_line), "{bytes_per_line} bytes a line");
    let mut latest = "";
    for line in text.lines() {
        let parsed: Value = serde_json::from_str(line).expect("JSON");
        assert!(parsed.is_object());
        let Some(start) = line.strip_prefix("{\"timestamp\": \"") else { continue };
        let moment = &start[..26];
        assert!(("2026-11-19T15:00:00".."2026-11-19T16:00:00").contains(&moment), "{moment}");
        latest = latest.max(moment);
        let seconds = |text: &str| {
            format!("{text}Z").parse::<jiff::Timestamp>().expect("a moment").as_millisecond()
        };
        assert!(seconds(latest) - seconds(moment) <= 50);
    }
}

#[test]
fn levels_requests_and_users_are_mixed_as_promised() {
    let (text, manifest) = generate(settings(LINES, 9));
    let mut levels: BTreeMap<&str, u64> = BTreeMap::new();
    let mut requests: HashMap<String, u64> = HashMap::new();
    let mut known_user = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        *levels.entry(level(&line)).or_default() += 1;
        *requests.entry(request_id(&line).to_owned()).or_default() += 1;
        let user = find(&line, &["user_id", "userId"]).and_then(Value::as_u64);
        known_user += u64::from(user == Some(4_242));
    }
    let bounds = [
        ("debug", 0.13..0.17),
        ("info", 0.67..0.73),
        ("warning", 0.08..0.12),
        ("error", 0.03..0.05),
        ("critical", 0.003..0.008),
    ];
    for (name, bound) in bounds {
        let share = levels[name] as f64 / LINES as f64;
        assert!(bound.contains(&share), "{name}: {share}");
    }
    let lines_per_request = LINES as f64 / requests.len() as f64;
    assert!((2.7..3.0).contains(&lines_per_request), "{lines_per_request} lines a request");
    assert!(requests.values().all(|lines| (1..=6).contains(lines)));
    assert!(known_user > 3, "{known_user} lines of user 4242");
    let leaking: BTreeSet<u64> = manifest
        .iter()
        .filter(|planted| planted.searchable == Searchable::No)
        .map(|planted| planted.line)
        .collect();
    let share = leaking.len() as f64 / LINES as f64;
    assert!((0.03..0.05).contains(&share), "{share} of the lines leak");
}

#[test]
fn the_manifest_names_what_its_lines_hold_and_every_value_is_unique() {
    let (text, manifest) = generate(settings(LINES, 3));
    let lines: Vec<&str> = text.lines().collect();
    let mut first_seen: HashMap<&str, u64> = HashMap::new();
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for planted in &manifest {
        kinds.insert(planted.kind);
        let line = lines[planted.line as usize - 1];
        assert!(line.contains(&planted.value), "line {}: {line}", planted.line);
        assert!(planted.value.len() >= 11, "too short to be searched for: {planted:?}");
        if planted.searchable == Searchable::No {
            let earlier = first_seen.insert(&planted.value, planted.line);
            assert_eq!(earlier, None, "planted twice: {planted:?}");
        }
    }
    let kinds: Vec<&str> = kinds.into_iter().collect();
    expect!["aws_key basic bearer card cookie email github_token google_key iban jwt private_key secret slack_token ssn stripe_key url_credentials user_id"].assert_eq(&kinds.join(" "));
}

#[test]
fn free_text_rarely_says_a_thing_twice_and_repeats_for_its_seed() {
    let free =
        |lines, seed| GeneratorSettings { corpus: Corpus::FreeText, ..settings(lines, seed) };
    let (text, manifest) = generate(free(LINES, 1));
    assert_eq!((manifest.len(), text.lines().count() as u64), (0, LINES));
    expect!["51294e4c5371d81e"].assert_eq(&format!("{:016x}", digest(&text)));
    assert_eq!(generate(free(LINES, 1)).0, text);
    let (mut messages, mut ids, mut users) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut levels: BTreeMap<String, u64> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        messages.insert(line["message"].as_str().expect("a message").to_owned());
        let id = line["request_id"].as_str().expect("an id");
        assert_eq!(id.len(), 36);
        ids.insert(id.to_owned());
        users.insert(line["user_id"].as_u64().expect("a user"));
        *levels.entry(line["level"].as_str().expect("a level").to_owned()).or_default() += 1;
    }
    assert_eq!((messages.len() as u64, ids.len() as u64), (LINES, LINES));
    assert!(users.iter().all(|user| (1..=50_000).contains(user)));
    // 20,000 draws of 50,000 leave a third of them unseen: 16,484 different ones are expected.
    assert!((16_200..16_800).contains(&users.len()), "{} users", users.len());
    assert!(levels.len() == 5 && levels["info"] > LINES * 6 / 10, "{levels:?}");
    expect![[r#"{"timestamp":"2026-11-19T15:00:00.000000Z","level":"debug","service":"forum","message":"da ka laja zvkabbashp gike peqebu wibe kobe zaju tiha puhibi fisa tige bine robe jehi xode to lequ leci pe cili be","request_id":"3f9d7c3a-1298-4920-8bc0-91ff3719364b","user_id":47764,"duration_ms":13.37}"#]].assert_eq(text.lines().next().expect("a line"));
}

/// Returns the day of each line, counted from the first.
fn days_of(text: &str) -> Vec<u32> {
    text.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let moment = line["timestamp"].as_str().expect("a moment");
            let moment: jiff::Timestamp = moment.parse().expect("RFC 3339");
            let start: jiff::Timestamp = "2026-11-19T15:00:00Z".parse().expect("RFC 3339");
            (moment.duration_since(start).as_hours() / 24) as u32
        })
        .collect()
}

#[test]
fn backlogs_take_turns_over_their_parts_of_the_span() {
    let days = |lines, backlogs| {
        let span = Duration::from_secs(10 * 86_400);
        let backlogs = NonZero::new(backlogs).expect("not none");
        let corpus = Corpus::FreeText;
        days_of(&generate(GeneratorSettings { corpus, span, backlogs, ..settings(lines, 2) }).0)
    };
    let in_order = days(1_000, 1);
    assert!(in_order.is_sorted() && in_order.last() == Some(&9), "{in_order:?}");
    let in_turns = days(1_000, 10);
    assert!(in_turns.iter().zip((0..10).cycle()).all(|(day, turn)| *day == turn), "{in_turns:?}");
    // A number of lines that backlogs do not divide, and fewer lines than backlogs.
    assert!(days(1_003, 10).iter().zip((0..10).cycle()).all(|(day, turn)| *day == turn));
    assert_eq!(days(3, 10), [0, 1, 2]);
}

#[test]
fn a_request_stays_in_its_backlog() {
    let span = Duration::from_secs(10 * 86_400);
    let backlogs = NonZero::new(10).expect("not none");
    let (text, _) = generate(GeneratorSettings { span, backlogs, ..settings(LINES, 4) });
    let mut turns: HashMap<String, usize> = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let turn = *turns.entry(request_id(&line).to_owned()).or_insert(number % 10);
        assert_eq!(turn, number % 10, "{line}");
    }
    assert!(turns.len() > 5_000);
}

#[test]
fn a_planted_value_is_written_as_one_line_of_json() {
    let planted = |searchable| Planted {
        kind: "email",
        value: "mara@example.org".to_owned(),
        line: 12,
        searchable,
    };
    let text = |planted: &Planted| serde_json::to_string(planted).expect("JSON");
    expect![[r#"{"kind":"email","value":"mara@example.org","line":12}"#]]
        .assert_eq(&text(&planted(Searchable::No)));
    expect![[r#"{"kind":"email","value":"mara@example.org","line":12,"searchable":true}"#]]
        .assert_eq(&text(&planted(Searchable::Yes)));
}
