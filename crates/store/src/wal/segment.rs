//! Name and header of a segment file.

use bytes::{Buf as _, BufMut as _};
use tierlog_model::Timestamp;

/// Version of the whole format; see the drawing in [`super`]. Every version keeps the header's
/// length and the places of magic, version and checksum: flipped bits never pass for a version.
pub(super) const FORMAT_VERSION: u8 = 2;

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEADER_BYTES: usize = 40;

const MAGIC: [u8; 5] = *b"TLWAL";
const CHECKED_BYTES: usize = SEGMENT_HEADER_BYTES - 4;
const SUFFIX: &str = ".wal";
const NAME_DIGITS: usize = 20;

/// Returns the file name of the segment that begins with a record number.
pub(super) fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:020}{SUFFIX}")
}

/// Returns the first record number of a segment file's name; `None` for any other name.
pub(super) fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let well_formed = digits.len() == NAME_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    if well_formed { digits.parse().ok() } else { None }
}

/// Returns the header of a new segment. `follows` is the number up to which the log before has
/// given numbers to records: the segment's own, unless some were left out.
pub(super) fn encode_header(first_seq: u64, follows: u64, created_at: Timestamp) -> Vec<u8> {
    let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    header.put_slice(&MAGIC);
    header.put_u8(FORMAT_VERSION);
    header.put_u16_le(0);
    header.put_u64_le(first_seq);
    header.put_u64_le(follows);
    header.put_i64_le(created_at.as_micros());
    header.put_u32_le(0);
    header.put_u32_le(crc32c::crc32c(&header));
    header
}

/// What the beginning of a segment file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderState {
    /// A header of the current version that belongs to the name.
    Valid {
        /// Number up to which the log before the segment has given numbers to records.
        follows: u64,
    },
    /// Something else: damage, or a crash while the segment was made.
    Damaged,
    /// A header of another version.
    OtherVersion(u8),
}

/// Examines the beginning of a segment file.
pub(super) fn examine_header(bytes: &[u8], name_seq: u64) -> HeaderState {
    let Some(header) = bytes.first_chunk::<SEGMENT_HEADER_BYTES>() else {
        return HeaderState::Damaged;
    };
    let (checked, mut crc) = header.split_at(CHECKED_BYTES);
    let Some((&[version], mut rest)) =
        checked.strip_prefix(&MAGIC).and_then(<[u8]>::split_first_chunk)
    else {
        return HeaderState::Damaged;
    };
    if crc.get_u32_le() != crc32c::crc32c(checked) {
        return HeaderState::Damaged;
    }
    if version != FORMAT_VERSION {
        return HeaderState::OtherVersion(version);
    }
    let _zero = rest.get_u16_le();
    let first_seq = rest.get_u64_le();
    let follows = rest.get_u64_le();
    let belongs = first_seq == name_seq && follows <= first_seq;
    if belongs { HeaderState::Valid { follows } } else { HeaderState::Damaged }
}

impl HeaderState {
    /// Tells whether the header is as it was written.
    pub(super) fn is_valid(self) -> bool {
        matches!(self, HeaderState::Valid { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_nothing_else_does() {
        for seq in [0, 42, u64::MAX] {
            assert_eq!(parse_segment_name(&segment_name(seq)), Some(seq));
        }
        for name in ["1.wal", "+0000000000000000001.wal", "99999999999999999999.wal", "x", ""] {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_header_is_valid_damaged_or_of_another_version() {
        let header = encode_header(7, 5, Timestamp::default());
        assert_eq!(header.len(), SEGMENT_HEADER_BYTES);
        assert_eq!(examine_header(&header, 7), HeaderState::Valid { follows: 5 });
        assert_eq!(examine_header(&header, 8), HeaderState::Damaged);
        for cut in 0..header.len() {
            assert_eq!(examine_header(&header[..cut], 7), HeaderState::Damaged);
        }
        for bit in 0..header.len() * 8 {
            let mut flipped = header.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(examine_header(&flipped, 7), HeaderState::Damaged, "bit {bit}");
        }
        let mut newer = header;
        newer[5] = 9;
        assert_eq!(examine_header(&newer, 7), HeaderState::Damaged);
        let crc = crc32c::crc32c(&newer[..CHECKED_BYTES]);
        newer[CHECKED_BYTES..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(examine_header(&newer, 7), HeaderState::OtherVersion(9));
    }
}
