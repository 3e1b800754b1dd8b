//! Kinds of personal data: the table of entities, each with its written forms, the names of fields
//! that hold it and the words that stand beside it.

use crate::national as state;
use crate::random::Random;
use crate::values;

/// What must stand beside a value, so that the value can be told from any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: the shape is enough.
    Nothing,
    /// A word of the kind in the text, or a key.
    Word,
    /// The name of a field.
    Key,
}

/// Which of the numbers a kind is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Secrets by their key: no leak.
    Keyed,
    /// Shapes with a check digit.
    Checksum,
    /// Addresses of mail.
    Mail,
    /// Tokens by their prefix.
    Token,
    /// Secrets by their place: headers, addresses, blocks.
    Placed,
    /// Everything else.
    Other,
}

/// One way to write a value.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The name in reports.
    pub name: &'static str,
    /// What must stand beside.
    pub need: Need,
    /// Makes a value.
    pub make: fn(&mut Random) -> String,
}

/// A kind of personal data.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The name in reports.
    pub name: &'static str,
    /// Which numbers hold.
    pub class: Class,
    /// Detectors that may have found a value.
    pub detectors: &'static [&'static str],
    /// Names of fields.
    pub keys: &'static [&'static str],
    /// Words that stand before a value in prose.
    pub words: &'static [&'static str],
    /// Ways to write a value.
    pub forms: &'static [Form],
}

const fn form(name: &'static str, need: Need, make: fn(&mut Random) -> String) -> Form {
    Form { name, need, make }
}

use Class::{Checksum, Keyed, Mail, Other, Placed};
use Need::{Key, Nothing, Word};

/// Detectors of secrets: which of them speaks first is a matter of precedence.
pub(crate) const SECRETS: &[&str] = &[
    "secret_key",
    "key_value",
    "authorization",
    "url_credentials",
    "cloud_key",
    "jwt",
    "private_key",
    "entropy",
    "session_id",
    "cookie",
    "one_time_code",
];

/// Every kind beside tokens and secrets, which have their lists in `data/`.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "email",
        class: Mail,
        detectors: &["email"],
        keys: &[
            "email",
            "e_mail",
            "user_email",
            "mail",
            "recipient",
            "to",
            "from",
            "login",
            "contact",
            "reply_to",
            "cc",
            "customer",
        ],
        words: &["e-mail", "email", "mail to", "user", "recipient", "login"],
        forms: &[
            form("plain", Nothing, values::email),
            form("plain", Nothing, values::email),
            form("tagged", Nothing, values::email_tagged),
            form("verp", Nothing, values::email_verp),
            form("upper", Nothing, values::email_upper),
            form("international", Nothing, values::email_international),
            form("odd", Nothing, values::email_odd),
        ],
    },
    Kind {
        name: "card",
        class: Checksum,
        detectors: &["card", "secret_key", "key_value"],
        keys: &[
            "card",
            "card_number",
            "pan",
            "cc_number",
            "payment_card",
            "credit_card",
            "card_no",
            "primary_account_number",
            "ccnum",
        ],
        words: &[
            "card",
            "credit card",
            "Visa",
            "paid with",
            "charge card",
            "card number",
            "payment card",
        ],
        forms: &[
            form("grouped", Nothing, values::card_grouped),
            form("together", Word, values::card_together),
            form("dotted", Word, values::card_dotted),
            form("track", Word, values::card_track),
        ],
    },
    Kind {
        name: "iban",
        class: Checksum,
        detectors: &["iban", "bank_account"],
        keys: &[
            "iban",
            "account",
            "bank_account",
            "payout_iban",
            "debtor_account",
            "creditor_iban",
        ],
        words: &["IBAN", "account", "transfer to", "payout to"],
        forms: &[
            form("together", Nothing, values::iban_together),
            form("grouped", Nothing, values::iban_grouped),
            form("lower", Word, values::iban_lower),
        ],
    },
    Kind {
        name: "us_ssn",
        class: Checksum,
        detectors: &["ssn", "secret_key", "key_value", "us_ssn"],
        keys: &["ssn", "social_security_number", "customer_ssn", "us_ssn", "ssn_number"],
        words: &["SSN", "ssn", "social security number", "SSN:"],
        forms: &[
            form("dashes", Nothing, state::us_ssn),
            form("together", Key, |random| state::us_ssn(random).replace('-', "")),
            form("spaces", Word, |random| state::us_ssn(random).replace('-', " ")),
        ],
    },
    Kind {
        name: "us_itin",
        class: Checksum,
        detectors: &["us_itin", "national_id", "ssn", "itin", "secret_key", "key_value"],
        keys: &["itin", "tax_id", "taxpayer_id", "us_itin"],
        words: &["ITIN", "taxpayer id"],
        forms: &[form("dashes", Word, state::us_itin)],
    },
    Kind {
        name: "uk_nino",
        class: Checksum,
        detectors: &["uk_nino", "nino"],
        keys: &["nino", "national_insurance_number", "ni_number", "uk_nino"],
        words: &["NINO", "National Insurance", "NI number", "national insurance number"],
        forms: &[form("any", Word, state::uk_nino)],
    },
    Kind {
        name: "uk_nhs",
        class: Checksum,
        detectors: &["uk_nhs", "nhs"],
        keys: &["nhs_number", "nhs", "nhs_no", "patient_nhs_number"],
        words: &["NHS number", "NHS", "nhs no"],
        forms: &[form("any", Word, state::uk_nhs)],
    },
    Kind {
        name: "es_dni",
        class: Checksum,
        detectors: &["es_dni", "national_id", "dni", "es_nif"],
        keys: &["dni", "nif", "documento", "dni_number"],
        words: &["DNI", "NIF", "documento"],
        forms: &[form("any", Word, state::es_dni)],
    },
    Kind {
        name: "es_nie",
        class: Checksum,
        detectors: &["es_nie", "nie", "es_dni"],
        keys: &["nie", "nie_number", "numero_nie"],
        words: &["NIE", "extranjero"],
        forms: &[form("any", Word, state::es_nie)],
    },
    Kind {
        name: "it_codice_fiscale",
        class: Checksum,
        detectors: &["it_codice_fiscale", "codice_fiscale", "it_fiscal_code"],
        keys: &["codice_fiscale", "cf", "fiscal_code", "codiceFiscale"],
        words: &["codice fiscale", "C.F.", "fiscal code"],
        forms: &[form("any", Word, state::it_codice_fiscale)],
    },
    Kind {
        name: "de_tax_id",
        class: Checksum,
        detectors: &["de_tax_id", "national_id", "de_steuer_id"],
        keys: &[
            "steuer_id",
            "tax_id",
            "steuerliche_identifikationsnummer",
            "idnr",
            "steuer_identifikationsnummer",
        ],
        words: &["Steuer-ID", "Steueridentifikationsnummer", "IdNr", "tax id"],
        forms: &[form("any", Word, state::de_tax_id)],
    },
    Kind {
        name: "fr_nir",
        class: Checksum,
        detectors: &["fr_nir", "nir"],
        keys: &["nir", "numero_securite_sociale", "num_secu", "insee", "securite_sociale"],
        words: &["NIR", "sécurité sociale", "numéro de sécu", "INSEE"],
        forms: &[form("any", Word, state::fr_nir)],
    },
    Kind {
        name: "nl_bsn",
        class: Checksum,
        detectors: &["nl_bsn", "bsn"],
        keys: &["bsn", "burgerservicenummer", "bsn_number", "sofinummer"],
        words: &["BSN", "burgerservicenummer"],
        forms: &[form("any", Word, state::nl_bsn)],
    },
    Kind {
        name: "pl_pesel",
        class: Checksum,
        detectors: &["pl_pesel", "pesel"],
        keys: &["pesel", "pesel_number", "nr_pesel"],
        words: &["PESEL", "numer PESEL"],
        forms: &[form("any", Word, state::pl_pesel)],
    },
    Kind {
        name: "br_cpf",
        class: Checksum,
        detectors: &["br_cpf", "cpf"],
        keys: &["cpf", "cpf_number", "documento_cpf", "cpf_cliente"],
        words: &["CPF", "CPF:"],
        forms: &[form("any", Word, state::br_cpf)],
    },
    Kind {
        name: "br_cnpj",
        class: Checksum,
        detectors: &["br_cnpj", "cnpj"],
        keys: &["cnpj", "cnpj_empresa"],
        words: &["CNPJ"],
        forms: &[form("any", Word, state::br_cnpj)],
    },
    Kind {
        name: "in_aadhaar",
        class: Checksum,
        detectors: &["in_aadhaar", "aadhaar"],
        keys: &["aadhaar", "aadhaar_number", "uidai", "aadhar_no"],
        words: &["Aadhaar", "aadhaar number", "UIDAI", "Aadhar"],
        forms: &[form("any", Word, state::in_aadhaar)],
    },
    Kind {
        name: "in_pan",
        class: Checksum,
        detectors: &["in_pan", "pan", "card", "secret_key", "key_value"],
        keys: &["pan_number", "pan_card", "income_tax_pan", "pan_no"],
        words: &["PAN", "PAN card", "permanent account number"],
        forms: &[form("any", Word, state::in_pan)],
    },
    Kind {
        name: "au_tfn",
        class: Checksum,
        detectors: &["au_tfn", "tfn"],
        keys: &["tfn", "tax_file_number", "tfn_number"],
        words: &["TFN", "tax file number"],
        forms: &[form("any", Word, state::au_tfn)],
    },
    Kind {
        name: "ca_sin",
        class: Checksum,
        detectors: &["ca_sin", "sin"],
        keys: &["sin", "social_insurance_number", "ca_sin", "sin_number"],
        words: &["SIN", "social insurance number"],
        forms: &[form("any", Word, state::ca_sin)],
    },
    Kind {
        name: "se_personnummer",
        class: Checksum,
        detectors: &["se_personnummer", "personnummer"],
        keys: &["personnummer", "pnr", "person_nummer", "swedish_personal_number"],
        words: &["personnummer", "Personnummer:", "pnr"],
        forms: &[form("any", Word, state::se_personnummer)],
    },
    Kind {
        name: "fi_hetu",
        class: Checksum,
        detectors: &["fi_hetu", "hetu"],
        keys: &["hetu", "henkilotunnus", "henkilötunnus"],
        words: &["HETU", "henkilötunnus", "hetu"],
        forms: &[form("any", Word, state::fi_hetu)],
    },
    Kind {
        name: "phone",
        class: Other,
        detectors: &["phone"],
        keys: &[
            "phone",
            "phone_number",
            "mobile",
            "tel",
            "cell",
            "fax",
            "msisdn",
            "telephone",
            "contact_phone",
            "mobileNumber",
            "whatsapp",
        ],
        words: &["phone", "call", "tel.", "mobile", "sms to", "fax"],
        forms: &[
            form("international", Nothing, values::phone_international),
            form("international", Nothing, values::phone_international),
            form("national", Word, values::phone_national),
        ],
    },
    Kind {
        name: "mac_address",
        class: Other,
        detectors: &["mac_address"],
        keys: &["mac", "mac_address", "hwaddr", "bssid", "device_mac"],
        words: &["MAC", "hwaddr", "station"],
        forms: &[form("any", Word, values::mac)],
    },
    Kind {
        name: "jwt",
        class: Placed,
        detectors: SECRETS,
        keys: &["jwt", "id_token", "access_token", "assertion", "credential", "value", "raw"],
        words: &["token", "decoded", "jwt", "bad assertion"],
        forms: &[form("any", Nothing, values::jwt)],
    },
    Kind {
        name: "private_key",
        class: Placed,
        detectors: SECRETS,
        keys: &["private_key", "pem", "key", "tls_key", "content", "ssh_key"],
        words: &["key", "loaded", "pem"],
        forms: &[form("pem", Nothing, values::pem)],
    },
    Kind {
        name: "birth_date",
        class: Other,
        detectors: &["birth_date", "date_of_birth", "secret_key", "key_value"],
        keys: &["birth_date", "date_of_birth", "dob", "birthday", "geburtsdatum", "birthDate"],
        words: &["born", "date of birth", "DOB"],
        forms: &[form("any", Key, values::birth)],
    },
    Kind {
        name: "person_name",
        class: Other,
        detectors: &["person_name", "name", "secret_key", "key_value"],
        keys: &[
            "first_name",
            "last_name",
            "full_name",
            "surname",
            "given_name",
            "family_name",
            "customer_name",
            "cardholder_name",
        ],
        words: &["name"],
        forms: &[form("any", Key, values::person)],
    },
    Kind {
        name: "postal_address",
        class: Other,
        detectors: &["postal_address", "address", "secret_key", "key_value"],
        keys: &[
            "street",
            "street_address",
            "address_line1",
            "home_address",
            "billing_address",
            "shipping_address",
        ],
        words: &["address"],
        forms: &[form("any", Key, values::street)],
    },
    Kind {
        name: "passport",
        class: Other,
        detectors: &["passport", "secret_key", "key_value"],
        keys: &["passport", "passport_number", "passport_no", "reisepass"],
        words: &["passport", "passport number"],
        forms: &[form("any", Key, values::passport)],
    },
    Kind {
        name: "bank_account",
        class: Other,
        detectors: &["bank_account", "account_number", "secret_key", "key_value"],
        keys: &["bank_account_number", "account_number", "kontonummer", "bank_account_no"],
        words: &["account number"],
        forms: &[form("any", Key, values::bank_account)],
    },
    Kind {
        name: "coordinates",
        class: Other,
        detectors: &["coordinates", "location", "secret_key", "key_value"],
        keys: &["latitude", "longitude", "lat", "lng", "geo.lat", "gps_lon"],
        words: &["position"],
        forms: &[form("any", Key, values::latitude)],
    },
    Kind {
        name: "device_id",
        class: Other,
        detectors: &["device_id", "secret_key", "key_value"],
        keys: &["imei", "device_id", "idfa", "android_id", "advertising_id", "gaid"],
        words: &["device"],
        forms: &[form("any", Key, values::device)],
    },
    Kind {
        name: "one_time_code",
        class: Keyed,
        detectors: SECRETS,
        keys: &[
            "otp",
            "pin",
            "totp_code",
            "verification_code",
            "mfa_code",
            "sms_code",
            "one_time_code",
            "security_code",
            "cvv",
            "two_factor_code",
        ],
        words: &["OTP", "verification code", "security code", "PIN"],
        forms: &[form("digits", Key, values::code)],
    },
];

/// Forms of secrets that only their key tells.
pub(crate) const SECRET_FORMS: &[Form] = &[
    form("password", Key, values::password_plain),
    form("password", Key, values::password_plain),
    form("opaque", Key, values::opaque),
    form("hex", Key, values::hex_secret),
    form("base64", Key, values::base64_secret),
];

/// The secret with spaces, quotes and every sign, where the notation can write it.
pub(crate) const SECRET_ANY: Form = form("any", Key, values::password_any);

/// Makes the credentials of `Authorization: Basic`.
pub(crate) const BASIC: Form = form("basic", Key, values::basic);

/// The class of secrets.
pub(crate) const SECRET_CLASS: Class = Keyed;
