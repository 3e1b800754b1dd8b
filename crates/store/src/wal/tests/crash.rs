//! Crashes at every change of the disk, and random histories of crashes and faults.

use proptest::prelude::*;

use super::driver::Driver;
use crate::backend::{Crash, FaultError, Operation};

/// What a crash may do; the seeds are arbitrary.
const CRASHES: [Crash; 6] = [
    Crash::ProcessOnly,
    Crash::DropUnsynced,
    Crash::Torn { seed: 1 },
    Crash::Torn { seed: 2 },
    Crash::Torn { seed: 3 },
    Crash::Torn { seed: 4 },
];

/// A life with rotations, retries, releases and a restart.
fn live(driver: &mut Driver) -> Result<(), String> {
    driver.restart_under_faults();
    for step in 0..24 {
        let id = format!("id-{}", step % 9);
        driver.append(1 + step % 3, (step % 2 == 0).then_some(id.as_str()))?;
        if step % 8 == 7 {
            driver.release(5);
        }
        if step == 15 {
            driver.restart_under_faults();
        }
    }
    Ok(())
}

/// Lives until a change of the disk, crashes there, restarts, goes on, and loses power.
fn live_and_crash(changes: u64, crash: Crash, ignored: Option<Operation>) -> Result<(), String> {
    let mut driver = Driver::new();
    if let Some(operation) = ignored {
        driver.restart_under_faults();
        driver.vfs.ignore(operation);
    }
    driver.vfs.halt_after(changes);
    live(&mut driver)?;
    driver.restart(crash)?;
    for step in 0..9 {
        driver.append(2, Some(&format!("id-{step}")))?;
    }
    driver.restart(Crash::DropUnsynced)?;
    driver.append(1, None)?;
    driver.check()
}

fn changes_of_a_life() -> u64 {
    let mut driver = Driver::new();
    let before = driver.vfs.change_count();
    live(&mut driver).expect("promises are kept");
    driver.vfs.change_count() - before
}

#[test]
fn a_crash_at_any_change_of_the_disk_breaks_no_promise() {
    let changes = changes_of_a_life();
    assert!(changes > 60, "a life worth testing: {changes}");
    for at in 0..=changes {
        for crash in CRASHES {
            if let Err(broken) = live_and_crash(at, crash, None) {
                panic!("crash {crash:?} after {at} changes: {broken}");
            }
        }
    }
}

/// The tests above would notice a missing sync: with a disk that only claims to sync, promises
/// are broken.
#[test]
fn a_missing_sync_is_noticed() {
    for operation in [Operation::SyncDir, Operation::SyncData] {
        let broken = (0..changes_of_a_life())
            .filter(|at| live_and_crash(*at, Crash::DropUnsynced, Some(operation)).is_err())
            .count();
        assert!(broken > 0, "{operation:?} may be left out and no test notices");
    }
}

#[derive(Clone, Debug)]
enum Action {
    Append { records: usize, id: Option<u8> },
    Release { back: u64 },
    Restart { crash: Crash },
    Fault { operation: Operation, successes: u64, error: FaultError },
    Capacity { bytes: u64 },
}

fn action() -> impl Strategy<Value = Action> {
    let crash = prop_oneof![
        Just(Crash::ProcessOnly),
        Just(Crash::DropUnsynced),
        any::<u64>().prop_map(|seed| Crash::Torn { seed }),
    ];
    let operation = prop_oneof![
        Just(Operation::Create),
        Just(Operation::Write),
        Just(Operation::SyncData),
        Just(Operation::SyncDir),
        Just(Operation::SetLen),
        Just(Operation::Remove),
    ];
    let error = prop_oneof![Just(FaultError::Io), Just(FaultError::NoSpace)];
    prop_oneof![
        12 => (1..5_usize, prop::option::of(0..12_u8))
            .prop_map(|(records, id)| Action::Append { records, id }),
        2 => (0..20_u64).prop_map(|back| Action::Release { back }),
        3 => crash.prop_map(|crash| Action::Restart { crash }),
        2 => (operation, 0..4_u64, error).prop_map(|(operation, successes, error)| {
            Action::Fault { operation, successes, error }
        }),
        1 => (0..4_000_u64).prop_map(|bytes| Action::Capacity { bytes }),
    ]
}

fn run(actions: &[Action]) -> Result<(), String> {
    let mut driver = Driver::new();
    driver.restart(Crash::ProcessOnly)?;
    for action in actions {
        match action {
            Action::Append { records, id } => {
                let id = id.map(|id| format!("id-{id}"));
                driver.append(*records, id.as_deref())?;
            }
            Action::Release { back } => driver.release(*back),
            Action::Restart { crash } => {
                // A disk that is full at the restart is a test of its own.
                driver.vfs.set_capacity(1 << 30);
                driver.restart(*crash)?;
            }
            Action::Fault { operation, successes, error } => {
                driver.vfs.clear_faults();
                driver.vfs.fail_after(*operation, *successes, *error);
            }
            Action::Capacity { bytes } => driver.vfs.set_capacity(*bytes),
        }
    }
    driver.vfs.set_capacity(1 << 30);
    driver.restart(Crash::DropUnsynced)?;
    driver.append(1, None)?;
    driver.check()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn no_history_of_crashes_and_faults_breaks_a_promise(
        actions in prop::collection::vec(action(), 1..60),
    ) {
        if let Err(broken) = run(&actions) {
            prop_assert!(false, "{}", broken);
        }
    }
}
