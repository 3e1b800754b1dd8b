//! Numbers and texts of variable length, in postcard's form: fields and names consist of them.

/// Most bytes of a number.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

/// Returns how many bytes [`write_text`] appends.
pub(crate) fn text_bytes(text: &str) -> usize {
    let length_bits = usize::BITS - (text.len() | 1).leading_zeros();
    length_bits.div_ceil(7) as usize + text.len()
}

/// Appends a text behind its length.
#[inline]
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    write_varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number: seven bits a byte, the lowest first; the high bit says that more follow.
#[inline]
pub(crate) fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads a text behind its length.
#[inline]
pub(crate) fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = take_varint(bytes)?;
    let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// Reads numbers of up to 63 bits.
#[inline]
pub(crate) fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // Fast path: numbers of names, lengths, small integers.
    if let Some((first, rest)) = bytes.split_first()
        && *first < 0x80
    {
        return Some((u64::from(*first), rest));
    }
    let mut number = 0_u64;
    for (position, byte) in bytes.iter().take(9).enumerate() {
        number |= u64::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(position + 1..)?));
        }
    }
    None
}
