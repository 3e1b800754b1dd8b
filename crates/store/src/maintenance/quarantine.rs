//! What was put aside because it could not be read: listed for health, and dropped when nobody
//! can want it any more.
//!
//! `<tier>.<yyyy-mm-dd>.<n>` is a partition: it goes when its day's time is over, like any other.
//! Everything else (`wal-*.part`) goes when it is older than the longest tier keeps its days.

use std::collections::BTreeSet;
use std::io;

use metrics::gauge;
use serde::Serialize;
use tierlog_model::{Day, Tiers, Timestamp, metric_names};

use crate::layout::Layout;
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
    pub name: String,
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

/// Returns which partition a name under `quarantine/` is of.
pub(crate) fn partition_of(name: &str, tiers: &Tiers) -> Option<PartitionId> {
    let mut parts = name.splitn(3, '.');
    let tier = tiers.by_name(parts.next()?)?;
    let day: Day = parts.next()?.parse().ok()?;
    parts.next()?.parse::<u32>().ok()?;
    Some(PartitionId { tier, day })
}

/// Returns the partitions of which something was put aside.
pub(crate) fn quarantined_partitions(layout: &Layout, tiers: &Tiers) -> BTreeSet<PartitionId> {
    let names = files::list_names(layout.vfs(), &layout.quarantine()).unwrap_or_default();
    names.iter().filter_map(|name| partition_of(name, tiers)).collect()
}

/// Lists what was put aside.
pub(super) fn list(layout: &Layout, tiers: &Tiers) -> QuarantineReport {
    let mut report = QuarantineReport::default();
    let directory = layout.quarantine();
    for name in files::list_names(layout.vfs(), &directory).unwrap_or_default() {
        let bytes = bytes_under(layout, &directory.join(&name), DEPTH_MAX);
        report.count += 1;
        report.bytes += bytes;
        if report.items.len() < REPORTED_MAX {
            let name = match partition_of(&name, tiers) {
                Some(id) => id.name(tiers),
                None => name,
            };
            report.items.push(Quarantined { name, bytes });
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
    for name in files::list_names(layout.vfs(), &directory)? {
        let path = directory.join(&name);
        let changed = || layout.vfs().modified(&path).ok();
        if !is_over(partition_of(&name, tiers), changed, tiers, clock) {
            continue;
        }
        tracing::info!(%name, "drop what was put aside: its time is over");
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

    use super::*;
    use crate::backend::{SimulatedVfs, Vfs as _};

    #[test]
    fn a_name_is_of_a_partition_or_of_something_else() {
        let tiers = Tiers::standard();
        let id = partition_of("debug.2026-11-20.3", &tiers).expect("a partition");
        assert_eq!(id.name(&tiers), "debug/2026-11-20");
        for name in [
            "debug.2026-11-20",
            "debug.2026-11-20.x",
            "debug.2026-13-20.0",
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
        let debug = partition_of("debug.2026-11-20.0", &tiers);
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
        put("debug.2026-11-20.0/meta.json", b"12");
        put("debug.2026-11-20.0/segment.store", b"345");
        put("info.2026-11-20.0/meta.json", b"6");
        for number in 0..100 {
            put(&format!("wal-{number:03}-0.part"), b"0123456789");
        }
        let report = list(&layout, &tiers);
        assert_eq!((report.count, report.bytes, report.items.len()), (102, 1_006, 100));
        let first = report.items.first().expect("one");
        assert_eq!((first.name.as_str(), first.bytes), ("debug/2026-11-20", 5));

        let left = |days: i32| {
            trim(&layout, &tiers, &BelievedClock::at(day.plus_days(days).start()))
                .expect("trimmed");
            list(&layout, &tiers).count
        };
        assert_eq!([left(7), left(8), left(31), left(365), left(366)], [102, 101, 100, 100, 0]);
    }
}
