//! Three tenants with equal request ids, users, days, batch ids and producers, each behind
//! listeners of its own: no answer of a tenant shows a record, a name or a count of another, before
//! and after a kill; retention and pressure take the days of each by its own tiers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{DEADLINE, Home, Scrape, Server, Tcp, ago, from_now, line, wait_until};

const TENANTS: [&str; 3] = ["default", "shop", "team-7"];

/// Lines of each tenant that become records.
const RECORDS: u64 = 6;

/// Listeners of each tenant: name, protocol, transport.
const LISTENERS: [(&str, &str, &str); 4] = [
    ("in", "ingest", "http"),
    ("out", "query", "http"),
    ("tcp", "tcp", "tcp"),
    ("gelf", "gelf_tcp", "tcp"),
];

/// A home with listeners for each tenant: `in-<tenant>`, `tcp-<tenant>` and `gelf-<tenant>` take
/// lines, `out-<tenant>` answers.
fn home() -> Home {
    home_with(&[])
}

fn home_with(further: &[&str]) -> Home {
    let mut settings: Vec<String> = further.iter().map(|text| (*text).to_owned()).collect();
    for tenant in TENANTS {
        for (name, protocol, transport) in LISTENERS {
            let listener = format!("listeners.{name}-{tenant}");
            settings.push(format!("{listener}.protocol={protocol}"));
            settings.push(format!("{listener}.transport={transport}"));
            settings.push(format!("{listener}.listen=127.0.0.1:0"));
            settings.push(format!("{listener}.tenant={tenant}"));
        }
    }
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Home::with(&settings)
}

/// Returns the JSON of a tenant's answer.
fn ask(server: &Server<'_>, tenant: &str, path: &str) -> Value {
    server.http().get(&url(server, &format!("out-{tenant}"), path)).json()
}

/// Waits until a search of a tenant finds so many records.
fn await_records(server: &Server<'_>, tenant: &str, expected: u64) {
    wait_until(&format!("{expected} records of {tenant}"), || {
        let answer = ask(server, tenant, "/api/v1/search?q=&limit=0");
        let found = answer["total"]["value"].as_u64().expect("a count");
        assert!(found <= expected, "{found} records of {tenant}, expected {expected}");
        (found == expected).then_some(())
    });
}

/// A word that the lines of a tenant alone have: in the message, as a value and as a field's name.
fn secret(tenant: &str) -> String {
    format!("secret{}", tenant.replace('-', ""))
}

fn url(server: &Server<'_>, listener: &str, path: &str) -> String {
    format!("http://{}{path}", server.address(listener))
}

/// Sends the lines of a tenant: of three days, all with one request, and one that is rejected.
fn fill(server: &Server<'_>, tenant: &str) {
    let secret = secret(tenant);
    let mut lines = String::new();
    for number in 0..RECORDS {
        let day = Duration::from_secs(number % 3 * 86_400);
        lines += &line(&json!({
            "timestamp": ago(day).to_string(),
            "level": if number % 2 == 0 { "error" } else { "warning" },
            "message": format!("{secret} happened"),
            "service": secret,
            "request_id": "shared-request",
            "user_id": "shared-user",
            secret.clone(): number,
        }));
    }
    lines += &format!("{{\"{secret}\": broken\n");
    let headers = [("tierlog-batch-id", "shared-batch"), ("content-type", "application/x-ndjson")];
    let ingest = url(server, &format!("in-{tenant}"), "/api/v1/ingest");
    let answer = server.http().post(&ingest, lines.as_bytes(), &headers).json();
    assert_eq!((&answer["accepted"], &answer["duplicate"]), (&json!(RECORDS), &json!(0)));
    let again = server.http().post(&ingest, lines.as_bytes(), &headers).json();
    assert_eq!(again["duplicate"], json!(RECORDS), "a retry is known within its tenant: {again}");
}

/// The resources that read, each with the parts that tell how much of the tenant's they show.
const READS: [&str; 11] = [
    "/api/v1/search?q=",
    "/api/v1/search?q=request_id:shared-request&sort=asc",
    "/api/v1/search?q=&kind=dead_letter",
    "/api/v1/requests/shared-request",
    "/api/v1/users/shared-user",
    "/api/v1/export?q=",
    "/api/v1/fields",
    "/api/v1/fields/service/values",
    "/api/v1/histogram?q=&interval=1d&start=now-7d&end=now",
    "/api/v1/aggregate?q=&aggs=%7B%22s%22%3A%7B%22terms%22%3A%7B%22field%22%3A%22service%22%7D%7D%7D",
    "/api/v1/dead-letters",
];

/// Asks a tenant's listener for everything and checks that the answers hold the tenant's own
/// records and nothing of another tenant.
fn assert_apart(server: &Server<'_>, tenant: &str) {
    let listener = format!("out-{tenant}");
    let own = secret(tenant);
    for path in READS {
        let answer = server.http().get(&url(server, &listener, path));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let text = answer.text();
        for other in TENANTS.iter().filter(|other| **other != tenant) {
            assert!(!text.contains(&secret(other)), "{path} of {tenant} shows {other}: {text}");
        }
        // Counts by time name no value.
        if !path.contains("histogram") {
            assert!(text.contains(&own), "{path} of {tenant} lacks its own: {text}");
        }
    }
    let ask = |path: &str| server.http().get(&url(server, &listener, path)).json();
    assert_eq!(ask("/api/v1/search?q=&limit=0")["total"]["value"], json!(RECORDS));
    assert_eq!(ask("/api/v1/dead-letters")["total"], json!(1));
    let tiers = ask("/api/v1/tiers");
    let records: u64 = tiers["tiers"]
        .as_array()
        .expect("tiers")
        .iter()
        .filter_map(|tier| tier["records"].as_u64())
        .sum();
    assert_eq!(records, RECORDS, "{tiers}");
    // A mistyped name is compared with the names of the tenant alone.
    for other in TENANTS.iter().filter(|other| **other != tenant) {
        let answer = ask(&format!("/api/v1/search?q={}x:1", secret(other)));
        let suggestion = answer["warnings"][0]["suggestion"].as_str();
        assert_ne!(suggestion, Some(secret(other).as_str()), "{answer}");
    }
}

#[test]
fn no_answer_of_a_tenant_shows_another() {
    let home = home();
    let server = home.start();
    TENANTS.iter().for_each(|tenant| fill(&server, tenant));
    server.kill();
    let server = home.start();
    TENANTS.iter().for_each(|tenant| await_records(&server, tenant, RECORDS));
    TENANTS.iter().for_each(|tenant| assert_apart(&server, tenant));

    // A letter is dropped by its tenant alone.
    let letters = |tenant: &str| -> Value {
        server.http().get(&url(&server, &format!("out-{tenant}"), "/api/v1/dead-letters")).json()
    };
    let confirm = [("tierlog-confirm", "yes")];
    let drop = url(&server, "out-shop", "/api/v1/dead-letters/drop?all=true");
    assert_eq!(server.http().post(&drop, b"", &confirm).json()["dropped"], json!(1));
    let left = TENANTS.map(|tenant| letters(tenant)["total"].as_u64());
    assert_eq!(left, [Some(1), Some(0), Some(1)]);
    let of_another = letters("team-7")["letters"][0]["id"].as_u64().expect("a number");
    let path = format!("/api/v1/dead-letters/{of_another}");
    assert_eq!(server.http().get(&url(&server, "out-shop", &path)).status, 404);
    assert_eq!(server.http().get(&url(&server, "out-team-7", &path)).status, 200);
}

#[test]
fn lines_of_a_connection_belong_to_the_tenant_of_its_listener() {
    let home = home();
    let server = home.start();
    let numbered = "{\"tierlog\":{\"ack\":true,\"producer\":\"shared-producer\"}}\n";
    for tenant in TENANTS {
        let secret = secret(tenant);
        let mut tcp = Tcp::connect(server.address(&format!("tcp-{tenant}")));
        tcp.send(numbered.as_bytes());
        let resumed = tcp.next_line().expect("where the producer resumes");
        assert_eq!(resumed["resume"], json!(0), "no tenant knows the producer of another");
        for number in 0..3 {
            let text = json!({"message": format!("{secret} over TCP"), "number": number});
            tcp.send(line(&text).as_bytes());
        }
        assert_eq!(tcp.await_ack(3), 0);
        let mut gelf = Tcp::connect(server.address(&format!("gelf-{tenant}")));
        let message = json!({"version": "1.1", "host": "web", "short_message": secret});
        gelf.send(message.to_string().as_bytes());
        gelf.send(b"\0");
        gelf.finish();
        assert_eq!(gelf.rest(), "", "GELF has no answers");
    }
    server.kill();
    let server = home.start();
    for tenant in TENANTS {
        await_records(&server, tenant, 4);
        let texts = ask(&server, tenant, "/api/v1/search?q=").to_string();
        for other in TENANTS {
            assert_eq!(texts.contains(&secret(other)), other == tenant, "{tenant}: {texts}");
        }
        // The producer's numbers are known again, of its own tenant.
        let mut tcp = Tcp::connect(server.address(&format!("tcp-{tenant}")));
        tcp.send(numbered.as_bytes());
        assert_eq!(tcp.next_line().expect("where the producer resumes")["resume"], json!(3));
    }
}

#[test]
fn a_tail_shows_the_lines_of_its_tenant_alone() {
    let home = home();
    let server = home.start();
    let tails: Vec<(&str, BufReader<TcpStream>)> = TENANTS
        .iter()
        .map(|tenant| {
            let address = server.address(&format!("out-{tenant}"));
            let mut stream = TcpStream::connect(address).expect("a listening server");
            stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
            let request = "GET /api/v1/tail?q= HTTP/1.1\r\nhost: localhost\r\n\r\n";
            stream.write_all(request.as_bytes()).expect("a server that reads");
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            // The tail is open when its head is complete.
            while head != "\r\n" {
                head.clear();
                reader.read_line(&mut head).expect("a head");
            }
            (*tenant, reader)
        })
        .collect();
    // The line that each waits for comes last: whatever a tail shows of others came before.
    for round in ["first", "last"] {
        for tenant in TENANTS {
            let ingest = url(&server, &format!("in-{tenant}"), "/api/v1/ingest");
            let text = line(&json!({"message": format!("{} {round}", secret(tenant))}));
            let headers = [("content-type", "application/x-ndjson")];
            assert_eq!(server.http().post(&ingest, text.as_bytes(), &headers).status, 200);
        }
    }
    for (tenant, mut reader) in tails {
        let mut shown = String::new();
        while !shown.contains(&format!("{} last", secret(tenant))) {
            assert_ne!(reader.read_line(&mut shown).expect("an event"), 0, "{shown}");
        }
        for other in TENANTS {
            assert_eq!(shown.contains(&secret(other)), other == tenant, "{tenant}: {shown}");
        }
    }
}

/// Stores a debug line of each age, in days, for a tenant.
fn store_debug_days(server: &Server<'_>, tenant: &str, ages: &[u64]) {
    let lines: String = ages
        .iter()
        .map(|age| {
            let moment = ago(Duration::from_secs(age * 86_400)).to_string();
            line(&json!({"timestamp": moment, "level": "debug", "message": "kept"}))
        })
        .collect();
    let ingest = url(server, &format!("in-{tenant}"), "/api/v1/ingest");
    let headers = [("content-type", "application/x-ndjson")];
    let answer = server.http().post(&ingest, lines.as_bytes(), &headers);
    assert_eq!(answer.json()["accepted"], json!(ages.len()));
    await_records(server, tenant, ages.len() as u64);
}

/// Returns how many records a tenant has.
fn records(server: &Server<'_>, tenant: &str) -> Option<u64> {
    ask(server, tenant, "/api/v1/search?q=&limit=0")["total"]["value"].as_u64()
}

#[test]
fn retention_takes_the_days_of_each_tenant_when_they_are_over() {
    let home = home();
    let server = home.start();
    store_debug_days(&server, "default", &[0, 1]);
    store_debug_days(&server, "shop", &[5, 6]);
    store_debug_days(&server, "team-7", &[6]);
    // Debug lines are kept for seven days: in two days those of five and six days ago are over.
    let then = from_now(Duration::from_secs(2 * 86_400)).to_string();
    let path = format!("/api/v1/retention/run?now={then}");
    let confirm = [("tierlog-confirm", "yes")];
    let report = server.http().post(&server.query(&path), b"", &confirm).json();
    let dropped = report["partitions"].as_array().expect("partitions");
    let mut of: Vec<&str> = dropped.iter().filter_map(|one| one["tenant"].as_str()).collect();
    of.sort_unstable();
    assert_eq!(of, ["shop", "team-7"], "{report}");
    let left = TENANTS.map(|tenant| records(&server, tenant));
    assert_eq!(left, [Some(2), Some(1), Some(0)]);
}

#[test]
fn pressure_leaves_every_tenant_its_newest_day() {
    let home = home();
    let server = home.start();
    store_debug_days(&server, "default", &[0, 1]);
    store_debug_days(&server, "shop", &[3, 4, 5]);
    store_debug_days(&server, "team-7", &[6]);
    assert_eq!(server.terminate(), Some(0));
    // A mark that no disk of today reaches.
    let low = home_with(&["store.free_low=1TiB", "store.early_drop_max=debug"]);
    let low = low.in_place_of(home);
    let server = low.start();
    let expected = [Some(1), Some(1), Some(1)];
    wait_until("all days but the newest to go", || {
        (TENANTS.map(|tenant| records(&server, tenant)) == expected).then_some(())
    });
    let health = server.http().get(&server.query("/health")).json();
    let told = &health["dropped_early"];
    let day = |age: u64| json!(ago(Duration::from_secs(age * 86_400)).day().to_string());
    assert_eq!((&told["default/debug"], &told["shop/debug"]), (&day(1), &day(4)), "{told}");
    assert_eq!(told["team-7/debug"], Value::Null, "{told}");
    // A tenant is told of its own early drops alone.
    let expired = |tenant: &str| {
        let answer = ask(&server, tenant, "/api/v1/search?q=level:debug&start=now-7d");
        answer["expired"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(TENANTS.map(expired), [1, 1, 0]);
}

#[test]
fn metrics_count_each_tenant_by_its_name() {
    let home = home();
    let server = home.start();
    let scraped = Scrape::of(&server);
    for tenant in TENANTS {
        let series = format!("tierlog_tenant_accepted_records_total{{tenant=\"{tenant}\"}}");
        assert_eq!(scraped.value(&series), 0.0, "{tenant} starts at zero");
    }
    fill(&server, "shop");
    await_records(&server, "shop", RECORDS);
    let scraped = Scrape::of(&server);
    let of = |metric: &str| {
        TENANTS.map(|tenant| scraped.value(&format!("{metric}{{tenant=\"{tenant}\"}}")))
    };
    assert_eq!(of("tierlog_tenant_accepted_records_total"), [0.0, RECORDS as f64, 0.0]);
    // The rejected line is stored too, as a dead letter.
    assert_eq!(of("tierlog_tenant_stored_records"), [0.0, RECORDS as f64 + 1.0, 0.0]);
    let [none, some, _] = of("tierlog_tenant_stored_bytes");
    assert!(none == 0.0 && some > 0.0, "{none} and {some} bytes");
    // Names of tenants stand in no other label.
    let indexed = scraped.value("tierlog_indexed_records_total{tier=\"warning\"}");
    assert!(indexed >= 1.0, "{indexed} warnings");
}
