//! `tierlog generate`: the same bytes for the same arguments, and lines that a server takes.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{Home, run, shown};

#[test]
fn the_same_arguments_give_the_same_bytes() {
    let home = Home::new();
    let common = ["generate", "--lines", "500", "--start", "2024-03-05T00:00:00Z", "--span", "10d"];
    let of = |further: &[&str]| {
        let arguments: Vec<&str> = common.iter().chain(further).copied().collect();
        let done = run(&mut home.tierlog(&arguments));
        assert_eq!((done.code, done.stdout.lines().count()), (0, 500), "{}", shown(&done));
        done.stdout
    };
    let kinds: [&[&str]; 5] = [
        &["--seed", "5"],
        &["--seed", "6"],
        &["--seed", "5", "--free-text"],
        &["--seed", "5", "--backlogs", "10"],
        &["--seed", "5", "--free-text", "--backlogs", "10"],
    ];
    let texts: BTreeSet<String> = kinds.iter().map(|kind| of(kind)).collect();
    assert_eq!(texts.len(), kinds.len(), "each argument makes a difference");
    assert!(kinds.iter().all(|kind| texts.contains(&of(kind))), "each text comes again");
}

#[test]
fn arguments_that_contradict_each_other_are_wrong_usage() {
    let home = Home::new();
    for arguments in [
        ["generate", "--lines=-5"].as_slice(),
        &["generate", "--backlogs", "0"],
        &["generate", "--free-text", "--manifest", "planted"],
    ] {
        let done = run(&mut home.tierlog(arguments));
        assert_eq!(done.code, 2, "{arguments:?}: {}", shown(&done));
    }
}

#[test]
fn free_text_over_days_at_once_is_taken_and_found() {
    let home = Home::new();
    let server = home.start();
    let arguments =
        ["generate", "--lines", "3000", "--free-text", "--span", "5d", "--backlogs", "5"];
    let generated = run(&mut home.tierlog(&arguments));
    assert_eq!(generated.code, 0, "{}", shown(&generated));
    let answer = server.post_lines(generated.stdout.as_bytes(), &[]);
    let verdict = answer.json();
    assert_eq!((answer.status, &verdict["accepted"]), (200, &json!(3_000)), "{verdict}");
    server.await_count("", 3_000);

    let tiers = server.http().get(&server.query("/api/v1/tiers")).json();
    let days: BTreeSet<&str> = tiers["tiers"]
        .as_array()
        .expect("tiers")
        .iter()
        .filter(|tier| tier["name"] == "info")
        .flat_map(|tier| tier["partitions"].as_array().expect("partitions"))
        .map(|partition| partition["day"].as_str().expect("a day"))
        .collect();
    // Five times 24 hours that begin in the middle of a day touch six days.
    assert!((5..=6).contains(&days.len()), "{days:?}");

    let first: serde_json::Value =
        serde_json::from_str(generated.stdout.lines().next().expect("a line")).expect("JSON");
    let request = first["request_id"].as_str().expect("an id");
    let hits = server.hits(&format!("request_id:{request}"));
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert_eq!(hits[0]["message"], first["message"]);
}
