//! More partitions of today than writers: records wait for the next commit, and each is indexed
//! once.

use std::collections::BTreeMap;

use tierlog_model::metric_names::DROPPED_UNINDEXED;

use super::counted::Counted;
use super::*;
use crate::PartitionId;

/// Tenants of these tests, with a partition of today each.
const TENANTS: usize = 12;

fn few_writers() -> StoreSettings {
    StoreSettings { open_writers_max: 2, ..settings() }
}

fn tenant(number: usize) -> Tenant {
    Tenant::define(&format!("quiet-{number}")).expect("a name")
}

/// Logs and applies a line of each tenant, in a batch of its own.
fn apply_round(store: &mut Recovered) {
    for number in 0..TENANTS {
        let batch = log_of(store, tenant(number), "a line now and then");
        store.indexer.apply(&batch, Replay::No).expect("applied");
    }
}

fn log_of(store: &mut Recovered, tenant: Tenant, text: &str) -> LoggedBatch {
    let mut writer = BatchWriter::default();
    writer.push(&Record {
        timestamp: noon(),
        level: Level::Info,
        kind: RecordKind::Log,
        fields: vec![("message".into(), Value::Str(text.to_owned().into()))],
    });
    let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch()).of_tenant(tenant);
    let first_seq = store.wal.next_seq();
    store.wal.write_group([&batch], noon()).expect("written");
    store.wal.sync().expect("synced");
    LoggedBatch { first_seq, batch, held: HeldBytes::default() }
}

fn counts(store: &Recovered) -> BTreeMap<Tenant, u64> {
    let all = store.catalogue.all();
    all.iter().map(|partition| (partition.id().tenant, partition.stats().records)).collect()
}

fn each(count: u64) -> BTreeMap<Tenant, u64> {
    (0..TENANTS).map(|number| (tenant(number), count)).collect()
}

#[test]
fn a_commit_reaches_every_quiet_partition_and_segments_stay_few() {
    let vfs = disk();
    let mut store = open(&vfs, &few_writers());
    for round in 1..=40 {
        apply_round(&mut store);
        store.indexer.commit().expect("committed");
        assert_eq!(counts(&store), each(round));
        let until = store.wal.next_seq();
        assert_eq!(store.indexer.context.progress.positions().whole_below(), until);
    }
    // The two with a writer merge one after the other; the others whenever they are visited.
    let most = segments(&store).into_iter().max();
    assert!(most.is_some_and(|segments| segments < 26), "{:?}", segments(&store));
    let few = segments(&store).into_iter().filter(|segments| *segments <= 12).count();
    assert!(few >= TENANTS - 2, "{:?}", segments(&store));
}

#[test]
fn what_waits_is_read_again_once_after_a_failure_and_after_a_crash() {
    let vfs = disk();
    let mut store = open(&vfs, &few_writers());
    apply_round(&mut store);
    store.indexer.commit().expect("committed");
    apply_round(&mut store);
    // Going back forgets what waits, and the log gives all of it again.
    let until = store.wal.next_seq();
    let error = StoreError::ThreadEnded("test");
    assert!(store.indexer.recover_at_once(until, error, &|| true));
    assert_eq!(counts(&store), each(2));
    apply_round(&mut store);
    drop(store);
    let store = open(&vfs, &few_writers());
    assert_eq!(counts(&store), each(3));
}

#[test]
fn a_dropped_partition_takes_along_what_waits_for_it() {
    let vfs = disk();
    let mut store = open(&vfs, &few_writers());
    apply_round(&mut store);
    store.indexer.commit().expect("committed");
    apply_round(&mut store);
    apply_round(&mut store);
    let last = store.catalogue.all().last().map(|partition| partition.id()).expect("a partition");
    let counted = Counted::new(DROPPED_UNINDEXED);
    metrics::with_local_recorder(&counted, || {
        store.indexer.drop_partition(last).map(drop).expect("dropped");
    });
    assert_eq!(counted.get(), 2);
    store.indexer.commit().expect("committed");
    let mut expected = each(3);
    expected.remove(&last.tenant);
    assert_eq!(counts(&store), expected);
}

#[test]
fn a_busy_partition_gets_a_writer() {
    let vfs = disk();
    let mut store = open(&vfs, &few_writers());
    apply_round(&mut store);
    let busy = tenant(TENANTS - 1);
    let batch = log_of(&mut store, busy, &"busy ".repeat(60_000));
    store.indexer.apply(&batch, Replay::No).expect("applied");
    store.indexer.commit().expect("committed");
    let tier = store.catalogue.tiers().of_level(Level::Info);
    let id = PartitionId { tenant: busy, tier, day: noon().day() };
    assert!(!store.indexer.lock().must_wait(id), "the next line does not wait");
    apply_round(&mut store);
    store.indexer.commit().expect("committed");
    let mut expected = each(2);
    expected.insert(busy, 3);
    assert_eq!(counts(&store), expected);
}
