//! A file of frames, with a head of its own.
//!
//! ```text
//! segment := "TLSPOOL1" identity:16 crc:u32 frame*
//! ```
//!
//! Frames are appended, and never changed. A batch never spans segments, so that removing a segment
//! removes whole batches. Nothing here deletes one.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::Identity;
use super::frame::{self, FrameHead, HEADER_BYTES};

/// How a segment begins; the digit is the version of the format.
const MARK: &[u8; 8] = b"TLSPOOL1";

/// Bytes before the first frame.
pub(super) const HEAD_BYTES: u64 = 28;

/// A segment.
#[derive(Debug)]
pub(super) struct Segment {
    /// Least possible number of a batch in the segment.
    pub(super) first_batch: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    /// Bytes of whole frames and the head.
    pub(super) length: u64,
}

/// A found frame with its offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) head: FrameHead,
    /// Where the frame begins.
    pub(super) offset: u64,
}

/// What is in a segment.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) segment: Segment,
    pub(super) identity: Option<Identity>,
    pub(super) frames: Vec<Found>,
    /// Bytes that are no frames, as they lie between frames or at the end.
    pub(super) damaged: Vec<u8>,
}

impl Segment {
    /// Begins a segment.
    pub(super) fn create(
        directory: &Path,
        first_batch: u64,
        identity: Identity,
    ) -> Result<Segment> {
        let path = directory.join(format!("{first_batch:020}.segment"));
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("create {}", path.display()))?;
        let segment = Segment { first_batch, path, file: Arc::new(file), length: HEAD_BYTES };
        if let Err(error) = (&*segment.file).write_all(&head_of(identity)) {
            // Whatever was written of it would be no segment to the next start.
            let _ = std::fs::remove_file(&segment.path);
            return Err(error).with_context(|| format!("write {}", segment.path.display()));
        }
        Ok(segment)
    }

    /// Reads a segment that is there.
    pub(super) fn scan(path: PathBuf, first_batch: u64) -> Result<Scanned> {
        let name = path.display().to_string();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("open {name}"))?;
        let bytes = std::fs::read(&path).with_context(|| format!("read {name}"))?;
        let identity = identity_of(&bytes);
        if identity.is_none() && bytes.starts_with(b"TLSPOOL") && !bytes.starts_with(MARK) {
            bail!("{name} has a format that this program does not know");
        }
        let mut scanned = Scanned {
            segment: Segment { first_batch, path, file: Arc::new(file), length: HEAD_BYTES },
            identity,
            frames: Vec::new(),
            damaged: Vec::new(),
        };
        let mut offset = if identity.is_some() { HEAD_BYTES as usize } else { 0 };
        while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
            if let Some((head, _)) = frame::decode(rest) {
                scanned.frames.push(Found { head, offset: offset as u64 });
                offset += HEADER_BYTES + head.length;
                continue;
            }
            let behind = rest.get(1..).and_then(frame::find_next);
            let next = behind.map_or(rest.len(), |behind| behind + 1);
            scanned.damaged.extend_from_slice(rest.get(..next).unwrap_or_default());
            offset += next;
        }
        scanned.segment.length = bytes.len() as u64;
        Ok(scanned)
    }

    /// Appends bytes; returns where they begin. When they cannot be written whole, the segment is
    /// as it was.
    pub(super) fn append(&mut self, bytes: &[u8]) -> std::io::Result<u64> {
        if let Err(error) = (&*self.file).write_all(bytes) {
            // Should this fail too, the rest is damage that the next start steps over.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        let offset = self.length;
        self.length += bytes.len() as u64;
        Ok(offset)
    }
}

/// Reads the lines of frames that lie behind each other.
pub(in super::super) fn read_lines(file: &File, offset: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).context("read the spool")?];
    file.read_exact_at(&mut bytes, offset).context("read the spool")?;
    let mut lines = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let Some((head, found)) = frame::decode(rest) else {
            bail!("the spool is damaged at byte {}", offset + length - rest.len() as u64);
        };
        lines.extend_from_slice(found);
        rest = rest.get(HEADER_BYTES + head.length..).unwrap_or_default();
    }
    Ok(lines)
}

fn head_of(identity: Identity) -> Vec<u8> {
    let mut head = MARK.to_vec();
    head.extend_from_slice(&identity.0.to_le_bytes());
    let crc = crc32c::crc32c(&head);
    head.extend_from_slice(&crc.to_le_bytes());
    head
}

fn identity_of(bytes: &[u8]) -> Option<Identity> {
    let head = bytes.get(..HEAD_BYTES as usize)?;
    let identity = Identity(u128::from_le_bytes(head.get(8..24)?.try_into().ok()?));
    (head == head_of(identity)).then_some(identity)
}
