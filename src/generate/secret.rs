//! Makes personal data and credentials that are valid where a detector would check: card numbers
//! pass Luhn, IBANs pass mod 97. All values are random and belong to no person.
//!
//! Every value is ASCII, needs no escaping in JSON, and is long or odd enough to be found by
//! `grep` without finding anything else.

use data_encoding::{BASE64, BASE64URL_NOPAD};

use super::random::Random;

const DIGITS: &[u8] = b"0123456789";
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const UPPER_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const WORD: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const FIRST_NAMES: &[&str] = &[
    "mara",
    "jonas",
    "aisha",
    "li.wei",
    "sofia",
    "pierre",
    "noor",
    "emeka",
    "ingrid",
    "tomasz",
    "yuki",
    "carlos",
    "priya",
    "oluwaseun",
    "hanna",
    "dmitri",
];
const LAST_NAMES: &[&str] = &[
    "lindqvist",
    "okafor",
    "garcia",
    "nguyen",
    "schmidt",
    "kowalska",
    "rossi",
    "haddad",
    "tanaka",
    "silva",
    "dubois",
    "novak",
    "murphy",
    "jensen",
];
const MAIL_HOSTS: &[&str] =
    &["example.org", "students.example.edu", "mail.example.com", "uni.example.net"];

/// How a card number is written.
#[derive(Clone, Copy)]
pub(super) enum Grouping {
    /// Digits only.
    None,
    /// Groups of four (or 4-6-5) with this separator.
    With(char),
}

/// Returns an e-mail address.
pub(super) fn email(random: &mut Random) -> String {
    let mut text = format!("{}.{}", random.word(FIRST_NAMES), random.word(LAST_NAMES));
    if random.per_mille(150) {
        text.push_str("+lms");
    }
    random.text(DIGITS, 6, &mut text);
    text.push('@');
    text.push_str(random.word(MAIL_HOSTS));
    text
}

/// Returns a card number of an issuer's prefix and length.
pub(super) fn card(random: &mut Random, grouping: Grouping) -> String {
    // Visa, Mastercard, American Express.
    let (prefix, length) = *random.pick_skewed(&[
        ("4539", 16_usize),
        ("5425", 16),
        ("4716", 16),
        ("5167", 16),
        ("3714", 15),
    ]);
    let mut digits = String::from(prefix);
    random.text(DIGITS, length - 1 - prefix.len(), &mut digits);
    digits.push(luhn_digit(&digits));
    let Grouping::With(separator) = grouping else { return digits };
    let group_ends: &[usize] = if length == 15 { &[4, 10] } else { &[4, 8, 12] };
    let mut grouped = String::with_capacity(length + group_ends.len());
    for (position, digit) in digits.chars().enumerate() {
        if group_ends.contains(&position) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns the digit that makes a number pass Luhn.
fn luhn_digit(digits: &str) -> char {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(position, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = if position % 2 == 0 { digit * 2 } else { digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

/// Returns a US social security number of a range that is issued.
pub(super) fn ssn(random: &mut Random) -> String {
    let area = match 1 + random.below(898) {
        666 => 667,
        area => area,
    };
    let group = 1 + random.below(99);
    let serial = 1 + random.below(9_999);
    format!("{area:03}-{group:02}-{serial:04}")
}

/// Returns an IBAN of a country's length, in groups of four when asked for a separator.
pub(super) fn iban(random: &mut Random, grouping: Grouping) -> String {
    let (country, letters, digits) = *random.pick(&[
        ("DE", 0_usize, 18_usize),
        ("GB", 4, 14),
        ("NL", 4, 10),
        ("ES", 0, 20),
        ("AT", 0, 16),
    ]);
    let mut account = String::new();
    random.text(UPPER, letters, &mut account);
    random.text(DIGITS, digits, &mut account);
    let check = 98 - remainder_97(&format!("{account}{country}00"));
    let compact = format!("{country}{check:02}{account}");
    let Grouping::With(separator) = grouping else { return compact };
    let mut grouped = String::new();
    for (position, character) in compact.chars().enumerate() {
        if position > 0 && position % 4 == 0 {
            grouped.push(separator);
        }
        grouped.push(character);
    }
    grouped
}

/// Returns a number of digits and letters (A = 10 ... Z = 35) modulo 97.
fn remainder_97(text: &str) -> u32 {
    text.chars().fold(0, |remainder, character| match character.to_digit(36) {
        Some(digit @ 0..10) => (remainder * 10 + digit) % 97,
        Some(letter) => (remainder * 100 + letter) % 97,
        None => remainder,
    })
}

/// Returns a JSON web token.
pub(super) fn jwt(random: &mut Random) -> String {
    let header = BASE64URL_NOPAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let mut subject = String::new();
    random.hex(16, &mut subject);
    let claims = format!(r#"{{"sub":"{subject}","iss":"auth-gateway","exp":1794000000}}"#);
    let mut signature = String::new();
    random.text(WORD, 43, &mut signature);
    format!("{header}.{}.{signature}", BASE64URL_NOPAD.encode(claims.as_bytes()))
}

/// Returns an opaque token.
pub(super) fn token(random: &mut Random) -> String {
    let mut text = String::new();
    random.text(WORD, 40, &mut text);
    text
}

/// Returns a password.
pub(super) fn password(random: &mut Random) -> String {
    let mut text = String::new();
    random.text(WORD, 5, &mut text);
    text.push('-');
    random.text(WORD, 6, &mut text);
    text.push('_');
    random.text(DIGITS, 3, &mut text);
    text
}

/// Returns the encoded part of an `Authorization: Basic` header.
pub(super) fn basic(random: &mut Random) -> String {
    let password = password(random);
    BASE64.encode(format!("svc-{}:{password}", random.word(LAST_NAMES)).as_bytes())
}

/// Returns an AWS access key id.
pub(super) fn aws_key_id(random: &mut Random) -> String {
    prefixed(random, "AKIA", UPPER_AND_DIGITS, 16)
}

/// Returns an AWS secret access key.
pub(super) fn aws_secret(random: &mut Random) -> String {
    prefixed(random, "", WORD, 40)
}

/// Returns a GitHub personal access token.
pub(super) fn github_token(random: &mut Random) -> String {
    prefixed(random, "ghp_", WORD, 36)
}

/// Returns a Stripe live key.
pub(super) fn stripe_key(random: &mut Random) -> String {
    prefixed(random, "sk_live_", WORD, 24)
}

/// Returns a Google API key.
pub(super) fn google_key(random: &mut Random) -> String {
    prefixed(random, "AIza", WORD, 35)
}

/// Returns a Slack bot token.
pub(super) fn slack_token(random: &mut Random) -> String {
    let mut text = String::from("xoxb-");
    random.text(b"123456789", 12, &mut text);
    text.push('-');
    random.text(b"123456789", 12, &mut text);
    text.push('-');
    random.text(WORD, 24, &mut text);
    text
}

/// Returns one line of an encoded private key.
pub(super) fn private_key_line(random: &mut Random) -> String {
    prefixed(random, "MIIEvQ", WORD, 58)
}

/// Returns a number of so many digits that does not begin with 0.
pub(super) fn number(random: &mut Random, digits: usize) -> String {
    let mut text = String::new();
    random.text(b"123456789", 1, &mut text);
    random.text(DIGITS, digits - 1, &mut text);
    text
}

fn prefixed(random: &mut Random, prefix: &str, alphabet: &'static [u8], length: usize) -> String {
    let mut text = String::from(prefix);
    random.text(alphabet, length, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_pass_luhn_and_ibans_pass_mod_97() {
        let mut random = Random::from_seed(3);
        assert_eq!(luhn_digit("411111111111111"), '1');
        assert_eq!(remainder_97("370400440532013000DE89"), 1);
        for grouping in [Grouping::None, Grouping::With(' '), Grouping::With('-')] {
            for _ in 0..500 {
                let card: String =
                    card(&mut random, grouping).chars().filter(char::is_ascii_digit).collect();
                let (body, check) = card.split_at(card.len() - 1);
                assert_eq!(luhn_digit(body).to_string(), check);
                let iban: String = iban(&mut random, grouping)
                    .chars()
                    .filter(char::is_ascii_alphanumeric)
                    .collect();
                let (head, account) = iban.split_at(4);
                assert_eq!(remainder_97(&format!("{account}{head}")), 1, "{iban}");
            }
        }
    }

    #[test]
    fn social_security_numbers_are_of_issued_ranges() {
        let mut random = Random::from_seed(3);
        for _ in 0..5_000 {
            let ssn = ssn(&mut random);
            let parts: Vec<u32> =
                ssn.split('-').map(|part| part.parse().expect("digits")).collect();
            assert!(parts[0] != 0 && parts[0] != 666 && parts[0] < 900, "{ssn}");
            assert!(parts[1] != 0 && parts[2] != 0 && ssn.len() == 11, "{ssn}");
        }
    }
}
