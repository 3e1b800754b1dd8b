//! The batches that clients send to the machine, and the answers.
//!
//! Specifications arrive, redacted batches leave: made here, where there is nothing to redact.

use tierlog_model::{
    BatchId, BatchWriter, LinesBefore, ProducerId, ProducerLines, Redacted, RedactedBatch, Tenant,
};

use super::ledger::Spec;

/// A batch as a client sends it, perhaps again.
#[derive(Clone, Debug)]
pub(super) struct ClientBatch {
    pub(super) id: Option<String>,
    /// Of a producer that numbers its lines.
    pub(super) lines: Option<ProducerLines>,
    pub(super) specs: Vec<Spec>,
}

/// What a client is told of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was written.
    Written,
    /// It was there already.
    Known,
    /// Lines before it are missing.
    MissingLines,
    /// It was undone: there is no room.
    Refused,
    /// Nothing: the process ended.
    Silence,
}

impl Verdict {
    pub(super) fn is_ack(self) -> bool {
        matches!(self, Verdict::Written | Verdict::Known)
    }
}

impl ClientBatch {
    /// Returns lines of the one producer of a scenario, from a number on.
    pub(super) fn of_lines(first: u64, specs: Vec<Spec>) -> ClientBatch {
        let producer = ProducerId::of_client(Tenant::DEFAULT, "scenario");
        let before = LinesBefore::Durable;
        let lines = producer.map(|producer| ProducerLines { producer, first, before });
        ClientBatch { id: None, lines, specs }
    }

    /// Returns a batch without a key for retries.
    pub(super) fn unnamed(specs: Vec<Spec>) -> ClientBatch {
        ClientBatch { id: None, lines: None, specs }
    }

    /// Tells whether the other batch counts as a retry of this batch.
    pub(super) fn has_name_of(&self, other: &ClientBatch) -> bool {
        (self.tenant(), &self.id) == (other.tenant(), &other.id)
    }

    /// Returns the tenant of all records.
    pub(super) fn tenant(&self) -> Tenant {
        let tenant = self.specs.first().map_or(Tenant::DEFAULT, |spec| spec.tenant);
        debug_assert!(
            self.specs.iter().all(|spec| spec.tenant == tenant),
            "a batch has one tenant"
        );
        tenant
    }

    /// Returns the batch as redaction gives it to the store.
    pub(super) fn redacted(&self) -> RedactedBatch {
        let mut writer = BatchWriter::default();
        for spec in &self.specs {
            writer.push(&spec.record());
        }
        let tenant = self.tenant();
        let id = self.id.as_deref().and_then(|name| BatchId::of_client(tenant, name));
        let batch = RedactedBatch::from_redacted(writer, id, Redacted::vouch()).of_tenant(tenant);
        match &self.lines {
            Some(lines) => batch.with_lines(lines.clone()),
            None => batch,
        }
    }
}
