//! How many records of each level fall into each minute of a sealed partition.
//!
//! The seal counts them once, so that a histogram over a year, or a count of one level, reads
//! kilobytes (or nothing: the totals stand in `seal.json`) instead of opening every partition.
//!
//! ```text
//! minutes.counts := magic "TLMIN\0\0\1"   format version in the last byte
//!                   crc32c u32 LE         over everything that follows
//!                   per level that occurs, least severe first:
//!                     level u8, number of minutes varint, then per minute, ascending:
//!                       minutes since the one before varint (the first: since 1970, zigzag)
//!                       records varint
//! ```

use tantivy::SegmentReader;
use tierlog_model::{Level, Timestamp};

use super::directory::PartitionDirectory;
use crate::StoreError;
use crate::schema::{LEVEL, TIMESTAMP};

const MAGIC: [u8; 8] = *b"TLMIN\0\0\x01";
const CRC_BYTES: usize = 4;
/// A varint of 64 bits ends within so many bytes.
const VARINT_BYTES_MAX: u32 = 10;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// Records by level; the position is the level's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelCounts([u64; Level::ALL.len()]);

impl LevelCounts {
    /// Returns the records of a level.
    pub fn of(&self, level: Level) -> u64 {
        self.0.get(level as usize).copied().unwrap_or(0)
    }

    /// Returns the records of every level.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds records of a level.
    pub fn add(&mut self, level: Level, records: u64) {
        if let Some(count) = self.0.get_mut(level as usize) {
            *count = count.saturating_add(records);
        }
    }

    /// Returns the levels that have records, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (Level, u64)> {
        Level::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

impl FromIterator<(Level, u64)> for LevelCounts {
    fn from_iter<I: IntoIterator<Item = (Level, u64)>>(counts: I) -> LevelCounts {
        let mut all = LevelCounts::default();
        counts.into_iter().for_each(|(level, records)| all.add(level, records));
        all
    }
}

/// Records by minute and level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinuteCounts {
    /// Each minute that has records once, sorted.
    minutes: Vec<(i64, LevelCounts)>,
}

impl MinuteCounts {
    /// Its name in the directory of a partition.
    pub(super) const FILE_NAME: &str = "minutes.counts";

    /// Returns each minute with records: first moment, last moment, and the records.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, Timestamp, LevelCounts)> {
        self.minutes.iter().map(|(minute, counts)| {
            let start = minute.saturating_mul(MICROS_PER_MINUTE);
            let moment = Timestamp::from_micros_clamped;
            (moment(start), moment(start.saturating_add(MICROS_PER_MINUTE - 1)), *counts)
        })
    }

    /// Returns the records of each level over all minutes.
    pub fn totals(&self) -> LevelCounts {
        self.minutes.iter().flat_map(|(_, counts)| counts.iter()).collect()
    }

    /// Counts the records of a segment; `None` when one has no moment or a level of another
    /// version.
    pub(super) fn of_segment(segment: &SegmentReader) -> Result<Option<MinuteCounts>, StoreError> {
        let moments = segment.fast_fields().date(TIMESTAMP)?;
        let Some(names) = segment.fast_fields().str(LEVEL)? else { return Ok(None) };
        let mut levels = Vec::with_capacity(names.num_terms());
        let mut name = String::new();
        for ordinal in 0..names.num_terms() as u64 {
            names.ord_to_str(ordinal, &mut name).map_err(StoreError::Column)?;
            levels.push(Level::from_name(&name));
        }
        let mut runs = Vec::new();
        // Neighbours mostly lie in one minute: the map is asked once for each run of them.
        let (mut run_minute, mut run) = (i64::MIN, LevelCounts::default());
        for doc in segment.doc_ids_alive() {
            let level = names.ords().first(doc).and_then(|ordinal| levels.get(ordinal as usize));
            let (Some(moment), Some(Some(level))) = (moments.first(doc), level) else {
                return Ok(None);
            };
            let minute = moment.into_timestamp_micros().div_euclid(MICROS_PER_MINUTE);
            if minute != run_minute {
                runs.push((run_minute, run));
                (run_minute, run) = (minute, LevelCounts::default());
            }
            run.add(*level, 1);
        }
        runs.push((run_minute, run));
        Ok(Some(MinuteCounts::of_runs(runs)))
    }

    /// Adds up what belongs to one minute.
    fn of_runs(mut runs: Vec<(i64, LevelCounts)>) -> MinuteCounts {
        runs.retain(|(_, records)| records.total() > 0);
        // Mostly sorted already, which costs one look.
        runs.sort_by_key(|(minute, _)| *minute);
        runs.dedup_by(|(minute, records), (kept_minute, kept)| {
            let same = minute == kept_minute;
            if same {
                records.iter().for_each(|(level, records)| kept.add(level, records));
            }
            same
        });
        MinuteCounts { minutes: runs }
    }

    /// Writes the counts beside their segment.
    pub(super) fn write(&self, directory: &PartitionDirectory) -> Result<(), StoreError> {
        let mut body = Vec::new();
        for level in Level::ALL {
            let of_level = |(minute, counts): &(i64, LevelCounts)| match counts.of(level) {
                0 => None,
                records => Some((*minute, records)),
            };
            let minutes: Vec<(i64, u64)> = self.minutes.iter().filter_map(of_level).collect();
            if minutes.is_empty() {
                continue;
            }
            body.push(level as u8);
            push_varint(&mut body, minutes.len() as u64);
            let mut before = None;
            for (minute, records) in minutes {
                push_varint(
                    &mut body,
                    before.map_or(zigzag(minute), |earlier| minute.abs_diff(earlier)),
                );
                push_varint(&mut body, records);
                before = Some(minute);
            }
        }
        let mut file = Vec::with_capacity(MAGIC.len() + CRC_BYTES + body.len());
        file.extend_from_slice(&MAGIC);
        file.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        file.extend_from_slice(&body);
        directory.write_atomically(Self::FILE_NAME, &file)
    }

    /// Reads them; `None` when there are none, or when they do not read back: then whoever asks
    /// looks into the partition, which is slower and still right.
    pub(super) fn read(directory: &PartitionDirectory) -> Result<Option<MinuteCounts>, StoreError> {
        let Some(file) = directory.read(Self::FILE_NAME)? else { return Ok(None) };
        let counts = checked_body(&file).and_then(decode);
        if counts.is_none() {
            let path = directory.file(Self::FILE_NAME);
            tracing::warn!(path = %path.display(), "ignore counts that do not read back");
        }
        Ok(counts)
    }
}

fn checked_body(file: &[u8]) -> Option<&[u8]> {
    let (crc, body) = file.strip_prefix(&MAGIC)?.split_first_chunk::<CRC_BYTES>()?;
    (crc32c::crc32c(body) == u32::from_le_bytes(*crc)).then_some(body)
}

fn decode(mut body: &[u8]) -> Option<MinuteCounts> {
    let mut runs = Vec::new();
    while let Some((level, rest)) = body.split_first() {
        let level = Level::from_u8(*level)?;
        body = rest;
        let mut minute: Option<i64> = None;
        for _ in 0..take_varint(&mut body)? {
            let step = take_varint(&mut body)?;
            let next = match minute {
                None => unzigzag(step),
                Some(before) => before.checked_add_unsigned(step)?,
            };
            let mut records = LevelCounts::default();
            records.add(level, take_varint(&mut body)?);
            runs.push((next, records));
            minute = Some(next);
        }
    }
    Some(MinuteCounts::of_runs(runs))
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for position in 0..VARINT_BYTES_MAX {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F).checked_shl(7 * position)?;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::backend::DiskVfs;

    fn scratch() -> (tempfile::TempDir, PartitionDirectory) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().to_owned();
        (directory, PartitionDirectory::new(Arc::new(DiskVfs), path))
    }

    fn counts(records: &[(i64, u8, u64)]) -> MinuteCounts {
        let run = |(minute, level, records): &(i64, u8, u64)| {
            let level = Level::from_u8(*level).expect("a level");
            (*minute, LevelCounts::from_iter([(level, *records)]))
        };
        MinuteCounts::of_runs(records.iter().map(run).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_written_reads_back(
            records in prop::collection::vec((-3_000_000_000_i64..3_000_000_000, 0_u8..5, 1_u64..1 << 40), 0..50)
        ) {
            let (_kept, directory) = scratch();
            let written = counts(&records);
            written.write(&directory).expect("written");
            prop_assert_eq!(MinuteCounts::read(&directory).expect("readable"), Some(written));
        }
    }

    #[test]
    fn damaged_counts_are_ignored() {
        let (_kept, directory) = scratch();
        assert_eq!(MinuteCounts::read(&directory).expect("readable"), None);
        counts(&[(29_000_000, 1, 7), (29_000_001, 4, 1)]).write(&directory).expect("written");
        let path = directory.file(MinuteCounts::FILE_NAME);
        let whole = std::fs::read(&path).expect("read");
        for (position, _) in whole.iter().enumerate() {
            let mut bytes = whole.clone();
            if let Some(byte) = bytes.get_mut(position) {
                *byte ^= 4;
            }
            std::fs::write(&path, bytes).expect("write");
            assert_eq!(MinuteCounts::read(&directory).expect("readable"), None, "{position}");
        }
    }

    #[test]
    fn a_year_by_minutes_stays_small() {
        let (_kept, directory) = scratch();
        let busy: Vec<(i64, u8, u64)> = (0..1440)
            .flat_map(|minute| [(29_000_000 + minute, 1, 700), (29_000_000 + minute, 2, 30)])
            .collect();
        counts(&busy).write(&directory).expect("written");
        let bytes = std::fs::read(directory.file(MinuteCounts::FILE_NAME)).expect("read").len();
        assert!(bytes < 8_000, "{bytes} bytes for a busy day of two levels");
    }
}
