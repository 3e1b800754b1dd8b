//! The 64-bit key under which an id is indexed and filtered.

use twox_hash::XxHash3_64;

/// Keys up to this length, which nearly all are, need no allocation.
const SHORT_KEY_BYTES: usize = 128;

/// Returns the key of an id: a hash of the field's name and the id's text.
///
/// This value is on disk (indexed terms and id filters), so it never changes within a format
/// version: XXH3-64, seed 0, over `name`, a NUL byte, `value`. A hit is always verified against
/// the column, so a collision costs a look and never a wrong answer.
pub fn id_hash(field: &str, value: &str) -> u64 {
    let (name_end, end) = (field.len(), field.len() + 1 + value.len());
    let mut short = [0; SHORT_KEY_BYTES];
    // Between the two, the zero that is there stays.
    if let Some(key) = short.get_mut(..end)
        && let Some((name, [_, text @ ..])) = key.split_at_mut_checked(name_end)
    {
        name.copy_from_slice(field.as_bytes());
        text.copy_from_slice(value.as_bytes());
        return XxHash3_64::oneshot(key);
    }
    XxHash3_64::oneshot(&[field.as_bytes(), &[0], value.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_on_disk_never_changes() {
        assert_eq!(id_hash("request_id", "abc"), 7_581_388_952_850_552_011);
        assert_ne!(id_hash("request_id", "abc"), id_hash("trace_id", "abc"));
    }

    #[test]
    fn the_length_of_the_key_does_not_matter() {
        for length in SHORT_KEY_BYTES - 20..SHORT_KEY_BYTES + 20 {
            let value = "x".repeat(length);
            let key = format!("user_id\0{value}");
            assert_eq!(id_hash("user_id", &value), XxHash3_64::oneshot(key.as_bytes()));
        }
    }
}
