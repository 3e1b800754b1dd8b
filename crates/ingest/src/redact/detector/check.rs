//! Test helper: one detector over tables of texts, names and values.

use tierlog_model::Pseudonyms;

use super::{Detector, find_keyed};
use crate::redact::claim::Claim;
use crate::redact::named::NamedKinds;
use crate::redact::placeholders::Placeholders;
use crate::redact::policy::Policy;
use crate::redact::registry::DETECTORS;
use crate::redact::settings::RedactionSettings;
use crate::redact::span::{Found, merge, rewrite};
use crate::redact::whole::Whole;

/// Returns the standard policy with pseudonyms.
pub(super) fn policy(pseudonyms: &Pseudonyms) -> Policy {
    policy_of(&[], pseudonyms)
}

/// Returns the same for detectors with these positions.
fn policy_of(detectors: &[&dyn Detector], pseudonyms: &Pseudonyms) -> Policy {
    let placeholders = Placeholders::new(DETECTORS.iter().map(|detector| detector.placeholder()));
    let named = NamedKinds::new(detectors.iter().map(|detector| detector.names()).enumerate());
    Policy::new(&RedactionSettings::default(), pseudonyms.clone(), placeholders, named)
}

/// Asserts the outcome of one detector over a text.
#[track_caller]
pub(super) fn check(detector: &dyn Detector, text: &str, expected: &str) {
    check_with(detector, &Pseudonyms::off(), text, expected);
}

/// Asserts the same with pseudonyms.
#[track_caller]
pub(super) fn check_with(
    detector: &dyn Detector,
    pseudonyms: &Pseudonyms,
    text: &str,
    expected: &str,
) {
    let policy = policy_of(&[detector], pseudonyms);
    let mut found = Found::default();
    found.begin(0, detector.placeholder(), Claim::Silent);
    detector.text(text, &policy, &mut found);
    find_keyed(text, &[(0, detector)], &policy, &mut found);
    assert_eq!(rewrite(text, &merge(found.into_parts().0)), expected, "{}", detector.name());
}

/// Asserts that a detector changes none of the texts.
#[track_caller]
pub(super) fn check_untouched(detector: &dyn Detector, texts: &[&str]) {
    for text in texts {
        check(detector, text, text);
    }
}

/// Asserts whether a whole value under a name is a find.
#[track_caller]
pub(super) fn check_value(detector: &dyn Detector, name: &str, value: Whole<'_>, expected: bool) {
    let policy = policy_of(&[detector], &Pseudonyms::off());
    let claim = match policy.named(name).contains(0) {
        true => Claim::Likely,
        false => detector.key(name, &policy),
    };
    let is_asked = match value {
        Whole::Number(number) if claim == Claim::Silent => number >= detector.trigger().number_min,
        _ => claim > Claim::Silent,
    };
    assert_eq!(is_asked && detector.value(value, claim), expected, "{name} {value:?}");
}
