//! Arrows between the top modules of each crate: a room may know rooms below it, and no circle of
//! rooms exists, as no circle of crates does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::harness::files_under;

/// The rooms that the files of each room name.
type Arrows = BTreeMap<String, BTreeSet<String>>;

#[test]
fn rooms_of_a_crate_stand_in_no_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates =
        ["crates/model", "crates/problem", "crates/ingest", "crates/store", "crates/query"];
    let sources = crates.iter().map(|name| (*name, root.join(name).join("src")));
    let mut found = Vec::new();
    for (name, source) in sources.chain([("root", root.join("src"))]) {
        let arrows = arrows(&source);
        assert!(arrows.len() > 2, "{name}: {arrows:?}");
        let circle = in_circles(&arrows);
        if !circle.is_empty() {
            found.push(format!("{name}: {circle:?}"));
        }
    }
    assert!(found.is_empty(), "rooms know each other in a circle:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let arrows = |all: &[(&str, &[&str])]| -> Arrows {
        let room = |(name, of): &(&str, &[&str])| {
            ((*name).to_owned(), of.iter().map(|of| (*of).to_owned()).collect())
        };
        all.iter().map(room).collect()
    };
    let tree: [(&str, &[&str]); 3] = [("a", &["b", "c"]), ("b", &["c"]), ("c", &[])];
    assert!(in_circles(&arrows(&tree)).is_empty());
    let circle: [(&str, &[&str]); 4] = [("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &["a"])];
    let rooms: Vec<String> = in_circles(&arrows(&circle)).into_iter().collect();
    assert_eq!(rooms, ["b", "c"]);
    let text = "use crate::{files, wal::{Mark, Loss}, Day};\n// crate::not_this\nlet a = crate::live::x();";
    let names: Vec<String> = names_after_crate(text).into_iter().collect();
    assert_eq!(names, ["Day", "files", "live", "wal"]);
}

/// Returns the arrows between the top modules of a crate, whose sources lie in a directory.
fn arrows(source: &Path) -> Arrows {
    let library = code(&source.join("lib.rs"));
    let rooms: BTreeSet<String> = library
        .lines()
        .filter_map(|line| {
            line.trim_start_matches("pub ").trim_start_matches("pub(crate) ").strip_prefix("mod ")
        })
        .filter_map(|rest| Some(rest.strip_suffix(';')?.to_owned()))
        .collect();
    let exported = exported(&library, &rooms);
    let mut arrows: Arrows = rooms.iter().map(|room| (room.clone(), BTreeSet::new())).collect();
    for path in files_under(source) {
        let within = path.strip_prefix(source).expect("a file below").to_owned();
        if path.extension().is_none_or(|end| end != "rs") || is_test(&within) {
            continue;
        }
        let first = within.iter().next().unwrap_or_default().to_string_lossy();
        let Some(of) = arrows.get_mut(first.trim_end_matches(".rs")) else { continue };
        for name in names_after_crate(&read(&path)) {
            let room = if rooms.contains(&name) { Some(&name) } else { exported.get(&name) };
            of.extend(room.filter(|room| *room != first.trim_end_matches(".rs")).cloned());
        }
    }
    arrows
}

/// Tells whether a file is only there for tests.
fn is_test(within: &Path) -> bool {
    let is_test = |part: &str| part == "tests" || part == "tests.rs" || part == "testing.rs";
    within.iter().any(|part| is_test(&part.to_string_lossy()))
}

/// Returns the text of a file without comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a source file");
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

/// Returns the text of a file without comments and without the tests at its end.
fn read(path: &Path) -> String {
    let text = code(path);
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
}

/// Returns the room of each name that the crate exports.
fn exported(library: &str, rooms: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut exported = BTreeMap::new();
    for statement in library.split(';') {
        let Some((_, path)) = statement.split_once("use ") else { continue };
        let Some((room, names)) = path.trim_start_matches("self::").split_once("::") else {
            continue;
        };
        if rooms.contains(room) {
            for name in names.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')) {
                exported.insert(name.to_owned(), room.to_owned());
            }
        }
    }
    exported
}

/// Returns the first names of the paths that begin with `crate::`.
fn names_after_crate(text: &str) -> BTreeSet<String> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(first_name(rest));
            continue;
        };
        let mut depth = 0;
        let mut is_first = true;
        for (at, sign) in list.char_indices() {
            match sign {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_first = true,
                sign if is_first && !sign.is_whitespace() => {
                    names.insert(first_name(&list[at..]));
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|sign| sign.is_alphanumeric() || *sign == '_').collect()
}

/// Returns the rooms from which arrows lead back to the room.
fn in_circles(arrows: &Arrows) -> BTreeSet<String> {
    let reached = |from: &String| {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(room) = waiting.pop() {
            for next in arrows.get(room).into_iter().flatten() {
                if reached.insert(next) {
                    waiting.push(next);
                }
            }
        }
        reached
    };
    arrows.keys().filter(|room| reached(room).contains(room)).cloned().collect()
}
