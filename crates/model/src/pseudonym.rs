//! Pseudonyms: an id becomes a keyed token that can be searched but not read back.
//!
//! `token = u_<key id>_<base32(HMAC-SHA256(key, domain ‖ 0x00 ‖ normalised value)[..16])>`
//!
//! The domain is the canonical field name, so the same value under two fields gives two tokens.
//! Values are normalised by trimming white space; `42` and `"42"` are one user. An unkeyed hash
//! of a number can be reversed by trying them all; a keyed one cannot without the key, which
//! lives outside the data directory. Ingest writes tokens, queries are rewritten to them.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// First characters of every token.
pub const PSEUDONYM_PREFIX: &str = "u_";

/// Bytes of the HMAC that a token keeps: 128 bits, so no two of a billion users collide.
const TOKEN_BYTES: usize = 16;
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

    fn token(&self, field: &str, value: &str) -> String {
        let mut mac = self.keyed.clone();
        mac.update(field.as_bytes());
        mac.update(&[0]);
        mac.update(value.trim().as_bytes());
        let full = mac.finalize().into_bytes();
        let kept = full.get(..TOKEN_BYTES).unwrap_or(&full);
        let mut token = String::with_capacity(40);
        token.push_str(PSEUDONYM_PREFIX);
        token.push_str(&self.id.0);
        token.push('_');
        token.push_str(&lower_base32(kept));
        token
    }
}

/// Pseudonymised fields with their keys.
#[derive(Clone, Debug)]
pub struct Pseudonyms {
    /// The newest key first: it writes; all of them are searched.
    keys: Vec<PseudonymKey>,
    fields: Vec<String>,
}

impl Pseudonyms {
    /// Returns pseudonyms of the given fields (canonical names); the first key writes.
    /// Without keys or fields nothing is pseudonymised.
    pub fn new(keys: Vec<PseudonymKey>, fields: Vec<String>) -> Pseudonyms {
        Pseudonyms { keys, fields }
    }

    /// Returns pseudonyms of nothing.
    pub fn off() -> Pseudonyms {
        Pseudonyms { keys: Vec::new(), fields: Vec::new() }
    }

    /// Tells whether values of a field are stored as tokens.
    pub fn covers(&self, field: &str) -> bool {
        !self.keys.is_empty() && self.fields.iter().any(|covered| covered == field)
    }

    /// Returns the names of the covered fields.
    pub fn fields(&self) -> &[String] {
        if self.keys.is_empty() { &[] } else { &self.fields }
    }

    /// Returns the token to store for a value; `None` when the field is not covered. A token stays
    /// unchanged: redaction is idempotent.
    pub fn token(&self, field: &str, value: &str) -> Option<String> {
        if !self.covers(field) {
            return None;
        }
        if is_token(value) {
            return Some(value.trim().to_owned());
        }
        self.keys.first().map(|key| key.token(field, value))
    }

    /// Returns the token of a value under an identity that need be no covered field; `None` without
    /// keys. A token stays unchanged.
    pub fn token_in(&self, identity: &str, value: &str) -> Option<String> {
        if is_token(value) {
            return Some(value.trim().to_owned());
        }
        self.keys.first().map(|key| key.token(identity, value))
    }

    /// Returns every text under which a value may be stored, newest key first. The value of an
    /// uncovered field, and a token, stay as they are.
    pub fn stored_forms(&self, field: &str, value: &str) -> Vec<String> {
        if !self.covers(field) || is_token(value) {
            return vec![value.trim().to_owned()];
        }
        self.keys.iter().map(|key| key.token(field, value)).collect()
    }
}

/// Tells whether a text has the form of a token.
pub fn is_token(text: &str) -> bool {
    key_id_of(text).is_some()
}

/// Returns the public name of the key that made a token; `None` for anything that is no token.
pub fn key_id_of(text: &str) -> Option<&str> {
    let (key_id, rest) = text.trim().strip_prefix(PSEUDONYM_PREFIX)?.split_once('_')?;
    let base32 = |text: &str| text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    let is_token = key_id.len() == KEY_ID_CHARS
        && base32(key_id)
        && rest.len() == BASE32_NOPAD.encode_len(TOKEN_BYTES)
        && base32(rest);
    is_token.then_some(key_id)
}

/// Lower case reads better in a terminal and needs no shift key.
fn lower_base32(bytes: &[u8]) -> String {
    let mut text = BASE32_NOPAD.encode(bytes);
    text.make_ascii_lowercase();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> PseudonymKey {
        PseudonymKey::from_bytes(&Zeroizing::new(vec![byte; KEY_BYTES])).expect("32 bytes")
    }

    #[test]
    fn tokens_are_stable_searchable_and_idempotent() {
        let old = Pseudonyms::new(vec![key(1)], vec!["user_id".to_owned()]);
        let token = old.token("user_id", "4242").expect("covered");
        assert_eq!(token, old.token("user_id", " 4242 ").expect("covered"));
        assert_eq!(token, old.token("user_id", &token).expect("covered"));
        assert!(token.starts_with("u_") && !token.contains("4242"));
        assert_eq!(old.token("service", "4242"), None);

        let rotated = Pseudonyms::new(vec![key(2), key(1)], vec!["user_id".to_owned()]);
        assert!(rotated.stored_forms("user_id", "4242").contains(&token));
        assert_ne!(rotated.token("user_id", "4242").expect("covered"), token);
        assert_eq!(rotated.stored_forms("user_id", &token), vec![token]);
        assert_eq!(Pseudonyms::off().stored_forms("user_id", "4242"), vec!["4242".to_owned()]);
    }

    #[test]
    fn a_key_has_exactly_32_bytes_and_never_prints() {
        assert!(PseudonymKey::from_bytes(&Zeroizing::new(vec![1; 31])).is_none());
        assert!(format!("{:?}", key(7)).len() < 24);
    }
}
