//! Names of fields: made safe, kept apart.

use std::borrow::Cow;

use super::aliases::NameHash;
use super::collect::Field;

/// First part of the new name of a field that had to make room for another of its name.
const DISPLACED_PREFIX: &str = "original.";

/// Words of the filter over names: 4,096 bits answer "not yet seen" for most of 1,000 names.
const FILTER_WORDS: usize = 64;

/// Says of a name that it is surely new, or that it may have been seen.
#[derive(Debug)]
pub(super) struct NameFilter([u64; FILTER_WORDS]);

impl Default for NameFilter {
    fn default() -> NameFilter {
        NameFilter([0; FILTER_WORDS])
    }
}

impl NameFilter {
    /// Tells whether a name may have been asked for before, and remembers it.
    pub(super) fn may_hold(&mut self, hash: NameHash) -> bool {
        let bit = hash.0 >> 52;
        let Some(word) = self.0.get_mut((bit >> 6) as usize) else { return true };
        let mask = 1 << (bit & 63);
        let seen = *word & mask != 0;
        *word |= mask;
        seen
    }
}

/// Renames a field that makes room for another of its name; returns the new name.
pub(super) fn displace(fields: &mut [Field<'_>], index: usize) -> String {
    let mut name = fields.get(index).map(|(name, _)| name.to_string()).unwrap_or_default();
    loop {
        name.insert_str(0, DISPLACED_PREFIX);
        if fields.iter().all(|(other, _)| *other != name) {
            break;
        }
    }
    if let Some((own, _)) = fields.get_mut(index) {
        *own = Cow::Owned(name.clone());
    }
    name
}

/// Returns the end of a text that takes at most so many bytes.
pub(super) fn end_of(text: &str, bytes_max: usize) -> &str {
    let start = text.len().saturating_sub(bytes_max);
    (start..=text.len()).find_map(|start| text.get(start..)).unwrap_or_default()
}

/// Returns a name with empty segments and control characters replaced by `_`; `None` when it has
/// none of them.
pub(super) fn cleaned(name: &str) -> Option<String> {
    let mut previous = b'.';
    let mut clean = !name.is_empty();
    for &byte in name.as_bytes() {
        // Control characters beyond ASCII start with 0xc2.
        clean &= byte >= b' ' && byte != 0x7f && byte != 0xc2;
        clean &= byte != b'.' || previous != b'.';
        previous = byte;
    }
    if clean && previous != b'.' {
        return None;
    }
    let segments = name.split('.').map(|segment| match segment {
        "" => "_".to_owned(),
        _ => segment.chars().map(|c| if c.is_control() { '_' } else { c }).collect(),
    });
    Some(segments.collect::<Vec<String>>().join("."))
}
