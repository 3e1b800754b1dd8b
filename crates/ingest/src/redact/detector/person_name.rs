//! Names of persons, by the name of the field: `first_name`, `cardholder`, `patient_name`.
//!
//! No list and no pattern finds names in prose, so only the name of a field decides: `first_name`.
//! `name` alone is the name of anything, and so are the names of hosts, files and displays.

use super::named_value::{NamedValue, row_bytes};
use crate::redact::named::Names;
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) static PERSON_NAME: NamedValue = NamedValue {
    name: "person_name",
    placeholder: "[NAME]",
    example: "first_name=Ada last_name=Lovelace",
    names: Names::Exactly(&[
        "first name",
        "last name",
        "given name",
        "family name",
        "full name",
        "middle name",
        "maiden name",
        "surname",
        "forename",
        "real name",
        "legal name",
        "birth name",
        "cardholder",
        "cardholder name",
        "card holder name",
        "name on card",
        "account holder",
        "account holder name",
        "patient name",
        "customer name",
        "contact name",
        "employee name",
        "recipient name",
        "beneficiary name",
        "person name",
        "billing name",
        "vorname",
        "nachname",
        "familienname",
        "prenom",
        "nom de famille",
        "apellido",
        "nombre completo",
        "nome completo",
        "cognome",
        "sobrenome",
        "achternaam",
        "voornaam",
        "etternavn",
        "fornavn",
    ]),
    keys: &[
        "first name",
        "first_name",
        "first-name",
        "firstname",
        "last name",
        "last_name",
        "last-name",
        "lastname",
        "given name",
        "given_name",
        "given-name",
        "givenname",
        "family name",
        "family_name",
        "family-name",
        "familyname",
        "full name",
        "full_name",
        "full-name",
        "fullname",
        "middle_name",
        "middle-name",
        "middlename",
        "maiden_name",
        "maidenname",
        "surname",
        "forename",
        "real_name",
        "realname",
        "legal_name",
        "legalname",
        "birth_name",
        "birthname",
        "holder",
        "name_on_card",
        "nameoncard",
        "patient_name",
        "patientname",
        "customer_name",
        "customername",
        "contact_name",
        "contactname",
        "employee_name",
        "employeename",
        "recipient_name",
        "recipientname",
        "beneficiary_name",
        "beneficiaryname",
        "person_name",
        "personname",
        "billing_name",
        "billingname",
        "vorname",
        "nachname",
        "familienname",
        "prenom",
        "nom_de_famille",
        "apellido",
        "nombre_completo",
        "nombrecompleto",
        "nome_completo",
        "nomecompleto",
        "cognome",
        "sobrenome",
        "achternaam",
        "voornaam",
        "etternavn",
        "fornavn",
    ],
    is_value,
    bare_bytes: |rest| row_bytes(rest, WORDS_MAX, None),
};

/// Most words of a name in a text without quotes.
const WORDS_MAX: usize = 5;

/// Longest name; more is a text about something.
const NAME_BYTES_MAX: usize = 120;

fn is_value(value: Whole<'_>) -> bool {
    match value {
        Whole::Text(text) => text.len() <= NAME_BYTES_MAX && text.chars().any(char::is_alphabetic),
        Whole::Flag
        | Whole::Number(_)
        | Whole::Fraction(_)
        | Whole::Nested
        | Whole::EmptyNested => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched, check_value};
    use super::*;

    #[test]
    fn names_under_their_names_are_replaced() {
        for (text, expected) in [
            ("first_name=Ada last_name=Lovelace", "first_name=[NAME] last_name=[NAME]"),
            ("full_name=Ada Lovelace email=x", "full_name=[NAME] email=x"),
            (r#"{"firstName":"Ada","n":1}"#, r#"{"firstName":"[NAME]","n":1}"#),
            ("Key (last_name)=(Lovelace) exists", "Key (last_name)=([NAME]) exists"),
            ("cardholder: ADA LOVELACE, 12/29", "cardholder: [NAME], 12/29"),
        ] {
            check(&PERSON_NAME, text, expected);
        }
        for (name, text, expected) in [
            ("user.firstName", "Ada", true),
            ("customer_name", "Ada Lovelace", true),
            ("Nachname", "Müller", true),
            ("name", "Ada", false),
            ("hostname", "ada", false),
            ("display_name", "Ada", false),
            ("first_name", "17", false),
        ] {
            check_value(&PERSON_NAME, name, Whole::Text(text), expected);
        }
    }

    #[test]
    fn other_names_stay() {
        check_untouched(
            &PERSON_NAME,
            &[
                "name=Ada filename=first.txt hostname: ada",
                "first_name=null full_name=\"\" surname=[NAME]",
                "the full name of the class, first name it",
                "first_name_count=12",
            ],
        );
    }
}
