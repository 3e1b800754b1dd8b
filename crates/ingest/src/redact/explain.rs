//! Explanations: which finds a text or a record had, where, why, and what became of each, for
//! whoever asks (`tierlog redact --explain`, the test route).
//!
//! Arrives: the spans of each reading of a text, and whole values that were finds. Leaves: finds
//! whose places are those of the text as it came, although a second reading sees a rewritten text.
//! A find never quotes the value, and no find is kept or logged here.

use std::ops::Range;

use serde::Serialize;

use super::span::{Outcome, Sign, Span};

/// Most finds that are told of a text or record: a listing of cards is longer, and says no more.
const FINDS_MAX: usize = 1_000;

/// A find, and what became of the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Find {
    /// The dotted name of the field; empty for plain text.
    #[schema(example = "message")]
    pub field: String,
    /// First byte of the find in the text of the field; left out when the whole value is the find.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<usize>,
    /// The byte behind the find.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<usize>,
    /// The detector.
    #[schema(example = "email")]
    pub detector: &'static str,
    /// What the detector looked at: `text`, `key` (in front of the value), `name` (of the field),
    /// `number`, `rule` (of the policy, whatever the value is).
    #[schema(example = "text")]
    pub sign: &'static str,
    /// What decides whether this detector has a find.
    pub because: &'static str,
    /// What was done.
    #[schema(example = "replace")]
    pub action: &'static str,
    /// The rule of the policy that asked for the action; left out for the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What stands in place of the value now; empty when the field or record is gone.
    #[schema(example = "[EMAIL]")]
    pub replacement: String,
}

impl Sign {
    /// Returns the word in an explanation.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Sign::Text => "text",
            Sign::Key => "key",
            Sign::Name => "name",
            Sign::Number => "number",
        }
    }
}

/// The finds of one text or record.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    finds: Vec<Find>,
    edits: Vec<Edit>,
}

/// A place of the text that was rewritten, as the place is now and as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    now: Range<usize>,
    was: Range<usize>,
}

/// A place while a text is rewritten.
struct Place {
    now: Range<usize>,
    /// Its length afterwards.
    bytes: usize,
    was: Range<usize>,
}

impl Place {
    /// Takes in a place that begins inside of this one.
    fn join(&mut self, next: &Place) {
        let shared = next.now.end.min(self.now.end) - next.now.start;
        self.bytes = (self.bytes + next.bytes).saturating_sub(shared);
        self.now.end = self.now.end.max(next.now.end);
        self.was = self.was.start.min(next.was.start)..self.was.end.max(next.was.end);
    }
}

impl Trace {
    /// Notes a find.
    pub(super) fn note(&mut self, find: Find) {
        if self.finds.len() < FINDS_MAX {
            self.finds.push(find);
        }
    }

    /// Returns the finds since the last call, in the order of their fields.
    pub(super) fn take(&mut self) -> Vec<Find> {
        std::mem::take(&mut self.finds)
    }

    /// Begins with the first reading of a text.
    pub(super) fn begin_text(&mut self) {
        self.edits.clear();
    }

    /// Returns the place of a span in the text as it came.
    pub(super) fn place(&self, span: &Span) -> Range<usize> {
        self.to_first(span.start..span.end)
    }

    /// Notes that the places of merged spans are rewritten.
    pub(super) fn rewrite(&mut self, merged: &[Span]) {
        let replaced = merged.iter().filter(|span| span.outcome != Outcome::Tagged);
        let replaced = replaced.map(|span| Place {
            now: span.start..span.end,
            bytes: span.text.len(),
            was: self.place(span),
        });
        let earlier = self.edits.iter().map(|Edit { now, was }| Place {
            now: now.clone(),
            bytes: now.len(),
            was: was.clone(),
        });
        let mut places: Vec<Place> = replaced.chain(earlier).collect();
        places.sort_by_key(|place| (place.now.start, place.now.end));
        let (mut edits, mut grown, mut shrunk) = (Vec::new(), 0, 0);
        let mut places = places.into_iter().peekable();
        while let Some(mut place) = places.next() {
            // Places that overlap are one from now on: what is left of either is nobody's text.
            while let Some(next) = places.next_if(|next| next.now.start < place.now.end) {
                place.join(&next);
            }
            let start = place.now.start + grown - shrunk;
            (grown, shrunk) = (grown + place.bytes, shrunk + place.now.len());
            edits.push(Edit { now: start..start + place.bytes, was: place.was });
        }
        self.edits = edits;
    }

    fn to_first(&self, range: Range<usize>) -> Range<usize> {
        let edge = |position: usize, is_start: bool| {
            // An end at which a place begins lies in front of the place.
            let reach = if is_start { position } else { position.saturating_sub(1) };
            let behind = self.edits.partition_point(|edit| edit.now.start <= reach);
            let Some(edit) = behind.checked_sub(1).and_then(|last| self.edits.get(last)) else {
                return position;
            };
            match position < edit.now.end || (!is_start && position == edit.now.end) {
                true if is_start => edit.was.start,
                true => edit.was.end,
                false => edit.was.end + (position - edit.now.end),
            }
        };
        edge(range.start, true)..edge(range.end, false)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::super::span::{merge, rewrite};
    use super::*;

    fn span(start: usize, end: usize, text: String) -> Span {
        let (outcome, sign) = (Outcome::Redacted, Sign::Text);
        Span { start, end, detector: 0, text: Cow::Owned(text), outcome, sign, rule: None }
    }

    proptest! {
        /// Every byte of the first text is its own number; a rewritten place is nothing.
        #[test]
        fn places_are_those_of_the_text_as_it_came(
            readings in prop::collection::vec(
                prop::collection::vec((0_usize..40, 1_usize..6, 0_usize..9), 0..4), 1..4),
        ) {
            let mut text: String = ('A'..='Z').chain('a'..='n').collect();
            let first = text.clone();
            let mut trace = Trace::default();
            trace.begin_text();
            for reading in readings {
                let spans = reading.into_iter().filter_map(|(start, length, grown)| {
                    let end = (start + length).min(text.len());
                    (start < end).then(|| span(start, end, "*".repeat(grown)))
                });
                let merged = merge(spans.collect());
                for (position, letter) in text.char_indices().filter(|(_, c)| *c != '*') {
                    let place = trace.place(&span(position, position + 1, String::new()));
                    prop_assert_eq!(&first[place], letter.to_string());
                }
                for span in &merged {
                    let place = trace.place(span);
                    for letter in text[span.start..span.end].chars().filter(|c| *c != '*') {
                        prop_assert!(first[place.clone()].contains(letter), "{place:?} {letter}");
                    }
                }
                trace.rewrite(&merged);
                text = rewrite(&text, &merged);
            }
        }
    }
}
