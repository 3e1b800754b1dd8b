//! Names of fields: made safe, kept apart.

use std::borrow::Cow;

use tierlog_model::limits::FIELD_NAME_BYTES_MAX;

use super::aliases::NameHash;
use super::collect::Field;

/// First part of the new name of a field that had to make room for another of its name.
const DISPLACED_PREFIX: &str = "original.";

/// Words of the filter over names: 4,096 bits answer "not yet seen" for most of 1,000 names.
const FILTER_WORDS: usize = 64;

/// Tells of a name whether the name is surely new or may have been seen.
#[derive(Debug)]
pub(super) struct NameFilter([u64; FILTER_WORDS]);

impl Default for NameFilter {
    fn default() -> NameFilter {
        NameFilter([0; FILTER_WORDS])
    }
}

impl NameFilter {
    /// Forgets every name.
    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Tells whether a name may have been asked for before.
    pub(super) fn holds(&self, hash: NameHash) -> bool {
        let bit = hash.0 >> 52;
        self.0.get((bit >> 6) as usize).is_none_or(|word| word >> (bit & 63) & 1 != 0)
    }

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
    let name = fields.get(index).map(|(name, _)| displaced(fields, name)).unwrap_or_default();
    if let Some((own, _)) = fields.get_mut(index) {
        *own = Cow::Owned(name.clone());
    }
    name
}

/// Returns the name under which a value is kept that makes room for another of its name:
/// `original.x`, numbered when that is taken (`original.x_2`). The beginning of a name is cut when
/// the result would be too long.
pub(super) fn displaced(fields: &[Field<'_>], name: &str) -> String {
    let room = FIELD_NAME_BYTES_MAX - DISPLACED_PREFIX.len() - NUMBER_BYTES_MAX;
    let mut displaced = [DISPLACED_PREFIX, end_of(name, room)].concat();
    let is_taken = |name: &str| fields.iter().any(|(other, _)| other == name);
    if !is_taken(&displaced) {
        return displaced;
    }
    // One look counts how many there are, so that a thousand equal names do not try a thousand
    // numbers each.
    let base_bytes = displaced.len();
    let family = |other: &str| {
        other.strip_prefix(displaced.as_str()).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('_').is_some_and(|n| n.parse::<u32>().is_ok())
        })
    };
    let mut number = 1 + fields.iter().filter(|(other, _)| family(other)).count();
    loop {
        displaced.truncate(base_bytes);
        displaced.push_str(&format!("_{number}"));
        if !is_taken(&displaced) {
            return displaced;
        }
        number += 1;
    }
}

/// Room for the number of a name: a record has at most some thousands of fields.
const NUMBER_BYTES_MAX: usize = 8;

/// Returns the end of a text that takes at most so many bytes.
pub(super) fn end_of(text: &str, bytes_max: usize) -> &str {
    let start = text.len().saturating_sub(bytes_max);
    (start..=text.len()).find_map(|start| text.get(start..)).unwrap_or_default()
}

/// Returns a name as records may have it.
pub(super) fn cleaned_name(name: &str) -> String {
    cleaned(name).unwrap_or_else(|| name.to_owned())
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
