//! Check digits that several kinds of numbers share, over ASCII digits. What holds other signs, or
//! is empty, fails every check.

/// Returns the value of each digit; `None` when a sign is no digit.
pub(super) fn digits(signs: &[u8]) -> Option<Vec<u32>> {
    signs.iter().map(|sign| char::from(*sign).to_digit(10)).collect()
}

/// Returns the number that some digits are; `None` for other signs, and for what is too long.
pub(super) fn number(signs: &[u8]) -> Option<u64> {
    std::str::from_utf8(signs)
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?
        .parse()
        .ok()
}

/// Returns the sum of digits, each multiplied by its weight.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Returns the check digit modulo 11 of a weighted sum; 0 where the digit would be 10 or 11.
pub(super) fn modulo_11_digit(sum: u32) -> u32 {
    match sum % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    }
}

/// Tells whether the last digit is Luhn's (ISO/IEC 7812-1, annex B).
pub(super) fn has_luhn(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs) else { return false };
    let doubled = |(index, digit): (usize, &u32)| match (index % 2, *digit) {
        (0, digit) => digit,
        (_, digit @ 0..=4) => digit * 2,
        (_, digit) => digit * 2 - 9,
    };
    !digits.is_empty()
        && digits.iter().rev().enumerate().map(doubled).sum::<u32>().is_multiple_of(10)
}

/// Products in the dihedral group of ten elements, and the permutation by position.
const GROUP: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];
const PERMUTATION: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];

/// Tells whether the last digit is Verhoeff's (J. Verhoeff, Error Detecting Decimal Codes, 1969).
pub(super) fn has_verhoeff(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs) else { return false };
    let check =
        digits.iter().rev().zip(PERMUTATION.iter().cycle()).fold(0, |check, (digit, row)| {
            let permuted = row.get(*digit as usize).copied().unwrap_or_default();
            let products = GROUP.get(usize::from(check));
            products.and_then(|row| row.get(usize::from(permuted))).copied().unwrap_or_default()
        });
    !digits.is_empty() && check == 0
}

/// Tells whether the last digit is that of ISO/IEC 7064, MOD 11,10.
pub(super) fn has_mod_11_10(signs: &[u8]) -> bool {
    let Some(digits) = digits(signs) else { return false };
    let Some((last, front)) = digits.split_last() else { return false };
    let product = front.iter().fold(10, |product, digit| {
        let sum = match (product + digit) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    (product + last) % 10 == 1
}

/// Tells whether all signs are the same: numbers that pass checks and belong to nobody.
pub(super) fn is_one_sign(signs: &[u8]) -> bool {
    signs.first().is_none_or(|first| signs.iter().all(|sign| sign == first))
}

/// Tells whether day and month, each of two digits, are of a calendar.
pub(super) fn is_day_of_year(day: &[u8], month: &[u8]) -> bool {
    let day = number(day).unwrap_or(0);
    match number(month).unwrap_or(0) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => (1..=31).contains(&day),
        4 | 6 | 9 | 11 => (1..=30).contains(&day),
        2 => (1..=29).contains(&day),
        _ => false,
    }
}

/// Returns the signs in a range; no sign for a range that is not there.
pub(super) fn part(signs: &[u8], range: std::ops::Range<usize>) -> &[u8] {
    signs.get(range).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_find_each_wrong_digit() {
        for (check, valid) in [
            (has_luhn as fn(&[u8]) -> bool, "4111111111111111"),
            (has_luhn, "046454286"),
            (has_verhoeff, "997543231948"),
            (has_verhoeff, "2363"),
            (has_mod_11_10, "86095742719"),
            (has_mod_11_10, "07945"),
        ] {
            assert!(check(valid.as_bytes()), "{valid}");
            for position in 0..valid.len() {
                for wrong in b'0'..=b'9' {
                    let mut number = valid.as_bytes().to_vec();
                    if std::mem::replace(&mut number[position], wrong) != wrong {
                        assert!(!check(&number), "{valid} {position} {wrong}");
                    }
                }
            }
            assert!(!check(b"") && !check(b"12a4"));
        }
    }

    #[test]
    fn days_are_those_of_a_calendar() {
        assert!(is_day_of_year(b"29", b"02") && is_day_of_year(b"31", b"12"));
        assert!(!is_day_of_year(b"30", b"02") && !is_day_of_year(b"31", b"04"));
        assert!(!is_day_of_year(b"00", b"01") && !is_day_of_year(b"01", b"13"));
        assert!(!is_day_of_year(b"1x", b"01"));
    }
}
