//! Keys of cloud services that carry their own mark: `AKIAIOSFODNN7EXAMPLE`, `ghp_...`.
//!
//! A prefix that the issuer chose, then exactly its alphabet, at least its length. One row a
//! kind; the prefix is also the needle of the prefilter.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Detector;
use super::boundary::{before, run_end};
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

/// Prefix, alphabet and fewest characters that follow.
const KINDS: [(&str, Alphabet, usize); 52] = [
    ("AKIA", Alphanumeric, 16),
    ("ASIA", Alphanumeric, 16),
    ("ABIA", Alphanumeric, 16),
    ("ACCA", Alphanumeric, 16),
    ("ghp_", Alphanumeric, 30),
    ("gho_", Alphanumeric, 30),
    ("ghu_", Alphanumeric, 30),
    ("ghs_", Alphanumeric, 30),
    ("ghr_", Alphanumeric, 30),
    ("github_pat_", Word, 22),
    ("glpat-", Word, 20),
    ("gldt-", Word, 20),
    ("glrt-", Word, 20),
    ("xoxb-", Word, 10),
    ("xoxp-", Word, 10),
    ("xoxa-", Word, 10),
    ("xoxr-", Word, 10),
    ("xoxs-", Word, 10),
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
    ("GOCSPX-", Word, 20),
    ("npm_", Alphanumeric, 36),
    ("pypi-AgE", Word, 40),
    ("SG.", Path, 40),
    ("sk-ant-", Word, 20),
    ("sk-proj-", Word, 20),
    ("sk-", Alphanumeric, 40),
    ("hf_", Alphanumeric, 30),
    ("dop_v1_", Hex, 64),
    ("shpat_", Hex, 32),
    ("shpss_", Hex, 32),
    ("shpca_", Hex, 32),
    ("shppa_", Hex, 32),
    ("sq0atp-", Word, 20),
    ("sq0csp-", Word, 30),
    ("hvs.", Word, 24),
    ("dapi", Hex, 32),
    ("glsa_", Word, 30),
    ("ATATT3", Path, 40),
    ("AGE-SECRET-KEY-1", Alphanumeric, 50),
];

const NEEDLES: [&str; KINDS.len()] = needles();

/// Searchers for the prefixes; making them costs more than most searches.
static SEARCHERS: LazyLock<[Finder<'static>; KINDS.len()]> =
    LazyLock::new(|| KINDS.map(|(prefix, ..)| Finder::new(prefix)));

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

    fn trigger(&self) -> Trigger {
        Trigger { needles: &NEEDLES, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        for ((prefix, alphabet, length_min), searcher) in KINDS.into_iter().zip(&*SEARCHERS) {
            let mut floor = 0;
            for start in searcher.find_iter(bytes) {
                let is_inside = before(bytes, start).is_some_and(|b| b.is_ascii_alphanumeric());
                if start < floor || is_inside {
                    continue;
                }
                let key_start = start + prefix.len();
                let end = run_end(bytes, key_start, |byte| is_in(alphabet, byte));
                floor = end;
                if end - key_start >= length_min {
                    found.replace(start..end);
                }
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

    /// Keys are put together here so that no scanner takes this file for a leak.
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
