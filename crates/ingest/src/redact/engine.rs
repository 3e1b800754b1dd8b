//! The engine: one text in, the redacted text out, or nothing when the text was clean.
//!
//! Prefilter, then the detectors that it names over the text and over its decoded view, then one
//! rewrite. A rewritten text is read again, because a replacement gives its neighbours new
//! boundaries; so the answer holds nothing that a detector would find.

use super::detector::Detector;
use super::number_use::NumberUse;
use super::policy::Policy;
use super::prefilter::{DetectorSet, Needs, Prefilter};
use super::registry::DETECTORS;
use super::settings::RedactionSettings;
use super::span::{Found, Outcome, Span, merge, rewrite};
use super::view::View;

/// How often a text is read at most. The second reading nearly always finds nothing; the bound
/// keeps hostile text linear.
const PASSES_MAX: usize = 8;

/// What fired, and how often.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    counts: [u64; DETECTORS.len()],
    fired: u32,
}

impl Tally {
    /// Counts one replaced value of a detector.
    pub(super) fn note(&mut self, detector: usize) {
        if let Some(count) = self.counts.get_mut(detector) {
            *count += 1;
            self.fired |= 1 << detector;
        }
    }

    /// Returns the detectors that fired since the last call, as names in order of the alphabet.
    pub(super) fn take_fired(&mut self) -> Vec<&'static str> {
        let fired = std::mem::take(&mut self.fired);
        if fired == 0 {
            return Vec::new();
        }
        let all = DETECTORS.iter().enumerate();
        let mut names: Vec<&str> = all
            .filter(|(position, _)| fired >> position & 1 == 1)
            .map(|(_, detector)| detector.name())
            .collect();
        names.sort_unstable();
        names
    }

    /// Returns how many values were replaced.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns each detector's name and count.
    pub(super) fn by_detector(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = DETECTORS.iter().map(|detector| detector.name());
        names.zip(self.counts.iter().copied())
    }
}

/// The active detectors, ready to read.
pub(super) struct Engine {
    active: [bool; DETECTORS.len()],
    prefilter: Prefilter,
    policy: Policy,
}

impl Engine {
    /// Compiles what the settings ask for.
    pub(super) fn new(settings: &RedactionSettings, policy: Policy) -> Engine {
        let active = DETECTORS.map(|detector| settings.is_enabled(detector.name()));
        let enabled = DETECTORS.iter().copied().enumerate().zip(active);
        let prefilter = Prefilter::new(
            enabled.filter(|(_, is_active)| *is_active).map(|(numbered, _)| numbered),
        );
        Engine { active, prefilter, policy }
    }

    /// Returns the configuration that detectors share.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the position of a detector that runs.
    pub(super) fn active_position(&self, wanted: &dyn Detector) -> Option<usize> {
        let position = DETECTORS.iter().position(|detector| detector.name() == wanted.name())?;
        self.active.get(position).copied().unwrap_or(false).then_some(position)
    }

    /// Tells whether a text is clean without reading it closely; `false` may be a false alarm.
    pub(super) fn is_clean(&self, text: &str) -> bool {
        self.prefilter.look(text).is_nothing()
    }

    /// Tells whether a text is a secret key, as written or once redacted.
    pub(super) fn spells_secret(&self, text: &str) -> bool {
        let is_secret = |key: &str| self.policy.keys().verdict(key).is_secret();
        is_secret(text)
            || self.redact(text, &mut Tally::default()).is_some_and(|redacted| is_secret(&redacted))
    }

    /// Returns the redacted text, or `None` when nothing had to be replaced.
    pub(super) fn redact(&self, text: &str, tally: &mut Tally) -> Option<String> {
        self.redact_field(text, NumberUse::Unknown, tally)
    }

    /// The same for the name of a field, which may hold ids too.
    pub(super) fn redact_name(&self, name: &str, tally: &mut Tally) -> Option<String> {
        let without_ids = self.policy.without_ids(name);
        self.redact(without_ids.as_deref().unwrap_or(name), tally).or(without_ids)
    }

    /// The same for the text of a field whose name says what its numbers are for.
    pub(super) fn redact_field(
        &self,
        text: &str,
        number_use: NumberUse,
        tally: &mut Tally,
    ) -> Option<String> {
        let mut needs = self.prefilter.look(text);
        let mut redacted: Option<String> = None;
        for _ in 0..PASSES_MAX {
            // Fast path: nearly every text ends here.
            if needs.is_nothing() {
                break;
            }
            let current = redacted.as_deref().unwrap_or(text);
            let spans = self.find(current, number_use, needs);
            if spans.is_empty() {
                break;
            }
            for span in spans.iter().filter(|span| span.outcome == Outcome::Redacted) {
                tally.note(span.detector);
            }
            let rewritten = rewrite(current, &spans);
            needs = self.prefilter.look(&rewritten);
            redacted = Some(rewritten);
        }
        redacted
    }

    /// Returns what to replace in a text, in order and without overlap.
    fn find(&self, text: &str, number_use: NumberUse, needs: Needs) -> Vec<Span> {
        let raw = self.run(text, number_use, needs.detectors);
        let view = if needs.view { View::of(text) } else { None };
        let Some(view) = view else { return raw };
        let view_needs = self.prefilter.look(view.text());
        let decoded: Vec<Span> = self
            .run(view.text(), number_use, view_needs.detectors)
            .into_iter()
            .map(|span| {
                let range = view.to_raw(span.start..span.end);
                Span { start: range.start, end: range.end, ..span }
            })
            .collect();
        let snapped = raw.into_iter().filter_map(|span| snap(span, &view, &decoded)).collect();
        merge([decoded, snapped].concat())
    }

    fn run(&self, text: &str, number_use: NumberUse, detectors: DetectorSet) -> Vec<Span> {
        if detectors.is_empty() {
            return Vec::new();
        }
        let mut found = Found::of_field(number_use);
        for (position, detector) in DETECTORS.iter().enumerate() {
            if detectors.contains(position) {
                found.begin(position, detector.placeholder());
                detector.find(text, &self.policy, &mut found);
            }
        }
        if found.is_empty() { Vec::new() } else { found.into_merged() }
    }
}

/// Moves a span of the raw text off the inside of escapes, so that none is cut in half: the `n`
/// of `\n` may look like the first letter of an address. Where the view found the same thing,
/// its start is the right one; otherwise the whole escape goes.
fn snap(mut span: Span, view: &View, decoded: &[Span]) -> Option<Span> {
    let next = decoded.partition_point(|other| other.end <= span.start);
    let overlaps = decoded.get(next).is_some_and(|other| other.start < span.end);
    if let Some(unit) = view.unit_around(span.start) {
        span.start = if overlaps { unit.end } else { unit.start };
    }
    if let Some(unit) = view.unit_around(span.end) {
        span.end = if overlaps { unit.start } else { unit.end };
    }
    (span.start < span.end).then_some(span)
}
