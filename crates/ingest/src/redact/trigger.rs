//! Triggers: conditions that every find of a detector fulfils, from which the prefilter tells with
//! one look at a text that a detector would find nothing.

use super::printed::Forms;

/// Classes of bytes, as bits.
pub(super) mod class {
    /// `@`
    pub(in crate::redact) const AT: u8 = 1;
    /// `=` or `:`
    pub(in crate::redact) const ASSIGN: u8 = 1 << 1;
    /// `+`
    pub(in crate::redact) const PLUS: u8 = 1 << 2;
    /// May start an escape: see [`crate::redact::view`].
    pub(in crate::redact) const ESCAPE: u8 = 1 << 3;
    /// A letter that is no hexadecimal digit, or `_`: ids in hexadecimal have none.
    pub(in crate::redact) const LETTER: u8 = 1 << 4;
    /// `?` or `&`
    pub(in crate::redact) const QUERY: u8 = 1 << 5;
    /// Continues a run of digits: a digit, a space or a dash.
    pub(in crate::redact) const RUN: u8 = 1 << 6;
    /// A digit.
    pub(in crate::redact) const DIGIT: u8 = 1 << 7;
}

/// What every find of a detector contains. Of a text, each of the first three conditions holds, or
/// one of the forms or of the words that are enough is there; of the value behind a key in a text,
/// the key holds one of the words of the fifth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trigger {
    /// Classes of bytes that all occur, see [`class`].
    pub(super) classes: u8,
    /// Digits in a row, divided by spaces and dashes only.
    pub(super) digit_run: u32,
    /// Words of which one occurs, in any case; none asked for when empty.
    pub(super) needles: &'static [&'static str],
    /// Words of which each is enough, whatever the other conditions, in any case.
    pub(super) enough: &'static [&'static str],
    /// Printed forms of which each is enough, whatever the other conditions.
    pub(super) forms: Forms,
    /// Words of which each key that the detector knows holds one; none when the detector judges
    /// no values by their keys inside texts.
    pub(super) keys: &'static [&'static str],
    /// Least whole number that is a find under a silent name.
    pub(super) number_min: u64,
}

/// What a configuration says about the texts with a find, beside the trigger.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// Words of which one occurs, in any case, where the trigger holds too; without such words the
    /// trigger holds alone.
    pub(super) triggered: Vec<String>,
    /// Words of which one occurs in any other text with a find.
    pub(super) alone: Vec<String>,
    /// Bytes and classes of the shortest such text.
    pub(super) shortest: Option<(usize, u8)>,
}

impl Trigger {
    /// Asks for nothing; the start of every trigger.
    pub(super) const ANY: Trigger = Trigger {
        classes: 0,
        digit_run: 0,
        needles: &[],
        enough: &[],
        forms: Forms::NONE,
        keys: &[],
        number_min: u64::MAX,
    };

    /// Asks for what no text holds: the detector reads no texts.
    pub(super) const NEVER: Trigger = Trigger { digit_run: u32::MAX, ..Trigger::ANY };
}
