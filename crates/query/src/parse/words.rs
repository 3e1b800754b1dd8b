//! Turns text and patterns of a query into tests of words, with the index's own analyzer.

use tierlog_store::tokenize;

use super::expr::TextTest;
use super::pattern::{PatternChar, Wildcard, plain_text};

/// Returns the test for a text whose words stand one after the other.
pub(super) fn phrase(text: &str) -> TextTest {
    let words = tokenize(text);
    if words.is_empty() { TextTest::Never } else { TextTest::Phrase(words) }
}

/// Returns the test for a text whose last word may go on.
pub(super) fn phrase_prefix(text: &str) -> TextTest {
    if !text.ends_with(char::is_alphanumeric) {
        return phrase(text);
    }
    let mut words = tokenize(text);
    match words.pop() {
        Some(prefix) => TextTest::PhrasePrefix { words, prefix },
        None => TextTest::Never,
    }
}

/// Returns the test for a word with wildcards, or `None` when wildcards stand where only several
/// words could be meant (`a*b/c*d`). Characters that no word holds separate words.
pub(super) fn pattern(pattern: &[PatternChar]) -> Option<TextTest> {
    exact_pattern(pattern).or_else(|| {
        // In `https://host/a?b=1` the question mark is one.
        let literal = |character: &PatternChar| match character {
            PatternChar::One => PatternChar::Plain('?'),
            other => *other,
        };
        exact_pattern(&pattern.iter().map(literal).collect::<Vec<PatternChar>>())
    })
}

fn exact_pattern(pattern: &[PatternChar]) -> Option<TextTest> {
    if let Some(text) = plain_text(pattern) {
        return Some(phrase(&text));
    }
    let is_separator =
        |c: &PatternChar| matches!(c, PatternChar::Plain(plain) if !plain.is_alphanumeric());
    let mut pieces: Vec<&[PatternChar]> =
        pattern.split(is_separator).filter(|piece| !piece.is_empty()).collect();
    if pieces.len() > 1 {
        // `*/api/v1` and `/api/v1/*` say no more about words than `/api/v1`.
        pieces.retain(|piece| *piece != [PatternChar::Many]);
    }
    match pieces.as_slice() {
        [] => Some(TextTest::Never),
        [piece] => match plain_text(piece) {
            Some(text) => Some(phrase(&text)),
            None => Wildcard::new(&lower_case(piece)).map(TextTest::Word),
        },
        [front @ .., last] => {
            let front: Option<Vec<String>> = front.iter().map(|piece| plain_text(piece)).collect();
            let mut text = front?.join(" ");
            text.push(' ');
            match last {
                [plain @ .., PatternChar::Many] => {
                    text.push_str(&plain_text(plain)?);
                    Some(phrase_prefix(&text))
                }
                plain => {
                    text.push_str(&plain_text(plain)?);
                    Some(phrase(&text))
                }
            }
        }
    }
}

/// Words are lower case in the index.
fn lower_case(pattern: &[PatternChar]) -> Vec<PatternChar> {
    pattern
        .iter()
        .flat_map(|character| match character {
            PatternChar::Plain(plain) => plain.to_lowercase().map(PatternChar::Plain).collect(),
            wildcard => vec![*wildcard],
        })
        .collect()
}
