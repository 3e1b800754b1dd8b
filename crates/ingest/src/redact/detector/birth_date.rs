//! Dates of birth: `dob=1985-07-30`, `born on 30/07/1985`.
//!
//! A date is in every line of a log, so a word right before the date or a name is asked for. Under
//! a name that says so any value with a digit goes, times since an epoch too.

use super::checks::{is_day_of_year, number, part};
use super::worded::{Gap, Worded};
use crate::redact::named::Names;

/// See the module.
pub(in crate::redact) static BIRTH_DATE: Worded = Worded {
    name: "birth_date",
    placeholder: "[BIRTH_DATE]",
    example: "dob=1985-07-30 x",
    words: &[
        "dob",
        "d.o.b.",
        "date of birth",
        "birth date",
        "birthday",
        "born",
        "geburtsdatum",
        "geboren am",
        "date de naissance",
        "fecha de nacimiento",
        "data di nascita",
        "data de nascimento",
        "geboortedatum",
    ],
    needles: &[
        "dob",
        "d.o.b",
        "birth",
        "born",
        "geburtsdatum",
        "geboren",
        "naissance",
        "nacimiento",
        "nascita",
        "nascimento",
        "geboortedatum",
    ],
    shapes: &[
        "dddd dd dd",
        "dd dd dddd",
        "d d dddd",
        "dd d dddd",
        "d dd dddd",
        "dddddddd",
        "dd dd dd",
    ],
    gap: Gap::Narrow,
    is_valid,
    names: Some(Names::Exactly(&[
        "dob",
        "date of birth",
        "birth date",
        "birthday",
        "birth day",
        "born on",
        "born at",
        "birth year",
        "year of birth",
        "birth date year",
        "birth date month",
        "birth date day",
        "dob year",
        "dob month",
        "dob day",
        "geburtsdatum",
        "geburtstag",
        "date de naissance",
        "date naissance",
        "fecha de nacimiento",
        "fecha nacimiento",
        "data di nascita",
        "data nascita",
        "data de nascimento",
        "data nascimento",
        "geboortedatum",
    ])),
    is_named_value: Some(|text| {
        text.len() <= VALUE_BYTES_MAX && text.bytes().any(|byte| byte.is_ascii_digit())
    }),
    ..Worded::BASE
};

/// Longest date with its time.
const VALUE_BYTES_MAX: usize = 40;

/// Years in which people of today were born.
const YEARS: std::ops::RangeInclusive<u64> = 1_900..=2_099;

fn is_valid(signs: &[u8]) -> bool {
    let is_year = |year: &[u8]| number(year).is_some_and(|year| YEARS.contains(&year));
    let is_day = |one: &[u8], other: &[u8]| {
        let [one, other] =
            [one, other].map(|part| format!("{:0>2}", String::from_utf8_lossy(part)));
        is_day_of_year(one.as_bytes(), other.as_bytes())
            || is_day_of_year(other.as_bytes(), one.as_bytes())
    };
    match signs.len() {
        8 if is_year(part(signs, 0..4)) => is_day(part(signs, 4..6), part(signs, 6..8)),
        8 => is_year(part(signs, 4..8)) && is_day(part(signs, 0..2), part(signs, 2..4)),
        7 if is_year(part(signs, 3..7)) => {
            is_day(part(signs, 0..1), part(signs, 1..3))
                || is_day(part(signs, 0..2), part(signs, 2..3))
        }
        6 if is_year(part(signs, 2..6)) => is_day(part(signs, 0..1), part(signs, 1..2)),
        6 => {
            is_day(part(signs, 0..2), part(signs, 2..4))
                || is_day(part(signs, 2..4), part(signs, 4..6))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched, check_value};
    use super::*;
    use crate::redact::whole::Whole;

    #[test]
    fn dates_of_birth_are_replaced() {
        for (text, expected) in [
            ("dob=1985-07-30 x", "dob=[BIRTH_DATE] x"),
            ("DOB: 30/07/1985, x", "DOB: [BIRTH_DATE], x"),
            ("born on 7/30/1985.", "born on [BIRTH_DATE]."),
            (r#"{"dateOfBirth":"1985-07-30T00:00:00Z"}"#, r#"{"dateOfBirth":"[BIRTH_DATE]"}"#),
            (r#"{"birth_date":19850730}"#, r#"{"birth_date":"[BIRTH_DATE]"}"#),
            ("Geburtsdatum: 30.07.1985", "Geburtsdatum: [BIRTH_DATE]"),
            ("date de naissance 30/07/1985", "date de naissance [BIRTH_DATE]"),
        ] {
            check(&BIRTH_DATE, text, expected);
        }
        for (name, value, expected) in [
            ("user.dob", Whole::Text("30 July 1985"), true),
            ("birthday", Whole::Number(491_529_600), true),
            ("birth_date.year", Whole::Number(1_985), true),
            ("birth_date", Whole::Text("unknown"), false),
            ("date", Whole::Text("1985-07-30"), false),
        ] {
            check_value(&BIRTH_DATE, name, value, expected);
        }
    }

    #[test]
    fn other_dates_stay() {
        check_untouched(
            &BIRTH_DATE,
            &[
                "1985-07-30 30/07/1985",
                "born: worker 12, date=1985-07-30",
                "dob missing at 2026-11-20",
                "date of birth 2026-13-40",
                "rebirth 1985-07-30",
            ],
        );
    }
}
