//! One file a detector: what it finds, an example, the matcher, a table of hits and near-misses.
//!
//! Arrives: text, decoded where it was escaped. Leaves: spans. A detector reads its text in time
//! linear in its length, keeps no state between texts and never sees a record.

mod authorization;
mod boundary;
mod card;
mod cloud_key;
mod email;
mod iban;
mod jwt;
mod key_value;
mod pair;
mod phone;
mod private_key;
mod secret_key;
mod ssn;
mod tuple_pair;
mod url_credentials;
mod user_id;

#[cfg(test)]
mod check;

pub(super) use authorization::Authorization;
pub(super) use card::{Card, PLACEHOLDER as CARD_PLACEHOLDER, is_card_number};
pub(super) use cloud_key::CloudKey;
pub(super) use email::Email;
pub(super) use iban::Iban;
pub(super) use jwt::Jwt;
pub(super) use key_value::{KeyValue, is_pair_name, is_pair_value};
pub(super) use phone::{PLACEHOLDER as PHONE_PLACEHOLDER, Phone, is_phone_key, is_phone_number};
pub(super) use private_key::PrivateKey;
pub(super) use secret_key::{PLACEHOLDER as SECRET_PLACEHOLDER, SecretKey};
pub(super) use ssn::Ssn;
pub(super) use url_credentials::UrlCredentials;
pub(super) use user_id::UserId;

use super::policy::Policy;
use super::span::Found;

/// What every find of a detector must contain; the text of any find fulfils all three.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trigger {
    /// Classes of bytes that all occur, see [`super::prefilter::class`].
    pub(super) classes: u8,
    /// Digits that follow each other with nothing but spaces and dashes between them.
    pub(super) digit_run: u32,
    /// Words of which one occurs, in any case; none asked for when empty.
    pub(super) needles: &'static [&'static str],
}

impl Trigger {
    /// Asks for nothing; the start of every trigger.
    pub(super) const ANY: Trigger = Trigger { classes: 0, digit_run: 0, needles: &[] };

    /// Asks for what no text holds: the detector reads no texts.
    pub(super) const NEVER: Trigger = Trigger { classes: 0, digit_run: u32::MAX, needles: &[] };
}

/// Finds one kind of personal data or secret in a text.
pub(super) trait Detector: Sync {
    /// Returns the name in configuration, in `_redacted` and in metrics.
    fn name(&self) -> &'static str;

    /// Returns what stands in place of a find: its kind in brackets.
    fn placeholder(&self) -> &'static str;

    /// Returns what every find contains.
    fn trigger(&self) -> Trigger;

    /// Reports every find in a text.
    fn find(&self, text: &str, policy: &Policy, found: &mut Found);
}
