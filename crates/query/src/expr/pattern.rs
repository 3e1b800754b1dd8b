//! Wildcards and regular expressions, compiled once per query. Matching is linear in the text.

use std::fmt;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};
use tierlog_store::{Kind, kind, normal_form};

/// Largest compiled expression: a few kilobytes are usual, `(a{999}){999}` is refused.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// Characters of a range of a class up to which each is looked at.
const CLASS_RANGE_MAX: u32 = 1_024;

/// A character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatternChar {
    /// Stands for itself.
    Plain(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Many,
}

/// Reads a word of the query: a backslash makes the next character stand for itself.
pub(crate) fn read_word(word: &str) -> Vec<PatternChar> {
    let mut pattern = Vec::with_capacity(word.len());
    let mut characters = word.chars();
    while let Some(character) = characters.next() {
        pattern.push(match character {
            '\\' => PatternChar::Plain(characters.next().unwrap_or('\\')),
            '*' => PatternChar::Many,
            '?' => PatternChar::One,
            plain => PatternChar::Plain(plain),
        });
    }
    pattern
}

/// Returns the text of a pattern without wildcards.
pub(crate) fn plain_text(pattern: &[PatternChar]) -> Option<String> {
    pattern
        .iter()
        .map(|character| match character {
            PatternChar::Plain(plain) => Some(*plain),
            PatternChar::One | PatternChar::Many => None,
        })
        .collect()
}

/// A pattern with `*` and `?` that a whole text must fit.
#[derive(Clone)]
pub(crate) struct Wildcard {
    source: String,
    prefix: String,
    is_prefix: bool,
    regex: Regex,
}

impl Wildcard {
    /// Compiles a pattern; `None` when it is too large.
    pub(crate) fn new(pattern: &[PatternChar]) -> Option<Wildcard> {
        let mut source = String::new();
        let mut expression = String::from("(?s)^");
        let mut plain = [0_u8; 4];
        for character in pattern {
            match character {
                PatternChar::Plain(character) => {
                    if matches!(character, '*' | '?' | '\\') {
                        source.push('\\');
                    }
                    source.push(*character);
                    expression.push_str(&regex::escape(character.encode_utf8(&mut plain)));
                }
                PatternChar::One => {
                    source.push('?');
                    expression.push('.');
                }
                PatternChar::Many => {
                    source.push('*');
                    expression.push_str(".*");
                }
            }
        }
        expression.push('$');
        let prefix = pattern.iter().map_while(|character| match character {
            PatternChar::Plain(character) => Some(*character),
            PatternChar::One | PatternChar::Many => None,
        });
        let is_prefix = matches!(pattern, [plain @ .., PatternChar::Many]
            if plain.iter().all(|character| matches!(character, PatternChar::Plain(_))));
        let regex = compile(&expression).ok()?;
        Some(Wildcard { source, prefix: prefix.collect(), is_prefix, regex })
    }

    /// Tells whether a whole text fits.
    pub(crate) fn matches(&self, text: &str) -> bool {
        text.starts_with(&self.prefix) && self.regex.is_match(text)
    }

    /// Tells whether the pattern is [`Wildcard::prefix`] and then anything.
    pub(crate) fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// Returns the characters with which every fitting text starts.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl PartialEq for Wildcard {
    fn eq(&self, other: &Wildcard) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Wildcard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

/// A regular expression that is searched in a text, as `grep` does: anchors must be written.
#[derive(Clone)]
pub(crate) struct Pattern {
    source: String,
    value: Regex,
    word: Regex,
    may_fit_words: bool,
    may_fit_runs: bool,
}

impl Pattern {
    /// Compiles an expression; the error says what is wrong in one line.
    pub(crate) fn new(source: &str) -> Result<Pattern, String> {
        let value = compile(source)?;
        let word = format!("(?i:{})", normal_expression(source));
        let may_fit_runs = may_fit(&word, Kind::Run);
        let other_words = [Kind::Letter, Kind::Emoji, Kind::Flag];
        let may_fit_words =
            may_fit_runs || other_words.into_iter().any(|kind| may_fit(&word, kind));
        let word = compile(&word)?;
        Ok(Pattern { source: source.to_owned(), value, word, may_fit_words, may_fit_runs })
    }

    /// Tells whether a value contains a match.
    pub(crate) fn matches_value(&self, text: &str) -> bool {
        self.value.is_match(text)
    }

    /// Tells whether a word of tokenised text contains a match. Words are lower case, so the case
    /// of the expression is not looked at.
    pub(crate) fn matches_word(&self, word: &str) -> bool {
        self.word.is_match(word)
    }

    /// Tells whether any word may contain a match: none does of `->` or of several words.
    pub(crate) fn may_fit_words(&self) -> bool {
        self.may_fit_words
    }

    /// Tells whether a run of a script without spaces may contain a match.
    pub(crate) fn may_fit_runs(&self) -> bool {
        self.may_fit_runs
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "/{}/", self.source)
    }
}

/// Brings the characters of an expression that words have in another form into that form. ASCII
/// is left alone: it is the language of expressions, and its case is not looked at.
fn normal_expression(source: &str) -> String {
    let mut normal = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find(|character: char| !character.is_ascii()) {
        let (ascii, tail) = rest.split_at(start);
        let length = tail.find(|character: char| character.is_ascii()).unwrap_or(tail.len());
        let (characters, tail) = tail.split_at(length);
        normal.push_str(ascii);
        normal.push_str(&regex::escape(&normal_form(characters)));
        rest = tail;
    }
    normal.push_str(rest);
    normal
}

/// Tells whether an expression may fit where there are characters of one kind, and marks on them.
/// What cannot be read may.
fn may_fit(expression: &str, kind: Kind) -> bool {
    regex_syntax::parse(expression).map_or(true, |parsed| part_may_fit(&parsed, kind))
}

/// The depth of an expression is bounded by its parser.
fn part_may_fit(part: &Hir, expected: Kind) -> bool {
    let fits = |character: char| [expected, Kind::Mark].contains(&kind(character));
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => {
            std::str::from_utf8(&literal.0).is_ok_and(|text| text.chars().all(fits))
        }
        HirKind::Class(Class::Unicode(class)) => class.iter().any(|range| {
            let (start, end) = (u32::from(range.start()), u32::from(range.end()));
            // A longer prefix costs more than its selectivity saves.
            end - start > CLASS_RANGE_MAX || (range.start()..=range.end()).any(fits)
        }),
        HirKind::Class(Class::Bytes(_)) => false,
        HirKind::Repetition(repetition) => {
            repetition.min == 0 || part_may_fit(&repetition.sub, expected)
        }
        HirKind::Capture(capture) => part_may_fit(&capture.sub, expected),
        HirKind::Concat(parts) => parts.iter().all(|part| part_may_fit(part, expected)),
        HirKind::Alternation(parts) => parts.iter().any(|part| part_may_fit(part, expected)),
    }
}

fn compile(expression: &str) -> Result<Regex, String> {
    RegexBuilder::new(expression)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "regular expression is too large".to_owned(),
            error => {
                // The crate draws the expression over several lines; its last line has the reason.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                format!("regular expression: {}", reason.trim_start_matches("error: "))
            }
        })
}
