//! The seal of a partition: `seal.json` (see [`crate::checked`]), written last, says what
//! compaction made.
//!
//! A partition is sealed when the seal's segment is the only one that the index lists. Late
//! records add segments beside it; then the partition is hot, and is sealed anew later.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tantivy::SegmentReader;
use tantivy::index::SegmentMeta;
use tierlog_model::{Level, Timestamp, fields, id_hash};

use super::checksum::{FileMark, FileSeal};
use super::counts::{LevelCounts, MinuteCounts};
use super::directory::PartitionDirectory;
use super::filter::IdFilter;
use super::windows::WindowsBuilder;
use crate::StoreError;
use crate::checked::{Content, with_checksum};
use crate::format::{FORMAT, check_version};
use crate::schema::{TIMESTAMP, attribute_column};

pub(super) const FILE_NAME: &str = "seal.json";

/// What `seal.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    /// Version of this file.
    format: u32,
    /// Id of the segment, as tantivy names files.
    segment: String,
    /// Records in it.
    pub(crate) records: u64,
    /// Moment of the oldest record, microseconds.
    pub(crate) earliest: Option<Timestamp>,
    /// Moment of the youngest record, microseconds.
    pub(crate) latest: Option<Timestamp>,
    /// Records of each level; absent when they could not be counted.
    #[serde(default)]
    levels: Option<BTreeMap<Level, u64>>,
    /// Every file of the segment, the id filter and the counts.
    pub(crate) files: BTreeMap<String, FileSeal>,
}

impl Seal {
    /// Reads the seal of a partition; `None` when it was never sealed, or when the seal does not
    /// read back: then the partition is hot, loses nothing, and is sealed again.
    pub(crate) fn read(directory: &PartitionDirectory) -> Result<Option<Seal>, StoreError> {
        let path = directory.file(FILE_NAME);
        let Some(bytes) = directory.read(FILE_NAME)? else { return Ok(None) };
        check_version(&bytes, &path)?;
        let seal = Content::of(&bytes).whole().and_then(|json| serde_json::from_slice(json).ok());
        if seal.is_none() {
            tracing::warn!(path = %path.display(), "ignore seal that does not read back");
        }
        Ok(seal)
    }

    /// Refuses a partition whose files are not as long as they were written, before they are
    /// mapped: reading a mapped file behind its end ends the process. `lengths` are those of the
    /// directory's files a moment ago.
    pub(crate) fn check_lengths(
        &self,
        directory: &PartitionDirectory,
        lengths: &BTreeMap<String, u64>,
    ) -> Result<(), StoreError> {
        // Without its filter a partition is slower, not wrong.
        let own = self.files.iter().filter(|(name, _)| self.is_of_segment(name));
        for (name, expected) in own.filter(|(name, seal)| lengths.get(*name) != Some(&seal.bytes)) {
            let path = directory.file(name);
            match directory.vfs().file_len(&path) {
                Ok(bytes) if bytes == expected.bytes => {}
                Ok(bytes) => {
                    let problem = format!("{bytes} bytes instead of {}", expected.bytes);
                    return Err(StoreError::Malformed { path, problem });
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(StoreError::Malformed { path, problem: "is missing".to_owned() });
                }
                Err(error) => return Err(StoreError::io("inspect", &path)(error)),
            }
        }
        Ok(())
    }

    /// Tells whether the seal's segment is the whole partition.
    pub(crate) fn covers(&self, segments: &[SegmentMeta]) -> bool {
        matches!(segments, [only] if only.id().uuid_string() == self.segment)
    }

    /// Returns the records of each level, if they were counted.
    pub(crate) fn level_counts(&self) -> Option<LevelCounts> {
        let levels = self.levels.as_ref()?.iter().map(|(level, records)| (*level, *records));
        let counts: LevelCounts = levels.collect();
        (counts.total() == self.records).then_some(counts)
    }

    /// Returns the mark of this seal's id filter: another seal's filter has another mark.
    pub(super) fn mark_of_filter(&self) -> Option<FileMark> {
        self.files.get(IdFilter::FILE_NAME).map(FileMark::from)
    }

    /// Tells whether a file is one of the segment, and not made of it.
    pub(super) fn is_of_segment(&self, name: &str) -> bool {
        name.starts_with(&self.segment)
    }
}

/// Writes the id filter, the counts and the seal of a merged segment.
///
/// ORDER: first the segment is compared with the checksums that the engine wrote beside its bytes:
/// nothing is derived from damage, and no seal calls it good. The seal last: a filter without a
/// seal is ignored; a seal names files that are on the disk.
pub(crate) fn write_seal(
    directory: &PartitionDirectory,
    segment: &SegmentReader,
) -> Result<Seal, StoreError> {
    let id = segment.segment_id().uuid_string();
    let mut files = BTreeMap::new();
    for name in directory.names()?.into_iter().filter(|name| name.starts_with(&id)) {
        let seal = FileSeal::of_engine_file(directory.vfs(), &directory.file(&name))?;
        files.insert(name, seal);
    }
    write_id_filter(directory, segment)?;
    let counts = MinuteCounts::of_segment(segment)?;
    if let Some(counts) = &counts {
        counts.write(directory)?;
    }
    let counted = counts.as_ref().map(|_| MinuteCounts::FILE_NAME);
    for name in [Some(IdFilter::FILE_NAME), counted].into_iter().flatten() {
        let seal = FileSeal::of(directory.vfs(), &directory.file(name))?;
        files.insert(name.to_owned(), seal);
    }
    let timestamps = segment.fast_fields().date(TIMESTAMP)?;
    let moment =
        |date: tantivy::DateTime| Timestamp::from_micros_clamped(date.into_timestamp_micros());
    let seal = Seal {
        format: FORMAT,
        segment: id,
        records: u64::from(segment.num_docs()),
        earliest: Some(moment(timestamps.min_value())),
        latest: Some(moment(timestamps.max_value())),
        levels: counts.map(|counts| counts.totals().iter().collect()),
        files,
    };
    let json = serde_json::to_vec(&seal).map_err(|error| StoreError::Malformed {
        path: directory.file(FILE_NAME),
        problem: error.to_string(),
    })?;
    directory.write_atomically(FILE_NAME, &with_checksum(&json))?;
    Ok(seal)
}

/// Writes the filter of a segment's ids: the dictionaries of the id columns hold them.
fn write_id_filter(
    directory: &PartitionDirectory,
    segment: &SegmentReader,
) -> Result<(), StoreError> {
    let mut columns = Vec::new();
    for name in fields::ID_FIELDS {
        columns.extend(
            segment.fast_fields().str(&attribute_column(name))?.map(|column| (name, column)),
        );
    }
    let count = columns.iter().map(|(_, column)| column.num_terms()).sum();
    let mut windows = WindowsBuilder::new(segment.max_doc(), count);
    let mut hashes = Vec::with_capacity(count);
    for (name, column) in columns {
        let first = hashes.len();
        let mut ids = column.dictionary().stream().map_err(StoreError::Column)?;
        while ids.advance() {
            hashes.push(id_hash(name, &String::from_utf8_lossy(ids.key())));
        }
        if let Some(windows) = &mut windows {
            windows.add(column.ords(), hashes.get(first..).unwrap_or_default());
        }
    }
    let windows = windows.map(WindowsBuilder::finish).unwrap_or_default();
    IdFilter::write(directory, hashes, &windows)
}
