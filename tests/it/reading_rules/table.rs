//! The table of shapes as `tierlog shapes --format json` prints it, and which shape a record has.

use serde_json::Value;

use super::plain::{Leaf, same_name};

/// A shape, read from its printed row.
pub(super) struct Shape {
    pub(super) signs: Vec<Sign>,
    /// Names, and what each becomes, in order of precedence.
    pub(super) fields: Vec<(String, String)>,
    /// Unit of durations that say none.
    pub(super) durations: Option<String>,
    pub(super) is_wrapper: bool,
}

/// A sign, read from its printed words.
pub(super) enum Sign {
    Any(Vec<String>),
    Lacks(String),
    Number(String),
    Text(String),
    Is(String, String),
    Capitals(String),
    At(usize, String),
    FromEnd(usize, String),
}

impl Shape {
    /// Reads the rows that the command line prints.
    pub(super) fn read_all(printed: &str) -> Vec<Shape> {
        let row = |line: &str| -> Value { serde_json::from_str(line).expect("an object a line") };
        printed.lines().map(|line| Shape::read(&row(line))).collect()
    }

    fn read(row: &Value) -> Shape {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let list = |name: &str| row[name].as_array().expect("a list").clone();
        Shape {
            signs: list("recognised_by").iter().map(|sign| Sign::read(&text(sign))).collect(),
            fields: list("fields")
                .iter()
                .map(|field| (text(&field["name"]), text(&field["becomes"])))
                .collect(),
            durations: row["durations"].as_str().map(str::to_owned),
            is_wrapper: row["wraps"].is_string(),
        }
    }

    /// Returns what the shape makes of a field.
    pub(super) fn becomes(&self, name: &str) -> Option<&str> {
        let known = self.fields.iter().find(|(own, _)| same_name(own, name));
        known.map(|(_, becomes)| becomes.as_str())
    }
}

impl Sign {
    fn read(words: &str) -> Sign {
        let own = str::to_owned;
        if let Some(name) = words.strip_prefix("no ") {
            return Sign::Lacks(own(name));
        }
        if let Some(name) = words.strip_suffix(" (number)") {
            return Sign::Number(own(name));
        }
        if let Some(name) = words.strip_suffix(" (text)") {
            return Sign::Text(own(name));
        }
        if let Some((name, text)) = words.split_once(" = ") {
            return Sign::Is(own(name), own(text));
        }
        if let Some(name) = words.strip_suffix(" in capitals") {
            return Sign::Capitals(own(name));
        }
        if let Some((name, number)) = words.split_once(" as field ") {
            return Sign::At(number.parse::<usize>().expect("a number") - 1, own(name));
        }
        if let Some((name, rest)) = words.split_once(" as last field") {
            let number = rest.strip_prefix(" but ").map_or(0, |n| n.parse().expect("a number"));
            return Sign::FromEnd(number, own(name));
        }
        Sign::Any(words.split(" or ").map(own).collect())
    }

    fn holds(&self, leaves: &[Leaf]) -> bool {
        let find = |name: &str| leaves.iter().position(|leaf| same_name(&leaf.name, name));
        let value = |name: &str| find(name).map(|at| &leaves[at].value);
        match self {
            Sign::Any(names) => names.iter().any(|name| find(name).is_some()),
            Sign::Lacks(name) => find(name).is_none(),
            Sign::Number(name) => value(name).is_some_and(Value::is_number),
            Sign::Text(name) => value(name).is_some_and(Value::is_string),
            Sign::Is(name, text) => value(name).is_some_and(|value| value == text),
            Sign::Capitals(name) => value(name).and_then(Value::as_str).is_some_and(|text| {
                text.starts_with(|c: char| c.is_ascii_uppercase())
                    && !text.contains(|c: char| c.is_ascii_lowercase())
            }),
            Sign::At(position, name) => find(name) == Some(*position),
            Sign::FromEnd(position, name) => {
                find(name).is_some_and(|at| at + position + 1 == leaves.len())
            }
        }
    }
}

/// Returns the shape with the most signs among those whose signs all hold; of equal ones, the
/// first.
pub(super) fn recognise<'s>(shapes: &'s [Shape], leaves: &[Leaf]) -> Option<&'s Shape> {
    let mut best: Option<&Shape> = None;
    for shape in shapes.iter().filter(|shape| shape.signs.iter().all(|sign| sign.holds(leaves))) {
        if best.is_none_or(|best| shape.signs.len() > best.signs.len()) {
            best = Some(shape);
        }
    }
    best
}
