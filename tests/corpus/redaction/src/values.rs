//! Values of people and accounts that are not a state's number: addresses, cards, accounts,
//! telephones, devices, births, tokens.

use data_encoding::{BASE64, BASE64URL_NOPAD};

use crate::checksum::with_luhn;
use crate::national::{iban_check, in_groups};
use crate::random::Random;
use crate::vocabulary as words;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Lowers a name to the letters that addresses use.
fn plain(name: &str) -> String {
    name.to_lowercase().chars().filter(char::is_ascii_alphabetic).collect()
}

fn local_part(random: &mut Random) -> String {
    let first = plain(random.word(words::FIRST_NAMES));
    let last = plain(random.word(words::LAST_NAMES));
    match random.below(7) {
        0 => first,
        1 => format!("{first}.{last}"),
        2 => format!("{first}_{last}{}", random.below(99)),
        3 => format!("{}{last}", first.get(..1).unwrap_or("a")),
        4 => format!("{first}-{last}"),
        5 => format!("{last}{}", random.between(1950, 2009)),
        _ => format!("{}{}", random.text(LOWER, 5), random.digits(2)),
    }
}

fn mail_domain(random: &mut Random) -> String {
    let length = 3 + random.below(6) as usize;
    let name = random.text(LOWER, length);
    let end = random.word(&[
        "com",
        "org",
        "net",
        "de",
        "co.uk",
        "io",
        "museum",
        "edu",
        "com.br",
        "photography",
        "ch",
        "info",
        "gov.au",
        "email",
        "fr",
        "pl",
        "dev",
        "university",
    ]);
    match random.below(4) {
        0 => format!("mail.{name}.{end}"),
        1 => format!("{name}-{}.{end}", random.text(LOWER, 3)),
        _ => format!("{name}.{end}"),
    }
}

pub(crate) fn email(random: &mut Random) -> String {
    format!("{}@{}", local_part(random), mail_domain(random))
}

pub(crate) fn email_tagged(random: &mut Random) -> String {
    let tag = random.word(&["news", "shop2026", "a.b", "work-x"]);
    format!("{}+{tag}@{}", local_part(random), mail_domain(random))
}

pub(crate) fn email_verp(random: &mut Random) -> String {
    let (reader, home) = (local_part(random), mail_domain(random));
    format!("bounce-{}+{reader}={home}@{}", random.digits(5), mail_domain(random))
}

pub(crate) fn email_upper(random: &mut Random) -> String {
    email(random).to_uppercase()
}

pub(crate) fn email_international(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("{}@bücher-{}.de", local_part(random), random.text(LOWER, 4)),
        1 => format!("{}@xn--bcher-kva{}.example.org", local_part(random), random.digits(1)),
        _ => format!("jürgen.{}@{}", random.text(LOWER, 5), mail_domain(random)),
    }
}

pub(crate) fn email_odd(random: &mut Random) -> String {
    let local = match random.below(4) {
        0 => format!("o'{}", random.text(LOWER, 5)),
        1 => format!("{}!ops", random.text(LOWER, 4)),
        2 => format!("{}/sales", random.text(LOWER, 4)),
        _ => format!("_{}", random.text(LOWER, 6)),
    };
    format!("{local}@{}", mail_domain(random))
}

fn card_digits(random: &mut Random) -> String {
    let (prefix, length) = *random.pick(&[
        ("4", 16),
        ("4", 16),
        ("51", 16),
        ("55", 16),
        ("2221", 16),
        ("2720", 16),
        ("34", 15),
        ("37", 15),
        ("6011", 16),
        ("65", 16),
        ("3528", 16),
        ("3589", 16),
        ("36", 14),
        ("38", 14),
        ("62", 16),
    ]);
    with_luhn(&(prefix.to_owned() + &random.digits(length - 1 - prefix.len())))
}

pub(crate) fn card_together(random: &mut Random) -> String {
    card_digits(random)
}

fn card_in_groups(random: &mut Random, joint: &str) -> String {
    let text = card_digits(random);
    let groups: &[usize] = match text.len() {
        14 => &[4, 6, 4],
        15 => &[4, 6, 5],
        _ => &[4, 4, 4, 4],
    };
    in_groups(&text, groups, joint)
}

pub(crate) fn card_grouped(random: &mut Random) -> String {
    let joint = random.word(&[" ", " ", "-"]);
    card_in_groups(random, joint)
}

pub(crate) fn card_dotted(random: &mut Random) -> String {
    let joint = random.word(&[".", "\u{a0}"]);
    card_in_groups(random, joint)
}

pub(crate) fn card_track(random: &mut Random) -> String {
    let card = card_digits(random);
    match random.below(2) {
        0 => format!("{card}={}{}", random.between(27, 32), random.digits(12)),
        _ => format!("B{card}^LOVELACE/ADA^{}{}", random.between(27, 32), random.digits(10)),
    }
}

fn iban_text(random: &mut Random) -> String {
    let (country, form) = *random.pick(&[
        ("DE", "dddddddddddddddddd"),
        ("FR", "dddddddddddddddddaaddd"),
        ("GB", "AAAAdddddddddddddd"),
        ("NL", "AAAAdddddddddd"),
        ("CH", "ddddddddddddddddd"),
        ("NO", "ddddddddddd"),
        ("PL", "dddddddddddddddddddddddd"),
        ("ES", "dddddddddddddddddddd"),
        ("IT", "Adddddddddddddddddddddd"),
        ("BE", "dddddddddddd"),
        ("AT", "dddddddddddddddd"),
        ("SE", "dddddddddddddddddddd"),
        ("MT", "AAAAddddda1b2c3d4e5f6g7h8i9"),
        ("SA", "dd000000608010167519"),
        ("LU", "dddA1b2C3d4E5f6g"),
    ]);
    let account: String = form
        .chars()
        .map(|letter| match letter {
            'd' => random.digits(1),
            'A' | 'a' => random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1),
            other => other.to_ascii_uppercase().to_string(),
        })
        .collect();
    let account = if country == "FR" {
        account.get(..22).unwrap_or_default().to_owned() + &random.digits(1)
    } else {
        account
    };
    let account: String = account
        .chars()
        .take(match country {
            "MT" => 27,
            "LU" => 16,
            _ => 30,
        })
        .collect();
    format!("{country}{:02}{account}", iban_check(country, &account))
}

pub(crate) fn iban_together(random: &mut Random) -> String {
    iban_text(random)
}

pub(crate) fn iban_grouped(random: &mut Random) -> String {
    let joint = random.word(&[" ", " ", "-"]);
    in_groups(&iban_text(random), &[4; 9], joint).trim_end_matches([' ', '-']).to_owned()
}

pub(crate) fn iban_lower(random: &mut Random) -> String {
    iban_text(random).to_lowercase()
}

pub(crate) fn phone_international(random: &mut Random) -> String {
    const FORMS: &[(&str, &[usize])] = &[
        ("1", &[3, 3, 4]),
        ("41", &[2, 3, 2, 2]),
        ("49", &[3, 8]),
        ("44", &[4, 6]),
        ("33", &[1, 2, 2, 2, 2]),
        ("91", &[5, 5]),
        ("81", &[2, 4, 4]),
        ("55", &[2, 5, 4]),
        ("61", &[3, 3, 3]),
        ("34", &[3, 3, 3]),
    ];
    let (code, groups) = *random.pick(FORMS);
    let digits = national_digits(random, code, groups.iter().sum());
    let joint = random.word(&[" ", " ", "-", "", "."]);
    let body = in_groups(&digits, groups, joint);
    match (random.below(5), code) {
        (0, "1") => format!(
            "+1 ({}) {}-{}",
            slice(&digits, 0, 3),
            slice(&digits, 3, 6),
            slice(&digits, 6, 10)
        ),
        (1, "44" | "41" | "49") => format!("+{code} (0) {body}"),
        _ => format!("+{code}{joint}{body}"),
    }
}

/// Returns digits of a number that the country gives out.
fn national_digits(random: &mut Random, code: &str, length: usize) -> String {
    let head = match code {
        "1" => {
            random.word(&["212", "415", "646", "312", "206"]).to_owned()
                + &random.text("23456789", 1)
        }
        "41" => random.word(&["79", "78", "44"]).to_owned() + &random.text("23456789", 1),
        "49" => random.word(&["151", "170", "176"]).to_owned() + &random.text("23456789", 1),
        "44" => random.word(&["7700", "7911", "7400"]).to_owned() + &random.text("23456789", 1),
        "33" => random.word(&["6", "7", "1"]).to_owned() + &random.text("23456", 1),
        "91" => random.word(&["98", "99", "87"]).to_owned(),
        "81" => random.word(&["90", "80"]).to_owned() + &random.text("23456789", 1),
        "55" => random.word(&["11", "21"]).to_owned() + "9" + &random.text("6789", 1),
        "61" => "4".to_owned() + &random.text("0123", 1) + &random.text("23456789", 1),
        _ => random.word(&["6", "7"]).to_owned() + &random.text("123456", 1),
    };
    let rest = length.saturating_sub(head.len());
    head + &random.digits(rest)
}

fn slice(text: &str, from: usize, to: usize) -> &str {
    text.get(from..to).unwrap_or_default()
}

pub(crate) fn phone_national(random: &mut Random) -> String {
    let digits = national_digits(random, "1", 10);
    let (a, b, c) = (slice(&digits, 0, 3), slice(&digits, 3, 6), slice(&digits, 6, 10));
    match random.below(6) {
        0 => format!("({a}) {b}-{c}"),
        1 => format!("{a}-{b}-{c}"),
        2 => format!("{a}.{b}.{c}"),
        3 => format!("079 {} {} {}", random.number(3), random.digits(2), random.digits(2)),
        4 => format!("0{} {}", random.word(&["7700", "20", "151"]), random.number(7)),
        _ => digits.clone(),
    }
}

pub(crate) fn mac(random: &mut Random) -> String {
    let head =
        random.word(&["00:1b:44", "3c:22:fb", "a4:83:e7", "f0:18:98", "dc:a6:32", "b8:27:eb"]);
    let tail = random.text("0123456789abcdef", 6);
    let text = format!("{head}:{}", in_groups(&tail, &[2, 2, 2], ":"));
    match random.below(4) {
        0 => text.replace(':', "-"),
        1 => text.to_uppercase(),
        2 => {
            let bare = text.replace(':', "");
            in_groups(&bare, &[4, 4, 4], ".")
        }
        _ => text,
    }
}

pub(crate) fn jwt(random: &mut Random) -> String {
    let header = *random.pick(&[
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"typ":"JWT","alg":"RS256","kid":"k-1"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{ "alg": "EdDSA" }"#,
    ]);
    let payload = format!("{{\"sub\":\"{}\",\"iat\":17{}}}", random.digits(10), random.digits(8));
    let signature = random.text(WORD, 43);
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}.{signature}", encode(header), encode(&payload))
}

pub(crate) fn basic(random: &mut Random) -> String {
    let pair = format!("{}:{}", random.text(LOWER, 6), random.text(WORD, 12));
    BASE64.encode(pair.as_bytes())
}

pub(crate) fn opaque(random: &mut Random) -> String {
    let length = random.between(20, 64) as usize;
    let bytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    let text = random.text(bytes, length);
    format!("{}{}", random.text("abcdefXYZ", 1), text.trim_end_matches(['.', '-', '_', '~']))
}

pub(crate) fn hex_secret(random: &mut Random) -> String {
    let length = *random.pick(&[32, 40, 64]);
    random.text("0123456789abcdef", length)
}

pub(crate) fn base64_secret(random: &mut Random) -> String {
    let bytes: Vec<u8> = (0..random.between(18, 48)).map(|_| random.below(256) as u8).collect();
    BASE64.encode(&bytes)
}

/// A password as people choose: letters, then a figure, nothing that ends a bare word.
pub(crate) fn password_plain(random: &mut Random) -> String {
    let head =
        random.word(&["Winter", "hunter", "Tr0ub4dor", "letmein", "s3cr3t", "Zürich", "dragon"]);
    let mark = random.word(&["!", "$", "*", "+", "^", "~", "_", ".x", "-"]);
    format!("{head}{}{mark}{}", random.text("qwertyuiopQZ", 3), random.digits(3))
}

/// A password with everything that keyboards have.
pub(crate) fn password_any(random: &mut Random) -> String {
    match random.below(4) {
        0 => {
            format!("{} {} {}", random.text(LOWER, 5), random.text(LOWER, 7), random.text(LOWER, 4))
        }
        1 => format!("p{}\"{}\\{}", random.text(LOWER, 4), random.text(LOWER, 3), random.digits(3)),
        2 => format!(
            "x{};{}&{}={}",
            random.digits(3),
            random.text(LOWER, 4),
            random.digits(2),
            random.text(LOWER, 3)
        ),
        _ => format!(
            "{}'{},{}<{}>",
            random.text(LOWER, 3),
            random.text(LOWER, 4),
            random.digits(2),
            random.text(LOWER, 3)
        ),
    }
}

pub(crate) fn code(random: &mut Random) -> String {
    random.number(6)
}

pub(crate) fn pem(random: &mut Random) -> String {
    let kind = random.word(&[
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "DSA PRIVATE KEY",
    ]);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let lines: Vec<String> = (0..3).map(|_| random.text(alphabet, 64)).collect();
    format!(
        "-----BEGIN {kind}-----\n{}\n{}==\n-----END {kind}-----",
        lines.join("\n"),
        random.text(alphabet, 22)
    )
}

pub(crate) fn person(random: &mut Random) -> String {
    format!("{} {}", random.word(words::FIRST_NAMES), random.word(words::LAST_NAMES))
}

pub(crate) fn street(random: &mut Random) -> String {
    format!("{} {}", random.word(words::STREETS), random.between(1, 180))
}

pub(crate) fn birth(random: &mut Random) -> String {
    let (year, month, day) =
        (random.between(1935, 2009), random.between(1, 12), random.between(1, 28));
    match random.below(3) {
        0 => format!("{day:02}.{month:02}.{year}"),
        1 => format!("{month:02}/{day:02}/{year}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    }
}

pub(crate) fn passport(random: &mut Random) -> String {
    match random.below(3) {
        0 => random.text("CFGHJKLMNPRTVWXYZ", 1) + &random.text("CFGHJKLMNPRTVWXYZ0123456789", 8),
        1 => random.number(9),
        _ => format!("{}{}", random.text("ABCDEFGHX", 2), random.digits(7)),
    }
}

pub(crate) fn bank_account(random: &mut Random) -> String {
    let length = random.between(8, 12) as usize;
    random.number(length)
}

pub(crate) fn latitude(random: &mut Random) -> String {
    format!("{}{}.{}", random.word(&["", "-"]), random.between(20, 60), random.digits(6))
}

pub(crate) fn device(random: &mut Random) -> String {
    match random.below(3) {
        0 => with_luhn(&(random.word(&["35", "86"]).to_owned() + &random.digits(12))),
        1 => format!(
            "{}-{}-{}-{}-{}",
            random.text("0123456789ABCDEF", 8),
            random.text("0123456789ABCDEF", 4),
            random.text("0123456789ABCDEF", 4),
            random.text("0123456789ABCDEF", 4),
            random.text("0123456789ABCDEF", 12)
        ),
        _ => random.text("0123456789abcdef", 16),
    }
}
