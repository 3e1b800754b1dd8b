//! The mark: how far the log was synced and how far it was indexed, kept beside the segments.
//!
//! A segment cannot say where it should end: bytes that a power cut tore look like bytes that
//! rotted, and a segment that is gone says nothing. The mark says it. What the mark claims was
//! durable before the claim was written, so a claim is never too high; after a power cut the
//! claim may be one of before. It bears witness and holds no record: when it cannot be written,
//! the log goes on.
//!
//! ```text
//! wal/mark := slot slot slot                   each at a multiple of 4,096 bytes
//! slot     := magic "TLMRK"                    all numbers little-endian
//!             version u8                       1
//!             acks u8                          1: the writer acknowledged after a sync; 0: before
//!             zero u8
//!             turn u64                         the slot with the highest turn counts
//!             segment u64                      first record number of the segment that took frames
//!             bytes u64                        its bytes that were durable
//!             durable_below u64                records before this number were durable
//!             indexed_below u64                records before this number were in the indexes
//!             earliest i64, latest i64         span of the moments of the records from there on;
//!                                              earliest > latest when there was none
//!             crc u32                          CRC-32C of the 64 bytes before
//! ```
//!
//! The first slot is written after each sync and before its acks, and left to the kernel to
//! write back: it outlives a killed process, and costs no sync. The other two take turns at the
//! head of each segment, before segments are removed and at the end, and are synced; a power cut
//! can hurt the slot under the pen only, and the other synced slot stays whole.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf as _, BufMut as _};
use tierlog_model::{Span, Timestamp};
use tracing::warn;

use super::list::Directories;
use super::{Durability, WalError};
use crate::backend::{Vfs, VfsFile};

const FILE_NAME: &str = "mark";
const MAGIC: [u8; 5] = *b"TLMRK";
const VERSION: u8 = 1;
const SLOT_BYTES: usize = 68;
const CHECKED_BYTES: usize = SLOT_BYTES - 4;
const SLOT_COUNT: usize = 3;

/// Distance of the slots: a page, so that the kernel writes each slot back alone.
const SLOT_DISTANCE: usize = 4096;

/// The slot that is not synced, and the two that are.
const LATEST_SLOT: usize = 0;
const KEPT_SLOTS: [usize; 2] = [1, 2];

/// Spans of groups that are told apart until they are indexed. Between two commits more groups
/// share the last span, which then goes with the commit after.
const SPANS_MAX: usize = 64;

/// When acknowledgements were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acks {
    AfterSync,
    BeforeSync,
}

impl From<Durability> for Acks {
    fn from(durability: Durability) -> Acks {
        match durability {
            Durability::Fsync => Acks::AfterSync,
            Durability::Interval(_) | Durability::None => Acks::BeforeSync,
        }
    }
}

/// A place in the log: so many bytes of a segment, which hold the records before a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogPlace {
    /// First record number of the segment.
    pub(super) segment: u64,
    pub(super) bytes: u64,
    pub(super) below: u64,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) acks: Acks,
    /// How far the log was durable.
    pub(super) durable: LogPlace,
    /// Records before this number were in the indexes.
    pub(super) indexed_below: u64,
    /// Where the moments of the records that were not lay.
    pub(super) span: Option<Span>,
}

impl Marked {
    fn encode(&self, turn: u64) -> Vec<u8> {
        let mut slot = Vec::with_capacity(SLOT_BYTES);
        slot.put_slice(&MAGIC);
        slot.put_u8(VERSION);
        slot.put_u8(match self.acks {
            Acks::AfterSync => 1,
            Acks::BeforeSync => 0,
        });
        slot.put_u8(0);
        slot.put_u64_le(turn);
        slot.put_u64_le(self.durable.segment);
        slot.put_u64_le(self.durable.bytes);
        slot.put_u64_le(self.durable.below);
        slot.put_u64_le(self.indexed_below);
        let none = Span { earliest: Timestamp::MAX, latest: Timestamp::MIN };
        let span = self.span.unwrap_or(none);
        slot.put_i64_le(span.earliest.as_micros());
        slot.put_i64_le(span.latest.as_micros());
        slot.put_u32_le(crc32c::crc32c(&slot));
        slot
    }

    /// Reads a slot; `None` for damaged bytes and for slots of another version.
    fn decode(slot: &[u8]) -> Option<(u64, Marked)> {
        let (checked, mut crc) = slot.get(..SLOT_BYTES)?.split_at_checked(CHECKED_BYTES)?;
        let mut fields = checked.strip_prefix(&MAGIC)?;
        if crc.get_u32_le() != crc32c::crc32c(checked) || fields.get_u8() != VERSION {
            return None;
        }
        let acks = if fields.get_u8() == 1 { Acks::AfterSync } else { Acks::BeforeSync };
        let _zero = fields.get_u8();
        let turn = fields.get_u64_le();
        let [segment, bytes, below, indexed_below] = [(); 4].map(|()| fields.get_u64_le());
        let [earliest, latest] =
            [(); 2].map(|()| Timestamp::from_micros_clamped(fields.get_i64_le()));
        let span = (earliest <= latest).then_some(Span { earliest, latest });
        let durable = LogPlace { segment, bytes, below };
        Some((turn, Marked { acks, durable, indexed_below, span }))
    }
}

/// A mark as a start finds it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FoundMark {
    /// The claim of the newest slot; `None` without a file or a readable slot.
    pub(super) marked: Option<Marked>,
    is_there: bool,
    turn: u64,
    /// Which of the synced slots is written next.
    next_kept: usize,
}

/// Reads the mark of a log.
pub(super) fn read_mark(vfs: &dyn Vfs, directories: &Directories) -> Result<FoundMark, WalError> {
    let path = path_of(directories);
    if !vfs.exists(&path).map_err(WalError::io("inspect", &path))? {
        return Ok(FoundMark::default());
    }
    let bytes = vfs.read(&path).map_err(WalError::io("read", &path))?;
    let slot = |slot: usize| bytes.get(slot * SLOT_DISTANCE..).and_then(Marked::decode);
    let turn_of = |number: usize| slot(number).map_or(0, |(turn, _)| turn);
    let newest = (0..SLOT_COUNT).filter_map(slot).max_by_key(|(turn, _)| *turn);
    let [first, second] = KEPT_SLOTS;
    Ok(FoundMark {
        marked: newest.map(|(_, marked)| marked),
        is_there: true,
        turn: newest.map_or(0, |(turn, _)| turn),
        next_kept: usize::from(turn_of(first) > turn_of(second)),
    })
}

fn path_of(directories: &Directories) -> PathBuf {
    directories.wal.join(FILE_NAME)
}

/// The mark of an open log, shared by the writer and the indexer.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    path: PathBuf,
    latest: Arc<Mutex<Latest>>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Latest {
    file: Box<dyn VfsFile>,
    turn: u64,
    marked: Marked,
    /// How far the log was written.
    written: LogPlace,
    spans: Spans,
    is_failing: bool,
}

#[derive(Debug)]
struct Kept {
    file: Box<dyn VfsFile>,
    next: usize,
}

impl Mark {
    /// Makes or takes up the mark of a log that is durable up to a place, and keeps it.
    pub(super) fn open(
        vfs: &dyn Vfs,
        directories: &Directories,
        found: FoundMark,
        marked: Marked,
        spans: Spans,
    ) -> Result<Mark, WalError> {
        let path = path_of(directories);
        if !found.is_there {
            let mut file = vfs.create_new(&path).map_err(WalError::io("create", &path))?;
            let empty = vec![0; SLOT_DISTANCE * (SLOT_COUNT - 1) + SLOT_BYTES];
            file.write_all(&empty).map_err(WalError::io("write", &path))?;
        }
        let open = || vfs.open_in_place(&path).map_err(WalError::io("open", &path));
        let (turn, written) = (found.turn, marked.durable);
        let latest = Latest { file: open()?, turn, marked, written, spans, is_failing: false };
        let kept = Kept { file: open()?, next: found.next_kept };
        let (latest, kept) = (Arc::new(Mutex::new(latest)), Arc::new(Mutex::new(kept)));
        let mark = Mark { path, latest, kept };
        mark.keep()?;
        vfs.sync_dir(&directories.wal).map_err(WalError::io("sync", &directories.wal))?;
        Ok(mark)
    }

    /// Says how far the log is written, and where the moments of the records lie that were added.
    pub(super) fn wrote(&self, place: LogPlace, added: Option<Span>) {
        let mut latest = self.lock();
        latest.written = place;
        if let Some(span) = added {
            latest.spans.push(place.below, span);
        }
    }

    /// Returns how far the log is written.
    pub(super) fn written(&self) -> LogPlace {
        self.lock().written
    }

    /// Says where the log of this process begins, whatever the mark said before.
    pub(super) fn begin(&self, place: LogPlace) -> Result<(), WalError> {
        {
            let mut latest = self.lock();
            latest.written = place;
            latest.marked.durable = place;
        }
        self.keep()
    }

    /// Returns where the moments of the records lie that are not in the indexes.
    pub(super) fn span(&self) -> Option<Span> {
        self.lock().spans.all()
    }

    /// Returns the number before which every record is in the indexes.
    pub(super) fn indexed_below(&self) -> u64 {
        self.lock().marked.indexed_below
    }

    /// Says that the log is durable up to a place that was written.
    pub(super) fn durable(&self, place: LogPlace) {
        let mut latest = self.lock();
        let known = latest.marked.durable;
        if (place.segment, place.bytes) < (known.segment, known.bytes) {
            return;
        }
        latest.marked.durable = place;
        latest.write(&self.path);
    }

    /// Says that the indexes have every record before a number.
    pub(super) fn indexed(&self, below: u64) {
        let mut latest = self.lock();
        let below = below.min(latest.written.below);
        if below > latest.marked.indexed_below {
            latest.marked.indexed_below = below;
            latest.spans.forget(below);
            latest.write(&self.path);
        }
    }

    /// Makes what the mark says durable.
    pub(super) fn keep(&self) -> Result<(), WalError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = self.lock().next_slot();
        let number = KEPT_SLOTS.get(kept.next).copied().unwrap_or(LATEST_SLOT);
        let offset = (number * SLOT_DISTANCE) as u64;
        kept.file.write_at(offset, &slot).map_err(WalError::io("write", &self.path))?;
        kept.file.sync_data().map_err(WalError::io("sync", &self.path))?;
        kept.next = (kept.next + 1) % KEPT_SLOTS.len();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest {
    fn next_slot(&mut self) -> Vec<u8> {
        self.turn += 1;
        self.marked.span = self.spans.all();
        self.marked.encode(self.turn)
    }

    fn write(&mut self, path: &std::path::Path) {
        let slot = self.next_slot();
        let written = self.file.write_at((LATEST_SLOT * SLOT_DISTANCE) as u64, &slot);
        let fails = written.is_err();
        if let Err(error) = written
            && !self.is_failing
        {
            warn!(path = %path.display(), %error, "cannot write the mark of the wal");
        }
        self.is_failing = fails;
    }
}

/// Where the moments of records lie that are not indexed yet, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Spans(VecDeque<(u64, Span)>);

impl Spans {
    /// Adds the span of the records before a number that follow on those that were added.
    pub(super) fn push(&mut self, below: u64, span: Span) {
        let is_full = self.0.len() >= SPANS_MAX;
        match self.0.back_mut() {
            Some((end, known)) if is_full => {
                (*end, *known) = (below, known.with(span));
            }
            _ => self.0.push_back((below, span)),
        }
    }

    /// Forgets spans all of whose records lie before a number.
    fn forget(&mut self, below: u64) {
        while self.0.front().is_some_and(|(end, _)| *end <= below) {
            self.0.pop_front();
        }
    }

    fn all(&self) -> Option<Span> {
        self.0.iter().map(|(_, span)| *span).reduce(Span::with)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::backend::{Crash, SimulatedVfs};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros_clamped(seconds * 1_000_000)
    }

    fn span(from: i64, to: i64) -> Span {
        Span { earliest: at(from), latest: at(to) }
    }

    fn place(bytes: u64, below: u64) -> LogPlace {
        LogPlace { segment: 0, bytes, below }
    }

    fn disk() -> (SimulatedVfs, Directories) {
        let vfs = SimulatedVfs::new();
        let directories = Directories::of(Path::new("/data"));
        vfs.create_dir_all(&directories.wal).expect("made");
        vfs.sync_dir(Path::new("/")).expect("synced");
        vfs.sync_dir(Path::new("/data")).expect("synced");
        (vfs, directories)
    }

    const EMPTY: Marked = Marked {
        acks: Acks::AfterSync,
        durable: LogPlace { segment: 0, bytes: 40, below: 0 },
        indexed_below: 0,
        span: None,
    };

    fn opened(vfs: &SimulatedVfs, directories: &Directories) -> Mark {
        let found = read_mark(vfs, directories).expect("read");
        let marked = found.marked.unwrap_or(EMPTY);
        Mark::open(vfs, directories, found, marked, Spans::default()).expect("opens")
    }

    fn said(vfs: &SimulatedVfs, directories: &Directories) -> Option<Marked> {
        read_mark(vfs, directories).expect("read").marked
    }

    #[test]
    fn a_slot_reads_back_and_no_flipped_bit_passes() {
        let marked = Marked { indexed_below: 7, span: Some(span(1, 2)), ..EMPTY };
        for marked in [marked, Marked { acks: Acks::BeforeSync, ..EMPTY }] {
            let slot = marked.encode(3);
            assert_eq!(slot.len(), SLOT_BYTES);
            assert_eq!(Marked::decode(&slot), Some((3, marked)));
            for bit in 0..slot.len() * 8 {
                let mut flipped = slot.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Marked::decode(&flipped), None, "bit {bit}");
            }
        }
        assert_eq!(Marked::decode(&[0; SLOT_BYTES]), None);
    }

    #[test]
    fn the_latest_claim_outlives_the_process_and_a_kept_one_the_power() {
        let (vfs, directories) = disk();
        let mark = opened(&vfs, &directories);
        mark.wrote(place(100, 10), Some(span(5, 6)));
        mark.durable(mark.written());
        let killed = vfs.after(Crash::ProcessOnly);
        let claim = said(&killed, &directories).expect("a claim");
        assert_eq!((claim.durable, claim.span), (place(100, 10), Some(span(5, 6))));
        let cut = vfs.after(Crash::DropUnsynced);
        assert_eq!(said(&cut, &directories).expect("a claim").durable, EMPTY.durable);
        mark.keep().expect("kept");
        mark.wrote(place(200, 20), Some(span(1, 9)));
        mark.indexed(10);
        mark.durable(mark.written());
        for seed in 0..200 {
            let torn = vfs.after(Crash::Torn { seed });
            let claim = said(&torn, &directories).expect("a claim");
            assert!([100, 200].contains(&claim.durable.bytes), "{claim:?}");
        }
        let claim = said(&vfs, &directories).expect("a claim");
        assert_eq!((claim.indexed_below, claim.span), (10, Some(span(1, 9))));
    }

    #[test]
    fn a_claim_never_goes_back_and_one_slot_is_always_whole() {
        let (vfs, directories) = disk();
        let mark = opened(&vfs, &directories);
        mark.wrote(place(200, 20), None);
        mark.durable(place(200, 20));
        mark.durable(place(100, 10));
        mark.indexed(1_000);
        assert_eq!(said(&vfs, &directories).expect("a claim").durable, place(200, 20));
        assert_eq!(said(&vfs, &directories).expect("a claim").indexed_below, 20, "what is written");
        mark.keep().expect("kept");
        drop(mark);
        for _ in 0..3 {
            // A start that is cut short anywhere leaves a claim.
            for changes in 0..4 {
                let again = vfs.after(Crash::ProcessOnly);
                let found = read_mark(&again, &directories).expect("read");
                again.halt_after(changes);
                let marked = found.marked.expect("a claim");
                let _ = Mark::open(&again, &directories, found, marked, Spans::default());
                for seed in 0..20 {
                    let torn = again.after(Crash::Torn { seed });
                    let claim = said(&torn, &directories).expect("a claim");
                    assert_eq!(claim.durable, place(200, 20));
                }
            }
            opened(&vfs, &directories);
        }
    }

    #[test]
    fn spans_go_with_the_records_that_are_indexed() {
        let mut spans = Spans::default();
        spans.push(10, span(100, 200));
        spans.push(20, span(50, 60));
        assert_eq!(spans.all(), Some(span(50, 200)));
        spans.forget(10);
        assert_eq!(spans.all(), Some(span(50, 60)));
        for number in 0..1_000 {
            spans.push(30 + number, span(number as i64, number as i64));
        }
        assert_eq!(spans.0.len(), SPANS_MAX);
        spans.forget(500);
        spans.push(2_000, span(7, 7));
        spans.forget(1_029);
        assert_eq!(spans.all(), Some(span(7, 7)));
    }
}
