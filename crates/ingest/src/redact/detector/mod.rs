//! One file a detector: what it finds, an example, the matcher, a table of hits and near-misses.
//!
//! Arrives: texts, decoded where they were escaped; names of fields; whole values. Leaves: spans,
//! claims and verdicts. A detector reads its text in time linear in its length, keeps no state
//! between texts, and never sees a record: the walk over records, arrays and the keys in a text
//! ([`keyed`]) asks the same three questions for each of them.

mod authorization;
mod boundary;
mod card;
mod cloud_key;
mod email;
mod iban;
mod jwt;
mod key_value;
mod keyed;
mod mac_address;
mod masked;
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
pub(super) use card::Card;
pub(super) use cloud_key::CloudKey;
pub(super) use email::Email;
pub(super) use iban::Iban;
pub(super) use jwt::Jwt;
pub(super) use key_value::KeyValue;
pub(super) use keyed::find_keyed;
pub(super) use mac_address::MacAddress;
pub(super) use phone::Phone;
pub(super) use private_key::PrivateKey;
pub(super) use secret_key::SecretKey;
pub(super) use ssn::Ssn;
pub(super) use url_credentials::UrlCredentials;
pub(super) use user_id::UserId;

use super::claim::Claim;
use super::policy::Policy;
use super::span::Found;
use super::trigger::Trigger;
use super::whole::Whole;

/// Finds one kind of personal data or secret: in texts, by the names of fields, in whole values.
pub(super) trait Detector: Sync {
    /// Returns the name in configuration, in `_redacted` and in metrics.
    fn name(&self) -> &'static str;

    /// Returns what stands in place of a find: its kind in brackets.
    fn placeholder(&self) -> &'static str;

    /// Returns what every find contains.
    fn trigger(&self) -> Trigger;

    /// Reports every find in a text. What the name of the text's field says is
    /// [`Found::claim`].
    fn text(&self, _text: &str, _policy: &Policy, _found: &mut Found) {}

    /// Returns what the name of a field, or a key inside a text, says about its values. The name
    /// is the whole dotted path.
    fn key(&self, _name: &str, _policy: &Policy) -> Claim {
        Claim::Silent
    }

    /// Tells whether a whole value under a name is a find. Asked where the name makes a claim, and
    /// of numbers from [`Trigger::number_min`] on where the name says nothing.
    fn value(&self, _value: Whole<'_>, _claim: Claim) -> bool {
        false
    }

    /// Returns how much of a text behind a key may be its value when the value stands without
    /// quotes; `None` for one word.
    fn bare_bytes(&self, _rest: &str) -> Option<usize> {
        None
    }
}
