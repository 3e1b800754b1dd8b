//! What operators copy: alerts, dashboard, unit and compose file, held to the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::tidy::metric_names;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns every word of a text in the form of a Tierlog metric.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("tierlog_"))
        .map(str::to_owned)
        .collect()
}

/// Returns the metric that a series of a histogram or summary belongs to.
fn metric_of(series: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| series.strip_suffix(suffix))
        .unwrap_or(series)
}

#[test]
fn alerts_and_dashboard_name_metrics_that_exist() {
    let known: BTreeSet<String> = metric_names().into_values().collect();
    for path in
        ["config/prometheus/alerts.yml", "config/grafana/tierlog.json", "docs/operations.md"]
    {
        let named = metrics_in(&read(path));
        assert!(named.len() >= 5, "{path} names only {named:?}");
        let unknown: Vec<&String> =
            named.iter().filter(|series| !known.contains(metric_of(series))).collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}");
    }
}

#[test]
fn every_metric_is_in_the_operations_document() {
    let document = read("docs/operations.md");
    let missing: Vec<String> =
        metric_names().into_values().filter(|name| !document.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "docs/operations.md does not explain {missing:?}");
}

#[test]
fn the_dashboard_is_a_dashboard() {
    let dashboard: Value =
        serde_json::from_str(&read("config/grafana/tierlog.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()), "{panel}");
        let is_row = panel["type"] == "row";
        assert!(is_row || !panel["targets"].as_array().expect("targets").is_empty(), "{panel}");
    }
}

#[test]
fn the_unit_is_hardened() {
    let unit = read("config/systemd/tierlog.service");
    for line in [
        "DynamicUser=yes",
        "StateDirectory=tierlog",
        "StateDirectoryMode=0700",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "MemoryDenyWriteExecute=yes",
        "LimitCORE=0",
        "SystemCallFilter=@system-service",
        "CapabilityBoundingSet=",
    ] {
        assert!(unit.lines().any(|found| found == line), "the unit lacks {line}");
    }
}

#[test]
fn the_image_is_static_and_not_root() {
    let image = read("docker/Dockerfile");
    assert!(image.contains("\nFROM scratch\n"), "{image}");
    assert!(image.contains("\nUSER 65532:65532\n"), "{image}");
}
