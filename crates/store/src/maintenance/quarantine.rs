//! What lies in quarantine because it could not be read: listed for health until somebody has
//! acknowledged it, and dropped when nobody can want it any more. What stands where is drawn in
//! [`crate::quarantine`].
//!
//! A partition goes when its day's time is over, like any other; everything else goes when it is
//! older than the longest tier keeps its days.

use std::collections::BTreeSet;
use std::io;

use metrics::gauge;
use serde::Serialize;
use tierlog_model::{Tiers, Timestamp, metric_names};

use crate::layout::Layout;
use crate::quarantine::{ACKNOWLEDGED, entries, partition_of};
use crate::time::BelievedClock;
use crate::{PartitionId, StoreError, files, trash};

/// Names that a report lists; the others are only counted.
const REPORTED_MAX: usize = 100;

/// How deep a thing that was put aside may be nested: a partition is one directory of files.
const DEPTH_MAX: u32 = 4;

/// One thing that was put aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Its name under `quarantine/`.
    pub entry: String,
    /// What it is: `tenant/tier/day` of a partition, the entry of anything else.
    pub name: String,
    /// Whether records are missing from answers because of it.
    pub missing: bool,
    /// Its bytes.
    pub bytes: u64,
}

/// Everything that was put aside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QuarantineReport {
    /// How many things there are.
    pub count: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// The first hundred of them.
    pub items: Vec<Quarantined>,
}

impl QuarantineReport {
    /// Returns the partitions among the items whose records are missing, each once.
    pub(crate) fn missing_partitions(&self) -> Vec<String> {
        let missing = self.items.iter().filter(|item| item.missing);
        let names: BTreeSet<&String> = missing.map(|item| &item.name).collect();
        names.into_iter().cloned().collect()
    }
}

/// Takes note, durably, that somebody knows of an entry, or of every entry of a partition. Returns
/// how many entries that is.
pub(super) fn acknowledge(
    layout: &Layout,
    tiers: &Tiers,
    wanted: Option<&str>,
) -> Result<Vec<String>, StoreError> {
    let (from, to) = (layout.quarantine(), layout.quarantine().join(ACKNOWLEDGED));
    let is_wanted = |entry: &String| {
        let partition = || partition_of(entry, tiers).map(|found| found.id.name(tiers));
        wanted.is_none_or(|wanted| wanted == entry || partition().as_deref() == Some(wanted))
    };
    let names: Vec<String> = entries(layout)?.into_iter().filter(is_wanted).collect();
    if names.is_empty() {
        return Ok(names);
    }
    files::create_directory(layout.vfs(), &to)?;
    let taken = files::list_names(layout.vfs(), &to)?;
    for name in &names {
        let others = (0..=taken.len()).map(|number| format!("{name}.{number}"));
        let free = std::iter::once(name.clone()).chain(others).find(|name| !taken.contains(name));
        let path = from.join(name);
        let to = to.join(free.unwrap_or_else(|| name.clone()));
        layout.vfs().rename(&path, &to).map_err(StoreError::io("move", &path))?;
        tracing::info!(%name, "quarantine acknowledged");
    }
    files::sync_directory(layout.vfs(), &to)?;
    files::sync_directory(layout.vfs(), &from)?;
    Ok(names)
}

/// Lists what nobody has acknowledged yet.
pub(super) fn list(layout: &Layout, tiers: &Tiers) -> QuarantineReport {
    let mut report = QuarantineReport::default();
    let directory = layout.quarantine();
    for entry in entries(layout).unwrap_or_default() {
        let bytes = bytes_under(layout, &directory.join(&entry), DEPTH_MAX);
        report.count += 1;
        report.bytes += bytes;
        if report.items.len() < REPORTED_MAX {
            let partition = partition_of(&entry, tiers);
            let name = partition.map_or_else(|| entry.clone(), |found| found.id.name(tiers));
            let missing = partition.is_some_and(|found| !found.is_rebuilt);
            report.items.push(Quarantined { entry, name, missing, bytes });
        }
    }
    gauge!(metric_names::QUARANTINE_BYTES).set(report.bytes as f64);
    report
}

/// Drops what nobody can want any more.
pub(super) fn trim(
    layout: &Layout,
    tiers: &Tiers,
    clock: &BelievedClock,
) -> Result<(), StoreError> {
    let directory = layout.quarantine();
    let acknowledged = directory.join(ACKNOWLEDGED);
    let known = files::list_names(layout.vfs(), &acknowledged)?;
    let told = entries(layout)?;
    let all = told.iter().map(|name| (&directory, name));
    for (directory, name) in all.chain(known.iter().map(|name| (&acknowledged, name))) {
        let path = directory.join(name);
        let changed = || layout.vfs().modified(&path).ok();
        let partition = partition_of(name, tiers).map(|found| found.id);
        if !is_over(partition, changed, tiers, clock) {
            continue;
        }
        tracing::info!(%name, "drop from quarantine: its time is over");
        match layout.vfs().remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // It is a directory.
            Err(_) => trash::delete(layout, &path)?,
        }
    }
    Ok(())
}

/// Tells whether the time of a thing that was put aside is over.
fn is_over(
    partition: Option<PartitionId>,
    changed: impl FnOnce() -> Option<Timestamp>,
    tiers: &Tiers,
    clock: &BelievedClock,
) -> bool {
    if let Some(id) = partition {
        return clock.is_over(id);
    }
    let days = tiers.days_max();
    changed().is_some_and(|changed| clock.is_file_over(changed, days))
}

fn bytes_under(layout: &Layout, path: &std::path::Path, depth: u32) -> u64 {
    let names = files::list_names(layout.vfs(), path).unwrap_or_default();
    if names.is_empty() || depth == 0 {
        return layout.vfs().file_len(path).unwrap_or(0);
    }
    names.iter().map(|name| bytes_under(layout, &path.join(name), depth - 1)).sum()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use tierlog_model::Day;

    use super::*;
    use crate::backend::{SimulatedVfs, Vfs as _};
    use crate::quarantine::{mark_rebuilt, missing_partitions};

    #[test]
    fn a_name_is_of_a_partition_or_of_something_else() {
        let tiers = Tiers::standard();
        for (name, is_rebuilt) in [
            ("default.debug.2026-11-20.3", false),
            ("default.debug.2026-11-20.3.rebuilt", true),
            ("default.debug.2026-11-20.3.rebuilt.0", true),
            ("default.debug.2026-11-20.3.0", false),
        ] {
            let found = partition_of(name, &tiers).expect("a partition");
            assert_eq!(found.id.name(&tiers), "default/debug/2026-11-20", "{name}");
            assert_eq!(found.is_rebuilt, is_rebuilt, "{name}");
        }
        for name in [
            "default.debug.2026-11-20",
            "default.debug.2026-11-20.x",
            "default.debug.2026-13-20.0",
            "other.2026-11-20.0",
            "wal-1-2.part",
        ] {
            assert_eq!(partition_of(name, &tiers), None, "{name}");
        }
    }

    #[test]
    fn what_was_put_aside_goes_when_its_time_is_over() {
        let tiers = Tiers::standard();
        let day: Day = "2026-11-20".parse().expect("a day");
        let debug = partition_of("default.debug.2026-11-20.0", &tiers).map(|found| found.id);
        let over = |partition, changed: Option<Timestamp>, days| {
            is_over(partition, || changed, &tiers, &BelievedClock::at(day.plus_days(days).start()))
        };
        assert!(!over(debug, None, 7));
        assert!(over(debug, None, 8));
        // A part of the log may be of any tier: the longest keeps a year.
        assert!(!over(None, Some(day.start()), 365));
        assert!(over(None, Some(day.start()), 366));
        assert!(!over(None, None, 10_000));
    }

    #[test]
    fn all_is_counted_a_hundred_are_named_and_only_what_is_over_goes() {
        let tiers = Tiers::standard();
        let vfs = SimulatedVfs::new();
        let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from("/data"), tiers.clone());
        let directory = layout.quarantine();
        vfs.create_dir_all(&directory).expect("a directory");
        let put = |path: &str, bytes: &[u8]| {
            let path = directory.join(path);
            vfs.create_dir_all(path.parent().expect("a parent")).expect("made");
            vfs.create_new(&path).and_then(|mut file| file.write_all(bytes)).expect("written");
        };
        let day: Day = "2026-11-20".parse().expect("a day");
        vfs.set_now(day.start());
        put("default.debug.2026-11-20.0/meta.json", b"12");
        put("default.debug.2026-11-20.0/segment.store", b"345");
        put("default.info.2026-11-20.0/meta.json", b"6");
        for number in 0..100 {
            put(&format!("wal-{number:03}-0.part"), b"0123456789");
        }
        let report = list(&layout, &tiers);
        assert_eq!((report.count, report.bytes, report.items.len()), (102, 1_006, 100));
        assert_eq!(missing_partitions(&layout, &tiers).len(), 2);
        let first = report.items.first().expect("one");
        assert_eq!((first.name.as_str(), first.bytes), ("default/debug/2026-11-20", 5));

        let left = |days: i32| {
            trim(&layout, &tiers, &BelievedClock::at(day.plus_days(days).start()))
                .expect("trimmed");
            list(&layout, &tiers).count
        };
        assert_eq!([left(7), left(8), left(31), left(365), left(366)], [102, 101, 100, 100, 0]);
    }

    #[test]
    fn what_is_acknowledged_is_kept_and_not_told() {
        let tiers = Tiers::standard();
        let vfs = SimulatedVfs::new();
        let layout = Layout::new(Arc::new(vfs.clone()), PathBuf::from("/data"), tiers.clone());
        let directory = layout.quarantine();
        let day: Day = "2026-11-20".parse().expect("a day");
        vfs.set_now(day.start());
        let put = |path: &str| {
            let path = directory.join(path);
            vfs.create_dir_all(path.parent().expect("a parent")).expect("made");
            drop(vfs.create_new(&path).expect("made"));
            for above in path.ancestors().skip(1) {
                vfs.sync_dir(above).expect("synced");
            }
        };
        let told = || list(&layout, &tiers).items.into_iter().map(|item| item.entry);
        for _ in 0..3 {
            put("default.info.2026-11-20.0/meta.json");
            put("default.debug.2026-11-20.0/meta.json");
            put("default.debug.2026-11-20.1/meta.json");
            put("wal-1-0.part");
            mark_rebuilt(&layout, &directory.join("default.info.2026-11-20.0")).expect("marked");
            let missing: Vec<String> =
                missing_partitions(&layout, &tiers).iter().map(|id| id.name(&tiers)).collect();
            assert_eq!(missing, ["default/debug/2026-11-20"], "a rebuilt one misses nothing");
            let acknowledge = |wanted| acknowledge(&layout, &tiers, wanted).expect("acknowledged");
            assert_eq!(acknowledge(Some("default/warning/2026-11-20")), [""; 0]);
            assert_eq!(acknowledge(Some("default/debug/2026-11-20")).len(), 2);
            assert_eq!(
                told().collect::<Vec<_>>(),
                ["default.info.2026-11-20.0.rebuilt", "wal-1-0.part"]
            );
            assert_eq!(acknowledge(Some("wal-1-0.part")).len(), 1);
            assert_eq!(acknowledge(None), ["default.info.2026-11-20.0.rebuilt"]);
            assert_eq!((told().count(), missing_partitions(&layout, &tiers).len()), (0, 0));
            vfs.crash(crate::backend::Crash::DropUnsynced);
        }
        let kept = || files::list_names(&vfs, &directory.join(ACKNOWLEDGED)).expect("listed");
        assert_eq!(kept().len(), 12, "{:?}", kept());
        trim(&layout, &tiers, &BelievedClock::at(day.plus_days(400).start())).expect("trimmed");
        assert_eq!(kept(), [""; 0]);
    }
}
