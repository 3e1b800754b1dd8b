//! Believed time over starts, wrong clocks and lost files, on a simulated disk.

mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tierlog_model::{Clock as _, Day, Doubt, ManualClock, Tenant, Tiers, Timestamp};

use super::believed::Numbers;
use super::{BelievedClock, ClockSettings, ClockState, Witnesses};
use crate::PartitionId;
use crate::backend::{Crash, SimulatedVfs, Vfs as _};
use crate::layout::Layout;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros_clamped(1_790_000_000_000_000 + micros)
}

/// Numbers of records, as the log tells them.
#[derive(Clone, Debug, Default)]
struct Log {
    next_seq: Arc<AtomicU64>,
    logged_from: Arc<AtomicU64>,
}

impl Numbers for Log {
    fn next_seq(&self) -> u64 {
        self.next_seq.load(Ordering::SeqCst)
    }

    fn logged_from(&self) -> u64 {
        self.logged_from.load(Ordering::SeqCst)
    }
}

/// A machine with a disk, two measures of time, and a log.
struct Machine {
    vfs: SimulatedVfs,
    layout: Layout,
    clock: ManualClock,
    log: Log,
    logged: Option<Timestamp>,
}

impl Machine {
    fn new() -> Machine {
        let vfs = SimulatedVfs::new();
        vfs.create_dir_all(Path::new("/data")).expect("a directory");
        vfs.sync_dir(Path::new("/")).expect("synced");
        let (root, tiers) = (PathBuf::from("/data"), Tiers::standard());
        let layout = Layout::new(Arc::new(vfs.clone()), root, tiers);
        let clock = ManualClock::at(at(0));
        Machine { vfs, layout, clock, log: Log::default(), logged: None }
    }

    /// Starts again after the process was killed.
    fn start(&self) -> BelievedClock {
        self.vfs.crash(Crash::DropUnsynced);
        let day = Duration::from_secs(24 * 3600);
        let tiers = Tiers::standard();
        let settings = ClockSettings { jump_max: day, ahead_max: day, tiers };
        let witnesses = Witnesses {
            next_seq: self.log.next_seq(),
            logged: self.logged,
            ..Witnesses::default()
        };
        let clock = Arc::new(self.clock.clone());
        let believed = BelievedClock::open(&self.layout, clock, settings, &witnesses);
        believed.follow(self.log.clone());
        believed
    }

    /// Writes a record to the log.
    fn write(&mut self, clock: &BelievedClock) {
        self.log.next_seq.fetch_add(1, Ordering::SeqCst);
        self.logged = Some(clock.reckoned());
    }

    /// Lets time pass, with a look every hour.
    fn pass(&self, clock: &BelievedClock, micros: i64) {
        let mut left = micros;
        while left > 0 {
            let step = left.min(HOUR);
            self.clock.advance(step);
            clock.report();
            left -= step;
        }
    }

    /// Damages what is believed.
    fn lose(&self, files: &[PathBuf], damage: impl Fn(&mut Vec<u8>) + Copy) {
        for path in files {
            if self.vfs.exists(path).expect("a look") {
                self.vfs.corrupt(path, damage).expect("a file");
            }
        }
        self.vfs.sync_dir(self.layout.root()).expect("synced");
    }

    /// Removes what is believed.
    fn remove(&self, files: &[PathBuf]) {
        for path in files {
            if self.vfs.exists(path).expect("a look") {
                self.vfs.remove_file(path).expect("a file");
            }
        }
        self.vfs.sync_dir(self.layout.root()).expect("synced");
    }

    fn files(&self) -> [PathBuf; 2] {
        [self.layout.clock(), self.layout.clock_copy()]
    }
}

fn debug_day(day: Day) -> PartitionId {
    PartitionId {
        tenant: Tenant::DEFAULT,
        tier: Tiers::standard().by_name("debug").expect("a tier"),
        day,
    }
}

#[test]
fn a_jump_over_a_restart_is_doubted_until_it_is_confirmed_for_good() {
    let machine = Machine::new();
    drop(machine.start());
    machine.clock.set(at(10 * YEAR));
    for _ in 0..2 {
        let clock = machine.start();
        let report = clock.report();
        assert_eq!((report.state, report.ahead_s), (ClockState::Ahead, 10 * YEAR / 1_000_000));
        assert!((1..=24 * 3600).contains(&report.believed_in_s));
        assert_eq!((clock.now(), clock.oldest_present()), (at(0), at(0)));
        assert_eq!(clock.present().doubt, Doubt::Or(at(10 * YEAR)));
    }
    machine.start().confirm();
    for clock in [machine.start(), machine.start()] {
        assert_eq!((clock.now(), clock.oldest_present()), (at(10 * YEAR), at(10 * YEAR)));
        let report = clock.report();
        assert_eq!((report.state, report.believed_in_s), (ClockState::Steady, 0));
    }
}

#[test]
fn whoever_asks_first_after_the_clock_was_set_is_told_what_is_believed() {
    let machine = Machine::new();
    let clock = machine.start();
    for set in [10 * YEAR, -10 * YEAR] {
        machine.clock.set(at(set));
        assert_eq!((clock.now(), clock.present().doubt), (at(0), Doubt::Or(at(set))));
        machine.clock.set(at(0));
        assert_eq!((clock.now(), clock.present().doubt), (at(0), Doubt::None));
        machine.clock.set(at(HOUR));
        assert_eq!(clock.now(), at(HOUR), "set by an hour, the clock is followed");
        machine.clock.set(at(0));
        assert_eq!(clock.now(), at(0));
    }
    machine.clock.set(at(10 * YEAR));
    machine.clock.advance(5 * HOUR);
    assert_eq!(clock.now(), at(5 * HOUR), "and time goes on");
}

#[test]
fn a_clock_that_is_behind_at_a_start_dates_nothing() {
    let mut machine = Machine::new();
    let clock = machine.start();
    machine.write(&clock);
    clock.close();
    drop(clock);
    machine.clock.advance(HOUR);
    machine.clock.set(at(-9 * YEAR));
    let clock = machine.start();
    assert_eq!((clock.report().state, clock.now()), (ClockState::Behind, at(HOUR)));
    // A line whose sender shares the wrong clock is let in, and is as young as it is.
    machine.write(&clock);
    let wrong = debug_day(at(-9 * YEAR).day());
    machine.clock.set(at(HOUR));
    assert_eq!((clock.report().state, clock.now()), (ClockState::Steady, at(HOUR)));
    assert!(!clock.is_over(wrong));
    machine.pass(&clock, 7 * DAY);
    assert!(!clock.is_over(wrong));
    machine.pass(&clock, DAY + HOUR);
    assert!(clock.is_over(wrong));
}

#[test]
fn a_first_start_with_a_clock_that_was_never_set_loses_nothing_when_it_is() {
    let mut machine = Machine::new();
    machine.clock.set(Timestamp::from_micros_clamped(30 * DAY));
    let clock = machine.start();
    assert_eq!(clock.report().state, ClockState::Unset);
    assert_eq!(clock.present().doubt, Doubt::Unknown);
    machine.write(&clock);
    let wrong = debug_day(clock.now().day());
    machine.clock.set(at(0));
    assert_eq!((clock.report().state, clock.now()), (ClockState::Steady, at(0)));
    for _ in 0..2 {
        clock.confirm();
        assert!(!clock.is_over(wrong), "it was written a moment ago");
    }
    machine.pass(&clock, 9 * DAY);
    assert!(clock.is_over(wrong));
}

#[test]
fn one_file_that_is_gone_or_damaged_costs_nothing() {
    for damage in [|bytes: &mut Vec<u8>| bytes.truncate(9), |bytes: &mut Vec<u8>| bytes[40] ^= 1] {
        for lost in 0..2 {
            let machine = Machine::new();
            drop(machine.start());
            machine.lose(&machine.files()[lost..=lost], damage);
            machine.clock.set(at(10 * YEAR));
            let clock = machine.start();
            assert_eq!((clock.report().state, clock.now()), (ClockState::Ahead, at(0)));
            // Both are written anew.
            drop(clock);
            machine.lose(&machine.files()[1 - lost..=1 - lost], damage);
            assert_eq!(machine.start().now(), at(0));
        }
    }
}

#[test]
fn without_any_file_the_log_is_the_witness() {
    let mut machine = Machine::new();
    let clock = machine.start();
    machine.pass(&clock, DAY);
    machine.write(&clock);
    drop(clock);
    for (set, state, now) in [
        (10 * YEAR, ClockState::Ahead, at(DAY)),
        (-10 * YEAR, ClockState::Behind, at(DAY)),
        (DAY + HOUR, ClockState::Steady, at(DAY + HOUR)),
        (50 * DAY, ClockState::Ahead, at(50 * DAY)),
    ] {
        machine.lose(&machine.files(), Vec::clear);
        machine.clock.set(at(set));
        let clock = machine.start();
        assert_eq!((clock.report().state, clock.now()), (state, now), "{set}");
        assert!(clock.oldest_present() <= at(DAY), "nothing is over that was not");
    }
}

#[test]
fn the_log_goes_on_where_the_file_ended() {
    let mut machine = Machine::new();
    let clock = machine.start();
    // Killed, with the power, hours after the file was written.
    machine.clock.advance(5 * HOUR);
    machine.write(&clock);
    drop(clock);
    machine.clock.reboot();
    machine.clock.set(at(6 * HOUR));
    let clock = machine.start();
    assert_eq!((clock.now(), clock.oldest_present()), (at(6 * HOUR), at(5 * HOUR)));
}

#[test]
fn an_index_is_a_witness_when_the_log_is_lost_too() {
    let machine = Machine::new();
    let day = Duration::from_secs(24 * 3600);
    let settings = ClockSettings { jump_max: day, ahead_max: day, tiers: Tiers::standard() };
    let witnesses = Witnesses { indexed: Some(at(DAY)), indexed_below: 7, ..Witnesses::default() };
    machine.clock.set(at(10 * YEAR));
    let clock = Arc::new(machine.clock.clone());
    let clock = BelievedClock::open(&machine.layout, clock, settings, &witnesses);
    assert_eq!((clock.report().state, clock.oldest_present()), (ClockState::Ahead, at(0)));
}

#[test]
fn a_disk_that_takes_nothing_costs_what_is_remembered_only() {
    let machine = Machine::new();
    machine.vfs.set_capacity(0);
    let clock = machine.start();
    machine.clock.set(at(10 * YEAR));
    assert_eq!((clock.report().state, clock.now()), (ClockState::Ahead, at(0)));
}

#[test]
fn files_that_a_wrong_clock_has_dated_are_as_young_as_they_are() {
    let machine = Machine::new();
    let clock = machine.start();
    machine.clock.set(at(-10 * YEAR));
    clock.report();
    machine.clock.set(at(0));
    assert!(!clock.is_file_over(at(-10 * YEAR), 30));
    assert!(clock.is_file_over(at(-YEAR), 30));
    machine.pass(&clock, 32 * DAY);
    assert!(clock.is_file_over(at(-10 * YEAR), 30));
}
