//! What must hold for whatever bytes a segment has, as a function that panics where it does not.
//!
//! The fuzzer (`fuzz/`) looks for bytes that break the property; the test below replays the
//! corpus that it left in the repository. Not part of an ordinary build.

use std::path::Path;
use std::sync::Arc;

use bytes::Buf as _;
use tierlog_model::{Level, Record, RecordKind, Redacted, RedactedBatch, Timestamp, Value};

use super::frame::frame_around;
use super::segment::{encode_header, segment_name};
use super::{Placement, Wal, WalError, WalSettings};
use crate::backend::{SimulatedVfs, Vfs as _};

const DATA: &str = "/data";

/// First record number of the damaged segment.
const FIRST_SEQ: u64 = 7;

/// A log whose only segment holds any bytes opens, gives back what decodes, takes a batch, and
/// gives that back after another start.
///
/// Bit 0 of the first byte: frames get a right checksum around the bytes, and the code behind the
/// checksum is reached. Bit 1: the segment's header is right.
pub fn wal(data: &[u8]) {
    let [control, rest @ ..] = data else { return };
    let mut segment = Vec::new();
    if control & 2 != 0 {
        segment = encode_header(FIRST_SEQ, FIRST_SEQ, Timestamp::default());
    }
    if control & 1 == 0 {
        segment.extend_from_slice(rest);
    } else {
        pieces(rest, |piece| segment.extend_from_slice(&frame_around(piece)));
    }
    let vfs = disk_with(&segment);
    let (mut wal, _) = match open(&vfs) {
        Ok(opened) => opened,
        Err(WalError::FormatVersion { .. }) => return,
        Err(error) => unreachable!("a damaged log opens: {error}"),
    };
    for item in wal.replay(0) {
        let (seq, batch) = item.expect("a readable disk");
        assert!(seq + u64::from(batch.record_count()) <= wal.next_seq(), "beyond the end");
        for record in batch.records() {
            // Redaction writes what decodes; another writer's frame may hold fields that do not.
            let _ = record.expect("checked when the frame was read").decode();
        }
    }
    let batch = one_record();
    let placed = wal.write_group([&batch], Timestamp::default()).expect("a writable disk");
    let Some(Placement::Written { first_seq }) = placed.first() else {
        unreachable!("a batch without an id is written")
    };
    wal.sync().expect("a writable disk");
    drop(wal);
    let (wal, _) = open(&vfs).expect("a log that was open opens again");
    let found = wal.replay(*first_seq).filter_map(Result::ok);
    let bytes: Vec<_> = found.map(|(_, batch)| batch.bytes().clone()).collect();
    assert_eq!(bytes, [batch.bytes().clone()], "what was written after the damage is lost");
}

/// Cuts bytes into pieces, each behind its length.
fn pieces(mut rest: &[u8], mut take: impl FnMut(&[u8])) {
    while rest.remaining() > 2 {
        let length = usize::from(rest.get_u16_le()).min(rest.remaining());
        let (piece, after) = rest.split_at(length);
        take(piece);
        rest = after;
    }
}

fn disk_with(segment: &[u8]) -> SimulatedVfs {
    let vfs = SimulatedVfs::new();
    let directory = Path::new(DATA).join("wal");
    vfs.create_dir_all(&directory).expect("an empty disk");
    let path = directory.join(segment_name(FIRST_SEQ));
    let mut file = vfs.create_new(&path).expect("an empty disk");
    file.write_all(segment).expect("an empty disk");
    file.sync_data().expect("an empty disk");
    vfs.sync_dir(&directory).expect("an empty disk");
    vfs
}

fn open(vfs: &SimulatedVfs) -> Result<(Wal, super::Recovery), WalError> {
    let settings = WalSettings { free_bytes_min: 0, ..WalSettings::standard() };
    Wal::open(Arc::new(vfs.clone()), Path::new(DATA), settings, Timestamp::default())
}

fn one_record() -> RedactedBatch {
    RedactedBatch::in_place_of(
        &Record {
            timestamp: Timestamp::default(),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![("message".into(), Value::Str("after the damage".into()))],
        },
        Redacted::vouch(),
    )
}

#[cfg(test)]
#[path = "../../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::replay;
    use super::*;

    #[test]
    fn the_corpus_holds() {
        replay("wal", wal);
    }
}
