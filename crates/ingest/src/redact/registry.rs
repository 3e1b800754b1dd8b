//! The one list of detectors. A new detector is a file of its own and one line in the list.
//!
//! Order is precedence: of two finds over the same bytes, and of two detectors that know one name,
//! the earlier detector names the find. Nothing below the redactor asks the registry: the engine is
//! handed the list, and hands names and placeholders down.

use std::sync::LazyLock;

use tierlog_model::{Value, has_token_form};

use super::detector::{
    AT_SVNR, AU_TFN, Authorization, BANK_ACCOUNT, BE_NATIONAL_REGISTER, BIRTH_DATE, BR_CNPJ,
    BR_CPF, CA_SIN, CH_AHV, COORDINATES, Card, CloudKey, CustomDetector, DE_TAX_ID, DEVICE_ID,
    DK_CPR, DRIVING_LICENCE, Detector, ES_DNI, Email, FI_HETU, FR_NIR, FieldRule, IN_AADHAAR,
    IN_PAN, IT_CODICE_FISCALE, Iban, Ipv4, Ipv6, Jwt, KeyValue, MacAddress, NATIONAL_ID, NL_BSN,
    NO_FNR, NationalPhone, ONE_TIME_CODE, PASSPORT, PERSON_NAME, PL_PESEL, POSTAL_ADDRESS, PT_NIF,
    PasswordHash, Phone, PrivateKey, SE_PERSONNUMMER, SecretKey, Ssn, UK_NHS, UK_NINO, US_ITIN,
    UrlCredentials, UserId, Wallet,
};
use super::detector_set::DETECTORS_MAX;
use super::settings::DetectorName;

/// Every detector.
pub(super) static DETECTORS: &[&dyn Detector] = &[
    &SecretKey,
    &UserId,
    &PrivateKey,
    &Jwt,
    &CloudKey,
    &PasswordHash,
    &KeyValue,
    &Authorization,
    &UrlCredentials,
    &Email,
    &Card,
    &Iban,
    &Ssn,
    &US_ITIN,
    &UK_NINO,
    &UK_NHS,
    &ES_DNI,
    &IT_CODICE_FISCALE,
    &DE_TAX_ID,
    &FR_NIR,
    &NL_BSN,
    &PL_PESEL,
    &BR_CPF,
    &BR_CNPJ,
    &IN_AADHAAR,
    &IN_PAN,
    &AU_TFN,
    &CA_SIN,
    &SE_PERSONNUMMER,
    &FI_HETU,
    &BE_NATIONAL_REGISTER,
    &CH_AHV,
    &AT_SVNR,
    &PT_NIF,
    &DK_CPR,
    &NO_FNR,
    &NATIONAL_ID,
    &PASSPORT,
    &DRIVING_LICENCE,
    &BANK_ACCOUNT,
    &Phone,
    &NationalPhone,
    &MacAddress,
    &DEVICE_ID,
    &ONE_TIME_CODE,
    &BIRTH_DATE,
    &COORDINATES,
    &POSTAL_ADDRESS,
    &PERSON_NAME,
    &CustomDetector,
    &Ipv4,
    &Ipv6,
    &Wallet,
    &FieldRule,
];

const _: () = assert!(DETECTORS.len() <= DETECTORS_MAX, "a set of detectors is one word");

/// Names of the detectors in order of precedence.
static NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| DETECTORS.iter().map(|detector| detector.name()).collect());

/// Returns the name of every detector, as used in configuration, `_redacted` and metrics.
pub fn detector_names() -> &'static [&'static str] {
    &NAMES
}

/// A name that no detector has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown detector {0:?}, known are {known}", known = detector_names().join(", "))]
pub struct UnknownDetector(pub String);

/// Returns a detector's name from its text.
pub fn detector_named(name: &str) -> Result<DetectorName, UnknownDetector> {
    let known = NAMES.iter().find(|known| **known == name);
    known.copied().map(DetectorName).ok_or_else(|| UnknownDetector(name.to_owned()))
}

/// Tells whether a value is a list of detectors as redaction writes the list: what an application
/// calls `_redacted` is something else.
pub(crate) fn is_detector_list(value: &Value<'_>) -> bool {
    let Value::Json(text) = value else { return false };
    let claimed: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    !claimed.is_empty() && claimed.iter().all(|claim| NAMES.contains(&claim.as_str()))
}

/// Tells whether a value is a token, or a list of tokens, as redaction writes them.
pub(crate) fn is_token_list(value: &Value<'_>) -> bool {
    match value {
        Value::Str(text) => has_token_form(text),
        Value::Json(text) => {
            let claimed: Vec<String> = serde_json::from_str(text).unwrap_or_default();
            !claimed.is_empty() && claimed.iter().all(|claim| has_token_form(claim))
        }
        Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::settings::RedactionSettings;
    use super::*;

    #[test]
    fn every_detector_has_one_name_and_can_be_switched_off() {
        let names: BTreeSet<&str> = detector_names().iter().copied().collect();
        assert_eq!(names.len(), DETECTORS.len());
        for name in names {
            let known = detector_named(name).expect("a known name");
            assert!(!RedactionSettings::default().without(known).is_enabled(name));
            assert!(!RedactionSettings::off().without(known).is_enabled(name));
        }
        let error = detector_named("emial").expect_err("unknown");
        assert!(error.to_string().starts_with("unknown detector \"emial\", known are "));
    }

    #[test]
    fn a_placeholder_is_a_kind_in_brackets() {
        for detector in DETECTORS {
            let placeholder = detector.placeholder();
            let kind = placeholder.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let is_kind = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
            assert!(kind.is_some_and(|kind| kind.bytes().all(is_kind)), "{placeholder}");
        }
    }

    #[test]
    fn the_documentation_has_a_row_for_each_detector_and_no_other() {
        let page = include_str!("../../../../docs/redaction.md");
        let (_, table) = page.split_once("## Detectors").expect("a section");
        let (table, _) = table.split_once("\n## ").expect("a section behind");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert_eq!(documented, detector_names().iter().copied().collect());
    }
}
