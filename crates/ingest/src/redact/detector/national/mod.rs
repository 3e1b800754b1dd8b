//! National ids: one file a kind, over the frame of [`super::worded`].
//!
//! All share one placeholder: which country a person is of is a fact about the person too, and the
//! detector's name in `_redacted` tells operators what was found.

mod at_svnr;
mod au_tfn;
mod be_national_register;
mod br_cnpj;
mod br_cpf;
mod ca_sin;
mod ch_ahv;
mod de_tax_id;
mod dk_cpr;
mod es_dni;
mod fi_hetu;
mod fr_nir;
mod in_aadhaar;
mod in_pan;
mod it_codice_fiscale;
mod national_id;
mod nl_bsn;
mod no_fnr;
mod pl_pesel;
mod pt_nif;
mod se_personnummer;
mod uk_nhs;
mod uk_nino;
mod us_itin;

pub(in crate::redact) use at_svnr::AT_SVNR;
pub(in crate::redact) use au_tfn::AU_TFN;
pub(in crate::redact) use be_national_register::BE_NATIONAL_REGISTER;
pub(in crate::redact) use br_cnpj::BR_CNPJ;
pub(in crate::redact) use br_cpf::BR_CPF;
pub(in crate::redact) use ca_sin::CA_SIN;
pub(in crate::redact) use ch_ahv::CH_AHV;
pub(in crate::redact) use de_tax_id::DE_TAX_ID;
pub(in crate::redact) use dk_cpr::DK_CPR;
pub(in crate::redact) use es_dni::ES_DNI;
pub(in crate::redact) use fi_hetu::FI_HETU;
pub(in crate::redact) use fr_nir::FR_NIR;
pub(in crate::redact) use in_aadhaar::IN_AADHAAR;
pub(in crate::redact) use in_pan::IN_PAN;
pub(in crate::redact) use it_codice_fiscale::IT_CODICE_FISCALE;
pub(in crate::redact) use national_id::NATIONAL_ID;
pub(in crate::redact) use nl_bsn::NL_BSN;
pub(in crate::redact) use no_fnr::NO_FNR;
pub(in crate::redact) use pl_pesel::PL_PESEL;
pub(in crate::redact) use pt_nif::PT_NIF;
pub(in crate::redact) use se_personnummer::SE_PERSONNUMMER;
pub(in crate::redact) use uk_nhs::UK_NHS;
pub(in crate::redact) use uk_nino::UK_NINO;
pub(in crate::redact) use us_itin::US_ITIN;

/// What stands in place of a national id.
const PLACEHOLDER: &str = "[NATIONAL_ID]";
