//! A kind of aggregation is one file and one line: no other file of the room names a kind.

use std::collections::BTreeSet;
use std::path::Path;

use crate::aggregate::kinds::KINDS;

/// The file of the list, and users of one kind from beside: the most frequent values of a field.
const USERS: &[(&str, &str)] = &[("terms", "field_values.rs")];

fn sources(directory: &Path) -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("kinds") {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let code: Vec<&str> =
                code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push((name, code.join("\n")));
        }
    }
    sources
}

#[test]
fn a_kind_is_one_file_and_one_line_of_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aggregate");
    let list = std::fs::read_to_string(root.join("kinds/mod.rs")).expect("the list");
    let mut names = BTreeSet::new();
    for kind in KINDS.iter().filter(|kind| kind.name != "spread") {
        assert!(names.insert(kind.name), "{} is listed twice", kind.name);
        assert_eq!(list.matches(&format!(" {}::KIND,", kind.name)).count(), 1, "{}", kind.name);
        let file = root.join("kinds").join(kind.name).with_extension("rs");
        let own = std::fs::read_to_string(&file).expect("a kind has a file of its name");
        assert_eq!(own.matches("const KIND: Kind").count(), 1, "{}", kind.name);
    }
    let files = std::fs::read_dir(root.join("kinds")).expect("a directory").count();
    assert_eq!(files, names.len() + 1, "a file of kinds/ is the list or a kind of it");

    let mut named = Vec::new();
    for (file, code) in sources(&root) {
        let users = USERS.iter().filter(|(_, user)| *user == file).map(|(kind, _)| *kind);
        let users: Vec<&str> = users.collect();
        for kind in names.iter().filter(|kind| !users.contains(kind)) {
            let type_name: String = kind.split('_').map(capital).collect();
            let paths = [format!("kinds::{kind}"), format!("kinds::{type_name}")];
            let variants = [format!("Kind::{type_name}"), format!("{kind}::KIND")];
            named.extend(
                paths
                    .iter()
                    .chain(&variants)
                    .filter(|path| code.contains(*path))
                    .map(|path| format!("{file} names {path}")),
            );
        }
        assert!(!code.contains(".name =="), "{file} asks for the name of a kind");
    }
    assert!(named.is_empty(), "{named:#?}");
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
