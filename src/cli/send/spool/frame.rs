//! Bytes of a frame: whole lines that were written to the spool at one time.
//!
//! ```text
//! frame := "TLSF" length:u32 crc:u32 line_count:u32 batch:u64 first_line:u64 written_at:i64
//!          place line{length}
//! place := source:u64 device:u64 inode:u64 offset:u64 lines:u64 counted:u64 prefix_crc:u32
//! ```
//!
//! Little-endian. `crc` is CRC-32C over `length` and everything behind `crc`. A damaged frame is
//! noticed; the next whole one is found by its first four bytes.

use bytes::{Buf as _, BufMut as _};

use super::super::place::Place;

/// How a frame begins.
const MARK: &[u8; 4] = b"TLSF";

/// Bytes before the lines.
pub(super) const HEADER_BYTES: usize = 16 + 24 + PLACE_BYTES;

/// Bytes of a place.
pub(super) const PLACE_BYTES: usize = 52;

/// Longest lines of a frame: twice the longest line that is sent, and a read. A greater length is
/// damage, and allocates nothing.
const LINES_BYTES_MAX: usize = 32 << 20;

/// What a frame says of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct FrameHead {
    /// Bytes of the lines.
    pub(in super::super) length: usize,
    /// Lines that are not blank.
    pub(in super::super) line_count: u32,
    /// The batch that they belong to.
    pub(in super::super) batch: u64,
    /// Number of the first line that is not blank.
    pub(in super::super) first_line: u64,
    /// When they were written, microseconds since 1970.
    pub(in super::super) written_at: i64,
    /// How far their input had been read.
    pub(in super::super) place: Place,
}

/// Appends a frame to a buffer. `head.length` is that of the lines.
pub(super) fn encode(buffer: &mut Vec<u8>, head: &FrameHead, lines: &[u8]) {
    assert!(
        lines.len() == head.length && lines.len() <= LINES_BYTES_MAX,
        "the cutter bounds lines"
    );
    buffer.put_slice(MARK);
    buffer.put_u32_le(lines.len() as u32);
    let crc_at = buffer.len();
    buffer.put_u32_le(0);
    let rest_at = buffer.len();
    buffer.put_u32_le(head.line_count);
    buffer.put_u64_le(head.batch);
    buffer.put_u64_le(head.first_line);
    buffer.put_i64_le(head.written_at);
    put_place(buffer, &head.place);
    buffer.put_slice(lines);
    let crc = checksum(lines.len() as u32, buffer.get(rest_at..).unwrap_or_default());
    if let Some(slot) = buffer.get_mut(crc_at..rest_at) {
        slot.copy_from_slice(&crc.to_le_bytes());
    }
}

/// Reads the whole frame at the beginning of some bytes; nothing where there is none.
pub(super) fn decode(bytes: &[u8]) -> Option<(FrameHead, &[u8])> {
    let (mut fields, _) = bytes.split_at_checked(HEADER_BYTES)?;
    if !fields.starts_with(MARK) {
        return None;
    }
    fields.advance(MARK.len());
    let length = fields.get_u32_le();
    let crc = fields.get_u32_le();
    if length as usize > LINES_BYTES_MAX {
        return None;
    }
    let end = HEADER_BYTES + length as usize;
    let rest = bytes.get(HEADER_BYTES - fields.len()..end)?;
    if checksum(length, rest) != crc {
        return None;
    }
    let head = FrameHead {
        length: length as usize,
        line_count: fields.get_u32_le(),
        batch: fields.get_u64_le(),
        first_line: fields.get_u64_le(),
        written_at: fields.get_i64_le(),
        place: get_place(&mut fields),
    };
    Some((head, bytes.get(HEADER_BYTES..end)?))
}

/// Returns where the next bytes are that begin as a frame does.
pub(super) fn find_next(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, MARK)
}

/// Appends a place to a buffer.
pub(super) fn put_place(buffer: &mut Vec<u8>, place: &Place) {
    for field in [place.source, place.device, place.inode, place.offset, place.lines, place.counted]
    {
        buffer.put_u64_le(field);
    }
    buffer.put_u32_le(place.prefix_crc);
}

/// Takes a place from bytes that are long enough.
pub(super) fn get_place(fields: &mut &[u8]) -> Place {
    Place {
        source: fields.get_u64_le(),
        device: fields.get_u64_le(),
        inode: fields.get_u64_le(),
        offset: fields.get_u64_le(),
        lines: fields.get_u64_le(),
        counted: fields.get_u64_le(),
        prefix_crc: fields.get_u32_le(),
    }
}

fn checksum(length: u32, rest: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(length: usize) -> FrameHead {
        let place = Place {
            source: 1,
            device: 2,
            inode: 3,
            offset: 4,
            lines: 5,
            counted: 6,
            prefix_crc: 7,
        };
        FrameHead { length, line_count: 2, batch: 8, first_line: 9, written_at: -10, place }
    }

    fn frame(lines: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&mut bytes, &head(lines.len()), lines);
        bytes
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = frame(b"one\ntwo\n");
        assert_eq!(bytes.len(), HEADER_BYTES + 8);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_none(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_none(), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_as_written(lines: Vec<u8>, rest: Vec<u8>) {
            let mut bytes = frame(&lines);
            bytes.extend_from_slice(&rest);
            let (read, found) = decode(&bytes).expect("a frame");
            prop_assert_eq!(read, head(lines.len()));
            prop_assert_eq!(found, lines.as_slice());
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes: Vec<u8>) {
            prop_assert!(decode(&bytes).is_none());
        }
    }
}
