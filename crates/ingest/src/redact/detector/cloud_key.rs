//! Keys of cloud services that carry their own mark: `AKIAIOSFODNN7EXAMPLE`, `ghp_...`.
//!
//! A prefix of the issuer, then characters of the issuer's alphabet, at least the issuer's length.
//! One row a kind; the prefix is also the needle of the prefilter.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Detector;
use super::boundary::{before, run_end};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct CloudKey;

/// Characters of a key after its prefix.
#[derive(Clone, Copy)]
enum Alphabet {
    Hex,
    Alphanumeric,
    /// Letters, digits, `-` and `_`.
    Word,
    /// Word with `.`, `/`, `+`, `=`: also paths of webhooks.
    Path,
}

use Alphabet::{Alphanumeric, Hex, Path, Word};

/// Prefix, alphabet and fewest characters that follow. Issuers publish the prefixes for scanners of
/// repositories.
const KINDS: [(&str, Alphabet, usize); 169] = [
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
    ("glpat-", Word, 20),
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
    ("sk-", Alphanumeric, 40),
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
    ("access_token$production$", Alphanumeric, 16),
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
];

const NEEDLES: [&str; KINDS.len()] = needles();

/// Finds all prefixes in one pass.
static PREFIXES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .build(NEEDLES)
        .expect("some hundred short prefixes stay far below the automaton's limits")
});

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, both arrays are as long")]
const fn needles() -> [&'static str; KINDS.len()] {
    let mut needles = [""; KINDS.len()];
    let mut position = 0;
    while position < KINDS.len() {
        needles[position] = KINDS[position].0;
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

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        // Where a key was found, or a run was too short for one, nothing begins again.
        let mut floors = [0; KINDS.len()];
        for hit in PREFIXES.find_overlapping_iter(text) {
            let kind = hit.pattern().as_usize();
            let (Some((_, alphabet, length_min)), Some(floor)) =
                (KINDS.get(kind), floors.get_mut(kind))
            else {
                continue;
            };
            let is_inside = before(bytes, hit.start()).is_some_and(|b| b.is_ascii_alphanumeric());
            if hit.start() < *floor || is_inside {
                continue;
            }
            let end = run_end(bytes, hit.end(), |byte| is_in(*alphabet, byte));
            *floor = end;
            if end - hit.end() >= *length_min {
                found.replace(hit.start()..end);
            }
        }
    }
}

fn is_in(alphabet: Alphabet, byte: u8) -> bool {
    match alphabet {
        Hex => byte.is_ascii_hexdigit(),
        Alphanumeric => byte.is_ascii_alphanumeric(),
        Word => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        Path => {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'+' | b'=')
        }
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

    #[test]
    fn every_kind_is_replaced() {
        for (prefix, _, length) in KINDS {
            let key = filled(prefix, length);
            check(&CloudKey, &format!("key {key}, used"), "key [API_KEY], used");
            check(&CloudKey, &format!("'{key}'"), "'[API_KEY]'");
        }
    }

    #[test]
    fn short_and_glued_ones_stay() {
        for (prefix, alphabet, length) in KINDS {
            if !matches!(alphabet, Path) {
                let short = filled(prefix, length - 1);
                check(&CloudKey, &short, &short);
            }
            let glued = format!("x{}", filled(prefix, length));
            check(&CloudKey, &glued, &glued);
        }
        check_untouched(&CloudKey, &["AKIA", "sk-learn", "npm_config_registry", "task-force"]);
    }
}
