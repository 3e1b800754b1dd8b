//! Small files of JSON with a checksum, by which changed bytes are noticed.
//!
//! JSON arrives, JSON with a line of its checksum leaves, and back. Without that line a flipped
//! bit in a digit would be another position, moment or day, and nobody could tell.
//!
//! ```text
//! file := JSON "\n" crc32c of the JSON, 8 hexadecimal digits "\n"
//! ```

/// Bytes of the line of the checksum, with the line break before it.
const MARK_BYTES: usize = 10;

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'f> {
    /// The JSON that was written.
    Whole(&'f [u8]),
    /// Bytes without a checksum: of a file that is damaged, or that another version wrote.
    Unmarked(&'f [u8]),
    /// Bytes that do not have the checksum that they name.
    Damaged,
}

impl<'f> Content<'f> {
    /// Reads a file.
    pub fn of(file: &'f [u8]) -> Content<'f> {
        let Some((json, mark)) = file.split_last_chunk::<MARK_BYTES>() else {
            return Content::Unmarked(file);
        };
        let digits = mark.strip_prefix(b"\n").and_then(|rest| rest.strip_suffix(b"\n"));
        let Some(digits) = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)) else {
            return Content::Unmarked(file);
        };
        if digits == digits_of(json).as_bytes() { Content::Whole(json) } else { Content::Damaged }
    }

    /// Returns the JSON if it is what was written.
    pub fn whole(self) -> Option<&'f [u8]> {
        match self {
            Content::Whole(json) => Some(json),
            Content::Unmarked(_) | Content::Damaged => None,
        }
    }

    /// Returns the JSON unless it is known to be damaged: another version may write its files
    /// without a checksum.
    pub fn readable(self) -> Option<&'f [u8]> {
        match self {
            Content::Whole(json) | Content::Unmarked(json) => Some(json),
            Content::Damaged => None,
        }
    }
}

/// Returns the file that holds some JSON.
pub fn with_checksum(json: &[u8]) -> Vec<u8> {
    let mut file = Vec::with_capacity(json.len() + MARK_BYTES);
    file.extend_from_slice(json);
    file.push(b'\n');
    file.extend_from_slice(digits_of(json).as_bytes());
    file.push(b'\n');
    file
}

fn digits_of(json: &[u8]) -> String {
    format!("{:08x}", crc32c::crc32c(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flipped_bit_passes_for_what_was_written() {
        let json = br#"{"format":3,"position":1234}"#;
        let file = with_checksum(json);
        assert_eq!(Content::of(&file), Content::Whole(json));
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Content::of(&flipped).whole(), None, "bit {bit}");
        }
        for length in 0..file.len() {
            assert_eq!(Content::of(&file[..length]).whole(), None, "cut to {length}");
        }
        assert_eq!(Content::of(b""), Content::Unmarked(b""));
        assert_eq!(Content::of(json).readable(), Some(json.as_slice()));
        assert_eq!(Content::of(b"{}\n00000000\n").readable(), None);
    }

    /// An empty text has a checksum too.
    #[test]
    fn any_text_reads_back() {
        for text in [b"".as_slice(), b"\n", b"\n00000000\n", b"[]"] {
            assert_eq!(Content::of(&with_checksum(text)), Content::Whole(text));
        }
    }
}
