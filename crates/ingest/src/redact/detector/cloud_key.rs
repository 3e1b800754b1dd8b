//! Keys of cloud services that carry their own mark: `AKIAIOSFODNN7EXAMPLE`, `ghp_...`.
//!
//! A prefix of the issuer, then characters of the issuer's alphabet, at least the issuer's length.
//! One row a kind; the prefix is also the needle of the prefilter.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Detector;
use super::boundary::{before, run_end, run_start};
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct CloudKey;

/// Characters of a key after its prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    Digit,
    Hex,
    /// Capitals and digits.
    Capital,
    /// Capitals, digits and `-`.
    Upper,
    /// Small letters and digits.
    Lower,
    /// Five groups of hexadecimal digits.
    Uuid,
    Alphanumeric,
    /// Letters, digits, `-` and `_`.
    Word,
    /// Word with `:`.
    Colon,
    /// Word with `$`.
    Dollar,
    /// Word with `.`, `/`, `+`, `=`: also paths of webhooks.
    Path,
}

use Alphabet::{Alphanumeric, Capital, Colon, Digit, Dollar, Hex, Lower, Path, Upper, Uuid, Word};

/// Prefix, alphabet and fewest characters that follow. Issuers publish the prefixes for scanners of
/// repositories.
const KINDS: [(&str, Alphabet, usize); 296] = [
    ("AKIA", Alphanumeric, 16),
    ("ASIA", Alphanumeric, 16),
    ("ABIA", Alphanumeric, 16),
    ("ACCA", Alphanumeric, 16),
    ("LTAI", Alphanumeric, 16),
    ("ghp_", Alphanumeric, 30),
    ("gho_", Alphanumeric, 30),
    ("ghu_", Alphanumeric, 30),
    ("ghs_", Alphanumeric, 30),
    ("ghr_", Alphanumeric, 30),
    ("github_pat_", Word, 22),
    ("glpat-", Path, 20),
    ("gldt-", Word, 20),
    ("glrt-", Word, 20),
    ("glptt-", Word, 20),
    ("glft-", Word, 20),
    ("glimt-", Word, 20),
    ("glagent-", Word, 20),
    ("glcbt-", Word, 20),
    ("glsoat-", Word, 20),
    ("glffct-", Word, 20),
    ("glwt-", Word, 20),
    ("xoxb-", Word, 10),
    ("xoxp-", Word, 10),
    ("xoxa-", Word, 10),
    ("xoxr-", Word, 10),
    ("xoxs-", Word, 10),
    ("xoxc-", Word, 10),
    ("xoxd-", Word, 10),
    ("xoxe-", Word, 10),
    ("xoxe.", Path, 10),
    ("xapp-", Word, 10),
    ("hooks.slack.com/services/", Path, 20),
    ("hooks.slack.com/workflows/", Path, 20),
    ("discord.com/api/webhooks/", Path, 40),
    ("discordapp.com/api/webhooks/", Path, 40),
    ("sk_live_", Alphanumeric, 10),
    ("sk_test_", Alphanumeric, 10),
    ("rk_live_", Alphanumeric, 10),
    ("rk_test_", Alphanumeric, 10),
    ("whsec_", Path, 20),
    ("AIza", Word, 35),
    ("ya29.", Word, 20),
    ("1//0", Word, 40),
    ("GOCSPX-", Word, 20),
    ("npm_", Alphanumeric, 36),
    ("pypi-AgE", Word, 40),
    ("rubygems_", Hex, 48),
    ("oy2", Alphanumeric, 43),
    ("cio", Alphanumeric, 32),
    ("CLOJARS_", Alphanumeric, 60),
    ("SG.", Path, 40),
    ("xkeysib-", Word, 64),
    ("xsmtpsib-", Word, 64),
    ("key-", Hex, 32),
    ("sk-ant-", Word, 20),
    ("sk-proj-", Word, 20),
    ("sk-svcacct-", Word, 20),
    ("sk-admin-", Word, 20),
    ("sk-or-v1-", Hex, 64),
    ("sk-lf-", Word, 36),
    ("sk-", Alphanumeric, 32),
    ("sk_", Hex, 48),
    ("gsk_", Alphanumeric, 40),
    ("pplx-", Alphanumeric, 40),
    ("r8_", Alphanumeric, 36),
    ("xai-", Alphanumeric, 60),
    ("nvapi-", Word, 60),
    ("lsv2_pt_", Word, 32),
    ("lsv2_sk_", Word, 32),
    ("tvly-", Word, 28),
    ("pcsk_", Word, 40),
    ("hf_", Alphanumeric, 30),
    ("api_org_", Alphanumeric, 30),
    ("dop_v1_", Hex, 64),
    ("doo_v1_", Hex, 64),
    ("dor_v1_", Hex, 64),
    ("shpat_", Hex, 32),
    ("shpss_", Hex, 32),
    ("shpca_", Hex, 32),
    ("shppa_", Hex, 32),
    ("shippo_live_", Hex, 40),
    ("shippo_test_", Hex, 40),
    ("sq0atp-", Word, 20),
    ("sq0csp-", Word, 30),
    ("access_token$production$", Dollar, 16),
    ("access-sandbox-", Word, 36),
    ("access-development-", Word, 36),
    ("access-production-", Word, 36),
    ("rzp_live_", Alphanumeric, 14),
    ("FLWSECK-", Word, 20),
    ("FLWSECK_TEST-", Word, 20),
    ("EZAK", Alphanumeric, 54),
    ("EZTK", Alphanumeric, 54),
    ("duffel_live_", Word, 43),
    ("duffel_test_", Word, 43),
    ("hvs.", Word, 24),
    ("hvb.", Word, 24),
    ("hvr.", Word, 24),
    ("dapi", Hex, 32),
    ("glsa_", Word, 30),
    ("glc_", Path, 32),
    ("ATATT3", Path, 40),
    ("ATCTT3", Path, 40),
    ("ATBB", Alphanumeric, 32),
    ("ATTA", Alphanumeric, 60),
    ("AGE-SECRET-KEY-1", Alphanumeric, 50),
    ("AKCp", Alphanumeric, 60),
    ("lin_api_", Alphanumeric, 40),
    ("lin_oauth_", Alphanumeric, 40),
    ("ntn_", Alphanumeric, 40),
    ("secret_", Alphanumeric, 43),
    ("figd_", Word, 40),
    ("pscale_tkn_", Path, 32),
    ("pscale_pw_", Path, 32),
    ("pscale_oauth_", Path, 32),
    ("PMAK-", Word, 50),
    ("pul-", Hex, 40),
    ("pnu_", Alphanumeric, 36),
    ("rdme_", Alphanumeric, 60),
    ("dp.pt.", Alphanumeric, 40),
    ("dp.st.", Path, 40),
    ("dp.ct.", Alphanumeric, 40),
    ("dp.sa.", Alphanumeric, 40),
    ("dp.scim.", Alphanumeric, 40),
    ("dp.audit.", Alphanumeric, 40),
    ("dt0c01.", Path, 80),
    ("fo1_", Word, 40),
    ("fio-u-", Word, 60),
    ("ico-", Alphanumeric, 32),
    ("NRAK-", Alphanumeric, 27),
    ("NRII-", Word, 32),
    ("NRRA-", Hex, 40),
    ("sntrys_", Path, 60),
    ("sntryu_", Hex, 64),
    ("sgp_", Word, 40),
    ("squ_", Hex, 40),
    ("sqp_", Hex, 40),
    ("sqa_", Hex, 40),
    ("tskey-", Word, 20),
    ("tfp_", Path, 40),
    ("CFPAT-", Word, 43),
    ("CCIPAT_", Word, 40),
    ("CCIPRJ_", Word, 40),
    ("bkua_", Hex, 40),
    ("dckr_pat_", Word, 20),
    ("dckr_oat_", Word, 20),
    ("EAACEdEose0cBA", Alphanumeric, 20),
    ("aio_", Alphanumeric, 28),
    ("p8e-", Hex, 32),
    ("HRKU-", Word, 36),
    ("s-s4t2ud-", Hex, 64),
    ("sha256~", Word, 43),
    ("sbp_", Hex, 40),
    ("sb_secret_", Word, 20),
    ("napi_", Alphanumeric, 40),
    ("phx_", Alphanumeric, 40),
    ("sk.eyJ", Path, 40),
    ("waka_", Word, 36),
    ("ops_eyJ", Path, 100),
    ("zpka_", Word, 32),
    ("AVNS_", Word, 16),
    ("nfp_", Alphanumeric, 36),
    ("rnd_", Alphanumeric, 28),
    ("dnkey-", Word, 40),
    ("secret-live-", Path, 36),
    ("secret-test-", Path, 36),
    ("mdb_sa_sk_", Word, 30),
    ("tk-us-", Word, 48),
    ("glrtr-", Word, 20),
    ("gloas-", Word, 20),
    ("GR1348941", Word, 20),
    ("xoxo-", Word, 10),
    ("EAAA", Word, 56),
    ("EAAC", Alphanumeric, 80),
    ("EAAM", Alphanumeric, 80),
    ("EAAB", Alphanumeric, 80),
    ("EAAG", Alphanumeric, 80),
    ("ABSK", Path, 100),
    ("bedrock-api-key-", Path, 20),
    ("sl.u.", Word, 60),
    ("sl.", Word, 100),
    ("sk_prod_", Alphanumeric, 10),
    ("rk_prod_", Alphanumeric, 10),
    ("pat-na1-", Uuid, 36),
    ("pat-eu1-", Uuid, 36),
    ("sm_pat_", Alphanumeric, 16),
    ("sm_aat_", Alphanumeric, 16),
    ("sm_sat_", Alphanumeric, 16),
    ("AAAAAAAAAAAAAAAAAAAAAA", Path, 80),
    ("AQVN", Word, 35),
    ("YCAJ", Word, 35),
    ("t1.", Path, 100),
    ("v1.0-", Word, 140),
    ("sdk-", Uuid, 36),
    ("mob-", Uuid, 36),
    ("live_", Word, 35),
    ("test_", Hex, 35),
    ("live_pub_", Hex, 31),
    ("test_pub_", Hex, 31),
    ("pubkey-", Hex, 32),
    ("dt0s01.", Path, 80),
    ("dt0s16.", Path, 80),
    ("NRJS-", Hex, 19),
    ("eyJrIjoi", Path, 60),
    ("SCW", Upper, 17),
    ("fc-", Hex, 32),
    ("jina_", Alphanumeric, 50),
    ("cal_live_", Alphanumeric, 32),
    ("cal_test_", Alphanumeric, 32),
    ("rootly_", Hex, 64),
    ("dose", Hex, 32),
    ("shpua_", Hex, 32),
    ("apify_api_", Alphanumeric, 30),
    ("api_live.", Word, 20),
    ("api_sandbox.", Word, 20),
    ("mlsn.", Hex, 64),
    ("A3-", Upper, 30),
    ("dG9rO", Path, 40),
    ("SWMTKN-1-", Word, 60),
    ("SWMKEY-1-", Word, 30),
    ("fm1r_", Path, 60),
    ("fm1a_", Path, 60),
    ("fm2_", Path, 60),
    ("hcaik_", Alphanumeric, 40),
    ("pk.eyJ", Path, 60),
    ("oauth:", Lower, 30),
    ("AQE", Path, 80),
    ("figdr_", Word, 40),
    ("cmVmdGtuO", Alphanumeric, 50),
    ("slk_", Hex, 64),
    ("pa-", Word, 43),
    ("ls__", Hex, 32),
    ("dbtc_", Path, 40),
    ("dbtu_", Path, 40),
    ("os_v2_", Alphanumeric, 40),
    ("GOOG1E", Alphanumeric, 50),
    ("AKID", Alphanumeric, 32),
    ("bce-v3/ALTAK-", Path, 20),
    ("AKLT", Path, 40),
    ("akab-", Word, 32),
    ("packagist_", Word, 40),
    ("webhook.office.com/webhookb2/", Path, 60),
    ("chat.googleapis.com/v1/spaces/", Path, 40),
    ("hooks.zapier.com/hooks/catch/", Path, 10),
    ("maker.ifttt.com/use/", Word, 20),
    ("sntryi_", Path, 60),
    ("sk-live-", Word, 20),
    ("sk-test-", Word, 20),
    ("ory_at_", Word, 40),
    ("ory_rt_", Word, 40),
    ("ory_ac_", Word, 40),
    ("ory_pat_", Word, 20),
    ("ory_st_", Word, 20),
    ("sgd_", Hex, 64),
    ("ddapp_", Alphanumeric, 34),
    ("ddpat_", Word, 34),
    ("vcp_", Alphanumeric, 24),
    ("vck_", Alphanumeric, 24),
    ("tr_prod_", Word, 20),
    ("tr_dev_", Word, 20),
    ("pdl_live_apikey_", Word, 30),
    ("pdl_sdbx_apikey_", Word, 30),
    ("polar_oat_", Word, 30),
    ("xau_", Word, 40),
    ("xata_", Word, 30),
    ("SK0", Hex, 31),
    ("SK1", Hex, 31),
    ("SK2", Hex, 31),
    ("SK3", Hex, 31),
    ("SK4", Hex, 31),
    ("SK5", Hex, 31),
    ("SK6", Hex, 31),
    ("SK7", Hex, 31),
    ("SK8", Hex, 31),
    ("SK9", Hex, 31),
    ("SKa", Hex, 31),
    ("SKb", Hex, 31),
    ("SKc", Hex, 31),
    ("SKd", Hex, 31),
    ("SKe", Hex, 31),
    ("SKf", Hex, 31),
    ("access_token$sandbox$", Dollar, 16),
    ("amzn.mws.", Uuid, 36),
    ("cfut_", Alphanumeric, 38),
    ("cfat_", Alphanumeric, 38),
    ("nomad-secret-", Uuid, 36),
    ("snyk_uat.", Path, 40),
    ("snyk_pat.", Path, 40),
    ("p4-", Hex, 32),
    ("ddp_", Alphanumeric, 34),
    ("esecret_", Alphanumeric, 24),
    ("reftkn:", Colon, 30),
    ("API-", Capital, 26),
    ("lkr_", Alphanumeric, 32),
    ("fw_", Alphanumeric, 24),
];

/// Kinds whose mark stands inside: the mark, what stands before it with its bounds, and what
/// follows with the fewest characters.
const MARKED: [(&str, Alphabet, [usize; 2], Alphabet, usize); 21] = [
    (":AA", Digit, [8, 12], Word, 30),      // Telegram
    (":APA91b", Word, [11, 24], Word, 100), // Firebase
    (".atlasv1.", Alphanumeric, [14, 14], Path, 60),
    ("6Q~", Path, [3, 3], Path, 31), // Azure AD
    ("7Q~", Path, [3, 3], Path, 31),
    ("8Q~", Path, [3, 3], Path, 31),
    ("9Q~", Path, [3, 3], Path, 31),
    ("AZDO", Alphanumeric, [70, 80], Alphanumeric, 4),
    ("+ASt", Path, [60, 84], Path, 6), // Azure storage
    ("+ACR", Path, [38, 48], Path, 6),
    ("AzSe", Alphanumeric, [38, 52], Alphanumeric, 6),
    ("-us1", Hex, [32, 32], Digit, 0), // Mailchimp
    ("-us2", Hex, [32, 32], Digit, 0),
    ("-us3", Hex, [32, 32], Digit, 0),
    ("-us4", Hex, [32, 32], Digit, 0),
    ("-us5", Hex, [32, 32], Digit, 0),
    ("-us6", Hex, [32, 32], Digit, 0),
    ("T3BlbkFJ", Word, [20, 90], Word, 20),         // OpenAI
    ("_secret_", Word, [20, 40], Alphanumeric, 20), // Stripe
    ("ffffNRAL", Hex, [32, 36], Digit, 0),          // New Relic
    ("!AQ", Alphanumeric, [12, 20], Path, 60),      // Salesforce
];

const NEEDLES: [&str; KINDS.len() + MARKED.len()] = needles();

/// Finds all prefixes in one pass.
static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .build(NEEDLES)
        .expect("some hundred short prefixes stay far below the automaton's limits")
});

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the sum is the length")]
const fn needles() -> [&'static str; KINDS.len() + MARKED.len()] {
    let mut needles = [""; KINDS.len() + MARKED.len()];
    let mut position = 0;
    while position < needles.len() {
        needles[position] = match position < KINDS.len() {
            true => KINDS[position].0,
            false => MARKED[position - KINDS.len()].0,
        };
        position += 1;
    }
    needles
}

impl Detector for CloudKey {
    fn name(&self) -> &'static str {
        "cloud_key"
    }

    fn placeholder(&self) -> &'static str {
        "[API_KEY]"
    }

    fn about(&self) -> &'static str {
        "the issuer's prefix, alphabet and length"
    }

    fn canary(&self) -> Canary {
        Canary::Text("AKIAIOSFODNN7EXAMPLE")
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: &NEEDLES, ..Trigger::ANY }
    }

    fn key(&self, name: &str, _policy: &Policy) -> Claim {
        match name.ends_with("ccessKeyId") {
            true => Claim::Never,
            false => Claim::Silent,
        }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        if found.claim() == Claim::Never {
            return;
        }
        // Where a key was found, or a run was too short for one, nothing begins again.
        let mut floors = [0; KINDS.len()];
        for hit in PREFIXES.find_overlapping_iter(text) {
            let kind = hit.pattern().as_usize();
            let range = match (KINDS.get(kind), floors.get_mut(kind)) {
                (Some((_, alphabet, length_min)), Some(floor)) => {
                    prefixed(text, hit.range(), *alphabet, *length_min, floor)
                }
                _ => marked(text, hit.range(), kind - KINDS.len()),
            };
            if let Some(range) = range {
                found.replace(range);
            }
        }
    }
}

/// Returns the key that begins with a prefix.
fn prefixed(
    text: &str,
    prefix: Range<usize>,
    alphabet: Alphabet,
    length_min: usize,
    floor: &mut usize,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_inside = before(bytes, prefix.start).is_some_and(|b| b.is_ascii_alphanumeric());
    if prefix.start < *floor || is_inside {
        return None;
    }
    let end = run_end(bytes, prefix.end, |byte| is_in(alphabet, byte));
    *floor = end;
    // Audits name the key that somebody used, and a name without its key opens nothing.
    let name_start = text.ceil_char_boundary(prefix.start.saturating_sub(KEY_ID_BYTES));
    if text.get(name_start..prefix.start)?.contains("ccessKeyId") {
        return None;
    }
    // A full stop behind a key ends the sentence.
    let kept = text.get(prefix.start..end)?.trim_end_matches('.').len();
    // The address of a webhook begins with its scheme.
    let scheme = match text.get(..prefix.start) {
        Some(before) if before.ends_with("https://") => "https://".len(),
        Some(_) | None => 0,
    };
    let is_whole = match alphabet {
        Uuid => text.get(prefix.end..prefix.end + length_min).is_some_and(is_uuid),
        _ => prefix.start + kept >= prefix.end + length_min,
    };
    is_whole.then_some(prefix.start - scheme..prefix.start + kept)
}

/// How far before an id of a key its name stands: `"accessKeyId": "`.
const KEY_ID_BYTES: usize = 24;

fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| is_in(Uuid, byte))
}

/// Returns the key around a mark.
fn marked(text: &str, mark: Range<usize>, kind: usize) -> Option<Range<usize>> {
    let (_, front, [front_min, front_max], back, back_min) = MARKED.get(kind)?;
    let bytes = text.as_bytes();
    let floor = mark.start.saturating_sub(front_max + 1);
    let start = run_start(bytes, floor, mark.start, |byte| is_in(*front, byte));
    let end = run_end(bytes, mark.end, |byte| is_in(*back, byte));
    let is_whole =
        (*front_min..=*front_max).contains(&(mark.start - start)) && end - mark.end >= *back_min;
    is_whole.then_some(start..end)
}

fn is_in(alphabet: Alphabet, byte: u8) -> bool {
    match alphabet {
        Digit => byte.is_ascii_digit(),
        Hex => byte.is_ascii_hexdigit(),
        Capital => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        Colon => is_in(Word, byte) || byte == b':',
        Dollar => is_in(Word, byte) || byte == b'$',
        Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-',
        Lower => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        Uuid => byte.is_ascii_hexdigit() || byte == b'-',
        Alphanumeric => byte.is_ascii_alphanumeric(),
        Word => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        Path => byte.is_ascii_alphanumeric() || b"-_./+=~".contains(&byte),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    /// Keys are put together here, because a scanner would take whole keys in the file for a leak.
    fn filled(prefix: &str, length: usize) -> String {
        let filler = "0a1b2c3d4e5f6789".chars().cycle();
        prefix.chars().chain(filler.take(length)).collect()
    }

    /// The same of a kind.
    fn key_of(prefix: &str, alphabet: Alphabet, length: usize) -> String {
        match alphabet {
            Uuid => [prefix, "0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789"].concat(),
            Upper | Capital => filled(prefix, length)
                .replacen(prefix, "", 1)
                .to_uppercase()
                .replacen("", prefix, 1),
            _ => filled(prefix, length),
        }
    }

    #[test]
    fn every_kind_is_replaced() {
        for (prefix, alphabet, length) in KINDS {
            let key = key_of(prefix, alphabet, length);
            check(&CloudKey, &format!("key {key}, used"), "key [API_KEY], used");
            check(&CloudKey, &format!("'{key}'"), "'[API_KEY]'");
        }
    }

    #[test]
    fn keys_with_a_mark_inside_are_replaced() {
        for (mark, front, [front_min, _], back, back_min) in MARKED {
            let letters = |alphabet: Alphabet, length: usize| -> String {
                let filler = "0a1b2c3d4e5f6789".chars().filter(|c| is_in(alphabet, *c as u8));
                filler.cycle().take(length).collect()
            };
            let key = [&letters(front, front_min), mark, &letters(back, back_min)].concat();
            check(&CloudKey, &format!("/bot {key}"), "/bot [API_KEY]");
            let short = [&letters(front, front_min - 1), mark, &letters(back, back_min)].concat();
            check(&CloudKey, &short, &short);
        }
    }

    #[test]
    fn short_and_glued_ones_stay() {
        for (prefix, alphabet, length) in KINDS {
            let key = key_of(prefix, alphabet, length);
            let short = &key[..key.len() - 1];
            if !KINDS.iter().any(|(other, _, least)| {
                short.find(other).is_some_and(|at| short.len() - at - other.len() >= *least)
            }) {
                check(&CloudKey, short, short);
            }
        }
        let glued = format!("x{}", filled("ghp_", 36));
        check(&CloudKey, &glued, &glued);
        check_untouched(&CloudKey, &["AKIA", "sk-learn", "npm_config_registry", "task-force"]);
    }
}
