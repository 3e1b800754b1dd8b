//! Comparing the bytes of a partition's files with what was written.
//!
//! A path arrives; the length and checksum of a file leave, or what is wrong with it. The engine
//! ends each of its files with a checksum from the first commit on, and checks it only when it is
//! asked to, by [`verify_engine_file`]. Files are read here, never mapped: one that was
//! cut, or whose sectors do not read, is an error here, and under a map it would end the process.
//!
//! ```text
//! engine's file := body, footer (JSON, with "crc": crc32 of the body), bytes of the footer u32 LE,
//!                  magic u32 LE
//! ```

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::INDEX_FORMAT_VERSION;
use tantivy::index::{SegmentComponent, SegmentId, SegmentMeta};

use crate::StoreError;
use crate::backend::{Vfs, VfsFile, read_up_to};

/// Bytes of a piece of a file with a checksum of its own. A search that reads one block of records
/// compares a piece with its checksum, in 50 µs; a checksum takes ten bytes of the seal for it. The
/// scrub reads as much at a time: a system call for each piece costs nothing beside the sum.
pub(super) const PIECE_BYTES: usize = 256 << 10;
/// The engine's last two fields.
const TAIL_BYTES: usize = 8;
const MAGIC: u32 = 1337;
/// Footers are about a hundred bytes; whatever says more is damaged.
const FOOTER_BYTES_MAX: usize = 4 << 10;

/// Files that every segment has.
const COMPONENTS: [SegmentComponent; 6] = [
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
    SegmentComponent::Terms,
    SegmentComponent::Store,
];

/// How the names of these files end.
const EXTENSIONS: [&str; 6] = ["idx", "pos", "fast", "fieldnorm", "term", "store"];

/// Length and checksums of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileSeal {
    pub(crate) bytes: u64,
    /// Of each piece of [`PIECE_BYTES`]; the last piece may be shorter.
    pub(crate) crc32c: Vec<u32>,
}

/// Length of a file and checksum of its first piece: enough to tell two small files apart, one of
/// which replaces the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileMark {
    bytes: u64,
    first_crc32c: u32,
}

impl FileMark {
    /// Returns the mark of a file's bytes.
    pub(super) fn of(bytes: &[u8]) -> FileMark {
        let first = bytes.chunks(PIECE_BYTES).next().unwrap_or_default();
        FileMark { bytes: bytes.len() as u64, first_crc32c: crc32c::crc32c(first) }
    }
}

impl From<&FileSeal> for FileMark {
    fn from(seal: &FileSeal) -> FileMark {
        let first_crc32c = seal.crc32c.first().copied().unwrap_or_default();
        FileMark { bytes: seal.bytes, first_crc32c }
    }
}

/// What the engine says at the end of a file. Whatever the engine would stumble over when it opens
/// the file is damage here too: no checksum covers the footer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Footer {
    version: EngineVersion,
    crc: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the engine wants every field, and says no more about them")]
struct EngineVersion {
    major: u32,
    minor: u32,
    patch: u32,
    index_format_version: u32,
}

impl FileSeal {
    /// Reads a file.
    pub(super) fn of(vfs: &dyn Vfs, path: &Path) -> Result<FileSeal, StoreError> {
        let file = vfs.open_read(path).map_err(StoreError::io("open", path))?;
        let sums = read(file.as_ref(), 0).map_err(StoreError::io("read", path))?;
        Ok(sums.seal)
    }

    /// Reads a file of the engine, and refuses bytes that the engine did not write.
    pub(super) fn of_engine_file(vfs: &dyn Vfs, path: &Path) -> Result<FileSeal, StoreError> {
        let malformed = |problem: &str| StoreError::Malformed {
            path: path.to_owned(),
            problem: problem.into(),
        };
        let file = vfs.open_read(path).map_err(StoreError::io("open", path))?;
        let footer = read_footer(file.as_ref()).map_err(StoreError::io("read", path))?;
        let (footer, footer_bytes) =
            footer.ok_or_else(|| malformed("the checksum at its end does not read"))?;
        let sums = read(file.as_ref(), footer_bytes).map_err(StoreError::io("read", path))?;
        if sums.crc32_of_body == footer.crc {
            Ok(sums.seal)
        } else {
            Err(malformed("checksum mismatch"))
        }
    }
}

/// Refuses a file of the engine with bytes that the engine did not write.
pub(super) fn verify_engine_file(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    FileSeal::of_engine_file(vfs, path).map(drop)
}

/// Returns the names of the files that a segment consists of.
pub(super) fn files_of(segment: &SegmentMeta) -> impl Iterator<Item = String> {
    let deletes = segment.has_deletes().then_some(SegmentComponent::Delete);
    let paths = COMPONENTS.into_iter().chain(deletes).map(|part| segment.relative_path(part));
    paths.map(|path| path.to_string_lossy().into_owned())
}

/// Returns the names of the files of a segment by its id and last deletions.
pub(super) fn files_of_segment(
    (id, deletes): (SegmentId, Option<u64>),
) -> impl Iterator<Item = String> {
    let id = id.uuid_string();
    let deletes = deletes.map(|opstamp| format!("{id}.{opstamp}.del"));
    EXTENSIONS.iter().map(move |extension| format!("{id}.{extension}")).chain(deletes)
}

/// Says what is wrong with a file, without the path of the data directory.
pub(super) fn describe(name: &str, error: &StoreError) -> String {
    match error {
        StoreError::Malformed { problem, .. } => format!("{name}: {problem}"),
        StoreError::Io { operation, source, .. } => format!("{name}: {operation}: {source}"),
        other => format!("{name}: {other}"),
    }
}

/// What reading a file gave.
struct Sums {
    seal: FileSeal,
    crc32_of_body: u32,
}

/// Reads a file that ends with a footer.
fn read(file: &dyn VfsFile, footer_bytes: u64) -> io::Result<Sums> {
    let length = file.len()?;
    let mut body_left = length.saturating_sub(footer_bytes);
    // Most files of most partitions are small, and a scrub reads thousands of them.
    let buffer_bytes = usize::try_from(length).unwrap_or(usize::MAX).clamp(1, PIECE_BYTES);
    let mut buffer = vec![0_u8; buffer_bytes];
    let mut seal = FileSeal::default();
    let mut body = crc32fast::Hasher::new();
    loop {
        let count = read_up_to(file, seal.bytes, &mut buffer)?;
        if count == 0 {
            return Ok(Sums { seal, crc32_of_body: body.finalize() });
        }
        let chunk = buffer.get(..count).unwrap_or_default();
        seal.bytes += count as u64;
        seal.crc32c.push(crc32c::crc32c(chunk));
        let of_body = usize::try_from(body_left).unwrap_or(usize::MAX).min(count);
        body.update(chunk.get(..of_body).unwrap_or_default());
        body_left -= of_body as u64;
    }
}

/// Returns the footer of a file and how many bytes behind the body it takes; `None` when there is
/// none that reads.
fn read_footer(file: &dyn VfsFile) -> io::Result<Option<(Footer, u64)>> {
    let length = file.len()?;
    let last = |count: usize| match length.checked_sub(count as u64) {
        Some(from) => read_at(file, from, count),
        None => Ok(None),
    };
    let Some(tail) = last(TAIL_BYTES)? else { return Ok(None) };
    let Some((footer_bytes, magic)) = tail.split_first_chunk::<4>() else { return Ok(None) };
    let footer_bytes = u32::from_le_bytes(*footer_bytes) as usize;
    if magic != MAGIC.to_le_bytes() || footer_bytes > FOOTER_BYTES_MAX {
        return Ok(None);
    }
    let behind_body = footer_bytes + TAIL_BYTES;
    let Some(end) = last(behind_body)? else { return Ok(None) };
    let json = end.get(..footer_bytes).unwrap_or_default();
    let footer = serde_json::from_slice::<Footer>(json).ok();
    let footer =
        footer.filter(|footer| footer.version.index_format_version == INDEX_FORMAT_VERSION);
    Ok(footer.map(|footer| (footer, behind_body as u64)))
}

/// Returns so many bytes from an offset; `None` when the file has become shorter.
fn read_at(file: &dyn VfsFile, offset: u64, count: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; count];
    let read = read_up_to(file, offset, &mut bytes)?;
    Ok((read == count).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tantivy::Directory as _;
    use tantivy::directory::{ManagedDirectory, MmapDirectory, TerminatingWrite as _};

    use super::*;
    use crate::backend::DiskVfs;

    /// Returns a file as the engine writes it.
    fn engine_file(body: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let inner = MmapDirectory::open(directory.path()).expect("opened");
        let managed = ManagedDirectory::wrap(Box::new(inner)).expect("wrapped");
        let mut writer = managed.open_write(Path::new("segment.idx")).expect("new");
        std::io::Write::write_all(&mut writer, body).expect("written");
        writer.terminate().expect("ended");
        let path = directory.path().join("segment.idx");
        (directory, path)
    }

    #[test]
    fn the_checksum_is_the_engines_own() {
        for length in [0, 1, 1_000, PIECE_BYTES - 40, 3 * PIECE_BYTES + 7] {
            let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let (_kept, path) = engine_file(&body);
            let seal = FileSeal::of_engine_file(&DiskVfs, &path).expect("as it was written");
            let bytes = std::fs::read(&path).expect("read");
            let crc32c = bytes.chunks(PIECE_BYTES).map(crc32c::crc32c).collect();
            let expected = FileSeal { bytes: bytes.len() as u64, crc32c };
            assert_eq!(seal, expected, "{length}");
            assert_eq!(FileSeal::of(&DiskVfs, &path).expect("read"), expected, "{length}");
        }
    }

    #[test]
    fn a_flipped_bit_a_cut_and_a_longer_file_are_refused() {
        let (_kept, path) = engine_file(b"what a segment says of its words");
        let whole = std::fs::read(&path).expect("read");
        let opens = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            let inner = MmapDirectory::open(path.parent().expect("a directory")).expect("opened");
            let managed = ManagedDirectory::wrap(Box::new(inner)).expect("wrapped");
            managed.open_read(Path::new("segment.idx")).is_ok()
        };
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            verify_engine_file(&DiskVfs, &path).is_err_and(|error| error.is_damage())
        };
        assert!(!refused(&whole));
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Of the footer, the numbers of the engine's release mean nothing to anybody.
            let is_harmless =
                opens(&flipped) && flipped.starts_with(b"what a segment says of its words");
            assert!(refused(&flipped) || is_harmless, "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(refused(&whole[..length]), "cut to {length}");
        }
        assert!(refused(&[whole.as_slice(), b"\0"].concat()));
        std::fs::remove_file(&path).expect("removed");
        assert!(verify_engine_file(&DiskVfs, &path).is_err());
    }
}
