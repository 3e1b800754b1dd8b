//! Identities: fields with pseudonyms, and every place in which ids of one identity stand.
//!
//! Arrives: the names of identities and the list of places, as configured. Leaves: answers to "is
//! this the name of an id" and templates of texts. Ingest and queries ask the same rules, so that
//! a token of the one is a token of the other.
//!
//! | place | the id is |
//! |---|---|
//! | (an identity's name) | the value of the field, in every spelling: `userId`, `context.user.id` |
//! | `username={user_id}` | the same for another name |
//! | `/users/{user_id}` | a segment of a path, wherever the path stands |
//! | `user #{user_id}` | a word of a text |
//! | `/u/{user_id:any}` | the same, also where the word does not read as an id |

use std::sync::Arc;

use super::template::{Form, Placed, Template};
use crate::fields::ID_FIELDS;

/// Most places: each is tried at every text that may have one.
pub const PLACES_MAX: usize = 64;

/// Longest place; no path or phrase before an id is nearly as long.
const PLACE_BYTES_MAX: usize = 128;

/// Shortest text before an id: less would stand everywhere.
const ANCHOR_BYTES_MIN: usize = 3;

/// Why a place says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// There are too many.
    #[error("more than {PLACES_MAX} places")]
    TooMany,
    /// The place is too long.
    #[error("{place:?} has more than {PLACE_BYTES_MAX} bytes")]
    TooLong {
        /// The place.
        place: String,
    },
    /// There is not exactly one pair of braces.
    #[error("{place:?} names no identity: write {{user_id}} where the id stands")]
    NoIdentity {
        /// The place.
        place: String,
    },
    /// No identity is called so.
    #[error("{place:?} names {identity:?}, which is no field of redaction.pseudonyms.fields")]
    UnknownIdentity {
        /// The place.
        place: String,
        /// The name in braces.
        identity: String,
    },
    /// What stands before the id does not tell that an id follows.
    #[error(
        "{place:?} has fewer than {ANCHOR_BYTES_MIN} characters before the id, a letter or slash among them"
    )]
    ShortAnchor {
        /// The place.
        place: String,
    },
}

/// Part of a name that spells the name of an id, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Bytes of the name up to the end of that part: below it every value is an id.
    pub bytes: usize,
    /// Position of the identity, see [`Identities::name`].
    pub identity: u16,
}

/// What is pseudonymised. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Identities(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The canonical field of each identity, the domain of its tokens.
    fields: Vec<String>,
    names: Vec<Spelled>,
    /// Beginnings of names that are no name of an id yet: `users` of `users.id`.
    parents: Vec<Words>,
    templates: Vec<Template>,
}

/// A name of ids.
#[derive(Debug)]
struct Spelled {
    words: Words,
    identity: u16,
}

/// The words of a name in lower case: `user`, `id`.
#[derive(Debug)]
struct Words(Vec<String>);

impl Identities {
    /// Returns the identities of some fields (canonical names), with further places of ids.
    ///
    /// A place may name a field of ids that the contract has and that is not pseudonymised: such a
    /// place rests.
    pub fn new(fields: &[String], places: &[String]) -> Result<Identities, PlaceError> {
        let mut inner = Inner::default();
        for field in fields.iter().filter(|field| !Words::of(field).0.is_empty()) {
            let identity = u16::try_from(inner.fields.len()).unwrap_or(u16::MAX);
            if identity < u16::MAX && !inner.fields.contains(field) {
                inner.fields.push(field.clone());
                inner.add_name(field, identity);
            }
        }
        if places.len() > PLACES_MAX {
            return Err(PlaceError::TooMany);
        }
        for place in places {
            inner.add_place(place)?;
        }
        Ok(Identities(Arc::new(inner)))
    }

    /// Returns the fields of the identities.
    pub fn fields(&self) -> &[String] {
        &self.0.fields
    }

    /// Returns the canonical field of an identity by position.
    pub fn name(&self, identity: u16) -> Option<&str> {
        self.0.fields.get(usize::from(identity)).map(String::as_str)
    }

    /// Returns the templates of texts.
    pub fn templates(&self) -> &[Template] {
        &self.0.templates
    }

    /// Returns the part of a name that spells the name of an id, or of an object around ids:
    /// `userId`, `user-id`, `context.user.id`, `params[user_id]` and `user_id.value` are all
    /// `user_id`; `target_user_id` is somebody else.
    pub fn covered(&self, name: &str) -> Option<Covered> {
        let ends = name.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'.' | b'[' | b'/'));
        let ends = ends.map(|(end, _)| end).chain([name.len()]);
        ends.filter_map(|end| Some((end, name.get(..end)?))).find_map(|(bytes, path)| {
            let names = &self.0.names;
            let spelled = names.iter().find(|name| name.words.end(path))?;
            Some(Covered { bytes, identity: spelled.identity })
        })
    }

    /// Returns the identity whose id stands under a name.
    pub fn covering(&self, name: &str) -> Option<&str> {
        self.name(self.covered(name)?.identity)
    }

    /// Tells whether the name of an id may end with a byte, in any case of letters.
    pub fn may_end(&self, byte: u8) -> bool {
        let last = |name: &Spelled| name.words.0.last().and_then(|word| word.bytes().last());
        self.0.names.iter().any(|name| last(name) == Some(byte.to_ascii_lowercase()))
    }

    /// Tells whether names below a name may be names of ids: those of the members of `users`.
    pub fn may_cover_below(&self, name: &str) -> bool {
        self.0.parents.iter().any(|parent| parent.end(name))
    }

    /// Returns the ids that stand in places of a text, or behind their names, in order and without
    /// overlap. For texts of queries: ingest looks for the anchors of all templates at once, and
    /// reads keys in every notation.
    pub fn ids_in<'t>(&self, text: &'t str) -> Vec<Placed<'t>> {
        let mut found = self.keyed_ids_in(text);
        for template in &self.0.templates {
            let anchor = template.anchor().as_bytes();
            let starts = text.as_bytes().windows(anchor.len()).enumerate();
            for (start, _) in starts.filter(|(_, here)| here.eq_ignore_ascii_case(anchor)) {
                found.extend(template.ids_at(text, start));
            }
        }
        found.sort_by_key(|placed| (placed.range.start, std::cmp::Reverse(placed.range.end)));
        let mut end = 0;
        found.retain(|placed| {
            let is_free = placed.range.start >= end;
            end = end.max(placed.range.end);
            is_free
        });
        found
    }

    /// Returns the ids behind their names: `user_id=42`, `userId: "42"`.
    fn keyed_ids_in<'t>(&self, text: &'t str) -> Vec<Placed<'t>> {
        let signs = text.match_indices(['=', ':']);
        let ids = signs.filter_map(|(sign, _)| {
            let before = text.get(..sign)?.trim_end_matches(['"', '\'', ' ']);
            let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
            let name_start = before.trim_end_matches(is_name).len();
            let identity = self.covered(before.get(name_start..)?)?.identity;
            let after = text.get(sign + 1..)?;
            let value = after.trim_start_matches([' ', '"', '\'']);
            let start = text.len() - value.len();
            let ends =
                |c: char| c.is_whitespace() || c.is_control() || "\"',;&|()[]{}<>".contains(c);
            let id = value.split(ends).next().filter(|id| !id.is_empty())?;
            Some(Placed { range: start..start + id.len(), id: id.into(), identity })
        });
        ids.collect()
    }

    /// Returns words of which one stands in the name of every id, in any case of letters; empty
    /// when a name is too short for that.
    pub fn words_of_names(&self) -> Vec<String> {
        let words = self.0.names.iter().map(|name| name.words.longest().to_owned());
        let words: Vec<String> = words.collect();
        match words.iter().all(|word| word.len() >= ANCHOR_BYTES_MIN) {
            true => least(&words),
            false => Vec::new(),
        }
    }

    /// Returns texts of which one stands before every id in a template, in any case of letters.
    pub fn anchors(&self) -> Vec<String> {
        let anchors = self.0.templates.iter().map(|one| one.anchor().to_ascii_lowercase());
        least(&anchors.collect::<Vec<String>>())
    }
}

/// Returns the shortest texts: a text that contains a shorter text of the list adds nothing.
fn least(texts: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        let holds = |other: &String| text.contains(other.as_str()) && text != other;
        if !texts.iter().any(holds) && !kept.contains(text) {
            kept.push(text.clone());
        }
    }
    kept
}

impl Inner {
    fn add_name(&mut self, name: &str, identity: u16) {
        let words = Words::of(name);
        for count in 1..words.0.len() {
            self.parents.push(Words(words.0.iter().take(count).cloned().collect()));
        }
        self.names.push(Spelled { words, identity });
    }

    fn add_place(&mut self, place: &str) -> Result<(), PlaceError> {
        let text = place.to_owned();
        if place.len() > PLACE_BYTES_MAX {
            return Err(PlaceError::TooLong { place: text });
        }
        let no_identity = || PlaceError::NoIdentity { place: place.to_owned() };
        let (before, rest) = place.split_once('{').ok_or_else(no_identity)?;
        let (inside, after) = rest.split_once('}').ok_or_else(no_identity)?;
        if after.contains(['{', '}']) || before.contains('}') {
            return Err(PlaceError::NoIdentity { place: text });
        }
        let (name, form) = match inside.strip_suffix(":any") {
            Some(name) => (name, Form::Any),
            None => (inside, Form::Id),
        };
        let Some(identity) = self.fields.iter().position(|field| field == name) else {
            if ID_FIELDS.contains(&name) {
                return Ok(());
            }
            return Err(PlaceError::UnknownIdentity { place: text, identity: name.to_owned() });
        };
        let identity = identity as u16;
        let is_short = |text: &str| {
            text.len() < ANCHOR_BYTES_MIN
                || !text.bytes().any(|byte| byte.is_ascii_alphabetic() || byte == b'/')
        };
        match before.strip_suffix('=').filter(|_| after.is_empty()) {
            Some(name) if Words::of(name).longest().len() < ANCHOR_BYTES_MIN => {
                Err(PlaceError::ShortAnchor { place: text })
            }
            Some(name) => {
                self.add_name(name, identity);
                Ok(())
            }
            None if is_short(before.trim_end()) => Err(PlaceError::ShortAnchor { place: text }),
            None => {
                self.templates.push(Template::new(before, after, form, identity));
                Ok(())
            }
        }
    }
}

impl Words {
    /// Reads a name as words: what is no letter or digit divides words, and so does a capital
    /// behind a small letter.
    fn of(name: &str) -> Words {
        let mut words: Vec<String> = Vec::new();
        let mut before = ' ';
        for character in name.chars() {
            if character.is_ascii_alphanumeric() {
                let is_first = !before.is_ascii_alphanumeric()
                    || (character.is_ascii_uppercase() && before.is_ascii_lowercase());
                let letter = character.to_ascii_lowercase();
                match words.last_mut().filter(|_| !is_first) {
                    Some(word) => word.push(letter),
                    None => words.push(letter.to_string()),
                }
            }
            before = character;
        }
        Words(words)
    }

    fn longest(&self) -> &str {
        self.0.iter().max_by_key(|word| word.len()).map(String::as_str).unwrap_or_default()
    }

    /// Tells whether a name ends with the words, the first of which starts a segment of the name:
    /// segments lie between dots, brackets and slashes. Signs may stand between the words, and
    /// none needs to.
    fn end(&self, name: &str) -> bool {
        let mut rest = name.as_bytes();
        for word in self.0.iter().rev() {
            let end = rest.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
            let Some(start) = end.checked_sub(word.len()) else { return false };
            match rest.get(start..end) {
                Some(found) if found.eq_ignore_ascii_case(word.as_bytes()) => {}
                _ => return false,
            }
            rest = rest.get(..start).unwrap_or_default();
        }
        // What is before the first word ends a segment, or is no word at all.
        let ends_segment = |byte: &&u8| byte.is_ascii_alphanumeric() || is_divider(**byte);
        !self.0.is_empty() && rest.iter().rev().find(ends_segment).is_none_or(|b| is_divider(*b))
    }
}

/// Tells whether a byte divides the segments of a name.
fn is_divider(byte: u8) -> bool {
    matches!(byte, b'.' | b'[' | b']' | b'/')
}

#[cfg(test)]
mod tests;
