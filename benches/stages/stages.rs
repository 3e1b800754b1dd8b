//! Stages of a line's way, each alone in this process.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use tierlog_ingest::{Ingest, IngestConfig, RedactionSettings, Redactor};
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{
    Identities, PseudonymKey, Pseudonyms, RedactedBatch, SystemClock, fields, handoff,
};
use tierlog_store::{Store, StoreSettings};
use zeroize::Zeroizing;

use crate::corpus::Corpus;
use crate::measure::{Cost, measure, measure_average};

/// Bytes that wait for the store: the default of the daemon.
const HANDOFF_BYTES: u64 = 32 << 20;

/// Whether personal data is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redaction {
    Off,
    On,
}

/// Prepared lines with the cost of their preparation.
pub(crate) struct Prepared {
    pub(crate) batches: Vec<RedactedBatch>,
    pub(crate) cost: Cost,
}

/// Takes every line from bytes to batches.
pub(crate) fn prepare(corpus: &Corpus, redaction: Redaction) -> Result<Prepared> {
    let redactor = match redaction {
        Redaction::Off => Redactor::new(&RedactionSettings::off(), Pseudonyms::off()),
        Redaction::On => Redactor::new(&RedactionSettings::default(), pseudonyms()?),
    };
    let (sender, _receiver) = handoff(MemoryPart::new(MemoryUse::Batches, HANDOFF_BYTES));
    let config = IngestConfig::default();
    let bodies = MemoryPart::new(MemoryUse::Bodies, HANDOFF_BYTES);
    let ingest = Ingest::new(config, Arc::new(redactor), sender, bodies, Arc::new(SystemClock));
    let (batches, cost) = measure_average(|| {
        let batches: Vec<RedactedBatch> =
            corpus.chunks().map(|chunk| ingest.prepare_lines(chunk).batch).collect();
        Ok(batches)
    })?;
    let records: u64 = batches.iter().map(|batch| u64::from(batch.record_count())).sum();
    anyhow::ensure!(records == corpus.lines, "{records} of {} lines were read", corpus.lines);
    Ok(Prepared { batches, cost })
}

fn pseudonyms() -> Result<Pseudonyms> {
    let secret = Zeroizing::new(vec![7; 32]);
    let key = PseudonymKey::from_bytes(&secret).context("make a key")?;
    let places = ["/users/{user_id}", "user #{user_id}"].map(str::to_owned);
    let identities = Identities::new(&[fields::USER_ID.to_owned()], &places)?;
    Ok(Pseudonyms::new(vec![key], identities))
}

/// Takes batches to a store of the standard settings until every record is searchable.
pub(crate) fn index(batches: Vec<RedactedBatch>) -> Result<Cost> {
    let directory = tempfile::tempdir().context("make a directory")?;
    let settings = StoreSettings::standard(directory.path().join("data"));
    let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, HANDOFF_BYTES));
    let store = Store::open(settings, Arc::new(SystemClock), receiver)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let ((), cost) = measure(|| {
        runtime.block_on(async {
            let mut verdicts = Vec::with_capacity(batches.len());
            for batch in batches {
                verdicts.push(sender.send(batch).await?);
            }
            for verdict in verdicts {
                verdict.await??;
            }
            anyhow::Ok(())
        })?;
        Ok(store.flush()?)
    })?;
    drop(sender);
    store.close();
    Ok(cost)
}
