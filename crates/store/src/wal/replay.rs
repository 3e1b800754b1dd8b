//! Reads batches back in the order in which they were written.

use std::ops::Range;
use std::sync::Arc;
use std::vec;

use tierlog_model::RedactedBatch;

use super::WalError;
use super::frame::FrameKind;
use super::list::{Segment, SegmentList};
use super::losses::{Damage, Losses, Numbers};
use super::mark::Mark;
use super::scan::{Gap, GapReach, Scanner, Step};
use crate::backend::Vfs;

/// Handle that reads batches back while another thread writes.
#[derive(Clone, Debug)]
pub struct WalReader {
    vfs: Arc<dyn Vfs>,
    segments: SegmentList,
    losses: Losses,
    mark: Mark,
}

impl WalReader {
    pub(super) fn new(
        vfs: Arc<dyn Vfs>,
        segments: SegmentList,
        (losses, mark): (Losses, Mark),
    ) -> WalReader {
        WalReader { vfs, segments, losses, mark }
    }

    /// Returns the batches that hold records of a range, which have all been written.
    pub fn replay(&self, range: Range<u64>) -> Replay {
        Replay {
            vfs: Arc::clone(&self.vfs),
            waiting: self.segments.reaching(range.start).into_iter(),
            losses: self.losses.clone(),
            mark: self.mark.clone(),
            current: None,
            open: None,
            from_seq: range.start,
            end_seq: range.end,
            expected_seq: 0,
        }
    }
}

/// Iterator over `(number of the first record, batch)`.
///
/// Begins with the batch that holds `from_seq`, so its first records may lie before it, and
/// ends with what was written when the replay was made. Damage is skipped: recovery has told it,
/// and what has rotted since is told here. Ends after the first error.
#[derive(Debug)]
pub struct Replay {
    vfs: Arc<dyn Vfs>,
    waiting: vec::IntoIter<Segment>,
    losses: Losses,
    mark: Mark,
    current: Option<(Segment, Scanner)>,
    /// Damage whose numbers the next frame or segment will say.
    open: Option<(Segment, Gap)>,
    from_seq: u64,
    end_seq: u64,
    expected_seq: u64,
}

impl Replay {
    fn advance(&mut self) -> Result<Option<(u64, RedactedBatch)>, WalError> {
        loop {
            let Some((segment, scanner)) = &mut self.current else {
                let Some(segment) = self.waiting.next() else {
                    self.reach(self.end_seq);
                    return Ok(None);
                };
                let expected_seq = self.expected_seq.max(segment.first_seq);
                let scanner = Scanner::open(
                    self.vfs.as_ref(),
                    &segment.path,
                    segment.first_seq,
                    expected_seq,
                )?;
                self.reach(segment.first_seq);
                self.expected_seq = expected_seq;
                self.current = Some((segment, scanner));
                continue;
            };
            let (offset, frame) = match scanner.step()? {
                Some(Step::Frame { offset, frame }) => (offset, frame),
                Some(Step::Gap(gap)) => {
                    self.open = Some((segment.clone(), gap));
                    continue;
                }
                None => {
                    self.current = None;
                    continue;
                }
            };
            let header = &frame.header;
            if header.kind == FrameKind::Window {
                continue;
            }
            let segment = segment.clone();
            self.reach(header.seq.min(self.end_seq));
            if header.seq >= self.end_seq {
                return Ok(None);
            }
            self.expected_seq = header.end_seq();
            if header.end_seq() <= self.from_seq {
                continue;
            }
            match frame.batch() {
                Ok(batch) => return Ok(Some((header.seq, batch))),
                Err(problem) => {
                    let end = offset + header.total_bytes;
                    let gap = Gap { offset, end, problem, reach: GapReach::ToFrame };
                    self.open = Some((segment, gap));
                    let (first, end) = (header.seq, header.end_seq());
                    self.tell(first, end);
                }
            }
        }
    }

    /// Says that the log goes on at a number: damage before it held the numbers up to there.
    fn reach(&mut self, seq: u64) {
        let first = self.expected_seq;
        if self.open.is_some() && seq > first {
            self.tell(first, seq);
        }
        // Bytes that held no number were no frame, or are being written just now.
        self.open = None;
    }

    fn tell(&mut self, first: u64, end: u64) {
        let Some((segment, gap)) = self.open.take() else { return };
        let indexed_below = self.mark.indexed_below();
        self.losses.note(&Damage {
            numbers: Numbers { first, end: Some(end), indexed_below },
            span: self.mark.span(),
            part: Some((&segment.path, gap.offset..gap.end)),
            problem: gap.problem.to_string(),
        });
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
