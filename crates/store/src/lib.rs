//! The store: an acked line is in the WAL, then in the index of its tier and day, until its
//! days are over.
//!
//! Data-flow order: [`wal`] takes batches from the hand-off and acks them, the indexer puts
//! their records into [`Partition`]s, the [`Catalogue`] shows them to readers, maintenance seals
//! and drops them. What never happens here: text of a line is never looked at, and nothing that
//! did not go through redaction can arrive.

#![forbid(unsafe_code)]

pub mod backend;
mod catalogue;
mod checked;
mod dead_letters;
mod directory_lock;
mod document;
mod error;
mod files;
mod format;
mod indexer;
mod layout;
mod live;
mod maintenance;
mod partition;
mod partition_id;
mod quarantine;
mod rebuild;
mod recovery;
mod schema;
mod settings;
mod side_by_side;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
mod store;
mod time;
mod tombstone;
mod trash;
mod versions;
pub mod wal;
mod wal_error;
mod words;

pub use catalogue::{Catalogue, Listed, PartitionList};
pub use checked::{Content, with_checksum};
pub use dead_letters::{LetterEnd, LetterOrder, LetterSelection, Letters, PendingReplay};
pub use document::{
    BOUND_DOCS, Beside, ColumnKind, LongTexts, OrderColumns, PairValue, RecordReader, Sought,
    StoredRecord, TemplateWords, TextReader, field_columns, has_beside, has_column_name, is_field,
    long_stamp, pair, pair_column, pair_start, read_pair, read_records, read_value,
    stamp_beginning, text_paths,
};
pub use error::StoreError;
pub use indexer::{Lateness, Unsearchable};
pub use live::LiveBatch;
pub use maintenance::{
    CompactScope, DropReason, Expiry, FailedSeal, PartitionCheck, PressureRule, QuarantineReport,
    Quarantined, SealObstacle, SealPlan, Sealed, VerifyReport,
};
pub use partition::{
    LevelCounts, MinuteCounts, OpenSegment, Partition, PartitionFacts, PartitionState,
    PartitionStats, PartitionView,
};
pub use partition_id::PartitionId;
pub use schema::{IndexFields, attribute_column, index_fields, text_term};
pub use settings::{MaintenanceJob, StoreSettings};
pub use store::{Store, StoreHealth};
pub use time::{ClockReport, ClockState};
pub use wal::{Durability, Loss};
pub use words::{
    Ending, Kind, Need, NormalText, Phrase, Signs, Term, is_run, kind, normal_form, scan_prefix,
};

#[cfg(test)]
mod tests;
