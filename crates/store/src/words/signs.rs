//! Signs that are looked for as they are: the index has none, a text is read for them.

use super::normal::{NormalText, normal_form, words_of_normal};

/// Signs without a word among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs(String);

impl Signs {
    /// Returns the signs of a text; `None` when there is nothing in it, or a word.
    pub fn of(text: &str) -> Option<Signs> {
        let normal = normal_form(text);
        let signs = normal.trim();
        let has_word = words_of_normal(signs).next().is_some();
        (!signs.is_empty() && !has_word).then(|| Signs(signs.to_owned()))
    }

    /// Returns them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether they stand in a text as they are, side by side.
    pub fn stand_in(&self, text: &NormalText<'_>) -> bool {
        text.as_str().contains(&self.0)
    }
}
