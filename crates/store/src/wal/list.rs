//! The segments of a log, oldest first; shared by the writer, the releaser and replays.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::WalError;
use super::segment::{parse_segment_name, segment_name};
use crate::backend::Vfs;

/// Names under the data directory.
const WAL_DIRECTORY: &str = "wal";
const QUARANTINE_DIRECTORY: &str = "quarantine";

/// Where a log keeps its files.
#[derive(Clone, Debug)]
pub(super) struct Directories {
    pub(super) wal: PathBuf,
    pub(super) quarantine: PathBuf,
}

impl Directories {
    pub(super) fn of(data: &Path) -> Directories {
        Directories { wal: data.join(WAL_DIRECTORY), quarantine: data.join(QUARANTINE_DIRECTORY) }
    }
}

/// One segment file. Its records end where the next segment's begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) first_seq: u64,
    pub(super) path: PathBuf,
}

impl Segment {
    pub(super) fn new(directory: &Path, first_seq: u64) -> Segment {
        Segment { first_seq, path: directory.join(segment_name(first_seq)) }
    }
}

/// Returns the segments in a directory, oldest first; files of other names are not ours.
pub(super) fn find_segments(vfs: &dyn Vfs, directory: &Path) -> Result<Vec<Segment>, WalError> {
    if !vfs.exists(directory).map_err(WalError::io("inspect", directory))? {
        return Ok(Vec::new());
    }
    let names = vfs.list_dir(directory).map_err(WalError::io("list", directory))?;
    let mut segments: Vec<Segment> = names
        .iter()
        .filter_map(|name| parse_segment_name(name.to_str()?))
        .map(|first_seq| Segment::new(directory, first_seq))
        .collect();
    segments.sort_by_key(|segment| segment.first_seq);
    Ok(segments)
}

/// The shared list. The last segment is the active one.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentList(Arc<Mutex<Vec<Segment>>>);

impl SegmentList {
    pub(super) fn new(segments: Vec<Segment>) -> SegmentList {
        SegmentList(Arc::new(Mutex::new(segments)))
    }

    pub(super) fn push(&self, segment: Segment) {
        self.lock().push(segment);
    }

    pub(super) fn snapshot(&self) -> Vec<Segment> {
        self.lock().clone()
    }

    /// Returns the segments all of whose records lie before a number; never the active one.
    pub(super) fn wholly_before(&self, seq: u64) -> Vec<Segment> {
        let mut segments = self.snapshot();
        segments.truncate(count_wholly_before(&segments, seq));
        segments
    }

    /// Returns the segments that hold records numbered `seq` or later, and the active one.
    pub(super) fn reaching(&self, seq: u64) -> Vec<Segment> {
        let mut segments = self.snapshot();
        segments.split_off(count_wholly_before(&segments, seq))
    }

    pub(super) fn remove(&self, gone: &[Segment]) {
        self.lock().retain(|segment| !gone.contains(segment));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Segment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count_wholly_before(segments: &[Segment], seq: u64) -> usize {
    segments.iter().skip(1).take_while(|next| next.first_seq <= seq).count()
}
