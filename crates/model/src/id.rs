//! The 64-bit key under which an id is indexed and filtered.

use twox_hash::XxHash3_64;

/// Returns the key of an id: a hash of the field's name and the id's text.
///
/// This value is on disk (indexed terms and id filters), so it never changes within a format
/// version: XXH3-64, seed 0, over `name`, a NUL byte, `value`. A hit is always verified against
/// the column, so a collision costs a look and never a wrong answer.
pub fn id_hash(field: &str, value: &str) -> u64 {
    let mut key = Vec::with_capacity(field.len() + 1 + value.len());
    key.extend_from_slice(field.as_bytes());
    key.push(0);
    key.extend_from_slice(value.as_bytes());
    XxHash3_64::oneshot(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_on_disk_never_changes() {
        assert_eq!(id_hash("request_id", "abc"), 7_581_388_952_850_552_011);
        assert_ne!(id_hash("request_id", "abc"), id_hash("trace_id", "abc"));
    }
}
