//! Carries the choices of maintenance out, in an order that a crash cannot spoil.
//!
//! Expire: tombstone, rename into `trash/`, sync both directories, delete. After a crash the next
//! start finishes what the tombstone says, and empties `trash/`.
//!
//! Seal: merge inside the index (tantivy replaces meta.json atomically), id filter, seal.json. A
//! crash in between leaves a partition without a seal, which is hot and is sealed again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::catalogue::Catalogue;
use crate::indexer::Indexer;
use crate::layout::Layout;
use crate::partition::write_seal;
use crate::{PartitionId, StoreError, trash};

/// Drops one partition.
pub(super) fn expire(
    indexer: &Indexer,
    layout: &Layout,
    id: PartitionId,
) -> Result<(), StoreError> {
    let trashed = indexer.drop_partition(id)?;
    trash::delete(layout, &trashed)
}

/// Seals one partition. Returns its bytes afterwards.
pub(super) fn seal(
    indexer: &Indexer,
    catalogue: &Catalogue,
    id: PartitionId,
) -> Result<u64, StoreError> {
    // Damaged bytes may make the search engine panic: that is one partition, not the round.
    match catch_unwind(AssertUnwindSafe(|| merge_and_seal(indexer, catalogue, id))) {
        Ok(sealed) => sealed,
        Err(_) => Err(StoreError::Malformed {
            path: PathBuf::from(id.name(catalogue.tiers())),
            problem: "sealing it panicked".to_owned(),
        }),
    }
}

fn merge_and_seal(
    indexer: &Indexer,
    catalogue: &Catalogue,
    id: PartitionId,
) -> Result<u64, StoreError> {
    indexer.merge_partition(id)?;
    let partition = catalogue
        .partition(id)
        .ok_or_else(|| StoreError::NoPartition(id.name(catalogue.tiers())))?;
    let view = partition.view()?;
    // Late records may have added segments meanwhile; the merged one is the largest.
    let segments = view.segments().iter().map(|segment| segment.reader());
    if let Some(segment) = segments.max_by_key(|segment| segment.max_doc()) {
        write_seal(partition.directory(), segment)?;
    }
    catalogue.refresh(id)?;
    Ok(partition.stats().bytes)
}
