//! One record: every name and every value, in place.
//!
//! Arrives: a normalised record. Leaves: the same without personal data, with `_redacted` naming
//! the detectors that fired. Pseudonyms are not listed there: an id that is searchable as before
//! was not taken from anyone. A name in `_redacted` that the sender wrote is kept only when a
//! detector is called so, which makes redaction idempotent.

use std::borrow::Cow;

use tierlog_model::fields::REDACTED;
use tierlog_model::limits::FIELD_NAME_BYTES_MAX;
use tierlog_model::{Record, Value};

use super::claim::Claims;
use super::cut::cut;
use super::engine::Tally;
use super::key_pairs::PairPart;
use super::name_facts::NameFacts;
use super::unique_names::UniqueNames;
use super::walk::Walk;

/// Times that a name is read again after it was cut. The second nearly always finds nothing; the
/// bound keeps hostile names linear.
const CUT_READINGS_MAX: usize = 4;

impl Walk<'_> {
    /// Redacts a record in place.
    pub(super) fn record(&mut self, record: &mut Record<'_>) {
        let mut pairs: Vec<(String, Claims)> = Vec::new();
        let mut names: Option<UniqueNames> = None;
        self.names.next_record();
        for position in 0..record.fields.len() {
            let Some((name, _)) = record.fields.get(position) else { break };
            let mut facts = self.names.next_facts(name, self.engine);
            let mut written: Option<String> = None;
            if facts.is_suspect
                && let Some(redacted) = self.engine.redact_name(name, self.tally)
            {
                written = Some(name.to_string());
                self.names.rename(position);
                let kept = rename(record, position, &self.fitting(&redacted), &mut names);
                // What the name says counts in both forms, or a second run would see more.
                facts = facts.stricter(NameFacts::of(&kept, self.engine));
            }
            let Some((name, value)) = record.fields.get_mut(position) else { break };
            pairs.extend(self.pair(name, value, facts));
            let written = written.as_deref().unwrap_or(name);
            self.field([written, name], value, facts);
        }
        if !pairs.is_empty() {
            self.pair_values(record, &pairs);
        }
        self.mark(record);
    }

    /// Returns a redacted name that fits into the limit. A name that was cut reads otherwise: what
    /// stood apart from a secret may seem to be a part of it, so the rest is read again.
    fn fitting(&self, redacted: &str) -> String {
        let mut name = shortened(redacted).to_owned();
        if name.len() == redacted.len() {
            return name;
        }
        for _ in 0..CUT_READINGS_MAX {
            let again = self.engine.redact_name(&name, &mut Tally::default());
            let Some(again) = again else { break };
            name = shortened(&again).to_owned();
        }
        name
    }

    /// Returns the prefix of a flattened pair, and the claims of the name in the pair.
    #[inline]
    fn pair(&self, name: &str, value: &Value<'_>, facts: NameFacts) -> Option<(String, Claims)> {
        let (PairPart::Name, Value::Str(text)) = (facts.pair, value) else { return None };
        let claims = self.spelled(text);
        let (prefix, _) = name.rsplit_once('.').filter(|_| !claims.asking().is_empty())?;
        Some((prefix.to_owned(), claims))
    }

    fn pair_values(&mut self, record: &mut Record<'_>, pairs: &[(String, Claims)]) {
        for (name, value) in &mut record.fields {
            if PairPart::of(name) != PairPart::Value {
                continue;
            }
            let prefix = name.rsplit_once('.').map(|(prefix, _)| prefix);
            let spelled = pairs.iter().find(|(pair, _)| Some(pair.as_str()) == prefix);
            if let Some((_, claims)) = spelled {
                self.judge(value, *claims);
            }
        }
    }

    /// Writes which detectors fired. Detectors in the sender's list stay in the list.
    fn mark(&mut self, record: &mut Record<'_>) {
        let fired = self.tally.take_fired();
        let earlier = record.fields.iter().position(|(name, _)| name == REDACTED);
        if fired.is_empty() && earlier.is_none() {
            return;
        }
        let mut claimed: Vec<String> = Vec::new();
        if let Some(position) = earlier {
            let (_, value) = record.fields.remove(position);
            self.names.remove(position);
            if let Value::Json(text) = value {
                claimed = serde_json::from_str(&text).unwrap_or_default();
            }
        }
        let detectors = self.engine.detectors().iter().map(|detector| detector.name()).enumerate();
        let is_listed = |(position, name): &(usize, &str)| {
            fired.contains(*position) || claimed.iter().any(|claim| claim == name)
        };
        let mut names: Vec<&str> = detectors.filter(is_listed).map(|(_, name)| name).collect();
        if names.is_empty() {
            return;
        }
        names.sort_unstable();
        let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        let value = Value::Json(Cow::Owned(format!("[{list}]")));
        record.fields.push((Cow::Borrowed(REDACTED), value));
    }
}

/// Gives a field a redacted name, numbered when another field has the name, and returns the result.
fn rename(
    record: &mut Record<'_>,
    position: usize,
    redacted: &str,
    names: &mut Option<UniqueNames>,
) -> String {
    let names = names.get_or_insert_with(|| {
        UniqueNames::of(record.fields.iter().map(|(name, _)| name.as_ref()))
    });
    let free = names.take(redacted.to_owned());
    if let Some((name, _)) = record.fields.get_mut(position) {
        *name = Cow::Owned(free.clone());
    }
    free
}

/// Returns a name cut to the limit, and never inside a placeholder or a token.
fn shortened(name: &str) -> &str {
    let kept = cut(name, FIELD_NAME_BYTES_MAX - SUFFIX_BYTES);
    let is_cut = kept.len() < name.len();
    let open = kept.rfind('[').filter(|open| is_cut && kept.rfind(']') < Some(*open));
    open.and_then(|open| kept.get(..open)).unwrap_or(kept)
}

/// Room for the number of a name that was there before: a record has at most 1,000 fields.
const SUFFIX_BYTES: usize = 8;
