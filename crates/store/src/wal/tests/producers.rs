//! Producers: lines that are sent again, cut differently, by an earlier connection or after a
//! crash, are written once and in order.

use proptest::prelude::*;
use tierlog_model::{LineRun, LinesBefore, ProducerId, ProducerLines, Tenant};

use super::super::Placement;
use super::*;
use crate::backend::Crash;

fn producer() -> ProducerId {
    ProducerId::of_client(Tenant::DEFAULT, "shop").expect("a name")
}

/// Lines `first..first + count`, each with its number as text.
fn lines(first: u64, count: u64, before: LinesBefore) -> RedactedBatch {
    let texts: Vec<String> = (first..first + count).map(|line| line.to_string()).collect();
    let lines = ProducerLines { producer: producer(), first, before };
    batch_of(&texts, None).with_lines(lines)
}

fn follow(first: u64, count: u64) -> RedactedBatch {
    lines(first, count, LinesBefore::Durable)
}

fn numbers(wal: &Wal) -> Vec<u64> {
    contents(wal).into_iter().map(|(_, text)| text.parse().expect("a number")).collect()
}

#[test]
fn known_lines_are_left_out_however_the_batches_are_cut() {
    let (mut wal, _) = open(&empty_disk());
    assert_eq!(append(&mut wal, &follow(1, 5)), Placement::Written { first_seq: 0 });
    assert_eq!(append(&mut wal, &follow(1, 5)), Placement::Duplicate { record_count: 5 });
    assert_eq!(append(&mut wal, &follow(2, 3)), Placement::Duplicate { record_count: 3 });
    assert_eq!(append(&mut wal, &follow(3, 5)), Placement::Rest { known_count: 3, first_seq: 5 });
    let group = [follow(8, 2), follow(9, 3), follow(1, 11), follow(12, 1)];
    let placements = wal.write_group(&group, at(0)).expect("written");
    let expected = [
        Placement::Written { first_seq: 7 },
        Placement::Rest { known_count: 1, first_seq: 9 },
        Placement::Duplicate { record_count: 11 },
        Placement::Written { first_seq: 11 },
    ];
    assert_eq!(placements, expected);
    assert_eq!(numbers(&wal), (1..=12).collect::<Vec<u64>>());
    assert_eq!(wal.producer_line(&producer(), at(0)), 12);
}

#[test]
fn lines_behind_missing_ones_are_refused_unless_the_producer_has_settled_them() {
    let (mut wal, _) = open(&empty_disk());
    assert_eq!(append(&mut wal, &follow(3, 1)), Placement::MissingLines { durable: 0 });
    append(&mut wal, &follow(1, 2));
    assert_eq!(append(&mut wal, &follow(4, 1)), Placement::MissingLines { durable: 2 });
    let settled = lines(10, 2, LinesBefore::Settled);
    assert_eq!(append(&mut wal, &settled), Placement::Written { first_seq: 2 });
    assert_eq!(append(&mut wal, &follow(12, 1)), Placement::Written { first_seq: 4 });
    assert_eq!(numbers(&wal), [1, 2, 10, 11, 12]);
}

/// Records that were made of several lines are known as a whole or not at all.
#[test]
fn lines_that_were_joined_are_never_half_known() {
    // Five lines in three records: a line, three joined lines, a line.
    let joined = |first| {
        let texts = ["1", "2", "5"].map(str::to_owned);
        let lines = ProducerLines { producer: producer(), first, before: LinesBefore::Durable };
        let run = LineRun { first_record: 1, record_count: 1, line_count: 3 };
        batch_of(&texts, None).with_lines(lines).with_runs(vec![run])
    };
    let (mut wal, _) = open(&empty_disk());
    assert_eq!(append(&mut wal, &joined(1)), Placement::Written { first_seq: 0 });
    assert_eq!(wal.producer_line(&producer(), at(0)), 5);
    assert_eq!(append(&mut wal, &joined(1)), Placement::Duplicate { record_count: 3 });
    assert_eq!(append(&mut wal, &follow(6, 1)), Placement::Written { first_seq: 3 });

    let (mut wal, _) = open(&empty_disk());
    append(&mut wal, &follow(1, 2));
    assert_eq!(append(&mut wal, &joined(1)), Placement::PartedLines { durable: 2 });
    append(&mut wal, &follow(3, 2));
    assert_eq!(append(&mut wal, &joined(1)), Placement::Rest { known_count: 2, first_seq: 4 });
    assert_eq!(wal.producer_line(&producer(), at(0)), 5);
    assert_eq!(numbers(&wal), [1, 2, 3, 4, 5]);
}

#[test]
fn a_producer_outlives_a_restart_and_the_segments_that_held_its_lines() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append(&mut wal, &follow(1, 7));
    for round in 0..5 {
        for number in 0..20 {
            append(&mut wal, &batch_of(&[format!("filler-{round}-{number}")], None));
        }
        wal.releaser().release_before(wal.next_seq()).expect("released");
        assert_eq!(append(&mut wal, &follow(2, 6)), Placement::Duplicate { record_count: 6 });
        drop(wal);
        vfs.crash(Crash::DropUnsynced);
        (wal, _) = open(&vfs);
        assert_eq!(wal.producer_line(&producer(), at(0)), 7, "in round {round}");
    }
}

#[test]
fn a_silent_producer_is_forgotten() {
    let (mut wal, _) = open(&empty_disk());
    append(&mut wal, &follow(1, 7));
    assert_eq!(wal.producer_line(&producer(), at(3_600)), 7);
    assert_eq!(wal.producer_line(&producer(), at(3_601)), 0);
    let placements = wal.write_group(&[follow(8, 1)], at(3_601)).expect("written");
    assert_eq!(placements, [Placement::MissingLines { durable: 0 }]);
}

/// A log that took the refused lines for known would acknowledge lines that lie nowhere.
#[test]
fn lines_that_a_full_disk_refused_are_not_known() {
    let vfs = empty_disk();
    let (mut wal, _) = open(&vfs);
    append(&mut wal, &follow(1, 2));
    vfs.set_capacity(vfs.file_len(&segment_paths(&vfs)[0]).expect("len"));
    let result = wal.write_group([&follow(3, 4)], at(0));
    assert!(matches!(result, Err(WalError::DiskFull { .. })));
    assert_eq!(wal.producer_line(&producer(), at(0)), 2);
    vfs.set_capacity(1 << 30);
    assert_eq!(append(&mut wal, &follow(3, 4)), Placement::Written { first_seq: 2 });
    assert_eq!(numbers(&wal), [1, 2, 3, 4, 5, 6]);
}

/// One thing that happens to a producer of which several connections are open at the server.
#[derive(Clone, Debug)]
enum Step {
    /// It connects anew and is told how far it is, or says from where it goes on.
    Connect { slot: usize, says_from: bool },
    /// A number of the producer's lines arrive over a connection, perhaps an old connection.
    Lines { slot: usize, count: u64 },
    /// They arrive while the disk is full, and the connection ends.
    Refused { slot: usize, count: u64 },
    /// The power fails; whatever was not synced is lost, and every connection.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let slot = 0..3_usize;
    let connect = (slot.clone(), any::<bool>())
        .prop_map(|(slot, says_from)| Step::Connect { slot, says_from });
    let lines = (slot.clone(), 1..9_u64).prop_map(|(slot, count)| Step::Lines { slot, count });
    let refused = (slot, 1..9_u64).prop_map(|(slot, count)| Step::Refused { slot, count });
    prop_oneof![3 => connect, 8 => lines, 1 => refused, 1 => Just(Step::Crash)]
}

proptest! {
    #[test]
    fn every_line_is_written_once_and_in_order(steps in prop::collection::vec(step(), 1..60)) {
        let vfs = empty_disk();
        let (mut wal, _) = open(&vfs);
        // Of each connection, the next line and the state before the line; of the producer, the
        // last answer.
        let mut connections = [None; 3];
        let mut acked = 0_u64;
        for step in steps {
            match step {
                Step::Connect { slot, says_from } => {
                    let resume = wal.producer_line(&producer(), at(0));
                    prop_assert!(resume >= acked, "acknowledged lines are known");
                    connections[slot] = Some(if says_from {
                        (acked + 1, LinesBefore::Settled)
                    } else {
                        (resume + 1, LinesBefore::Durable)
                    });
                }
                Step::Lines { slot, count } => {
                    let Some((first, before)) = connections[slot] else { continue };
                    match append(&mut wal, &lines(first, count, before)) {
                        Placement::MissingLines { .. } => connections[slot] = None,
                        Placement::TooLarge => prop_assert!(false, "it fits"),
                        _ => {
                            connections[slot] = Some((first + count, LinesBefore::Durable));
                            acked = acked.max(first + count - 1);
                        }
                    }
                }
                // The producer's next batches were on their way too and must be refused.
                Step::Refused { slot, count } => {
                    let Some((first, _)) = connections[slot] else { continue };
                    connections[slot] = Some((first + count, LinesBefore::Durable));
                }
                Step::Crash => {
                    connections = [None; 3];
                    drop(wal);
                    vfs.crash(Crash::DropUnsynced);
                    (wal, _) = open(&vfs);
                }
            }
            let written = numbers(&wal);
            prop_assert_eq!(&written, &(1..=written.len() as u64).collect::<Vec<u64>>());
            prop_assert!(acked <= written.len() as u64);
        }
    }
}
