//! Three tenants with equal request ids, users, days and batch ids, each behind listeners of its
//! own: no answer of a tenant shows a record, a name or a count of another, before and after a
//! kill.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, Server, ago, line, wait_until};

const TENANTS: [&str; 3] = ["default", "shop", "team-7"];

/// Lines of each tenant that become records.
const RECORDS: u64 = 6;

/// A home with two listeners for each tenant: `in-<tenant>` takes lines, `out-<tenant>` answers.
fn home() -> Home {
    let mut settings = Vec::new();
    for tenant in TENANTS {
        for (name, protocol) in [("in", "ingest"), ("out", "query")] {
            let listener = format!("listeners.{name}-{tenant}");
            settings.push(format!("{listener}.protocol={protocol}"));
            settings.push(format!("{listener}.transport=http"));
            settings.push(format!("{listener}.listen=127.0.0.1:0"));
            settings.push(format!("{listener}.tenant={tenant}"));
        }
    }
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Home::with(&settings)
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
    let all_are_searchable = || {
        let is_whole = |tenant: &&str| {
            let path = "/api/v1/search?q=&limit=0";
            let answer = server.http().get(&url(&server, &format!("out-{tenant}"), path)).json();
            answer["total"]["value"] == json!(RECORDS)
        };
        TENANTS.iter().all(is_whole).then_some(())
    };
    wait_until("every tenant's lines", all_are_searchable);
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
