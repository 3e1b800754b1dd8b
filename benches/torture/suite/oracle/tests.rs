//! Each check meets an input that the check must refuse.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::ledger::Known;
use super::super::lines::Lines;
use super::super::tenants::Tenant;
use super::{Evidence, Invariant, Kind};

/// A store that kept its word: ids 0 to 39 issued, 0 to 29 acked, 0 to 34 found.
struct Whole {
    lines: Lines,
    known: Known,
    records: Vec<(Tenant, Value)>,
    dead_letters: BTreeMap<Tenant, u64>,
}

fn whole() -> Whole {
    let lines = Lines::new(1, 2);
    let known = Known { issued: (0..40).collect(), acked: (0..30).collect() };
    let records = (0..35).filter(|id| lines.kind(*id) == Kind::Record).map(|id| {
        let mut record = lines.expected(id);
        record["user_id"] = json!(format!("u_{id}"));
        (Tenant::FIRST, record)
    });
    let records = records.collect();
    Whole { lines, known, records, dead_letters: BTreeMap::from([(Tenant::FIRST, 2)]) }
}

impl Whole {
    fn violated(&self) -> Vec<Invariant> {
        let evidence = Evidence {
            known: &self.known,
            lines: &self.lines,
            records: &self.records,
            dead_letters: &self.dead_letters,
            excused: &|_| false,
        };
        evidence.judge().iter().map(|violation| violation.invariant).collect()
    }
}

#[track_caller]
fn check(break_it: impl FnOnce(&mut Whole), expected: Invariant) {
    let mut store = whole();
    break_it(&mut store);
    assert_eq!(store.violated(), [expected]);
}

#[test]
fn a_store_that_kept_its_word_is_let_go() {
    assert_eq!(whole().violated(), []);
}

#[test]
fn an_acked_line_that_is_lost_is_seen() {
    check(|store| drop(store.records.remove(3)), Invariant::Acked);
    // A line that was issued and not acknowledged may be missing.
    let mut store = whole();
    store.records.pop();
    assert_eq!(store.violated(), []);
}

#[test]
fn an_excused_line_may_be_missing() {
    let mut store = whole();
    store.records.remove(3);
    let evidence = Evidence {
        known: &store.known,
        lines: &store.lines,
        records: &store.records,
        dead_letters: &store.dead_letters,
        excused: &|id| id == 3,
    };
    assert_eq!(evidence.judge(), []);
}

#[test]
fn a_line_that_is_there_twice_is_seen() {
    check(|store| store.records.push(store.records[5].clone()), Invariant::Once);
}

#[test]
fn a_line_that_nobody_sent_is_seen() {
    check(
        |store| {
            let mut record = store.lines.expected(44);
            record["user_id"] = json!("u_44");
            store.records.push((Tenant::FIRST, record));
        },
        Invariant::Issued,
    );
    check(
        |store| store.records.push((Tenant::FIRST, json!({"message": "whose?"}))),
        Invariant::Issued,
    );
}

#[test]
fn a_line_that_another_tenant_shows_is_seen() {
    check(|store| store.records[2].0 = Tenant::of_turn(2), Invariant::Apart);
}

#[test]
fn a_changed_line_is_seen_whatever_has_changed() {
    check(|store| store.records[2].1["payload.sum"] = json!(1), Invariant::Payload);
    check(|store| store.records[2].1["more"] = json!("field"), Invariant::Payload);
    check(|store| store.records[2].1["user_id"] = json!("zqplanted-user-2"), Invariant::Payload);
    check(|store| store.records[3].1["password"] = json!("zqplanted-3"), Invariant::Payload);
    let moved = |store: &mut Whole| {
        store.records[2].1.as_object_mut().expect("a record").remove("request_id");
    };
    check(moved, Invariant::Payload);
}

#[test]
fn dead_letters_are_neither_lost_nor_made_up() {
    let count = |tenant, count| {
        let bury = |store: &mut Whole| {
            store.dead_letters.insert(tenant, count);
        };
        check(bury, Invariant::Conserved);
    };
    count(Tenant::FIRST, 0);
    count(Tenant::FIRST, 3);
    // The letter of another tenant stands in for none.
    count(Tenant::of_turn(1), 1);
}
