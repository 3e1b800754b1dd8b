//! Check digits of numbers that are written on cards and papers.

/// Returns digits with their Luhn digit behind them.
pub(crate) fn with_luhn(body: &str) -> String {
    let sum: u32 = digits(body)
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => digit * 2 / 10 + digit * 2 % 10,
            _ => digit,
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// Returns the sum of digits times their weights.
pub(crate) fn weighted(body: &str, weights: &[u32]) -> u32 {
    digits(body).zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Returns the digits of a text as numbers.
pub(crate) fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.chars().filter_map(|letter| letter.to_digit(10))
}

/// Returns a number of any length modulo 97; letters count from A = 10.
pub(crate) fn modulo_97(text: &str) -> u32 {
    text.chars().filter_map(|letter| letter.to_digit(36)).fold(0, |rest, digit| {
        let shift = if digit < 10 { 10 } else { 100 };
        (rest * shift + digit) % 97
    })
}

/// Verhoeff's multiplication of the dihedral group, its permutation, and its inverses.
const VERHOEFF_TIMES: [[usize; 10]; 10] = [
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
const VERHOEFF_TURN: [usize; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
const VERHOEFF_INVERSE: [usize; 10] = [0, 4, 3, 2, 1, 5, 6, 7, 8, 9];

/// Returns digits with their Verhoeff digit behind them.
pub(crate) fn with_verhoeff(body: &str) -> String {
    let state = digits(body).rev().enumerate().fold(0, |state, (place, digit)| {
        let turned = (0..=place).fold(digit as usize, |digit, _| at(&VERHOEFF_TURN, digit));
        VERHOEFF_TIMES.get(state).map_or(0, |row| at(row, turned))
    });
    format!("{body}{}", at(&VERHOEFF_INVERSE, state))
}

fn at(table: &[usize; 10], place: usize) -> usize {
    table.get(place).copied().unwrap_or_default()
}

/// Returns digits with the digit of ISO 7064 modulo 11, 10 behind them.
pub(crate) fn with_iso_11_10(body: &str) -> String {
    let product = digits(body).fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    format!("{body}{}", (11 - product) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_have_their_check_digits() {
        assert_eq!(with_luhn("411111111111111"), "4111111111111111");
        assert_eq!(with_verhoeff("236"), "2363");
        assert_eq!(with_iso_11_10("0794"), "07945");
        assert_eq!(modulo_97("370400440532013000DE89"), 1);
    }
}
