//! Private keys in PEM and its relatives: `-----BEGIN PRIVATE KEY-----`.
//!
//! The whole block goes; where its end is missing, everything to the end of the text.

use memchr::memmem;

use super::Detector;
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct PrivateKey;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const RULE: &[u8] = b"-----";

/// Longest label, `ENCRYPTED PRIVATE KEY` with room for new names.
const LABEL_BYTES_MAX: usize = 64;

impl Detector for PrivateKey {
    fn name(&self) -> &'static str {
        "private_key"
    }

    fn placeholder(&self) -> &'static str {
        "[PRIVATE_KEY]"
    }

    fn about(&self) -> &'static str {
        "the head of a PEM block"
    }

    fn canary(&self) -> Canary {
        Canary::Text(
            "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0B\\n-----END PRIVATE KEY-----",
        )
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: &["-----BEGIN "], ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut position = 0;
        while let Some(start) = find_from(bytes, position, BEGIN) {
            position = start + BEGIN.len();
            if !is_private(bytes.get(position..).unwrap_or_default()) {
                continue;
            }
            let end = find_from(bytes, position, END).map(|end| {
                let label = end + END.len();
                find_from(bytes, label, RULE).map_or(bytes.len(), |rule| rule + RULE.len())
            });
            let end = end.unwrap_or(bytes.len());
            found.replace(start..end);
            position = end;
        }
    }
}

fn find_from(bytes: &[u8], start: usize, wanted: &[u8]) -> Option<usize> {
    memmem::find(bytes.get(start..)?, wanted).map(|offset| start + offset)
}

fn is_private(after_begin: &[u8]) -> bool {
    let nearby = after_begin.get(..LABEL_BYTES_MAX).unwrap_or(after_begin);
    let label = memmem::find(nearby, RULE).and_then(|end| nearby.get(..end)).unwrap_or(nearby);
    memmem::find(label, b"PRIVATE KEY").is_some()
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn blocks_are_replaced_to_their_end() {
        for (text, expected) in [
            (
                "a -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- b",
                "a [PRIVATE_KEY] b",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----\\n",
                "[PRIVATE_KEY]\\n",
            ),
            ("x -----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1rZXk", "x [PRIVATE_KEY]"),
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----",
                "[PRIVATE_KEY]",
            ),
        ] {
            check(&PrivateKey, text, expected);
        }
    }

    #[test]
    fn public_blocks_stay() {
        check_untouched(
            &PrivateKey,
            &[
                "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
                "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----",
                "----- BEGIN of the PRIVATE KEY section",
            ],
        );
    }
}
