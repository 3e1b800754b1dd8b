//! One record: every name and every value, in place.
//!
//! Arrives: a normalised record. Leaves: the same without personal data, with `_redacted` naming
//! the detectors that fired. Pseudonyms are not listed there: an id that is searchable as before
//! was not taken from anyone. `_pseudonyms` has those that stand outside of the field of their
//! identity, because only fields are searched by id.
//!
//! A name in `_redacted` that the sender wrote is kept only when the detector's placeholder stands
//! in the record, and a text in `_pseudonyms` only when a known key made the token: so redaction is
//! idempotent and no list is forged.

use std::borrow::Cow;

use tierlog_model::fields::{DETECTED, POLICY, PSEUDONYMS, REDACTED};
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

/// The name in a flattened pair.
struct PairName {
    /// The object of both fields, as [`PairPart::object_of`] names it.
    object: String,
    claims: Claims,
    /// The identity whose id the name spells.
    covered: Option<u16>,
}

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
        let mut pairs: Vec<PairName> = Vec::new();
        let mut names: Option<UniqueNames> = None;
        self.names.next_record();
        for position in 0..record.fields.len() {
            let Some((name, _)) = record.fields.get(position) else { break };
            let mut facts = self.names.next_facts(name, self.engine);
            let mut written: Option<String> = None;
            self.tally.enter(position);
            let noted = self.noted_before();
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
                self.tally.tokens.note_only(noted);
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

    /// Returns the tokens that were noted until now, where a rule may drop what comes next: a token
    /// that stands in a dropped field alone stands nowhere.
    #[inline]
    pub(super) fn noted_before(&self) -> Vec<Box<str>> {
        // Fast path: nearly every policy has no rule.
        if self.tally.scope.is_some() { self.tally.tokens.noted() } else { Vec::new() }
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

    /// Returns what the name in a flattened pair says.
    #[inline]
    fn pair(&self, name: &str, value: &Value<'_>, facts: NameFacts) -> Option<PairName> {
        // Fast path: few names are parts of pairs.
        if facts.pair != PairPart::Name {
            return None;
        }
        let text = match value {
            Value::Str(text) => text,
            Value::Json(path) => last_of_path(path)?,
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => return None,
        };
        let (claims, covered) = (self.spelled(text), self.engine.policy().covered(text));
        let says_something = !claims.asking().is_empty() || covered.is_some();
        let object = PairPart::object_of(name).to_owned();
        says_something.then_some(PairName { object, claims, covered })
    }

    fn pair_values(&mut self, record: &mut Record<'_>, pairs: &[PairName]) {
        for (name, value) in &mut record.fields {
            if PairPart::of(name) != PairPart::Value {
                continue;
            }
            let object = PairPart::object_of(name);
            let spelled = pairs.iter().find(|pair| pair.object == object);
            match spelled.map(|pair| (pair.covered, pair.claims)) {
                Some((Some(identity), _)) => self.pseudonymise(identity, [name, name], value),
                Some((None, claims)) => {
                    self.judge(value, claims);
                }
                None => {}
            }
        }
    }

    /// Takes out what a rule drops, and writes which detectors fired.
    fn mark(
        &mut self,
        record: &mut Record<'_>,
        claimed: &Claimed,
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
        if !claimed.tokens.is_empty() || !self.tally.tokens.has_noted_none() {
            self.mark_tokens(record, &claimed.tokens);
        }
        // Fast path: most records have no find, and their senders write no lists of their own.
        if fired.is_empty() && tagged.is_empty() && claimed.detectors.is_empty() {
            return;
        }
        let fired = self.engine.listed(fired, &claimed.detectors, record);
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
        record.fields.push((Cow::Borrowed(field), list_of(names.into_iter())));
    }

    /// Writes the tokens outside of the fields of their identities, those among them that the
    /// sender's list has and a known key made.
    fn mark_tokens(&mut self, record: &mut Record<'_>, claimed: &[String]) {
        let pseudonyms = self.engine.policy().pseudonyms();
        let own = claimed.iter().filter_map(|claim| pseudonyms.own_token(claim));
        own.for_each(|token| self.tally.tokens.note(&token));
        let mut tokens = self.tally.tokens.take_noted();
        // What a search for the identity's field finds anyway needs no list.
        for field in pseudonyms.identities().fields() {
            if let Some(token) = record.get_str(field) {
                tokens.remove(token);
            }
        }
        let value = match tokens.len() {
            0 => return,
            1 => Value::Str(Cow::Owned(tokens.into_iter().map(String::from).collect())),
            _ => list_of(tokens.iter().map(|token| &**token)),
        };
        record.fields.push((Cow::Borrowed(PSEUDONYMS), value));
    }
}

/// Returns a list of names or tokens, of which none needs an escape.
fn list_of<'t>(texts: impl Iterator<Item = &'t str>) -> Value<'static> {
    let list = texts.map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(",");
    Value::Json(Cow::Owned(format!("[{list}]")))
}

/// The lists that a sender wrote.
#[derive(Default)]
struct Claimed {
    /// Names of detectors.
    detectors: Vec<String>,
    /// Tokens.
    tokens: Vec<String>,
}

/// Takes out what a sender wrote under the names of redaction's own fields; returns the names of
/// detectors that were listed as redacted, and the tokens. A list counts for detectors whose
/// placeholder stands in the record: a sender can repeat what redaction said of the record earlier,
/// and cannot make up a list. Tagged values are found again.
fn take_lists(record: &mut Record<'_>) -> Claimed {
    let is_own = |(name, _): &(Cow<'_, str>, _)| {
        name.starts_with('_') && matches!(&**name, REDACTED | DETECTED | POLICY | PSEUDONYMS)
    };
    let mut claimed = Claimed::default();
    // Fast path: most senders write none.
    while let Some(position) = record.fields.iter().position(is_own) {
        let (name, value) = record.fields.remove(position);
        let texts = match value {
            Value::Json(text) => serde_json::from_str(&text).unwrap_or_default(),
            Value::Str(text) if name == PSEUDONYMS => vec![text.into_owned()],
            Value::Str(_) | Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
                Vec::new()
            }
        };
        match &*name {
            REDACTED => claimed.detectors = texts,
            PSEUDONYMS => claimed.tokens = texts,
            _ => {}
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
