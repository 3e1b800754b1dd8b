//! Tax identification numbers of Germany: `86 095 742 719`.
//!
//! Eleven digits, the first one not 0; of the first ten one digit comes twice or three times and
//! all others once at most; the last one is that of ISO/IEC 7064, MOD 11,10 (Bundeszentralamt für
//! Steuern, § 139b AO). In groups of two and three times three a number stands alone.

use super::super::checks::{has_mod_11_10, part};
use super::super::worded::Worded;
use super::PLACEHOLDER;
use crate::redact::printed::Forms;

/// See the module.
pub(in crate::redact) static DE_TAX_ID: Worded = Worded {
    name: "de_tax_id",
    placeholder: PLACEHOLDER,
    example: "86 095 742 719",
    words: &[
        "steuer id",
        "steueridnr",
        "steuernummer",
        "steueridentifikationsnummer",
        "steuerliche identifikationsnummer",
        "steuer identifikationsnummer",
        "idnr",
        "tax id",
        "tax number",
        "tin",
    ],
    needles: &["steuer", "idnr", "tax", "tin:", "tin=", "tin\"", "tin "],
    digit_run: 11,
    forms: Forms::TAX_ID,
    shapes: &["ddddddddddd", "dd ddd ddd ddd"],
    is_valid,
    ..Worded::BASE
};

fn is_valid(signs: &[u8]) -> bool {
    let front = part(signs, 0..10);
    let mut counts = [0_u32; 10];
    for sign in front {
        if let Some(count) = counts.get_mut(usize::from(sign.wrapping_sub(b'0'))) {
            *count += 1;
        }
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().max().copied().unwrap_or_default();
    signs.len() == 11
        && !signs.starts_with(b"0")
        && repeated == 1
        && most <= 3
        && has_mod_11_10(signs)
}

#[cfg(test)]
mod tests {
    use super::super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn valid_numbers_are_replaced() {
        for (text, expected) in [
            ("86 095 742 719", "[NATIONAL_ID]"),
            ("Steuer-ID 86095742719", "Steuer-ID [NATIONAL_ID]"),
            ("steuer_id=65929970489", "steuer_id=[NATIONAL_ID]"),
            (
                "IdNr. 86 095 742 719, Steueridentifikationsnummer: 35205617482",
                "IdNr. [NATIONAL_ID], Steueridentifikationsnummer: [NATIONAL_ID]",
            ),
            (r#"{"taxId":86095742719}"#, r#"{"taxId":"[NATIONAL_ID]"}"#),
        ] {
            check(&DE_TAX_ID, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &DE_TAX_ID,
            &[
                "86095742719",
                "86 095 742 718",
                "Steuer-ID 12345678901",
                "columns 12 345 678 900 86 095 742 719 11",
                "tax of 11111111111",
            ],
        );
    }
}
