//! Spans: what detectors found in a text, and the text with those places replaced.
//!
//! Arrives: ranges in any order, overlapping. Leaves: the rewritten text. Bytes outside every
//! span are copied as they are; a place that only one of two overlapping spans covered is
//! replaced too, so that no remainder of a value survives.

use std::borrow::Cow;
use std::ops::Range;

use super::claim::Claim;
use super::policy::Policy;
use super::tokens::Tokens;

/// Whether a replacement counts as a redaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The value is gone; a placeholder names its kind.
    Redacted,
    /// The value became a searchable token, which the record does not list as redacted.
    Pseudonymised,
    /// The value stays, because a rule asks for a tag only.
    Tagged,
}

/// What a detector looked at when a value was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sign {
    /// The text alone.
    #[default]
    Text,
    /// A key in front of the value, inside the text.
    Key,
    /// The name of the field.
    Name,
    /// A number that speaks for itself.
    Number,
}

/// One place to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last one.
    pub(super) end: usize,
    /// Position of the detector in the registry.
    pub(super) detector: usize,
    /// What stands there afterwards.
    pub(super) text: Cow<'static, str>,
    /// Whether this is a redaction or a pseudonym.
    pub(super) outcome: Outcome,
    /// What the detector looked at.
    pub(super) sign: Sign,
    /// Position of the rule that chose the action; `None` for the default.
    pub(super) rule: Option<usize>,
}

impl Span {
    /// Returns the token of a pseudonym, without the quotes of JSON.
    pub(super) fn token(&self) -> Option<&str> {
        let is_token = self.outcome == Outcome::Pseudonymised;
        is_token.then(|| self.text.trim_matches(['"', '\'', '\\']))
    }
}

/// An id in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'t> {
    /// As it stands in the text.
    pub(super) text: &'t str,
    /// As it is meant.
    pub(super) id: &'t str,
    /// What the token has to stand between.
    pub(super) quote: &'t str,
}

impl<'t> Written<'t> {
    /// An id without escapes.
    pub(super) fn plain(text: &'t str) -> Written<'t> {
        Written { text, id: text, quote: "" }
    }
}

/// Collects the spans of the detector that runs now.
#[derive(Default)]
pub(super) struct Found {
    spans: Vec<Span>,
    tokens: Tokens,
    detector: usize,
    placeholder: &'static str,
    claim: Claim,
    sign: Sign,
}

impl Found {
    /// Says what the detectors that follow look at.
    pub(super) fn look_at(&mut self, sign: Sign) {
        self.sign = sign;
    }

    /// Lends the tokens of the batch to a collection that is made for one text.
    pub(super) fn with(tokens: Tokens) -> Found {
        Found { tokens, ..Found::default() }
    }

    /// Names the detector whose finds follow, and what the name of the text's field says to it.
    pub(super) fn begin(&mut self, detector: usize, placeholder: &'static str, claim: Claim) {
        self.detector = detector;
        self.placeholder = placeholder;
        self.claim = claim;
    }

    /// Returns what the name of the text's field says to the detector.
    pub(super) fn claim(&self) -> Claim {
        self.claim
    }

    /// Replaces a range by the detector's placeholder.
    pub(super) fn replace(&mut self, range: Range<usize>) {
        self.push(range, Cow::Borrowed(self.placeholder), Outcome::Redacted);
    }

    /// Replaces a range by the placeholder between quotes, where a bare number or object stood
    /// after a quoted key: JSON inside text stays JSON.
    pub(super) fn replace_quoted(&mut self, range: Range<usize>, quote: &str) {
        let text = format!("{quote}{}{quote}", self.placeholder);
        self.push(range, Cow::Owned(text), Outcome::Redacted);
    }

    /// Replaces an id, written in a range, by the token of the id; between quotes where a number of
    /// JSON stood. A token that stands there already stays, and is noted for the record.
    pub(super) fn pseudonymise(
        &mut self,
        policy: &Policy,
        identity: u16,
        written: Written<'_>,
        range: Range<usize>,
    ) {
        let Some(token) = self.tokens.token(policy, identity, written.id) else { return };
        if token == written.text {
            return self.tokens.note(&token);
        }
        let text = [written.quote, &token, written.quote].concat();
        self.push(range, Cow::Owned(text), Outcome::Pseudonymised);
    }

    /// Replaces a range by a placeholder that is not the detector's own.
    pub(super) fn replace_by(&mut self, range: Range<usize>, placeholder: String) {
        self.push(range, Cow::Owned(placeholder), Outcome::Redacted);
    }

    fn push(&mut self, range: Range<usize>, text: Cow<'static, str>, outcome: Outcome) {
        if range.start < range.end {
            let (detector, sign) = (self.detector, self.sign);
            let (start, end) = (range.start, range.end);
            self.spans.push(Span { start, end, detector, text, outcome, sign, rule: None });
        }
    }

    /// Returns the spans as they were found, and the tokens that were lent.
    pub(super) fn into_parts(self) -> (Vec<Span>, Tokens) {
        (self.spans, self.tokens)
    }
}

/// Returns spans in order and without overlap. Of overlapping spans the earliest wins, then the
/// longest, then the one whose detector stands first in the registry; its range grows over the
/// others.
pub(super) fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by(|a, b| {
        a.start.cmp(&b.start).then(b.end.cmp(&a.end)).then(a.detector.cmp(&b.detector))
    });
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Returns the text with merged spans replaced.
pub(super) fn rewrite(text: &str, merged: &[Span]) -> String {
    let mut output = String::with_capacity(text.len());
    let mut copied = 0;
    for span in merged {
        output.push_str(text.get(copied..span.start).unwrap_or_default());
        output.push_str(&span.text);
        copied = span.end;
    }
    output.push_str(text.get(copied..).unwrap_or_default());
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_spans_become_one_and_other_bytes_stay() {
        let mut found = Found::default();
        found.begin(1, "[B]", Claim::Silent);
        found.replace(4..8);
        found.replace(12..14);
        found.begin(0, "[A]", Claim::Silent);
        found.replace(2..6);
        found.replace(12..14);
        found.replace(9..9);
        let merged = merge(found.into_parts().0);
        assert_eq!(rewrite("0123456789abcdef", &merged), "01[A]89ab[A]ef");
    }
}
