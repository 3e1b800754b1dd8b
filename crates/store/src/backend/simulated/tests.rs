//! The simulated disk loses exactly what was not synced.

use std::io::Write as _;
use std::path::Path;

use tantivy::directory::TerminatingWrite as _;

use super::*;

fn write(vfs: &SimulatedVfs, path: &str, bytes: &[u8]) -> Box<dyn VfsFile> {
    let mut file = vfs.create_new(Path::new(path)).expect("create");
    file.write_all(bytes).expect("write");
    file
}

fn present(vfs: &SimulatedVfs, path: &str) -> bool {
    vfs.exists(Path::new(path)).expect("exists")
}

#[test]
fn bytes_and_names_need_a_sync_each() {
    let vfs = SimulatedVfs::new();
    let mut both = write(&vfs, "/both", b"abc");
    let mut bytes_only = write(&vfs, "/bytes-only", b"abc");
    both.sync_data().expect("sync");
    vfs.sync_dir(Path::new("/")).expect("sync");
    let mut name_only = write(&vfs, "/later", b"abc");
    bytes_only.sync_data().expect("sync");
    name_only.sync_data().expect("sync");
    vfs.crash(Crash::DropUnsynced);
    assert_eq!(vfs.read(Path::new("/both")).expect("read"), b"abc");
    assert_eq!(vfs.read(Path::new("/bytes-only")).expect("read"), b"abc");
    assert!(!present(&vfs, "/later"), "its directory was not synced after it was made");
    assert!(both.write_all(b"d").is_err(), "handles die with the power");
}

#[test]
fn renames_and_removals_come_undone() {
    let vfs = SimulatedVfs::new();
    write(&vfs, "/a", b"abc").sync_data().expect("sync");
    write(&vfs, "/b", b"abc").sync_data().expect("sync");
    vfs.sync_dir(Path::new("/")).expect("sync");
    vfs.rename(Path::new("/a"), Path::new("/c")).expect("rename");
    vfs.remove_file(Path::new("/b")).expect("remove");
    vfs.crash(Crash::DropUnsynced);
    assert!(present(&vfs, "/a") && present(&vfs, "/b") && !present(&vfs, "/c"));
}

#[test]
fn a_failed_sync_forgets_and_the_next_one_lies() {
    let vfs = SimulatedVfs::new();
    let mut file = write(&vfs, "/a", b"abc");
    vfs.sync_dir(Path::new("/")).expect("sync");
    vfs.fail_after(Operation::SyncData, 0, FaultError::Io);
    assert!(file.sync_data().is_err());
    file.sync_data().expect("the second call claims success");
    assert_eq!(vfs.read(Path::new("/a")).expect("read"), b"abc");
    vfs.crash(Crash::DropUnsynced);
    assert_eq!(vfs.read(Path::new("/a")).expect("read"), b"");
}

#[test]
fn a_torn_crash_keeps_synced_bytes_and_a_seed_repeats() {
    let run = |seed| {
        let vfs = SimulatedVfs::new();
        let mut file = write(&vfs, "/a", b"abc");
        file.sync_data().expect("sync");
        vfs.sync_dir(Path::new("/")).expect("sync");
        file.write_all(&[7; 2_000]).expect("write");
        file.write_all(&[8; 2_000]).expect("write");
        vfs.crash(Crash::Torn { seed });
        vfs.read(Path::new("/a")).expect("read")
    };
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let content = run(seed);
        assert!(content.starts_with(b"abc"));
        assert_eq!(content, run(seed));
        lengths.insert(content.len());
    }
    assert!(lengths.len() > 10, "tears at many places: {lengths:?}");
}

#[test]
fn space_runs_out_and_comes_back() {
    let vfs = SimulatedVfs::new();
    vfs.set_capacity(4);
    let mut file = write(&vfs, "/a", b"abc");
    let error = file.write_all(b"def").expect_err("only one byte fits");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.len().expect("len"), 4, "a short write leaves its part");
    file.set_len(3).expect("cut");
    vfs.set_capacity(100);
    file.write_all(b"def").expect("write");
    assert_eq!(vfs.free_bytes(Path::new("/")).expect("free"), 94);
}

#[test]
fn a_halt_stops_everything_at_a_chosen_change() {
    let vfs = SimulatedVfs::new();
    vfs.halt_after(1);
    let mut file = vfs.create_new(Path::new("/a")).expect("the one change");
    assert!(file.write_all(b"abc").is_err());
    assert!(vfs.list_dir(Path::new("/")).is_err());
    vfs.crash(Crash::ProcessOnly);
    assert_eq!(vfs.file_len(Path::new("/a")).expect("len"), 0);
}

#[test]
fn an_index_file_is_durable_when_it_was_ended_and_its_directory_synced() {
    let vfs = SimulatedVfs::new();
    let index = vfs.index_directory(Path::new("/")).expect("opens");
    let (file, list) = (Path::new("file"), Path::new("meta.json"));
    let end = |bytes: &[u8]| {
        let mut writer = index.open_write(file).expect("new");
        writer.write_all(bytes).expect("written");
        writer.terminate().expect("ended");
    };
    end(b"abc");
    index.atomic_write(list, b"[1]").expect("replaced");
    let lost = vfs.after(Crash::DropUnsynced);
    assert_eq!(lost.files(), [], "names are not durable yet");
    index.sync_directory().expect("synced");
    index.atomic_write(list, b"[2]").expect("replaced");
    let older = vfs.after(Crash::DropUnsynced);
    assert_eq!(older.read(Path::new("/file")).expect("read"), b"abc");
    assert_eq!(older.read(Path::new("/meta.json")).expect("read"), b"[1]", "the rename was lost");
    vfs.crash(Crash::DropUnsynced);
    assert!(index.atomic_write(list, b"[3]").is_err(), "directories die with the power");
}

#[test]
fn unsynced_names_are_lost_one_by_one() {
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let vfs = SimulatedVfs::new();
        for path in ["/a", "/b"] {
            write(&vfs, path, b"abc").sync_data().expect("sync");
        }
        vfs.sync_dir(Path::new("/")).expect("sync");
        vfs.rename(Path::new("/a"), Path::new("/c")).expect("rename");
        vfs.remove_file(Path::new("/b")).expect("remove");
        vfs.crash(Crash::Torn { seed });
        let present = ["/a", "/b", "/c"].map(|path| present(&vfs, path));
        assert_ne!(present[0], present[2], "a rename inside one directory happens or does not");
        outcomes.insert(present);
    }
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
}

#[test]
fn the_disk_before_each_change_is_kept() {
    let vfs = SimulatedVfs::new();
    vfs.keep_moments();
    let mut file = write(&vfs, "/a", b"abc");
    file.sync_data().expect("sync");
    vfs.sync_dir(Path::new("/")).expect("sync");
    assert_eq!(vfs.moment_count(), 4);
    let length = |moment| {
        let before = vfs.after_moment(moment, Crash::ProcessOnly).expect("kept");
        before.file_len(Path::new("/a")).ok()
    };
    assert_eq!([0, 1, 2, 3].map(length), [None, Some(0), Some(3), Some(3)]);
}
