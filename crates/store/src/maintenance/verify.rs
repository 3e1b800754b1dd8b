//! Checks every checksum that the store has.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::partition::{Seal, open_index};
use crate::{Partition, PartitionState};

/// What the check of one partition found.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionCheck {
    /// `<tier>/<yyyy-mm-dd>`.
    pub partition: String,
    /// Hot or sealed.
    pub state: PartitionState,
    /// Records in it.
    pub records: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// What is wrong; empty means that every byte is as it was written.
    pub problems: Vec<String>,
}

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// Whether everything is as it was written.
    pub ok: bool,
    /// Whole frames in the WAL.
    pub wal_frames: u64,
    /// Bytes of the WAL.
    pub wal_bytes: u64,
    /// What is wrong with the WAL.
    pub wal_problems: Vec<String>,
    /// Every partition.
    pub partitions: Vec<PartitionCheck>,
}

/// Checks every partition: tantivy's own checksums, and those of the seal.
pub(crate) fn check_partitions(catalogue: &Catalogue) -> Vec<PartitionCheck> {
    let partitions = catalogue.partitions();
    partitions.iter().filter_map(|partition| check_lasting(catalogue, partition)).collect()
}

/// Checks one partition, twice where something seems wrong: a merge or a commit may have taken
/// files away under the first look, but not the same ones twice. `None` when the partition was
/// dropped meanwhile.
pub(crate) fn check_lasting(
    catalogue: &Catalogue,
    partition: &Partition,
) -> Option<PartitionCheck> {
    let found = check_partition(partition);
    if found.problems.is_empty() {
        return Some(found);
    }
    let mut again = check_partition(partition);
    again.problems.retain(|problem| found.problems.contains(problem));
    catalogue.partition(partition.id()).map(|_| again)
}

fn check_partition(partition: &Partition) -> PartitionCheck {
    match catch_unwind(AssertUnwindSafe(|| look_at(partition))) {
        Ok(check) => check,
        Err(_) => report(partition, vec!["checking it panicked".to_owned()]),
    }
}

fn look_at(partition: &Partition) -> PartitionCheck {
    let mut problems = Vec::new();
    match open_index(partition.directory(), partition.name()) {
        Ok(index) => match index.validate_checksum() {
            Ok(damaged) => problems.extend(
                damaged.iter().map(|file| format!("{}: checksum mismatch", file.display())),
            ),
            Err(error) => problems.push(error.to_string()),
        },
        Err(error) => problems.push(error.to_string()),
    }
    if partition.state() == PartitionState::Sealed {
        match Seal::read(partition.directory()) {
            Ok(Some(seal)) => problems.extend(seal.verify(partition.directory())),
            Ok(None) => problems.push("seal.json is missing".to_owned()),
            Err(error) => problems.push(error.to_string()),
        }
    }
    problems.sort_unstable();
    problems.dedup();
    report(partition, problems)
}

fn report(partition: &Partition, problems: Vec<String>) -> PartitionCheck {
    let stats = partition.stats();
    PartitionCheck {
        partition: partition.name().to_owned(),
        state: partition.state(),
        records: stats.records,
        bytes: stats.bytes,
        problems,
    }
}
