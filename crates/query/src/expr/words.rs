//! Turns text and patterns of a query into tests of words, by the store's definition of a word.

use std::fmt;

use tierlog_store::{Ending, Kind, Phrase, Signs, is_run, kind, normal_form};

use super::TextTest;
use super::pattern::{PatternChar, Wildcard, plain_text};

/// Returns the test for a text whose words stand one after the other. Signs are in no word; alone,
/// they are looked for as they are.
pub(crate) fn phrase(text: &str) -> TextTest {
    of_text(text, Ending::Whole)
}

/// Returns the test for a text whose last word may go on.
pub(crate) fn phrase_prefix(text: &str) -> TextTest {
    of_text(text, Ending::Open)
}

fn of_text(text: &str, ending: Ending) -> TextTest {
    let phrase = Phrase::of(text, ending).map(TextTest::Phrase);
    phrase.or_else(|| Signs::of(text).map(TextTest::Signs)).unwrap_or(TextTest::Never)
}

/// A pattern that a word has to fit, or a part of a run.
#[derive(Clone, PartialEq)]
pub(crate) struct WordPattern {
    word: Wildcard,
    /// Fits runs with such a part; none when the pattern has characters of other scripts.
    run: Option<Wildcard>,
}

impl WordPattern {
    /// Compiles a pattern in its normal form; `None` when it is too large.
    fn new(pattern: &[PatternChar]) -> Option<WordPattern> {
        let run = match may_stand_in_run(pattern) {
            true => {
                let many = [PatternChar::Many];
                Some(Wildcard::new(&[many.as_slice(), pattern, &many].concat())?)
            }
            false => None,
        };
        Some(WordPattern { word: Wildcard::new(pattern)?, run })
    }

    /// Tells whether a word fits.
    pub(crate) fn matches(&self, word: &str) -> bool {
        match &self.run {
            Some(run) if is_run(word) => run.matches(word),
            _ => self.word.matches(word),
        }
    }

    /// Returns the characters with which every word that fits starts, and a part of every run.
    pub(crate) fn prefix(&self) -> &str {
        self.word.prefix()
    }

    /// Tells whether a part of a run may fit.
    pub(crate) fn may_fit_runs(&self) -> bool {
        self.run.is_some()
    }
}

impl fmt::Debug for WordPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.word.fmt(formatter)
    }
}

fn may_stand_in_run(pattern: &[PatternChar]) -> bool {
    pattern.iter().all(|character| match character {
        PatternChar::Plain(plain) => matches!(kind(*plain), Kind::Run | Kind::Mark),
        PatternChar::One | PatternChar::Many => true,
    })
}

/// Returns the test for a word with wildcards, or `None` when wildcards stand where only several
/// words could be meant (`a*b/c*d`). Characters that no word holds separate words.
pub(crate) fn pattern(pattern: &[PatternChar]) -> Option<TextTest> {
    let pattern = normal_pattern(pattern);
    exact_pattern(&pattern).or_else(|| {
        // In `https://host/a?b=1` the question mark is one.
        let literal = |character: &PatternChar| match character {
            PatternChar::One => PatternChar::Plain('?'),
            other => *other,
        };
        exact_pattern(&pattern.iter().map(literal).collect::<Vec<PatternChar>>())
    })
}

fn exact_pattern(pattern: &[PatternChar]) -> Option<TextTest> {
    let pattern = without_idle_ends(pattern);
    if let [plain @ .., PatternChar::Many] = pattern
        && let Some(text) = plain_text(plain)
        && !text.is_empty()
    {
        return Some(phrase_prefix(&text));
    }
    if let Some(text) = plain_text(pattern) {
        return Some(phrase(&text));
    }
    let pieces = pieces(pattern);
    let mut pieces: Vec<&[PatternChar]> = pieces.iter().map(Vec::as_slice).collect();
    if has_plain(pattern) && !pieces.iter().any(|piece| has_plain(piece)) {
        // Signs with wildcards between them are no word.
        return None;
    }
    if pieces.len() > 1 {
        // `*/api/v1` and `/api/v1/*` say no more about words than `/api/v1`.
        pieces.retain(|piece| *piece != [PatternChar::Many]);
    }
    match pieces.as_slice() {
        [] => None,
        [piece] => match plain_text(piece) {
            Some(text) => Some(phrase(&text)),
            None => WordPattern::new(piece).map(TextTest::Word),
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

fn has_plain(pattern: &[PatternChar]) -> bool {
    pattern.iter().any(|character| matches!(character, PatternChar::Plain(_)))
}

/// Takes off a `*` beside what a word never goes on over: signs and emoji, and runs, of which any
/// part is found.
fn without_idle_ends(mut pattern: &[PatternChar]) -> &[PatternChar] {
    let ends_words = |character: &PatternChar| match character {
        PatternChar::Plain(plain) => !matches!(kind(*plain), Kind::Letter | Kind::Mark),
        PatternChar::One | PatternChar::Many => false,
    };
    loop {
        pattern = match pattern {
            [PatternChar::Many, rest @ ..] if rest.first().is_some_and(ends_words) => rest,
            [rest @ .., PatternChar::Many] if rest.last().is_some_and(ends_words) => rest,
            // One after the other is one.
            [PatternChar::Many, rest @ ..] if rest.first() == Some(&PatternChar::Many) => rest,
            [rest @ .., PatternChar::Many] if rest.last() == Some(&PatternChar::Many) => rest,
            _ => return pattern,
        }
    }
}

/// Splits a pattern where words end: at signs, and where a word of another kind starts.
fn pieces(pattern: &[PatternChar]) -> Vec<Vec<PatternChar>> {
    let mut pieces: Vec<Vec<PatternChar>> = Vec::new();
    let mut current: Option<Kind> = None;
    let mut is_open = false;
    for character in pattern {
        let starts = match character {
            PatternChar::One | PatternChar::Many => !is_open,
            PatternChar::Plain(plain) => match kind(*plain) {
                Kind::Sign => {
                    (current, is_open) = (None, false);
                    continue;
                }
                Kind::Mark => !is_open,
                kind => {
                    let is_other = current.is_some_and(|current| current != kind);
                    current = Some(kind);
                    !is_open || is_other || kind == Kind::Emoji
                }
            },
        };
        is_open = true;
        match pieces.last_mut() {
            Some(piece) if !starts => piece.push(*character),
            _ => pieces.push(vec![*character]),
        }
    }
    pieces
}

/// Brings what is written between the wildcards into its normal form.
fn normal_pattern(pattern: &[PatternChar]) -> Vec<PatternChar> {
    let mut normal = Vec::with_capacity(pattern.len());
    let mut plain = String::new();
    let add = |plain: &mut String, normal: &mut Vec<PatternChar>| {
        normal.extend(normal_form(plain).chars().map(PatternChar::Plain));
        plain.clear();
    };
    for character in pattern {
        match character {
            PatternChar::Plain(character) => plain.push(*character),
            wildcard => {
                add(&mut plain, &mut normal);
                normal.push(*wildcard);
            }
        }
    }
    add(&mut plain, &mut normal);
    normal
}
