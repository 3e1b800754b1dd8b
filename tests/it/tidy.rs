//! House rules that a test can check (STYLE.md says which and why).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tierlog_model::metric_names::{METRICS, PROCESS_METRICS};

use crate::harness::files_under;

/// Lines of a source file; a longer one holds two nouns.
const FILE_LINES_MAX: usize = 600;

/// Lines of a function; a longer one does two things.
const FUNCTION_LINES_MAX: usize = 70;

/// Columns of a line, as rustfmt keeps to in code.
const COLUMNS_MAX: usize = 100;

/// Entries of the top directory without a source: build, history, data of a server on trial.
const FOREIGN: [&str; 4] = ["target", ".git", "tierlog-data", "tierlog-data.keys"];

/// A file of the repository.
pub(crate) struct Source {
    /// Path from the root, with forward slashes.
    pub path: String,
    pub text: String,
}

impl Source {
    /// Tells whether the whole file is tests.
    fn is_test(&self) -> bool {
        let test = |part: &str| part == "tests" || part == "tests.rs" || part == "benches";
        self.path.split('/').any(test)
    }

    /// Returns the text before the tests that stand at its end, and the tests.
    fn parts(&self) -> (&str, &str) {
        if self.is_test() {
            return ("", &self.text);
        }
        self.text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&self.text, ""))
    }

    /// Returns the text before the tests that stand at its end.
    pub(crate) fn production(&self) -> &str {
        self.parts().0
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every text file of the repository.
fn sources() -> Vec<Source> {
    let entries = fs::read_dir(root()).expect("the repository").flatten().map(|entry| entry.path());
    let mut files = Vec::new();
    for path in entries {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        // `.git` is a file in a worktree.
        if FOREIGN.contains(&name.as_str()) {
            continue;
        }
        match path.is_dir() {
            true => files.extend(files_under(&path)),
            false => files.push(path),
        }
    }
    let relative = |path: &PathBuf| {
        let path = path.strip_prefix(root()).expect("a file of the repository");
        path.to_string_lossy().into_owned()
    };
    files
        .iter()
        .filter_map(|path| {
            Some(Source { path: relative(path), text: fs::read_to_string(path).ok()? })
        })
        .collect()
}

pub(crate) fn rust_sources() -> Vec<Source> {
    let mut sources = sources();
    sources.retain(|source| source.path.ends_with(".rs"));
    assert!(sources.len() > 100, "only {} Rust files were found", sources.len());
    sources
}

/// Fails with the list of what breaks a rule.
#[track_caller]
fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

/// Returns every place outside of tests that vouches for a batch, and how often: in code, also
/// where the function is only named.
fn vouchers(sources: &[Source]) -> Vec<(String, usize)> {
    // The word is put together here, so that this file does not break its own rule.
    let word = ["vou", "ch"].concat();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let in_line = |line: &str| {
        let parts = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        parts.filter(|part| *part == word).count()
    };
    let calls =
        |source: &Source| source.production().lines().filter(is_code).map(in_line).sum::<usize>();
    let calls = sources.iter().map(|source| (source.path.clone(), calls(source)));
    calls.filter(|(_, count): &(String, usize)| *count > 0).collect()
}

/// Returns every function that gives a batch and takes neither a batch nor the word of a caller.
fn unvouched(source: &Source) -> Vec<String> {
    let production = source.production();
    let signatures = production.split("fn ").skip(1).filter_map(|text| text.split('{').next());
    let gives_batch = |signature: &&str| {
        let result = signature.rsplit_once("->").map_or("", |(_, result)| result);
        result.contains("RedactedBatch") || result.contains("Self")
    };
    let is_vouched = |signature: &str| {
        ["self", ": Redacted,", ": Redacted)"].iter().any(|taken| signature.contains(taken))
    };
    let batches = signatures.filter(gives_batch).filter(|signature| !is_vouched(signature));
    batches.map(|signature| format!("{}: {}", source.path, signature.trim())).collect()
}

#[test]
fn only_redaction_and_what_reads_its_work_back_vouch_for_a_batch() {
    let mut sources = rust_sources();
    let allowed = [
        // Closes batches of records that every detector has walked.
        ("crates/ingest/src/redact/mod.rs", 1),
        // The function itself.
        ("crates/model/src/batch.rs", 1),
        // A dead letter of a record that the log holds.
        ("crates/store/src/indexer/sink.rs", 1),
        // A scenario makes its own records; only tests and the feature `simulation` build it.
        ("crates/store/src/simulation/client.rs", 1),
        // Frames of the log were redacted before they were written.
        ("crates/store/src/wal/frame.rs", 1),
        // Only tests and the feature `fuzzing` build it.
        ("crates/store/src/wal/fuzzing.rs", 1),
        ("crates/ingest/src/fuzzing.rs", 1),
    ];
    let mut allowed = allowed.map(|(path, count)| (path.to_owned(), count));
    allowed.sort();
    let sorted = |sources: &[Source]| {
        let mut found = vouchers(sources);
        found.sort();
        found
    };
    assert_eq!(sorted(&sources), allowed);
    // Raw text that is written past redaction, in any of its spellings, is found.
    let word = ["vou", "ch"].concat();
    for bypass in [
        format!("RedactedBatch::from_redacted(raw, None, Redacted::{word}())"),
        format!("use tierlog_model::Redacted as Fine;\nlet fine = Fine::{word};"),
        format!(
            "let batch = RedactedBatch::in_place_of(&raw, tierlog_model::Redacted::{word} ());"
        ),
    ] {
        let source = sources.iter_mut().find(|source| source.path.ends_with("source/lines_tcp.rs"));
        let source = source.expect("a source of lines");
        let honest = source.text.clone();
        source.text = format!("{bypass}\n{honest}");
        assert_ne!(sorted(&sources), allowed, "{bypass}");
        let source = sources.iter_mut().find(|source| source.path.ends_with("source/lines_tcp.rs"));
        source.expect("a source of lines").text = honest;
    }
}

#[test]
fn no_batch_is_made_without_a_voucher() {
    let sources = rust_sources();
    let batch = sources.iter().find(|source| source.path == "crates/model/src/batch.rs");
    let batch = batch.expect("the batch");
    assert_none("a batch that nobody vouches for", &unvouched(batch));
    // A field that is not private, or a derive, would be a way around every constructor.
    let (_, behind) = batch.text.split_once("pub struct RedactedBatch {").expect("the struct");
    let fields = behind.split('}').next().unwrap_or_default();
    assert!(!fields.contains("pub"), "{fields}");
    for (derives, name) in
        [("#[derive(Clone, Debug)]", "RedactedBatch"), ("#[derive(Debug)]", "Redacted")]
    {
        let declared = format!("{derives}\npub struct {name}");
        assert!(batch.text.contains(&declared), "{name} derives more than {derives}");
    }
    let bypass = "impl RedactedBatch {\n    pub fn of_raw(raw: Bytes) -> RedactedBatch {\n";
    let text = batch.text.replacen("impl RedactedBatch {\n", bypass, 1);
    assert_eq!(unvouched(&Source { path: batch.path.clone(), text }).len(), 1);
}

#[test]
fn only_the_allocator_is_unsafe() {
    let keyword = ["uns", "afe "].concat();
    let mut found = Vec::new();
    for source in rust_sources() {
        let code = source.text.lines().filter(|line| !line.trim_start().starts_with("//"));
        if code.into_iter().any(|line| line.contains(&keyword)) {
            found.push(source.path.clone());
        }
    }
    assert_eq!(found, ["src/allocator.rs"]);
    for library in
        ["crates/model", "crates/problem", "crates/ingest", "crates/store", "crates/query", "."]
    {
        let path = root().join(library).join("src/lib.rs");
        let text = std::fs::read_to_string(path).expect("a library");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{library} does not forbid it");
    }
}

#[test]
fn every_file_says_what_it_is_and_stays_small() {
    let (mut undocumented, mut long) = (Vec::new(), Vec::new());
    for source in rust_sources() {
        if !source.text.starts_with("//! ") {
            undocumented.push(source.path.clone());
        }
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            long.push(format!("{}: {lines} lines", source.path));
        }
    }
    assert_none("a file begins with what it is, in //!", &undocumented);
    assert_none("a file has at most 600 lines", &long);
}

#[test]
fn comments_fit_the_page() {
    let mut wide = Vec::new();
    for source in rust_sources() {
        for (number, line) in source.text.lines().enumerate() {
            // Rustfmt holds code to the width; a table's row and an address cannot be wrapped.
            let said = line.trim_start().strip_prefix("//");
            let wraps = said.is_some_and(|said| !said.contains('|') && !said.contains("://"));
            if wraps && line.chars().count() > COLUMNS_MAX {
                wide.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert_none("a line of a comment has at most 100 columns", &wide);
}

#[test]
fn functions_stay_small() {
    let mut long = Vec::new();
    for source in rust_sources() {
        let lines: Vec<&str> = source.production().lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function = line
                .trim_start()
                .split(' ')
                .take_while(|word| !word.contains('('))
                .any(|word| word == "fn");
            if !is_function || line.ends_with(';') || line.trim_start().starts_with("//") {
                continue;
            }
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines.iter().skip(start).position(|line| *line == end).unwrap_or(0) + 1;
            if length > FUNCTION_LINES_MAX {
                long.push(format!("{}:{}: {length} lines", source.path, start + 1));
            }
        }
    }
    assert_none("a function has at most 70 lines", &long);
}

#[test]
fn tests_wait_for_conditions_not_for_time() {
    let sleeps = ["thread::sl", "time::sl"].map(|head| format!("{head}eep("));
    let mut found = Vec::new();
    for source in rust_sources().iter().filter(|source| !source.path.starts_with("benches/")) {
        let (_, tests) = source.parts();
        // Time that tokio makes up passes at once and for every task alike.
        let made_up = tests.contains("start_paused = true");
        for sleep in sleeps.iter().filter(|sleep| tests.contains(sleep.as_str()) && !made_up) {
            found.push(format!("{}: {sleep}", source.path));
        }
    }
    assert_none("a test that sleeps", &found);
}

#[test]
fn nothing_is_unfinished_skipped_or_of_one_machine() {
    // The parts are joined here, lest the file break the rule.
    let forbidden: Vec<String> = [
        ("to", "do!("),
        ("unimple", "mented!("),
        ("FIX", "ME"),
        ("TO", "DO"),
        ("#[ig", "nore"),
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
    ]
    .map(|(head, tail)| format!("{head}{tail}"))
    .into();
    let mut found = Vec::new();
    for source in sources() {
        // Lines of other programs name their own machines.
        let is_foreign = ["Cargo.lock", "LICENSE"].contains(&source.path.as_str())
            || source.path.starts_with("tests/corpus/redaction/sample/");
        if is_foreign {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            for word in forbidden.iter().filter(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    assert_none("unfinished, skipped or of one machine", &found);
}

#[test]
fn tests_name_no_port() {
    let mut found = Vec::new();
    for source in rust_sources().iter().filter(|source| source.path.starts_with("tests/")) {
        for (number, line) in source.text.lines().enumerate() {
            let ports = line.split("127.0.0.1:").skip(1);
            let fixed = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit() && c != '0');
            if ports.into_iter().any(fixed) {
                found.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    assert_none("a test takes a free port", &found);
}

#[test]
fn nothing_is_imported_or_exported_by_glob() {
    let mut found = Vec::new();
    for source in rust_sources() {
        for (number, line) in source.production().lines().enumerate() {
            let line = line.trim_start();
            if (line.starts_with("use ") || line.starts_with("pub")) && line.ends_with("::*;") {
                found.push(format!("{}:{}: {line}", source.path, number + 1));
            }
        }
    }
    assert_none("names are imported one by one", &found);
}

#[test]
fn crates_depend_on_each_other_along_the_arrows_only() {
    let metadata = crate::dependencies::metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let mut arrows = BTreeMap::new();
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().expect("a name");
        let ours: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| name.starts_with("tierlog-"))
            .collect();
        arrows.insert(name, ours);
    }
    let expected: [(&str, &[&str]); 7] = [
        (
            "tierlog",
            &[
                "tierlog-ingest",
                "tierlog-model",
                "tierlog-problem",
                "tierlog-query",
                "tierlog-store",
            ],
        ),
        ("tierlog-corpus", &["tierlog-ingest", "tierlog-model"]),
        ("tierlog-ingest", &["tierlog-model", "tierlog-problem"]),
        ("tierlog-model", &[]),
        ("tierlog-problem", &["tierlog-model"]),
        ("tierlog-query", &["tierlog-model", "tierlog-problem", "tierlog-store"]),
        ("tierlog-store", &["tierlog-model"]),
    ];
    let expected: BTreeMap<&str, BTreeSet<&str>> =
        expected.into_iter().map(|(name, ours)| (name, ours.iter().copied().collect())).collect();
    assert_eq!(arrows, expected, "a new arrow needs an ADR");
}

/// Returns constant and text of every metric name.
pub(crate) fn metric_names() -> BTreeMap<String, String> {
    let path = root().join("crates/model/src/metric_names.rs");
    let text = fs::read_to_string(path).expect("the metric names");
    // A declaration begins `Kind CONSTANT = "name"`.
    let declared = text.lines().filter_map(|line| {
        let (head, name) = line.split_once(" = \"")?;
        let (kind, constant) = head.trim_start().split_once(' ')?;
        let is_declared = ["Counter", "Gauge", "Histogram"].contains(&kind);
        is_declared.then(|| (constant.to_owned(), name.split('"').next().unwrap_or("").to_owned()))
    });
    declared.collect()
}

#[test]
fn every_metric_is_declared_once_and_measured() {
    let sources = rust_sources();
    let declared = metric_names();
    let tables = METRICS.iter().chain(PROCESS_METRICS);
    let in_tables: BTreeSet<&str> = tables.map(|metric| metric.name).collect();
    assert_eq!(declared.values().map(String::as_str).collect::<BTreeSet<_>>(), in_tables);
    let measuring: Vec<&str> = sources
        .iter()
        .filter(|source| source.path != "crates/model/src/metric_names.rs")
        .map(Source::production)
        .collect();
    let used = |constant: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        measuring.iter().any(|text| text.split(|c| !is_part(c)).any(|word| word == constant))
    };
    let unused: Vec<String> = declared.into_keys().filter(|constant| !used(constant)).collect();
    assert_none("a metric that is declared is measured", &unused);
}

#[test]
fn every_section_of_the_configuration_is_in_the_documents() {
    let text = fs::read_to_string(root().join("config/tierlog.toml")).expect("the configuration");
    let documents: String = sources()
        .iter()
        .filter(|source| source.path.starts_with("docs/") || source.path == "README.md")
        .map(|source| source.text.as_str())
        .collect();
    let missing: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
        .filter(|section| {
            !documents.contains(&format!("{section}."))
                && !documents.contains(&format!("[{section}]"))
        })
        .map(str::to_owned)
        .collect();
    assert_none("a section of config/tierlog.toml that no document mentions", &missing);
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.path.ends_with(".md")) {
        let directory = root().join(&source.path).parent().expect("a directory").to_owned();
        for link in source.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let elsewhere = target.is_empty() || target.contains("://") || target.contains(' ');
            if !elsewhere && !directory.join(target).exists() {
                broken.push(format!("{}: {target}", source.path));
            }
        }
    }
    assert_none("a link that leads nowhere", &broken);
}

#[test]
fn every_dependency_has_its_reason() {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let table = text.split("[workspace.dependencies]").nth(1).expect("the table");
    let table = table.split("\n[").next().unwrap_or_default();
    let without: Vec<String> = table
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#') && !line.contains("path ="))
        .filter(|line| !line.contains(" # "))
        .map(str::to_owned)
        .collect();
    assert_none("a dependency without a reason", &without);
    assert!(matches!(toml_lints(&text), Some(lints) if lints.contains("unsafe_code = \"deny\"")));
}

fn toml_lints(manifest: &str) -> Option<&str> {
    manifest.split("[workspace.lints.rust]").nth(1)?.split("\n[").next()
}

/// Every package of ours takes part in the lints.
#[test]
fn every_crate_inherits_the_lints() {
    let metadata = crate::dependencies::metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        if package["source"] != Value::Null {
            continue;
        }
        let manifest = package["manifest_path"].as_str().expect("a path");
        let text = fs::read_to_string(manifest).expect("a manifest");
        assert!(text.contains("[lints]\nworkspace = true"), "{manifest}");
    }
}
