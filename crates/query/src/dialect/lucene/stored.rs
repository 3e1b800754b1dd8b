//! Values of a query in the forms in which records hold them: an id that stands in a place of ids,
//! `/users/42/profile`, is stored as a token, and a text with the plain id would find nothing.

use std::borrow::Cow;

use tierlog_model::Pseudonyms;

use super::clause::Value;
use crate::expr::pattern::PatternChar;

/// Stand for `*` and `?` while a pattern is read as a text. No id goes on over them.
const MANY: char = '\u{1}';
const ONE: char = '\u{2}';

/// Returns a value as it is written, and with each key's tokens for the ids in it.
pub(super) fn forms<'v>(pseudonyms: &Pseudonyms, value: &'v Value) -> Vec<Cow<'v, Value>> {
    let mut forms = vec![Cow::Borrowed(value)];
    let stored = |text: &str| pseudonyms.stored_texts(text).into_iter();
    match value {
        Value::Word(word) => {
            let stored = text_of(word).into_iter().flat_map(|text| stored(&text));
            forms.extend(stored.map(|text| Cow::Owned(Value::Word(pattern_of(&text)))));
        }
        Value::Quoted(text) => {
            forms.extend(stored(text).map(|text| Cow::Owned(Value::Quoted(text))));
        }
        Value::QuotedPrefix(text) => {
            forms.extend(stored(text).map(|text| Cow::Owned(Value::QuotedPrefix(text))));
        }
        Value::Set(texts) => {
            let stored: Vec<String> = texts.iter().flat_map(|text| stored(text)).collect();
            if !stored.is_empty() {
                forms.push(Cow::Owned(Value::Set(stored)));
            }
        }
        Value::Range(..) | Value::Regex(_) | Value::Anything => {}
    }
    forms
}

/// Returns a pattern as a text; `None` when the text would not say which characters are wildcards.
fn text_of(pattern: &[PatternChar]) -> Option<String> {
    let characters = pattern.iter().map(|character| match character {
        PatternChar::Plain(MANY | ONE) => None,
        PatternChar::Plain(plain) => Some(*plain),
        PatternChar::Many => Some(MANY),
        PatternChar::One => Some(ONE),
    });
    characters.collect()
}

fn pattern_of(text: &str) -> Vec<PatternChar> {
    let characters = text.chars().map(|character| match character {
        MANY => PatternChar::Many,
        ONE => PatternChar::One,
        plain => PatternChar::Plain(plain),
    });
    characters.collect()
}
