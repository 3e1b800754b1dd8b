//! A record cannot be indexed: a dead letter says which, and the other records stay.

use std::collections::BTreeMap;

use tierlog_model::limits::DEAD_LETTER_BYTES_MAX;

use super::*;
use crate::read_records;

/// Returns what is stored, in the order of the partitions, as names and values.
fn stored(store: &Recovered) -> Vec<BTreeMap<String, String>> {
    let mut found = Vec::new();
    for partition in store.catalogue.partitions() {
        let view = partition.view().expect("opens");
        for segment in view.segments() {
            let docs: Vec<u32> = (0..segment.reader().max_doc()).collect();
            for stored in read_records(segment.reader(), &docs).expect("readable") {
                let fields = &stored.record.fields;
                let text = |value: &Value<'_>| match value {
                    Value::Str(text) => text.to_string(),
                    other => format!("{other:?}"),
                };
                found.push(fields.iter().map(|(name, v)| (name.to_string(), text(v))).collect());
            }
        }
    }
    found
}

/// Sets the second of three records aside. Returns its dead letter.
fn letter_of(middle: &str) -> BTreeMap<String, String> {
    let vfs = disk();
    let mut store = open(&vfs, &settings());
    log(&mut store, Level::Info, 0, 4);
    let mut writer = BatchWriter::default();
    for text in ["first", middle, "third"] {
        writer.push(&Record {
            timestamp: noon(),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![
                ("message".into(), Value::Str(text.into())),
                ("service".into(), Value::Str("shop".into())),
                ("source".into(), Value::Str("api-2".into())),
            ],
        });
    }
    let batch = RedactedBatch::from_redacted(writer, None, Redacted::vouch());
    let batch = LoggedBatch { first_seq: 4, batch, held: HeldBytes::default() };
    let sink = SupervisedIndexer(&store.indexer);
    sink.apply(&batch, 4..5).expect("applied");
    sink.set_aside(&batch, 5).expect("set aside");
    sink.apply(&batch, 6..7).expect("applied");
    sink.commit().expect("committed");
    let is_letter = |fields: &BTreeMap<String, String>| fields.contains_key("reason");
    let (mut letters, others): (Vec<_>, Vec<_>) = stored(&store).into_iter().partition(is_letter);
    let others: Vec<&str> = others.iter().map(|fields| fields["message"].as_str()).collect();
    assert_eq!((others, letters.len()), (vec!["first", "third"], 1));
    letters.remove(0)
}

#[test]
fn the_letter_is_of_the_record_and_says_from_where_it_came() {
    let letter = letter_of("the second");
    assert!(letter["message"].contains("the second"), "{letter:?}");
    assert_eq!((letter["service"].as_str(), letter["source"].as_str()), ("shop", "api-2"));
    assert_eq!(letter.get("truncated"), None);
}

#[test]
fn a_letter_that_was_cut_says_so() {
    // Two bytes a character: the cut must not fall between them.
    let letter = letter_of(&"é".repeat(DEAD_LETTER_BYTES_MAX));
    assert!((DEAD_LETTER_BYTES_MAX - 1..=DEAD_LETTER_BYTES_MAX).contains(&letter["message"].len()));
    assert_eq!(letter["truncated"], "Bool(true)");
}
