//! A start over files that no crash leaves, but a failing disk or a careless hand: it comes up,
//! puts aside what does not read, goes on with the rest, and does so again the next time.

use std::path::{Path, PathBuf};

use tierlog_model::Level;

use super::client::ClientBatch;
use super::ledger::{Event, Spec};
use super::machine::Machine;
use super::story::noon;
use crate::backend::{Crash, SimulatedVfs, Vfs as _};

/// A machine that was switched off, with a sealed partition and a hot one of each tier, records
/// in the log that no index has, and a tombstone.
fn stopped() -> SimulatedVfs {
    let mut machine = Machine::new(noon());
    machine.start().expect("starts");
    let mut number = 0;
    let mut send = |machine: &mut Machine, days_ago: i64| {
        for _ in 0..3 {
            let timestamp = noon().saturating_add_micros(-days_ago * 86_400_000_000);
            let specs = Level::ALL.map(|level| {
                number += 1;
                Spec::log(number, level, timestamp)
            });
            machine.append(&[ClientBatch::unnamed(specs.to_vec())]);
        }
    };
    send(&mut machine, 6);
    send(&mut machine, 1);
    machine.flush();
    machine.seal();
    send(&mut machine, 0);
    machine.flush();
    machine.set_now(noon().saturating_add_micros(2 * 86_400_000_000));
    machine.retain().expect("drops what is over");
    machine.set_now(noon());
    send(&mut machine, 0);
    machine.crash(Crash::ProcessOnly);
    machine.vfs.clone()
}

/// Starts twice after a damage. Returns what the first start put aside.
fn check(origin: &SimulatedVfs, what: &str, damage: impl FnOnce(&SimulatedVfs)) -> Vec<String> {
    let vfs = origin.after(Crash::ProcessOnly);
    damage(&vfs);
    let mut machine = Machine::on(vfs, noon(), super::ledger::Ledger::default());
    let started = machine.start();
    assert!(started.is_ok(), "{what}: {started:?}");
    let mut aside = machine.quarantined().to_vec();
    let told = machine.log_damage();
    aside.extend(told.iter().map(|loss| loss.name.clone()));
    let fresh = Spec::log(1_000_000, Level::Info, noon());
    machine.append(&[ClientBatch::unnamed(vec![fresh])]);
    machine.flush();
    assert!(machine.is_running(), "{what}: takes no record");
    machine.crash(Crash::DropUnsynced);
    let started = machine.start();
    assert!(started.is_ok(), "{what}, again: {started:?}");
    assert_eq!(machine.quarantined(), [] as [String; 0], "{what}: put aside at every start");
    assert_eq!(machine.log_damage(), told, "{what}: a later start tells something else");
    aside
}

fn files_of(vfs: &SimulatedVfs, directory: &str) -> Vec<PathBuf> {
    let all = vfs.files().into_iter().map(|(path, _)| path);
    all.filter(|path| path.starts_with(directory)).collect()
}

fn write(vfs: &SimulatedVfs, path: &str, bytes: &[u8]) {
    let path = Path::new(path);
    vfs.create_dir_all(path.parent().expect("a parent")).expect("made");
    let mut file = vfs.create_new(path).expect("created");
    file.write_all(bytes).expect("written");
}

#[test]
fn small_files_in_every_state_of_tearing_do_not_stop_a_start() {
    let origin = stopped();
    let small = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        ["meta.json", ".managed.json", "seal.json", "ids.filter", "minutes.counts"].contains(&name)
            || path.starts_with("/data/tombstones")
            || (path.parent() == Some(Path::new("/data")) && name != "tierlog.json")
    };
    let mut chosen: Vec<PathBuf> = files_of(&origin, "/data/partitions/default/info");
    chosen.extend(files_of(&origin, "/data/tombstones"));
    chosen.extend(files_of(&origin, "/data"));
    chosen.retain(small);
    chosen.retain(|path| {
        !path.starts_with("/data/partitions") || path.starts_with("/data/partitions/default/info")
    });
    chosen.sort();
    chosen.dedup();
    assert!(chosen.len() >= 8, "{chosen:?}");
    for path in chosen {
        let what = |how: &str| format!("{how} {}", path.display());
        for kept in [0, 7] {
            check(&origin, &what("tear"), |vfs| {
                vfs.corrupt(&path, |bytes| bytes.truncate(bytes.len() * kept / 8)).expect("torn");
            });
        }
        check(&origin, &what("overwrite"), |vfs| {
            vfs.corrupt(&path, |bytes| bytes.fill(b'?')).expect("changed");
        });
        check(&origin, &what("remove"), |vfs| vfs.remove_file(&path).expect("removed"));
    }
}

#[test]
fn damaged_segments_are_put_aside_or_read() {
    let origin = stopped();
    for path in files_of(&origin, "/data/partitions/default/critical") {
        let what = format!("damage {}", path.display());
        check(&origin, &what, |vfs| {
            vfs.corrupt(&path, |bytes| bytes.truncate(bytes.len() / 2)).expect("torn");
        });
        check(&origin, &what, |vfs| {
            vfs.corrupt(&path, |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0xa5))
                .expect("changed");
        });
        check(&origin, &what, |vfs| vfs.remove_file(&path).expect("removed"));
    }
}

/// A change of a file's bytes.
type Harm = fn(&mut Vec<u8>);

/// How many records a search finds.
fn found_count(machine: &Machine) -> usize {
    machine.found().expect("partitions read").len()
}

#[test]
fn damaged_segments_of_the_log_are_harmless_or_told() {
    let origin = stopped();
    let mut whole =
        Machine::on(origin.after(Crash::ProcessOnly), noon(), super::ledger::Ledger::default());
    whole.start().expect("starts");
    let before = found_count(&whole);
    let harms: [(&str, Harm); 3] = [
        ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
        ("flip", |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0xa5)),
        ("zero", |bytes| bytes.fill(0)),
    ];
    let changes = harms.map(|(how, harm)| (how, Some(harm)));
    let harms = changes.into_iter().chain([("remove", None)]);
    let inflict = |vfs: &SimulatedVfs, path: &Path, harm: Option<Harm>| match harm {
        Some(harm) => vfs.corrupt(path, harm).expect("changed"),
        None => vfs.remove_file(path).expect("removed"),
    };
    let mut told_count = 0;
    for path in files_of(&origin, "/data/wal") {
        for (how, harm) in harms.clone() {
            let what = format!("{how} {}", path.display());
            check(&origin, &what, |vfs| inflict(vfs, &path, harm));
            let vfs = origin.after(Crash::ProcessOnly);
            inflict(&vfs, &path, harm);
            let mut machine = Machine::on(vfs, noon(), super::ledger::Ledger::default());
            machine.start().expect("starts");
            let told = machine.log_damage();
            let gone: u64 = told.iter().map(|loss| loss.records.unwrap_or(u64::MAX)).sum();
            let missing = before - found_count(&machine);
            assert!(gone as usize >= missing, "{what}: {missing} are missing, told: {told:?}");
            told_count += usize::from(gone > 0);
        }
    }
    assert!(told_count > 0, "nothing was only in the log");
}

#[test]
fn a_partition_without_its_meta_file_is_put_aside_whole() {
    let origin = stopped();
    let day = noon().day().plus_days(-1);
    let meta = PathBuf::from(format!("/data/partitions/default/info/{day}/meta.json"));
    let aside = check(&origin, "no meta file", |vfs| vfs.remove_file(&meta).expect("removed"));
    assert_eq!(aside, [format!("default/info/{day}")]);
}

#[test]
fn things_that_do_not_belong_there_do_not_stop_a_start() {
    let origin = stopped();
    let day = noon().day();
    for path in [
        format!("/data/partitions/default/info/{day}/.tmpAb12"),
        format!("/data/partitions/default/info/{day}/seal.json.tmp"),
        format!("/data/partitions/default/info/{day}/something"),
        "/data/partitions/default/info/2026-01-01/.managed.json".to_owned(),
        "/data/partitions/default/info/2026-01-02/0123.store".to_owned(),
        "/data/partitions/default/info/2026-01-03".to_owned(),
        "/data/partitions/default/info/not-a-day".to_owned(),
        "/data/partitions/default/debug.old".to_owned(),
        "/data/partitions/default/other/2026-01-01/meta.json".to_owned(),
        "/data/trash/default.debug.2026-01-01.0/0123.store".to_owned(),
        "/data/trash/a-file".to_owned(),
        "/data/tombstones/default.info.2026-01-01".to_owned(),
        "/data/tombstones/unknown".to_owned(),
        "/data/wal/notes.txt".to_owned(),
        "/data/tierlog.json.tmp".to_owned(),
    ] {
        check(&origin, &path, |vfs| write(vfs, &path, b"what is this?"));
    }
}

#[test]
fn temporary_files_of_a_crash_go_when_the_partition_is_written_again() {
    let origin = stopped();
    let path = format!("/data/partitions/default/info/{}/.tmpAb12", noon().day());
    let vfs = origin.after(Crash::ProcessOnly);
    write(&vfs, &path, b"half a meta file");
    let mut machine = Machine::on(vfs, noon(), super::ledger::Ledger::default());
    machine.start().expect("starts");
    assert!(!machine.vfs.exists(Path::new(&path)).expect("inspected"));
}

#[test]
fn a_start_finishes_what_a_tombstone_says() {
    let mut machine = Machine::new(noon());
    machine.start().expect("starts");
    let timestamp = noon().saturating_add_micros(-6 * 86_400_000_000);
    let specs: Vec<Spec> =
        (1..4).map(|number| Spec::log(number, Level::Debug, timestamp)).collect();
    machine.append(&[ClientBatch::unnamed(specs.clone())]);
    machine.flush();
    let directory = format!("/data/partitions/default/debug/{}", timestamp.day());
    machine.set_now(noon().saturating_add_micros(2 * 86_400_000_000));
    // The kill comes when the tombstone is durable and the directory still there.
    let mut changes = 0;
    let mut machine = loop {
        changes += 1;
        let vfs = machine.vfs.after(Crash::ProcessOnly);
        let mut killed = Machine::on(vfs, machine.now(), machine.ledger.clone());
        killed.start().expect("starts");
        killed.vfs.halt_after(changes);
        killed.retain().expect("nothing younger goes");
        killed.crash(Crash::DropUnsynced);
        if !files_of(&killed.vfs, "/data/tombstones").is_empty() {
            break killed;
        }
    };
    assert!(machine.vfs.exists(Path::new(&directory)).expect("inspected"));
    // The clock was wrong: only the tombstone says that these records are gone.
    machine.set_now(noon());
    machine.start().expect("starts");
    assert!(!machine.vfs.exists(Path::new(&directory)).expect("inspected"));
    for spec in specs {
        machine.ledger.note(spec.number, Event::Dropped, 0);
    }
    machine.check().expect("nothing comes back");
}
