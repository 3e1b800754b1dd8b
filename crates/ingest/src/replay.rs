//! Dead letters once more, after what was wrong has been mended: a limit, a retention, a decoder.
//!
//! Kept lines arrive, redacted as they are; a batch of those that are records now leaves, with a
//! verdict on each line. A line that is rejected again makes no second dead letter. What
//! redaction replaced stays replaced, and redaction runs once more over the result.

use tierlog_model::{Ack, BatchId, RedactedBatch, Refusal, RejectReason, Tenant, Timestamp};

use crate::field_names::FieldNames;
use crate::normalise::{Context, LineKind, LineReader, RecordDefaults, Spelling};
use crate::pipeline::Ingest;

/// A rejected line in the form of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLine {
    /// Arrival of the line: the moment of a record without a timestamp.
    pub arrival: Timestamp,
    /// The line, redacted.
    pub text: String,
    /// Service of the request that brought it.
    pub service: Option<String>,
    /// Source of the request that brought it.
    pub source: Option<String>,
}

/// Kept lines that were read once more.
#[derive(Debug)]
pub struct ReplayedBatch {
    /// The lines that are records now, in order.
    pub batch: RedactedBatch,
    /// Of every line in order: nothing when it is in the batch, else why not.
    pub rejected: Vec<Option<RejectReason>>,
}

impl Ingest {
    /// Reads kept lines once more, under the limits and at the moment of now.
    ///
    /// A line whose record a rule of the redaction policy drops is not in the batch, and has no
    /// reason to be kept.
    pub fn prepare_again(
        &self,
        lines: &[KeptLine],
        tenant: Tenant,
        id: Option<BatchId>,
    ) -> ReplayedBatch {
        let mut reader = LineReader::new(self.config());
        let bytes = lines.iter().map(|line| line.text.len()).sum();
        let FieldNames { redaction, mut meanings } = self.names().take();
        let mut writer = self.redacting_writer(bytes, redaction);
        writer.of_tenant(tenant);
        let present = self.present();
        let mut rejected = Vec::with_capacity(lines.len());
        for line in lines {
            let defaults = RecordDefaults {
                service: line.service.clone(),
                source: line.source.clone(),
                ..RecordDefaults::default()
            };
            let context = Context {
                config: self.config(),
                defaults: &defaults,
                arrival: line.arrival,
                present,
            };
            let spelling = Spelling::new(writer.interner(), &mut meanings);
            let text = line.text.trim_ascii().as_bytes();
            match reader.read(text, LineKind::Json, context, spelling) {
                Ok(record) => {
                    let (_, memory) = writer.push(record);
                    reader.recycle(memory);
                    rejected.push(None);
                }
                Err(reject) => rejected.push(Some(reject.reason)),
            }
        }
        let (batch, redaction) = writer.finish_with_names(id);
        self.names().give_back(FieldNames { redaction, meanings });
        ReplayedBatch { batch, rejected }
    }

    /// Hands a batch to the store, waiting for room, and waits until it is durable.
    pub async fn submit(&self, batch: RedactedBatch) -> Ack {
        let sent = self.handoff().send(batch).await;
        let verdict = sent.map_err(|_| Refusal::ShuttingDown)?;
        verdict.await.map_err(|_| Refusal::ShuttingDown)?
    }
}

#[cfg(test)]
mod tests {
    use tierlog_model::RecordKind;

    use super::*;
    use crate::normalise::IngestConfig;
    use crate::testing::{arrival, ingest_of, records_of};

    fn line(text: &str) -> KeptLine {
        let arrival = arrival().saturating_add_micros(-3_600_000_000);
        KeptLine { arrival, text: text.to_owned(), service: Some("shop".to_owned()), source: None }
    }

    #[test]
    fn what_is_a_record_now_is_in_the_batch_and_the_rest_has_its_reason() {
        let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
        let lines = [
            line("{\"msg\":\"of an hour ago\",\"mail\":\"a@example.org\"}"),
            line("{\"broken\":"),
            line("{\"msg\":\"old\",\"ts\":\"2001-01-01T00:00:00Z\"}"),
            line("{\"msg\":\"own moment\",\"ts\":\"2026-11-20T10:00:00Z\",\"service\":\"web\"}"),
        ];
        let id = BatchId::of_client(Tenant::DEFAULT, "replay-1");
        let replayed = ingest.prepare_again(&lines, Tenant::DEFAULT, id);
        let again = Some(RejectReason::InvalidJson);
        assert_eq!(replayed.rejected, [None, again, Some(RejectReason::PastRetention), None]);
        assert_eq!(replayed.batch.id(), id.as_ref());
        let records = records_of(&replayed.batch);
        assert!(records.iter().all(|record| record.kind == RecordKind::Log), "no second letter");
        let texts = |name| records.iter().map(|record| record.get_str(name)).collect::<Vec<_>>();
        assert_eq!(texts("message"), [Some("of an hour ago"), Some("own moment")]);
        assert_eq!(texts("service"), [Some("shop"), Some("web")]);
        let moments: Vec<Timestamp> = records.iter().map(|record| record.timestamp).collect();
        assert_eq!(moments.first(), Some(&line("").arrival), "it says no moment of its own");
        let text = format!("{:?}", records.first().and_then(|record| record.get("mail")));
        assert!(!text.contains("example.org"), "{text}");
    }

    #[test]
    fn a_line_without_a_moment_is_judged_by_its_arrival_and_now() {
        let (ingest, _receiver) = ingest_of(IngestConfig::default(), 1 << 20);
        let days = |days: i64| arrival().saturating_add_micros(days * 86_400_000_000);
        let debug = |arrival| KeptLine { arrival, ..line("{\"level\":\"debug\",\"msg\":\"x\"}") };
        // Debug lines are kept for seven days.
        let replayed =
            ingest.prepare_again(&[debug(days(-20)), debug(days(-2))], Tenant::DEFAULT, None);
        assert_eq!(replayed.rejected, [Some(RejectReason::PastRetention), None]);
        // Two days ahead of its arrival, not ahead any more.
        let ahead = KeptLine {
            arrival: days(-3),
            ..line("{\"ts\":\"2026-11-19T12:00:00Z\",\"msg\":\"x\"}")
        };
        assert_eq!(ingest.prepare_again(&[ahead], Tenant::DEFAULT, None).rejected, [None]);
    }
}
