//! Pairs: a key that holds the name of a value, beside a key that holds the value, as in
//! `{"name": "password", "value": "x"}`.

/// Keys that hold the name.
const NAMES: [&str; 6] = ["name", "key", "field", "header", "param", "parameter"];

/// Keys that hold the value.
const VALUES: [&str; 6] = ["value", "val", "values", "content", "data", "text"];

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
            Some((_, last)) if is_pair_value(last) => PairPart::Value,
            _ => PairPart::Neither,
        }
    }
}
