//! Tests of the whole log on the simulated file system.

mod crash;
mod damage;
mod driver;
mod faults;
mod log;
mod producers;
mod retries;
mod rot;
mod witnesses;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tierlog_model::{
    BatchId, BatchWriter, Level, Record, RecordKind, Redacted, RedactedBatch, Span, Tenant,
    Timestamp, Value,
};

use super::list::find_segments;
use super::{Durability, Recovery, Wal, WalCodec, WalError, WalSettings};
use crate::backend::{SimulatedVfs, Vfs as _};

/// The data directory of every test.
pub(super) const DATA: &str = "/data";

pub(super) fn batch_of<T: AsRef<str>>(texts: &[T], id: Option<&str>) -> RedactedBatch {
    let mut writer = BatchWriter::default();
    for text in texts {
        writer.push(&Record {
            timestamp: Timestamp::default(),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![("message".into(), Value::Str(Cow::Borrowed(text.as_ref())))],
        });
    }
    RedactedBatch::from_redacted(
        writer,
        id.map(|id| BatchId::of_client(Tenant::DEFAULT, id).expect("an id")),
        Redacted::vouch(),
    )
}

pub(super) fn texts_of(batch: &RedactedBatch) -> Vec<String> {
    let text = |record: Record<'_>| record.get_str("message").expect("a message").to_owned();
    batch.records().map(|record| text(record.expect("valid").decode().expect("valid"))).collect()
}

/// A disk with a durable, empty data directory.
pub(super) fn empty_disk() -> SimulatedVfs {
    let vfs = SimulatedVfs::new();
    vfs.create_dir_all(Path::new(DATA)).expect("create");
    vfs.sync_dir(Path::new("/")).expect("sync");
    vfs
}

/// Segments of a few frames: the tests rotate often.
pub(super) fn small_settings() -> WalSettings {
    WalSettings {
        durability: Durability::Fsync,
        codec: WalCodec::Raw,
        segment_bytes: 400,
        group_bytes: 1 << 20,
        retry_window_age: Duration::from_secs(3_600),
        free_bytes_min: 0,
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros_clamped(seconds * 1_000_000)
}

pub(super) fn try_open(vfs: &SimulatedVfs) -> Result<(Wal, Recovery), WalError> {
    Wal::open(Arc::new(vfs.clone()), Path::new(DATA), small_settings(), at(0))
}

pub(super) fn open(vfs: &SimulatedVfs) -> (Wal, Recovery) {
    try_open(vfs).expect("the log opens")
}

/// Writes and syncs one batch as a group of its own.
pub(super) fn append(wal: &mut Wal, batch: &RedactedBatch) -> super::Placement {
    let placements = wal.write_group([batch], at(0)).expect("written");
    wal.sync().expect("synced");
    placements.first().copied().expect("one placement")
}

/// Returns every record with its number.
pub(super) fn contents(wal: &Wal) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for entry in wal.replay(0) {
        let (first_seq, batch) = entry.expect("readable");
        found.extend((first_seq..).zip(texts_of(&batch)));
    }
    found
}

pub(super) fn segment_paths(vfs: &SimulatedVfs) -> Vec<PathBuf> {
    let segments = find_segments(vfs, &Path::new(DATA).join("wal")).expect("listed");
    segments.into_iter().map(|segment| segment.path).collect()
}
