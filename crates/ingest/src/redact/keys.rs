//! Secret keys: whether the value under a name is a secret, told from the name alone.
//!
//! A name is read as words: `X-Api-Key`, `x_api_key`, `xApiKey` and `x.api.key` are all
//! `x api key`. It is secret when it holds a term of the table and what follows the term does
//! not turn it into a fact about the secret:
//!
//! | name | verdict | because |
//! |---|---|---|
//! | `password`, `user.password`, `PASSWORD2` | secret | the term ends the name (digits aside) |
//! | `dbpassword`, `authtoken` | secret | a strong term may be glued to what precedes it |
//! | `password.value`, `password_hash`, `credentials.username` | secret | unknown words after a strong term |
//! | `token_count`, `password_changed_at`, `cookie.max_age` | plain | only [`FACTS`] follow the term |
//! | `has_password`, `max_token` | plain | a [`QUESTIONS`] word stands before the term |
//! | `next_page_token` | plain | a token of paging, see [`OPEN_TOKENS`] |
//! | `session`, `pin_code`, `session.key` | secret | a weak term alone, or followed by one of [`VALUES`] |
//! | `session_backend`, `spin`, `pin_board` | plain | a weak term is a word like others |
//! | `tokens: 812` / `tokens: ["a"]` | plain / secret | plural and `pass`: numbers are counts |

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::key_needles::{FOREIGN_TERMS, NEEDLES, SHORT_NEEDLES};
use super::key_terms::{FACTS, OPEN_TOKENS, QUESTIONS, Strength, TERMS, VALUES};
use super::placeholders::Placeholders;
use super::settings::RedactionSettings;

/// Whether a value is a secret by its name, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyVerdict {
    /// The name says nothing.
    Plain,
    /// Text is secret; numbers and booleans are facts.
    SecretText,
    /// Secret when it is no figure, and in prose a word of the language.
    SecretOpaque,
    /// Secret, but in prose a word of the language: `session: opened`.
    SecretWord,
    /// Secret whatever its type.
    Secret,
}

impl KeyVerdict {
    /// Tells whether text under the name is secret.
    pub(super) fn is_secret(self) -> bool {
        self != KeyVerdict::Plain
    }
}

/// The built-in table with the additions of the configuration.
pub(super) struct KeyTable {
    extra: Vec<String>,
    allowed: Vec<String>,
    /// Passes every name that the built-in terms can match, and few others.
    candidates: AhoCorasick,
    /// Finds all of [`TERMS`] in a single pass over a name.
    terms: AhoCorasick,
    is_active: bool,
    placeholders: Placeholders,
}

/// Names with a term in them whose values are public: ids of keys, tokens of idempotence, and
/// settings of cloud services, as letters.
const PUBLIC_NAMES: [&str; 6] = [
    "accesskeyid",
    "httptokens",
    "clienttoken",
    "clientrequesttoken",
    "grantedauthority",
    "secretkeyref",
];

/// Ends of names as cloud services spell them, whose values name a secret:
/// `requestParameters.secretId` of AWS is the name of a secret, `secret_id` of Vault the secret
/// itself.
const PUBLIC_SPELLINGS: [&str; 3] = ["ecretId", "ecretARN", "ecretArn"];

/// Before a name in a name space, which says nothing about the name.
const NAME_SPACES: [&str; 2] = ["k8s.io/", "kubernetes.io/"];

/// Longest stretch of a name to read: of a longer name, the end tells the kind of value.
const NAME_BYTES_MAX: usize = 256;

impl KeyTable {
    /// Compiles the additions. The table finds nothing when the detectors of secrets are off.
    pub(super) fn new(settings: &RedactionSettings, placeholders: Placeholders) -> KeyTable {
        let letters = |keys: &[String]| -> Vec<String> {
            let keys = keys.iter().map(|key| Words::of(key).letters().to_owned());
            keys.filter(|letters| !letters.is_empty()).collect()
        };
        KeyTable {
            extra: letters(settings.secret_keys()),
            allowed: letters(settings.allowed_keys()),
            candidates: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
                .build(NEEDLES.iter().chain(SHORT_NEEDLES))
                .expect("two dozen short needles stay far below the automaton's limits"),
            terms: AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::DFA))
                .build(TERMS.iter().map(|(term, _)| term))
                .expect("some dozens of short terms stay far below the automaton's limits"),
            is_active: settings.is_enabled("secret_key") || settings.is_enabled("key_value"),
            placeholders,
        }
    }

    /// Tells whether a text may hold a secret key; `true` may be a false alarm.
    pub(super) fn is_candidate(&self, text: &str) -> bool {
        self.is_active
            && (!self.extra.is_empty() || !text.is_ascii() || self.candidates.is_match(text))
    }

    /// Tells whether a name ends with a term, digits aside: words behind a term in the name of a
    /// class (`TokenFilter`) make the name that of something else.
    pub(super) fn ends_with_term(&self, name: &str) -> bool {
        let words = Words::of(end_of(name));
        let end = words.letters().trim_end_matches(|c: char| c.is_ascii_digit()).len();
        self.terms.find_overlapping_iter(words.letters()).any(|hit| hit.end() == end)
    }

    /// Returns whether values under a name are secret.
    pub(super) fn verdict(&self, name: &str) -> KeyVerdict {
        // Fast path: most names hold no needle.
        let name = end_of(name);
        if self.is_active && !name.is_ascii() && is_foreign_secret(name) {
            return KeyVerdict::Secret;
        }
        if !self.is_candidate(name) || PUBLIC_SPELLINGS.iter().any(|end| name.ends_with(end)) {
            return KeyVerdict::Plain;
        }
        let space =
            NAME_SPACES.iter().find_map(|space| name.rfind(space).map(|at| at + space.len()));
        let name = space.and_then(|start| name.get(start..)).unwrap_or(name);
        let without_placeholders = self.placeholders.taken_out_of(name);
        let words = Words::of(without_placeholders.as_deref().unwrap_or(name));
        if PUBLIC_NAMES.iter().any(|public| words.ends_with_words(public)) {
            return KeyVerdict::Plain;
        }
        if self.allowed.iter().any(|allowed| allowed == words.letters()) {
            return KeyVerdict::Plain;
        }
        if self.extra.iter().any(|extra| words.ends_with_words(extra)) {
            return KeyVerdict::Secret;
        }
        self.terms
            .find_overlapping_iter(words.letters())
            .filter_map(|hit| {
                let (_, strength) = TERMS.get(hit.pattern().as_usize())?;
                words.is_secret_at(hit.start(), hit.end(), *strength).then(|| strength.verdict())
            })
            .max()
            .unwrap_or(KeyVerdict::Plain)
    }
}

impl Strength {
    /// Returns the verdict on a name with a term of this strength.
    fn verdict(self) -> KeyVerdict {
        match self {
            Strength::Strong => KeyVerdict::Secret,
            Strength::Weak => KeyVerdict::SecretWord,
            Strength::Opaque => KeyVerdict::SecretOpaque,
            Strength::StrongText | Strength::WeakText => KeyVerdict::SecretText,
        }
    }
}

/// Tells whether a name in another alphabet holds a term. Letters of Latin that print like those of
/// Cyrillic are read as such.
fn is_foreign_secret(name: &str) -> bool {
    let is_cyrillic = |character: char| ('\u{0400}'..'\u{0500}').contains(&character);
    let mut folded = name.to_lowercase();
    if folded.chars().any(is_cyrillic) {
        folded = folded.chars().map(cyrillic_of).collect();
    }
    FOREIGN_TERMS.iter().any(|term| folded.contains(term))
}

fn cyrillic_of(character: char) -> char {
    match character {
        'a' => 'а',
        'e' => 'е',
        'o' => 'о',
        'p' => 'р',
        'c' => 'с',
        'x' => 'х',
        'y' => 'у',
        other => other,
    }
}

fn end_of(name: &str) -> &str {
    let cut = name.ceil_char_boundary(name.len().saturating_sub(NAME_BYTES_MAX));
    name.get(cut..).unwrap_or_default()
}

/// A name as its letters and digits in lower case, and where words and segments start.
#[derive(Debug)]
pub(super) struct Words {
    letters: String,
    /// Ascending positions in `letters`; digits are words of their own.
    word_starts: Vec<usize>,
    /// Ascending positions; a segment is a part of a dotted or bracketed path.
    segment_starts: Vec<usize>,
}

impl Words {
    /// Reads a name.
    pub(super) fn of(name: &str) -> Words {
        let name = end_of(name);
        let mut words = Words {
            letters: String::with_capacity(name.len()),
            word_starts: Vec::new(),
            segment_starts: Vec::new(),
        };
        let mut previous = '.';
        let mut characters = name.chars().peekable();
        while let Some(character) = characters.next() {
            if character.is_ascii_alphanumeric() {
                let next_is_lower = characters.peek().is_some_and(char::is_ascii_lowercase);
                words.push(character, previous, next_is_lower);
            }
            previous = match character {
                // What does not spell a word still divides, as a path or as a word does.
                '.' | '[' | ']' | '/' => '.',
                _ if character.is_ascii_alphanumeric() => character,
                _ if previous == '.' => '.',
                _ => '_',
            };
        }
        words
    }

    fn push(&mut self, character: char, previous: char, next_is_lower: bool) {
        let position = self.letters.len();
        let starts_segment = previous == '.';
        let is_hump = character.is_ascii_uppercase()
            && (previous.is_ascii_lowercase() || (previous.is_ascii_uppercase() && next_is_lower));
        let changes_kind = previous.is_ascii_digit() != character.is_ascii_digit();
        if starts_segment {
            self.segment_starts.push(position);
        }
        if starts_segment || previous == '_' || is_hump || changes_kind {
            self.word_starts.push(position);
        }
        self.letters.push(character.to_ascii_lowercase());
    }

    /// Returns the letters and digits without separators.
    pub(super) fn letters(&self) -> &str {
        &self.letters
    }

    /// Tells whether the name's last words, together, spell these letters.
    pub(super) fn ends_with_words(&self, letters: &str) -> bool {
        self.letters.ends_with(letters) && self.starts_word(self.letters.len() - letters.len())
    }

    /// Returns the last words, together, from each word on: at most so many letters, digits behind
    /// the last letter left out.
    pub(super) fn endings(&self, letters_max: usize) -> impl Iterator<Item = &str> {
        let kept = self.letters.trim_end_matches(|c: char| c.is_ascii_digit());
        let first = kept.len().saturating_sub(letters_max);
        let starts = self.word_starts.iter().copied().skip_while(move |start| *start < first);
        starts.filter_map(move |start| kept.get(start..).filter(|letters| !letters.is_empty()))
    }

    fn starts_word(&self, position: usize) -> bool {
        position == self.letters.len() || self.word_starts.binary_search(&position).is_ok()
    }

    /// Returns the words, numbers left out.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.words_from(0)
    }

    /// Returns the words from a position, numbers left out.
    fn words_from(&self, position: usize) -> impl Iterator<Item = &str> {
        let first = self.word_starts.partition_point(|start| *start < position);
        let ends = self.word_starts.iter().skip(first + 1).copied().chain([self.letters.len()]);
        let starts = self.word_starts.iter().skip(first).copied();
        starts
            .zip(ends)
            .filter_map(|(start, end)| self.letters.get(start..end))
            .filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Returns the word that ends at a position.
    fn word_before(&self, position: usize) -> &str {
        let next = self.word_starts.partition_point(|start| *start < position);
        let start = next.checked_sub(1).and_then(|last| self.word_starts.get(last)).copied();
        self.letters.get(start.unwrap_or(0)..position).unwrap_or_default()
    }

    /// Returns the first word of the segment that a position lies in.
    fn first_of_segment(&self, position: usize) -> &str {
        let next = self.segment_starts.partition_point(|start| *start <= position);
        let start = next.checked_sub(1).and_then(|last| self.segment_starts.get(last)).copied();
        let start = start.unwrap_or(0);
        if start == position { "" } else { self.words_from(start).next().unwrap_or_default() }
    }

    fn is_secret_at(&self, start: usize, end: usize, strength: Strength) -> bool {
        let is_weak = matches!(strength, Strength::Weak | Strength::WeakText | Strength::Opaque);
        if !self.starts_word(end) || (is_weak && !self.starts_word(start)) {
            return false;
        }
        let before = self.word_before(start);
        if OPEN_TOKENS.contains(&before)
            || QUESTIONS.contains(&before)
            || QUESTIONS.contains(&self.first_of_segment(start))
        {
            return false;
        }
        let mut tail = self.words_from(end).peekable();
        if tail.peek().is_none() {
            return true;
        }
        match is_weak {
            true => tail.all(|word| VALUES.contains(&word)),
            false => !tail.all(|word| FACTS.contains(&word)),
        }
    }
}

#[cfg(test)]
mod tests;
