//! The engine: one text in, the redacted text out, or nothing when the text was clean.
//!
//! Prefilter, then the detectors that the prefilter names, over the text and over the decoded view
//! of the text, then one rewrite. A rewritten text is read again, because a replacement gives its
//! neighbours new boundaries; so the answer holds nothing that a detector would find. The engine
//! also asks detectors about names and whole values, for the walk over records.

use tierlog_model::Pseudonyms;

use super::claim::{Claim, Claims};
use super::detector::{Detector, find_keyed};
use super::detector_set::{DETECTORS_MAX, DetectorSet, Readers};
use super::named::NamedKinds;
use super::placeholders::Placeholders;
use super::policy::Policy;
use super::prefilter::{Needs, Prefilter};
use super::settings::RedactionSettings;
use super::span::{Found, Outcome, Span, merge, rewrite};
use super::view::View;
use super::whole::Whole;

/// How often a text is read at most. The second reading nearly always finds nothing; the bound
/// keeps hostile text linear.
const PASSES_MAX: usize = 8;

/// What fired, and how often, by detector.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    counts: [u64; DETECTORS_MAX],
    fired: DetectorSet,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { counts: [0; DETECTORS_MAX], fired: DetectorSet::EMPTY }
    }
}

impl Tally {
    /// Counts one replaced value of a detector.
    pub(super) fn note(&mut self, detector: usize) {
        if let Some(count) = self.counts.get_mut(detector) {
            *count += 1;
            self.fired.insert(detector);
        }
    }

    /// Returns the detectors that fired since the last call.
    pub(super) fn take_fired(&mut self) -> DetectorSet {
        std::mem::take(&mut self.fired)
    }

    /// Returns how many values were replaced.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns how many values each detector replaced, by position.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }
}

/// The active detectors, ready to read.
pub(super) struct Engine {
    detectors: &'static [&'static dyn Detector],
    active: DetectorSet,
    /// Active detectors of bare numbers, and the least number of any such detector.
    numbered: DetectorSet,
    number_min: u64,
    prefilter: Prefilter,
    policy: Policy,
}

impl Engine {
    /// Compiles what the settings ask for. The detectors are all that there are, in order of
    /// precedence; those below learn of them from the engine only.
    pub(super) fn new(
        detectors: &'static [&'static dyn Detector],
        settings: &RedactionSettings,
        pseudonyms: Pseudonyms,
    ) -> Engine {
        let placeholders = Placeholders::new(detectors.iter().map(|one| one.placeholder()));
        let active_names = detectors.iter().enumerate();
        let active_names =
            active_names.filter(|(_, detector)| settings.is_enabled(detector.name()));
        let named = NamedKinds::new(active_names.map(|(position, one)| (position, one.names())));
        let policy = Policy::new(settings, pseudonyms, placeholders, named);
        let enabled = || {
            let all = detectors.iter().enumerate();
            all.filter(|(_, detector)| settings.is_enabled(detector.name()))
                .map(|(position, detector)| (position, detector.trigger()))
        };
        let (mut active, mut numbered) = (DetectorSet::EMPTY, DetectorSet::EMPTY);
        for (position, trigger) in enabled() {
            active.insert(position);
            if trigger.number_min < u64::MAX {
                numbered.insert(position);
            }
        }
        let number_min = enabled().map(|(_, trigger)| trigger.number_min).min();
        Engine {
            detectors,
            active,
            numbered,
            number_min: number_min.unwrap_or(u64::MAX),
            prefilter: Prefilter::new(enabled()),
            policy,
        }
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
        told.map(|(_, detector)| detector.trigger().digit_run).min().unwrap_or(u32::MAX)
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
        for _ in 0..PASSES_MAX {
            // Fast path: nearly every text ends here.
            if needs.is_nothing() {
                break;
            }
            let current = redacted.as_deref().unwrap_or(text);
            let spans = self.find(current, claims, needs);
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
    fn find(&self, text: &str, claims: Claims, needs: Needs) -> Vec<Span> {
        let raw = self.run(text, claims, needs.readers);
        let view = if needs.view { View::of(text) } else { None };
        let Some(view) = view else { return raw };
        let view_needs = self.prefilter.look(view.text());
        let decoded: Vec<Span> = self
            .run(view.text(), claims, view_needs.readers)
            .into_iter()
            .map(|span| {
                let range = view.to_raw(span.start..span.end);
                Span { start: range.start, end: range.end, ..span }
            })
            .collect();
        let snapped = raw.into_iter().filter_map(|span| snap(span, &view, &decoded)).collect();
        merge([decoded, snapped].concat())
    }

    fn run(&self, text: &str, claims: Claims, readers: Readers) -> Vec<Span> {
        if readers.is_empty() {
            return Vec::new();
        }
        let mut found = Found::default();
        for (position, detector) in self.each(readers.text) {
            found.begin(position, detector.placeholder(), claims.of(position));
            detector.text(text, &self.policy, &mut found);
        }
        if !readers.keys.is_empty() {
            let keyed: Vec<(usize, &dyn Detector)> = self.each(readers.keys).collect();
            find_keyed(text, &keyed, &self.policy, &mut found);
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
