//! The store keeps its promises on the simulated disk, and the oracle would notice if it did not.
//!
//! The long form of the first three is `torture power`; here is what takes some seconds.

use super::*;
use crate::backend::Operation;

fn plan(cuts: u64, errors: DiskErrors) -> Plan {
    Plan { cuts, errors, durability: Durability::Fsync, broken: Broken::default() }
}

#[test]
fn random_stories_of_power_cuts_break_no_promise() {
    for seed in 0..3 {
        let outcome = run(seed, &plan(12, DiskErrors::Never));
        assert_eq!(outcome.violation, None, "seed {seed}: {outcome:?}");
        assert!(outcome.cuts >= 12 && outcome.acked > 0);
    }
}

#[test]
fn power_cuts_on_a_failing_disk_break_no_promise() {
    for seed in 100..103 {
        let outcome = run(seed, &plan(12, DiskErrors::Sometimes));
        assert_eq!(outcome.violation, None, "seed {seed}: {outcome:?}");
    }
}

#[test]
fn power_cuts_take_only_the_end_of_what_was_acknowledged_before_it_was_synced() {
    let interval = Durability::Interval(std::time::Duration::from_millis(50));
    for (seed, durability) in [(200, interval), (201, Durability::None)] {
        let outcome = run(seed, &Plan { durability, ..plan(16, DiskErrors::Never) });
        assert_eq!(outcome.violation, None, "seed {seed}: {outcome:?}");
    }
}

#[test]
fn no_crash_point_breaks_a_promise() {
    for (scenario, stride) in Scenario::ALL.into_iter().zip([41, 29, 43, 11, 11, 11, 11, 11]) {
        let report = enumerate_crash_points(scenario, &Cuts::some(stride), &Broken::default());
        assert_eq!(report.violations, [], "{}", scenario.as_str());
        assert!(report.crashes >= 12, "{}: {report:?}", scenario.as_str());
    }
}

/// Changes of the disk that a scenario of retention makes before the first day is gone.
const DROP_CHANGES: usize = 14;

/// Changes of the disk within which the first deletion of letters is committed, over two days.
const DELETE_CHANGES: usize = 32;

/// Breaks a part on purpose, and expects the oracle to name the broken promise.
fn check_noticed(scenario: Scenario, stride: usize, broken: &Broken, expected: Invariant) {
    let crashes = vec![Crash::DropUnsynced];
    check_noticed_by(scenario, &Cuts { stride, crashes, ..Cuts::every(0) }, broken, expected);
}

fn check_noticed_by(scenario: Scenario, cuts: &Cuts, broken: &Broken, expected: Invariant) {
    let report = enumerate_crash_points(scenario, cuts, broken);
    let noticed: Vec<Invariant> =
        report.violations.iter().map(|violation| violation.invariant).collect();
    assert!(noticed.contains(&expected), "{broken:?} gives {:?}", report.violations);
}

/// Expects the oracle to notice a call that claims success and does nothing.
fn check_ignored(
    scenario: Scenario,
    stride: usize,
    (operation, part_of_path): (Operation, &'static str),
    expected: Invariant,
) {
    let broken = Broken { ignored: vec![(operation, part_of_path)], sabotage: None };
    check_noticed(scenario, stride, &broken, expected);
}

fn check_sabotage(scenario: Scenario, sabotage: Sabotage, expected: Invariant) {
    let broken = Broken { ignored: Vec::new(), sabotage: Some(sabotage) };
    check_noticed(scenario, 24, &broken, expected);
}

#[test]
fn a_partition_whose_names_are_not_synced_is_noticed() {
    let ignored = (Operation::SyncDir, "/data/partitions");
    check_ignored(Scenario::AppendAndCommit, 40, ignored, Invariant::AckedIsFound);
}

#[test]
fn an_index_whose_bytes_are_not_synced_is_noticed() {
    let ignored = (Operation::SyncData, "/data/partitions");
    check_ignored(Scenario::AppendAndCommit, 40, ignored, Invariant::StartsByItself);
}

#[test]
fn a_log_whose_names_are_not_synced_is_noticed() {
    let ignored = (Operation::SyncDir, "/data/wal");
    // The start misses the segment by its number, and tells a loss that no power cut may cause.
    check_ignored(Scenario::AppendAndCommit, 20, ignored, Invariant::StartsByItself);
}

#[test]
fn a_log_whose_bytes_are_not_synced_is_noticed() {
    let ignored = (Operation::SyncData, "/data/wal");
    check_ignored(Scenario::AppendAndCommit, 11, ignored, Invariant::AckedIsFound);
}

#[test]
fn an_ack_before_the_sync_is_noticed() {
    let expected = Invariant::AckedIsFound;
    check_sabotage(Scenario::AppendAndCommit, Sabotage::AckBeforeSync, expected);
}

#[test]
fn a_log_released_before_the_commit_is_noticed() {
    let expected = Invariant::AckedIsFound;
    check_sabotage(Scenario::AppendAndCommit, Sabotage::ReleaseBeforeCommit, expected);
}

#[test]
fn a_replay_of_what_is_indexed_is_noticed() {
    let expected = Invariant::FoundOnce;
    check_sabotage(Scenario::Start, Sabotage::ReplayEverything, expected);
}

#[test]
fn a_start_that_forgets_producers_is_noticed() {
    let expected = Invariant::ProducerKnown;
    check_sabotage(Scenario::AppendAndCommit, Sabotage::ForgetProducers, expected);
}

#[test]
fn an_index_ahead_of_its_log_is_noticed() {
    let broken = Broken { sabotage: Some(Sabotage::CommitAheadOfLog), ..Broken::default() };
    check_noticed(Scenario::AppendUnsynced, 4, &broken, Invariant::OnlyTheEndIsLost);
}

#[test]
fn an_early_drop_without_a_tombstone_is_noticed() {
    let ignored = (Operation::Rename, "/data/tombstones");
    check_ignored(Scenario::Relieve, 6, ignored, Invariant::LeavesWhole);
}

#[test]
fn an_early_drop_that_is_not_remembered_is_noticed() {
    let ignored = (Operation::Rename, "/data/early-drops.json");
    check_ignored(Scenario::Relieve, 6, ignored, Invariant::GoneIsSaid);
}

#[test]
fn an_early_drop_of_warnings_is_noticed() {
    let expected = Invariant::OnlyTheLeastGoesEarly;
    check_sabotage(Scenario::Relieve, Sabotage::EarlyOfAnyTier, expected);
}

/// The moment is that between the move of a dropped day and the sync of the directory that it
/// was in: a kill, a start, and the power cut then.
#[test]
fn a_start_that_leaves_the_names_of_tiers_unsynced_is_noticed() {
    let broken = Broken { sabotage: Some(Sabotage::TierNamesUnsynced), ..Broken::default() };
    let crashes = vec![Crash::ProcessOnly];
    let cuts = Cuts { crashes, within: DROP_CHANGES, ..Cuts::every(0) };
    check_noticed_by(Scenario::Retain, &cuts, &broken, Invariant::DroppedStaysDropped);
}

#[test]
fn letters_that_a_killed_process_took_away_do_not_come_back() {
    let crashes = vec![Crash::ProcessOnly];
    let cuts = Cuts { crashes, within: DELETE_CHANGES, ..Cuts::every(0) };
    let report = enumerate_crash_points(Scenario::Letters, &cuts, &Broken::default());
    assert_eq!(report.violations, []);
}

#[test]
fn a_deletion_that_is_confirmed_before_it_is_committed_is_noticed() {
    let expected = Invariant::DroppedStaysDropped;
    check_sabotage(Scenario::Letters, Sabotage::ConfirmBeforeDelete, expected);
}

#[test]
fn a_replay_without_a_name_is_noticed() {
    let broken = Broken { sabotage: Some(Sabotage::ReplayWithoutName), ..Broken::default() };
    check_noticed(Scenario::Letters, 6, &broken, Invariant::FoundOnce);
}

#[test]
fn retention_without_a_tombstone_is_noticed() {
    let ignored = (Operation::Rename, "/data/tombstones");
    check_ignored(Scenario::Retain, 6, ignored, Invariant::DroppedStaysDropped);
}

#[test]
fn a_tombstone_that_is_not_synced_is_noticed() {
    let ignored = (Operation::SyncDir, "/data/tombstones");
    check_ignored(Scenario::Retain, 6, ignored, Invariant::DroppedStaysDropped);
}

#[test]
fn a_seal_before_its_filter_is_noticed() {
    let ignored = (Operation::Rename, "ids.filter");
    check_ignored(Scenario::Seal, 25, ignored, Invariant::Conserved);
}
