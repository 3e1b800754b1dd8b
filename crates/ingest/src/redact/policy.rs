//! What detectors share: the key table with its configuration, the placeholders of all of them,
//! and the pseudonyms.

use std::sync::Arc;

use tierlog_model::Pseudonyms;

use super::custom::Custom;
use super::detector_set::DetectorSet;
use super::keys::{KeyTable, Words};
use super::named::NamedKinds;
use super::placeholders::Placeholders;
use super::settings::RedactionSettings;
use crate::id_form::is_id;

/// Other names of a covered field, as letters: `enduser.id` of OpenTelemetry, `usr.id`.
const OTHER_NAMES: [(&str, &[&str]); 1] = [("user_id", &["enduserid", "usrid"])];

/// Most spellings of covered fields: their positions are numbers of two bytes.
const COVERED_MAX: usize = u16::MAX as usize;

/// The configuration, in the form in which detectors ask.
pub(super) struct Policy {
    keys: KeyTable,
    placeholders: Placeholders,
    named: NamedKinds,
    custom: Arc<Custom>,
    pseudonyms: Pseudonyms,
    /// Spellings of covered fields, as letters without separators, `userid`, and the field.
    covered: Vec<(String, String)>,
}

impl Policy {
    /// Compiles the configuration.
    pub(super) fn new(
        settings: &RedactionSettings,
        pseudonyms: Pseudonyms,
        placeholders: Placeholders,
        named: NamedKinds,
    ) -> Policy {
        let mut covered = Vec::new();
        for field in pseudonyms.fields() {
            covered.push((Words::of(field).letters().to_owned(), field.clone()));
            let others = OTHER_NAMES.iter().find(|(name, _)| name == field);
            for other in others.map_or(&[] as &[&str], |(_, others)| others) {
                covered.push(((*other).to_owned(), field.clone()));
            }
        }
        covered.retain(|(letters, _)| !letters.is_empty());
        covered.truncate(COVERED_MAX);
        let keys = KeyTable::new(settings, placeholders.clone());
        let custom = Arc::clone(settings.policy().custom());
        Policy { keys, placeholders, named, custom, pseudonyms, covered }
    }

    /// Returns the table of secret keys.
    pub(super) fn keys(&self) -> &KeyTable {
        &self.keys
    }

    /// Returns the placeholders of all detectors.
    pub(super) fn placeholders(&self) -> &Placeholders {
        &self.placeholders
    }

    /// Returns the rules of one's own.
    pub(super) fn custom(&self) -> &Custom {
        &self.custom
    }

    /// Returns the detectors that know a name by their table of names.
    pub(super) fn named(&self, name: &str) -> DetectorSet {
        self.named.of(name)
    }

    /// Returns the covered field that a key spells, or that an object around it spells: `userId`,
    /// `user-id`, `context.user.id`, `params[user_id]` and `user_id.value` are all `user_id`;
    /// `target_user_id` is somebody else.
    pub(super) fn covered_field(&self, key: &str) -> Option<&str> {
        let position = self.covered_position(key)?;
        self.field(position)
    }

    /// The same as a position, for [`Policy::field`].
    pub(super) fn covered_position(&self, key: &str) -> Option<u16> {
        self.covered_path(key).map(|(_, position)| position)
    }

    /// Returns the part of a key that spells a covered field, and the field's position.
    fn covered_path<'k>(&self, key: &'k str) -> Option<(&'k str, u16)> {
        let ends = memchr::memchr3_iter(b'.', b'[', b'/', key.as_bytes()).chain([key.len()]);
        ends.filter_map(|end| key.get(..end)).find_map(|path| {
            // Fast path: the letters at the end tell nearly all keys apart.
            if !self.covered.iter().any(|(letters, _)| ends_with_letters(path, letters)) {
                return None;
            }
            let words = Words::of(path);
            let is_it = |(letters, _): &(String, String)| words.ends_with_segments(letters);
            self.covered.iter().position(is_it).map(|position| (path, position as u16))
        })
    }

    /// Returns a name with tokens for the ids that stand in it below a covered field, as in
    /// `user_id.42`; `None` when there are none.
    pub(super) fn without_ids(&self, name: &str) -> Option<String> {
        let (path, position) = self.covered_path(name)?;
        let below = name.get(path.len()..)?.strip_prefix('.')?;
        let field = self.field(position)?;
        let tokens = below.split('.').map(|part| self.token_of_key(field, part));
        let tokens: Vec<Option<String>> = tokens.collect();
        if tokens.iter().all(Option::is_none) {
            return None;
        }
        let mut kept = path.to_owned();
        for (part, token) in below.split('.').zip(&tokens) {
            kept.push('.');
            kept.push_str(token.as_deref().unwrap_or(part));
        }
        Some(kept)
    }

    /// Returns the token of a key below a covered field; `None` when the key reads as no id.
    pub(super) fn token_of_key(&self, field: &str, key: &str) -> Option<String> {
        let token = is_id(key).then(|| self.token(field, key)).flatten();
        token.filter(|token| token != key)
    }

    /// Tells whether the key of a covered field, or of an `id` inside an object, may end so.
    pub(super) fn may_end_covered(&self, byte: u8) -> bool {
        let byte = byte.to_ascii_lowercase();
        byte == b'd'
            || self.covered.iter().any(|(letters, _)| letters.as_bytes().last() == Some(&byte))
    }

    /// Returns a covered field by position.
    pub(super) fn field(&self, position: u16) -> Option<&str> {
        self.covered.get(usize::from(position)).map(|(_, field)| field.as_str())
    }

    /// Returns the token of a value of a covered field.
    pub(super) fn token(&self, field: &str, value: &str) -> Option<String> {
        self.pseudonyms.token(field, value)
    }

    /// Returns the token of a value under an identity that need be no field's; `None` without keys.
    pub(super) fn token_in(&self, identity: &str, value: &str) -> Option<String> {
        self.pseudonyms.token_in(identity, value)
    }

    /// Tells whether any field is pseudonymised.
    pub(super) fn has_pseudonyms(&self) -> bool {
        !self.covered.is_empty()
    }
}

/// Tells whether the letters and digits of a key, in lower case, end with others.
fn ends_with_letters(key: &str, letters: &str) -> bool {
    let mut own = key.bytes().rev().filter(u8::is_ascii_alphanumeric);
    letters.bytes().rev().all(|byte| own.next().is_some_and(|b| b.to_ascii_lowercase() == byte))
}
