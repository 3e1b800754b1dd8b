//! The configuration as a whole: layers, all problems at once, and the file held to the code.

use std::collections::BTreeMap;

use expect_test::expect;
use tierlog_model::keys::DEFAULT_TOML;
use tierlog_store::Durability;

use super::reader::{Reader, keys_of};
use super::*;

fn sources(assignments: &[&str]) -> Sources {
    Sources {
        assignments: assignments.iter().map(|text| (*text).to_owned()).collect(),
        ..Sources::default()
    }
}

#[test]
fn the_embedded_default_is_valid_and_is_the_design() {
    let (config, _) = Config::load(&Sources::default()).unwrap();
    let listeners: Vec<(&str, &str)> =
        config.listeners.iter().map(|own| (&*own.name, own.listen.as_str())).collect();
    assert_eq!(
        listeners,
        [("ingest", "127.0.0.1:5171"), ("query", "127.0.0.1:5172"), ("tcp", "127.0.0.1:5170")]
    );
    assert_eq!(config.store.tiers, tierlog_model::Tiers::standard());
    assert_eq!(config.store.durability, Durability::Fsync);
    assert_eq!(
        config.redaction.pseudonym_key_file,
        std::path::Path::new("./tierlog-data.keys/pseudonym.key")
    );
    use tierlog_model::limits;
    assert_eq!(config.ingest.limits.line_bytes_max, limits::LINE_BYTES_MAX);
    assert_eq!(config.ingest.limits.nesting_depth_max, limits::NESTING_DEPTH_MAX);
    assert_eq!(config.ingest.limits.fields_per_record_max, limits::FIELDS_PER_RECORD_MAX);
    assert_eq!(config.ingest.limits.body_bytes_max, limits::BODY_BYTES_MAX);
    assert_eq!(config.ingest.limits.ahead_seconds_max, limits::AHEAD_SECONDS_MAX);
    assert_eq!(config.query.hits_max, limits::HITS_MAX);
}

/// Returns the rule for the values of each key of the file: what is said of a table in its place.
fn rules() -> BTreeMap<String, String> {
    let default = Layers::load(&Sources::default()).unwrap().default;
    let rule = |key: &String| {
        let layers = Layers::with_table_at(key);
        let mut reader = Reader::new(&layers);
        let _ = Config::read(&mut reader);
        let ConfigError(faults) = reader.finish().expect_err("no key is a table");
        let own = faults.into_iter().find(|fault| fault.key == *key);
        let rule = own.unwrap_or_else(|| panic!("{key} is in the file, and nobody reads it")).rule;
        rule.strip_prefix("allowed: ").expect("a rule").to_owned()
    };
    keys_of(&default).into_iter().map(|key| (key.clone(), rule(&key))).collect()
}

/// The comment above each key states the rule that the code enforces, word for word. A key that is
/// read and is not in the file would have no default, so that nothing could be loaded.
#[test]
fn the_file_has_every_key_and_documents_every_rule() {
    let rules = rules();
    let (mut section, mut comment) = (String::new(), String::new());
    let mut found = 0;
    for line in DEFAULT_TOML.lines() {
        assert!(line.len() <= 100, "longer than a screen: {line}");
        if let Some(text) = line.strip_prefix('#') {
            comment.push_str(&text.to_lowercase());
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            comment.clear();
        } else if let Some((name, _)) = line.split_once(" = ") {
            let key = format!("{section}.{name}");
            let rule = rules.get(&key).unwrap().to_lowercase();
            // Keys of one kind share a comment.
            if !section.ends_with(".aliases") || name == "timestamp" {
                assert!(comment.contains(&rule), "{key}: the comment must say {rule:?}");
                comment.clear();
            }
            found += 1;
        }
    }
    assert_eq!(found, rules.len());
}

/// The comment above a key says whether a reload takes the key over.
#[test]
fn the_file_says_of_each_key_whether_it_is_reloaded() {
    let (mut section, mut comment) = (String::new(), String::new());
    let mut reloaded = Vec::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment = text.to_owned();
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((name, _)) = line.split_once(" = ") {
            if comment.ends_with(" Reloaded.") {
                reloaded.push(format!("{section}.{name}"));
            }
            comment.clear();
        }
    }
    reloaded.sort();
    assert_eq!(reloaded, RELOADED);
}

#[test]
fn later_layers_win_and_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("site.toml");
    std::fs::write(
        &file,
        "[log]\nlevel = \"warn\"\nformat = \"json\"\n[query]\ntimeout = \"5s\"\n",
    )
    .unwrap();
    let sources = Sources {
        file: Some(file),
        environment: vec![
            ("TIERLOG__LOG__LEVEL".to_owned(), "debug".to_owned()),
            ("TIERLOG__INGEST__TCP__IDLE_TIMEOUT".to_owned(), "1m".to_owned()),
            ("TIERLOG_TOKEN".to_owned(), "not ours".to_owned()),
        ],
        assignments: vec![
            "log.level=trace".to_owned(),
            "store.tiers.debug.days=3".to_owned(),
            "store.tiers.critical.levels=[error]".to_owned(),
            "store.tiers.audit.levels=[\"critical\"]".to_owned(),
            "store.tiers.audit.days=700".to_owned(),
        ],
    };
    let (config, layers) = Config::load(&sources).unwrap();
    assert_eq!(config.log.level, "trace");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.query.deadline_max, std::time::Duration::from_secs(5));
    assert_eq!(config.ingest.limits.idle_deadline, std::time::Duration::from_secs(60));
    let tiers: Vec<(&str, u32)> =
        config.store.tiers.iter().map(|(_, policy)| (policy.name.as_str(), policy.days)).collect();
    let expected = [("audit", 700), ("critical", 365), ("warning", 90), ("info", 30), ("debug", 3)];
    assert_eq!(tiers, [expected.as_slice(), &[("dead_letter", 30)]].concat());

    // What is printed is valid input again and means the same.
    let printed = layers.to_toml();
    assert!(printed.contains("idle_timeout = \"1m\"  # TIERLOG__INGEST__TCP__IDLE_TIMEOUT, "));
    assert!(printed.contains("level = \"trace\"  # --set, default \"info\""), "{printed}");
    let again = directory.path().join("printed.toml");
    std::fs::write(&again, &printed).unwrap();
    let (same, _) = Config::load(&Sources { file: Some(again), ..Sources::default() }).unwrap();
    assert_eq!(format!("{same:?}"), format!("{config:?}"));
}

#[test]
fn all_problems_are_reported_together() {
    let error = Config::load(&sources(&[
        "ingest.limits.line_max=1",
        "ingest.http.body_max=16EiB",
        "ingest.tcp.idle_timeout=forever",
        "ingest.tcp.listen=0.0.0.0:5170",
        "ingest.http.listen=localhost:5172",
        "query.listen=localhost:5172",
        "ingest.limts.depth_max=3",
        "query.timout=3s",
        "store.durability=interval:1h",
        "store.tiers.debug.levels=[info]",
        "store.tiers.audit.levels=[critcal]",
        "store.tiers.audit.colour=red",
        "ingest.levels.missing=warn",
        "security.allow_remote=maybe",
        "ingest.time.zone=Mars/Olympus",
        "ingest.time.service_zones=[\"lms=Europe/Berlin\",\"shop\"]",
        "redaction=off",
        "zebra=1",
        "memory.batches=1MiB",
        "log.level=info,=",
    ]))
    .unwrap_err();
    expect![[r#"
        configuration: 20 problems
          ingest.limts.depth_max = 3 (--set): no such key; did you mean ingest.limits.depth_max?
          query.timout = "3s" (--set): no such key; did you mean query.timeout?
          redaction = "off" (--set): is a table, not a value
          store.tiers.audit.colour = "red" (--set): no such key; `tierlog config print --default` lists them
          zebra = 1 (--set): no such key; `tierlog config print --default` lists them
          security.allow_remote = "maybe" (--set): allowed: true or false
          listeners.query.listen = "localhost:5172" (--set): is the address of listeners.ingest.listen already
          listeners.tcp.listen = "0.0.0.0:5170" (--set): is reachable from other machines, and there is no access control yet: use 127.0.0.1, or set security.allow_remote = true behind a proxy that authenticates
          ingest.http.body_max = "16EiB" (--set): allowed: size, 1KiB to 1GiB
          ingest.limits.line_max = 1 (--set): allowed: size, 1KiB to 64MiB
          ingest.tcp.idle_timeout = "forever" (--set): allowed: duration, 1s to 24h
          ingest.levels.missing = "warn" (--set): allowed: debug, info, warning, error or critical
          ingest.time.service_zones = ["lms=Europe/Berlin", "shop"] (--set): allowed: list of SERVICE=IANA name
          ingest.time.zone = "Mars/Olympus" (--set): allowed: IANA name
          store.durability = "interval:1h" (--set): allowed: fsync, interval:DURATION (1ms to 10s) or none
          log.level = "info,=" (--set): allowed: error, warn, info, debug, trace or a filter
          store.tiers.audit.days (default): is missing; allowed: 1 to 36500
          store.tiers.audit.levels = ["critcal"] (--set): allowed: list of levels: debug, info, warning, error, critical
          store.tiers (--set): level info: in more than one tier
          store.tiers (--set): level debug: in no tier"#]].assert_eq(&error.to_string());
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bad.toml");
    let check = |file: &std::path::Path, expected: &str| {
        let sources = Sources { file: Some(file.to_owned()), ..Sources::default() };
        let error = Config::load(&sources).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&file, "read: No such file");
    std::fs::write(&file, "[query]\ntimeout = 5 seconds\n").unwrap();
    check(&file, "line 2");
    for assignment in ["just a word", "=1", ".a=1", "a.=1", "a..b=1", "a b=1"] {
        let error = Config::load(&sources(&[assignment])).unwrap_err().to_string();
        assert!(error.contains("KEY=VALUE"), "{error}");
    }
}
