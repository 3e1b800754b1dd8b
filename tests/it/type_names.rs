//! A name of a type means one thing in its crate: whoever searches for the name finds the type.

use std::collections::BTreeMap;
use std::path::Path;

use crate::harness::files_under;

/// Crates in which no two types share a name.
const CRATES: [&str; 2] = ["crates/problem", "crates/query"];

#[test]
fn a_name_of_a_type_means_one_thing_in_its_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut twice = Vec::new();
    for name in CRATES {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in files_under(&root.join(name).join("src")) {
            let file = path.strip_prefix(root).expect("a file below").display().to_string();
            if !file.ends_with(".rs") || file.contains("tests") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            for type_name in code.lines().filter_map(declared) {
                places.entry(type_name.to_owned()).or_default().push(file.clone());
            }
        }
        assert!(places.len() > 5, "{name}: {places:?}");
        twice.extend(places.into_iter().filter(|(_, files)| files.len() > 1));
    }
    assert!(twice.is_empty(), "names with two meanings: {twice:#?}");
}

/// Returns the name of the type that a line declares.
fn declared(line: &str) -> Option<&str> {
    // Types inside of functions and implementations belong to those.
    let rest = line.strip_prefix("pub ").or_else(|| {
        let (visibility, rest) = line.split_once(") ")?;
        visibility.starts_with("pub(").then_some(rest)
    });
    let rest = rest.unwrap_or(line);
    let declaration = ["struct ", "enum ", "trait ", "type "];
    let name = declaration.iter().find_map(|word| rest.strip_prefix(word))?;
    name.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).next()
}

#[test]
fn declarations_are_found() {
    for (line, expected) in [
        ("pub struct Reader<'a> {", Some("Reader")),
        ("pub(in crate::aggregate) struct Terms {", Some("Terms")),
        ("enum Kind {", Some("Kind")),
        ("type Pair = (u8, u8);", Some("Pair")),
        ("    type Error = Problem;", None),
        ("let structure = 1;", None),
    ] {
        assert_eq!(declared(line), expected, "{line}");
    }
}
