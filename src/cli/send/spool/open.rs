//! Opens a spool: what the last run left is found, checked, and put in order.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use super::aside::Aside;
use super::frame::HEADER_BYTES;
use super::segment::{Scanned, Segment};
use super::state::{Kept, StateFile};
use super::{Found, Identity, Spool, SpoolSettings, SpooledBatch, Stored};

impl Spool {
    /// Opens the spool of a directory, or begins one there under a new identity.
    pub(in super::super) fn open(settings: SpoolSettings, fresh: Identity) -> Result<Found> {
        let directory = settings.directory.clone();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.with_context(|| format!("create {}", directory.display()))?;
        let lock = lock(&directory)?;
        let aside = Aside::new(&directory, settings.bytes_max);
        let (state, known) = StateFile::open(&directory)?;
        let mut scanned = Vec::new();
        for (first_batch, path) in segment_files(&directory)? {
            scanned.push(Segment::scan(path, first_batch)?);
        }
        let mut remarks = Vec::new();
        let identity = scanned.iter().rev().find_map(|segment| segment.identity);
        let mut kept = known.unwrap_or_else(|| Kept::new(identity.unwrap_or(fresh)));
        if known.is_none() && !scanned.is_empty() {
            remarks.push(
                "the state of the spool is gone: lines in it that the server has may be stored \
                 twice"
                    .to_owned(),
            );
        }
        put_damage_aside(&scanned, &aside, &mut remarks)?;
        let batches = batches_of(&scanned, &kept);
        name_found(&scanned, &mut kept);
        let segments: VecDeque<Segment> =
            scanned.into_iter().map(|scanned| scanned.segment).collect();
        let mut spool = Spool { settings, segments, state, kept, aside, _lock: lock };
        // Numbers are taken before a line has one, and nothing is in a file that has no end.
        spool.sync_state().context("write the state of the spool")?;
        if batches.is_empty() {
            spool.clear().context("delete what is settled")?;
        }
        Ok(Found { spool, batches, remarks })
    }
}

fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another sender uses {}; give each its own", directory.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("lock {}", path.display()))
        }
    }
}

/// Returns the segments of a directory, oldest first.
fn segment_files(directory: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let entries =
        std::fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))?;
    let mut files: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".segment")?;
            Some((name.parse().ok()?, path))
        })
        .collect();
    files.sort();
    Ok(files)
}

/// Keeps damaged bytes where a person may look at them: the end of the last segment is what the
/// last run was writing when it ended, anything else was whole once.
fn put_damage_aside(scanned: &[Scanned], aside: &Aside, remarks: &mut Vec<String>) -> Result<()> {
    for Scanned { segment, damaged, .. } in scanned.iter().filter(|s| !s.damaged.is_empty()) {
        let name = format!("{:020}-{}.damaged", segment.first_batch, segment.length);
        let path = aside.put(&name, damaged)?;
        remarks.push(format!(
            "{} bytes of the spool are no whole lines any more, and are kept in {}",
            damaged.len(),
            path.display()
        ));
    }
    Ok(())
}

/// Gathers the frames of each batch that is not settled. A batch of which a part is damaged is
/// read in the parts that are left.
fn batches_of(scanned: &[Scanned], kept: &Kept) -> Vec<SpooledBatch> {
    let mut batches: Vec<SpooledBatch> = Vec::new();
    for Scanned { segment, frames, .. } in scanned {
        for frame in frames {
            let head = frame.head;
            let stored = Stored {
                file: Arc::clone(&segment.file),
                offset: frame.offset,
                length: (HEADER_BYTES + head.length) as u64,
            };
            let last_line = (head.first_line + u64::from(head.line_count)).saturating_sub(1);
            if head.batch < kept.settled_batch || last_line <= kept.settled_line {
                continue;
            }
            match batches.last_mut().filter(|last| continues(last, head.batch, &stored)) {
                Some(last) => {
                    last.line_count += u64::from(head.line_count);
                    last.bytes += head.length as u64;
                    last.written_at = head.written_at;
                    last.stored.length += stored.length;
                }
                None => batches.push(SpooledBatch {
                    number: head.batch,
                    first_line: head.first_line,
                    line_count: u64::from(head.line_count),
                    bytes: head.length as u64,
                    written_at: head.written_at,
                    stored,
                }),
            }
        }
    }
    batches
}

fn continues(last: &SpooledBatch, batch: u64, stored: &Stored) -> bool {
    last.number == batch
        && Arc::ptr_eq(&last.stored.file, &stored.file)
        && last.stored.offset + last.stored.length == stored.offset
}

/// Takes over what the frames say and the state may not know yet.
fn name_found(scanned: &[Scanned], kept: &mut Kept) {
    for frame in scanned.iter().flat_map(|scanned| &scanned.frames) {
        let head = frame.head;
        kept.next_batch = kept.next_batch.max(head.batch + 1);
        let next_line = head.first_line + u64::from(head.line_count);
        // Frames follow each other: the last one was read furthest.
        if next_line >= kept.next_line && head.place.source != 0 {
            kept.place = head.place;
        }
        kept.next_line = kept.next_line.max(next_line);
    }
}
