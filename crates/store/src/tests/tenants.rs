//! Tenants of a store: equal ids and days, different records, nothing in common but the log.

use tierlog_model::{BatchId, Receipt, Tenant};

use super::*;
use crate::{LetterEnd, LetterOrder, LetterSelection};

fn tenants() -> [Tenant; 3] {
    ["default", "shop", "team-7"].map(|name| Tenant::define(name).expect("a name"))
}

/// A record that a tenant alone has, with an id and a message that every tenant has.
fn secret_of(tenant: Tenant, level: Level) -> Record<'static> {
    let mut record = record(&format!("secret of {tenant}"), level, noon());
    record.fields.retain(|(name, _)| name != "request_id");
    record.fields.push(("request_id".into(), Value::Str("shared-request".into())));
    record
}

fn letter_of(tenant: Tenant) -> Record<'static> {
    let mut letter = secret_of(tenant, Level::Warning);
    letter.kind = RecordKind::DeadLetter;
    letter.fields.push(("reason".into(), Value::Str("too_long".into())));
    letter
}

/// Writes records as a tenant under a name of a batch, and returns the receipt.
fn write_as(running: &Running, tenant: Tenant, name: &str, records: &[Record<'static>]) -> Receipt {
    let mut writer = BatchWriter::default();
    records.iter().for_each(|record| writer.push(record));
    let id = BatchId::of_client(tenant, name);
    let batch = RedactedBatch::from_redacted(writer, id, Redacted::vouch()).of_tenant(tenant);
    let verdict = running.sender.try_send(batch).expect("there is room");
    verdict.blocking_recv().expect("answered").expect("taken")
}

/// Fills a store with records and a letter of every tenant, under one name of a batch.
fn fill(running: &Running) {
    for tenant in tenants() {
        let mut records: Vec<Record<'static>> =
            Level::ALL.map(|level| secret_of(tenant, level)).to_vec();
        records.push(letter_of(tenant));
        let receipt = write_as(running, tenant, "batch-1", &records);
        assert_eq!((receipt.written_count, receipt.duplicate_count), (6, 0), "{tenant}");
    }
}

/// Returns the messages of every partition in a tenant's list.
fn messages_of(store: &Store, tenant: Tenant) -> Vec<String> {
    let list = store.catalogue().list(tenant);
    let mut found = Vec::new();
    for listed in list.iter() {
        assert_eq!(listed.id().tenant, tenant);
        let view = store.catalogue().open(&list, listed.partition()).expect("opens");
        for segment in view.segments() {
            let docs: Vec<u32> = segment.reader().doc_ids_alive().collect();
            let records = segment.read(&docs).expect("readable");
            let message =
                |stored: &crate::StoredRecord| stored.record.get_str("message").map(str::to_owned);
            found.extend(records.iter().filter_map(message));
        }
    }
    found
}

#[track_caller]
fn assert_apart(store: &Store) {
    for tenant in tenants() {
        let messages = messages_of(store, tenant);
        assert_eq!(messages, vec![format!("secret of {tenant}"); 6]);
        let selection = LetterSelection { tenant, ..LetterSelection::default() };
        let letters = store.dead_letters(&selection, LetterOrder::NewestFirst, 10).expect("read");
        let texts: Vec<_> =
            letters.letters.iter().map(|letter| letter.record.get_str("message")).collect();
        assert_eq!(texts, [Some(format!("secret of {tenant}").as_str())]);
        assert_eq!(letters.total(), 1);
    }
}

#[test]
fn tenants_with_equal_ids_and_days_lie_apart_and_stay_apart_over_a_crash() {
    let directory = tempfile::tempdir().expect("directory");
    let crashed = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    fill(&running);
    for tenant in tenants() {
        let again = write_as(&running, tenant, "batch-1", &[secret_of(tenant, Level::Info)]);
        assert_eq!(again.written_count, 0, "a retry is known by tenant and name");
    }
    // In the log alone.
    copy_directory(directory.path(), crashed.path());
    running.store.flush().expect("flushed");
    assert_apart(&running.store);
    for tenant in tenants() {
        let path = format!("partitions/{tenant}/info/2026-11-20");
        assert!(directory.path().join(path).is_dir());
    }
    running.store.compact(CompactScope::All).expect("sealed");
    assert_apart(&running.store);
    running.close();

    for path in [crashed.path(), directory.path()] {
        let running = Running::open(path);
        running.store.flush().expect("flushed");
        assert_apart(&running.store);
        running.close();
    }
}

#[test]
fn letters_of_a_tenant_go_alone() {
    let directory = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    fill(&running);
    let [_, shop, _] = tenants();
    let letters = |tenant| LetterSelection { tenant, ..LetterSelection::default() };
    let count = |tenant| {
        let found = running.store.dead_letters(&letters(tenant), LetterOrder::NewestFirst, 0);
        found.expect("read").total()
    };
    // Numbers of another tenant's letters select nothing.
    let numbers = LetterSelection::of_ids(shop, vec![5, 17]);
    let gone = running.store.drop_dead_letters(&numbers, LetterEnd::Dropped).expect("dropped");
    assert_eq!(gone.values().sum::<u64>(), 0);
    let gone = running.store.drop_dead_letters(&letters(shop), LetterEnd::Dropped);
    assert_eq!(gone.expect("dropped").values().sum::<u64>(), 1);
    assert_eq!(tenants().map(count), [1, 0, 1]);
    running.close();
}

#[test]
fn retention_takes_the_day_of_each_tenant() {
    let directory = tempfile::tempdir().expect("directory");
    let running = Running::open(directory.path());
    fill(&running);
    running.store.flush().expect("flushed");
    let later = noon().saturating_add_micros(8 * DAY_MICROS);
    let dropped = running.store.run_retention(later).expect("run");
    let mut names: Vec<String> =
        dropped.iter().map(|expiry| format!("{}/{}", expiry.id.tenant, expiry.tier)).collect();
    names.sort_unstable();
    assert_eq!(names, ["default/debug", "shop/debug", "team-7/debug"]);
    for tenant in tenants() {
        assert_eq!(messages_of(&running.store, tenant).len(), 5);
    }
    running.close();
}

#[test]
fn a_directory_that_names_no_tenant_is_kept_and_told() {
    let directory = tempfile::tempdir().expect("directory");
    let strange = directory.path().join("partitions/Not A Tenant/info/2026-11-20");
    std::fs::create_dir_all(&strange).expect("made");
    let unknown = directory.path().join("partitions/shop/old_tier/2026-11-20");
    std::fs::create_dir_all(&unknown).expect("made");
    let running = Running::open(directory.path());
    let told = running.store.health().unknown_tiers;
    assert_eq!(told, ["Not A Tenant", "shop/old_tier"]);
    running.close();
    assert!(strange.is_dir() && unknown.is_dir());
}
