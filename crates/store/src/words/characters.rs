//! What a character of a normal text is to words.

use icu_properties::props::{
    EmojiModifier, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup, Script,
};
use icu_properties::{
    CodePointMapData, CodePointMapDataBorrowed, CodePointSetData, CodePointSetDataBorrowed,
};

const CATEGORIES: CodePointMapDataBorrowed<'static, GeneralCategory> = CodePointMapData::new();
const SCRIPTS: CodePointMapDataBorrowed<'static, Script> = CodePointMapData::new();
const PICTOGRAPHS: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<ExtendedPictographic>();
const SKIN_TONES: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<EmojiModifier>();

/// What a character is to words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A letter or digit of a script that separates words.
    Letter,
    /// A letter, digit or mark of a script that does not.
    Run,
    /// Belongs to the character before it.
    Mark,
    /// An emoji, or a part of one.
    Emoji,
    /// A letter of a flag: two are one.
    Flag,
    /// In no word.
    Sign,
}

/// Returns what a character of a normal text is.
pub fn kind(character: char) -> Kind {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => Kind::Letter,
        '\0'..='\u{7f}' => Kind::Sign,
        _ => kind_beyond_ascii(character),
    }
}

fn kind_beyond_ascii(character: char) -> Kind {
    if ('\u{1f1e6}'..='\u{1f1ff}').contains(&character) {
        return Kind::Flag;
    }
    let is_mark = GeneralCategoryGroup::Mark.contains(CATEGORIES.get(character));
    if is_mark || character.is_alphanumeric() {
        match is_of_unspaced_script(character) {
            true => Kind::Run,
            false if is_mark => Kind::Mark,
            false => Kind::Letter,
        }
    } else if is_tag(character) {
        Kind::Mark
    } else if PICTOGRAPHS.contains(character) || SKIN_TONES.contains(character) {
        // Copyright and its like are signs, although Unicode has them as pictographs too.
        if character < '\u{2000}' { Kind::Sign } else { Kind::Emoji }
    } else {
        Kind::Sign
    }
}

/// Letters of the flags of regions (Scotland), which stand after a black flag and are not seen.
pub(super) fn is_tag(character: char) -> bool {
    ('\u{e0020}'..='\u{e007f}').contains(&character)
}

/// Scripts without spaces between words, and Korean, where words carry particles.
fn is_of_unspaced_script(character: char) -> bool {
    // The marks of kana and what repeats or lengthens a character have no script of their own.
    let is_of_east_asia = ('\u{3000}'..='\u{30ff}').contains(&character);
    is_of_east_asia
        || matches!(
            SCRIPTS.get(character),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Bopomofo
                | Script::Hangul
                | Script::Yi
                | Script::Nushu
                | Script::Tangut
                | Script::KhitanSmallScript
                | Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
                | Script::TaiLe
                | Script::NewTaiLue
                | Script::TaiTham
                | Script::TaiViet
                | Script::Ahom
                | Script::Javanese
                | Script::Balinese
        )
}

/// Tells whether a character is of a run before its text has its normal form as well, and joins
/// nothing of ASCII in it: between the two, words end. Letters of Chinese, Japanese, Korean and
/// Thai; over a mark, the one after it may join a letter before it.
pub(crate) fn is_always_run(character: char) -> bool {
    matches!(
        character,
        '\u{e01}'..='\u{e30}'
            | '\u{e40}'..='\u{e46}'
            | '\u{3041}'..='\u{3096}'
            | '\u{30a1}'..='\u{30fa}'
            | '\u{30fc}'..='\u{30fe}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
    )
}

/// Tells whether a word is a run: any part of it is found.
pub fn is_run(word: &str) -> bool {
    word.chars().next().is_some_and(|first| kind(first) == Kind::Run)
}
