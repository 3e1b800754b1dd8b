//! What the log gives back of a partition that went into quarantine.
//!
//! What the partition said of itself arrives; from which record on it is indexed again, and which
//! records must have been read from the log in one piece for none to be missing, leave.

use std::ops::Range;
use std::path::{Path, PathBuf};

use tierlog_model::{Day, TierId, Tiers};

use crate::PartitionId;
use crate::partition::Committed;

/// What the log may give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rebuild {
    /// Records below it do not come back: some of them were deleted one by one, and nobody knows
    /// which. 0 is none.
    pub(crate) gone_below: u64,
    /// Number of the first record that the partition had; `None` when it can never be whole again.
    pub(crate) first: Option<u64>,
}

impl Rebuild {
    /// Returns the number of the first record that may come back.
    pub(crate) fn from(self) -> u64 {
        self.first.unwrap_or(self.gone_below)
    }

    /// Plans it. `committed` is `None` when the partition cannot say what it was; `next_seq` is
    /// the number of the next record.
    pub(crate) fn plan(
        tier: TierId,
        tiers: &Tiers,
        committed: Option<Committed>,
        next_seq: u64,
    ) -> Rebuild {
        match committed {
            Some(committed) => Rebuild {
                gone_below: committed.deleted,
                first: (committed.deleted == 0).then_some(committed.first),
            },
            // Only dead letters are ever deleted one by one.
            None if tier == tiers.dead_letter() => Rebuild { gone_below: next_seq, first: None },
            // A log that has forgotten nothing has all of it.
            None => Rebuild { gone_below: 0, first: Some(0) },
        }
    }
}

/// A partition in quarantine whose records are being read from the log again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rebuilding {
    id: PartitionId,
    /// Where it is.
    path: PathBuf,
    /// Number behind its last record.
    until: u64,
    /// Every record from its first up to this number was read.
    read: u64,
}

impl Rebuilding {
    /// Takes up a partition whose records have numbers of a range.
    pub(crate) fn new(id: PartitionId, path: PathBuf, range: Range<u64>) -> Rebuilding {
        Rebuilding { id, path, until: range.end, read: range.start }
    }

    pub(crate) fn day(&self) -> Day {
        self.id.day
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number below which everything must be committed before anything can be said.
    pub(crate) fn until(&self) -> u64 {
        self.until
    }

    /// Notes that all records of a range were read. A range behind a gap says nothing: the log may
    /// be read again from further back.
    pub(crate) fn read(&mut self, range: &Range<u64>) {
        if range.start <= self.read {
            self.read = self.read.max(range.end);
        }
    }

    /// Tells whether every record of the partition was read.
    pub(crate) fn is_whole(&self) -> bool {
        self.read >= self.until
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::Tenant;

    use super::*;

    #[test]
    fn what_the_log_has_comes_back_and_what_was_deleted_does_not() {
        let tiers = Tiers::standard();
        let (info, letters) = (tiers.by_name("info").expect("a tier"), tiers.dead_letter());
        let committed =
            |first, deleted| Some(Committed { first, position: 90, deleted, paired_values: 0 });
        for (tier, committed, gone_below, first) in [
            (info, committed(10, 0), 0, Some(10)),
            (info, None, 0, Some(0)),
            (letters, committed(10, 0), 0, Some(10)),
            (letters, committed(10, 50), 50, None),
            (letters, None, 100, None),
        ] {
            let plan = Rebuild::plan(tier, &tiers, committed, 100);
            assert_eq!(plan, Rebuild { gone_below, first }, "{tier:?} {committed:?}");
        }
    }

    #[test]
    fn only_a_log_without_a_gap_makes_a_partition_whole() {
        let tier = Tiers::standard().by_name("info").expect("a tier");
        let id = PartitionId {
            tenant: Tenant::DEFAULT,
            tier,
            day: "2026-11-20".parse().expect("a day"),
        };
        let check = |range, read: &[Range<u64>]| {
            let mut rebuilding = Rebuilding::new(id, PathBuf::new(), range);
            read.iter().for_each(|range| rebuilding.read(range));
            rebuilding.is_whole()
        };
        assert!(check(5..20, &[5..8, 8..9, 9..20]));
        assert!(check(7..12, &[5..8, 8..20]));
        assert!(!check(4..20, &[5..8, 8..20]), "forgotten");
        assert!(!check(5..21, &[5..8, 8..20]), "not all of it");
        assert!(!check(5..20, &[5..8, 9..20]), "a hole");
        assert!(check(9..20, &[5..8, 9..20]), "behind the hole");
        assert!(check(5..20, &[5..8, 90..99, 8..20]), "new records were added meanwhile");
        assert!(check(5..20, &[5..12, 5..8, 8..20]), "the log was read again");
    }
}
