//! House rule on keys of the configuration: a key is declared once, by a field of settings.

use std::fs;
use std::path::Path;

use crate::tidy::rust_sources;

/// Tables whose keys are read by name: their sections may have any name, or are data.
const TABLES: [&str; 4] =
    ["listeners.", "store.tiers.", "ingest.aliases.", "store.dead_letters.days"];

/// Returns every dotted key of the embedded configuration.
fn keys() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tierlog.toml");
    let text = fs::read_to_string(path).expect("the configuration");
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.push(format!("{section}.{name}"));
        }
    }
    keys
}

#[test]
fn a_key_is_declared_by_one_field() {
    let sources = rust_sources();
    let fixed = keys().into_iter().filter(|key| !TABLES.iter().any(|own| key.starts_with(own)));
    let mut wrong = Vec::new();
    let mut found = 0;
    for key in fixed {
        let declared = format!("rename = \"{key}\"");
        let counts: Vec<(&str, usize)> = sources
            .iter()
            .map(|source| {
                let code = source.production().lines().filter(|line| !line.starts_with("//!"));
                let count = code.filter(|line| line.contains(&declared)).count();
                (source.path.as_str(), count)
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        found += 1;
        if counts.iter().map(|(_, count)| count).sum::<usize>() != 1 {
            wrong.push(format!("{key}: {counts:?}"));
        }
    }
    assert!(found > 40, "only {found} keys were found");
    assert!(wrong.is_empty(), "declared by no field, or by several: {wrong:#?}");
}
