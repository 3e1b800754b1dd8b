//! The one list of detectors. A new detector is one file and one line here.
//!
//! Order is precedence: of two finds over the same bytes the earlier detector names it.

use super::detector::{
    Authorization, Card, CloudKey, Detector, Email, Iban, Jwt, KeyValue, Phone, PrivateKey,
    SecretKey, Ssn, UrlCredentials, UserId,
};

/// Every detector.
pub(super) static DETECTORS: [&dyn Detector; 13] = [
    &SecretKey,
    &UserId,
    &PrivateKey,
    &Jwt,
    &CloudKey,
    &KeyValue,
    &Authorization,
    &UrlCredentials,
    &Email,
    &Card,
    &Iban,
    &Ssn,
    &Phone,
];

/// Tells whether a text is, as a whole, what a detector put there.
pub(super) fn is_placeholder(text: &str) -> bool {
    text.starts_with('[') && DETECTORS.iter().any(|detector| detector.placeholder() == text)
}

/// Tells whether a text begins with what a detector put there.
pub(super) fn starts_with_placeholder(text: &str) -> bool {
    text.starts_with('[')
        && DETECTORS.iter().any(|detector| text.starts_with(detector.placeholder()))
}
