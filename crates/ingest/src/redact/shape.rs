//! Shapes: how a number is printed, as a pattern of one sign a character.
//!
//! | sign | stands for |
//! |---|---|
//! | `d` | a digit |
//! | `u` | a capital |
//! | `w` | a capital or a digit |
//! | `l` | a letter of either case |
//! | `x` | a letter or a digit |
//! | a space | what divides groups: a space, dash, dot or slash |
//! | `~` | the sign of a century in Finland: `+`, `-`, or a capital |
//! | anything else | itself |

/// Most letters and digits of a number.
pub(super) const SIGNS_MAX: usize = 24;

/// The letters and digits of a number, in upper case and without what divides them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    signs: [u8; SIGNS_MAX],
    length: usize,
}

impl Signs {
    /// Returns the letters and digits of a whole value that holds nothing else but dividers; `None`
    /// for any other value.
    pub(super) fn of(text: &str) -> Option<Signs> {
        let mut signs = Signs::default();
        for byte in text.bytes() {
            match byte {
                _ if byte.is_ascii_alphanumeric() => signs.push(byte)?,
                b' ' | b'-' | b'.' | b'/' | b'+' => {}
                _ => return None,
            }
        }
        Some(signs)
    }

    /// Returns the digits of a whole number, zeros in front up to a length.
    pub(super) fn of_number(mut number: u64, length: usize) -> Option<Signs> {
        let mut signs = Signs { length, ..Signs::default() };
        for sign in signs.signs.get_mut(..length)?.iter_mut().rev() {
            *sign = b'0' + (number % 10) as u8;
            number /= 10;
        }
        (number == 0).then_some(signs)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.signs.get_mut(self.length)? = byte.to_ascii_uppercase();
        self.length += 1;
        Some(())
    }

    /// Returns them.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.signs.get(..self.length).unwrap_or_default()
    }
}

/// Tells whether a byte fits a sign of a shape.
#[inline]
pub(super) fn fits(sign: u8, byte: u8) -> bool {
    match sign {
        b'd' => byte.is_ascii_digit(),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        b'l' => byte.is_ascii_alphabetic(),
        b'x' => byte.is_ascii_alphanumeric(),
        b' ' => matches!(byte, b' ' | b'-' | b'.' | b'/'),
        b'~' => matches!(byte, b'+' | b'-' | b'A'..=b'F' | b'U'..=b'Y'),
        _ => sign == byte,
    }
}

/// Returns the letters and digits of the text of a shape at a position; `None` when the shape is
/// not there. A sign between groups is left out, but for the sign of a century.
pub(super) fn signs_at(bytes: &[u8], start: usize, shape: &str) -> Option<Signs> {
    let text = bytes.get(start..start + shape.len())?;
    let mut signs = Signs::default();
    for (sign, byte) in shape.bytes().zip(text) {
        if !fits(sign, *byte) {
            return None;
        }
        if byte.is_ascii_alphanumeric() {
            signs.push(*byte)?;
        }
    }
    Some(signs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_sign_by_sign() {
        for (shape, text, expected) in [
            ("ddd.ddd.ddd-dd", "529.982.247-25", Some("52998224725")),
            ("ddd.ddd.ddd-dd", "529.982.247.25", None),
            ("ddd ddd", "529-982", Some("529982")),
            ("uu dd", "AB 12", Some("AB12")),
            ("uu dd", "ab 12", None),
            ("ll dd", "ab 12", Some("AB12")),
            ("ww", "A1", Some("A1")),
            ("dddddd~dddw", "131052-308T", Some("131052308T")),
            ("dddddd~dddw", "131052A308T", Some("131052A308T")),
            ("ddd", "12", None),
        ] {
            let signs = signs_at(text.as_bytes(), 0, shape);
            let signs = signs.as_ref().map(Signs::as_bytes);
            assert_eq!(signs, expected.map(str::as_bytes), "{shape} {text}");
        }
    }

    #[test]
    fn whole_values_are_letters_digits_and_dividers() {
        let of = |text| Signs::of(text).map(|signs| signs.as_bytes().to_vec());
        assert_eq!(of("ab-12 3.4/5").as_deref(), Some(b"AB12345".as_slice()));
        assert_eq!(of("12_3"), None);
        assert_eq!(of(&"1".repeat(SIGNS_MAX + 1)), None);
        let number =
            |number, length| Signs::of_number(number, length).map(|n| n.as_bytes().to_vec());
        assert_eq!(number(42, 4).as_deref(), Some(b"0042".as_slice()));
        assert_eq!(number(12_345, 4), None);
    }
}
