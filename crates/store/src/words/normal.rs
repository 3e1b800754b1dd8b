//! The normal form of a text, and where its words lie in it.

use std::borrow::Cow;
use std::ops::Range;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::props::DefaultIgnorableCodePoint;
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

use super::characters::{Kind, is_tag, kind};

const DECOMPOSE: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const COMPOSE: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const UNSEEN: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// A dot over the letter before it.
const DOT_ABOVE: char = '\u{307}';
/// The flag that flags of regions are written with.
const BLACK_FLAG: char = '\u{1f3f4}';

/// Returns the normal form of a text.
pub fn normal_form(text: &str) -> Cow<'_, str> {
    // Fast path: of ASCII there is only the case.
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let mut folded = String::with_capacity(text.len());
    // Case is folded on the decomposed text, so that a letter with any mark loses its case.
    for character in DECOMPOSE.normalize(text).chars() {
        fold(character, &mut folded);
    }
    match COMPOSE.normalize(&folded) {
        Cow::Borrowed(_) => Cow::Owned(folded),
        Cow::Owned(composed) => Cow::Owned(composed),
    }
}

fn fold(character: char, folded: &mut String) {
    match character {
        'A'..='Z' => folded.push(character.to_ascii_lowercase()),
        '\0'..='\u{7f}' => folded.push(character),
        // Fast path: kana, Han and Yi have neither case nor what is not seen.
        '\u{3041}'..='\u{3130}' | '\u{3400}'..='\u{a4cf}' => folded.push(character),
        // The dotted capital of Turkish is an i as the others are.
        DOT_ABOVE if folded.ends_with('i') => {}
        _ if is_tag(character) => {
            if folded.ends_with(|before| before == BLACK_FLAG || is_tag(before)) {
                folded.push(character);
            }
        }
        _ if UNSEEN.contains(character) => {}
        // By way of the capital: `ß`, the final sigma and the dotless i have none of their own.
        _ => {
            let capitals = character.to_lowercase().flat_map(char::to_uppercase);
            folded.extend(capitals.flat_map(char::to_lowercase));
        }
    }
}

/// A text in normal form, with its words.
#[derive(Clone, Debug)]
pub struct NormalText<'t> {
    text: Cow<'t, str>,
    words: Vec<Range<usize>>,
}

impl<'t> NormalText<'t> {
    /// Brings a text into its normal form.
    pub fn of(text: &'t str) -> NormalText<'t> {
        let text = normal_form(text);
        let words = words_of_normal(&text).collect();
        NormalText { text, words }
    }

    /// Returns the whole of it, signs included.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns its words in their order.
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(|word| self.text.get(word.clone()).unwrap_or_default())
    }

    /// Returns a word by its place.
    pub fn word(&self, place: usize) -> Option<&str> {
        self.text.get(self.words.get(place)?.clone())
    }
}

/// Returns where the words of a text lie that is in its normal form (of ASCII, in either case).
pub(crate) fn words_of_normal(text: &str) -> WordRanges<'_> {
    WordRanges { text, at: 0, is_ascii: text.is_ascii() }
}

/// Where words lie.
pub(crate) struct WordRanges<'t> {
    text: &'t str,
    at: usize,
    is_ascii: bool,
}

impl Iterator for WordRanges<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let found = match self.is_ascii {
            true => next_of_ascii(self.text.as_bytes(), self.at),
            false => next_of_any(self.text, self.at),
        };
        self.at = found.as_ref().map_or(self.text.len(), |word| word.end);
        found
    }
}

fn next_of_ascii(text: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let start = at + rest.iter().position(u8::is_ascii_alphanumeric)?;
    let word = text.get(start..)?;
    let length = word.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(word.len());
    Some(start..start + length)
}

fn next_of_any(text: &str, at: usize) -> Option<Range<usize>> {
    let mut characters = text.get(at..)?.char_indices().map(|(offset, c)| (at + offset, kind(c)));
    // A mark without a base letter is a sign.
    let is_in_word = |kind: Kind| !matches!(kind, Kind::Sign | Kind::Mark);
    let (start, first) = characters.find(|(_, kind)| is_in_word(*kind))?;
    let mut letters_of_flag = 1;
    let ends = |(_, next): &(usize, Kind)| match (first, next) {
        (Kind::Flag, Kind::Flag) => {
            letters_of_flag += 1;
            letters_of_flag > 2
        }
        (_, Kind::Mark) => false,
        (Kind::Letter, Kind::Letter) | (Kind::Run, Kind::Run) => false,
        _ => true,
    };
    let end = characters.find(ends).map_or(text.len(), |(end, _)| end);
    Some(start..end)
}
