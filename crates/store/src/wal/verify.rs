//! Checks every frame of a log without changing anything.

use std::io;
use std::path::{Path, PathBuf};

use super::WalError;
use super::frame::{Frame, FrameKind};
use super::list::{Directories, Segment, find_segments};
use super::mark::{LogPlace, read_mark};
use super::scan::{Gap, GapReach, Scanner, Step};
use super::segment::{FORMAT_VERSION, HeaderState};
use super::settings::REPORTED_PROBLEMS_MAX;
use super::window::RetryWindow;
use crate::backend::Vfs;

/// What a check of the log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalReport {
    /// Segments that were read.
    pub segment_count: u64,
    /// Good frames.
    pub frame_count: u64,
    /// Records in good frames.
    pub record_count: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Bytes at the end of the last segment that are no frame and were never durable: torn by a
    /// crash, or being written by a running server.
    pub torn_bytes: u64,
    /// Damaged places elsewhere.
    pub corrupt_frames: u64,
    /// The first damaged places.
    pub problems: Vec<WalProblem>,
}

/// One damaged place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalProblem {
    /// The segment.
    pub path: PathBuf,
    /// Where the damage begins.
    pub offset: u64,
    /// How many bytes it covers.
    pub bytes: u64,
    /// What is wrong.
    pub problem: String,
}

impl WalReport {
    /// Tells whether every acknowledged record reads back.
    pub fn is_clean(&self) -> bool {
        self.corrupt_frames == 0
    }

    fn damage(&mut self, path: &Path, offset: u64, end: u64, problem: String) {
        self.corrupt_frames += 1;
        if self.problems.len() < REPORTED_PROBLEMS_MAX {
            let path = path.to_owned();
            self.problems.push(WalProblem { path, offset, bytes: end - offset, problem });
        }
    }
}

/// Reads the log of a data directory and checks order, checksum and records of every frame, and
/// that no number is missing.
pub fn verify(vfs: &dyn Vfs, data_directory: &Path) -> Result<WalReport, WalError> {
    let directories = Directories::of(data_directory);
    // ORDER: a running server goes on meanwhile. What the mark claims to be written is there to
    // be read afterwards; what is listed was not released before the second look at it.
    let durable = read_mark(vfs, &directories)?.marked.map(|marked| marked.durable);
    let segments = find_segments(vfs, &directories.wal)?;
    let released = read_mark(vfs, &directories)?.marked.map(|marked| marked.indexed_below);
    let last = segments.last().map(|segment| segment.first_seq);
    let mut walk = Walk {
        report: WalReport::default(),
        durable,
        indexed_below: released.unwrap_or(0),
        expected_seq: None,
    };
    let mut is_first = true;
    for segment in segments {
        if std::mem::take(&mut is_first) {
            // What lies before the first segment was indexed and released.
            walk.expected_seq = released.map(|released| released.min(segment.first_seq));
        }
        let is_last = Some(segment.first_seq) == last;
        match walk.segment(vfs, &segment, is_last) {
            Ok(()) => {}
            // A running server released the segment meanwhile: no record is missing.
            Err(WalError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                walk.expected_seq = None;
            }
            Err(error) => return Err(error),
        }
    }
    if is_first {
        walk.expected_seq = released;
    }
    if let Some(durable) = durable {
        walk.reach(&directories.wal, 0, durable.below);
        if durable.bytes > 0 && last.is_none_or(|last| last < durable.segment) {
            let segment = Segment::new(&directories.wal, durable.segment);
            walk.report.damage(&segment.path, 0, 0, "the segment is missing".to_owned());
        }
    }
    Ok(walk.report)
}

/// The walk through the segments.
struct Walk {
    report: WalReport,
    /// How far the log was durable; not known without a mark.
    durable: Option<LogPlace>,
    indexed_below: u64,
    /// Number behind the last record that was read; not known where the walk begins anew.
    expected_seq: Option<u64>,
}

impl Walk {
    fn segment(&mut self, vfs: &dyn Vfs, segment: &Segment, is_last: bool) -> Result<(), WalError> {
        let first_seq = segment.first_seq;
        let expected_seq = first_seq.max(self.expected_seq.unwrap_or(0));
        let mut scanner = Scanner::open(vfs, &segment.path, first_seq, expected_seq)?;
        match scanner.header() {
            HeaderState::OtherVersion(found) => {
                return Err(WalError::FormatVersion {
                    path: segment.path.clone(),
                    found,
                    expected: FORMAT_VERSION,
                });
            }
            HeaderState::Valid { follows } => self.reach(&segment.path, 0, follows),
            HeaderState::Damaged => {}
        }
        self.expected_seq = Some(expected_seq);
        self.report.segment_count += 1;
        self.report.bytes += scanner.file_len();
        let is_torn = |durable: LogPlace, gap: &Gap| {
            let in_marked = durable.segment == first_seq && gap.offset < durable.bytes;
            is_last && gap.reach == GapReach::ToEnd && !in_marked && durable.segment <= first_seq
        };
        let mut after_gap = false;
        while let Some(step) = scanner.step()? {
            match step {
                Step::Frame { offset, frame } => {
                    // What a damaged place held is told with the place.
                    if frame.header.kind == FrameKind::Batch && !after_gap {
                        self.reach(&segment.path, offset, frame.header.seq);
                    }
                    after_gap = false;
                    self.expected_seq = Some(frame.header.end_seq().max(expected_seq));
                    check_frame(&mut self.report, &segment.path, offset, &frame);
                }
                Step::Gap(gap) if self.durable.is_some_and(|durable| is_torn(durable, &gap)) => {
                    self.report.torn_bytes += gap.end - gap.offset;
                }
                Step::Gap(gap) => {
                    after_gap = true;
                    let problem = gap.problem.to_string();
                    self.report.damage(&segment.path, gap.offset, gap.end, problem);
                }
            }
        }
        if after_gap {
            self.expected_seq = None;
        }
        Ok(())
    }

    /// Tells which numbers are missing where the log goes on at one.
    fn reach(&mut self, path: &Path, offset: u64, seq: u64) {
        let Some(expected_seq) = self.expected_seq else { return };
        let missing = seq.saturating_sub(expected_seq.max(self.indexed_below));
        if missing > 0 {
            let problem = format!("{missing} records before number {seq} are missing");
            self.report.damage(path, offset, offset, problem);
        }
        self.expected_seq = Some(expected_seq.max(seq));
    }
}

fn check_frame(report: &mut WalReport, path: &Path, offset: u64, frame: &Frame) {
    let checked = match frame.header.kind {
        FrameKind::Batch => frame.batch().map(|_| ()),
        FrameKind::Window => {
            let mut window = RetryWindow::new(std::time::Duration::MAX);
            frame.payload().and_then(|payload| window.absorb(&payload))
        }
    };
    match checked {
        Ok(()) => {
            report.frame_count += 1;
            report.record_count += u64::from(frame.header.record_count);
        }
        Err(problem) => {
            let end = offset + frame.header.total_bytes;
            report.damage(path, offset, end, problem.to_string());
        }
    }
}
