//! Each check meets an input that the check must refuse.

use serde_json::{Value, json};

use super::super::ledger::Known;
use super::super::lines::Lines;
use super::{Evidence, Invariant, Kind};

/// A store that kept its word: ids 0 to 39 issued, 0 to 29 acked, 0 to 34 found.
struct Whole {
    lines: Lines,
    known: Known,
    records: Vec<Value>,
    dead_letters: u64,
}

fn whole() -> Whole {
    let lines = Lines::new(1, 2);
    let known = Known { issued: (0..40).collect(), acked: (0..30).collect() };
    let records = (0..35).filter(|id| lines.kind(*id) == Kind::Record).map(|id| {
        let mut record = lines.expected(id);
        record["user_id"] = json!(format!("u_{id}"));
        record
    });
    let records = records.collect();
    Whole { lines, known, records, dead_letters: 2 }
}

impl Whole {
    fn violated(&self) -> Vec<Invariant> {
        let evidence = Evidence {
            known: &self.known,
            lines: &self.lines,
            records: &self.records,
            dead_letters: self.dead_letters,
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
        dead_letters: 2,
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
            store.records.push(record);
        },
        Invariant::Issued,
    );
    check(|store| store.records.push(json!({"message": "whose?"})), Invariant::Issued);
}

#[test]
fn a_changed_line_is_seen_whatever_has_changed() {
    check(|store| store.records[2]["payload.sum"] = json!(1), Invariant::Payload);
    check(|store| store.records[2]["more"] = json!("field"), Invariant::Payload);
    check(|store| store.records[2]["user_id"] = json!("zqplanted-user-2"), Invariant::Payload);
    check(|store| store.records[3]["password"] = json!("zqplanted-3"), Invariant::Payload);
    let moved = |store: &mut Whole| {
        store.records[2].as_object_mut().expect("a record").remove("request_id");
    };
    check(moved, Invariant::Payload);
}

#[test]
fn dead_letters_are_neither_lost_nor_made_up() {
    check(|store| store.dead_letters = 0, Invariant::Conserved);
    check(|store| store.dead_letters = 3, Invariant::Conserved);
}
