//! Classes of HTTP status codes: `5xx` is 500 to 599, `50x` is 500 to 509.

use tierlog_model::fields;

use super::clause::Value;
use crate::bound::Bound;
use crate::dialect::vocabulary::Spellings;
use crate::expr::pattern::plain_text;
use crate::expr::{Number, ValueRange};

/// Digits of a status code.
const DIGITS: usize = 3;

/// Tells whether a field holds status codes: the contract's, and those that end as it is spelled.
pub(super) fn is_status(spellings: &Spellings, name: &str) -> bool {
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    spellings.canonical(name) == fields::STATUS_CODE
        || spellings.canonical(last) == fields::STATUS_CODE
}

/// Returns the first and the last code of a class.
fn class(text: &str) -> Option<(i128, i128)> {
    let digits = text.trim_end_matches(['x', 'X']);
    let is_class = text.len() == DIGITS
        && (1..DIGITS).contains(&digits.len())
        && digits.starts_with(|c: char| ('1'..='5').contains(&c));
    let first: i128 = is_class.then(|| digits.parse().ok())??;
    let size = 10_i128.pow(u32::try_from(DIGITS - digits.len()).ok()?);
    Some((first * size, first * size + size - 1))
}

/// Returns the ranges of the classes that a value names.
pub(super) fn classes(value: &Value) -> Vec<ValueRange> {
    let texts: Vec<String> = match value {
        Value::Word(word) => plain_text(word).into_iter().collect(),
        Value::Quoted(text) => vec![text.clone()],
        Value::Set(texts) => texts.clone(),
        Value::QuotedPrefix(_) | Value::Range(..) | Value::Regex(_) | Value::Anything => Vec::new(),
    };
    let included = |number| Bound::Included(Number::Integer(number));
    let range =
        |(first, last)| ValueRange::Numbers { lower: included(first), upper: included(last) };
    texts.iter().filter_map(|text| class(text)).map(range).collect()
}

/// Returns bounds in which a class stands for its first or last code.
pub(super) fn bounds(lower: Bound<String>, upper: Bound<String>) -> (Bound<String>, Bound<String>) {
    let first = |text: String| class(&text).map_or(text, |(first, _)| first.to_string());
    let last = |text: String| class(&text).map_or(text, |(_, last)| last.to_string());
    let lower = match lower {
        Bound::Included(text) => Bound::Included(first(text)),
        Bound::Excluded(text) => Bound::Excluded(last(text)),
        Bound::Unbounded => Bound::Unbounded,
    };
    let upper = match upper {
        Bound::Included(text) => Bound::Included(last(text)),
        Bound::Excluded(text) => Bound::Excluded(first(text)),
        Bound::Unbounded => Bound::Unbounded,
    };
    (lower, upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_range() {
        for (text, expected) in [
            ("5xx", Some((500, 599))),
            ("4XX", Some((400, 499))),
            ("50x", Some((500, 509))),
            ("500", None),
            ("xxx", None),
            ("9xx", None),
            ("5x", None),
            ("5xxx", None),
            ("5éx", None),
        ] {
            assert_eq!(class(text), expected, "{text}");
        }
    }
}
