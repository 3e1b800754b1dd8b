//! Numbers of people that states give out, with valid check digits.

use crate::checksum::{digits, modulo_97, weighted, with_iso_11_10, with_luhn, with_verhoeff};
use crate::random::Random;

/// Tries until a draw has what the state demands.
fn until(random: &mut Random, mut draw: impl FnMut(&mut Random) -> Option<String>) -> String {
    loop {
        if let Some(text) = draw(random) {
            return text;
        }
    }
}

fn day(random: &mut Random) -> (u64, u64, u64) {
    (random.between(1930, 2009), random.between(1, 12), random.between(1, 28))
}

pub(crate) fn us_ssn(random: &mut Random) -> String {
    let area = until(random, |random| {
        let area = random.between(1, 899);
        (area != 666).then(|| format!("{area:03}"))
    });
    format!("{area}-{:02}-{:04}", random.between(1, 99), random.between(1, 9_999))
}

pub(crate) fn us_itin(random: &mut Random) -> String {
    let group = *random.pick(&[50, 58, 65, 70, 77, 88, 90, 92, 94, 99]);
    format!("9{:02}-{group:02}-{:04}", random.between(0, 99), random.between(1, 9_999))
}

pub(crate) fn uk_nino(random: &mut Random) -> String {
    let prefix = random.word(&["AB", "CE", "JG", "PW", "SN", "YZ", "HK", "ZX", "EA", "LM"]);
    let number = random.digits(6);
    let suffix = random.text("ABCD", 1);
    if random.percent(50) {
        return format!("{prefix}{number}{suffix}");
    }
    let pair = |from: usize| number.get(from..from + 2).unwrap_or_default();
    format!("{prefix} {} {} {} {suffix}", pair(0), pair(2), pair(4))
}

pub(crate) fn uk_nhs(random: &mut Random) -> String {
    let text = until(random, |random| {
        let body = random.word(&["4", "6", "7"]).to_owned() + &random.digits(8);
        let check = 11 - weighted(&body, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        match check {
            10 => None,
            11 => Some(body + "0"),
            check => Some(format!("{body}{check}")),
        }
    });
    grouped(random, &text, &[3, 3, 4], " ")
}

const DNI_LETTERS: &str = "TRWAGMYFPDXBNJZSQVHLCKE";

fn dni_letter(number: u32) -> char {
    DNI_LETTERS.chars().nth(number as usize % 23).unwrap_or('T')
}

pub(crate) fn es_dni(random: &mut Random) -> String {
    let number = random.between(1_000_000, 99_999_999) as u32;
    let joint = random.word(&["", "", "-"]);
    format!("{number:08}{joint}{}", dni_letter(number))
}

pub(crate) fn es_nie(random: &mut Random) -> String {
    let head = random.below(3);
    let number = random.between(100_000, 9_999_999) as u32;
    let letter = dni_letter(head * 10_000_000 + number);
    let first = ["X", "Y", "Z"].get(head as usize).copied().unwrap_or("X");
    let joint = random.word(&["", "", "-"]);
    format!("{first}{joint}{number:07}{joint}{letter}")
}

/// Values of characters at odd places of a codice fiscale, by 0-9 and then A-Z.
const CODICE_ODD: [u32; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6,
    8, 12, 14, 16, 10, 22, 25, 24, 23,
];

pub(crate) fn it_codice_fiscale(random: &mut Random) -> String {
    let (year, _, day) = day(random);
    let month = random.text("ABCDEHLMPRST", 1);
    let day = day + if random.percent(50) { 40 } else { 0 };
    let consonants = "BCDFGLMNPRSTVZ";
    let body = format!(
        "{}{}{:02}{month}{day:02}{}{}",
        random.text(consonants, 3),
        random.text(consonants, 3),
        year % 100,
        random.word(&["H", "F", "L", "A", "D"]),
        random.digits(3)
    );
    let sum: u32 = body
        .chars()
        .enumerate()
        .filter_map(|(place, letter)| {
            let value = letter.to_digit(36)?;
            match place % 2 {
                0 => CODICE_ODD.get(value as usize).copied(),
                _ => Some(if value < 10 { value } else { value - 10 }),
            }
        })
        .sum();
    format!("{body}{}", char::from(b'A' + (sum % 26) as u8))
}

pub(crate) fn de_tax_id(random: &mut Random) -> String {
    // Of the first ten digits one comes twice, another never.
    let mut pool: Vec<char> = "0123456789".chars().collect();
    let mut body = String::new();
    while let Some(last) = pool.len().checked_sub(1).filter(|last| *last > 0) {
        body.push(pool.swap_remove(random.below(last as u32 + 1) as usize));
    }
    let twice = body.chars().nth(random.below(5) as usize).unwrap_or('1');
    body.insert(body.len() - 1, twice);
    if body.starts_with('0') {
        body = body.chars().rev().collect();
    }
    if body.starts_with('0') {
        body.replace_range(0..1, "");
        body.push('0');
    }
    let text = with_iso_11_10(&body);
    grouped(random, &text, &[2, 3, 3, 3], " ")
}

pub(crate) fn fr_nir(random: &mut Random) -> String {
    let (year, month, _) = day(random);
    let body = format!(
        "{}{:02}{month:02}{:02}{:03}{:03}",
        random.between(1, 2),
        year % 100,
        random.between(1, 19),
        random.between(1, 499),
        random.between(1, 499)
    );
    let rest = digits(&body).fold(0_u64, |rest, digit| (rest * 10 + u64::from(digit)) % 97);
    let text = format!("{body}{:02}", 97 - rest);
    grouped(random, &text, &[1, 2, 2, 2, 3, 3, 2], " ")
}

pub(crate) fn nl_bsn(random: &mut Random) -> String {
    until(random, |random| {
        let body = random.number(8);
        let check = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
        (check < 10).then(|| format!("{body}{check}"))
    })
}

pub(crate) fn pl_pesel(random: &mut Random) -> String {
    let (year, month, day) = day(random);
    let month = if year >= 2000 { month + 20 } else { month };
    let body = format!("{:02}{month:02}{day:02}{}", year % 100, random.digits(4));
    let check = (10 - weighted(&body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    format!("{body}{check}")
}

fn eleven(body: &str, weights: &[u32]) -> u32 {
    match weighted(body, weights) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    }
}

pub(crate) fn br_cpf(random: &mut Random) -> String {
    let body = random.digits(9);
    let first = eleven(&body, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let body = format!("{body}{first}");
    let second = eleven(&body, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let text = format!("{body}{second}");
    if random.percent(30) {
        return text;
    }
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}.{}.{}-{}", part(0, 3), part(3, 6), part(6, 9), part(9, 11))
}

pub(crate) fn br_cnpj(random: &mut Random) -> String {
    let body = random.digits(8) + "0001";
    let first = eleven(&body, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
    let body = format!("{body}{first}");
    let second = eleven(&body, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);
    let text = format!("{body}{second}");
    if random.percent(30) {
        return text;
    }
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}.{}.{}/{}-{}", part(0, 2), part(2, 5), part(5, 8), part(8, 12), part(12, 14))
}

pub(crate) fn in_aadhaar(random: &mut Random) -> String {
    let body = random.text("23456789", 1) + &random.digits(10);
    let text = with_verhoeff(&body);
    grouped(random, &text, &[4, 4, 4], " ")
}

pub(crate) fn in_pan(random: &mut Random) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let holder = random.text("PCHFATBLJG", 1);
    let digits = random.digits(4);
    format!(
        "{}{holder}{}{digits}{}",
        random.text(letters, 3),
        random.text(letters, 1),
        random.text(letters, 1)
    )
}

pub(crate) fn au_tfn(random: &mut Random) -> String {
    let text = until(random, |random| {
        let body = random.number(9);
        let sum = weighted(&body, &[1, 4, 3, 7, 5, 8, 6, 9, 10]);
        sum.is_multiple_of(11).then_some(body)
    });
    grouped(random, &text, &[3, 3, 3], " ")
}

pub(crate) fn ca_sin(random: &mut Random) -> String {
    let body = random.text("1234567", 1) + &random.digits(7);
    let text = with_luhn(&body);
    let joint = random.word(&[" ", "-"]);
    grouped(random, &text, &[3, 3, 3], joint)
}

pub(crate) fn se_personnummer(random: &mut Random) -> String {
    let (year, month, day) = day(random);
    let body = format!("{:02}{month:02}{day:02}{}", year % 100, random.digits(3));
    let text = with_luhn(&body);
    let (birth, rest) = text.split_at(6);
    match random.below(3) {
        0 => text,
        1 => format!("{birth}-{rest}"),
        _ => format!("{}{birth}-{rest}", year / 100),
    }
}

pub(crate) fn fi_hetu(random: &mut Random) -> String {
    let (year, month, day) = day(random);
    let birth = format!("{day:02}{month:02}{:02}", year % 100);
    let number = format!("{:03}", random.between(2, 899));
    let rest = digits(&format!("{birth}{number}"))
        .fold(0_usize, |rest, digit| (rest * 10 + digit as usize) % 31);
    let check = "0123456789ABCDEFHJKLMNPRSTUVWXY".chars().nth(rest).unwrap_or('0');
    format!("{birth}{}{number}{check}", if year >= 2000 { 'A' } else { '-' })
}

/// Writes digits together or in groups.
pub(crate) fn grouped(random: &mut Random, text: &str, groups: &[usize], joint: &str) -> String {
    if random.percent(40) { text.to_owned() } else { in_groups(text, groups, joint) }
}

/// Writes digits in groups.
pub(crate) fn in_groups(text: &str, groups: &[usize], joint: &str) -> String {
    let mut rest = text;
    let mut parts = Vec::new();
    for group in groups {
        let (part, after) = rest.split_at_checked(*group).unwrap_or((rest, ""));
        parts.push(part);
        rest = after;
    }
    parts.join(joint)
}

/// Returns the check digits of an IBAN.
pub(crate) fn iban_check(country: &str, account: &str) -> u32 {
    98 - modulo_97(&format!("{account}{country}00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_agree_with_published_rules() {
        let mut random = Random::from_seed(1);
        for _ in 0..200 {
            let tax = de_tax_id(&mut random).replace(' ', "");
            assert_eq!((tax.len(), tax.starts_with('0')), (11, false), "{tax}");
            let nhs = uk_nhs(&mut random).replace(' ', "");
            assert_eq!(weighted(&nhs, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11, 0, "{nhs}");
            let bsn = nl_bsn(&mut random);
            let sum = weighted(bsn.get(..8).expect("nine digits"), &[9, 8, 7, 6, 5, 4, 3, 2]);
            let last = digits(&bsn).next_back().expect("a digit");
            assert_eq!((sum + 11 - last) % 11, 0, "{bsn}");
        }
        assert_eq!(iban_check("DE", "370400440532013000"), 89);
        assert_eq!(dni_letter(12_345_678), 'Z');
        assert_eq!(in_groups("123456", &[2, 4], " "), "12 3456");
    }
}
