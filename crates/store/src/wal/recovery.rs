//! What is made of the segments that a former process left.
//!
//! A directory arrives; its segments, the retry window and the next record number leave. After
//! recovery every frame of every segment either reads back or has been put aside and counted.

use std::path::Path;

use metrics::counter;
use tierlog_model::metric_names::{WAL_CORRUPT_FRAMES, WAL_TORN_BYTES};
use tracing::{info, warn};

use super::error::FrameError;
use super::frame::{FRAME_HEADER_BYTES, Frame, FrameKind};
use super::list::{Directories, Segment, find_segments};
use super::quarantine::{PutAside, put_aside};
use super::scan::{Gap, GapReach, Scanner, Step};
use super::segment::{HeaderState, SEGMENT_HEADER_BYTES};
use super::window::{RETRY_WINDOW_BYTES_MAX, RetryWindow};
use super::{WalError, WalSettings};
use crate::backend::Vfs;

/// Longest segment that a crash can leave without a header: header and window, written at once.
/// A longer one once had frames; it is damage.
const UNFINISHED_BYTES_MAX: u64 =
    (SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES + RETRY_WINDOW_BYTES_MAX) as u64;

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Number that the next record gets.
    pub next_seq: u64,
    /// Number of the oldest record that the log may still hold.
    pub first_seq: u64,
    /// Segments that were found.
    pub segment_count: u64,
    /// Records that read back.
    pub record_count: u64,
    /// Batch ids and producers in the retry window.
    pub batch_id_count: u64,
    /// Bytes that a crash left at the end and that were cut off.
    pub torn_bytes: u64,
    /// Damaged places elsewhere. Each may hold several frames.
    pub corrupt_frames: u64,
    /// Bytes of the damaged places.
    pub corrupt_bytes: u64,
}

/// What the writer starts from.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) recovery: Recovery,
    pub(super) segments: Vec<Segment>,
    pub(super) window: RetryWindow,
    pub(super) tail: Tail,
}

/// What may be done with the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// It ends in a good frame or header and takes more frames.
    Appendable,
    /// There is none, or it is damaged at a place that matters for appending.
    NeedsNewSegment,
}

/// Whether a segment can have been torn by a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It was the active one.
    Last,
    /// It was synced before the next one was made.
    Before,
}

/// Reads every segment, repairs the end and puts damage aside.
pub(super) fn recover(
    vfs: &dyn Vfs,
    directories: &Directories,
    settings: &WalSettings,
) -> Result<Recovered, WalError> {
    let found = find_segments(vfs, &directories.wal)?;
    refuse_other_versions(vfs, &found)?;
    let mut recoverer = Recoverer {
        vfs,
        directories,
        recovery: Recovery { segment_count: found.len() as u64, ..Recovery::default() },
        window: RetryWindow::new(settings.retry_window_age),
        kept: Vec::new(),
        tail: Tail::NeedsNewSegment,
    };
    let last = found.len().saturating_sub(1);
    for (position, segment) in found.into_iter().enumerate() {
        let place = if position == last { Place::Last } else { Place::Before };
        recoverer.segment(segment, place)?;
    }
    Ok(recoverer.finish())
}

/// Refuses the log of a data directory when another version has written a part of it.
pub(crate) fn check_versions(vfs: &dyn Vfs, data_directory: &Path) -> Result<(), WalError> {
    let directories = Directories::of(data_directory);
    refuse_other_versions(vfs, &find_segments(vfs, &directories.wal)?)
}

/// Runs before anything is touched, so that a newer version still finds its files whole.
fn refuse_other_versions(vfs: &dyn Vfs, segments: &[Segment]) -> Result<(), WalError> {
    for segment in segments {
        let scanner = Scanner::open(vfs, &segment.path, segment.first_seq, segment.first_seq)?;
        if let HeaderState::OtherVersion(found) = scanner.header() {
            return Err(WalError::FormatVersion { path: segment.path.clone(), found });
        }
    }
    Ok(())
}

struct Recoverer<'a> {
    vfs: &'a dyn Vfs,
    directories: &'a Directories,
    recovery: Recovery,
    window: RetryWindow,
    kept: Vec<Segment>,
    tail: Tail,
}

impl Recoverer<'_> {
    fn segment(&mut self, segment: Segment, place: Place) -> Result<(), WalError> {
        self.recovery.next_seq = self.recovery.next_seq.max(segment.first_seq);
        let expected_seq = self.recovery.next_seq;
        let mut scanner = Scanner::open(self.vfs, &segment.path, segment.first_seq, expected_seq)?;
        let mut frame_count = 0_u64;
        let mut end_gap = None;
        while let Some(step) = scanner.step()? {
            match step {
                Step::Frame { offset, frame } => {
                    frame_count += 1;
                    self.frame(&segment, offset, &frame);
                }
                Step::Gap(gap) if gap.reach == GapReach::ToFrame => self.damage(&segment, &gap),
                Step::Gap(gap) => end_gap = Some(gap),
            }
        }
        let header = scanner.header();
        drop(scanner);
        let mut clean_end = end_gap.is_none();
        if let Some(gap) = end_gap {
            let torn = place == Place::Last && gap.reach == GapReach::ToEnd;
            let headless = !header.is_valid() && frame_count == 0;
            if torn && headless && gap.end <= UNFINISHED_BYTES_MAX {
                return self.remove_unfinished(&segment, &gap);
            }
            if torn && !headless {
                self.cut(&segment, &gap)?;
                clean_end = true;
            } else {
                self.damage(&segment, &gap);
            }
        }
        let appendable = clean_end && header.is_valid();
        self.tail = if appendable { Tail::Appendable } else { Tail::NeedsNewSegment };
        self.kept.push(segment);
        Ok(())
    }

    fn frame(&mut self, segment: &Segment, offset: u64, frame: &Frame) {
        self.recovery.next_seq = self.recovery.next_seq.max(frame.header.end_seq());
        self.recovery.record_count += u64::from(frame.header.record_count);
        let remembered = match frame.header.kind {
            FrameKind::Batch => frame.retry_key().map(|key| {
                if let Some(key) = key {
                    let (count, sender) = (frame.header.record_count, frame.header.sender);
                    self.window.insert(key, sender, count, frame.header.written_at);
                }
            }),
            FrameKind::Window => frame.payload().and_then(|payload| self.window.absorb(&payload)),
        };
        if let Err(problem) = remembered {
            let end = offset + frame.header.total_bytes;
            self.damage(segment, &Gap { offset, end, problem, reach: GapReach::ToFrame });
        }
    }

    fn damage(&mut self, segment: &Segment, gap: &Gap) {
        let put = put_aside(self.vfs, self.directories, &segment.path, gap.offset..gap.end);
        report_damage(segment, gap, put);
        self.recovery.corrupt_frames += 1;
        self.recovery.corrupt_bytes += gap.end - gap.offset;
    }

    fn cut(&mut self, segment: &Segment, gap: &Gap) -> Result<(), WalError> {
        let path = &segment.path;
        let mut file = self.vfs.open_append(path).map_err(WalError::io("open", path))?;
        file.set_len(gap.offset).map_err(WalError::io("cut", path))?;
        file.sync_data().map_err(WalError::io("sync", path))?;
        self.count_torn(segment, gap, "cut torn end of wal");
        Ok(())
    }

    /// A segment takes frames only after its header was synced: without one it held nothing.
    fn remove_unfinished(&mut self, segment: &Segment, gap: &Gap) -> Result<(), WalError> {
        let path = &segment.path;
        self.vfs.remove_file(path).map_err(WalError::io("remove", path))?;
        self.count_torn(segment, gap, "remove unfinished wal segment");
        Ok(())
    }

    fn count_torn(&mut self, segment: &Segment, gap: &Gap, what: &str) {
        let bytes = gap.end - gap.offset;
        self.recovery.torn_bytes += bytes;
        counter!(WAL_TORN_BYTES).increment(bytes);
        info!(segment = %segment.path.display(), offset = gap.offset, bytes, "{what}");
    }

    fn finish(mut self) -> Recovered {
        let first = self.kept.first().map(|segment| segment.first_seq);
        self.recovery.first_seq = first.unwrap_or(self.recovery.next_seq);
        self.recovery.batch_id_count = self.window.len() as u64;
        Recovered {
            recovery: self.recovery,
            segments: self.kept,
            window: self.window,
            tail: self.tail,
        }
    }
}

/// Says once, when it is first seen, that a part of a segment is damaged.
pub(super) fn report_damage(segment: &Segment, gap: &Gap, put: PutAside) {
    if put == PutAside::Before {
        return;
    }
    counter!(WAL_CORRUPT_FRAMES).increment(1);
    let problem: &FrameError = &gap.problem;
    warn!(
        segment = %segment.path.display(),
        offset = gap.offset,
        bytes = gap.end - gap.offset,
        %problem,
        "skip damaged part of wal"
    );
}
