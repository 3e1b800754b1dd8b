//! The terms of a text as tantivy asks for them.

use std::borrow::Cow;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::characters::is_run;
use super::normal::{WordRanges, normal_form, words_of_normal};
use super::terms::{WORD_BYTES_MAX, first_gram, write_long_term};

/// Takes texts apart for the index.
#[derive(Clone, Default)]
pub(crate) struct WordTokenizer {
    /// The normal form, where different from the text.
    normal: String,
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = TermStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> TermStream<'a> {
        self.token.reset();
        let text = match text.is_ascii() {
            // Fast path: words are made lower case one by one, in the token.
            true => text,
            false => {
                self.normal.clear();
                match normal_form(text) {
                    Cow::Borrowed(normal) => normal,
                    Cow::Owned(normal) => {
                        self.normal = normal;
                        &self.normal
                    }
                }
            }
        };
        TermStream { text, words: words_of_normal(text), run: "", token: &mut self.token }
    }
}

/// The terms of a text.
pub(crate) struct TermStream<'a> {
    text: &'a str,
    words: WordRanges<'a>,
    /// What is left of a run.
    run: &'a str,
    token: &'a mut Token,
}

impl TermStream<'_> {
    fn advance_in_run(&mut self) -> bool {
        let Some((gram, rest)) = first_gram(self.run) else { return false };
        self.token.text.push_str(gram);
        self.run = rest;
        true
    }
}

impl TokenStream for TermStream<'_> {
    fn advance(&mut self) -> bool {
        self.token.text.clear();
        if self.advance_in_run() {
            return true;
        }
        let Some(range) = self.words.next() else { return false };
        self.token.position = self.token.position.wrapping_add(1);
        let word = self.text.get(range).unwrap_or_default();
        if !word.is_ascii() && is_run(word) {
            self.run = word;
            return self.advance_in_run();
        }
        self.token.text.push_str(word);
        self.token.text.make_ascii_lowercase();
        if word.len() > WORD_BYTES_MAX {
            let word = std::mem::take(&mut self.token.text);
            write_long_term(&word, &mut self.token.text);
        }
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
