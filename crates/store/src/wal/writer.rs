//! The log from the side of the only writer: open, write groups, sync, rotate.
//!
//! Batches arrive in groups, record numbers leave. One group is one write. Whoever acknowledges
//! waits for [`Wal::sync`] first; nothing here acknowledges anything.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use metrics::{counter, histogram};
use tierlog_model::metric_names::{WAL_BYTES, WAL_SYNC_SECONDS};
use tierlog_model::{
    BatchId, LinesBefore, ProducerId, ProducerLines, RedactedBatch, RetryKey, SenderId, Span,
    Timestamp,
};
use tracing::warn;

use super::active::{Active, Head};
use super::durable::Durable;
use super::frame::{Before, encode_batch};
use super::list::{Directories, Segment, SegmentList};
use super::losses::Losses;
use super::mark::{LogPlace, Mark, Marked, read_mark};
use super::recovery::{Recovered, Tail, Witness, recover};
use super::settings::FRAME_PAYLOAD_BYTES_MAX;
use super::window::{KnownBatch, RetryWindow};
use super::{Durability, Recovery, Replay, WalError, WalReader, WalReleaser, WalSettings};
use crate::backend::Vfs;
use crate::directory_lock::DirectoryLock;

/// The write-ahead log.
#[derive(Debug)]
pub struct Wal {
    vfs: Arc<dyn Vfs>,
    directories: Directories,
    settings: WalSettings,
    segments: SegmentList,
    active: Active,
    next_seq: u64,
    window: RetryWindow,
    buffer: Vec<u8>,
    durable: Durable,
    mark: Mark,
    losses: Losses,
    poisoned: Option<String>,
}

/// The fate of a batch of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It was written.
    Written {
        /// Number of its first record.
        first_seq: u64,
    },
    /// A batch of the same id is in the log, or before it in the group.
    Duplicate {
        /// Records of that batch.
        record_count: u32,
    },
    /// Some of its lines are in the log, or before it in the group; the others were written.
    Rest {
        /// Records at the beginning of the batch, left out.
        known_count: u32,
        /// Number of the first record that was written.
        first_seq: u64,
    },
    /// Lines of its producer before it are neither in the log nor settled; it was not written.
    MissingLines {
        /// Number of the last line that is in the log.
        durable: u64,
    },
    /// The last of its lines that is in the log lies inside of lines that it has joined; it was
    /// not written, because half of such lines can neither be left out nor kept.
    PartedLines {
        /// Number of the last line that is in the log.
        durable: u64,
    },
    /// Its lines leap further ahead of those in the log than a producer can mean; it was not
    /// written.
    LinesJump {
        /// Number of the last line that is in the log.
        durable: u64,
    },
    /// It is larger than a frame can be, and was not written.
    TooLarge,
}

impl Wal {
    /// Opens the log of a data directory that has no indexes, recovering what is there.
    ///
    /// The caller holds the directory's lock and has made the directory itself durable.
    pub fn open(
        vfs: Arc<dyn Vfs>,
        data_directory: &Path,
        settings: WalSettings,
        now: Timestamp,
    ) -> Result<(Wal, Recovery), WalError> {
        Wal::open_beside(vfs, data_directory, settings, (now, 0))
    }

    /// Opens a log as [`Wal::open`] does, beside indexes of which one has every record before
    /// `indexed_to` that is its own: where the log ends before, records are lost.
    pub fn open_beside(
        vfs: Arc<dyn Vfs>,
        data_directory: &Path,
        settings: WalSettings,
        (now, indexed_to): (Timestamp, u64),
    ) -> Result<(Wal, Recovery), WalError> {
        Wal::open_at(vfs, data_directory, settings, indexed_to, |_| now)
    }

    /// Opens a log as [`Wal::open_beside`] does, at a present that what is in it helps to tell.
    pub fn open_at(
        vfs: Arc<dyn Vfs>,
        data_directory: &Path,
        settings: WalSettings,
        indexed_to: u64,
        now: impl FnOnce(&Recovery) -> Timestamp,
    ) -> Result<(Wal, Recovery), WalError> {
        let directories = Directories::of(data_directory);
        let witness = Witness { mark: read_mark(vfs.as_ref(), &directories)?, indexed_to };
        let losses = Losses::open(Arc::clone(&vfs), directories.clone())?;
        let recovered = recover(vfs.as_ref(), &directories, &settings, witness, &losses)?;
        let directory = &directories.wal;
        vfs.create_dir_all(directory).map_err(WalError::io("create", directory))?;
        vfs.sync_dir(data_directory).map_err(WalError::io("sync", data_directory))?;
        // ORDER: a killed process may have left names that are seen but not durable; they must
        // be before anything is acknowledged from their files.
        vfs.sync_dir(directory).map_err(WalError::io("sync", directory))?;
        let Recovered { mut recovery, mut segments, mut window, tail, indexed_below, spans } =
            recovered;
        // ORDER: the mark before the first segment: segments without a mark then prove a lost mark.
        let begun = LogPlace { segment: recovery.next_seq, bytes: 0, below: recovery.next_seq };
        let marked = Marked {
            acks: settings.durability.into(),
            durable: witness.mark.marked.map_or(begun, |marked| marked.durable),
            // After the loss of a log or of a mark, counting begins anew.
            indexed_below: witness.mark.marked.map_or(recovery.first_seq, |_| indexed_below),
            span: None,
        };
        let mark = Mark::open(vfs.as_ref(), &directories, witness.mark, marked, spans)?;
        let now = now(&recovery);
        window.expire(now);
        let last = segments.last().filter(|_| tail == Tail::Appendable);
        let active = match last {
            Some(last) => Active::reopen(vfs.as_ref(), last, recovery.next_seq, &window, now)?,
            None => {
                let follows = recovery.next_seq;
                // A damaged segment keeps its name; hence the number is not used again.
                if segments.last().is_some_and(|last| last.first_seq == recovery.next_seq) {
                    recovery.next_seq += 1;
                }
                let segment = Segment::new(directory, recovery.next_seq);
                let head = Head { follows, window: &window, now };
                let active = Active::create(vfs.as_ref(), directory, &segment, head)?;
                segments.push(segment);
                active
            }
        };
        // What a former process left was synced when it was opened.
        let durable = Durable::default();
        durable.advance(recovery.next_seq);
        mark.begin(active.place(recovery.next_seq))?;
        let wal = Wal {
            vfs,
            directories,
            settings,
            segments: SegmentList::new(segments),
            active,
            next_seq: recovery.next_seq,
            window,
            buffer: Vec::new(),
            durable,
            mark,
            losses,
            poisoned: None,
        };
        Ok((wal, recovery))
    }

    /// Refuses to write from the moment on at which the data directory is not the locked one.
    pub(crate) fn guard(&self, lock: Arc<DirectoryLock>) {
        self.durable.guard(lock);
    }

    /// Returns the number that the next record gets.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Returns the settings.
    pub fn settings(&self) -> &WalSettings {
        &self.settings
    }

    /// Returns why the log takes no more batches, if it does not.
    pub fn poisoned(&self) -> Option<&str> {
        self.poisoned.as_deref()
    }

    /// Returns whether something was written and not synced.
    pub fn has_unsynced(&self) -> bool {
        self.active.has_unsynced()
    }

    /// Returns the bytes that may still be written on the disk.
    pub fn free_bytes(&self) -> Result<u64, WalError> {
        let directory = &self.directories.wal;
        self.vfs.free_bytes(directory).map_err(WalError::io("inspect", directory))
    }

    /// Returns a handle that removes old segments from any thread.
    pub fn releaser(&self) -> WalReleaser {
        let directory = self.directories.wal.clone();
        let segments = self.segments.clone();
        let witnesses = (self.durable.clone(), self.mark.clone());
        WalReleaser::new(Arc::clone(&self.vfs), directory, segments, witnesses)
    }

    /// Returns a handle that reads batches back from any thread.
    pub fn reader(&self) -> WalReader {
        let told = (self.losses.clone(), self.mark.clone());
        WalReader::new(Arc::clone(&self.vfs), self.segments.clone(), told)
    }

    /// Returns what of the log is damaged and not acknowledged yet.
    pub(crate) fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Returns the batches that hold records numbered `from_seq` and later.
    pub fn replay(&self, from_seq: u64) -> Replay {
        self.reader().replay(from_seq..self.next_seq)
    }

    /// Makes the mark say how far the log is, durably: for an orderly end.
    pub(crate) fn keep_mark(&self) {
        if let Err(error) = self.mark.keep() {
            warn!(%error, "the mark of the wal is one of before");
        }
    }

    /// Makes sure that no number before `at_least` is given out.
    ///
    /// An index can know numbers that the log lost: with a durability below `fsync` it may have
    /// committed what a power cut took from the log. Those numbers must not be used again, or
    /// the index would take new records for known ones.
    pub fn ensure_next_seq(&mut self, at_least: u64, now: Timestamp) -> Result<(), WalError> {
        if self.next_seq >= at_least {
            return Ok(());
        }
        self.refuse_if_poisoned()?;
        warn!(next_seq = self.next_seq, at_least, "wal ends before the indexes do");
        let follows = std::mem::replace(&mut self.next_seq, at_least);
        self.rotate(follows, now)
    }

    /// Writes the batches of a group that are not duplicates, in one write.
    ///
    /// After [`WalError::DiskFull`] nothing of the group is in the log and later groups may be
    /// tried; after any other error the log is poisoned.
    pub fn write_group<'b>(
        &mut self,
        batches: impl IntoIterator<Item = &'b RedactedBatch>,
        now: Timestamp,
    ) -> Result<Vec<Placement>, WalError> {
        self.refuse_if_poisoned()?;
        if let Some(reason) = self.durable.moved() {
            // Acknowledged records are in the moved directory. Here another store may be
            // at work, whose files this process must not touch.
            self.poisoned = Some(reason.clone());
            return Err(WalError::Poisoned { reason });
        }
        let mut group = Group::at(self.next_seq);
        self.buffer.clear();
        let placements =
            batches.into_iter().map(|batch| self.place(batch, &mut group, now)).collect();
        if self.buffer.is_empty() {
            return Ok(placements);
        }
        if self.active.is_full(self.buffer.len(), self.settings.segment_bytes) {
            match self.rotate(self.next_seq, now) {
                Ok(()) => {}
                // No file could be opened, and nothing was lost by that: the segment grows on.
                Err(error) if error.is_exhaustion() && self.poisoned.is_none() => {
                    warn!(%error, "wal segment is not closed yet");
                }
                Err(error) => return Err(error),
            }
        }
        self.write_buffer()?;
        self.next_seq = group.next_seq;
        self.mark.wrote(self.written_to(), group.span);
        for (id, KnownBatch { record_count, sender }) in group.ids {
            self.window.insert(RetryKey::Batch(id), sender, record_count, now);
        }
        for (producer, (last, sender)) in group.lines {
            self.window.insert(RetryKey::Lines { producer, last }, sender, 0, now);
        }
        Ok(placements)
    }

    /// Returns the number of the last line of a producer that is in the log; 0 for a producer
    /// that is not known, or not any more.
    pub fn producer_line(&self, producer: &ProducerId, now: Timestamp) -> u64 {
        self.window.line(producer, now).unwrap_or(0)
    }

    /// Makes everything written so far durable. After an error the log is poisoned: the kernel
    /// may have dropped the bytes, so a second try could succeed without them.
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.refuse_if_poisoned()?;
        if !self.has_unsynced() {
            return Ok(());
        }
        let started = Instant::now();
        self.active.sync().map_err(|error| self.poison(error))?;
        self.durable.advance(self.next_seq);
        // ORDER: after the sync, so that the mark never claims too much, and before the acks, so
        // that a killed process leaves a mark for every acknowledged record.
        self.mark.durable(self.mark.written());
        histogram!(WAL_SYNC_SECONDS).record(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Returns how far the log is written.
    fn written_to(&self) -> LogPlace {
        self.active.place(self.next_seq)
    }

    fn place(&mut self, batch: &RedactedBatch, group: &mut Group, now: Timestamp) -> Placement {
        let this = KnownBatch { record_count: batch.record_count(), sender: batch.sender() };
        if let Some(known) = batch.id().and_then(|id| self.find(id, group, now)) {
            let record_count = known.record_count;
            if record_count != this.record_count {
                warn!(
                    before = record_count,
                    now = this.record_count,
                    "batch id used again for another number of records"
                );
            }
            if known.is_repeated_by(this) {
                return Placement::Duplicate { record_count };
            }
        }
        if batch.bytes().len() > FRAME_PAYLOAD_BYTES_MAX {
            return Placement::TooLarge;
        }
        let first_seq = group.next_seq;
        // Lines of a producer whose records are not stored have numbers all the same.
        let is_numbered = batch.lines().is_some() && batch.line_count() > 0;
        if batch.record_count() == 0 && !is_numbered {
            return Placement::Written { first_seq };
        }
        if let Some(lines) = batch.lines() {
            return self.place_lines(batch, lines, group, now);
        }
        self.append(batch, group, now);
        if let Some(id) = batch.id() {
            group.ids.insert(*id, this);
        }
        Placement::Written { first_seq }
    }

    /// Places lines of a producer behind the ones that are in the log. Only here, where all
    /// connections meet, can it be told which lines are new: an earlier connection of the
    /// producer may still have batches on their way.
    fn place_lines(
        &mut self,
        batch: &RedactedBatch,
        lines: &ProducerLines,
        group: &mut Group,
        now: Timestamp,
    ) -> Placement {
        let in_group = group.lines.get(&lines.producer).map(|(last, _)| *last);
        let durable = in_group.unwrap_or_else(|| self.producer_line(&lines.producer, now));
        let first_seq = group.next_seq;
        if lines.jump(durable, batch.line_count()) {
            return Placement::LinesJump { durable };
        }
        let last = lines.last(batch.line_count());
        if last <= durable {
            return Placement::Duplicate { record_count: batch.record_count() };
        }
        if lines.settled() > durable && lines.before == LinesBefore::Durable {
            return Placement::MissingLines { durable };
        }
        let known_lines = durable.saturating_sub(lines.settled());
        let Some(known_count) = batch.records_of_first_lines(known_lines) else {
            return Placement::PartedLines { durable };
        };
        group.lines.insert(lines.producer, (last, batch.sender()));
        if known_count == 0 {
            self.append(batch, group, now);
            return Placement::Written { first_seq };
        }
        self.append(&batch.clone().without_first(known_count), group, now);
        Placement::Rest { known_count, first_seq }
    }

    fn append(&mut self, batch: &RedactedBatch, group: &mut Group, now: Timestamp) {
        // The first frame of a group may say that all before it is durable; the others follow on
        // bytes of their own group, which are not.
        let is_first = self.buffer.is_empty() && !self.has_unsynced();
        let before = if is_first { Before::Durable } else { Before::Unknown };
        let place = (group.next_seq, before);
        encode_batch(&mut self.buffer, place, now, batch, self.settings.codec);
        group.next_seq += u64::from(batch.record_count());
        group.span = group.span.into_iter().chain(batch.span()).reduce(Span::with);
    }

    fn find(&self, id: &BatchId, group: &Group, now: Timestamp) -> Option<KnownBatch> {
        group.ids.get(id).copied().or_else(|| self.window.find(id, now))
    }

    fn write_buffer(&mut self) -> Result<(), WalError> {
        match self.active.write(&self.buffer) {
            Ok(()) => {
                counter!(WAL_BYTES).increment(self.buffer.len() as u64);
                // The buffer of a huge batch gives memory back.
                self.buffer.clear();
                self.buffer.shrink_to(self.settings.group_bytes.saturating_mul(2));
                Ok(())
            }
            Err(error @ WalError::DiskFull { .. }) => Err(error),
            Err(error) => Err(self.poison(error)),
        }
    }

    /// Closes the active segment and begins one at the next record number.
    fn rotate(&mut self, follows: u64, now: Timestamp) -> Result<(), WalError> {
        // ORDER: the old segment is durable before the new one exists, so that only the last
        // segment can be torn.
        self.sync()?;
        self.window.expire(now);
        let segment = Segment::new(&self.directories.wal, self.next_seq);
        let directory = &self.directories.wal;
        let head = Head { follows, window: &self.window, now };
        match Active::create(self.vfs.as_ref(), directory, &segment, head) {
            Ok(active) => {
                self.active = active;
                self.segments.push(segment);
                self.mark.wrote(self.written_to(), None);
                self.mark.durable(self.written_to());
                // Once a segment: a missing segment is then noticed after a power cut too.
                self.keep_mark();
                Ok(())
            }
            Err(error @ WalError::DiskFull { .. }) => Err(error),
            Err(error) if error.is_exhaustion() => Err(error),
            Err(error) => Err(self.poison(error)),
        }
    }

    fn refuse_if_poisoned(&self) -> Result<(), WalError> {
        match self.poisoned.clone().or_else(|| self.durable.failed()) {
            None => Ok(()),
            Some(reason) => Err(WalError::Poisoned { reason }),
        }
    }

    fn poison(&mut self, error: WalError) -> WalError {
        self.poisoned = Some(error.to_string());
        self.durable.fail(error.to_string());
        if self.settings.durability == Durability::Fsync {
            // Nothing behind the last sync was acknowledged. Cutting it off keeps the next
            // process from finding it in the page cache and taking it for durable: a retry of
            // such a batch would be acknowledged as a duplicate.
            self.active.cut_unsynced();
        }
        error
    }
}

/// Numbers and keys of a group that is not written yet.
struct Group {
    next_seq: u64,
    ids: HashMap<BatchId, KnownBatch>,
    /// Last lines and senders of producers.
    lines: HashMap<ProducerId, (u64, SenderId)>,
    /// Where the moments of its records lie.
    span: Option<Span>,
}

impl Group {
    fn at(next_seq: u64) -> Group {
        Group { next_seq, ids: HashMap::new(), lines: HashMap::new(), span: None }
    }
}
