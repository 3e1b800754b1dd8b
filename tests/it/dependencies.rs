//! The dependency policy of `deny.toml`, as a test: it needs no tool and no network.
//!
//! Advisories are not asked: that needs the RustSec database (`cargo deny check advisories`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::run;

/// The only place that dependencies come from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns cargo's metadata of every package built for this machine.
pub(crate) fn metadata() -> Value {
    let cargo = env!("CARGO");
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(["metadata", "--format-version=1", "--locked", "--offline"]);
    command.args(["--filter-platform", &host()]);
    let metadata = run(&mut command);
    assert_eq!(metadata.code, 0, "{}", metadata.stderr);
    serde_json::from_str(&metadata.stdout).expect("JSON")
}

/// Returns the target triple of this machine.
fn host() -> String {
    let cargo = run(Command::new(env!("CARGO")).args(["--version", "--verbose"]));
    let host = cargo.stdout.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("cargo names its host").to_owned()
}

fn read_toml(path: &str) -> toml::Table {
    fs::read_to_string(root().join(path)).expect("a file").parse().expect("TOML")
}

/// Returns the texts under a key of a table of `deny.toml`: plain, or the `crate` of an entry.
fn policy(table: &str, key: &str) -> BTreeSet<String> {
    let deny = read_toml("deny.toml");
    let entries = deny[table][key].as_array().expect("a list").clone();
    entries
        .into_iter()
        .map(|entry| match entry {
            toml::Value::String(text) => text,
            other => other["crate"].as_str().expect("a crate").to_owned(),
        })
        .collect()
}

/// Returns name, version and source of every package that any target could build.
fn locked() -> Vec<(String, String, Option<String>)> {
    let lock = read_toml("Cargo.lock");
    let text = |package: &toml::Value, key: &str| {
        package.get(key).and_then(toml::Value::as_str).map(str::to_owned)
    };
    lock["package"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let name = text(package, "name").expect("a name");
            (name, text(package, "version").expect("a version"), text(package, "source"))
        })
        .collect()
}

/// Tells whether a licence expression can be met with the allowed licences.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // AND binds the parts that must all be met; each part offers a choice. Expressions that mix
    // both without parentheses are read strictly: every part needs one allowed choice.
    expression
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|licence| allowed.contains(licence.trim())))
}

#[test]
fn every_licence_is_permissive() {
    let allowed = policy("licenses", "allow");
    let metadata = metadata();
    let refused: Vec<String> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or("none"), &allowed))
        .map(|package| {
            format!("{} {}: {}", package["name"], package["version"], package["license"])
        })
        .collect();
    assert!(refused.is_empty(), "licences that deny.toml does not allow: {refused:#?}");
}

#[test]
fn everything_comes_from_one_registry() {
    for (name, version, source) in locked() {
        match source {
            Some(source) => assert_eq!(source, CRATES_IO, "{name} {version}"),
            None => assert!(name.starts_with("tierlog"), "{name} {version} has no source"),
        }
    }
}

#[test]
fn nothing_banned_is_there() {
    let banned = policy("bans", "deny");
    assert!(!banned.is_empty());
    for (name, version, _) in locked() {
        assert!(!banned.contains(&name), "{name} {version} is banned, deny.toml says why");
    }
}

#[test]
fn two_versions_of_a_crate_have_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version, _) in locked() {
        versions.entry(name).or_default().insert(version);
    }
    let twice: BTreeMap<String, BTreeSet<String>> =
        versions.into_iter().filter(|(_, versions)| versions.len() > 1).collect();
    let expected = policy("bans", "skip");
    let unexplained: Vec<_> = twice.iter().filter(|(name, _)| !expected.contains(*name)).collect();
    assert!(unexplained.is_empty(), "two versions without a reason in deny.toml: {unexplained:?}");
    let gone: Vec<_> = expected.iter().filter(|name| !twice.contains_key(*name)).collect();
    assert!(gone.is_empty(), "deny.toml explains what is no more: {gone:?}");
}

#[test]
fn licence_expressions_are_read() {
    let allowed = ["MIT", "Unicode-3.0"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("MIT OR Apache-2.0", true),
        ("Apache-2.0/MIT", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}
