//! Test helper: one detector over a table of texts.

use tierlog_model::Pseudonyms;

use super::Detector;
use crate::redact::policy::Policy;
use crate::redact::settings::RedactionSettings;
use crate::redact::span::{Found, rewrite};

/// Asserts what a text becomes under one detector alone.
#[track_caller]
pub(super) fn check(detector: &dyn Detector, text: &str, expected: &str) {
    check_with(detector, &Pseudonyms::off(), text, expected);
}

/// The same with pseudonyms.
#[track_caller]
pub(super) fn check_with(
    detector: &dyn Detector,
    pseudonyms: &Pseudonyms,
    text: &str,
    expected: &str,
) {
    let policy = Policy::new(&RedactionSettings::default(), pseudonyms.clone());
    let mut found = Found::default();
    found.begin(0, detector.placeholder());
    detector.find(text, &policy, &mut found);
    assert_eq!(rewrite(text, &found.into_merged()), expected, "{}", detector.name());
}

/// Asserts that a detector leaves every text as it is.
#[track_caller]
pub(super) fn check_untouched(detector: &dyn Detector, texts: &[&str]) {
    for text in texts {
        check(detector, text, text);
    }
}
