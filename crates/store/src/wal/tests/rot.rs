//! Any damage to any segment of a log that was not cut off from power: each record that was
//! acknowledged is found, indexed, or told as gone; nothing is found that was not written.

use proptest::prelude::*;

use super::*;
use crate::backend::{Crash, Vfs as _};

/// How a log is harmed.
#[derive(Clone, Debug)]
enum Harm {
    Flip { place: u64, bit: u8 },
    Zero { place: u64, length: usize },
    Cut { place: u64 },
    Append { bytes: Vec<u8> },
    Remove,
}

fn harm() -> impl Strategy<Value = (usize, Harm)> {
    let harm = prop_oneof![
        4 => (any::<u64>(), 0..8_u8).prop_map(|(place, bit)| Harm::Flip { place, bit }),
        2 => (any::<u64>(), 1..600_usize).prop_map(|(place, length)| Harm::Zero { place, length }),
        2 => any::<u64>().prop_map(|place| Harm::Cut { place }),
        1 => prop::collection::vec(any::<u8>(), 1..200).prop_map(|bytes| Harm::Append { bytes }),
        1 => Just(Harm::Remove),
    ];
    (0..8_usize, harm)
}

/// Does harm to one segment, chosen from the end: the last segment is special.
fn inflict(vfs: &SimulatedVfs, (from_end, harm): &(usize, Harm)) {
    let paths = segment_paths(vfs);
    let Some(path) = paths.iter().rev().cycle().nth(*from_end).filter(|_| !paths.is_empty()) else {
        return;
    };
    let changed = |change: &dyn Fn(&mut Vec<u8>, usize)| {
        let place = match harm {
            Harm::Flip { place, .. } | Harm::Zero { place, .. } | Harm::Cut { place } => *place,
            Harm::Append { .. } | Harm::Remove => 0,
        };
        let inside = |bytes: &mut Vec<u8>| {
            let place = (place % bytes.len().max(1) as u64) as usize;
            change(bytes, place);
        };
        vfs.corrupt(path, inside).expect("changed");
    };
    match harm {
        Harm::Flip { bit, .. } => changed(&|bytes, place| {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << bit;
            }
        }),
        Harm::Zero { length, .. } => changed(&|bytes, place| {
            let end = bytes.len().min(place + length);
            bytes[place..end].fill(0);
        }),
        Harm::Cut { .. } => changed(&|bytes, place| bytes.truncate(place)),
        Harm::Append { bytes: more } => changed(&|bytes, _| bytes.extend_from_slice(more)),
        Harm::Remove => vfs.remove_file(path).expect("removed"),
    }
}

/// Writes a log of acknowledged groups, with an unacknowledged group at the end in some cases.
/// Returns the texts by number, the number behind the last acknowledged one, and the number below
/// which all is indexed.
fn write(
    vfs: &SimulatedVfs,
    groups: &[Vec<usize>],
    indexed: usize,
    ends: End,
) -> (Vec<String>, u64, u64) {
    let (mut wal, _) = open(vfs);
    let (mut texts, mut acked, mut released) = (Vec::new(), 0, 0);
    for (position, group) in groups.iter().enumerate() {
        let batches: Vec<RedactedBatch> = group
            .iter()
            .map(|count| {
                let own: Vec<String> =
                    (0..*count).map(|part| format!("{}", texts.len() + part)).collect();
                let batch = batch_of(&own, None);
                texts.extend(own);
                batch
            })
            .collect();
        wal.write_group(&batches, at(0)).expect("written");
        if ends == End::Unsynced && position + 1 == groups.len() {
            break;
        }
        wal.sync().expect("synced");
        acked = wal.next_seq();
        if position == indexed {
            released = acked;
            wal.releaser().release_before(released).expect("released");
        }
    }
    if ends == End::Orderly {
        wal.keep_mark();
    }
    (texts, acked, released)
}

/// How the log's process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Orderly,
    Killed,
    Unsynced,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_found_or_told(
        groups in prop::collection::vec(prop::collection::vec(1..4_usize, 1..4), 1..14),
        indexed in 0..20_usize,
        ends in prop_oneof![Just(End::Orderly), Just(End::Killed), Just(End::Unsynced)],
        harms in prop::collection::vec(harm(), 1..4),
    ) {
        let vfs = empty_disk();
        let (texts, acked, indexed_below) = write(&vfs, &groups, indexed, ends);
        vfs.crash(Crash::ProcessOnly);
        harms.iter().for_each(|harm| inflict(&vfs, harm));
        let (wal, _) = open(&vfs);
        let found = contents(&wal);
        for (seq, text) in &found {
            prop_assert_eq!(texts.get(*seq as usize), Some(text), "never written as {}", seq);
        }
        let told = wal.losses().told();
        for seq in indexed_below..acked {
            let is_found = found.iter().any(|(number, _)| *number == seq);
            let is_told = told.iter().any(|loss| {
                let below = loss.end_seq.is_none_or(|end| seq < end);
                loss.lacks_records() && loss.first_seq <= seq && below
            });
            prop_assert!(is_found || is_told, "{} is gone, told are {:?}", seq, told);
        }
        prop_assert!(wal.next_seq() >= acked, "numbers would be used again");
        drop(wal);
        let (wal, _) = open(&vfs);
        prop_assert_eq!(wal.losses().told(), told, "a later start tells something else");
        prop_assert_eq!(contents(&wal), found);
    }
}
