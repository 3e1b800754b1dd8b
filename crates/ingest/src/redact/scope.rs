//! The scope of a record: what the rules say about the record and the field that are read, and, if
//! somebody asked, the explanation of each find.
//!
//! Arrives: finds of the detectors, fields by name. Leaves: the action of each. A redactor whose
//! policy has no rule makes no scope, and then nothing here costs anything.

use std::borrow::Cow;
use std::sync::Arc;

use tierlog_model::{Record, RecordKind, Tenant, fields};

use super::action::{Action, masked, masked_ranges, truncated};
use super::detector_set::DetectorSet;
use super::engine::Engine;
use super::explain::{Find, Trace};
use super::rules::{Rule, RuleSet, Rules};
use super::span::{Outcome, Sign, Span};
use super::whole::Whole;

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Another text takes its place.
    Put(Cow<'static, str>),
    /// The value stays as it is.
    Kept,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    rules: Arc<Rules>,
    tenant: Tenant,
    of_record: RuleSet,
    of_field: RuleSet,
    kind: RecordKind,
    /// The dotted name of the field; empty for a text that is no field's.
    field: String,
    tagged: DetectorSet,
    drops_field: bool,
    drops_record: bool,
    trace: Option<Trace>,
}

/// Whether finds are explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Explaining {
    /// Nobody asks.
    Off,
    /// Each find is.
    On,
}

impl Scope {
    /// Returns the scope of records of the default tenant; nothing without rules and questions.
    pub(super) fn new(rules: &Arc<Rules>, explaining: Explaining) -> Option<Box<Scope>> {
        let trace = (explaining == Explaining::On).then(Trace::default);
        let is_needed = !rules.is_empty() || trace.is_some();
        is_needed.then(|| {
            Box::new(Scope {
                rules: Arc::clone(rules),
                tenant: Tenant::DEFAULT,
                of_record: RuleSet::EMPTY,
                kind: RecordKind::Log,
                of_field: RuleSet::EMPTY,
                field: String::new(),
                tagged: DetectorSet::EMPTY,
                drops_field: false,
                drops_record: false,
                trace,
            })
        })
    }

    /// Says whose records follow.
    pub(super) fn set_tenant(&mut self, tenant: Tenant) {
        self.tenant = tenant;
    }

    /// Begins with a record that is not redacted yet.
    pub(super) fn begin_record(&mut self, record: &Record<'_>) {
        let service = record.get_str(fields::SERVICE).unwrap_or_default();
        self.of_record = self.rules.of_record(service, self.tenant, (record.level, record.kind));
        (self.of_field, self.kind) = (RuleSet::EMPTY, record.kind);
        (self.tagged, self.drops_field, self.drops_record) = (DetectorSet::EMPTY, false, false);
    }

    /// Tells whether nothing here concerns the record.
    pub(super) fn is_idle(&self) -> bool {
        self.of_record.is_empty() && self.trace.is_none()
    }

    /// Begins with a field, or with a member of an array or object, by its dotted name.
    pub(super) fn begin_field(&mut self, name: &str) {
        self.field.clear();
        self.field.push_str(name);
        self.of_field = self.rules.of_field(self.of_record, name);
    }

    /// Tells whether the tenant's fields have rules of their own.
    pub(super) fn has_field_rule(&self) -> bool {
        self.rules.has_field_rule(self.tenant)
    }

    /// Returns the rule about the field as such.
    pub(super) fn field_rule(&self, value: Option<Whole<'_>>) -> Option<usize> {
        // Fast path: most fields have no rule. The fields of a dead letter are ours, and the line
        // is hidden as a whole.
        if self.of_field.is_empty() || self.kind == RecordKind::DeadLetter {
            return None;
        }
        self.rules.for_field(self.of_field, &self.field, value)
    }

    /// Returns the rule about a detector's finds in the field.
    pub(super) fn find_rule(&self, detector: usize) -> Option<usize> {
        self.rules.for_find(self.of_field, detector)
    }

    /// Tells whether the field is to be left out, and forgets it.
    pub(super) fn take_dropped_field(&mut self) -> bool {
        std::mem::take(&mut self.drops_field)
    }

    /// Tells whether the record is not to be stored.
    pub(super) fn drops_record(&self) -> bool {
        self.drops_record
    }

    /// Returns the detectors whose finds stayed.
    pub(super) fn tagged(&self) -> DetectorSet {
        self.tagged
    }

    /// Returns the finds since the last call.
    pub(super) fn take_finds(&mut self) -> Vec<Find> {
        self.trace.as_mut().map(Trace::take).unwrap_or_default()
    }

    /// Decides about the finds in a text, as a detector saw the text. What an earlier action left
    /// is no find.
    pub(super) fn decide(&mut self, engine: &Engine, text: &str, spans: &mut Vec<Span>) {
        if self.of_field.is_empty() || spans.is_empty() {
            return;
        }
        let left: Vec<_> = masked_ranges(text).collect();
        spans.retain_mut(|span| {
            if left.iter().any(|left| left.start <= span.start && span.end <= left.end) {
                return false;
            }
            let Some(rule) = self.find_rule(span.detector) else { return true };
            span.rule = Some(rule);
            let value = text.get(span.start..span.end).unwrap_or_default();
            let quote = quote_of(&span.text);
            match self.fate(engine, span.detector, rule, value) {
                Fate::Kept => span.outcome = Outcome::Tagged,
                Fate::Put(put) => {
                    if put == value {
                        return false;
                    }
                    span.outcome = Outcome::Redacted;
                    span.text = match quote {
                        Some(quote) => Cow::Owned(format!("{quote}{put}{quote}")),
                        None => put,
                    };
                }
            }
            true
        });
    }

    /// Returns what becomes of a value under a rule.
    pub(super) fn fate(
        &mut self,
        engine: &Engine,
        detector: usize,
        rule: usize,
        value: &str,
    ) -> Fate {
        let rules = Arc::clone(&self.rules);
        let placeholder = engine.placeholder(detector);
        let Some(Rule { action, identity, .. }) = rules.get(rule) else {
            return Fate::Put(Cow::Borrowed(placeholder));
        };
        Fate::Put(match action {
            Action::Replace => Cow::Borrowed(placeholder),
            Action::Mask => Cow::Owned(masked(placeholder, value)),
            Action::Truncate => match truncated(value) {
                Some(network) => Cow::Owned(network),
                None => Cow::Borrowed(placeholder),
            },
            Action::Pseudonym => {
                let identity = identity.as_deref().unwrap_or_else(|| engine.name_of(detector));
                match engine.policy().token_in(identity, value) {
                    Some(token) => Cow::Owned(token),
                    None => Cow::Borrowed(placeholder),
                }
            }
            Action::DropField => {
                self.drops_field = true;
                Cow::Borrowed(placeholder)
            }
            Action::DropRecord => {
                self.drops_record = true;
                Cow::Borrowed(placeholder)
            }
            Action::Tag => {
                self.tagged.insert(detector);
                return Fate::Kept;
            }
        })
    }

    /// Explains the finds of one reading of a text, if somebody asked.
    pub(super) fn explain_text(
        &mut self,
        engine: &Engine,
        reading: usize,
        merged: &[Span],
        tagged: &[Span],
    ) {
        let Some(trace) = &mut self.trace else { return };
        if reading == 0 {
            trace.begin_text();
        }
        // A value that stays is found by each reading, and told of the first.
        let tagged = tagged.iter().filter(|_| reading == 0);
        for span in merged.iter().chain(tagged) {
            let place = trace.place(span);
            let rule = span.rule.and_then(|rule| self.rules.get(rule));
            let mut find = find(engine, &self.field, span.detector, span.sign, rule);
            (find.start, find.end) = (Some(place.start), Some(place.end));
            match span.outcome {
                Outcome::Tagged => {}
                Outcome::Pseudonymised => {
                    find.action = Action::Pseudonym.as_str();
                    find.replacement = span.text.to_string();
                }
                Outcome::Redacted if is_dropped(rule) => {}
                Outcome::Redacted => find.replacement = span.text.to_string(),
            }
            trace.note(find);
        }
        trace.rewrite(merged);
    }

    /// Explains a whole value that was a find, if somebody asked.
    pub(super) fn explain_whole(
        &mut self,
        engine: &Engine,
        detector: usize,
        sign: Sign,
        rule: Option<usize>,
        fate: &Fate,
    ) {
        let Some(trace) = &mut self.trace else { return };
        let rule = rule.and_then(|rule| self.rules.get(rule));
        let mut find = find(engine, &self.field, detector, sign, rule);
        if let Fate::Put(put) = fate
            && !is_dropped(rule)
        {
            find.replacement = put.to_string();
        }
        trace.note(find);
    }

    /// Explains that a value became a token because of its field, if somebody asked.
    pub(super) fn explain_token(&mut self, engine: &Engine, token: &str) {
        let Some(trace) = &mut self.trace else { return };
        let mut find = find(engine, &self.field, engine.user_id(), Sign::Name, None);
        find.action = Action::Pseudonym.as_str();
        find.replacement = token.to_owned();
        trace.note(find);
    }
}

fn is_dropped(rule: Option<&Rule>) -> bool {
    rule.is_some_and(|rule| matches!(rule.action, Action::DropField | Action::DropRecord))
}

/// Returns a find without a place, its value replaced by nothing.
fn find(engine: &Engine, field: &str, detector: usize, sign: Sign, rule: Option<&Rule>) -> Find {
    Find {
        field: field.to_owned(),
        start: None,
        end: None,
        detector: engine.name_of(detector),
        sign: if detector == engine.field_rule() { "rule" } else { sign.as_str() },
        because: engine.about(detector),
        action: rule.map_or(Action::Replace, |rule| rule.action).as_str(),
        rule: rule.map(|rule| rule.name.clone()),
        replacement: String::new(),
    }
}

/// Returns the quote in which a replacement stands where a bare number of JSON stood.
fn quote_of(replacement: &str) -> Option<char> {
    let quote = replacement.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    (replacement.len() > 2 && replacement.ends_with(quote)).then_some(quote)
}
