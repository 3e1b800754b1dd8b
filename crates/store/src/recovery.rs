//! Start: from whatever a crash left to a store that is whole.
//!
//! Order: lock, versions of everything, format stamp, empty the trash, read the partitions and
//! finish what tombstones say of them, open the WAL (which cuts a torn tail), replay what the
//! partitions do not have, commit. Replay has its time: what is left then is the indexing thread's,
//! behind a server that is ready. No step needs a hand, and each may be cut short and done again.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tierlog_model::{Clock, Day, HeldBytes, Tiers, Timestamp};

use crate::catalogue::Catalogue;
use crate::directory_lock::DirectoryLock;
use crate::format::FORMAT;
use crate::indexer::{Indexer, Left, LeftBy, Pass, Replay, UNCOMMITTED_BYTES_MAX};
use crate::layout::{DaysDirectory, Layout};
use crate::partition::{Committed, Damage, Damaged, PartitionDirectory, find_damage, last_commit};
use crate::quarantine::{missing_partitions, quarantine};
use crate::rebuild::{Rebuild, Rebuilding};
use crate::time::{BelievedClock, Witnesses};
use crate::tombstone::Tombstones;
use crate::trash::{empty_trash, move_to_trash};
use crate::versions::check_all;
use crate::wal::{LoggedBatch, Wal};
use crate::{
    Partition, PartitionId, PartitionState, StoreError, StoreSettings, files, side_by_side,
};

/// Directories that are worth the start of another thread to sync them: one takes milliseconds.
const SYNCS_PER_THREAD: usize = 16;

/// Takes the data directory for this process, and makes it first where there is none.
pub(crate) fn lock(layout: &Layout) -> Result<DirectoryLock, StoreError> {
    files::create_directory(layout.vfs(), layout.root())?;
    DirectoryLock::take(layout.root())
}

/// Stamps a new directory.
fn check_stamp(layout: &Layout) -> Result<(), StoreError> {
    let path = layout.stamp();
    let stamp = || {
        let json = format!("{{\"format\": {FORMAT}}}");
        files::write_checked(layout.vfs(), &path, json.as_bytes())
    };
    match files::read_checked(layout.vfs(), &path) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => stamp(),
        // Everything else in the directory says its version too, and was asked.
        Err(error) if error.is_damage() => {
            tracing::warn!(%error, "write the format stamp again: it is damaged");
            stamp()
        }
        Err(error) => Err(error),
    }
}

/// What reading the partitions found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Number after the last record that any partition has.
    pub(crate) next_seq: u64,
    /// Moment of the youngest record of all.
    pub(crate) youngest: Option<Timestamp>,
    /// What could not be read and was put aside: partitions, tombstones.
    pub(crate) quarantined: Vec<String>,
    /// Tiers on disk that the configuration does not name: kept, not searched, not dropped.
    pub(crate) unknown_tiers: Vec<String>,
    /// Partitions among what was put aside.
    aside: Vec<Aside>,
}

/// A partition that a start has put into quarantine.
#[derive(Clone, Debug)]
struct Aside {
    id: PartitionId,
    /// Where it is now.
    path: PathBuf,
    /// The payload of the last commit, if readable.
    committed: Option<Committed>,
}

/// A store that is whole, and that no thread works on yet.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) layout: Layout,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) wal: Wal,
    pub(crate) indexer: Arc<Indexer>,
    /// What time is believed.
    pub(crate) clock: Arc<BelievedClock>,
    pub(crate) found: Found,
    /// Records that were read back from the WAL.
    pub(crate) replayed_records: u64,
    /// What the WAL holds that is not indexed: the indexing thread does it while the server
    /// takes and answers.
    pub(crate) left: Option<Left>,
}

/// Makes a store of a directory under the lock of this process.
pub(crate) fn recover(
    layout: Layout,
    settings: &StoreSettings,
    machine: Arc<dyn Clock>,
) -> Result<Recovered, StoreError> {
    // ORDER: nothing of a directory that is refused may have been changed before the check.
    let catalogue = Catalogue::new(settings.tiers.clone(), layout.clone(), &settings.reader_memory);
    let catalogue = Arc::new(catalogue);
    check_all(&layout, &catalogue)?;
    check_stamp(&layout)?;
    let (mut tombstones, unreadable) = Tombstones::open(&layout, &settings.tiers)?;
    let checks = StartChecks::within(settings.verify_before_ready);
    let mut found = load_partitions(&layout, &catalogue, &tombstones, checks)?;
    found.quarantined.extend(unreadable);

    let vfs = layout.shared_vfs();
    let known_below = found.next_seq.max(tombstones.highest());
    let mut believed = None;
    let (mut wal, recovered) =
        Wal::open_at(vfs, layout.root(), settings.wal_settings(), found.next_seq, |recovery| {
            let witnesses = Witnesses {
                next_seq: recovery.next_seq.max(known_below),
                logged: recovery.last_written,
                indexed: found.youngest,
                indexed_below: found.next_seq,
            };
            let clock = settings.clock_settings();
            let clock = BelievedClock::open(&layout, machine, clock, &witnesses);
            believed.insert(clock).reckoned()
        })?;
    let clock = Arc::new(believed.expect("the log has asked for the present when it is open"));
    clock.follow(wal.releaser());
    // A WAL that was lost must not give out numbers that indexes or tombstones have already.
    wal.ensure_next_seq(known_below, clock.reckoned())?;
    if recovered.torn_bytes > 0 || recovered.corrupt_frames > 0 {
        tracing::warn!(
            torn_bytes = recovered.torn_bytes,
            corrupt_frames = recovered.corrupt_frames,
            "repaired the write-ahead log"
        );
    }
    catalogue.set_lost(missing_partitions(&layout, &settings.tiers));
    let aside = std::mem::take(&mut found.aside);
    let rebuilding = plan_rebuilds(&settings.tiers, &mut tombstones, aside, wal.next_seq())?;
    let indexer = Indexer::new(
        settings.indexer_settings(),
        layout.clone(),
        Arc::clone(&clock),
        Arc::clone(&catalogue),
        (wal.releaser(), wal.reader()),
        tombstones,
    );
    let indexer = Arc::new(indexer);
    indexer.rebuild(rebuilding);
    let deadline = Instant::now().checked_add(settings.replay_before_ready);
    let Replayed { records: replayed_records, left } = replay(&wal, &indexer, deadline)?;
    Ok(Recovered { layout, catalogue, wal, indexer, clock, found, replayed_records, left })
}

/// The deadline of a start for comparing hot partitions with their checksums before anything opens
/// their files, the newest partition first. A rotten length would ask for memory that nobody has,
/// and a file that was cut would end the process under a map, at every start anew.
#[derive(Clone, Copy, Debug)]
struct StartChecks {
    /// `None` is beyond every clock.
    deadline: Option<Instant>,
}

impl StartChecks {
    fn within(time: Duration) -> StartChecks {
        StartChecks { deadline: Instant::now().checked_add(time) }
    }

    fn are_due(self) -> bool {
        self.deadline.is_none_or(|deadline| Instant::now() < deadline)
    }
}

/// Returns what the log may give back of the partitions that went into quarantine, and keeps away
/// what it must not.
fn plan_rebuilds(
    tiers: &Tiers,
    tombstones: &mut Tombstones,
    aside: Vec<Aside>,
    next_seq: u64,
) -> Result<Vec<Rebuilding>, StoreError> {
    let mut rebuilding = Vec::new();
    for Aside { id, path, committed } in aside {
        let rebuild = Rebuild::plan(id.tier, tiers, committed, next_seq);
        if rebuild.gone_below > 0 {
            tombstones.add(id, rebuild.gone_below)?;
        }
        let until = committed.map_or(next_seq, |committed| committed.position);
        rebuilding.extend(rebuild.first.map(|first| Rebuilding::new(id, path, first..until)));
    }
    Ok(rebuilding)
}

/// Reads every partition directory into the catalogue, the newest days first.
fn load_partitions(
    layout: &Layout,
    catalogue: &Catalogue,
    tombstones: &Tombstones,
    checks: StartChecks,
) -> Result<Found, StoreError> {
    let (vfs, partitions) = (layout.vfs(), layout.partitions());
    files::create_directory(vfs, &partitions)?;
    // ORDER: a killed process may have left names that are seen but not durable. Names become
    // durable before the WAL forgets the records in these directories.
    files::sync_directory(vfs, layout.root())?;
    files::sync_directory(vfs, &partitions)?;
    empty_trash(layout);
    let mut found = Found::default();
    let mut ids = Vec::new();
    let (directories, strange) = layout.days_directories()?;
    for name in strange {
        tracing::error!(%name, "directory on disk names no tenant; its data is kept");
        found.unknown_tiers.push(name);
    }
    let (mut names, mut known) = (Vec::new(), None);
    for DaysDirectory { tenant, tier: name, path } in directories {
        let Some(tier) = catalogue.tiers().by_name(&name) else {
            let tier = format!("{tenant}/{name}");
            tracing::error!(%tier, "tier on disk is not configured; its data is kept");
            found.unknown_tiers.push(tier);
            continue;
        };
        if known.replace(tenant) != Some(tenant) {
            names.push(partitions.join(tenant.name()));
        }
        for day_name in files::list_names(vfs, &path)? {
            ids.extend(day_name.parse::<Day>().map(|day| PartitionId { tenant, tier, day }));
        }
        names.push(path);
    }
    let synced =
        side_by_side::map(&names, SYNCS_PER_THREAD, |path| files::sync_directory(vfs, path));
    synced.into_iter().collect::<Result<(), StoreError>>()?;
    ids.sort_by_key(|id| (Reverse(id.day), id.tier, id.tenant));
    for id in ids {
        load_partition(layout, catalogue, (tombstones, checks), id, &mut found)?;
    }
    Ok(found)
}

fn load_partition(
    layout: &Layout,
    catalogue: &Catalogue,
    (tombstones, checks): (&Tombstones, StartChecks),
    id: PartitionId,
    found: &mut Found,
) -> Result<(), StoreError> {
    // A sealed partition is compared with its checksums by the scrub alone: a year takes hours.
    if let Some(sealed) = catalogue.partition(id) {
        return take_up(layout, (catalogue, tombstones), &sealed, found);
    }
    let directory = PartitionDirectory::of(layout, id);
    let name = id.name(catalogue.tiers());
    if directory.is_unfinished() {
        // A crash between the making of the directory and of the index: no record is in it.
        tracing::info!(partition = %name, "remove partition that was never finished");
        return expire_leftover(layout, catalogue, id);
    }
    let mut is_checked = false;
    if checks.are_due() {
        let damage = find_damage(&directory, &name)?;
        if damage.iter().any(|damage| damage.of == Damaged::Records) {
            for Damage { problem, .. } in damage {
                tracing::error!(partition = %name, %problem, "damaged partition");
            }
            return put_aside(layout, id, name, found);
        }
        is_checked = true;
    }
    match load_guarded(catalogue, id, directory.path()) {
        Ok(partition) => {
            take_up(layout, (catalogue, tombstones), &partition, found)?;
            if is_checked {
                partition.note_verified();
            } else if partition.state() == PartitionState::Hot {
                // Behind the start.
                catalogue.suspect(id);
            }
            Ok(())
        }
        Err(error @ StoreError::FormatVersion { .. }) => Err(error),
        // It says nothing about the partition; the next start may do better.
        Err(error) if error.is_exhaustion() => Err(error),
        Err(error) => {
            catalogue.remove(id);
            tracing::error!(partition = %name, %error, "put aside partition that does not open");
            put_aside(layout, id, name, found)
        }
    }
}

/// Counts a partition that was read, or finishes to drop it.
fn take_up(
    layout: &Layout,
    (catalogue, tombstones): (&Catalogue, &Tombstones),
    partition: &Partition,
    found: &mut Found,
) -> Result<(), StoreError> {
    let (id, position) = (partition.id(), partition.position());
    if tombstones.cover(id, position) {
        tracing::info!(partition = partition.name(), "finish to drop partition");
        catalogue.remove(id);
        return expire_leftover(layout, catalogue, id);
    }
    found.next_seq = found.next_seq.max(position);
    found.youngest = found.youngest.max(partition.stats().latest);
    Ok(())
}

fn put_aside(
    layout: &Layout,
    id: PartitionId,
    name: String,
    found: &mut Found,
) -> Result<(), StoreError> {
    let directory = PartitionDirectory::of(layout, id);
    let committed = last_commit(&directory);
    // The log must not give its numbers out again, whatever becomes of its records.
    found.next_seq = found.next_seq.max(committed.map_or(0, |committed| committed.position));
    let path = quarantine(layout, directory.path(), &name)?;
    found.aside.push(Aside { id, path, committed });
    found.quarantined.push(name);
    Ok(())
}

/// Damaged bytes may make the search engine panic; that is one partition less, and no reason not
/// to start.
fn load_guarded(
    catalogue: &Catalogue,
    id: PartitionId,
    path: &Path,
) -> Result<Arc<Partition>, StoreError> {
    match catch_unwind(AssertUnwindSafe(|| catalogue.load(id))) {
        Ok(loaded) => loaded,
        Err(_) => Err(StoreError::Malformed {
            path: path.to_owned(),
            problem: "opening it panicked".to_owned(),
        }),
    }
}

fn expire_leftover(
    layout: &Layout,
    catalogue: &Catalogue,
    id: PartitionId,
) -> Result<(), StoreError> {
    move_to_trash(layout, id, catalogue.tiers())?;
    empty_trash(layout);
    Ok(())
}

/// What replay did.
struct Replayed {
    /// Records that were read.
    records: u64,
    /// What it did not come to.
    left: Option<Left>,
}

/// Gives the partitions what the WAL has and they have not, until a moment.
/// Commits on the way: a start that is cut short is not done again whole by the next.
///
/// What cannot be indexed now, because the disk is full, a record is poison or there is too much of
/// it, must not keep the server from starting. An unreadable log does: nothing says which records
/// the log holds.
fn replay(wal: &Wal, indexer: &Indexer, deadline: Option<Instant>) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed { records: 0, left: None };
    let mut uncommitted_bytes = 0;
    let left = |from, why| Some(Left { from, until: wal.next_seq(), why });
    for entry in wal.replay(0) {
        let (first_seq, batch) = entry?;
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            replayed.left = left(first_seq, LeftBy::Time);
            break;
        }
        replayed.records += u64::from(batch.record_count());
        uncommitted_bytes += batch.bytes().len();
        let applied = LoggedBatch { first_seq, batch, held: HeldBytes::default() };
        let is_full = uncommitted_bytes >= UNCOMMITTED_BYTES_MAX;
        let step = indexer.try_step(|| {
            indexer.apply(&applied, Replay::Yes)?;
            if is_full { indexer.commit() } else { Ok(()) }
        });
        if !step {
            return Ok(Replayed { left: left(first_seq, LeftBy::Failure), ..replayed });
        }
        if is_full {
            uncommitted_bytes = 0;
        }
    }
    if replayed.left.is_none() {
        indexer.pass(wal.next_seq());
    }
    if !indexer.try_step(|| indexer.commit()) {
        replayed.left = left(wal.next_seq(), LeftBy::Failure);
    }
    backfill(indexer, deadline);
    Ok(replayed)
}

/// Indexes what the log has of old days, until a moment. The rest is the backfill lane's, behind
/// a server that is ready.
fn backfill(indexer: &Indexer, deadline: Option<Instant>) {
    while deadline.is_none_or(|deadline| Instant::now() < deadline) {
        let mut pass = Pass::Idle;
        let step = indexer.try_step(|| indexer.backfill().map(|done| pass = done));
        if !step || pass != Pass::Done {
            return;
        }
    }
}
