//! The judge: a labelled line and what was stored of it arrive, a verdict leaves.
//!
//! Right is a line whose value is gone, whole, under the name of its kind, and whose every other
//! byte is as it was.

use crate::labelled::{Place, Sample};
use crate::pipeline::{Stored, push_leaves};
use crate::template::Role;

/// Fewest characters of a value whose presence is a leak of a part.
const PART_MIN: usize = 4;
/// Most: a longer part is only found by its parts.
const PART_MAX: usize = 8;

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Gone, and nothing else.
    Right,
    /// Gone, but by a detector of another kind.
    OtherKind,
    /// Gone, and with it what should have stayed.
    Overreach,
    /// A part of the value stayed.
    Part,
    /// The value stayed.
    Leak,
}

impl Verdict {
    /// Tells whether nothing of the value is stored.
    pub fn is_safe(self) -> bool {
        matches!(self, Verdict::Right | Verdict::OtherKind | Verdict::Overreach)
    }

    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Right => "right",
            Verdict::OtherKind => "other kind",
            Verdict::Overreach => "overreach",
            Verdict::Part => "part",
            Verdict::Leak => "leak",
        }
    }
}

/// Judges what was stored of a line.
pub fn judge(sample: &Sample, stored: &Stored) -> Verdict {
    let shown = stored.shown();
    let values: Vec<&str> = sample
        .pieces
        .iter()
        .filter(|piece| piece.role == Role::Value)
        .map(|piece| piece.text.as_str())
        .collect();
    let around: String = sample
        .pieces
        .iter()
        .filter(|piece| piece.role != Role::Value)
        .map(|piece| piece.text.as_str())
        .collect();
    if values.iter().any(|value| shown.contains(value)) || shown.contains(&sample.secret) {
        return Verdict::Leak;
    }
    if holds_part(&shown, &sample.secret, &around)
        || values.iter().any(|value| holds_part(&shown, value, &around))
    {
        return Verdict::Part;
    }
    let is_intact = match sample.place {
        Place::Record => is_record_intact(sample, stored),
        Place::Message | Place::Field | Place::List => {
            // A message that is an object of JSON is read into fields.
            stored.leaves.iter().any(|leaf| is_intact(sample, leaf))
                || is_record_intact(sample, stored)
        }
    };
    let is_of_kind = stored.detectors.iter().any(|name| sample.detectors.contains(&name.as_str()));
    match (is_intact, is_of_kind) {
        (false, _) => Verdict::Overreach,
        (true, false) => Verdict::OtherKind,
        (true, true) => Verdict::Right,
    }
}

/// Tells whether a part of a value is shown that is in no other part of the line.
fn holds_part(shown: &str, value: &str, around: &str) -> bool {
    let letters: Vec<(usize, char)> = value.char_indices().collect();
    let length = (letters.len() / 3).clamp(PART_MIN, PART_MAX);
    let ends = letters.iter().map(|(start, _)| *start).chain([value.len()]).skip(length);
    let parts = letters.iter().zip(ends).filter_map(|((start, _), end)| value.get(*start..end));
    // Zeros, mask stars and words of the mark are anybody's.
    let telling =
        |part: &&str| part.chars().filter(|letter| letter.is_alphanumeric()).count() >= PART_MIN;
    parts
        .filter(telling)
        .any(|part| shown.contains(part) && !around.contains(part) && !is_common(part))
}

/// Texts of records that no value gave.
fn is_common(part: &str) -> bool {
    ["timestamp", "message", "detail", "level", "2026-", "SECRET]", "[SECRET", "PRIVATE", "BEGIN "]
        .iter()
        .any(|common| common.contains(part))
}

/// Tells whether a text is the sample's line with something in place of what must or may go.
fn is_intact(sample: &Sample, leaf: &str) -> bool {
    let mut fixed = vec![String::new()];
    let mut is_gap = false;
    for piece in &sample.pieces {
        match piece.role {
            Role::Plain | Role::Key => {
                if is_gap {
                    fixed.push(String::new());
                }
                is_gap = false;
                if let Some(last) = fixed.last_mut() {
                    last.push_str(&piece.text);
                }
            }
            Role::Loose | Role::Value => is_gap = true,
        }
    }
    if is_gap {
        fixed.push(String::new());
    }
    let (Some(first), Some(last)) = (fixed.first(), fixed.last()) else { return false };
    let Some(rest) = leaf.strip_prefix(first.as_str()) else { return false };
    let Some(rest) =
        rest.strip_suffix(last.trim_end()).or_else(|| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    let middle = fixed.get(1..fixed.len() - 1).unwrap_or_default();
    let mut rest = rest;
    for part in middle {
        let Some((_, behind)) = rest.split_once(part.as_str()) else { return false };
        rest = behind;
    }
    true
}

/// Tells whether every text of a record but the value is stored.
fn is_record_intact(sample: &Sample, stored: &Stored) -> bool {
    let Ok(record) = serde_json::from_str(&sample.text()) else { return false };
    let mut leaves = Vec::new();
    push_leaves(&record, &mut leaves);
    let words = leaves.iter().filter(|leaf| !leaf.contains(&sample.secret));
    // The level, the moment and the names of the contract are read and not kept as they came.
    let kept = words.filter(|leaf| leaf.contains(' ') || leaf.contains('/'));
    kept.filter(|leaf| !leaf.contains(&sample.secret))
        .all(|leaf| stored.leaves.iter().any(|other| other.contains(leaf.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disguise::Disguise;
    use crate::kind::Class;
    use crate::template::Piece;

    fn sample() -> Sample {
        let piece = |text: &str, role| Piece { text: text.to_owned(), role };
        Sample {
            kind: "email",
            form: "plain",
            class: Class::Mail,
            detectors: &["email"],
            notation: String::new(),
            disguise: Disguise::Plain,
            place: Place::Message,
            secret: "ada.lovelace@example.org".to_owned(),
            pieces: vec![
                piece("to ", Role::Plain),
                piece("<", Role::Loose),
                piece("ada.lovelace@example.org", Role::Value),
                piece(">", Role::Loose),
                piece(" sent", Role::Plain),
            ],
        }
    }

    #[test]
    fn each_way_to_be_wrong_is_told() {
        let cases = [
            ("to <[EMAIL]> sent", "email", Verdict::Right),
            ("to [EMAIL] sent", "email", Verdict::Right),
            ("to <[EMAIL]> sent", "card", Verdict::OtherKind),
            ("to <[EMAIL]", "email", Verdict::Overreach),
            ("[EMAIL] sent", "email", Verdict::Overreach),
            ("to <[EMAIL]lace@example.org> sent", "email", Verdict::Part),
            ("to <ada.lovelace@example.org> sent", "", Verdict::Leak),
        ];
        for (text, detector, expected) in cases {
            let stored = Stored {
                leaves: vec!["message".to_owned(), text.to_owned()],
                detectors: vec![detector.to_owned()],
            };
            assert_eq!(judge(&sample(), &stored), expected, "{text}");
        }
    }
}
