//! The names of a partition's fields, which bound its columns.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use tierlog_model::limits;
use twox_hash::XxHash3_64;

/// Field names of one partition, by hash.
#[derive(Debug, Default)]
pub(crate) struct FieldNames(HashSet<u64, BuildHasherDefault<AsIs>>);

impl FieldNames {
    /// Tells whether a field may be a column: it is known, or there is room for one more name.
    /// The answer for a name never changes: a partition forgets none.
    pub(crate) fn admit(&mut self, name: &str) -> bool {
        let hash = XxHash3_64::oneshot(name.as_bytes());
        if self.0.contains(&hash) {
            return true;
        }
        self.0.len() < limits::FIELDS_PER_PARTITION_MAX && self.0.insert(hash)
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = XxHash3_64::oneshot(bytes);
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
