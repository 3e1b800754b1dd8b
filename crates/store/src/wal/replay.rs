//! Reads batches back in the order in which they were written.

use std::ops::Range;
use std::sync::Arc;
use std::vec;

use tierlog_model::RedactedBatch;

use super::WalError;
use super::frame::FrameKind;
use super::list::{Directories, Segment, SegmentList};
use super::quarantine::put_aside;
use super::recovery::report_damage;
use super::scan::{Gap, GapReach, Scanner, Step};
use crate::backend::Vfs;

/// Handle that reads batches back while another thread writes.
#[derive(Clone, Debug)]
pub struct WalReader {
    vfs: Arc<dyn Vfs>,
    directories: Directories,
    segments: SegmentList,
}

impl WalReader {
    pub(super) fn new(
        vfs: Arc<dyn Vfs>,
        directories: Directories,
        segments: SegmentList,
    ) -> WalReader {
        WalReader { vfs, directories, segments }
    }

    /// Returns the batches that hold records of a range, which have all been written.
    pub fn replay(&self, range: Range<u64>) -> Replay {
        let directories = self.directories.clone();
        let range = (range.start, range.end);
        Replay::new(Arc::clone(&self.vfs), directories, &self.segments, range)
    }
}

/// Iterator over `(number of the first record, batch)`.
///
/// Begins with the batch that holds `from_seq`, so its first records may lie before it, and
/// ends with what was written when the replay was made. Damage is skipped: recovery has put it
/// aside. Ends after the first error.
#[derive(Debug)]
pub struct Replay {
    vfs: Arc<dyn Vfs>,
    directories: Directories,
    waiting: vec::IntoIter<Segment>,
    current: Option<(Segment, Scanner)>,
    from_seq: u64,
    end_seq: u64,
    expected_seq: u64,
}

impl Replay {
    pub(super) fn new(
        vfs: Arc<dyn Vfs>,
        directories: Directories,
        segments: &SegmentList,
        (from_seq, end_seq): (u64, u64),
    ) -> Replay {
        Replay {
            vfs,
            directories,
            waiting: segments.reaching(from_seq).into_iter(),
            current: None,
            from_seq,
            end_seq,
            expected_seq: 0,
        }
    }

    fn advance(&mut self) -> Result<Option<(u64, RedactedBatch)>, WalError> {
        loop {
            let Some((segment, scanner)) = &mut self.current else {
                let Some(segment) = self.waiting.next() else { return Ok(None) };
                let expected_seq = self.expected_seq.max(segment.first_seq);
                let scanner = Scanner::open(
                    self.vfs.as_ref(),
                    &segment.path,
                    segment.first_seq,
                    expected_seq,
                )?;
                self.current = Some((segment, scanner));
                continue;
            };
            let (offset, frame) = match scanner.step()? {
                Some(Step::Frame { offset, frame }) => (offset, frame),
                Some(Step::Gap(_)) => continue,
                None => {
                    self.current = None;
                    continue;
                }
            };
            let header = &frame.header;
            if header.seq >= self.end_seq && header.kind == FrameKind::Batch {
                return Ok(None);
            }
            self.expected_seq = header.end_seq();
            if header.kind == FrameKind::Window || header.end_seq() <= self.from_seq {
                continue;
            }
            match frame.batch() {
                Ok(batch) => return Ok(Some((header.seq, batch))),
                Err(problem) => {
                    let end = offset + header.total_bytes;
                    let vfs = self.vfs.as_ref();
                    let put = put_aside(vfs, &self.directories, &segment.path, offset..end);
                    let gap = Gap { offset, end, problem, reach: GapReach::ToFrame };
                    report_damage(segment, &gap, put);
                }
            }
        }
    }
}

impl Iterator for Replay {
    type Item = Result<(u64, RedactedBatch), WalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.waiting = Vec::new().into_iter();
            self.current = None;
        }
        item
    }
}
