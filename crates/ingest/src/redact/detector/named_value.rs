//! Values that only their name tells: names of persons, postal addresses, coordinates.
//!
//! The frame of kinds that no form and no check digit marks. A value counts under a name of the
//! kind, in a field or behind a key in a text, when the value may be one at all.

use super::Detector;
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::named::Names;
use crate::redact::trigger::Trigger;
use crate::redact::whole::Whole;

/// What is known about a kind.
pub(in crate::redact) struct NamedValue {
    /// Name of the detector.
    pub(super) name: &'static str,
    /// What stands in place of a value.
    pub(super) placeholder: &'static str,
    /// A text with a key of the kind and its value.
    pub(super) example: &'static str,
    /// Names under which a value counts.
    pub(super) names: Names,
    /// A fragment of each name, as names are written in texts.
    pub(super) keys: &'static [&'static str],
    /// Tells whether a value may be one of the kind.
    pub(super) is_value: fn(Whole<'_>) -> bool,
    /// Returns how much of a text behind a key is the value, where that may be more than a word.
    pub(super) bare_bytes: fn(&str) -> Option<usize>,
}

impl Detector for NamedValue {
    fn name(&self) -> &'static str {
        self.name
    }

    fn placeholder(&self) -> &'static str {
        self.placeholder
    }

    fn about(&self) -> &'static str {
        "a name of the kind in front of a value that may be one"
    }

    fn canary(&self) -> Canary {
        Canary::Text(self.example)
    }

    fn trigger(&self) -> Trigger {
        Trigger { keys: self.keys, ..Trigger::NEVER }
    }

    fn names(&self) -> Names {
        self.names
    }

    fn value(&self, value: Whole<'_>, _claim: Claim) -> bool {
        (self.is_value)(value)
    }

    fn bare_bytes(&self, rest: &str) -> Option<usize> {
        (self.bare_bytes)(rest)
    }
}

/// Returns how much of a text is a row of words that are names or parts of an address: up to the
/// first word that is a key, or that ends a sentence. A sign may divide parts of the row.
pub(super) fn row_bytes(rest: &str, words_max: usize, divider: Option<char>) -> Option<usize> {
    let (mut start, mut end) = (0, 0);
    for (count, word) in rest.split_inclusive(' ').enumerate() {
        let written = word.trim_end_matches([' ', ',', ';', '.', ')', ']', '}']);
        let is_part = !written.is_empty()
            && !written.contains(['=', ':', '"', '\'', '{', '[', '<', '\n', '\\', '&', '|', ';'])
            && (count == 0 || !written.starts_with(|first: char| first.is_lowercase()));
        if !is_part || count == words_max {
            break;
        }
        end = start + written.len();
        start += word.len();
        let sign = word.trim_end().get(written.len()..).and_then(|signs| signs.chars().next());
        if sign.is_some_and(|sign| sign != '.' && Some(sign) != divider) {
            break;
        }
    }
    (end > 0).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_where_something_else_begins() {
        for (rest, expected) in [
            ("Ada Lovelace email=x", Some("Ada Lovelace")),
            ("Ada", Some("Ada")),
            ("ada; Age 36", Some("ada")),
            ("Ada [NAME]", Some("Ada")),
            ("Ada King Lovelace) refused", Some("Ada King Lovelace")),
            ("10 Downing Street, London", Some("10 Downing Street, London")),
            ("ada logged in", Some("ada")),
            ("", None),
        ] {
            let end = row_bytes(rest, 5, Some(','));
            assert_eq!(end.and_then(|end| rest.get(..end)), expected, "{rest}");
        }
    }
}
