//! The id filter of a sealed partition: may this id be here, and where?
//!
//! A binary fuse filter over the id hashes of the sealed segment, about nine bits an id, wrong
//! for fewer than one absent id in 250 and never for a present one. Of few ids the hashes
//! themselves are listed, cut to three bytes: that is a byte an id more than such a small filter
//! takes, and wrong for one absent id in ten thousand at most, so that a look-up over a year of
//! small partitions opens none in vain. A large file is mapped and stays in the page cache; a small
//! one is read: a map of its own would take a whole page. Behind it stand the windows of documents
//! that each id may lie in, when the segment has several.
//!
//! ```text
//! ids.filter := magic "TLIDF\0\0\1"   format version in the last byte
//!               crc32c u32 LE         over everything that follows
//!               descriptor            xorf's, DESCRIPTOR_LEN bytes; zeros when hashes are listed
//!               length u32 LE         of the fingerprints
//!               fingerprints          or the first three bytes of each hash, BE, sorted
//!               windows               to the end; see `windows.rs`
//! ```

use std::ops::Range;
use std::sync::Arc;

use tantivy::DocId;
use tantivy::directory::OwnedBytes;
use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable, Filter, FilterRef};

use super::checksum::FileMark;
use super::directory::PartitionDirectory;
use super::view::{FilterCharge, ReaderUsage};
use super::windows::Windows;
use crate::StoreError;

const MAGIC: [u8; 8] = *b"TLIDF\0\0\x01";
const CRC_BYTES: usize = 4;
const LENGTH_BYTES: usize = 4;
/// Bytes up to which a filter is read into memory: a page, which mapping it would take.
const READ_BYTES_MAX: u64 = 4 << 10;
/// Ids up to which their hashes are listed: then the file is a page at most.
const LISTED_IDS_MAX: usize = 1_000;
/// Bytes of a listed hash.
const LISTED_BYTES: usize = 3;
/// In place of a descriptor; the descriptor of a filter with segments is never zeros.
const LIST: [u8; DESCRIPTOR_BYTES] = [0; DESCRIPTOR_BYTES];
const DESCRIPTOR_BYTES: usize = <BinaryFuse8 as DmaSerializable>::DESCRIPTOR_LEN;

/// What a file holds.
struct Parts<'a> {
    descriptor: &'a [u8],
    fingerprints: &'a [u8],
    windows: &'a [u8],
}

/// A filter that lies in a mapped file.
#[derive(Debug)]
pub(crate) struct IdFilter {
    file: OwnedBytes,
    /// What the filter takes of the readers' memory while it is open.
    _charge: Option<FilterCharge>,
}

impl IdFilter {
    /// Its name in the directory of a partition.
    pub(crate) const FILE_NAME: &str = "ids.filter";

    /// Maps the filter of a partition; `None` when there is none, or when it does not read back:
    /// then every query looks into the partition, which is slower and still right.
    pub(crate) fn open(directory: &PartitionDirectory) -> Result<Option<IdFilter>, StoreError> {
        let path = directory.file(Self::FILE_NAME);
        let is_small = directory.vfs().file_len(&path).is_ok_and(|bytes| bytes <= READ_BYTES_MAX);
        let file = match is_small {
            true => directory.read(Self::FILE_NAME)?.map(OwnedBytes::new),
            false => directory.map(Self::FILE_NAME)?,
        };
        let Some(file) = file else { return Ok(None) };
        if checked_body(&file).is_some() {
            return Ok(Some(IdFilter { file, _charge: None }));
        }
        tracing::warn!(path = %path.display(), "ignore id filter that does not read back");
        Ok(None)
    }

    /// Tells whether the file is the one that a seal marks.
    pub(super) fn is_marked(&self, mark: FileMark) -> bool {
        FileMark::of(&self.file) == mark
    }

    /// Charges the memory of the filter; a mapped filter takes a map alone.
    pub(super) fn charged_to(mut self, usage: &Arc<ReaderUsage>) -> IdFilter {
        let bytes = Some(self.file.len()).filter(|bytes| *bytes as u64 <= READ_BYTES_MAX);
        self._charge = Some(usage.charge_filter(bytes.unwrap_or(0)));
        self
    }

    /// Tells whether an id may be in the sealed segment.
    pub(crate) fn may_contain(&self, id_hash: u64) -> bool {
        match self.parts() {
            Some(Parts { descriptor, fingerprints, .. }) if descriptor == LIST => {
                list_contains(fingerprints, id_hash)
            }
            Some(Parts { descriptor, fingerprints, .. }) => {
                BinaryFuse8Ref::from_dma(descriptor, fingerprints).contains(&id_hash)
            }
            None => true,
        }
    }

    /// Returns the documents among which those of an id lie, disjoint and ascending; `None` when
    /// they may lie anywhere.
    pub(crate) fn spans(&self, id_hash: u64, max_doc: DocId) -> Option<Vec<Range<DocId>>> {
        Some(Windows::of(self.parts()?.windows)?.spans(id_hash, max_doc))
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let body = self.file.get(MAGIC.len() + CRC_BYTES..)?;
        let (descriptor, body) = body.split_at_checked(DESCRIPTOR_BYTES)?;
        let (len, body) = body.split_first_chunk::<LENGTH_BYTES>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        let (fingerprints, windows) = body.split_at_checked(len)?;
        Some(Parts { descriptor, fingerprints, windows })
    }

    /// Writes the filter of a set of ids, and the windows that they lie in, and syncs it.
    pub(crate) fn write(
        directory: &PartitionDirectory,
        mut hashes: Vec<u64>,
        windows: &[u8],
    ) -> Result<(), StoreError> {
        hashes.sort_unstable();
        hashes.dedup();
        let mut descriptor = LIST;
        let mut fingerprints = Vec::new();
        if hashes.len() <= LISTED_IDS_MAX {
            fingerprints.extend(hashes.iter().flat_map(|hash| listed(*hash)));
        } else {
            let filter = BinaryFuse8::try_from(&hashes).map_err(|problem| {
                let path = directory.file(Self::FILE_NAME);
                StoreError::Malformed { path, problem: problem.to_owned() }
            })?;
            filter.dma_copy_descriptor_to(&mut descriptor);
            fingerprints.extend_from_slice(filter.dma_fingerprints());
        }
        let length = (fingerprints.len() as u32).to_le_bytes();
        let parts: [&[u8]; 4] = [&descriptor, &length, &fingerprints, windows];
        let crc = parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part));
        let mut bytes = Vec::from(MAGIC);
        bytes.extend_from_slice(&crc.to_le_bytes());
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        directory.write_atomically(Self::FILE_NAME, &bytes)
    }
}

/// Returns what a list has of a hash; ascending for ascending hashes.
fn listed(hash: u64) -> [u8; LISTED_BYTES] {
    let [first, second, third, ..] = hash.to_be_bytes();
    [first, second, third]
}

fn list_contains(list: &[u8], hash: u64) -> bool {
    let (hashes, _) = list.as_chunks::<LISTED_BYTES>();
    hashes.binary_search(&listed(hash)).is_ok()
}

fn checked_body(file: &[u8]) -> Option<&[u8]> {
    let rest = file.strip_prefix(&MAGIC)?;
    let (crc, body) = rest.split_first_chunk::<CRC_BYTES>()?;
    let valid = body.len() >= DESCRIPTOR_BYTES && crc32c::crc32c(body) == u32::from_le_bytes(*crc);
    valid.then_some(body)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::backend::DiskVfs;

    fn scratch() -> (tempfile::TempDir, PartitionDirectory, PathBuf) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().to_owned();
        let file = path.join(IdFilter::FILE_NAME);
        (directory, PartitionDirectory::new(Arc::new(DiskVfs), path), file)
    }

    #[test]
    fn present_ids_are_found_and_absent_ones_mostly_not() {
        let (_scratch, directory, _) = scratch();
        let present: Vec<u64> =
            (0..10_000).map(|n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        IdFilter::write(&directory, present.clone(), &[]).expect("written");
        let filter = IdFilter::open(&directory).expect("readable").expect("there");
        assert!(present.iter().all(|hash| filter.may_contain(*hash)));
        let wrong = (1..=10_000_u64).filter(|n| filter.may_contain(*n)).count();
        assert!(wrong < 100, "{wrong} of 10000 absent ids");
    }

    #[test]
    fn few_ids_are_listed_and_hardly_ever_mistaken() {
        let (_scratch, directory, path) = scratch();
        let hash = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        for count in [1, 2, LISTED_IDS_MAX as u64, LISTED_IDS_MAX as u64 + 1] {
            let present: Vec<u64> = (0..count).map(hash).collect();
            IdFilter::write(&directory, present.clone(), &[]).expect("written");
            let filter = IdFilter::open(&directory).expect("readable").expect("there");
            assert!(present.iter().all(|hash| filter.may_contain(*hash)), "{count}");
            let wrong = (count..count + 10_000).filter(|n| filter.may_contain(hash(*n))).count();
            let is_listed = count <= LISTED_IDS_MAX as u64;
            assert!(wrong < if is_listed { 5 } else { 100 }, "{wrong} of 10000");
            let bytes = std::fs::metadata(&path).expect("there").len();
            assert!(bytes <= READ_BYTES_MAX, "{bytes}");
        }
    }

    #[test]
    fn an_empty_or_damaged_filter_is_safe() {
        let (_scratch, directory, path) = scratch();
        assert!(IdFilter::open(&directory).expect("readable").is_none());
        IdFilter::write(&directory, Vec::new(), &[]).expect("written");
        let filter = IdFilter::open(&directory).expect("readable").expect("there");
        assert!(!filter.may_contain(7));
        drop(filter);
        IdFilter::write(&directory, (0..100).collect(), &[]).expect("written");
        let mut bytes = std::fs::read(&path).expect("read");
        if let Some(byte) = bytes.last_mut() {
            *byte ^= 1;
        }
        std::fs::write(&path, bytes).expect("write");
        assert!(IdFilter::open(&directory).expect("readable").is_none());
    }
}
