//! One file a detector: what it finds, an example, the matcher, a table of hits and near-misses.
//!
//! Arrives: texts, decoded where they were escaped; names of fields; whole values. Leaves: spans,
//! claims and verdicts. A detector reads its text in time linear in its length, keeps no state
//! between texts, and never sees a record: the walk over records, arrays and the keys in a text
//! ([`keyed`]) asks the same three questions for each of them.

mod authorization;
mod bank_account;
mod birth_date;
mod boundary;
mod card;
mod checks;
mod cloud_key;
mod code;
mod columns;
mod command;
mod coordinates;
mod custom;
mod device_id;
mod driving_licence;
mod echo;
mod element;
mod email;
mod field_rule;
mod header;
mod iban;
mod ipv4;
mod ipv6;
mod jwt;
mod key_value;
mod keyed;
mod listed;
mod mac_address;
mod masked;
mod named_ranges;
mod named_value;
mod national;
mod national_phone;
mod one_time_code;
mod pair;
mod passport;
mod password_hash;
mod person_name;
mod phone;
mod postal_address;
mod private_key;
mod prose;
mod quoted;
mod secret_key;
mod spoken;
mod sql;
mod ssn;
mod tuple_pair;
mod url_credentials;
mod user_id;
mod value;
mod wallet;
mod worded;

#[cfg(test)]
mod check;

pub(super) use authorization::Authorization;
pub(super) use bank_account::BANK_ACCOUNT;
pub(super) use birth_date::BIRTH_DATE;
pub(super) use card::Card;
pub(super) use cloud_key::CloudKey;
pub(super) use coordinates::COORDINATES;
pub(super) use custom::CustomDetector;
pub(super) use device_id::DEVICE_ID;
pub(super) use driving_licence::DRIVING_LICENCE;
pub(super) use email::Email;
pub(super) use field_rule::FieldRule;
pub(super) use iban::Iban;
pub(super) use ipv4::Ipv4;
pub(super) use ipv6::Ipv6;
pub(super) use jwt::Jwt;
pub(super) use key_value::KeyValue;
pub(super) use keyed::find_keyed;
pub(super) use mac_address::MacAddress;
pub(super) use national::{
    AT_SVNR, AU_TFN, BE_NATIONAL_REGISTER, BR_CNPJ, BR_CPF, CA_SIN, CH_AHV, DE_TAX_ID, DK_CPR,
    ES_DNI, FI_HETU, FR_NIR, IN_AADHAAR, IN_PAN, IT_CODICE_FISCALE, NATIONAL_ID, NL_BSN, NO_FNR,
    PL_PESEL, PT_NIF, SE_PERSONNUMMER, UK_NHS, UK_NINO, US_ITIN,
};
pub(super) use national_phone::NationalPhone;
pub(super) use one_time_code::ONE_TIME_CODE;
pub(super) use passport::PASSPORT;
pub(super) use password_hash::PasswordHash;
pub(super) use person_name::PERSON_NAME;
pub(super) use phone::Phone;
pub(super) use postal_address::POSTAL_ADDRESS;
pub(super) use private_key::PrivateKey;
pub(super) use secret_key::SecretKey;
pub(super) use ssn::Ssn;
pub(super) use url_credentials::UrlCredentials;
pub(super) use user_id::UserId;
pub(super) use wallet::Wallet;

use super::canary::Canary;
use super::claim::Claim;
use super::named::Names;
use super::policy::Policy;
use super::span::Found;
use super::trigger::{Trigger, Words};
use super::whole::Whole;

/// Finds one kind of personal data or secret: in texts, by the names of fields, in whole values.
pub(super) trait Detector: Sync {
    /// Returns the name in configuration, in `_redacted` and in metrics.
    fn name(&self) -> &'static str;

    /// Returns what stands in place of a find: its kind in brackets.
    fn placeholder(&self) -> &'static str;

    /// Returns what decides whether there is a find, as a clause for explanations.
    fn about(&self) -> &'static str;

    /// Returns an example that must be a find.
    fn canary(&self) -> Canary;

    /// Tells whether the detector runs unless it is switched off. A detector that does not is
    /// switched on by its name.
    fn is_on_by_default(&self) -> bool {
        true
    }

    /// Returns what every find contains.
    fn trigger(&self) -> Trigger;

    /// Returns what the configuration says of texts with a find.
    fn words(&self, _policy: &Policy) -> Words {
        Words::default()
    }

    /// Reports every find in a text. What the name of the text's field says is
    /// [`Found::claim`].
    fn text(&self, _text: &str, _policy: &Policy, _found: &mut Found) {}

    /// Returns names of fields under which a value is likely a find: values under them are asked
    /// for with [`Detector::value`], as under names that [`Detector::key`] reads.
    fn names(&self) -> Names {
        Names::NONE
    }

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
