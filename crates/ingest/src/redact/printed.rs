//! Printed forms: which of a few shapes of ids occur in a text, told in one pass with long strides.
//!
//! Arrives: any text with some digits. Leaves: the set of the forms in the text, from which the
//! prefilter tells the detectors that must read the text; and, to those, the places. What is found
//! here has the shape only: each detector looks at check digits itself.

use std::ops::Range;

use super::shape::fits;

/// A set of printed forms, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forms(u16);

impl Forms {
    /// No form.
    pub(super) const NONE: Forms = Forms(0);
    /// `529.982.247-25`, persons in Brazil.
    pub(super) const CPF: Forms = Forms(1);
    /// `11.222.333/0001-81`, companies in Brazil.
    pub(super) const CNPJ: Forms = Forms(1 << 1);
    /// `85.07.30-033.28`, Belgium.
    pub(super) const NATIONAL_REGISTER: Forms = Forms(1 << 2);
    /// `756.9217.0769.85`, Switzerland.
    pub(super) const AHV: Forms = Forms(1 << 3);
    /// `RSSMRA85T10A562S`, Italy.
    pub(super) const CODICE_FISCALE: Forms = Forms(1 << 4);
    /// `AB 12 34 56 C`, United Kingdom.
    pub(super) const NINO: Forms = Forms(1 << 5);
    /// `131052-308T`, Finland.
    pub(super) const HETU: Forms = Forms(1 << 6);
    /// `X1234567L`, `12.345.678-Z`, Spain.
    pub(super) const DNI: Forms = Forms(1 << 7);
    /// `86 095 742 719`, Germany.
    pub(super) const TAX_ID: Forms = Forms(1 << 8);
    /// `1 85 05 78 006 084 91`, France.
    pub(super) const NIR: Forms = Forms(1 << 9);
    /// `912-70-1234`, United States.
    pub(super) const ITIN: Forms = Forms(1 << 10);

    /// `DE89.3704...`, accounts of any country.
    pub(super) const IBAN: Forms = Forms(1 << 11);
    /// `(415) 555-2671`, telephone numbers of North America.
    pub(super) const PHONE: Forms = Forms(1 << 12);

    /// Tells whether the sets have a form in common.
    pub(super) fn meets(self, other: Forms) -> bool {
        self.0 & other.0 != 0
    }

    /// Tells whether there is no form.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn add(&mut self, other: Forms) {
        self.0 |= other.0;
    }
}

/// A shape, the letters and digits before its first divider, and its form.
struct Printed {
    shape: &'static str,
    first: usize,
    form: Forms,
}

impl Printed {
    const fn new(shape: &'static str, first: usize, form: Forms) -> Printed {
        Printed { shape, first, form }
    }
}

/// Every shape. Those of one form stand together.
static SHAPES: [Printed; 18] = TABLE;

const TABLE: [Printed; 18] = [
    Printed::new("ddd.ddd.ddd-dd", 3, Forms::CPF),
    Printed::new("ww.www.www/wwww-dd", 2, Forms::CNPJ),
    Printed::new("dd.dd.dd-ddd.dd", 2, Forms::NATIONAL_REGISTER),
    Printed::new("756.dddd.dddd.dd", 3, Forms::AHV),
    Printed::new("uuuuuuwwuwwuwwwu", 16, Forms::CODICE_FISCALE),
    Printed::new("uuddddddu", 9, Forms::NINO),
    Printed::new("uu dd dd dd u", 2, Forms::NINO),
    Printed::new("dddddd~dddw", 6, Forms::HETU),
    Printed::new("dddddd~dddw", 11, Forms::HETU),
    Printed::new("udddddddu", 9, Forms::DNI),
    Printed::new("dd.ddd.ddd-u", 2, Forms::DNI),
    Printed::new("dddddddd-u", 8, Forms::DNI),
    Printed::new("dd ddd ddd ddd", 2, Forms::TAX_ID),
    Printed::new("d dd dd dd ddd ddd dd", 1, Forms::NIR),
    Printed::new("ddd-dd-dddd", 3, Forms::ITIN),
    Printed::new("ddd-ddd-dddd", 3, Forms::PHONE),
    Printed::new("ddd.ddd.dddd", 3, Forms::PHONE),
    Printed::new("ddd) ddd-dddd", 3, Forms::PHONE),
];

/// Bytes of the shortest shape.
const FORM_BYTES_MIN: usize = 9;

/// Half of them.
const HALF: usize = FORM_BYTES_MIN / 2;

/// Digits of the shape with the fewest, `AB 12 34 56 C`.
pub(super) const FORM_DIGITS_MIN: u32 = 6;

/// What a byte is in a form: a sign of one, or a space, which may stand between groups.
const SIGN: u8 = 1;
const SPACE: u8 = 2;

/// The meaning of each byte; 0 for a byte of no form.
const SIGNS: [u8; 256] = signs();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the index is below 256")]
const fn signs() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'-'..=b'/' | b'+' | b')' => SIGN,
            b' ' => SPACE,
            _ => 0,
        };
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

#[inline]
fn sign(byte: u8) -> u8 {
    // The table has every byte; `get` only spares a bounds check that is not there.
    SIGNS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Returns how many bytes go on a row. A space goes on between groups only: words of small letters
/// have no form, and a row ends there.
#[inline]
fn row_bytes<'b>(bytes: impl Iterator<Item = &'b u8>) -> usize {
    let (mut length, mut kept, mut is_space) = (0, 0, false);
    for byte in bytes {
        length += 1;
        match sign(*byte) {
            SIGN => (kept, is_space) = (length, false),
            SPACE if !is_space => is_space = true,
            _ => break,
        }
    }
    kept
}

/// Returns the forms that occur in a text.
pub(super) fn forms_of(text: &[u8]) -> Forms {
    let mut forms = Forms::NONE;
    each_run(text, |run| {
        each_in(text, run.clone(), |_, printed| forms.add(printed.form));
        if has_account(text.get(run).unwrap_or_default()) {
            forms.add(Forms::IBAN);
        }
    });
    forms
}

/// Reports each place of some forms in a text, with the shape that the place has.
pub(super) fn each(text: &[u8], forms: Forms, mut found: impl FnMut(Range<usize>, &'static str)) {
    each_run(text, |run| {
        each_in(text, run, |range, printed| {
            if printed.form.meets(forms) {
                found(range, printed.shape);
            }
        });
    });
}

/// Reports each row of bytes that may hold a form.
///
/// Of as many bytes in a row as the shortest form has, one is looked at: only around those that may
/// be a part of a form may there be one.
fn each_run(text: &[u8], mut found: impl FnMut(Range<usize>)) {
    let mut at = FORM_BYTES_MIN - 1;
    while let Some(byte) = text.get(at) {
        // A row as long as a form goes on for half of its length on one side at least.
        let goes_on =
            |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|byte| sign(*byte) != 0);
        let is_long = || goes_on(at.checked_sub(HALF)) || goes_on(Some(at + HALF));
        if sign(*byte) == 0 || !is_long() {
            at += FORM_BYTES_MIN;
            continue;
        }
        let (before, onwards) = text.split_at_checked(at).unwrap_or((text, &[]));
        let start = at - row_bytes(before.iter().rev());
        let end = at + row_bytes(onwards.iter());
        if end >= start + FORM_BYTES_MIN {
            let row = text.get(start..end).unwrap_or_default();
            let digits = row.iter().filter(|byte| byte.is_ascii_digit()).count();
            if digits >= FORM_DIGITS_MIN as usize {
                found(start..end);
            }
        }
        at = end.max(at) + FORM_BYTES_MIN;
    }
}

/// Lengths of the first words of shapes, as bits: years of four digits have none.
const FIRSTS: u32 = firsts();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, below the length")]
const fn firsts() -> u32 {
    let (mut bits, mut index) = (0, 0);
    while index < TABLE.len() {
        bits |= 1 << TABLE[index].first;
        index += 1;
    }
    bits
}

/// Reports each form in a row.
fn each_in(text: &[u8], row: Range<usize>, mut found: impl FnMut(Range<usize>, &'static Printed)) {
    let mut position = row.start;
    while position < row.end {
        let rest = text.get(position..).unwrap_or_default();
        let word = rest.iter().take_while(|byte| is_word(**byte)).count();
        if word == 0 {
            position += 1;
            continue;
        }
        let has_shape = word < u32::BITS as usize && FIRSTS >> word & 1 == 1;
        let shapes = if has_shape { SHAPES.as_slice() } else { &[] };
        for printed in shapes.iter().filter(|printed| printed.first == word) {
            let end = position + printed.shape.len();
            let is_it = rest.len() >= printed.shape.len()
                && printed.shape.bytes().zip(rest).all(|(sign, byte)| fits(sign, *byte));
            if is_it && stands_alone(text, position, end, printed.shape) {
                found(position..end, printed);
            }
        }
        position += word;
    }
}

/// Letters of the country and digits that begin every number of an account, and the shortest one.
const ACCOUNT_START: usize = 4;
const ACCOUNT_BYTES_MIN: usize = 15;

/// Tells whether an international account number may begin in a row: together, or with a first
/// group of four. The length depends on the country, so an account is no shape.
fn has_account(row: &[u8]) -> bool {
    row.split(|byte| !is_word(*byte)).any(|word| {
        let is_start = matches!(
            word, [a, b, c, d, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase()
                && c.is_ascii_digit() && d.is_ascii_digit()
        );
        is_start && (word.len() == ACCOUNT_START || word.len() >= ACCOUNT_BYTES_MIN)
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Tells whether what has a shape in a range is no part of a longer word, number or row of groups.
/// Columns of numbers have spaces between them, as groups of digits have.
fn stands_alone(text: &[u8], start: usize, end: usize, shape: &str) -> bool {
    let at = |position: Option<usize>| position.and_then(|at| text.get(at)).copied();
    let is_of_digits = shape.starts_with("d ") || shape.starts_with("dd ");
    let joins = |sign: Option<u8>, next: Option<u8>| match sign {
        Some(b'-' | b'.' | b'/' | b'+') => next.is_some_and(|next| next.is_ascii_digit()),
        Some(b' ') => is_of_digits && next.is_some_and(|next| next.is_ascii_digit()),
        Some(byte) => is_word(byte),
        None => false,
    };
    let left = start.checked_sub(1);
    !joins(at(left), at(left.and_then(|left| left.checked_sub(1))))
        && !joins(at(Some(end)), at(Some(end + 1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(text: &str) -> Vec<&str> {
        let mut places = Vec::new();
        each(text.as_bytes(), Forms(u16::MAX), |range, _| places.push(&text[range]));
        places
    }

    #[test]
    fn shapes_say_how_long_their_first_word_is() {
        for Printed { shape, first, .. } in &SHAPES {
            let is_divider = |sign: char| matches!(sign, ' ' | '.' | '-' | '/' | ')');
            let word = shape.split(is_divider).next().expect("a word");
            // The sign of a century divides or is a letter.
            let before_century = word.split('~').next().map(str::len);
            assert!(*first == word.len() || Some(*first) == before_century, "{shape}");
            assert!(shape.len() >= FORM_BYTES_MIN, "{shape}");
        }
    }

    #[test]
    fn forms_are_found_where_they_stand_alone() {
        for (text, expected) in [
            ("529.982.247-25", vec!["529.982.247-25"]),
            ("cpf 529.982.247-25.", vec!["529.982.247-25"]),
            ("AB 12 34 56 C/AB123456C", vec!["AB 12 34 56 C", "AB123456C"]),
            (
                "11.222.333/0001-81 or 12.ABC.345/01DE-35",
                vec!["11.222.333/0001-81", "12.ABC.345/01DE-35"],
            ),
            ("86 095 742 719 and 1 86 095 742 719 86 095 742 719 1", vec!["86 095 742 719"]),
            ("131052-308T, 131052A308T", vec!["131052-308T", "131052A308T"]),
            ("1.529.982.247-25 529.982.247-25-1 x529.982.247-25 529.982.247-25_", vec![]),
            ("550E8400-E29B-41D4-A716-446655440000", vec![]),
            ("2026-11-20 14:05:09 10.0.0.1", vec![]),
        ] {
            assert_eq!(places(text), expected, "{text}");
        }
    }

    fn form_shape(form: &str) -> &'static str {
        let fits_all = |shape: &&str| {
            shape.len() == form.len() && shape.bytes().zip(form.bytes()).all(|(s, b)| fits(s, b))
        };
        SHAPES.iter().map(|printed| printed.shape).find(fits_all).expect("a shape")
    }

    proptest! {
        #[test]
        fn strides_miss_no_form(
            before in "[a-z :]{0,20}([0-9A-Z ]{0,9} )?",
            after in "( [0-9A-Z.]{0,9})?[a-z :]{0,20}",
            form in prop::sample::select(vec![
                "529.982.247-25", "AB123456C", "RSSMRA85T10A562S", "86 095 742 719", "912-70-1234",
            ]),
        ) {
            let text = format!("{before}{form}{after}");
            let start = before.len();
            let range = start..start + form.len();
            let is_alone = stands_alone(text.as_bytes(), range.start, range.end, form_shape(form));
            prop_assert_eq!(places(&text).contains(&&text[range]), is_alone, "{}", text);
            prop_assert!(!is_alone || !forms_of(text.as_bytes()).is_empty());
        }
    }
}
