//! Checks every checksum that the store has.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;
use tierlog_model::memory::MemoryPart;
use tierlog_model::{Day, Tiers};

use crate::catalogue::Catalogue;
use crate::layout::Layout;
use crate::partition::{Damage, Location, PartitionDirectory, ReaderUsage, find_damage};
use crate::versions::check_all;
use crate::wal::{self, WalProblem, WalReport};
use crate::{Partition, PartitionId, PartitionState, StoreError, files};

/// What the check of one partition found.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionCheck {
    /// `<tenant>/<tier>/<yyyy-mm-dd>`.
    pub partition: String,
    /// Hot or sealed.
    pub state: PartitionState,
    /// Records in it.
    pub records: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// Problems; none means that no byte has changed.
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

/// What a look at one partition found.
#[derive(Debug)]
pub(crate) struct Look {
    /// For people.
    pub(crate) check: PartitionCheck,
    /// What has to be done about it.
    pub(crate) damage: Vec<Damage>,
}

/// Checks every partition: the engine's own checksums, and those of the seal.
pub(crate) fn check_partitions(catalogue: &Catalogue) -> Result<Vec<PartitionCheck>, StoreError> {
    let partitions = catalogue.partitions();
    let looks = partitions.iter().map(|partition| look_lasting(catalogue, partition));
    let looks: Result<Vec<Option<Look>>, StoreError> = looks.collect();
    Ok(looks?.into_iter().flatten().map(|look| look.check).collect())
}

/// Checks one partition, twice where something seems wrong: a merge or a commit may have taken
/// files away under the first look, but not the same ones twice. `None` when the partition was
/// dropped meanwhile.
pub(crate) fn look_lasting(
    catalogue: &Catalogue,
    partition: &Partition,
) -> Result<Option<Look>, StoreError> {
    let found = look_at(partition)?;
    if found.is_empty() {
        return Ok(Some(report(partition, found)));
    }
    let mut again = look_at(partition)?;
    again.retain(|damage| found.contains(damage));
    Ok(catalogue.partition(partition.id()).map(|_| report(partition, again)))
}

fn look_at(partition: &Partition) -> Result<Vec<Damage>, StoreError> {
    find_damage(partition.directory(), partition.name())
}

fn report(partition: &Partition, damage: Vec<Damage>) -> Look {
    let stats = partition.stats();
    let check = PartitionCheck {
        partition: partition.name().to_owned(),
        state: partition.state(),
        records: stats.records,
        bytes: stats.bytes,
        problems: damage.iter().map(|damage| damage.problem.clone()).collect(),
    };
    Look { check, damage }
}

/// Checks the directory of a stopped server without any change: the directory may be a read-only
/// copy.
pub(crate) fn check_directory(
    layout: &Layout,
    tiers: &Tiers,
    readers: &MemoryPart,
) -> Result<VerifyReport, StoreError> {
    let usage = Arc::new(ReaderUsage::of(readers));
    check_all(layout, &Catalogue::new(tiers.clone(), layout.clone(), readers))?;
    let wal = wal::verify(layout.vfs(), layout.root())?;
    let mut partitions = Vec::new();
    for days in layout.days_directories()?.0 {
        let (tenant, Some(tier)) = (days.tenant, tiers.by_name(&days.tier)) else { continue };
        for day_name in files::list_names(layout.vfs(), &days.path)? {
            let Ok(day) = day_name.parse::<Day>() else { continue };
            let id = PartitionId { tenant, tier, day };
            partitions.extend(check_stopped(layout, tiers, id, &usage)?);
        }
    }
    Ok(VerifyReport::of(&wal, partitions))
}

/// Checks a partition without a writer; `None` for a partition that a crash has left unfinished.
fn check_stopped(
    layout: &Layout,
    tiers: &Tiers,
    id: PartitionId,
    usage: &Arc<ReaderUsage>,
) -> Result<Option<PartitionCheck>, StoreError> {
    let (directory, name) = (PartitionDirectory::of(layout, id), id.name(tiers));
    if directory.is_unfinished() {
        return Ok(None);
    }
    let damage = find_damage(&directory, &name)?;
    // Opening maps files: it comes after the look, and only where no damage was found.
    let open = || Partition::open(id, tiers, Location::of(layout, id), Arc::clone(usage));
    if damage.is_empty()
        && let Ok(Ok(partition)) = catch_unwind(AssertUnwindSafe(open))
    {
        return Ok(Some(report(&partition, damage).check));
    }
    let mut problems: Vec<String> = damage.into_iter().map(|damage| damage.problem).collect();
    if problems.is_empty() {
        problems.push("it does not open".to_owned());
    }
    let bytes = directory.lengths()?.into_values().sum();
    Ok(Some(PartitionCheck {
        partition: name,
        state: PartitionState::Hot,
        records: 0,
        bytes,
        problems,
    }))
}

impl VerifyReport {
    /// Returns the report of what was found in the log and the partitions.
    pub(crate) fn of(wal: &WalReport, partitions: Vec<PartitionCheck>) -> VerifyReport {
        let whole = partitions.iter().all(|check| check.problems.is_empty());
        VerifyReport {
            ok: whole && wal.is_clean(),
            wal_frames: wal.frame_count,
            wal_bytes: wal.bytes,
            wal_problems: wal.problems.iter().map(describe).collect(),
            partitions,
        }
    }
}

fn describe(problem: &WalProblem) -> String {
    let WalProblem { path, offset, bytes, problem } = problem;
    format!("{} at {offset}, {bytes} bytes: {problem}", path.display())
}
