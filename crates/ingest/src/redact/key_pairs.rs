//! Pairs: a key that holds the name of a value, beside a key that holds the value, as in
//! `{"name": "password", "value": "x"}`.

/// Keys that hold the name.
const NAMES: [&str; 14] = [
    "name",
    "key",
    "field",
    "header",
    "param",
    "parameter",
    "path",
    "loc",
    "property",
    "propertyPath",
    "attribute",
    "argument",
    "column",
    "variable",
];

/// Keys that hold the value.
const VALUES: [&str; 17] = [
    "value",
    "val",
    "values",
    "content",
    "data",
    "text",
    "input",
    "input_value",
    "inputValue",
    "rejectedValue",
    "rejected_value",
    "invalidValue",
    "invalid_value",
    "received",
    "actual",
    "provided",
    "given",
];

/// Tells whether a key holds the name of a pair.
pub(super) fn is_pair_name(key: &str) -> bool {
    NAMES.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// Tells whether a key holds the value of a pair.
pub(super) fn is_pair_value(key: &str) -> bool {
    VALUES.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// The part of a field in a pair that was flattened: `header.name`, `header.value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PairPart {
    /// None.
    Neither,
    /// Holds the name.
    Name,
    /// Holds the value.
    Value,
}

impl PairPart {
    /// Returns the part of the field with a dotted name.
    pub(super) fn of(name: &str) -> PairPart {
        match name.rsplit_once('.') {
            Some((_, last)) if is_pair_name(last) => PairPart::Name,
            // A record itself is seldom a pair: its name is that of a logger, its path a file's.
            None if matches!(name, "name" | "path" | "variable") => PairPart::Neither,
            None if is_pair_name(name) => PairPart::Name,
            Some((_, last)) if is_pair_value(last) => PairPart::Value,
            None if is_pair_value(name) => PairPart::Value,
            _ => PairPart::Neither,
        }
    }

    /// Returns the path of the object that a pair's field stands in.
    pub(super) fn object_of(name: &str) -> &str {
        name.rsplit_once('.').map_or("", |(object, _)| object)
    }
}

/// Returns the last text of a path to a field, `["body", "password"]`, as JSON.
pub(super) fn last_of_path(json: &str) -> Option<&str> {
    let inside = json.strip_suffix("\"]")?;
    let start = inside.rfind('"')? + 1;
    inside.get(start..)
}
