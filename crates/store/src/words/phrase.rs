//! Words of a query that stand one after the other in a text.

use super::characters::is_run;
use super::normal::{NormalText, normal_form, words_of_normal};
use super::terms::{WORD_BYTES_MAX, for_each_gram, for_each_term, kept_part};

/// Terms of one run to look up: beyond this number, further terms leave out no record that the
/// verification would keep.
const RUN_TERMS_MAX: usize = 32;

/// Whether the last word of a phrase is one or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ends where the phrase does.
    Whole,
    /// It may go on.
    Open,
}

/// Consecutive words, with any signs between. Of a run, any part is found; where words stand beside
/// it in the phrase, they do in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    words: Vec<String>,
    ending: Ending,
}

/// What the index must have of a record with a phrase.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// A term.
    Term(String),
    /// A term that starts so.
    Start(String),
}

impl Phrase {
    /// Returns the phrase of a text; `None` when there are no words in it. A word that a sign
    /// follows does not go on.
    pub fn of(text: &str, ending: Ending) -> Option<Phrase> {
        let normal = normal_form(text);
        let ranges: Vec<_> = words_of_normal(&normal).collect();
        let is_open =
            ending == Ending::Open && ranges.last().is_some_and(|word| word.end == normal.len());
        let words: Vec<String> =
            ranges.into_iter().filter_map(|word| normal.get(word).map(str::to_owned)).collect();
        let ending = if is_open { Ending::Open } else { Ending::Whole };
        (!words.is_empty()).then_some(Phrase { words, ending })
    }

    /// Returns the words.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns whether the last word may go on.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Tells whether a word of a text can be the one at a place of the phrase.
    pub fn fits(&self, place: usize, word: &str) -> bool {
        let Some(sought) = self.words.get(place) else { return false };
        let (is_first, is_last) = (place == 0, place + 1 == self.words.len());
        if word.len() <= sought.len() {
            return word == sought;
        }
        let is_run = is_run(sought);
        let may_go_on = is_last && (is_run || self.ending == Ending::Open);
        match is_first && is_run {
            true if may_go_on => word.contains(sought.as_str()),
            true => word.ends_with(sought.as_str()),
            false => may_go_on && word.starts_with(sought.as_str()),
        }
    }

    /// Tells whether the phrase stands in a text.
    pub fn stands_in(&self, text: &NormalText<'_>) -> bool {
        let starts = text.words().len().saturating_sub(self.words.len() - 1);
        (0..starts).any(|start| {
            (0..self.words.len())
                .all(|place| text.word(start + place).is_some_and(|word| self.fits(place, word)))
        })
    }

    /// Returns what the index has of every record with the phrase. Records that have it need not
    /// have the phrase, unless it [is known by terms](Phrase::is_known_by_terms).
    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for (place, word) in self.words.iter().enumerate() {
            let is_last = place + 1 == self.words.len();
            if is_run(word) {
                // A run of the text may go on where the phrase ends, and so may a part of it.
                let mut grams = Vec::new();
                for_each_gram(word, |gram| grams.push(gram.to_owned()));
                let last = grams.pop().unwrap_or_default();
                if !is_last {
                    needs.push(Need::Term(last));
                } else if grams.is_empty() {
                    needs.push(Need::Start(last));
                }
                needs.extend(grams.into_iter().take(RUN_TERMS_MAX).map(Need::Term));
            } else if is_last && self.ending == Ending::Open {
                needs.push(Need::Start(word.clone()));
            } else {
                for_each_term(word, |term| needs.push(Need::Term(term.to_owned())));
            }
        }
        needs
    }

    /// Tells whether every record with what the phrase needs has the phrase.
    pub fn is_known_by_terms(&self) -> bool {
        let [word] = self.words.as_slice() else { return false };
        if is_run(word) {
            // Two characters side by side are a term.
            return word.chars().nth(2).is_none();
        }
        match self.ending {
            Ending::Whole => word.len() <= WORD_BYTES_MAX,
            // Of a long word the index has the beginning.
            Ending::Open => kept_part(word).len() == word.len(),
        }
    }
}
