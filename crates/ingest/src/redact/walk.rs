//! The walk: one value after the other, wherever the value stands.
//!
//! Arrives: a value and the facts of the value's name. Leaves: the value, a placeholder, or a
//! token. Fields of records and members of arrays and objects are places of the same walk, so each
//! rule is written once: first the pseudonym of a covered field, then the detectors that know the
//! name, then numbers that speak for themselves, then the text.

use std::borrow::Cow;

use tierlog_model::Value;

use super::claim::Claims;
use super::clean_texts::CleanTexts;
use super::engine::Engine;
use super::name_facts::NameFacts;
use super::names::Names;
use super::scope::Fate;
use super::span::Sign;
use super::tally::Tally;
use super::tree;
use super::whole::Whole;

/// A place that holds a value.
pub(super) trait Place {
    /// Returns the value as detectors see it; `None` for nothing, and for an empty text.
    fn whole(&self) -> Option<Whole<'_>>;

    /// Puts what a detector left in place of the value.
    fn put(&mut self, text: Cow<'static, str>);
}

/// What a walk over records needs.
pub(super) struct Walk<'w> {
    /// The detectors.
    pub(super) engine: &'w Engine,
    /// Names, and what they say.
    pub(super) names: &'w mut Names,
    /// Short clean texts of the batch.
    pub(super) clean: &'w mut CleanTexts,
    /// Detectors that fired, and the tokens of the batch.
    pub(super) tally: &'w mut Tally,
}

impl Walk<'_> {
    /// Returns what a name says that is no field's own: a path in an array, a part of a pair.
    pub(super) fn facts(&mut self, name: &str) -> NameFacts {
        self.names.facts(name, self.engine)
    }

    /// Redacts the value of a field; the name is given as it was written and as it is kept.
    #[inline(always)]
    pub(super) fn field(&mut self, names: [&str; 2], value: &mut Value<'_>, facts: NameFacts) {
        // Fast path: nearly every policy has no rule.
        if self.tally.scope.is_some() && self.field_rule(value) {
            return;
        }
        if let Some(identity) = facts.covered {
            return self.pseudonymise(identity, names, value);
        }
        if self.judge(value, facts.claims) {
            return;
        }
        match value {
            Value::Bool(_) => {}
            Value::I64(_) | Value::U64(_) | Value::F64(_) => self.number(value, facts.claims),
            Value::Str(text) => {
                if let Some(redacted) = self.text(text, facts) {
                    *text = Cow::Owned(redacted);
                }
            }
            Value::Json(text) => {
                if let Some(redacted) = tree::redact(self, names, text, facts) {
                    *text = Cow::Owned(redacted);
                }
            }
        }
    }

    /// Returns the redacted text of JSON that is no field's, or `None` when nothing was found.
    pub(super) fn json(&mut self, text: &str) -> Option<String> {
        let facts = self.facts("");
        tree::redact(self, ["", ""], text, facts)
    }

    /// Replaces a value that is a find because of the name; tells whether the value was a find.
    #[inline(always)]
    pub(super) fn judge(&mut self, place: &mut impl Place, claims: Claims) -> bool {
        // Fast path: most names say nothing.
        !claims.asking().is_empty() && self.judge_claimed(place, claims)
    }

    #[inline(never)]
    fn judge_claimed(&mut self, place: &mut impl Place, claims: Claims) -> bool {
        let Some(value) = place.whole() else { return false };
        let is_placeholder =
            matches!(value, Whole::Text(text) if self.engine.policy().placeholders().is_one(text));
        let found = self.engine.judge(value, claims).filter(|_| !is_placeholder);
        let Some(position) = found else { return false };
        self.replace(place, position, Sign::Name)
    }

    /// Does what a rule says about the field as such; tells whether that is all there is to do.
    #[cold]
    pub(super) fn field_rule(&mut self, place: &mut impl Place) -> bool {
        let Some(scope) = self.tally.scope.as_deref() else { return false };
        let value = place.whole();
        if let Some(Whole::Text(text)) = value
            && self.engine.policy().placeholders().is_one(text)
        {
            return false;
        }
        let Some(rule) = scope.field_rule(value) else { return false };
        self.replace_by(place, self.engine.field_rule(), Some(rule), Sign::Name)
    }

    /// Replaces a number that is a find under a silent name.
    #[inline]
    pub(super) fn number(&mut self, place: &mut impl Place, claims: Claims) {
        if let Some(Whole::Number(number)) = place.whole()
            && let Some(position) = self.engine.judge_number(number, claims)
        {
            self.replace(place, position, Sign::Number);
        }
    }

    /// Returns the redacted text of a field, or `None` when the text was clean.
    #[inline(always)]
    fn text(&mut self, text: &str, facts: NameFacts) -> Option<String> {
        // A text under a rule may stay as it is and be a find all the same.
        if text.len() >= facts.apart_bytes_min as usize || self.tally.scope.is_some() {
            return self.text_apart(text, facts);
        }
        let (engine, tally) = (self.engine, &mut *self.tally);
        self.clean.read(text, |text| engine.redact(text, tally))
    }

    /// Returns the redacted text of a field in which texts read otherwise than elsewhere; the text
    /// is not remembered.
    #[inline(never)]
    fn text_apart(&mut self, text: &str, facts: NameFacts) -> Option<String> {
        if !facts.is_query {
            return self.engine.redact_field(text, facts.claims, self.tally);
        }
        // A query was cut from its path: behind the question mark, as it was written, its
        // parameters are read as those of an address.
        let redacted = self.engine.redact(&["?", text].concat(), self.tally)?;
        Some(redacted.strip_prefix('?').map_or(redacted.clone(), str::to_owned))
    }

    /// Replaces the value of a covered field by its token.
    pub(super) fn pseudonymise(&mut self, identity: u16, names: [&str; 2], value: &mut Value<'_>) {
        if self.tally.scope.is_some() && self.id_rule(value) {
            return;
        }
        let policy = self.engine.policy();
        let id = match &*value {
            Value::Bool(_) => return,
            Value::Json(text) => {
                if let Some(tokens) = tree::pseudonymise(self, identity, names, text) {
                    *value = Value::Json(Cow::Owned(tokens));
                }
                return;
            }
            Value::I64(number) => Cow::Owned(number.to_string()),
            Value::U64(number) => Cow::Owned(number.to_string()),
            Value::F64(number) => Cow::Owned(number.to_string()),
            Value::Str(text) if text.is_empty() || policy.placeholders().is_one(text) => return,
            Value::Str(text) => Cow::Borrowed(text.as_ref()),
        };
        if let Some(token) = self.tally.tokens.token(policy, identity, &id) {
            let [_, kept] = names;
            if policy.identity(identity) != Some(kept) {
                self.tally.tokens.note(&token);
            }
            self.explain_token(&token);
            *value = Value::Str(Cow::Owned(token));
        }
    }

    /// Does what a rule says about ids of users; tells whether there is such a rule.
    #[cold]
    pub(super) fn id_rule(&mut self, place: &mut impl Place) -> bool {
        let detector = self.engine.user_id();
        let rule = self.tally.scope.as_deref().and_then(|scope| scope.find_rule(detector));
        let Some(rule) = rule else { return false };
        if let Some(Whole::Text(text)) = place.whole()
            && self.engine.policy().placeholders().is_one(text)
        {
            return true;
        }
        self.replace_by(place, detector, Some(rule), Sign::Name);
        true
    }

    /// Explains that an id became a token, if somebody asked.
    #[inline]
    pub(super) fn explain_token(&mut self, token: &str) {
        if let Some(scope) = self.tally.scope.as_deref_mut() {
            scope.explain_token(self.engine, token);
        }
    }

    /// Replaces a value that is a detector's find; tells whether nothing of the value is left to
    /// be read.
    #[inline]
    fn replace(&mut self, place: &mut impl Place, position: usize, sign: Sign) -> bool {
        match self.tally.scope.as_deref() {
            None => {
                self.tally.note(position);
                place.put(Cow::Borrowed(self.engine.placeholder(position)));
                true
            }
            Some(scope) => {
                let rule = scope.find_rule(position);
                self.replace_by(place, position, rule, sign)
            }
        }
    }

    /// The same under a rule, or under none while finds are explained.
    #[cold]
    fn replace_by(
        &mut self,
        place: &mut impl Place,
        position: usize,
        rule: Option<usize>,
        sign: Sign,
    ) -> bool {
        let engine = self.engine;
        let Some(scope) = self.tally.scope.as_deref_mut() else { return false };
        let value = match place.whole() {
            Some(Whole::Text(text)) => Cow::Borrowed(text),
            Some(Whole::Number(number)) => Cow::Owned(number.to_string()),
            Some(Whole::Fraction(number)) => Cow::Owned(number.to_string()),
            Some(Whole::Flag | Whole::Nested | Whole::EmptyNested) | None => Cow::Borrowed(""),
        };
        let fate = match rule {
            Some(rule) => scope.fate(engine, position, rule, &value),
            None => Fate::Put(Cow::Borrowed(engine.placeholder(position))),
        };
        if matches!(&fate, Fate::Put(put) if *put == value) {
            // An earlier run has done it.
            return true;
        }
        scope.explain_whole(engine, position, sign, rule, &fate);
        match fate {
            Fate::Kept => false,
            Fate::Put(put) => {
                self.tally.note(position);
                place.put(put);
                true
            }
        }
    }

    /// Returns what a text says to detectors as the name in a pair, as written or once redacted.
    pub(super) fn spelled(&self, text: &str) -> Claims {
        let claims = self.engine.claims(text);
        match self.engine.redact(text, &mut Tally::default()) {
            Some(redacted) => claims.stricter(self.engine.claims(&redacted)),
            None => claims,
        }
    }
}

impl Place for Value<'_> {
    #[inline]
    fn whole(&self) -> Option<Whole<'_>> {
        Some(match self {
            Value::Bool(_) => Whole::Flag,
            Value::I64(number) => Whole::Number(number.unsigned_abs()),
            Value::U64(number) => Whole::Number(*number),
            Value::F64(number) => Whole::of_float(*number),
            Value::Str(text) if text.is_empty() => return None,
            Value::Str(text) => Whole::Text(text),
            Value::Json(text) if text.len() <= "[]".len() => Whole::EmptyNested,
            Value::Json(_) => Whole::Nested,
        })
    }

    fn put(&mut self, text: Cow<'static, str>) {
        *self = Value::Str(text);
    }
}
