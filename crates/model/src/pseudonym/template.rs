//! Templates: ids in a text that stand behind a fixed beginning, `/users/42/profile`, `user #42`.
//!
//! Arrives: a text, and where the beginning of a template was found in the text. Leaves: the place
//! of each id behind the beginning, and the id as it is meant. Time is linear in the id.

use std::borrow::Cow;
use std::ops::Range;

use super::normal::normal_id;
use crate::id_form::reads_as_id;

/// Longest id in a text; no id of a person is nearly as long.
const ID_BYTES_MAX: usize = 512;

/// Blanks between the beginning of a template and the id.
const BLANKS_MAX: usize = 8;

/// Ids of one list, `/users/42,43`.
const LIST_IDS_MAX: usize = 256;

/// Longest ending of a file behind an id: `42.json`.
const ENDING_BYTES_MAX: usize = 8;

/// What may stand in the place of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// What reads as an id: a number, a UUID, an address, a long token.
    Id,
    /// Any word.
    Any,
}

/// Where the ids of a template stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// A segment of a path.
    Path,
    /// A word of a text.
    Words,
}

/// A beginning, an id, and what must follow the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    anchor: String,
    after: String,
    /// Whether blanks stand between the beginning and the id.
    has_blanks: bool,
    setting: Setting,
    form: Form,
    identity: u16,
}

/// An id in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<'t> {
    /// Where the id is written.
    pub range: Range<usize>,
    /// The id as it is meant: `%40` is `@`.
    pub id: Cow<'t, str>,
    /// Position of the identity, see [`super::Identities::name`].
    pub identity: u16,
}

impl Template {
    /// Returns the template of a text before the id and one behind.
    pub(super) fn new(before: &str, after: &str, form: Form, identity: u16) -> Template {
        let anchor = before.trim_end().to_owned();
        let setting = if anchor.ends_with('/') { Setting::Path } else { Setting::Words };
        let has_blanks = anchor.len() < before.len();
        Template { anchor, after: after.to_owned(), has_blanks, setting, form, identity }
    }

    /// Returns what stands before every id of the template, in any case of ASCII letters.
    pub fn anchor(&self) -> &str {
        &self.anchor
    }

    /// Tells whether a word that reads as no id may be one.
    pub fn takes_any(&self) -> bool {
        self.form == Form::Any
    }

    /// Returns the ids of the template in a text, which has the anchor from a position on.
    pub fn ids_at<'t>(&self, text: &'t str, start: usize) -> Vec<Placed<'t>> {
        let mut placed = Vec::new();
        let bytes = text.as_bytes();
        let is_word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
        let is_inside = is_word(start) && start.checked_sub(1).is_some_and(is_word);
        let mut at = start + self.anchor.len();
        if self.has_blanks {
            let rest = bytes.get(at..).unwrap_or_default();
            let blanks = rest.iter().take(BLANKS_MAX).take_while(|byte| is_blank(**byte)).count();
            if blanks == 0 {
                return placed;
            }
            at += blanks;
        }
        while !is_inside && placed.len() < LIST_IDS_MAX {
            let Some(range) = self.id_at(text, at) else { break };
            let Some(written) = text.get(range.clone()) else { break };
            let end = range.end;
            placed.push(Placed { range, id: meant(written), identity: self.identity });
            // Of a list in a path each element is an id.
            let goes_on = self.setting == Setting::Path && bytes.get(end) == Some(&b',');
            if !goes_on {
                break;
            }
            at = end + 1;
        }
        placed
    }

    /// Returns where the id stands that begins at a position.
    fn id_at(&self, text: &str, start: usize) -> Option<Range<usize>> {
        let window = text.get(start..text.floor_char_boundary(start + ID_BYTES_MAX))?;
        let ends = |character: char| match self.setting {
            Setting::Path => ends_segment(character),
            Setting::Words => ends_word(character),
        };
        let end = window.find(ends);
        if end.is_none() && start + window.len() < text.len() {
            return None;
        }
        let word = window.get(..end.unwrap_or(window.len()))?;
        let id = match self.setting {
            Setting::Path => word.trim_end_matches('.'),
            Setting::Words if !word.starts_with(|c: char| c.is_alphanumeric()) => return None,
            Setting::Words => word.trim_end_matches(['.', ':', '!', '?']),
        };
        let id = self.without_ending(id);
        let is_id = match self.form {
            Form::Id => is_id(id),
            Form::Any => id.contains(|c: char| c.is_alphanumeric()),
        };
        let rest = text.get(start + id.len()..)?;
        let follows = rest.get(..self.after.len());
        let is_whole = follows.is_some_and(|rest| rest.eq_ignore_ascii_case(&self.after));
        (is_id && is_whole).then(|| start..start + id.len())
    }

    /// Returns a segment without the ending of a file, where only the rest reads as an id.
    fn without_ending<'s>(&self, segment: &'s str) -> &'s str {
        let Some((rest, ending)) = segment.rsplit_once('.') else { return segment };
        let is_ending = ending.len() <= ENDING_BYTES_MAX
            && ending.starts_with(|c: char| c.is_ascii_alphabetic())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match self.setting == Setting::Path && is_ending && !is_id(segment) && is_id(rest) {
            true => rest,
            false => segment,
        }
    }
}

/// Tells whether a word reads as an id: as a whole, or as a name of its issuer and an id,
/// `auth0|5f7c8ec7c33c6c004bbafe82`. Letters of every script are letters.
fn is_id(word: &str) -> bool {
    let meant = meant(word);
    let id = normal_id(&meant);
    let letters: String = id.chars().map(|c| if c.is_ascii() { c } else { 'x' }).collect();
    let issued = letters.split_once('|').filter(|(issuer, _)| !issuer.is_empty());
    reads_as_id(&letters)
        || super::has_token_form(&letters)
        || issued.is_some_and(|(_, id)| reads_as_id(id))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Tells whether a segment of a path ends before a character.
fn ends_segment(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || "/?#&\"'`<>,;:()[]{}\\|^=*!".contains(character)
}

/// Tells whether a word of a text ends before a character.
fn ends_word(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "\"'`<>,;()[]{}\\".contains(character)
}

/// Returns what a segment of a path means: percent signs with two digits are bytes of UTF-8.
fn meant(written: &str) -> Cow<'_, str> {
    if !written.contains('%') {
        return Cow::Borrowed(written);
    }
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| *byte == b'%');
        let decoded = digits.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
        });
        match decoded {
            Some(decoded) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(written), Cow::Owned)
}
