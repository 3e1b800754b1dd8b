//! The published schemas, held to what the server says and gives.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Home, line, run};

fn published(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).expect("a JSON document")
}

#[test]
fn the_served_contract_is_the_published_one() {
    let home = Home::new();
    let server = home.start();
    let served = server.http().get(&server.query("/api/v1/openapi.json")).json();
    assert_eq!(served, published("openapi.json"), "regenerate schemas/openapi.json");
}

#[test]
fn every_path_of_the_contract_answers() {
    let home = Home::new();
    let server = home.start();
    let contract = published("openapi.json");
    for (path, methods) in contract["paths"].as_object().expect("paths") {
        let path = path.replace(['{', '}'], "");
        let ingest_only = path.starts_with("/api/v1/ingest");
        let url = if ingest_only { server.ingest(&path) } else { server.query(&path) };
        if methods.get("get").is_none() || path.ends_with("/tail") {
            continue;
        }
        let answer = server.http().get(&url);
        assert!(answer.status < 500 && answer.status != 404 && answer.status != 405, "{path}");
    }
}

#[test]
fn every_query_of_the_search_document_is_understood() {
    let home = Home::new();
    let server = home.start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/search.md");
    let document = fs::read_to_string(path).expect("the document");
    let table = document.split("## The query").nth(1).expect("the section");
    let rows = table.split("\n## ").next().unwrap_or_default().lines();
    let mut understood = 0;
    for row in rows.filter(|row| row.starts_with("| `")) {
        // A bar inside a table has a backslash before it, which is not part of the query.
        let first = row.replace("\\|", "\u{0}");
        let first = first.split('|').nth(1).unwrap_or_default().replace('\u{0}', "|");
        for q in first.split('`').skip(1).step_by(2).filter(|q| *q != "( )") {
            server.search(&json!({"q": q}));
            understood += 1;
        }
    }
    assert!(understood > 20, "only {understood} queries were found");
}

#[test]
fn every_record_that_is_given_back_is_valid() {
    let home = Home::with(&["query.track_total_max=1000000"]);
    let server = home.start();
    let generated = run(&mut home.tierlog(&["generate", "--lines", "3000", "--span", "1h"]));
    let odd = line(&json!({
        "message": {"not": "text"}, "level": 35, "user_id": true, "status_code": "teapot",
        "list": [[], {}, null, 1.5], "": "empty name", "a.b": 1, "a": {"b": 2}, "huge": u64::MAX,
    }));
    server.store(&(generated.stdout + &odd));
    let schema = published("record.schema.json");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for record in server.export("") {
        let errors: Vec<String> =
            validator.iter_errors(&record).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{record}: {errors:?}");
    }
    // The schema refuses a wrong record, too.
    for record in [json!({}), json!({"level": "loud", "timestamp": "2026-11-20T00:00:00Z"})] {
        assert!(!validator.is_valid(&record), "{record}");
    }
}
