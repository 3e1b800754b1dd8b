//! Templates: lines of the data files, with slots to fill. A data file arrives, groups of templates
//! leave; a template and what fills its slots become pieces of a line.
//!
//! ```text
//! @ group.name form=keyed quote=json     begins a group; its words are the group's options
//! {"‹K›":"‹V›","n":‹int:1-9›}            a template: ‹...› is a slot
//! password = ⟦Some("‹V›")⟧               ⟦...⟧ may go together with the value
//! a\nb\tc\ed\\                           newline, tab, escape, backslash
//! # words                                a comment
//! ```

use std::collections::BTreeMap;

/// Templates that are used alike.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The name in reports.
    pub(crate) name: String,
    /// Options by name.
    options: BTreeMap<String, String>,
    /// Its templates.
    pub(crate) templates: Vec<Template>,
}

impl Group {
    /// Returns an option, or an empty text.
    pub(crate) fn option(&self, name: &str) -> &str {
        self.options.get(name).map_or("", String::as_str)
    }
}

/// One line with slots.
#[derive(Clone, Debug)]
pub(crate) struct Template(pub(crate) Vec<Part>);

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that stays.
    Text(String),
    /// What stands between ‹ and ›.
    Slot(String),
    /// What follows may go together with the value.
    Open,
    /// What follows must stay.
    Close,
}

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Must stay.
    Plain,
    /// The name of the value; must stay.
    Key,
    /// May go together with the value.
    Loose,
    /// Must go.
    Value,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// What is written.
    pub(crate) text: String,
    /// What becomes of the piece.
    pub(crate) role: Role,
}

impl Template {
    /// Tells whether a slot is in the template.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Slot(slot) if slot == name))
    }

    /// Returns the pieces of a line: `fill` gives text and role of each slot.
    pub(crate) fn pieces(&self, mut fill: impl FnMut(&str) -> (String, Role)) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut usual = Role::Plain;
        for part in &self.0 {
            let (text, role) = match part {
                Part::Text(text) => (text.clone(), usual),
                Part::Open => {
                    usual = Role::Loose;
                    continue;
                }
                Part::Close => {
                    usual = Role::Plain;
                    continue;
                }
                Part::Slot(slot) => match fill(slot) {
                    (text, Role::Plain) => (text, usual),
                    filled => filled,
                },
            };
            pieces.push(Piece { text, role });
        }
        pieces
    }
}

/// Reads a data file.
pub(crate) fn read(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        match (line.strip_prefix("@ "), groups.last_mut()) {
            (Some(head), _) => groups.push(group(head)),
            (None, Some(group)) => group.templates.push(Template(parts(line))),
            (None, None) => panic_on(line),
        }
    }
    groups
}

/// The data files are part of the program: a line outside of a group is a mistake of ours.
fn panic_on(line: &str) {
    debug_assert!(false, "a template without a group: {line}");
}

fn group(head: &str) -> Group {
    let mut words = head.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    let options = words.filter_map(|word| word.split_once('='));
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Group { name, options, templates: Vec::new() }
}

fn parts(line: &str) -> Vec<Part> {
    let (mut parts, mut text) = (Vec::new(), String::new());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let part = match letter {
            '‹' => Part::Slot(letters.by_ref().take_while(|letter| *letter != '›').collect()),
            '⟦' => Part::Open,
            '⟧' => Part::Close,
            '\\' => {
                let escaped = letters.next();
                match escaped {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('e') => text.push('\u{1b}'),
                    Some('\\') | None => text.push('\\'),
                    Some(other) => text.extend(['\\', other]),
                }
                continue;
            }
            other => {
                text.push(other);
                continue;
            }
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(part);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_groups_of_templates() {
        let groups = read("# words\n@ a.b quote=json\n{\"‹K›\":⟦\"‹V›\"⟧,\\n1}\n\n@ c\nx\n");
        assert_eq!(groups.len(), 2);
        let first = groups.first().expect("a group");
        assert_eq!((first.name.as_str(), first.option("quote")), ("a.b", "json"));
        let template = first.templates.first().expect("a template");
        assert!(template.has("V") && !template.has("W"));
        let pieces = template.pieces(|slot| match slot {
            "V" => ("secret".to_owned(), Role::Value),
            _ => ("key".to_owned(), Role::Key),
        });
        let shown: Vec<(&str, Role)> =
            pieces.iter().map(|piece| (piece.text.as_str(), piece.role)).collect();
        let expected = [
            ("{\"", Role::Plain),
            ("key", Role::Key),
            ("\":", Role::Plain),
            ("\"", Role::Loose),
            ("secret", Role::Value),
            ("\"", Role::Loose),
            (",\n1}", Role::Plain),
        ];
        assert_eq!(shown, expected);
    }
}
