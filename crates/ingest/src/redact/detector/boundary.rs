//! Neighbours of a find: bytes that make the find a part of a longer word or number.

/// Returns the byte before a position.
pub(super) fn before(bytes: &[u8], position: usize) -> Option<u8> {
    bytes.get(position.checked_sub(1)?).copied()
}

/// Returns the byte at a position.
pub(super) fn at(bytes: &[u8], position: usize) -> Option<u8> {
    bytes.get(position).copied()
}

/// Tells whether a neighbour continues a word: a letter, a digit or `_`.
pub(super) fn is_word(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Tells whether the number in a range stands alone: not inside a longer word, hexadecimal or
/// decimal number.
pub(super) fn is_lone_number(bytes: &[u8], start: usize, end: usize) -> bool {
    let letter = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    let left = before(bytes, start);
    let right = at(bytes, end);
    let is_fraction =
        left == Some(b'.') && start.checked_sub(1).is_some_and(|dot| digit(before(bytes, dot)));
    let has_fraction = right == Some(b'.') && digit(at(bytes, end + 1));
    !letter(left) && !letter(right) && !is_fraction && !has_fraction
}

/// Returns the end of the run of bytes from a position that all fulfil a condition.
pub(super) fn run_end(bytes: &[u8], start: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| wanted(**byte)).count()
}

/// Returns the start of the run of bytes up to a position that all fulfil a condition, not
/// looking further back than `floor`.
pub(super) fn run_start(
    bytes: &[u8],
    floor: usize,
    end: usize,
    wanted: impl Fn(u8) -> bool,
) -> usize {
    let rest = bytes.get(floor..end).unwrap_or_default();
    end - rest.iter().rev().take_while(|byte| wanted(**byte)).count()
}
