//! One record: every name and every value, in place.
//!
//! Arrives: a normalised record. Leaves: the same without personal data, with `_redacted` naming
//! the detectors that fired. Pseudonyms are not listed there: an id that is searchable as before
//! was not taken from anyone. A name in `_redacted` that the sender wrote is kept only when the
//! detector's placeholder stands in the record, so redaction is idempotent and no list is forged.

use std::borrow::Cow;

use tierlog_model::fields::{DETECTED, POLICY, REDACTED};
use tierlog_model::limits::FIELD_NAME_BYTES_MAX;
use tierlog_model::{Record, Value};

use super::claim::Claims;
use super::cut::cut;
use super::detector_set::DetectorSet;
use super::evidence::Evidence;
use super::key_pairs::{PairPart, last_of_path};
use super::name_facts::NameFacts;
use super::scope::Scope;
use super::tally::Tally;
use super::unique_names::UniqueNames;
use super::walk::Walk;

/// Times that a name is read again after it was cut. The second nearly always finds nothing; the
/// bound keeps hostile names linear.
const CUT_READINGS_MAX: usize = 4;

impl Walk<'_> {
    /// Redacts a record in place.
    pub(super) fn record(&mut self, record: &mut Record<'_>, evidence: &mut Evidence) {
        let claimed = take_lists(record);
        let parked = self.begin_scope(record);
        let dropped = self.fields(record);
        self.mark(record, &claimed, &dropped, evidence);
        if parked.is_some() {
            self.tally.scope = parked;
        }
    }

    /// Redacts each field of a record in place; returns the positions of those that rules drop.
    pub(super) fn fields(&mut self, record: &mut Record<'_>) -> Vec<usize> {
        let is_ruled = self.tally.scope.is_some();
        let mut dropped: Vec<usize> = Vec::new();
        let mut pairs: Vec<(String, Claims)> = Vec::new();
        let mut names: Option<UniqueNames> = None;
        self.names.next_record();
        for position in 0..record.fields.len() {
            let Some((name, _)) = record.fields.get(position) else { break };
            let mut facts = self.names.next_facts(name, self.engine);
            let mut written: Option<String> = None;
            self.tally.enter(position);
            if is_ruled {
                self.begin_field(name);
            }
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
            if is_ruled && self.is_field_dropped() {
                dropped.push(position);
            }
        }
        if !pairs.is_empty() {
            self.pair_values(record, &pairs);
        }
        dropped
    }

    /// Begins with the rules of a record. Returns the scope when nothing of it concerns the record,
    /// which is then read as if there were no rule.
    #[inline]
    fn begin_scope(&mut self, record: &Record<'_>) -> Option<Box<Scope>> {
        let scope = self.tally.scope.as_deref_mut()?;
        scope.begin_record(record);
        if scope.is_idle() { self.tally.scope.take() } else { None }
    }

    #[cold]
    fn begin_field(&mut self, name: &str) {
        if let Some(scope) = self.tally.scope.as_deref_mut() {
            scope.begin_field(name);
        }
    }

    #[cold]
    fn is_field_dropped(&mut self) -> bool {
        self.tally.scope.as_deref_mut().is_some_and(Scope::take_dropped_field)
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
        // Fast path: few names are parts of pairs.
        if facts.pair != PairPart::Name {
            return None;
        }
        let text = match value {
            Value::Str(text) => text,
            Value::Json(path) => last_of_path(path)?,
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => return None,
        };
        let claims = self.spelled(text);
        let object = PairPart::object_of(name);
        (!claims.asking().is_empty()).then(|| (object.to_owned(), claims))
    }

    fn pair_values(&mut self, record: &mut Record<'_>, pairs: &[(String, Claims)]) {
        for (name, value) in &mut record.fields {
            if PairPart::of(name) != PairPart::Value {
                continue;
            }
            let object = PairPart::object_of(name);
            let spelled = pairs.iter().find(|(pair, _)| pair == object);
            if let Some((_, claims)) = spelled {
                self.judge(value, *claims);
            }
        }
    }

    /// Takes out what a rule drops, and writes which detectors fired.
    fn mark(
        &mut self,
        record: &mut Record<'_>,
        claimed: &[String],
        dropped: &[usize],
        evidence: &mut Evidence,
    ) {
        if !self.tally.notes().is_empty() {
            evidence.note(record, self.tally.notes());
        }
        for position in dropped.iter().rev().copied() {
            record.fields.remove(position);
            self.names.remove(position);
        }
        let fired = self.tally.take_fired();
        let tagged = self.tally.scope.as_deref().map_or(DetectorSet::EMPTY, Scope::tagged);
        // Fast path: most records have no find, and their senders write no lists of their own.
        if fired.is_empty() && tagged.is_empty() && claimed.is_empty() {
            return;
        }
        let fired = self.engine.listed(fired, claimed, record);
        self.list(record, REDACTED, fired);
        self.list(record, DETECTED, tagged);
        if let Some(version) = self.engine.policy_version()
            && !(fired.is_empty() && tagged.is_empty())
        {
            let version = Value::Str(Cow::Owned(version.to_owned()));
            record.fields.push((Cow::Borrowed(POLICY), version));
        }
    }

    /// Writes a list of detectors.
    fn list(&self, record: &mut Record<'_>, field: &'static str, listed: DetectorSet) {
        if listed.is_empty() {
            return;
        }
        let mut names: Vec<&str> =
            listed.positions().map(|position| self.engine.name_of(position)).collect();
        names.sort_unstable();
        let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        record.fields.push((Cow::Borrowed(field), Value::Json(Cow::Owned(format!("[{list}]")))));
    }
}

/// Takes out what a sender wrote under the names of redaction's own fields; returns the names of
/// detectors that were listed as redacted. A list counts for detectors whose placeholder stands in
/// the record: a sender can repeat what redaction said of the record earlier, and cannot make up a
/// list. Tagged values are found again.
fn take_lists(record: &mut Record<'_>) -> Vec<String> {
    let is_own = |(name, _): &(Cow<'_, str>, _)| matches!(&**name, REDACTED | DETECTED | POLICY);
    let mut claimed = Vec::new();
    // Fast path: most senders write none.
    while let Some(position) = record.fields.iter().position(is_own) {
        let (name, value) = record.fields.remove(position);
        if let Value::Json(text) = value
            && name == REDACTED
        {
            claimed = serde_json::from_str(&text).unwrap_or_default();
        }
    }
    claimed
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
