//! The records of a writer since its opening, and the payload of the next commit.
//!
//! Numbered records arrive and go into chunks; positions and payloads of commits leave. How the
//! engine gets the chunks is the writer's.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tierlog_model::{EncodedRecord, metric_names};

use crate::StoreError;
use crate::document::{Chunk, FieldNames, SeenTemplates};
use crate::format::FORMAT;

/// What a commit says about itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    format: u32,
    pub(super) committed: Committed,
}

/// What a commit says of its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    /// Number of the first record that the partition ever had: what the log has from here on is
    /// the whole of it.
    pub(crate) first: u64,
    /// Every record of this partition with a smaller number is in the index.
    pub(crate) position: u64,
    /// Position at which records were last deleted; 0 when none ever was.
    #[serde(default)]
    pub(crate) deleted: u64,
    /// Values in the index whose names have no column of their own.
    #[serde(default)]
    pub(crate) paired_values: u64,
}

/// What the next commit of a writer is to hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uncommitted {
    position: Option<u64>,
    records: u64,
    paired_values: u64,
}

impl Uncommitted {
    /// Tells whether an index at a position holds it.
    pub(crate) fn is_in(self, position: u64) -> bool {
        self.position == Some(position)
    }

    /// Counts its records as indexed.
    pub(crate) fn count(self, partition: &str) {
        // tenant '/' tier '/' day
        let tier = partition.split('/').nth(1).unwrap_or_default().to_owned();
        metrics::counter!(metric_names::INDEXED, "tier" => tier.clone()).increment(self.records);
        // A label set that was never counted is not written out: most tiers have no such value.
        if self.paired_values > 0 {
            metrics::counter!(metric_names::PAIRED_VALUES, "tier" => tier)
                .increment(self.paired_values);
        }
    }
}

/// Records that went into a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    position: Option<u64>,
    records: u64,
}

/// A commit that is about to be made.
#[derive(Debug)]
pub(super) struct NextCommit {
    committed: Committed,
    payload: String,
}

impl NextCommit {
    /// Returns what the engine's list of segments is to say.
    pub(super) fn payload(&self) -> &str {
        &self.payload
    }
}

/// The records of a writer since its opening.
pub(super) struct Filling {
    names: FieldNames,
    templates: SeenTemplates,
    /// Number after the last record that was added; `None` when none was since the opening.
    position: Option<u64>,
    /// The position in the index: no commit goes behind it.
    committed_position: u64,
    uncommitted_records: u64,
    /// The payload of the next commit, without position and new values.
    committed: Option<Committed>,
}

impl std::fmt::Debug for Filling {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} uncommitted", self.uncommitted_records)
    }
}

impl Filling {
    /// Begins with the names that have columns, and the payload of the last commit.
    pub(super) fn new(names: FieldNames, payload: Option<&str>) -> Filling {
        let payload = payload.and_then(|json| serde_json::from_str::<Payload>(json).ok());
        Filling {
            names,
            templates: SeenTemplates::default(),
            position: None,
            committed_position: payload.as_ref().map_or(0, |payload| payload.committed.position),
            uncommitted_records: 0,
            committed: payload.map(|payload| payload.committed),
        }
    }

    /// Puts records into a chunk until it is full, and returns the others.
    pub(super) fn fill<'r, 'b>(
        &mut self,
        chunk: &mut Chunk,
        records: &'r [(u64, EncodedRecord<'b>)],
    ) -> (Filled, &'r [(u64, EncodedRecord<'b>)]) {
        let mut rest = records;
        let mut position = self.position;
        while !chunk.is_full()
            && let Some(((seq, record), tail)) = rest.split_first()
        {
            chunk.push(*seq, record, &mut self.names, &mut self.templates);
            // A letter stands for an older record: the index still has everything below.
            position = position.max(Some(self.committed_position.max(seq + 1)));
            rest = tail;
        }
        if let (None, Some((first, _))) = (self.committed, records.first()) {
            self.committed = Some(Committed { first: *first, ..Committed::default() });
        }
        (Filled { position, records: (records.len() - rest.len()) as u64 }, rest)
    }

    /// Says that the engine has the records of a chunk.
    pub(super) fn note_added(&mut self, filled: Filled) {
        self.position = filled.position;
        self.uncommitted_records += filled.records;
    }

    /// Says that records are deleted with the next commit; `position` is that of the last one.
    pub(super) fn note_deleted(&mut self, position: u64) {
        let position = *self.position.get_or_insert(position);
        let committed = self.committed.get_or_insert_default();
        committed.deleted = committed.deleted.max(position);
    }

    /// Returns how many records the next commit will make searchable.
    pub(super) fn uncommitted_records(&self) -> u64 {
        self.uncommitted_records
    }

    /// Returns the number after the last record that the next commit is to hold.
    pub(super) fn below(&self) -> u64 {
        self.position.unwrap_or(0)
    }

    /// Returns what the next commit is to hold.
    pub(super) fn uncommitted(&self) -> Uncommitted {
        Uncommitted {
            position: self.position,
            records: self.uncommitted_records,
            paired_values: self.names.paired_values(),
        }
    }

    /// Returns what the next commit says; `None` when there is nothing to commit.
    pub(super) fn next_commit(&self, name: &str) -> Result<Option<NextCommit>, StoreError> {
        let Some(position) = self.position else { return Ok(None) };
        let before = self.committed.unwrap_or_default();
        let paired_values = before.paired_values + self.names.paired_values();
        let committed = Committed { position, paired_values, ..before };
        let payload = serde_json::to_string(&Payload { format: FORMAT, committed })
            .map_err(|error| malformed(name, &error))?;
        Ok(Some(NextCommit { committed, payload }))
    }

    /// Says that a commit is durable.
    pub(super) fn note_committed(&mut self, made: &NextCommit, name: &str) {
        self.uncommitted().count(name);
        self.committed_position = made.committed.position;
        self.uncommitted_records = 0;
        self.committed = Some(made.committed);
        self.names.forget_paired_values();
    }
}

/// Returns the error for a payload that does not read, or cannot be written.
pub(super) fn malformed(name: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Malformed { path: PathBuf::from(name), problem: format!("commit payload: {error}") }
}
