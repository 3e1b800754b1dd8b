//! Files whose pieces are compared with the checksums of the seal before a search reads them.
//!
//! The bytes of a mapped file arrive; the same bytes leave, or an error when they are not the bytes
//! that were sealed. A year of sealed days is too much to compare whole for one question, and a
//! search reads little of each day: only the pieces that the search touches are compared, each once
//! while the partition is known.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tantivy::HasLen;
use tantivy::directory::{FileHandle, OwnedBytes};

use super::checksum::{FileSeal, PIECE_BYTES};

/// The checksums of a file, and which of its pieces have been compared.
#[derive(Debug)]
pub(super) struct Pieces {
    seal: FileSeal,
    compared: Vec<AtomicBool>,
}

impl Pieces {
    fn of(seal: FileSeal) -> Pieces {
        let compared = seal.crc32c.iter().map(|_| AtomicBool::new(false)).collect();
        Pieces { seal, compared }
    }

    /// Compares the pieces of a range that have not been compared yet.
    fn compare(&self, file: &dyn FileHandle, range: &Range<usize>) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        for piece in range.start / PIECE_BYTES..=(range.end - 1) / PIECE_BYTES {
            let known = self.compared.get(piece).zip(self.seal.crc32c.get(piece));
            let (compared, expected) = known.ok_or_else(mismatch)?;
            if compared.load(Ordering::Relaxed) {
                continue;
            }
            let start = piece * PIECE_BYTES;
            let bytes = file.read_bytes(start..file.len().min(start + PIECE_BYTES))?;
            if crc32c::crc32c(&bytes) != *expected {
                return Err(mismatch());
            }
            compared.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn mismatch() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "checksum mismatch")
}

/// The files of a seal. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct SealedFiles(Arc<BTreeMap<String, Arc<Pieces>>>);

impl SealedFiles {
    /// Takes the checksums of a seal. Files that were known before stay as far compared as before.
    pub(super) fn of(seals: &BTreeMap<String, FileSeal>, before: &SealedFiles) -> SealedFiles {
        let pieces = |(name, seal): (&String, &FileSeal)| {
            let known = before.0.get(name).filter(|known| known.seal == *seal);
            let pieces = known.cloned().unwrap_or_else(|| Arc::new(Pieces::of(seal.clone())));
            (name.clone(), pieces)
        };
        SealedFiles(Arc::new(seals.iter().map(pieces).collect()))
    }

    /// Tells whether a file is one of the seal.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns the handle of a file through which nothing is read that was not compared. A file
    /// that the seal does not know is left as it is.
    pub(super) fn guard(&self, name: &str, inner: Arc<dyn FileHandle>) -> Arc<dyn FileHandle> {
        match self.0.get(name) {
            Some(pieces) => Arc::new(SealedFile { inner, pieces: Arc::clone(pieces) }),
            None => inner,
        }
    }
}

/// A file of a seal.
#[derive(Debug)]
struct SealedFile {
    inner: Arc<dyn FileHandle>,
    pieces: Arc<Pieces>,
}

impl HasLen for SealedFile {
    fn len(&self) -> usize {
        self.inner.len()
    }
}

impl FileHandle for SealedFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        self.pieces.compare(self.inner.as_ref(), &range)?;
        self.inner.read_bytes(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals(bytes: &[u8]) -> BTreeMap<String, FileSeal> {
        let crc32c = bytes.chunks(PIECE_BYTES).map(crc32c::crc32c).collect();
        BTreeMap::from([("a.store".to_owned(), FileSeal { bytes: bytes.len() as u64, crc32c })])
    }

    fn open(files: &SealedFiles, bytes: &[u8]) -> Arc<dyn FileHandle> {
        files.guard("a.store", Arc::new(OwnedBytes::new(bytes.to_vec())))
    }

    #[test]
    fn only_touched_pieces_are_compared_and_a_flipped_bit_is_refused() {
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES + 9).map(|at| (at % 253) as u8).collect();
        let mut rotten = bytes.clone();
        rotten[PIECE_BYTES + 7] ^= 4;
        let files = SealedFiles::of(&seals(&bytes), &SealedFiles::default());
        let file = open(&files, &rotten);
        let read = |range: Range<usize>| file.read_bytes(range).map(|bytes| bytes.len());
        assert_eq!(read(0..PIECE_BYTES).expect("whole"), PIECE_BYTES);
        assert_eq!(read(2 * PIECE_BYTES..bytes.len()).expect("whole"), PIECE_BYTES + 9);
        for range in
            [PIECE_BYTES..PIECE_BYTES + 1, 5..bytes.len(), 2 * PIECE_BYTES - 1..bytes.len()]
        {
            let refused = read(range.clone()).expect_err("rotten");
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{range:?}");
        }
        assert_eq!(read(PIECE_BYTES..PIECE_BYTES).expect("nothing"), 0);
        // A longer file than the sealed one has bytes that nobody knows.
        let longer = open(&files, &[bytes.as_slice(), &[0; PIECE_BYTES]].concat());
        assert!(longer.read_bytes(bytes.len()..bytes.len() + PIECE_BYTES).is_err());
    }

    #[test]
    fn what_was_compared_is_not_compared_again_while_the_seal_is_the_same() {
        let bytes = vec![7_u8; PIECE_BYTES + 1];
        let files = SealedFiles::of(&seals(&bytes), &SealedFiles::default());
        assert!(open(&files, &bytes).read_bytes(0..9).is_ok());
        let again = SealedFiles::of(&seals(&bytes), &files);
        let mut rotten = bytes.clone();
        rotten[3] ^= 1;
        assert!(open(&again, &rotten).read_bytes(0..9).is_ok());
        let other = SealedFiles::of(&seals(&rotten), &files);
        assert!(open(&other, &bytes).read_bytes(0..9).is_err());
        assert!(files.has("a.store") && !files.has("b.store"));
        let foreign = files.guard("b.store", Arc::new(OwnedBytes::new(rotten)));
        assert!(foreign.read_bytes(0..9).is_ok());
    }
}
