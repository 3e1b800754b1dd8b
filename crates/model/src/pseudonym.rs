//! Pseudonyms: an id becomes a keyed token that can be searched but not read back.
//!
//! ```text
//! token = u_<key id>_<base32(own ‖ check)>
//!   own   = HMAC-SHA256(key, identity ‖ 0x00 ‖ normal form of the id)[..12]
//!   check = HMAC-SHA256(key, 0x00 ‖ own)[..4]
//! ```
//!
//! The identity is the canonical field of the id, so `42` of two identities gives two tokens, and
//! one person has one token wherever the id stands. An unkeyed hash of a number can be reversed by
//! trying all numbers; a keyed hash cannot without the key, which lives outside the data directory.
//! The check tells tokens of a known key from texts that look like tokens. Ingest writes tokens,
//! queries are rewritten to tokens.

mod identities;
mod normal;
mod template;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use identities::{Covered, Identities, PLACES_MAX, PlaceError};
pub use template::{Placed, Template};

use normal::normal_id;

/// First characters of every token.
pub const PSEUDONYM_PREFIX: &str = "u_";

/// Bytes of the HMAC over an id that a token keeps: 96 bits, so that among a billion users no two
/// share a token, but by a chance of one in 10^11.
const OWN_BYTES: usize = 12;
/// Bytes of the check: of four billion texts that look like tokens of a key, one passes.
const CHECK_BYTES: usize = 4;
/// Bytes of a token.
const TOKEN_BYTES: usize = OWN_BYTES + CHECK_BYTES;
/// Characters of those bytes.
const TOKEN_CHARS: usize = (TOKEN_BYTES * 8).div_ceil(5);
/// Bytes of a key (the HMAC's full strength).
const KEY_BYTES: usize = 32;
/// Characters of a key id.
const KEY_ID_CHARS: usize = 4;

/// Short public name of a key: the first characters of the base32 of its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One secret key. Wiped from memory when dropped; `Debug` shows its id only.
#[derive(Clone)]
pub struct PseudonymKey {
    id: KeyId,
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for PseudonymKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PseudonymKey({})", self.id.0)
    }
}

impl PseudonymKey {
    /// Returns the key of 32 secret bytes, or `None` for any other length.
    pub fn from_bytes(secret: &Zeroizing<Vec<u8>>) -> Option<PseudonymKey> {
        if secret.len() != KEY_BYTES {
            return None;
        }
        let digest = Sha256::digest(secret.as_slice());
        let mut id = lower_base32(&digest);
        id.truncate(KEY_ID_CHARS);
        let keyed = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        Some(PseudonymKey { id: KeyId(id), keyed })
    }

    /// Returns the key's public name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the token of an id; the identity is never empty, or the message would be a check's.
    fn token(&self, identity: &str, id: &str) -> String {
        let mut mac = self.keyed.clone();
        mac.update(identity.as_bytes());
        mac.update(&[0]);
        mac.update(normal_id(id).as_bytes());
        let full = mac.finalize().into_bytes();
        let own = full.get(..OWN_BYTES).unwrap_or(&full);
        let check = self.check(own).finalize().into_bytes();
        let check = check.get(..CHECK_BYTES).unwrap_or(&check);
        let (prefix, id) = (PSEUDONYM_PREFIX, self.id.as_str());
        format!("{prefix}{id}_{}", lower_base32(&[own, check].concat()))
    }

    fn check(&self, own: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(&[0]);
        mac.update(own);
        mac
    }

    /// Tells whether the bytes of a token were made with this key.
    fn has_made(&self, bytes: &[u8]) -> bool {
        let parts = bytes.split_at_checked(OWN_BYTES);
        parts.is_some_and(|(own, check)| self.check(own).verify_truncated_left(check).is_ok())
    }
}

/// Pseudonymised identities with their keys.
#[derive(Clone, Debug, Default)]
pub struct Pseudonyms {
    /// The newest key first: it writes; all of them are searched.
    keys: Vec<PseudonymKey>,
    identities: Identities,
}

impl Pseudonyms {
    /// Returns pseudonyms of some identities; the first key writes. Without keys or identities
    /// nothing is pseudonymised.
    pub fn new(keys: Vec<PseudonymKey>, identities: Identities) -> Pseudonyms {
        match keys.is_empty() {
            true => Pseudonyms::off(),
            false => Pseudonyms { keys, identities },
        }
    }

    /// Returns pseudonyms of nothing.
    pub fn off() -> Pseudonyms {
        Pseudonyms::default()
    }

    /// Returns what is pseudonymised.
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Returns the token to store for an id of an identity; `None` without keys. A token of a known
    /// key stays: redaction is idempotent.
    pub fn token_in(&self, identity: &str, id: &str) -> Option<String> {
        let key = self.keys.first()?;
        Some(self.own_token(id).unwrap_or_else(|| key.token(identity, id)))
    }

    /// Returns a token of a known key in the form in which it is stored; `None` for any other text:
    /// of an unknown key, cut, or invented.
    pub fn own_token(&self, text: &str) -> Option<String> {
        let text = text.trim();
        if !has_token_form(text) {
            return None;
        }
        let token = text.to_ascii_lowercase();
        let (key_id, encoded) = token.strip_prefix(PSEUDONYM_PREFIX)?.split_once('_')?;
        let bytes = BASE32_NOPAD.decode(encoded.to_ascii_uppercase().as_bytes()).ok()?;
        let mut named = self.keys.iter().filter(|key| key.id.0 == key_id);
        named.any(|key| key.has_made(&bytes)).then_some(token)
    }

    /// Returns every text under which an id may be stored, newest key first. A token of a known key
    /// stays as it is. What only looks like a token is asked for as it is written too: its key may
    /// be lost.
    pub fn stored_forms(&self, identity: &str, id: &str) -> Vec<String> {
        if let Some(token) = self.own_token(id) {
            return vec![token];
        }
        let written = (self.keys.is_empty() || has_token_form(id)).then(|| id.trim().to_owned());
        self.keys.iter().map(|key| key.token(identity, id)).chain(written).collect()
    }

    /// Returns the forms in which a text with ids in places is stored, newest key first; none when
    /// the text has no id in a place.
    pub fn stored_texts(&self, text: &str) -> Vec<String> {
        let ids = self.identities.ids_in(text);
        if ids.is_empty() {
            return Vec::new();
        }
        let stored_by = |key: &PseudonymKey| {
            let mut stored = String::with_capacity(text.len());
            let mut copied = 0;
            for placed in &ids {
                let identity = self.identities.name(placed.identity).unwrap_or_default();
                stored.push_str(text.get(copied..placed.range.start).unwrap_or_default());
                let token = self.own_token(&placed.id);
                stored.push_str(&token.unwrap_or_else(|| key.token(identity, &placed.id)));
                copied = placed.range.end;
            }
            stored.push_str(text.get(copied..).unwrap_or_default());
            stored
        };
        let mut forms: Vec<String> = self.keys.iter().map(stored_by).collect();
        forms.dedup();
        forms
    }
}

/// Tells whether a text has the form of a token, in any case of letters. Whether a key has made the
/// token is asked of [`Pseudonyms::own_token`].
pub fn has_token_form(text: &str) -> bool {
    let base32 =
        |text: &[u8]| text.iter().all(|b| b.is_ascii_alphabetic() || (b'2'..=b'7').contains(b));
    let bytes = text.trim().as_bytes();
    // Fast path: texts of other lengths are no tokens.
    if bytes.len() != PSEUDONYM_PREFIX.len() + KEY_ID_CHARS + 1 + TOKEN_CHARS {
        return false;
    }
    let Some((prefix, rest)) = bytes.split_at_checked(PSEUDONYM_PREFIX.len()) else { return false };
    let Some((key_id, rest)) = rest.split_at_checked(KEY_ID_CHARS) else { return false };
    prefix.eq_ignore_ascii_case(PSEUDONYM_PREFIX.as_bytes())
        && base32(key_id)
        && rest.strip_prefix(b"_").is_some_and(base32)
}

/// Returns the public name of the key that made a stored token; `None` for anything that is no
/// token.
pub fn key_id_of(text: &str) -> Option<&str> {
    let text = text.trim();
    let (key_id, _) = text.strip_prefix(PSEUDONYM_PREFIX)?.split_once('_')?;
    has_token_form(text).then_some(key_id)
}

/// Lower case reads better in a terminal and needs no shift key.
fn lower_base32(bytes: &[u8]) -> String {
    let mut text = BASE32_NOPAD.encode(bytes);
    text.make_ascii_lowercase();
    text
}

#[cfg(test)]
mod tests;
