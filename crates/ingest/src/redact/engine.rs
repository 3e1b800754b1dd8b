//! The engine: one text in, the redacted text out, or nothing when the text was clean.
//!
//! Prefilter, then the detectors that the prefilter names, over the text and over the decoded view
//! of the text, then one rewrite. A rewritten text is read again, because a replacement gives its
//! neighbours new boundaries; so the answer holds nothing that a detector would find. The engine
//! also asks detectors about names and whole values, for the walk over records.

use std::borrow::Cow;
use std::sync::Arc;

use std::ops::Range;

use tierlog_model::{Pseudonyms, Record, Value};

use super::claim::{Claim, Claims};
use super::custom::Custom;
use super::detector::{Detector, find_keyed};
use super::detector_set::{DETECTORS_MAX, DetectorSet, Readers};
use super::named::NamedKinds;
use super::placeholders::Placeholders;
use super::policy::Policy;
use super::prefilter::{Needs, Prefilter};
use super::rules::Rules;
use super::settings::{RedactionSettings, Wanted};
use super::span::{Found, Outcome, Sign, Span, merge, rewrite};
use super::tally::Tally;
use super::trigger::{Trigger, Words};
use super::view::View;
use super::whole::Whole;

/// How often a text is read at most. The second reading nearly always finds nothing; the bound
/// keeps hostile text linear.
const PASSES_MAX: usize = 8;

/// Names of the detectors that the rules know apart from others.
pub(super) const USER_ID: &str = "user_id";
pub(super) const FIELD_RULE: &str = "field_rule";

/// The active detectors, ready to read.
pub(super) struct Engine {
    detectors: &'static [&'static dyn Detector],
    active: DetectorSet,
    /// Active detectors of bare numbers, and the least number of any such detector.
    numbered: DetectorSet,
    number_min: u64,
    prefilter: Prefilter,
    policy: Policy,
    rules: Arc<Rules>,
    /// Missing without a policy file.
    policy_version: Option<String>,
    /// Positions of detectors with a part of their own.
    user_id: usize,
    field_rule: usize,
}

impl Engine {
    /// Compiles what the settings ask for. The detectors are all that there are, in order of
    /// precedence; those below learn of them from the engine only.
    pub(super) fn new(
        detectors: &'static [&'static dyn Detector],
        settings: &RedactionSettings,
        pseudonyms: Pseudonyms,
    ) -> Engine {
        let custom = settings.policy().custom();
        let own = custom.placeholders().map(|one| Cow::Owned(one.to_owned()));
        let placeholders = detectors.iter().map(|one| Cow::Borrowed(one.placeholder()));
        let placeholders = Placeholders::new(placeholders.chain(own));
        let rules = Arc::clone(settings.policy().rules());
        let by_rules = rules.named_detectors();
        let runs = |position: usize, detector: &dyn Detector| {
            let wanted = match detector.is_on_by_default() || by_rules.contains(position) {
                true => Wanted::ByDefault,
                false => Wanted::OnDemand,
            };
            settings.runs(detector.name(), wanted)
        };
        let active_names =
            detectors.iter().enumerate().filter(|(position, one)| runs(*position, **one));
        let named = NamedKinds::new(active_names.map(|(position, one)| (position, one.names())));
        let policy = Policy::new(settings, pseudonyms, placeholders, named);
        let enabled = || {
            let all = detectors.iter().enumerate();
            all.filter(|(position, detector)| runs(*position, **detector))
                .map(|(position, detector)| (position, trigger_of(*detector, custom)))
        };
        let (mut active, mut numbered) = (DetectorSet::EMPTY, DetectorSet::EMPTY);
        for (position, trigger) in enabled() {
            active.insert(position);
            if trigger.number_min < u64::MAX {
                numbered.insert(position);
            }
        }
        let number_min = enabled().map(|(_, trigger)| trigger.number_min).min();
        let position_of = |name: &str| {
            let found = detectors.iter().position(|detector| detector.name() == name);
            found.unwrap_or(DETECTORS_MAX)
        };
        let words = detectors.iter().map(|detector| detector.words(&policy));
        let configured: Vec<(usize, Words)> = words.enumerate().collect();
        Engine {
            detectors,
            active,
            numbered,
            number_min: number_min.unwrap_or(u64::MAX),
            prefilter: Prefilter::new(enabled(), &configured),
            policy,
            rules,
            policy_version: settings.policy().version().map(str::to_owned),
            user_id: position_of(USER_ID),
            field_rule: position_of(FIELD_RULE),
        }
    }

    /// Returns the active detectors with their names.
    pub(super) fn active(&self) -> impl Iterator<Item = (usize, &'static dyn Detector)> {
        self.each(self.active)
    }

    /// Returns the detectors that a record lists: detectors that fired, and detectors of the
    /// sender's list whose placeholder stands in the record. Without rules a detector that fired
    /// needs its placeholder too, because a second reading may have taken a find into a larger
    /// find.
    pub(super) fn listed(
        &self,
        fired: DetectorSet,
        claimed: &[String],
        record: &Record<'_>,
    ) -> DetectorSet {
        let mut listed = DetectorSet::EMPTY;
        for (position, detector) in self.detectors.iter().enumerate() {
            let has_fired = fired.contains(position);
            let is_believed = has_fired && !self.rules.is_empty();
            let is_claimed = || claimed.iter().any(|name| name == detector.name());
            if is_believed || ((has_fired || is_claimed()) && self.stands(*detector, record)) {
                listed.insert(position);
            }
        }
        listed
    }

    /// Tells whether a placeholder of a detector, or a masked value, stands in a record.
    fn stands(&self, detector: &dyn Detector, record: &Record<'_>) -> bool {
        let placeholder = detector.placeholder();
        let kind = placeholder.strip_suffix(']').unwrap_or(placeholder);
        let finder = memchr::memmem::Finder::new(kind);
        let is_custom = detector.name() == CUSTOM;
        let is_in = |text: &str| {
            if is_custom {
                return self.policy.custom().placeholders().any(|own| text.contains(own));
            }
            let mut places = finder.find_iter(text.as_bytes());
            places.any(|place| {
                let rest = text.get(place..).unwrap_or_default();
                self.policy.placeholders().at_start_of(rest).is_some()
            })
        };
        record.fields.iter().any(|(name, value)| match value {
            Value::Str(text) | Value::Json(text) => is_in(text) || is_in(name),
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => is_in(name),
        })
    }

    /// Returns the configuration that detectors share.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns every detector, active or not.
    pub(super) fn detectors(&self) -> &'static [&'static dyn Detector] {
        self.detectors
    }

    /// Returns the detectors of a set with their positions.
    fn each(&self, set: DetectorSet) -> impl Iterator<Item = (usize, &'static dyn Detector)> {
        let detectors = self.detectors;
        set.positions().filter_map(move |position| Some((position, *detectors.get(position)?)))
    }

    /// Tells whether a text is clean without reading it closely; `false` may be a false alarm.
    pub(super) fn is_clean(&self, text: &str) -> bool {
        self.prefilter.look(text).is_nothing()
    }

    /// Tells whether a text may hold a key that a detector knows; `true` may be a false alarm.
    pub(super) fn may_hold_known_key(&self, text: &str) -> bool {
        self.policy.keys().is_candidate(text)
    }

    /// Returns what a name says to each active detector.
    pub(super) fn claims(&self, name: &str) -> Claims {
        let named = self.policy.named(name);
        self.each(self.active).fold(Claims::SILENT, |claims, (position, detector)| {
            let claim = match named.contains(position) {
                true => Claim::Likely,
                false => detector.key(name, &self.policy),
            };
            claims.with(position, claim)
        })
    }

    /// Returns the shortest text that may read otherwise under a name with these claims than under
    /// a name that says nothing.
    pub(super) fn apart_bytes_min(&self, claims: Claims) -> u32 {
        let told =
            self.each(self.active).filter(|(position, _)| claims.of(*position) != Claim::Silent);
        let custom = self.policy.custom();
        told.map(|(_, detector)| trigger_of(detector, custom).digit_run).min().unwrap_or(u32::MAX)
    }

    /// Returns the detector to which a whole value is a find, because of the claims of its name.
    pub(super) fn judge(&self, value: Whole<'_>, claims: Claims) -> Option<usize> {
        let mut asked = self.each(claims.asking());
        asked
            .find(|(position, detector)| detector.value(value, claims.of(*position)))
            .map(|(position, _)| position)
    }

    /// Returns the detector to which a whole number is a find by itself.
    #[inline]
    pub(super) fn judge_number(&self, number: u64, claims: Claims) -> Option<usize> {
        // Fast path: most numbers are far too small.
        if number < self.number_min {
            return None;
        }
        self.judge_long_number(number, claims)
    }

    #[cold]
    fn judge_long_number(&self, number: u64, claims: Claims) -> Option<usize> {
        let silent = DetectorSet(self.numbered.0 & claims.silent().0);
        let mut asked = self.each(silent);
        asked
            .find(|(_, detector)| {
                number >= detector.trigger().number_min
                    && detector.value(Whole::Number(number), Claim::Silent)
            })
            .map(|(position, _)| position)
    }

    /// Returns the name of a detector.
    pub(super) fn name_of(&self, position: usize) -> &'static str {
        self.detectors.get(position).map_or("", |detector| detector.name())
    }

    /// Returns what decides whether a detector has a find.
    pub(super) fn about(&self, position: usize) -> &'static str {
        self.detectors.get(position).map_or("", |detector| detector.about())
    }

    /// Returns the position of the detector of ids of users.
    pub(super) fn user_id(&self) -> usize {
        self.user_id
    }

    /// Returns the position of the detector that stands for rules about fields.
    pub(super) fn field_rule(&self) -> usize {
        self.field_rule
    }

    /// Returns the version of the policy file, if there is one.
    pub(super) fn policy_version(&self) -> Option<&str> {
        self.policy_version.as_deref()
    }

    /// Returns the rules of the policy.
    pub(super) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Returns what stands in place of a detector's finds.
    pub(super) fn placeholder(&self, position: usize) -> &'static str {
        self.detectors.get(position).map_or("[REDACTED]", |detector| detector.placeholder())
    }

    /// Returns the redacted text, or `None` when nothing had to be replaced.
    pub(super) fn redact(&self, text: &str, tally: &mut Tally) -> Option<String> {
        self.redact_field(text, Claims::SILENT, tally)
    }

    /// Returns the same for the name of a field, which may hold ids too.
    pub(super) fn redact_name(&self, name: &str, tally: &mut Tally) -> Option<String> {
        let without_ids = self.policy.without_ids(name);
        without_ids.iter().for_each(|name| tally.tokens.note_in_name(name));
        self.redact(without_ids.as_deref().unwrap_or(name), tally).or(without_ids)
    }

    /// Returns the same for the text of a field whose name makes claims.
    pub(super) fn redact_field(
        &self,
        text: &str,
        claims: Claims,
        tally: &mut Tally,
    ) -> Option<String> {
        let mut needs = self.prefilter.look(text);
        let mut redacted: Option<String> = None;
        for reading in 0..PASSES_MAX {
            // Fast path: nearly every text ends here.
            if needs.is_nothing() {
                break;
            }
            let current = redacted.as_deref().unwrap_or(text);
            let Spans { merged: spans, tagged } = self.find(current, claims, needs, tally);
            if let Some(scope) = tally.scope.as_deref_mut() {
                scope.explain_text(self, reading, &spans, &tagged);
            }
            if spans.is_empty() {
                break;
            }
            for span in &spans {
                match span.outcome {
                    Outcome::Redacted => tally.note(span.detector),
                    Outcome::Pseudonymised => {
                        span.token().iter().for_each(|token| tally.tokens.note(token));
                    }
                    Outcome::Tagged => {}
                }
            }
            let rewritten = rewrite(current, &spans);
            needs = self.prefilter.look(&rewritten);
            redacted = Some(rewritten);
        }
        redacted
    }

    /// Returns what to replace in a text, in order and without overlap, and what stays.
    fn find(&self, text: &str, claims: Claims, needs: Needs, tally: &mut Tally) -> Spans {
        let raw = self.run(text, claims, needs.readers, tally);
        let view = if needs.view { View::of(text) } else { None };
        let Some(view) = view else { return raw };
        let view_needs = self.prefilter.look(view.text());
        let decoded = self.run(view.text(), claims, view_needs.readers, tally);
        let to_raw = |span: Span| {
            let range = view.to_raw(span.start..span.end);
            Span { start: range.start, end: range.end, ..span }
        };
        let merged: Vec<Span> = decoded.merged.into_iter().map(to_raw).collect();
        let snapped = raw.merged.into_iter().filter_map(|span| snap(text, span, &view, &merged));
        let snapped: Vec<Span> = snapped.collect();
        let shown = decoded.tagged.into_iter().map(to_raw);
        let tagged = merge(shown.chain(raw.tagged).collect());
        Spans { merged: merge([merged, snapped].concat()), tagged }
    }

    fn run(&self, text: &str, claims: Claims, readers: Readers, tally: &mut Tally) -> Spans {
        if readers.is_empty() {
            return Spans::default();
        }
        let mut found = Found::with(std::mem::take(&mut tally.tokens));
        for (position, detector) in self.each(readers.text) {
            found.begin(position, detector.placeholder(), claims.of(position));
            detector.text(text, &self.policy, &mut found);
        }
        if !readers.keys.is_empty() {
            found.look_at(Sign::Key);
            let keyed: Vec<(usize, &dyn Detector)> = self.each(readers.keys).collect();
            find_keyed(text, &keyed, &self.policy, &mut found);
        }
        let (mut spans, lent) = found.into_parts();
        tally.tokens = lent;
        if spans.is_empty() {
            return Spans::default();
        }
        let Some(scope) = tally.scope.as_deref_mut() else {
            return Spans { merged: merge(spans), tagged: Vec::new() };
        };
        scope.decide(self, text, &mut spans);
        let is_tagged = |span: &Span| span.outcome == Outcome::Tagged;
        let (tagged, replaced) = spans.into_iter().partition(is_tagged);
        Spans { merged: merge(replaced), tagged: merge(tagged) }
    }
}

/// What was found in a text.
#[derive(Debug, Default)]
struct Spans {
    /// What is replaced, in order and without overlap.
    merged: Vec<Span>,
    /// What stays, because a rule says so.
    tagged: Vec<Span>,
}

/// Returns the trigger of a detector. Rules of one's own may find anything, and nothing where there
/// are no rules.
fn trigger_of(detector: &dyn Detector, custom: &Custom) -> Trigger {
    let is_custom = detector.name() == CUSTOM && !custom.is_empty();
    if is_custom { Trigger::ANY } else { detector.trigger() }
}

/// Name of the detector of rules of one's own.
const CUSTOM: &str = "custom";

/// Moves a span of the raw text off the inside of escapes, so that none is cut in half: the `n`
/// of `\n` may look like the first letter of an address. Where the view found the same thing,
/// its start is the right one; otherwise the whole escape goes.
fn snap(text: &str, mut span: Span, view: &View, decoded: &[Span]) -> Option<Span> {
    let next = decoded.partition_point(|other| other.end <= span.start);
    let overlaps = decoded.get(next).is_some_and(|other| other.start < span.end);
    // An equals sign before a value is a sign: `id=2A..` only looks like quoted-printable text.
    let is_sign = |unit: &Range<usize>| {
        text.as_bytes().get(unit.start) == Some(&b'=') && span.start == unit.start + 1
    };
    if let Some(unit) = view.unit_around(span.start).filter(|unit| overlaps || !is_sign(unit)) {
        span.start = if overlaps { unit.end } else { unit.start };
    }
    if let Some(unit) = view.unit_around(span.end) {
        span.end = if overlaps { unit.start } else { unit.end };
    }
    (span.start < span.end).then_some(span)
}
