//! The names of a partition's fields: a bound on the columns.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use tierlog_model::{fields, limits};
use twox_hash::XxHash3_64;

use super::beside::has_column_name;

/// Field names of one partition, by hash.
#[derive(Debug)]
pub(crate) struct FieldNames {
    admitted: HashSet<u64, BuildHasherDefault<AsIs>>,
    /// Values that got no column of their own since the last commit.
    paired_values: u64,
}

impl Default for FieldNames {
    /// The names of the contract have their columns from the start.
    fn default() -> FieldNames {
        let admitted = fields::CONTRACT_FIELDS.map(|name| XxHash3_64::oneshot(name.as_bytes()));
        FieldNames { admitted: admitted.into_iter().collect(), paired_values: 0 }
    }
}

impl FieldNames {
    /// Tells whether a field may be a column: it is known, or there is room for one more name.
    /// A partition forgets no name, so the answer for one never changes while it is written.
    pub(crate) fn admit(&mut self, name: &str) -> bool {
        let hash = XxHash3_64::oneshot(name.as_bytes());
        if self.admitted.contains(&hash) {
            return true;
        }
        self.has_room() && has_column_name(name) && self.admitted.insert(hash)
    }

    /// Tells whether a further name can get a column.
    pub(crate) fn has_room(&self) -> bool {
        self.admitted.len() < fields::CONTRACT_FIELDS.len() + limits::FIELDS_PER_PARTITION_MAX
    }

    /// Counts a value whose name has no column.
    pub(super) fn count_paired(&mut self) {
        self.paired_values += 1;
    }

    /// Returns how many values got no column since they were last forgotten.
    pub(crate) fn paired_values(&self) -> u64 {
        self.paired_values
    }

    /// Counts them from nothing again.
    pub(crate) fn forget_paired_values(&mut self) {
        self.paired_values = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_has_its_columns_whatever_came_before() {
        let mut names = FieldNames::default();
        for number in 0..limits::FIELDS_PER_PARTITION_MAX {
            assert!(names.admit(&format!("hostile_{number}")));
        }
        assert!(!names.admit("one_more") && !names.has_room());
        assert!(names.admit("hostile_7"));
        assert!(fields::CONTRACT_FIELDS.into_iter().all(|name| names.admit(name)));
        assert!(!names.admit("Request_Id"), "another name");
    }
}
