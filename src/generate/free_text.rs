//! Free text: moments arrive, lines leave of which nearly every message and id is new.
//!
//! A store that keeps once what many lines share (a message's template, a word of a dictionary, an
//! id that a request repeats) looks better on an application's log than on prose. Words follow
//! Zipf's law over a vocabulary that syllables spell, and one word in sixteen was never written
//! before; each line has a request id of its own, and 50,000 users write equally often.

use super::json::{Members, Style};
use super::moment::MomentWriter;
use super::random::Random;

/// ln 50,000: how many words the vocabulary has.
const LN_WORDS: f64 = 10.819_778_284_410_283;
/// How many users there are.
const USERS: u32 = 50_000;
/// Words of a message: at least, and how many more at most.
const WORDS: (u32, u32) = (6, 19);
/// Of a thousand words: how many are random letters rather than of the vocabulary.
const NEW_WORDS_PER_MILLE: u32 = 62;
/// Letters of a new word: at least, and how many more at most. Seven random letters are rarely the
/// same twice in ten million lines.
const NEW_WORD_LETTERS: (u32, u32) = (7, 6);

const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
const CONSONANTS: &[u8; 20] = b"bcdfghjklmnpqrstvwxz";
const VOWELS: &[u8; 5] = b"aeiou";

/// Who writes.
const SERVICES: &[&str] = &["chat", "comments", "editor", "forum", "mailbox", "notes", "support"];

/// What is reused from line to line.
pub(super) struct FreeText {
    random: Random,
    moments: MomentWriter,
    message: String,
    id: String,
}

impl std::fmt::Debug for FreeText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FreeText").finish_non_exhaustive()
    }
}

impl FreeText {
    /// Returns the corpus before its first line.
    pub(super) fn new(random: Random) -> FreeText {
        FreeText {
            random,
            moments: MomentWriter::default(),
            message: String::new(),
            id: String::new(),
        }
    }

    /// Appends the line of a moment.
    pub(super) fn next_line(&mut self, micros: i64, out: &mut Vec<u8>) {
        let level = match self.random.below(1_000) {
            0..155 => "debug",
            155..855 => "info",
            855..955 => "warning",
            955..995 => "error",
            _ => "critical",
        };
        self.draw_message();
        self.id.clear();
        self.random.uuid(&mut self.id);
        out.push(b'{');
        let mut members = Members::new(out, Style::Compact);
        members.plain_text("timestamp", |out| {
            self.moments.push_iso(out, micros);
            out.push(b'Z');
        });
        members.text("level", level);
        members.text("service", self.random.word(SERVICES));
        members.text("message", &self.message);
        members.text("request_id", &self.id);
        members.number("user_id", u64::from(self.random.below(USERS)) + 1);
        members.hundredths("duration_ms", (self.random.log_normal(25.0, 1.0) * 100.0) as u64 + 1);
        out.extend_from_slice(b"}\n");
    }

    fn draw_message(&mut self) {
        let (least, more) = WORDS;
        self.message.clear();
        for word in 0..least + self.random.below(more) {
            if word > 0 {
                self.message.push(' ');
            }
            if self.random.per_mille(NEW_WORDS_PER_MILLE) {
                let (least, more) = NEW_WORD_LETTERS;
                let letters = least + self.random.below(more);
                self.random.text(LETTERS, letters as usize, &mut self.message);
            } else {
                spell(self.random.zipf(LN_WORDS), &mut self.message);
            }
        }
    }
}

/// Appends the word of a rank: a digit to the base of a hundred is a syllable, so that frequent
/// words are short.
fn spell(rank: u32, out: &mut String) {
    let mut rest = rank;
    while rest > 0 {
        let syllable = (rest % 100) as usize;
        let consonant = CONSONANTS.get(syllable / 5).expect("a fifth of what is below a hundred");
        let vowel = VOWELS.get(syllable % 5).expect("a remainder of five");
        out.extend([char::from(*consonant), char::from(*vowel)]);
        rest /= 100;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_rank_is_a_word_of_its_own() {
        let words: HashSet<String> = (1..=50_000)
            .map(|rank| {
                let mut word = String::new();
                spell(rank, &mut word);
                word
            })
            .collect();
        assert_eq!(words.len(), 50_000);
        assert!(words.iter().all(|word| (2..=6).contains(&word.len())));
    }
}
