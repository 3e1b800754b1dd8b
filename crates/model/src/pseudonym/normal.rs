//! The normal form of an id: spellings of the id of one person give one token.
//!
//! | written | normal form | because |
//! |---|---|---|
//! | `" 42 "` | `42` | white space around an id is layout |
//! | `42`, `"42"`, `42.0` | `42` | a type of a program is no part of an id |
//! | `042`, `+42`, `4e1` | as written | zeros of an account number count, and `4e1` may be hexadecimal |
//! | `Ada@Example.org` | `ada@example.org` | no mail server tells cases apart |
//! | `550E8400-E29B-...`, `{550e8400-...}`, `urn:uuid:550e...`, `550e8400e29b...` | 32 digits in small letters | forms of one UUID |
//! | `José` as e and accent | `José` composed | NFC: systems differ in how letters are composed |
//! | `Ada`, `ADA` | as written | names of users may differ by case alone |
//!
//! Pure. Plain ids are read here and kept nowhere.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

const COMPOSE: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();

/// Digits of a UUID.
const UUID_DIGITS: usize = 32;

/// Where the dashes of a UUID stand.
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];

/// Returns the normal form of an id.
pub(super) fn normal_id(written: &str) -> Cow<'_, str> {
    let id = written.trim();
    if !id.is_ascii() {
        let composed = COMPOSE.normalize(id);
        return match is_address(&composed) {
            true => Cow::Owned(composed.to_lowercase()),
            false => composed,
        };
    }
    if let Some(digits) = uuid_digits(id) {
        return Cow::Owned(digits);
    }
    if is_address(id) {
        return Cow::Owned(id.to_ascii_lowercase());
    }
    Cow::Borrowed(whole_part(id).unwrap_or(id))
}

/// Returns the digits of a UUID, in small letters.
fn uuid_digits(id: &str) -> Option<String> {
    // Fast path: most ids are shorter.
    if id.len() < UUID_DIGITS {
        return None;
    }
    let id = match id.split_at_checked("urn:uuid:".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("urn:uuid:") => rest,
        _ => id,
    };
    let id = id.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(id);
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if id.len() == UUID_DIGITS && is_hex(id) {
        return Some(id.to_ascii_lowercase());
    }
    let has_dashes = id.len() == UUID_DIGITS + UUID_DASHES.len()
        && UUID_DASHES.iter().all(|at| id.as_bytes().get(*at) == Some(&b'-'));
    let digits = has_dashes.then(|| id.replace('-', "").to_ascii_lowercase())?;
    (digits.len() == UUID_DIGITS && is_hex(&digits)).then_some(digits)
}

/// Tells whether an id is an address of mail.
fn is_address(id: &str) -> bool {
    let Some((name, host)) = id.split_once('@') else { return false };
    let is_host = host.contains('.') && !host.contains('@');
    !name.is_empty() && is_host && !id.contains(char::is_whitespace)
}

/// Returns the whole part of a number whose fraction is zero: what a program prints of an id that
/// the program holds as a float.
fn whole_part(id: &str) -> Option<&str> {
    let (whole, fraction) = id.split_once('.')?;
    let is_zero = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_zero && is_number).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_id_have_one_normal_form() {
        let uuid = "550e8400e29b41d4a716446655440000";
        for (written, expected) in [
            ("42", "42"),
            (" 42\t", "42"),
            ("42.0", "42"),
            ("-42.000", "-42"),
            ("42.5", "42.5"),
            ("042", "042"),
            ("+42", "+42"),
            ("4e1", "4e1"),
            ("42.", "42."),
            (".0", ".0"),
            ("1.2.0", "1.2.0"),
            ("Ada", "Ada"),
            ("Ada@Example.ORG", "ada@example.org"),
            ("Jose\u{301}@Example.org", "jos\u{e9}@example.org"),
            ("Jose\u{301}", "Jos\u{e9}"),
            ("@Ada", "@Ada"),
            ("Ada@host", "Ada@host"),
            ("550E8400-E29B-41D4-A716-446655440000", uuid),
            ("{550e8400-e29b-41d4-a716-446655440000}", uuid),
            ("URN:UUID:550e8400-e29b-41d4-a716-446655440000", uuid),
            ("550e8400e29b41d4a716446655440000", uuid),
            ("550E8400-E29B-41D4-A716-44665544000", "550E8400-E29B-41D4-A716-44665544000"),
            ("550E8400-E29B-41D4-A716-44665544000-", "550E8400-E29B-41D4-A716-44665544000-"),
            ("G50E8400-E29B-41D4-A716-446655440000", "G50E8400-E29B-41D4-A716-446655440000"),
            ("", ""),
        ] {
            assert_eq!(normal_id(written), expected, "{written:?}");
            assert_eq!(normal_id(&normal_id(written)), expected, "{written:?} twice");
        }
    }
}
