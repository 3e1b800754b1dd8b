//! Evidence: counts of finds by detector, field and service.
//!
//! Arrives: the finds of each record, once the record is redacted, and later whole batches of them.
//! Leaves: counts of a bounded number of names, and word of a service that leaks what it did not
//! leak before. Values are never seen here; names of fields and services were redacted before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use metrics::counter;
use tierlog_model::metric_names::REDACTION_NEW;
use tierlog_model::{Record, fields};

use super::tally::Note;
use crate::shown::shown;

/// Combinations of service, field and detector of one batch; further ones lose their field.
const BATCH_ENTRIES_MAX: usize = 256;

/// Services that are told apart, as in the metrics of ingest: a company has some dozens.
const SERVICES_MAX: usize = 100;

/// Combinations that are told apart since the start: a megabyte. A sender that makes names up must
/// not fill memory, nor the answer.
const ENTRIES_MAX: usize = 4_096;

/// Longest name of a service or field that is told apart.
const NAME_BYTES_MAX: usize = 64;

/// Stands for services and fields that came when there was no room for their names.
const OTHER: &str = "_other";

/// Stands for the service of records that name none.
const NONE: &str = "_none";

/// The finds of one batch.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    service: String,
    field: String,
    detector: usize,
    count: u64,
}

impl Evidence {
    /// Notes the finds of a record, which is redacted, and whose fields stand where they stood.
    pub(super) fn note(&mut self, record: &Record<'_>, notes: &[Note]) {
        let service = record.get_str(fields::SERVICE).unwrap_or(NONE);
        for note in notes {
            let field = record.fields.get(note.field).map_or("", |(name, _)| name);
            self.add(service, field, note.detector);
        }
    }

    fn add(&mut self, service: &str, field: &str, detector: usize) {
        let is_it = |entry: &&mut Entry| {
            entry.detector == detector && entry.field == field && entry.service == service
        };
        if let Some(entry) = self.entries.iter_mut().find(is_it) {
            entry.count += 1;
            return;
        }
        let (service, field) = match self.entries.len() {
            0..BATCH_ENTRIES_MAX => (service, field),
            // As many again for pairs of service and detector, and then for detectors.
            BATCH_ENTRIES_MAX.. if field != OTHER => return self.add(service, OTHER, detector),
            len if len >= 2 * BATCH_ENTRIES_MAX && service != OTHER => {
                return self.add(OTHER, OTHER, detector);
            }
            _ => (service, field),
        };
        let (service, field) = (service.to_owned(), field.to_owned());
        self.entries.push(Entry { service, field, detector, count: 1 });
    }
}

/// How often a detector fired in a field of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRow {
    /// The service, `_none` where records name none, `_other` for those beyond the first hundred.
    pub service: String,
    /// The field, `_other` for those beyond the limit.
    pub field: String,
    /// The detector.
    pub detector: &'static str,
    /// Replaced values.
    pub count: u64,
}

/// The finds since the start. All redactors of a server share one.
#[derive(Debug, Default)]
pub struct Ledger {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    services: BTreeSet<String>,
    entries: BTreeMap<(String, String, &'static str), u64>,
    /// Services with a detector that has fired for them.
    known: BTreeSet<(String, &'static str)>,
}

impl Ledger {
    /// Returns a ledger without an entry. The counters of records without a service, and of the
    /// services that are not told apart, are at zero from the start.
    pub(super) fn of(detectors: &[&'static str]) -> Ledger {
        for (service, detector) in
            [NONE, OTHER].iter().flat_map(|service| detectors.iter().map(move |one| (service, one)))
        {
            counter!(REDACTION_NEW, "service" => *service, "detector" => *detector).absolute(0);
        }
        Ledger::default()
    }

    /// Returns the counts, in the order of services, fields and detectors.
    pub fn rows(&self) -> Vec<EvidenceRow> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |((service, field, detector), count): (&(String, String, &'static str), &u64)| {
            let (service, field) = (service.clone(), field.clone());
            EvidenceRow { service, field, detector, count: *count }
        };
        book.entries.iter().map(row).collect()
    }

    /// Takes over the finds of a batch; `name_of` names detectors by their position.
    pub(super) fn take(&self, batch: Evidence, name_of: impl Fn(usize) -> &'static str) {
        // Fast path: most batches of clean senders have no find.
        if batch.entries.is_empty() {
            return;
        }
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        for Entry { service, field, detector, count } in batch.entries {
            book.add(&service, &field, name_of(detector), count);
        }
    }
}

impl Book {
    fn add(&mut self, service: &str, field: &str, detector: &'static str, count: u64) {
        let service = shown(service, NAME_BYTES_MAX);
        let is_known = self.services.contains(&service);
        let service = match is_known || self.services.len() < SERVICES_MAX {
            true => service,
            false => OTHER.to_owned(),
        };
        if !is_known {
            self.services.insert(service.clone());
        }
        if self.known.insert((service.clone(), detector)) {
            tell(&service, field, detector);
        }
        let mut key = (service, shown(field, NAME_BYTES_MAX), detector);
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&key) {
            OTHER.clone_into(&mut key.1);
        }
        *self.entries.entry(key).or_default() += count;
    }
}

/// Says once since the start that a service leaks something that it did not leak before.
fn tell(service: &str, field: &str, detector: &'static str) {
    counter!(REDACTION_NEW, "service" => service.to_owned(), "detector" => detector).increment(1);
    let field = shown(field, NAME_BYTES_MAX);
    tracing::info!(service, field, detector, "first find of a detector in lines of a service");
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tierlog_model::{Level, RecordKind, Timestamp, Value};

    use super::*;

    fn record(service: &str, field: &str) -> Record<'static> {
        let text = |text: &str| Value::Str(Cow::Owned(text.to_owned()));
        Record {
            timestamp: Timestamp::default(),
            level: Level::Info,
            kind: RecordKind::Log,
            fields: vec![
                (Cow::Borrowed(fields::SERVICE), text(service)),
                (Cow::Owned(field.to_owned()), text("[EMAIL]")),
            ],
        }
    }

    fn name_of(detector: usize) -> &'static str {
        ["email", "card"].get(detector).copied().unwrap_or_default()
    }

    #[test]
    fn finds_are_counted_by_service_field_and_detector() {
        let ledger = Ledger::default();
        for _ in 0..2 {
            let mut batch = Evidence::default();
            let note = |detector| Note { detector, field: 1 };
            batch.note(&record("shop", "mail\u{1b}"), &[note(0), note(0), note(1)]);
            batch.note(&record("web", "mail"), &[note(0)]);
            ledger.take(batch, name_of);
        }
        let rows = ledger.rows();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.service.as_str(), row.field.as_str(), row.detector, row.count))
            .collect();
        let expected = [
            ("shop", "mail_", "card", 2),
            ("shop", "mail_", "email", 4),
            ("web", "mail", "email", 2),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn names_that_a_sender_makes_up_are_bounded_and_every_find_counts() {
        let ledger = Ledger::default();
        let mut expected = 0;
        for round in 0..40 {
            let mut batch = Evidence::default();
            for number in 0..BATCH_ENTRIES_MAX * 3 {
                let record = record(&format!("s{}", number % 300), &format!("f{round}-{number}"));
                batch.note(&record, &[Note { detector: number % 2, field: 1 }]);
                expected += 1;
            }
            assert!(batch.entries.len() <= 2 * BATCH_ENTRIES_MAX + 2, "{}", batch.entries.len());
            ledger.take(batch, name_of);
        }
        let rows = ledger.rows();
        assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), expected);
        assert!(rows.len() <= ENTRIES_MAX + 2 * (SERVICES_MAX + 1), "{}", rows.len());
        let services: BTreeSet<&str> = rows.iter().map(|row| row.service.as_str()).collect();
        assert!(services.len() <= SERVICES_MAX + 1 && services.contains(OTHER));
    }
}
