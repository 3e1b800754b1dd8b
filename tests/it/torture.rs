//! A short look at each fault of the torture command, by the same code and the same oracle
//! (`benches/torture`); the command itself runs for minutes or hours.

#[path = "../../benches/torture/suite/mod.rs"]
pub(crate) mod suite;

use std::sync::LazyLock;

use suite::faults::{FAULTS, Fault};
use suite::namespace;
use suite::proofs::PROOFS;
use suite::{Effort, Rig};

/// The server of this build. One rig for all tests: the preloaded library is built once.
pub(crate) static RIG: LazyLock<Rig> =
    LazyLock::new(|| Rig::new(env!("CARGO_BIN_EXE_tierlog").into()));

/// Seed of every short look; the torture command takes others.
const SEED: u64 = 1;

/// Does a fault a few times, and fails on any violation.
#[track_caller]
fn check(name: &str) {
    let Some(why) = try_out(name) else { return };
    let Some(mut inside) = namespace::again(name) else {
        println!("{name} was not run here: {why}");
        return;
    };
    let own = ["--exact", "torture::a_fault_in_a_namespace", "--nocapture"];
    let output = inside.args(own).output().expect("this program once more");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{name}, inside: {said}");
}

/// As [`check`]; returns why the fault cannot be done here.
#[track_caller]
fn try_out(name: &str) -> Option<String> {
    let fault = FAULTS.iter().find(|fault| fault.name == name).expect("a fault of that name");
    let effort = Effort { seed: SEED, runs: fault.short, until: None };
    let tally = (fault.run)(&RIG, effort).expect("the fault can be done");
    if tally.not_run.is_some() {
        return tally.not_run;
    }
    assert!(tally.runs >= 1, "nothing was run");
    let told: Vec<String> =
        tally.violations.iter().map(|(seed, found)| format!("seed {seed}: {found}")).collect();
    assert_eq!(tally.violation_count, 0, "{name}:\n  {}", told.join("\n  "));
    None
}

/// The part of `check` that runs again inside a namespace; a no-op outside.
#[test]
fn a_fault_in_a_namespace() {
    if let Ok(name) = std::env::var(namespace::INSIDE) {
        check(&name);
    }
}

#[test]
fn kills_over_tcp() {
    check("kill-tcp");
}

#[test]
fn kills_over_http() {
    check("kill-http");
}

#[test]
fn death_at_a_change_while_appending() {
    check("crash-append");
}

#[test]
fn death_at_a_change_while_replaying() {
    check("crash-replay");
}

#[test]
fn death_at_a_change_while_replaying_behind_the_start() {
    check("crash-later");
}

#[test]
fn death_at_a_change_while_sealing() {
    check("crash-seal");
}

#[test]
fn death_at_a_change_of_retention() {
    check("crash-retention");
}

#[test]
fn death_at_a_call_of_the_kernel() {
    check("crash-call");
}

#[test]
fn torn_tails() {
    check("torn-tail");
}

#[test]
fn a_full_disk() {
    check("disk-full");
}

#[test]
fn a_disk_with_little_room() {
    check("pressure");
}

#[test]
fn a_disk_without_inodes() {
    check("no-inodes");
}

#[test]
fn a_failed_sync_of_the_log() {
    check("sync-log");
}

#[test]
fn a_failed_sync_of_a_partition() {
    check("sync-index");
}

#[test]
fn a_read_only_disk() {
    check("read-only");
}

#[test]
fn a_slow_disk() {
    check("slow-disk");
}

#[test]
fn no_descriptors() {
    check("descriptors");
}

#[test]
fn rot_in_sealed_partitions() {
    check("bit-rot");
}

#[test]
fn jumps_of_the_clock() {
    check("clock");
}

#[test]
fn two_servers_on_one_directory() {
    check("two-servers");
}

#[test]
fn sigterm_under_load() {
    check("sigterm");
}

#[test]
fn every_check_can_fail() {
    for proof in PROOFS {
        let said = proof.said(&RIG).expect("the promise can be broken");
        assert!(said.contains(&proof.expected), "{}: said {said:?}", proof.name);
    }
}

#[test]
fn every_fault_has_its_short_look() {
    let own = include_str!("torture.rs");
    for Fault { name, about, short, usual, long, .. } in FAULTS {
        assert!(own.contains(&format!("check(\"{name}\")")), "no test does {name}");
        assert!(short <= usual && usual <= long, "{name} ({about}): a longer look does more");
    }
}
