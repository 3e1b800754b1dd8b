//! Values behind keys in a text, for every detector that knows names: `phone=020 7946 0958`,
//! `"mac": "aabbccddeeff"`, `Key (phone)=(4155552671) already exists.`
//!
//! Arrives: a text, and the detectors whose words occur in it. Leaves: spans. The same questions
//! are asked as of the fields of a record, so a detector that knows a name knows the name here.

use std::ops::Range;

use super::Detector;
use super::boundary::before;
use super::listed::listed;
use super::named_ranges::named_ranges;
use super::pair::{Key, keys};
use super::value::{Form, is_empty_word, short_value};
use crate::redact::claim::Claim;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::whole::Whole;

/// Longest value to judge by a key: values of the known names are shorter.
const VALUE_BYTES_MAX: usize = 128;

/// Reports every find behind a key. Each detector comes with its position in the registry.
pub(in crate::redact) fn find_keyed(
    text: &str,
    detectors: &[(usize, &dyn Detector)],
    policy: &Policy,
    found: &mut Found,
) {
    for key in keys(text).chain(listed(text)) {
        let named = policy.named(key.name);
        for (position, detector) in detectors.iter().copied() {
            let claim = claim_of(detector, named.contains(position), key.name, policy);
            if claim <= Claim::Silent {
                continue;
            }
            let Some((range, form)) = value_of(text, &key, detector, policy) else { continue };
            let Some(written) = text.get(range.clone()) else { continue };
            if matches!(form, Form::Nested | Form::Block)
                || !is_find(detector, written, claim, policy)
            {
                continue;
            }
            found.begin(position, detector.placeholder(), claim);
            // What stood without quotes behind a quoted key was a number of JSON.
            let is_quoted = before(text.as_bytes(), range.start).is_some_and(is_quote);
            match key.quote.is_empty() || is_quoted {
                true => found.replace(range),
                false => found.replace_quoted(range, key.quote),
            }
            break;
        }
    }
    for (column, range) in named_ranges(text) {
        let Some(written) = text.get(range.clone()) else { continue };
        let named = policy.named(column);
        for (position, detector) in detectors.iter().copied() {
            let claim = claim_of(detector, named.contains(position), column, policy);
            let is_known = claim > Claim::Silent;
            if is_known && is_find(detector, written, claim, policy) {
                found.begin(position, detector.placeholder(), claim);
                found.replace(range);
                break;
            }
        }
    }
}

/// Returns what a name says to a detector, which may know the name by the table of names.
fn claim_of(detector: &dyn Detector, is_named: bool, name: &str, policy: &Policy) -> Claim {
    if is_named { Claim::Likely } else { detector.key(name, policy) }
}

/// Returns the value of a key: all of a quoted one, or as much of a bare one as the detector takes.
fn value_of(
    text: &str,
    key: &Key<'_>,
    detector: &dyn Detector,
    policy: &Policy,
) -> Option<(Range<usize>, Form)> {
    let Some((range, form)) = short_value(text, key, VALUE_BYTES_MAX, policy) else {
        // Of a tuple, `gps=(48.85837, 2.29448)`, the detector knows its form.
        let window_end = text.floor_char_boundary(key.value_start + VALUE_BYTES_MAX);
        let bytes = detector.bare_bytes(text.get(key.value_start..window_end)?)?;
        return Some((key.value_start..key.value_start + bytes, Form::Bare));
    };
    // The bracket of an area code belongs to the number.
    let opens = text.get(key.value_start..).is_some_and(|rest| rest.starts_with('('));
    let range = if opens && form == Form::Bare { key.value_start..range.end } else { range };
    let window_end = text.floor_char_boundary(range.start + VALUE_BYTES_MAX);
    let bare_bytes = match form {
        Form::Bare => {
            let window = text.get(range.start..window_end)?;
            let is_written = policy.placeholders().at_start_of(window).is_some();
            if is_written { None } else { detector.bare_bytes(window) }
        }
        Form::Quoted | Form::Wrapped | Form::Nested | Form::Block | Form::Masked => None,
    };
    match bare_bytes {
        Some(bytes) => Some((range.start..range.start + bytes, form)),
        None => Some((range, form)),
    }
}

fn is_find(detector: &dyn Detector, written: &str, claim: Claim, policy: &Policy) -> bool {
    let is_none =
        written.is_empty() || is_empty_word(written) || policy.placeholders().is_one(written);
    !is_none && detector.value(Whole::Text(written), claim)
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}
