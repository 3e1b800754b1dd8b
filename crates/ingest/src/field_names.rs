//! What is known about the names of fields, from one batch to the next.
//!
//! A batch takes the memory of an earlier one and gives it back when it is closed: names repeat
//! from batch to batch and from sender to sender, so there are as many memories as batches that are
//! made at once, not as many as connections. No memory holds personal data, see
//! [`crate::redact::Names`].

use std::sync::{Mutex, PoisonError};

use crate::normalise::Meanings;
use crate::redact::Names;

/// Most memories that are kept: more batches than cores are seldom made at once, and a memory of
/// ordinary names has some ten kilobytes.
const KEPT_MAX: usize = 32;

/// What one batch knows about names.
#[derive(Default)]
pub(crate) struct FieldNames {
    /// Names as numbers, and the facts of names for redaction.
    pub(crate) redaction: Names,
    /// What names mean to the reading of a record, by number.
    pub(crate) meanings: Meanings,
}

/// Memories that no batch has.
#[derive(Default)]
pub(crate) struct FieldNamesPool {
    kept: Mutex<Vec<FieldNames>>,
}

impl std::fmt::Debug for FieldNamesPool {
    /// Names come from senders, and no name is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FieldNamesPool")
    }
}

impl FieldNamesPool {
    /// Returns the memory of the last batch, or an empty memory.
    pub(crate) fn take(&self) -> FieldNames {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pop().unwrap_or_default()
    }

    /// Keeps a memory for the next batch.
    pub(crate) fn give_back(&self, names: FieldNames) {
        if !names.redaction.has_room() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(names);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::normalise::IngestConfig;
    use crate::testing::{ingest_of, records_of};

    #[test]
    fn batches_hand_names_on_and_read_as_alone() {
        let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
        let bodies = [
            r#"{"msg":"a","http":{"status":200},"password":"x"}"#,
            r#"{"http":{"status":"x"},"a":{"ada@example.org":1,"b":2},"msg":"a"}"#,
            r#"{"ts":"2001-01-01T00:00:00Z","late":{"bob@example.org":1}}"#,
            r#"{"msg":"a","http":200,"http.status":201,"a":{"b":{"c":1}},"password":{"d":1}}"#,
        ];
        let alone: Vec<_> = bodies
            .iter()
            .map(|body| {
                let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
                records_of(&ingest.prepare_lines(body.as_bytes()).batch)
            })
            .collect();
        for _ in 0..3 {
            for (body, expected) in bodies.iter().zip(&alone) {
                assert_eq!(&records_of(&ingest.prepare_lines(body.as_bytes()).batch), expected);
                let kept = ingest.names().kept.lock().expect("not poisoned");
                assert_eq!(kept.len(), 1);
            }
        }
    }
}
