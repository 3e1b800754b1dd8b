//! Tax codes of persons in Italy: `RSSMRA85T10A562S`.
//!
//! Letters of the names, year, month as a letter, day (women's plus 40), municipality, and a check
//! letter over the fifteen before (D.M. 23 dicembre 1976, n. 13813). Digits become letters where
//! two persons would share a code. Sixteen signs in capitals with the right check letter stand
//! alone.

use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static IT_CODICE_FISCALE: Worded = Worded {
    name: "it_codice_fiscale",
    placeholder: PLACEHOLDER,
    example: "RSSMRA85T10A562S",
    words: &["codice fiscale", "cod fiscale", "codfisc", "fiscal code", "cf", "c.f."],
    needles: &["fiscal", "codfisc"],
    forms: Forms::CODICE_FISCALE,
    shapes: &["llllllxxlxxlxxxl", "lll lll xxlxx lxxxl"],
    is_valid,
    ..Worded::BASE
};

/// Values of signs in odd places, digits as the letters from A on.
const ODD: [u32; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

/// Letters of the months, and letters that stand for the digits from 0 on.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";
const DIGITS: &[u8; 10] = b"LMNPQRSTUV";

/// Places of digits.
const DIGIT_PLACES: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];

fn is_valid(signs: &[u8]) -> bool {
    let Some((check, code)) = signs.split_last().filter(|(_, code)| code.len() == 15) else {
        return false;
    };
    let has_shape = code.iter().enumerate().all(|(place, sign)| match place {
        8 => MONTHS.contains(sign),
        _ if DIGIT_PLACES.contains(&place) => sign.is_ascii_digit() || DIGITS.contains(sign),
        _ => sign.is_ascii_uppercase(),
    });
    let value = |(index, sign): (usize, &u8)| {
        let number = match sign {
            b'0'..=b'9' => sign - b'0',
            sign => sign.wrapping_sub(b'A'),
        };
        match index % 2 {
            0 => ODD.get(usize::from(number)).copied().unwrap_or_default(),
            _ => u32::from(number),
        }
    };
    let sum: u32 = code.iter().enumerate().map(value).sum();
    has_shape && u32::from(*check) == u32::from(b'A') + sum % 26
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("RSSMRA85T10A562S", "[NATIONAL_ID]"),
            ("CF RSSMRA85T10A562S, ok", "CF [NATIONAL_ID], ok"),
            ("codice_fiscale=rssmra85t10a562s", "codice_fiscale=[NATIONAL_ID]"),
            ("RSSMRA85T10A56NH", "[NATIONAL_ID]"),
            (r#"{"codiceFiscale":"MRTMTT91D08F205J"}"#, r#"{"codiceFiscale":"[NATIONAL_ID]"}"#),
        ] {
            check(&IT_CODICE_FISCALE, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &IT_CODICE_FISCALE,
            &[
                "RSSMRA85T10A562T",
                "rssmra85t10a562s",
                "RSSMRA85T10A562SX",
                "RSSMRAA5T10A562S",
                "ABCDEFGHIJKLMNOP",
            ],
        );
    }
}
