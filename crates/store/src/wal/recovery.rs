//! What is made of the segments that a former process left.
//!
//! A directory arrives; its segments, the retry window and the next record number leave. After
//! recovery every frame of every segment either reads back or has been told as damage, and every
//! number that was given to a record is read, indexed, or told as lost. Which bytes at the end
//! may be a crash's doing, the drawing in [`super`] says; [`Witness`] decides it.

use std::path::Path;

use metrics::counter;
use tierlog_model::metric_names::WAL_TORN_BYTES;
use tierlog_model::{Span, Timestamp};
use tracing::info;

use super::frame::{Before, FRAME_HEADER_BYTES, Frame, FrameKind};
use super::list::{Directories, Segment, find_segments};
use super::losses::{Damage, Losses, Numbers};
use super::mark::{Acks, FoundMark, Marked, Spans};
use super::scan::{Gap, GapReach, Scanner, Step};
use super::segment::{FORMAT_VERSION, HeaderState, SEGMENT_HEADER_BYTES};
use super::window::{RETRY_WINDOW_BYTES_MAX, RetryWindow};
use super::{FrameError, WalError, WalSettings};
use crate::backend::Vfs;

/// Longest segment that a crash can leave without a header: header and window, written at once. A
/// longer segment once had frames: damage.
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
    /// Damaged places and missing numbers. Each may have held several frames.
    pub corrupt_frames: u64,
    /// Bytes of the damaged places.
    pub corrupt_bytes: u64,
    /// When the last batch that reads back was written, by what was believed then.
    pub last_written: Option<Timestamp>,
}

/// What the writer starts from.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) recovery: Recovery,
    pub(super) segments: Vec<Segment>,
    pub(super) window: RetryWindow,
    pub(super) tail: Tail,
    /// Records before this number are in the indexes, as far as is known.
    pub(super) indexed_below: u64,
    /// Where the moments of the records from there on lie.
    pub(super) spans: Spans,
}

/// What may be done with the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// It ends in a good frame or header and takes more frames.
    Appendable,
    /// There is none, or it is damaged at a place that matters for appending.
    NeedsNewSegment,
}

/// What is known of the log from elsewhere than its segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness {
    pub(super) mark: FoundMark,
    /// Number after the last record that an index has.
    pub(super) indexed_to: u64,
}

impl Witness {
    fn marked(&self) -> Option<Marked> {
        self.mark.marked
    }

    /// Returns the number before which every record was durable, as far as is known.
    fn durable_below(&self) -> u64 {
        let marked = self.marked();
        // Below `fsync` an index may have a position ahead of records that were never synced.
        let trusted = marked.is_none_or(|marked| marked.acks == Acks::AfterSync);
        let indexed_to = if trusted { self.indexed_to } else { 0 };
        marked.map_or(0, |marked| marked.durable.below).max(indexed_to)
    }

    /// Tells whether the bytes at an offset of a segment were durable, of which the record
    /// numbered `seq` would have been the first.
    fn vouches(&self, segment: &Segment, offset: u64, seq: u64) -> bool {
        // Without a mark nothing can be called torn.
        let Some(Marked { durable, .. }) = self.marked() else { return true };
        let in_marked = segment.first_seq == durable.segment && offset < durable.bytes;
        // The writer syncs a segment before the next one begins.
        let is_closed = segment.first_seq < durable.segment;
        in_marked || is_closed || seq.max(segment.first_seq) < self.durable_below()
    }
}

/// Reads every segment, cuts a torn end, and tells damage.
pub(super) fn recover(
    vfs: &dyn Vfs,
    directories: &Directories,
    settings: &WalSettings,
    witness: Witness,
    losses: &Losses,
) -> Result<Recovered, WalError> {
    let found = find_segments(vfs, &directories.wal)?;
    refuse_other_versions(vfs, &found)?;
    let indexed_below = witness.marked().map_or(0, |marked| marked.indexed_below);
    let mut recoverer = Recoverer {
        vfs,
        witness,
        losses,
        recovery: Recovery { segment_count: found.len() as u64, ..Recovery::default() },
        window: RetryWindow::new(settings.retry_window_age),
        kept: Vec::new(),
        tail: Tail::NeedsNewSegment,
        end: None,
        open: None,
        seen: None,
        indexed_below,
        spans: Spans::default(),
    };
    let last = found.len().saturating_sub(1);
    let newest = found.last().map(|segment| segment.first_seq);
    for (position, segment) in found.into_iter().enumerate() {
        let place = if position == last { Place::Last } else { Place::Before };
        recoverer.segment(segment, place)?;
    }
    recoverer.end_of_log(newest);
    Ok(recoverer.finish())
}

/// Refuses the log of a data directory when another version has written a part of it.
pub(crate) fn check_versions(vfs: &dyn Vfs, data_directory: &Path) -> Result<(), WalError> {
    let directories = Directories::of(data_directory);
    refuse_other_versions(vfs, &find_segments(vfs, &directories.wal)?)
}

/// Runs before any change: a newer version of the program still finds whole files.
fn refuse_other_versions(vfs: &dyn Vfs, segments: &[Segment]) -> Result<(), WalError> {
    for segment in segments {
        let scanner = Scanner::open(vfs, &segment.path, segment.first_seq, segment.first_seq)?;
        if let HeaderState::OtherVersion(found) = scanner.header() {
            return Err(WalError::FormatVersion {
                path: segment.path.clone(),
                found,
                expected: FORMAT_VERSION,
            });
        }
    }
    Ok(())
}

/// Whether a segment can have been torn by a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The active segment.
    Last,
    /// A segment synced before the next segment was made.
    Before,
}

/// What became of a gap.
enum Verdict {
    Damage,
    /// The bytes from here on were never acknowledged.
    Torn,
}

struct Recoverer<'a> {
    vfs: &'a dyn Vfs,
    witness: Witness,
    losses: &'a Losses,
    recovery: Recovery,
    window: RetryWindow,
    kept: Vec<Segment>,
    tail: Tail,
    /// Number behind the last record that was read or told as lost; none before the first
    /// segment.
    end: Option<u64>,
    /// Damage whose numbers the next frame or segment will say.
    open: Option<(Segment, Gap)>,
    /// Span of the last good frame, and of its writing.
    seen: Option<Span>,
    indexed_below: u64,
    spans: Spans,
}

impl Recoverer<'_> {
    fn segment(&mut self, segment: Segment, place: Place) -> Result<(), WalError> {
        let expected_seq = self.end.unwrap_or(0).max(segment.first_seq);
        let mut scanner = Scanner::open(self.vfs, &segment.path, segment.first_seq, expected_seq)?;
        let header = scanner.header();
        self.begin(&segment, header);
        if let HeaderState::Valid { follows } = header {
            self.reach(follows, None);
            self.reach_without_loss(segment.first_seq);
        }
        let mut frame_count = 0_u64;
        while let Some(step) = scanner.step()? {
            let gap = match step {
                Step::Frame { offset, frame } => {
                    frame_count += 1;
                    self.frame(&segment, offset, &frame);
                    continue;
                }
                Step::Gap(gap) => gap,
            };
            match self.judge(&segment, place, &gap)? {
                Verdict::Damage => {
                    if frame_count == 0 && !header.is_valid() {
                        self.reach(segment.first_seq, None);
                    }
                    self.settle(None);
                    self.open = Some((segment.clone(), gap));
                }
                Verdict::Torn if gap.offset == 0 && frame_count == 0 => {
                    return self.remove_unfinished(&segment, &gap);
                }
                Verdict::Torn => {
                    let end = scanner.file_len();
                    drop(scanner);
                    self.cut(&segment, &Gap { end, ..gap })?;
                    break;
                }
            }
        }
        let clean_end = self.open.is_none();
        let appendable = clean_end && header.is_valid();
        self.tail = if appendable { Tail::Appendable } else { Tail::NeedsNewSegment };
        self.kept.push(segment);
        Ok(())
    }

    /// Says where the log before the first segment has ended: what it held was indexed and
    /// released.
    fn begin(&mut self, first: &Segment, header: HeaderState) {
        let follows = match header {
            HeaderState::Valid { follows } => follows,
            HeaderState::Damaged | HeaderState::OtherVersion(_) => first.first_seq,
        };
        let released_to = self.released_to();
        self.end.get_or_insert(released_to.min(follows));
    }

    /// Says that the log goes on at a number, and that the numbers up to there were left out.
    fn reach_without_loss(&mut self, seq: u64) {
        self.end = Some(self.end.unwrap_or(0).max(seq));
    }

    /// Says that the log goes on at a number: what is missing up to there is lost.
    fn reach(&mut self, seq: u64, next: Option<Span>) {
        let end = self.end.unwrap_or(seq);
        // Segments that were released may be gone in any order after a power cut.
        let is_released = self.open.is_none() && seq <= self.indexed_below;
        if seq > end && !is_released {
            self.lose(end, Some(seq), next);
        }
        self.settle(Some(end));
        self.end = Some(end.max(seq));
    }

    fn lose(&mut self, first: u64, end: Option<u64>, next: Option<Span>) {
        let open = self.open.take();
        let missing = "records are missing, and the bytes that held them".to_owned();
        self.recovery.corrupt_frames += 1;
        self.recovery.corrupt_bytes += open.as_ref().map_or(0, |(_, gap)| gap.end - gap.offset);
        let marked = self.witness.marked();
        let covered = marked.filter(|marked| end.is_some_and(|end| end <= marked.durable.below));
        let around = || self.seen.into_iter().chain(next).reduce(Span::with);
        self.losses.note(&Damage {
            numbers: Numbers { first, end, indexed_below: self.indexed_below },
            span: covered.map_or_else(around, |marked| marked.span),
            part: open.as_ref().map(|(segment, gap)| (&*segment.path, gap.offset..gap.end)),
            problem: open.as_ref().map_or(missing, |(_, gap)| gap.problem.to_string()),
        });
    }

    /// Tells damage that held no record: the numbers around it follow on each other.
    fn settle(&mut self, at: Option<u64>) {
        if self.open.is_some() {
            let end = at.or(self.end).unwrap_or(0);
            self.lose(end, Some(end), None);
        }
    }

    fn frame(&mut self, segment: &Segment, offset: u64, frame: &Frame) {
        let header = &frame.header;
        let written = Span::of(header.written_at);
        if header.kind == FrameKind::Batch {
            self.reach(header.seq, Some(header.span.with(written)));
            self.end = Some(header.end_seq());
            self.recovery.last_written = Some(header.written_at);
            self.recovery.record_count += u64::from(header.record_count);
            if header.end_seq() > self.indexed_below {
                self.spans.push(header.end_seq(), header.span);
            }
            self.seen = Some(header.span.with(written));
        } else {
            self.settle(None);
        }
        let remembered = match header.kind {
            FrameKind::Batch => frame.retry_key().map(|key| {
                if let Some(key) = key {
                    let (count, sender) = (header.record_count, header.sender);
                    self.window.insert(key, sender, count, header.written_at);
                }
            }),
            FrameKind::Window => frame.payload().and_then(|payload| self.window.absorb(&payload)),
        };
        if let Err(problem) = remembered {
            let end = offset + header.total_bytes;
            let gap = Gap { offset, end, problem, reach: GapReach::ToFrame };
            self.open = Some((segment.clone(), gap));
            self.settle(None);
        }
    }

    /// Decides whether bytes that do not read can be a crash's doing.
    fn judge(&self, segment: &Segment, place: Place, gap: &Gap) -> Result<Verdict, WalError> {
        let seq = self.end.unwrap_or(0);
        if place == Place::Before || self.witness.vouches(segment, gap.offset, seq) {
            return Ok(Verdict::Damage);
        }
        Ok(match gap.reach {
            // A segment takes frames only after its header was synced. A short segment without a
            // header never held a frame.
            GapReach::ToEnd if gap.offset == 0 && gap.end > UNFINISHED_BYTES_MAX => Verdict::Damage,
            GapReach::ToEnd => Verdict::Torn,
            GapReach::GivenUp => Verdict::Damage,
            GapReach::ToFrame if gap.problem == FrameError::SegmentHeader => Verdict::Damage,
            GapReach::ToFrame if self.is_vouched_later(segment, gap)? => Verdict::Damage,
            // One write holds a group, and a power cut may spare the end of it.
            GapReach::ToFrame => Verdict::Torn,
        })
    }

    /// Tells whether a frame behind a gap says that all before it was durable.
    fn is_vouched_later(&self, segment: &Segment, gap: &Gap) -> Result<bool, WalError> {
        let mut scanner =
            Scanner::open(self.vfs, &segment.path, segment.first_seq, segment.first_seq)?;
        while let Some(step) = scanner.step()? {
            if let Step::Frame { offset, frame } = step
                && offset > gap.offset
                && frame.header.before == Before::Durable
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compares where the log ends with what others know of its end.
    fn end_of_log(&mut self, newest: Option<u64>) {
        let durable_below = self.witness.durable_below();
        let end = self.end.unwrap_or_else(|| self.released_to());
        self.end = Some(end);
        let marked = self.witness.marked();
        let lacks_segment = marked
            .map(|marked| marked.durable)
            .filter(|durable| durable.bytes > 0)
            .is_some_and(|durable| newest.is_none_or(|newest| newest < durable.segment));
        if durable_below > end || lacks_segment {
            self.lose(end, Some(durable_below.max(end)), None);
        } else if marked.is_none() && (self.open.is_some() || self.is_gone(newest)) {
            // Neither a number nor the mark says how many there were.
            self.lose(end, None, None);
        }
        self.settle(None);
        if durable_below > end {
            self.tail = Tail::NeedsNewSegment;
            self.end = Some(durable_below);
        }
    }

    /// Tells whether the indexes know of a log of which nothing is there.
    fn is_gone(&self, newest: Option<u64>) -> bool {
        newest.is_none() && self.witness.indexed_to > 0
    }

    /// Returns the number up to which an empty log has been.
    fn released_to(&self) -> u64 {
        let marked = self.witness.marked();
        marked.map_or(self.witness.indexed_to, |marked| marked.indexed_below)
    }

    fn cut(&mut self, segment: &Segment, gap: &Gap) -> Result<(), WalError> {
        let path = &segment.path;
        let mut file = self.vfs.open_append(path).map_err(WalError::io("open", path))?;
        file.set_len(gap.offset).map_err(WalError::io("cut", path))?;
        file.sync_data().map_err(WalError::io("sync", path))?;
        self.count_torn(segment, gap, "cut torn end of wal");
        Ok(())
    }

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
        self.recovery.next_seq = self.end.unwrap_or(0);
        let first = self.kept.first().map(|segment| segment.first_seq);
        self.recovery.first_seq = first.unwrap_or(self.recovery.next_seq);
        self.recovery.batch_id_count = self.window.len() as u64;
        let (recovery, segments, window) = (self.recovery, self.kept, self.window);
        let (tail, indexed_below, spans) = (self.tail, self.indexed_below, self.spans);
        Recovered { recovery, segments, window, tail, indexed_below, spans }
    }
}
