//! Walks through the frames of one segment, over damage where there is some.
//!
//! A file leaves as good frames and gaps in the order of the file. A read error ends the walk
//! as an error: it is never taken for damage.

use std::path::{Path, PathBuf};

use super::WalError;
use super::error::FrameError;
use super::frame::{FRAME_HEADER_BYTES, Frame, parse_header};
use super::segment::{HeaderState, SEGMENT_HEADER_BYTES, examine_header};
use super::settings::RESYNC_BYTES_MAX;
use crate::backend::{Vfs, VfsFile, read_up_to};

/// Bytes fetched by a read: enough to spare small frames a system call each.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// How far a record number may lie ahead of the one expected after damage: what a segment can
/// have held. It keeps the search from checksumming at every byte.
const SEQ_AHEAD_MAX: u64 = u32::MAX as u64;

/// One step of the walk.
#[derive(Debug)]
pub(super) enum Step {
    Frame { offset: u64, frame: Frame },
    Gap(Gap),
}

/// A part of the file that holds no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) offset: u64,
    pub(super) end: u64,
    pub(super) problem: FrameError,
    pub(super) reach: GapReach,
}

/// What follows a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GapReach {
    /// A good frame.
    ToFrame,
    /// The end of the file: nothing behind the damage is a frame.
    ToEnd,
    /// The end of the file, given up: there was too much to search.
    GivenUp,
}

/// The walk.
#[derive(Debug)]
pub(super) struct Scanner {
    file: Box<dyn VfsFile>,
    path: PathBuf,
    file_len: u64,
    offset: u64,
    expected_seq: u64,
    resync_bytes_left: u64,
    read_ahead: Vec<u8>,
    read_ahead_offset: u64,
    header: HeaderState,
    header_reported: bool,
}

impl Scanner {
    /// Opens a segment. Frames with record numbers before `expected_seq` count as damage.
    pub(super) fn open(
        vfs: &dyn Vfs,
        path: &Path,
        first_seq: u64,
        expected_seq: u64,
    ) -> Result<Scanner, WalError> {
        let file = vfs.open_read(path).map_err(WalError::io("open", path))?;
        let file_len = file.len().map_err(WalError::io("inspect", path))?;
        let mut scanner = Scanner {
            file,
            path: path.to_owned(),
            file_len,
            offset: 0,
            expected_seq,
            resync_bytes_left: RESYNC_BYTES_MAX,
            read_ahead: Vec::new(),
            read_ahead_offset: 0,
            header: HeaderState::Damaged,
            header_reported: false,
        };
        scanner.header = examine_header(scanner.bytes_at(0, SEGMENT_HEADER_BYTES)?, first_seq);
        Ok(scanner)
    }

    pub(super) fn header(&self) -> HeaderState {
        self.header
    }

    pub(super) fn file_len(&self) -> u64 {
        self.file_len
    }

    /// Returns the next step; `None` at the end of the file.
    pub(super) fn step(&mut self) -> Result<Option<Step>, WalError> {
        if self.offset == 0 {
            if !self.header.is_valid() && !self.header_reported {
                self.header_reported = true;
                return self.step_over_header().map(Some);
            }
            self.offset = SEGMENT_HEADER_BYTES as u64;
        }
        if self.offset >= self.file_len {
            return Ok(None);
        }
        match self.frame_at(self.offset)? {
            Ok(frame) => {
                let offset = self.offset;
                self.offset += frame.header.total_bytes;
                self.expected_seq = frame.header.end_seq();
                Ok(Some(Step::Frame { offset, frame }))
            }
            Err(problem) => self.step_over(problem).map(Some),
        }
    }

    /// The header is not a frame, but frames behind it stand on their own.
    fn step_over_header(&mut self) -> Result<Step, WalError> {
        let whole_header = (SEGMENT_HEADER_BYTES as u64).min(self.file_len);
        let frame_follows = self.frame_at(whole_header)?.is_ok();
        if frame_follows {
            self.offset = whole_header;
            return Ok(Step::Gap(Gap {
                offset: 0,
                end: whole_header,
                problem: FrameError::SegmentHeader,
                reach: GapReach::ToFrame,
            }));
        }
        self.step_over(FrameError::SegmentHeader)
    }

    /// Looks for the next good frame behind the present offset.
    fn step_over(&mut self, problem: FrameError) -> Result<Step, WalError> {
        let start = self.offset;
        let last_place = self.file_len.saturating_sub(FRAME_HEADER_BYTES as u64);
        let mut end = self.file_len;
        let mut reach = GapReach::ToEnd;
        for candidate in start + 1..=last_place {
            if self.resync_bytes_left == 0 {
                reach = GapReach::GivenUp;
                break;
            }
            if self.frame_at(candidate)?.is_ok() {
                (end, reach) = (candidate, GapReach::ToFrame);
                break;
            }
        }
        self.offset = end;
        Ok(Step::Gap(Gap { offset: start, end, problem, reach }))
    }

    /// Reads the frame at an offset; the inner error says why there is none.
    fn frame_at(&mut self, offset: u64) -> Result<Result<Frame, FrameError>, WalError> {
        let header = match parse_header(self.bytes_at(offset, FRAME_HEADER_BYTES)?) {
            Ok(header) => header,
            Err(problem) => return Ok(Err(problem)),
        };
        let in_order =
            header.seq.checked_sub(self.expected_seq).is_some_and(|ahead| ahead <= SEQ_AHEAD_MAX);
        if !in_order {
            return Ok(Err(FrameError::Sequence));
        }
        if header.total_bytes > self.file_len.saturating_sub(offset) {
            return Ok(Err(FrameError::Incomplete));
        }
        let bytes = self.bytes_at(offset, header.total_bytes as usize)?;
        let total_bytes = header.total_bytes;
        let frame = Frame::check(header, bytes);
        if frame.is_err() {
            self.resync_bytes_left = self.resync_bytes_left.saturating_sub(total_bytes);
        }
        Ok(frame)
    }

    /// Returns bytes of the file, fewer than asked for only at its end.
    fn bytes_at(&mut self, offset: u64, length: usize) -> Result<&[u8], WalError> {
        let read_ahead_end = self.read_ahead_offset + self.read_ahead.len() as u64;
        let wanted_end = (offset + length as u64).min(self.file_len);
        if offset < self.read_ahead_offset || wanted_end > read_ahead_end {
            let rest = usize::try_from(self.file_len.saturating_sub(offset)).unwrap_or(usize::MAX);
            self.read_ahead.resize(length.max(READ_AHEAD_BYTES).min(rest), 0);
            let read = read_up_to(self.file.as_ref(), offset, &mut self.read_ahead)
                .map_err(WalError::io("read", &self.path))?;
            self.read_ahead.truncate(read);
            self.read_ahead_offset = offset;
        }
        let start = (offset - self.read_ahead_offset) as usize;
        let end = (start + length).min(self.read_ahead.len());
        Ok(self.read_ahead.get(start..end).unwrap_or_default())
    }
}
