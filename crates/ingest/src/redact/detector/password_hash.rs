//! Hashes of passwords as frameworks and systems store them: `pbkdf2_sha256$...`, `$2b$12$...`,
//! `$argon2id$...`, `{SSHA}...`. A hash of a weak password is as good as the password.
//!
//! A mark of the scheme, then its parameters, salt and digest, divided by dollar signs.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::Detector;
use super::boundary::{before, is_word, run_end};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct PasswordHash;

/// Beginnings of hashes: those of crypt(3), of Django, Werkzeug, Passlib, Drupal and LDAP.
const MARKS: [&str; 27] = [
    "$1$",
    "$2a$",
    "$2b$",
    "$2x$",
    "$2y$",
    "$5$",
    "$6$",
    "$7$",
    "$y$",
    "$gy$",
    "$argon2",
    "argon2$argon2",
    "$apr1$",
    "$pbkdf2",
    "pbkdf2_sha",
    "pbkdf2:sha",
    "$scrypt$",
    "scrypt:",
    "scrypt$",
    "bcrypt$$2",
    "bcrypt_sha256$$2",
    "$bcrypt-sha256$",
    "{ssha",
    "{sha",
    "{smd5}",
    "{crypt}",
    "{pbkdf2",
];

static MARK_FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(aho_corasick::MatchKind::LeftmostLongest)
        .build(MARKS)
        .expect("some dozens of short marks")
});

/// Fewest characters of a hash behind its mark: the salt and digest of MD5.
const HASH_BYTES_MIN: usize = 22;

impl Detector for PasswordHash {
    fn name(&self) -> &'static str {
        "password_hash"
    }

    fn placeholder(&self) -> &'static str {
        "[PASSWORD_HASH]"
    }

    fn about(&self) -> &'static str {
        "the mark of a scheme of hashing, then salt and digest"
    }

    fn canary(&self) -> Canary {
        Canary::Text("$2b$12$0a1b2c3d4e5f67890a1b2cu0a1b2c3d4e5f67890a1b2c3d4e5f6")
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: &MARKS, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let mut floor = 0;
        for hit in MARK_FINDER.find_iter(text) {
            if hit.start() < floor {
                continue;
            }
            if let Some(range) = hash(text, hit.range()) {
                floor = range.end;
                found.replace(range);
            }
        }
    }
}

fn hash(text: &str, mark: Range<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_apart = !is_word(before(bytes, mark.start));
    let end = run_end(bytes, mark.end, |byte| {
        byte.is_ascii_alphanumeric() || b"$./+=,_:-}*".contains(&byte)
    });
    let written = text.get(mark.start..end)?.trim_end_matches(['.', ',', ':', '}']);
    let is_divided =
        written.starts_with('{') || written.bytes().filter(|byte| *byte == b'$').count() >= 2;
    let is_long = written.len() >= mark.len() + HASH_BYTES_MIN;
    (is_apart && is_divided && is_long).then_some(mark.start..mark.start + written.len())
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn hashes_are_replaced_whole() {
        for hash in [
            "pbkdf2_sha256$260000$0a1b2c3d4e5f$0a1b2c3d4e5f67890a1b2c3d4e5f67890a1b2c3d4e5=",
            "$2b$12$0a1b2c3d4e5f67890a1b2cu0a1b2c3d4e5f67890a1b2c3d4e5f6.e",
            "$argon2id$v=19$m=65536,t=3,p=4$0a1b2c3d4e5f$0a1b2c3d4e5f67890a1b2c3d4e5f",
            "argon2$argon2id$v=19$m=102400,t=2,p=8$0a1b2c3d4e5f$0a1b2c3d4e5f6789",
            "scrypt:32768:8:1$0a1b2c3d4e5f$0a1b2c3d4e5f67890a1b2c3d4e5f6789",
            "$6$0a1b2c3d$0a1b2c3d4e5f67890a1b2c3d4e5f67890a1b2c3d4e5f6789/.",
            "$1$0a1b2c3d$0a1b2c3d4e5f67890a1b2c",
            "{SSHA}0a1b2c3d4e5f67890a1b2c3d4e5f6789",
            "bcrypt_sha256$$2b$12$0a1b2c3d4e5f67890a1b2cu0a1b2c3d4e5f67890a1b2c3d4e5",
        ] {
            let kept = hash.trim_end_matches('.');
            let rest = &hash[kept.len()..];
            check(
                &PasswordHash,
                &format!("set '{hash}', x"),
                &format!("set '[PASSWORD_HASH]{rest}', x"),
            );
        }
    }

    #[test]
    fn other_dollars_stay() {
        check_untouched(
            &PasswordHash,
            &[
                "$1 $2 $5$6",
                "pbkdf2_sha256",
                "cost $1$ and $6$",
                "scrypt: done",
                "${SHA}",
                "{sha256}",
            ],
        );
    }
}
