//! The terms under which the index has words.
//!
//! ```text
//! word of at most 99 bytes     the word
//! longer word                  its first 32 bytes, '~', 16 hexadecimal digits of its hash
//! run  缓存失败                  缓存 存失 失败 败: every two characters, and the last one
//! ```
//!
//! A run of two characters is a term, of more the conjunction of its twos; of one, whatever starts
//! with it. A long word would cost the dictionary more than anybody asks for it (base64, keys):
//! what is found by its hash is verified against the text.

use std::fmt::Write;

use twox_hash::XxHash3_64;

use super::characters::is_run;

/// Bytes of the longest word that is a term as it is.
pub(super) const WORD_BYTES_MAX: usize = 99;

/// Bytes of a longer word at the start of its term, so that a search by prefix finds the word.
const KEPT_BYTES_MAX: usize = 32;

/// Between the beginning of a long word and its hash: in no word.
const HASH_MARK: char = '~';

/// Digits of the hash.
const HASH_DIGITS: usize = 16;

/// What a term of the index stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term<'t> {
    /// A word.
    Word(&'t str),
    /// A long word that starts so.
    Long(&'t str),
    /// A part of a run.
    Gram(&'t str),
}

impl<'t> Term<'t> {
    /// Reads a term.
    pub fn read(term: &'t str) -> Term<'t> {
        // Whole dictionaries are read: only the place is looked at where the mark would be.
        let mark = term.len().checked_sub(HASH_DIGITS + HASH_MARK.len_utf8());
        match mark.and_then(|mark| term.split_at_checked(mark)) {
            Some((kept, hash)) if hash.starts_with(HASH_MARK) => Term::Long(kept),
            _ if is_run(term) => Term::Gram(term),
            _ => Term::Word(term),
        }
    }
}

/// Returns the beginning of a word that the term of every word starts with that starts with it.
pub fn scan_prefix(prefix: &str) -> &str {
    if is_run(prefix) {
        let end = prefix.char_indices().nth(2).map_or(prefix.len(), |(end, _)| end);
        return prefix.get(..end).unwrap_or_default();
    }
    kept_part(prefix)
}

/// Returns what the term of a long word keeps of it.
pub(super) fn kept_part(word: &str) -> &str {
    word.get(..word.floor_char_boundary(KEPT_BYTES_MAX)).unwrap_or_default()
}

/// Writes the term of a long word.
pub(super) fn write_long_term(word: &str, term: &mut String) {
    let hash = XxHash3_64::oneshot(word.as_bytes());
    term.push_str(kept_part(word));
    // Writing to a string cannot fail.
    let _ = write!(term, "{HASH_MARK}{hash:0HASH_DIGITS$x}");
}

/// Hands on the terms of a word.
pub(crate) fn for_each_term(word: &str, mut use_term: impl FnMut(&str)) {
    if is_run(word) {
        for_each_gram(word, use_term);
    } else if word.len() > WORD_BYTES_MAX {
        let mut term = String::new();
        write_long_term(word, &mut term);
        use_term(&term);
    } else {
        use_term(word);
    }
}

/// Hands on every two characters of a run, and the last one.
pub(super) fn for_each_gram(run: &str, mut use_gram: impl FnMut(&str)) {
    let mut rest = run;
    while let Some((gram, tail)) = first_gram(rest) {
        use_gram(gram);
        rest = tail;
    }
}

/// Returns the first gram of a run and the run without its first character.
pub(super) fn first_gram(run: &str) -> Option<(&str, &str)> {
    let mut characters = run.char_indices().skip(1).map(|(offset, _)| offset);
    if run.is_empty() {
        return None;
    }
    let second = characters.next().unwrap_or(run.len());
    let third = characters.next().unwrap_or(run.len());
    Some((run.get(..third)?, run.get(second..)?))
}
