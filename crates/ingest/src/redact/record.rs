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

use super::batch_names::BatchNames;
use super::clean_texts::CleanTexts;
use super::cut::cut;
use super::detector::{
    CARD_PLACEHOLDER, Card, PHONE_PLACEHOLDER, Phone, SECRET_PLACEHOLDER, SecretKey,
    is_card_number, is_phone_number,
};
use super::engine::{Engine, Tally};
use super::json;
use super::keys::KeyVerdict;
use super::names::{NameFacts, NameMap, PairPart, UniqueNames, facts};
use super::registry::{DETECTORS, is_placeholder};
use super::tokens::TokenCache;

/// Times that a name is read again after it was cut. The second nearly always finds nothing; the
/// bound keeps hostile names linear.
const CUT_READINGS_MAX: usize = 4;

/// What a walk over records needs.
pub(super) struct RecordWalk<'w> {
    /// The detectors.
    pub(super) engine: &'w Engine,
    /// Names that were read before this batch.
    pub(super) known: &'w NameMap,
    /// Names that this batch has read.
    pub(super) learnt: &'w mut NameMap,
    /// Names of this batch in their order.
    pub(super) names: &'w mut BatchNames,
    /// Short texts of this batch that need no reading.
    pub(super) clean: &'w mut CleanTexts,
    /// Tokens that this batch has made.
    pub(super) tokens: &'w mut TokenCache,
    /// What fired.
    pub(super) tally: &'w mut Tally,
}

impl RecordWalk<'_> {
    /// Redacts a record in place.
    pub(super) fn redact(&mut self, record: &mut Record<'_>) {
        let mut pairs: Vec<String> = Vec::new();
        let mut names: Option<UniqueNames> = None;
        self.names.next_record();
        for position in 0..record.fields.len() {
            let Some((name, _)) = record.fields.get(position) else { break };
            let (known, learnt, engine) = (self.known, &mut *self.learnt, self.engine);
            let mut facts = self.names.facts(name, || facts(name, known, learnt, engine));
            let mut written: Option<String> = None;
            if facts.is_suspect
                && let Some(redacted) = self.engine.redact_name(name, self.tally)
            {
                written = Some(name.to_string());
                let kept = rename(record, position, &self.fitting(&redacted), &mut names);
                // What the name says counts in both forms, or a second run would see more.
                facts = facts.stricter(NameFacts::of(&kept, self.engine));
            }
            let Some((name, value)) = record.fields.get_mut(position) else { break };
            if let Some(prefix) = self.secret_pair(name, value, facts) {
                pairs.push(prefix);
            }
            let written = written.as_deref().unwrap_or(name);
            self.value([written, name], value, facts);
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

    /// Redacts a value; the name is given as it was written and as it is kept.
    fn value(&mut self, names: [&str; 2], value: &mut Value<'_>, facts: NameFacts) {
        if let Some(position) = facts.covered {
            return self.pseudonymise(position, value);
        }
        if facts.verdict.is_secret() && self.secret(value, facts.verdict) {
            return;
        }
        if facts.is_phone && self.phone(value) {
            return;
        }
        let is_card = match value {
            Value::Bool(_) => false,
            Value::I64(number) => is_card_number(number.unsigned_abs(), facts.number_use),
            Value::U64(number) => is_card_number(*number, facts.number_use),
            Value::F64(number) => json::is_card_float(*number, facts.number_use),
            Value::Str(text) => {
                let (engine, tally) = (self.engine, &mut *self.tally);
                let redacted = match facts.is_read_apart(text) {
                    false => self
                        .clean
                        .read(text, |text| engine.redact_field(text, facts.number_use, tally)),
                    true => self.text_apart(text, facts),
                };
                if let Some(redacted) = redacted {
                    *text = Cow::Owned(redacted);
                }
                false
            }
            Value::Json(text) => {
                if let Some(redacted) = json::redact(self.engine, names, text, self.tally) {
                    *text = Cow::Owned(redacted);
                }
                false
            }
        };
        if is_card && let Some(card) = self.engine.active_position(&Card) {
            self.tally.note(card);
            *value = Value::Str(Cow::Borrowed(CARD_PLACEHOLDER));
        }
    }

    /// Returns the redacted text of a field in which it reads otherwise than in others, so that
    /// nothing is remembered of it; `None` when it was clean.
    #[inline(never)]
    fn text_apart(&mut self, text: &str, facts: NameFacts) -> Option<String> {
        if !facts.is_query {
            return self.engine.redact_field(text, facts.number_use, self.tally);
        }
        // A query was cut from its path: behind the question mark, as it was written, its
        // parameters are read as those of an address.
        let redacted = self.engine.redact(&["?", text].concat(), self.tally)?;
        Some(redacted.strip_prefix('?').map_or(redacted.clone(), str::to_owned))
    }

    /// Replaces the value of a covered field by its token.
    fn pseudonymise(&mut self, position: usize, value: &mut Value<'_>) {
        let policy = self.engine.policy();
        if let Value::Json(text) = value {
            let Some(field) = policy.field(position) else { return };
            if let Some(tokens) = json::pseudonymise(self.engine, field, text) {
                *text = Cow::Owned(tokens);
            }
            return;
        }
        let id = match &*value {
            Value::Bool(_) | Value::Json(_) => return,
            Value::I64(number) => Cow::Owned(number.to_string()),
            Value::U64(number) => Cow::Owned(number.to_string()),
            Value::F64(number) => Cow::Owned(number.to_string()),
            Value::Str(text) if text.is_empty() || is_placeholder(text) => return,
            Value::Str(text) => Cow::Borrowed(text.as_ref()),
        };
        if let Some(token) = self.tokens.token(policy, position, &id) {
            *value = Value::Str(Cow::Owned(token));
        }
    }

    /// Replaces a value that its name calls a secret; tells whether that settled it.
    fn secret(&mut self, value: &mut Value<'_>, verdict: KeyVerdict) -> bool {
        let Some(position) = self.engine.active_position(&SecretKey) else { return false };
        let is_kept = match value {
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => {
                verdict == KeyVerdict::SecretText
            }
            Value::Str(text) => text.is_empty() || is_placeholder(text),
            Value::Json(text) => text.len() <= "[]".len(),
        };
        if is_kept {
            return false;
        }
        self.tally.note(position);
        *value = Value::Str(Cow::Borrowed(SECRET_PLACEHOLDER));
        true
    }

    /// Replaces a telephone number under a name that says so; tells whether it was one.
    fn phone(&mut self, value: &mut Value<'_>) -> bool {
        let Some(position) = self.engine.active_position(&Phone) else { return false };
        let is_number = match value {
            Value::Bool(_) | Value::F64(_) | Value::Json(_) => false,
            Value::I64(number) => is_phone_number(&number.to_string()),
            Value::U64(number) => is_phone_number(&number.to_string()),
            Value::Str(text) => is_phone_number(text),
        };
        if is_number {
            self.tally.note(position);
            *value = Value::Str(Cow::Borrowed(PHONE_PLACEHOLDER));
        }
        is_number
    }

    /// Returns the prefix of a flattened pair whose name is a secret key.
    fn secret_pair(&self, name: &str, value: &Value<'_>, facts: NameFacts) -> Option<String> {
        let (PairPart::Name, Value::Str(text)) = (facts.pair, value) else { return None };
        let names_secret = self.engine.spells_secret(text);
        names_secret.then(|| name.rsplit_once('.').map(|(prefix, _)| prefix.to_owned())).flatten()
    }

    fn pair_values(&mut self, record: &mut Record<'_>, pairs: &[String]) {
        for (name, value) in &mut record.fields {
            let is_value =
                facts(name, self.known, self.learnt, self.engine).pair == PairPart::Value;
            let prefix = name.rsplit_once('.').map(|(prefix, _)| prefix);
            if is_value && prefix.is_some_and(|prefix| pairs.iter().any(|pair| pair == prefix)) {
                self.secret(value, KeyVerdict::Secret);
            }
        }
    }

    /// Writes which detectors fired.
    fn mark(&mut self, record: &mut Record<'_>) {
        let mut fired = self.tally.take_fired();
        let earlier = record.fields.iter().position(|(name, _)| name == REDACTED);
        if let Some(position) = earlier {
            let (_, value) = record.fields.remove(position);
            self.names.remove(position);
            fired.extend(known_names(&value));
            fired.sort_unstable();
            fired.dedup();
        }
        if fired.is_empty() {
            return;
        }
        let list = fired.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        let value = Value::Json(Cow::Owned(format!("[{list}]")));
        record.fields.push((Cow::Borrowed(REDACTED), value));
    }
}

/// Gives a field its redacted name, numbered when another one has it, and returns it.
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

/// Tells whether a value is a list of detectors as redaction writes it: what an application calls
/// `_redacted` is something else.
pub(crate) fn is_detector_list(value: &Value<'_>) -> bool {
    let Value::Json(text) = value else { return false };
    let claimed: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let is_known = |claim: &String| DETECTORS.iter().any(|detector| detector.name() == claim);
    !claimed.is_empty() && claimed.iter().all(is_known)
}

/// Returns the detectors that a record says have fired already.
fn known_names(value: &Value<'_>) -> Vec<&'static str> {
    let Value::Json(text) = value else { return Vec::new() };
    let claimed: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let known = DETECTORS.iter().map(|detector| detector.name());
    known.filter(|name| claimed.iter().any(|claim| claim == name)).collect()
}
