//! The real way of a line, without a socket and a store: the redactor of the default settings
//! behind the intake of every protocol. Lines arrive, what would be stored leaves.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tierlog_ingest::{Ingest, IngestConfig, RecordDefaults, RedactionSettings, Redactor};
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{Identities, PseudonymKey, Pseudonyms, SystemClock, fields, handoff};
use zeroize::Zeroizing;

/// Bytes of the hand-off, which nobody reads here.
const HANDOFF_BYTES: u64 = 32 << 20;

/// Lines of one batch: far below what fills one.
const BATCH_LINES: usize = 500;

/// Places of ids, as in the default configuration.
const PLACES: [&str; 8] = [
    "enduser.id={user_id}",
    "usr.id={user_id}",
    "user_ids={user_id}",
    "users.id={user_id}",
    "/users/{user_id}",
    "/user/{user_id}",
    "user id {user_id}",
    "user #{user_id}",
];

/// The field that names what was redacted.
const REDACTED: &str = "_redacted";

/// How a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As a JSON object.
    Json,
    /// As text of any format.
    Text,
}

/// What became of a line.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Every name and every text of the record, in order.
    pub leaves: Vec<String>,
    /// Detectors that fired.
    pub detectors: Vec<String>,
}

impl Stored {
    /// Returns everything that is stored, as one text.
    pub fn shown(&self) -> String {
        self.leaves.join("\n")
    }
}

/// The way from lines to what would be stored.
#[derive(Debug)]
pub struct Pipeline {
    ingest: Ingest,
    _receiver: tierlog_model::HandoffReceiver,
}

impl Pipeline {
    /// Returns the way with default settings and pseudonyms of a fixed key.
    pub fn new() -> Result<Pipeline> {
        let secret = Zeroizing::new(vec![7; 32]);
        let key = PseudonymKey::from_bytes(&secret).context("make a key")?;
        let identities =
            Identities::new(&[fields::USER_ID.to_owned()], &PLACES.map(str::to_owned))?;
        let pseudonyms = Pseudonyms::new(vec![key], identities);
        let redactor = Redactor::new(&RedactionSettings::default(), pseudonyms);
        let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, HANDOFF_BYTES));
        let bodies = MemoryPart::new(MemoryUse::Bodies, HANDOFF_BYTES);
        let clock = Arc::new(SystemClock);
        let ingest =
            Ingest::new(IngestConfig::default(), Arc::new(redactor), sender, bodies, clock);
        Ok(Pipeline { ingest, _receiver: receiver })
    }

    /// Takes records all the way and forgets them, for the clock; returns how many detectors' finds
    /// were replaced.
    pub fn pass(&self, lines: &[String]) -> u64 {
        let defaults = RecordDefaults::default();
        let batches = lines.chunks(BATCH_LINES).map(|lines| {
            let bytes = lines.iter().map(String::len).sum();
            let prepared = self.ingest.prepare(bytes, |intake| {
                for line in lines {
                    intake.json(line.as_bytes(), &defaults);
                }
            });
            prepared.verdicts.redacted_count
        });
        batches.sum()
    }

    /// Takes lines all the way; returns what became of each.
    pub fn store(&self, lines: &[String], reading: Reading) -> Result<Vec<Stored>> {
        let mut all = Vec::with_capacity(lines.len());
        for lines in lines.chunks(BATCH_LINES) {
            let defaults = RecordDefaults::default();
            let bytes = lines.iter().map(String::len).sum();
            let prepared = self.ingest.prepare(bytes, |intake| {
                for line in lines {
                    match reading {
                        Reading::Json => intake.json(line.as_bytes(), &defaults),
                        Reading::Text => intake.text(line.as_bytes(), &defaults),
                    };
                }
            });
            let before = all.len();
            for record in prepared.batch.records() {
                let record = record.context("a record of the batch")?;
                let record = record.decode().context("a record of the batch")?;
                all.push(stored(&serde_json::to_value(&record)?));
            }
            anyhow::ensure!(all.len() - before == lines.len(), "a line is not one record");
        }
        Ok(all)
    }
}

fn stored(record: &Value) -> Stored {
    let mut stored = Stored::default();
    if let Some(Value::Array(detectors)) = record.get(REDACTED) {
        let names = detectors.iter().filter_map(Value::as_str);
        stored.detectors = names.map(str::to_owned).collect();
    }
    if let Value::Object(members) = record {
        for (name, value) in members.iter().filter(|(name, _)| *name != REDACTED) {
            stored.leaves.push(name.clone());
            push_leaves(value, &mut stored.leaves);
        }
    }
    stored
}

/// Appends every name and text below a value.
pub(crate) fn push_leaves(value: &Value, leaves: &mut Vec<String>) {
    match value {
        Value::String(text) => leaves.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| push_leaves(item, leaves)),
        Value::Object(members) => {
            for (name, value) in members {
                leaves.push(name.clone());
                push_leaves(value, leaves);
            }
        }
        Value::Null => {}
        other => leaves.push(other.to_string()),
    }
}
