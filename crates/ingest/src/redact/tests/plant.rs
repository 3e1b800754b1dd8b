//! Generators of personal data that is valid, and of the disguises in which logs carry it.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use proptest::prelude::*;

/// A value and the part of it that must never be seen again.
#[derive(Clone, Debug)]
pub(super) struct Plant {
    /// What stands in the text.
    pub(super) text: String,
    /// What must be gone.
    pub(super) secret: String,
}

fn whole(text: String) -> Plant {
    Plant { secret: text.clone(), text }
}

/// Any of them.
pub(super) fn plant() -> impl Strategy<Value = Plant> {
    prop_oneof![
        email(),
        card(),
        ssn(),
        iban(),
        jwt(),
        key_value(),
        basic(),
        url(),
        private_key(),
        cloud(),
    ]
}

fn email() -> impl Strategy<Value = Plant> {
    "[a-z][a-z0-9._+]{2,12}[a-z0-9]@[a-z]{3,8}\\.(org|com|co\\.uk|museum)".prop_map(whole)
}

fn card() -> impl Strategy<Value = Plant> {
    let issuer = prop::sample::select(vec![
        ("4", 16),
        ("51", 16),
        ("2221", 16),
        ("34", 15),
        ("6011", 16),
        ("3528", 16),
        ("36", 14),
        ("62", 19),
        ("4", 19),
    ]);
    (issuer, prop::collection::vec(0_u32..10, 19), prop::sample::select(vec!["", " ", "-"]))
        .prop_map(|((prefix, length), filler, separator)| {
            let mut digits: Vec<u32> =
                prefix.chars().filter_map(|digit| digit.to_digit(10)).chain(filler).collect();
            digits.truncate(length - 1);
            let check = (0..10).find(|check| luhn(&digits, *check)).expect("one digit fits");
            digits.push(check);
            let digits: String = digits.iter().map(u32::to_string).collect();
            let groups: &[usize] = match length {
                14 => &[4, 6, 4],
                15 => &[4, 6, 5],
                16 => &[4, 4, 4, 4],
                _ => &[4, 4, 4, 4, 3],
            };
            let mut rest = digits.as_str();
            let mut parts = Vec::new();
            for group in groups {
                let (part, after) = rest.split_at(*group);
                parts.push(part);
                rest = after;
            }
            let secret = parts.join(separator);
            // Digits without groups are a card beside a word of cards.
            let text = if separator.is_empty() { format!("card {secret}") } else { secret.clone() };
            Plant { text, secret }
        })
}

fn luhn(digits: &[u32], check: u32) -> bool {
    let doubled = digits.iter().rev().enumerate().map(|(index, digit)| match index % 2 {
        0 => digit * 2 / 10 + digit * 2 % 10,
        _ => *digit,
    });
    (doubled.sum::<u32>() + check).is_multiple_of(10)
}

fn ssn() -> impl Strategy<Value = Plant> {
    (1_u32..900, 1_u32..100, 1_u32..10_000)
        .prop_filter("not assigned", |(area, _, _)| *area != 666)
        .prop_map(|(area, group, serial)| whole(format!("{area:03}-{group:02}-{serial:04}")))
}

fn iban() -> impl Strategy<Value = Plant> {
    let country = prop::sample::select(vec![("DE", 18), ("FR", 23), ("NO", 11), ("PL", 24)]);
    (country, prop::collection::vec(0_u32..10, 24), any::<bool>()).prop_map(
        |((country, length), filler, grouped)| {
            let account: String = filler.iter().take(length).map(u32::to_string).collect();
            let spelled = |letter: char| (letter as u32 - 'A' as u32 + 10).to_string();
            let number: String =
                account.clone() + &country.chars().map(spelled).collect::<String>() + "00";
            let remainder =
                number.bytes().fold(0, |r, digit| (r * 10 + u32::from(digit - b'0')) % 97);
            let text = format!("{country}{:02}{account}", 98 - remainder);
            let groups: Vec<&str> =
                text.as_bytes().chunks(4).map(|g| std::str::from_utf8(g).expect("ascii")).collect();
            whole(if grouped { groups.join(" ") } else { text.clone() })
        },
    )
}

fn jwt() -> impl Strategy<Value = Plant> {
    ("[a-zA-Z0-9]{4,20}", "[a-zA-Z0-9_-]{20,43}").prop_map(|(subject, signature)| {
        let header = BASE64URL_NOPAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let payload = BASE64URL_NOPAD.encode(format!("{{\"sub\":\"{subject}\"}}").as_bytes());
        whole(format!("{header}.{payload}.{signature}"))
    })
}

fn key_value() -> impl Strategy<Value = Plant> {
    let key = prop::sample::select(vec![
        "password",
        "PASSWORD",
        "db_password",
        "apiKey",
        "X-Api-Key",
        "secret",
        "access_token",
        "client-secret",
        "SESSION_ID",
        "Pwd",
        "otp",
    ]);
    let shape = prop::sample::select(vec!["=", ": ", "=\"", "': '", "\": \"", "\" : "]);
    (key, shape, "[a-zA-Z0-9!$%*+/@^~]{3,12}[0-9][a-zA-Z]{3}").prop_map(|(key, shape, secret)| {
        let open: String = shape.chars().take_while(|c| matches!(c, '\'' | '"')).collect();
        let close: String = shape.chars().rev().take_while(|c| matches!(c, '\'' | '"')).collect();
        Plant { text: format!("{open}{key}{shape}{secret}{close}"), secret }
    })
}

fn basic() -> impl Strategy<Value = Plant> {
    ("[a-z]{2,8}", "[a-zA-Z0-9!]{4,12}").prop_map(|(user, password)| {
        let secret = BASE64.encode(format!("{user}:{password}").as_bytes());
        Plant { text: format!("Basic {secret}"), secret }
    })
}

fn url() -> impl Strategy<Value = Plant> {
    prop_oneof![
        ("(https?|postgres|amqp)", "[a-z]{2,6}:[a-zA-Z0-9!$]{6,12}").prop_map(
            |(scheme, secret)| Plant {
                text: format!("{scheme}://{secret}@db.internal:5432/app"),
                secret,
            }
        ),
        ("(token|sig|code|access_token|api_key)", "[a-zA-Z0-9_-]{12,20}").prop_map(
            |(key, secret)| {
                Plant { text: format!("/callback?page=1&{key}={secret}&x=1"), secret }
            }
        ),
    ]
}

fn private_key() -> impl Strategy<Value = Plant> {
    "[A-Za-z0-9+/]{40,80}".prop_map(|secret| Plant {
        text: format!("-----BEGIN RSA PRIVATE KEY-----\n{secret}\n-----END RSA PRIVATE KEY-----"),
        secret,
    })
}

fn cloud() -> impl Strategy<Value = Plant> {
    prop_oneof![
        "AKIA[A-Z2-7]{16}",
        "ghp_[a-zA-Z0-9]{36}",
        "glpat-[a-zA-Z0-9_-]{20}",
        "sk_live_[a-zA-Z0-9]{24}"
    ]
    .prop_map(whole)
}

/// How a text is written into a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Disguise {
    Plain,
    JsonString,
    JsonInJson,
    Percent,
    UnicodeEscapes,
    Entities,
    FullWidth,
}

/// Any of them.
pub(super) fn disguise() -> impl Strategy<Value = Disguise> {
    prop::sample::select(vec![
        Disguise::Plain,
        Disguise::JsonString,
        Disguise::JsonInJson,
        Disguise::Percent,
        Disguise::UnicodeEscapes,
        Disguise::Entities,
        Disguise::FullWidth,
    ])
}

impl Disguise {
    /// Returns the text as it is written.
    pub(super) fn write(self, text: &str) -> String {
        match self {
            Disguise::Plain => text.to_owned(),
            Disguise::JsonString => json(text),
            Disguise::JsonInJson => json(&json(text)),
            Disguise::Percent => text.bytes().map(percent).collect(),
            Disguise::UnicodeEscapes => text.chars().map(unicode_escape).collect(),
            Disguise::Entities => text
                .replace('&', "&amp;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;")
                .replace('@', "&#64;"),
            Disguise::FullWidth => text.chars().map(full_width).collect(),
        }
    }
}

fn json(text: &str) -> String {
    serde_json::json!({ "n": 1, "m": text }).to_string()
}

fn percent(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    }
}

fn unicode_escape(character: char) -> String {
    match character {
        '@' | ':' | '/' | '=' | '-' | '.' | '+' => format!("\\u{:04x}", character as u32),
        '"' => "\\\"".to_owned(),
        '\n' => "\\n".to_owned(),
        character => character.to_string(),
    }
}

fn full_width(character: char) -> char {
    match character {
        '0'..='9' | '@' => char::from_u32(character as u32 + 0xFEE0).expect("a character"),
        character => character,
    }
}
