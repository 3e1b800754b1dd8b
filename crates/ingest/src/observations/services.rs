//! Services that write lines: when the newest line of each arrived, and what was rejected of it.
//!
//! Notes of each batch arrive, metrics leave when the batch is durable. A service is what its
//! records say, so its name is cut and redacted before it becomes a label, and only the first
//! [`SERVICES_MAX`] since the start have a label of their own.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, counter, gauge};
use tierlog_model::{RejectReason, Timestamp, Value, fields, metric_names};

use crate::redact::Redactor;
use crate::shown::shown;

/// Services with a label of their own. A company has some dozens; a sender that makes names up must
/// not fill the memory of whoever scrapes.
const SERVICES_MAX: usize = 100;

/// Longest name that is told apart.
const NAME_BYTES_MAX: usize = 64;

/// Label of lines that name no service, nor does their sender.
const NONE: &str = "_none";

/// Label of the services that came after the first [`SERVICES_MAX`].
const OTHER: &str = "_other";

/// Rejected lines, by [`RejectReason::ALL`].
type Rejected = [u64; RejectReason::ALL.len()];

/// What one batch has of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Empty where none is named.
    name: String,
    rejected: Rejected,
}

/// The services of one batch.
#[derive(Clone, Debug)]
pub(crate) struct BatchServices {
    services: Arc<Services>,
    arrival: Timestamp,
    seen: Vec<Seen>,
    /// The service of the line before: most come in runs.
    latest: usize,
    /// Where the field of the record before stood: most records of a sender are alike.
    position: usize,
}

impl PartialEq for BatchServices {
    /// Compares what was noted.
    fn eq(&self, other: &BatchServices) -> bool {
        self.seen == other.seen
    }
}

impl Eq for BatchServices {}

impl BatchServices {
    /// Returns the notes of a batch without a line.
    pub(crate) fn new(services: &Arc<Services>, arrival: Timestamp) -> BatchServices {
        let services = Arc::clone(services);
        BatchServices { services, arrival, seen: Vec::new(), latest: 0, position: 0 }
    }

    /// Notes a record.
    #[inline]
    pub(crate) fn note(&mut self, record_fields: &[(Cow<'_, str>, Value<'_>)]) {
        let is_service = |(name, _): &(Cow<'_, str>, _)| name == fields::SERVICE;
        if !record_fields.get(self.position).is_some_and(is_service) {
            // A position that no record has means that the record names no service.
            let found = record_fields.iter().position(is_service);
            self.position = found.unwrap_or(usize::MAX);
        }
        let name = match record_fields.get(self.position) {
            Some((_, Value::Str(name))) => name,
            _ => "",
        };
        self.seen(name);
    }

    /// Notes a rejected line.
    pub(crate) fn note_rejected(&mut self, service: Option<&str>, reason: RejectReason) {
        let seen = self.seen(service.unwrap_or_default());
        if let Some(count) = seen.and_then(|seen| seen.rejected.get_mut(reason as usize)) {
            *count += 1;
        }
    }

    /// Returns the notes on a service; those on one too many are the last's.
    fn seen(&mut self, name: &str) -> Option<&mut Seen> {
        let name = name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
        if self.seen.get(self.latest).is_none_or(|seen| seen.name != name) {
            let known = self.seen.iter().position(|seen| seen.name == name);
            self.latest = known.unwrap_or_else(|| self.add(name));
        }
        self.seen.get_mut(self.latest)
    }

    #[cold]
    fn add(&mut self, name: &str) -> usize {
        if self.seen.len() <= SERVICES_MAX {
            self.seen.push(Seen { name: name.to_owned(), rejected: Rejected::default() });
        } else if let Some(last) = self.seen.last_mut() {
            // Of more services than have a label, the last's is that of all others.
            OTHER.clone_into(&mut last.name);
        }
        self.seen.len() - 1
    }

    /// Adds the notes to the metrics: the batch is durable. Lines that an earlier batch had brought
    /// are no rejections again.
    pub(crate) fn count(&self, is_repeat: bool) {
        let mut known = self.services.known.lock().unwrap_or_else(PoisonError::into_inner);
        for seen in &self.seen {
            let service = known.find_or_add(&seen.name);
            service.arrived(self.arrival);
            if !is_repeat {
                service.rejected(&seen.rejected);
            }
        }
    }
}

/// The services since the start.
#[derive(Debug)]
pub(crate) struct Services {
    known: Mutex<Known>,
}

impl Services {
    /// Returns a registry without a service.
    pub(crate) fn new(redactor: Arc<Redactor>) -> Services {
        let (none, other) =
            (Service::new(String::new(), NONE), Service::new(OTHER.to_owned(), OTHER));
        Services { known: Mutex::new(Known { none, named: Vec::new(), other, redactor }) }
    }

    /// Redacts the names of further services as other settings say.
    pub(super) fn redact_with(&self, redactor: &Arc<Redactor>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.redactor = Arc::clone(redactor);
    }
}

/// See [`Services`].
#[derive(Debug)]
struct Known {
    none: Service,
    named: Vec<Service>,
    other: Service,
    redactor: Arc<Redactor>,
}

impl Known {
    fn find_or_add(&mut self, name: &str) -> &mut Service {
        if name.is_empty() {
            return &mut self.none;
        }
        let position = match self.named.iter().position(|service| service.name == name) {
            Some(position) => position,
            None if self.named.len() < SERVICES_MAX && name != OTHER => {
                let label = self.redactor.redact_text(&shown(name, NAME_BYTES_MAX));
                self.named.push(Service::new(name.to_owned(), &label));
                self.named.len() - 1
            }
            None => return &mut self.other,
        };
        self.named.get_mut(position).unwrap_or(&mut self.other)
    }
}

/// One service and the metrics of the service.
struct Service {
    /// As records name it.
    name: String,
    label: String,
    newest: Option<(Timestamp, Gauge)>,
    rejected: [Counter; RejectReason::ALL.len()],
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Service {
    /// Returns a service whose every counter is at zero.
    fn new(name: String, label: &str) -> Service {
        let rejected = RejectReason::ALL.map(|reason| {
            let (service, reason) = (label.to_owned(), reason.as_str());
            let rejected =
                counter!(metric_names::SERVICE_REJECTED, "service" => service, "reason" => reason);
            rejected.absolute(0);
            rejected
        });
        Service { name, label: label.to_owned(), newest: None, rejected }
    }

    /// Notes that a line arrived. Batches become durable in nearly the order of their arrival.
    fn arrived(&mut self, arrival: Timestamp) {
        let (newest, last_line) = self.newest.get_or_insert_with(|| {
            let last_line =
                gauge!(metric_names::SERVICE_LAST_LINE, "service" => self.label.clone());
            (arrival, last_line)
        });
        *newest = arrival.max(*newest);
        last_line.set(newest.as_micros() as f64 / 1e6);
    }

    fn rejected(&self, rejected: &Rejected) {
        for (counter, count) in self.rejected.iter().zip(rejected).filter(|(_, count)| **count > 0)
        {
            counter.increment(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::Pseudonyms;

    use super::*;
    use crate::redact::RedactionSettings;

    fn services() -> Arc<Services> {
        let redactor = Redactor::new(&RedactionSettings::default(), Pseudonyms::off());
        Arc::new(Services::new(Arc::new(redactor)))
    }

    fn record(
        members: &[(&'static str, &'static str)],
    ) -> Vec<(Cow<'static, str>, Value<'static>)> {
        let field = |(name, value): &(&'static str, &'static str)| {
            (Cow::Borrowed(*name), Value::Str(Cow::Borrowed(*value)))
        };
        members.iter().map(field).collect()
    }

    fn labels(services: &Services) -> Vec<String> {
        let known = services.known.lock().unwrap();
        known.named.iter().map(|service| service.label.clone()).collect()
    }

    #[test]
    fn services_are_found_wherever_their_field_stands() {
        let mut batch = BatchServices::new(&services(), Timestamp::from_micros_clamped(0));
        for members in [
            [("service", "api"), ("a", "x")].as_slice(),
            &[("service", "api")],
            &[("a", "x"), ("service", "web")],
            &[("a", "x")],
            &[("a", "x"), ("service", "api")],
            &[],
        ] {
            batch.note(&record(members));
        }
        batch.note(&[(Cow::Borrowed("service"), Value::I64(7))]);
        batch.note_rejected(None, RejectReason::InvalidJson);
        batch.note_rejected(Some("web"), RejectReason::TooDeep);
        let seen: Vec<(&str, u64)> = batch
            .seen
            .iter()
            .map(|seen| (seen.name.as_str(), seen.rejected.iter().sum()))
            .collect();
        assert_eq!(seen, [("api", 0), ("web", 1), ("", 1)]);
    }

    #[test]
    fn names_are_bounded_cut_redacted_and_shown_without_controls() {
        let services = services();
        let mut batch = BatchServices::new(&services, Timestamp::from_micros_clamped(0));
        let long = "é".repeat(NAME_BYTES_MAX);
        for name in ["a\u{1b}[31mb\n", "ada@example.com", OTHER, NONE, &long] {
            batch.note_rejected(Some(name), RejectReason::InvalidJson);
        }
        batch.count(false);
        let cut = "é".repeat(NAME_BYTES_MAX / 2);
        assert_eq!(labels(&services), ["a_[31mb_", "[EMAIL]", NONE, &cut]);
        for round in 0..3 {
            let mut batch = BatchServices::new(&services, Timestamp::from_micros_clamped(0));
            for number in 0..3 * SERVICES_MAX {
                batch.note_rejected(Some(&format!("s{round}-{number}")), RejectReason::TooDeep);
            }
            assert_eq!(batch.seen.len(), SERVICES_MAX + 1);
            let rejected: u64 = batch.seen.iter().flat_map(|seen| seen.rejected).sum();
            assert_eq!(rejected, 3 * SERVICES_MAX as u64, "none is forgotten");
            batch.count(false);
        }
        assert_eq!(labels(&services).len(), SERVICES_MAX);
    }

    #[test]
    fn the_newest_line_is_the_newest_whatever_settles_first() {
        let services = services();
        for micros in [5, 9, 7] {
            let mut batch = BatchServices::new(&services, Timestamp::from_micros_clamped(micros));
            batch.note(&record(&[("service", "api")]));
            batch.count(true);
        }
        let known = services.known.lock().unwrap();
        let (newest, _) = known.named[0].newest.as_ref().expect("a line came");
        assert_eq!(newest.as_micros(), 9);
    }
}
