//! The seal of a partition: `seal.json`, written last, says what compaction made.
//!
//! A partition is sealed when the seal's segment is the only one that the index lists. Late
//! records add segments beside it; then the partition is hot, and is sealed anew later.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::SegmentReader;
use tantivy::index::SegmentId;
use tierlog_model::{Timestamp, fields, id_hash};

use super::filter::IdFilter;
use crate::StoreError;
use crate::schema::{TIMESTAMP, attribute_column};

const FILE_NAME: &str = "seal.json";
const FORMAT: u32 = 1;
const READ_BUFFER_BYTES: usize = 1 << 20;

/// What `seal.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    /// Version of this file.
    format: u32,
    /// Id of the one segment, as tantivy names its files.
    segment: String,
    /// Records in it.
    pub(crate) records: u64,
    /// Moment of the oldest record, microseconds.
    pub(crate) earliest: Option<Timestamp>,
    /// Moment of the youngest record, microseconds.
    pub(crate) latest: Option<Timestamp>,
    /// Every file of the segment, and the id filter.
    pub(crate) files: BTreeMap<String, FileSeal>,
}

/// Length and checksum of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileSeal {
    pub(crate) bytes: u64,
    pub(crate) crc32c: u32,
}

impl Seal {
    /// Reads the seal of a partition; `None` when it was never sealed.
    pub(crate) fn read(directory: &Path) -> Result<Option<Seal>, StoreError> {
        let path = directory.join(FILE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        };
        match serde_json::from_slice::<Seal>(&bytes) {
            Ok(seal) if seal.format == FORMAT => Ok(Some(seal)),
            Ok(seal) => {
                Err(StoreError::FormatVersion { path, found: seal.format, expected: FORMAT })
            }
            Err(error) => Err(StoreError::Malformed { path, problem: error.to_string() }),
        }
    }

    /// Tells whether the seal's segment is the whole partition.
    pub(crate) fn covers(&self, segments: &[SegmentId]) -> bool {
        matches!(segments, [only] if only.uuid_string() == self.segment)
    }

    /// Compares every file with its recorded checksum. Returns what does not match.
    pub(crate) fn verify(&self, directory: &Path) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, expected) in &self.files {
            match FileSeal::of(&directory.join(name)) {
                Ok(found) if found == *expected => {}
                Ok(_) => problems.push(format!("{name}: checksum mismatch")),
                Err(error) => problems.push(error.to_string()),
            }
        }
        problems
    }
}

impl FileSeal {
    fn of(path: &Path) -> Result<FileSeal, StoreError> {
        let mut file = File::open(path).map_err(StoreError::io("open", path))?;
        let mut buffer = vec![0_u8; READ_BUFFER_BYTES];
        let mut seal = FileSeal { bytes: 0, crc32c: 0 };
        loop {
            let count = file.read(&mut buffer).map_err(StoreError::io("read", path))?;
            if count == 0 {
                return Ok(seal);
            }
            let chunk = buffer.get(..count).unwrap_or_default();
            seal.bytes += count as u64;
            seal.crc32c = crc32c::crc32c_append(seal.crc32c, chunk);
        }
    }
}

/// Writes the id filter and the seal of a merged segment.
///
/// ORDER: filter before seal. A filter without a seal is ignored; a seal names a filter that is
/// on the disk.
pub(crate) fn write_seal(directory: &Path, segment: &SegmentReader) -> Result<Seal, StoreError> {
    let filter = IdFilter::write(directory, id_hashes(segment)?)?;
    let id = segment.segment_id().uuid_string();
    let mut files = BTreeMap::new();
    for name in crate::files::list_names(directory)? {
        if name.starts_with(&id) || filter.file_name().is_some_and(|filter| filter == &*name) {
            let seal = FileSeal::of(&directory.join(&name))?;
            files.insert(name, seal);
        }
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
        files,
    };
    let path = directory.join(FILE_NAME);
    let json = serde_json::to_vec_pretty(&seal).map_err(|error| StoreError::Malformed {
        path: path.clone(),
        problem: error.to_string(),
    })?;
    crate::files::write_atomically(&path, &json)?;
    Ok(seal)
}

/// Returns the hash of every id of a segment: the dictionaries of the id columns hold them.
fn id_hashes(segment: &SegmentReader) -> Result<Vec<u64>, StoreError> {
    let mut hashes = Vec::new();
    for name in fields::ID_FIELDS {
        let Some(column) = segment.fast_fields().str(&attribute_column(name))? else { continue };
        let mut ids = column.dictionary().stream().map_err(StoreError::Column)?;
        while ids.advance() {
            hashes.push(id_hash(name, &String::from_utf8_lossy(ids.key())));
        }
    }
    Ok(hashes)
}
