//! Checks every frame of a log without changing anything.

use std::io;
use std::path::{Path, PathBuf};

use super::WalError;
use super::frame::{Frame, FrameKind};
use super::list::{Directories, find_segments};
use super::scan::{GapReach, Scanner, Step};
use super::segment::HeaderState;
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
    /// Bytes at the end of the last segment that are no frame: torn by a crash, or being
    /// written by a running server.
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
    /// Tells whether everything that was acknowledged reads back.
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

/// Reads the log of a data directory and checks every frame: order, checksum, and that its
/// records decode.
pub fn verify(vfs: &dyn Vfs, data_directory: &Path) -> Result<WalReport, WalError> {
    let directories = Directories::of(data_directory);
    let segments = find_segments(vfs, &directories.wal)?;
    let last_seq = segments.last().map(|segment| segment.first_seq);
    let mut report = WalReport::default();
    let mut expected_seq = 0;
    for segment in segments {
        expected_seq = segment.first_seq.max(expected_seq);
        let opened = Scanner::open(vfs, &segment.path, segment.first_seq, expected_seq);
        let mut scanner = match opened {
            Ok(scanner) => scanner,
            // A running server released it meanwhile.
            Err(WalError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                continue;
            }
            Err(error) => return Err(error),
        };
        if let HeaderState::OtherVersion(found) = scanner.header() {
            return Err(WalError::FormatVersion { path: segment.path, found });
        }
        report.segment_count += 1;
        report.bytes += scanner.file_len();
        let is_last = Some(segment.first_seq) == last_seq;
        while let Some(step) = scanner.step()? {
            match step {
                Step::Frame { offset, frame } => {
                    expected_seq = frame.header.end_seq();
                    check_frame(&mut report, &segment.path, offset, &frame);
                }
                Step::Gap(gap) if is_last && gap.reach == GapReach::ToEnd => {
                    report.torn_bytes += gap.end - gap.offset;
                }
                Step::Gap(gap) => {
                    report.damage(&segment.path, gap.offset, gap.end, gap.problem.to_string());
                }
            }
        }
    }
    Ok(report)
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
