//! Credentials of HTTP authentication in running text: `Bearer abc...`, `Basic YTpi`.
//!
//! After `Authorization:` the work is done by `key_value`, whatever the scheme. Here the scheme
//! alone is the mark, so the rest has to look the part: a bearer token holds a digit or is long,
//! and basic credentials decode to text with a colon.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use memchr::memchr2_iter;

use super::Detector;
use super::boundary::{at, before, is_word, run_end};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct Authorization;

/// Shortest bearer token that holds a digit, and shortest without one: words are shorter.
const BEARER_BYTES_MIN: usize = 8;
const BEARER_LETTERS_MIN: usize = 24;

/// Longer than any scheme below.
const SCHEME_BYTES_MAX: usize = 8;

impl Detector for Authorization {
    fn name(&self) -> &'static str {
        "authorization"
    }

    fn placeholder(&self) -> &'static str {
        "[CREDENTIALS]"
    }

    fn about(&self) -> &'static str {
        "a scheme of authorization, and what follows the scheme"
    }

    fn canary(&self) -> Canary {
        Canary::Text("sent Bearer 9f3ab1c2d4e5f60718293a4b")
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: &["bearer ", "bearer, ", "basic "], ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        for start in memchr2_iter(b'b', b'B', bytes) {
            let window = bytes.get(..start + SCHEME_BYTES_MAX).unwrap_or(bytes);
            let scheme_end = run_end(window, start, |byte| byte.is_ascii_alphabetic());
            let scheme = text.get(start..scheme_end).unwrap_or_default();
            let is_credential = match scheme.to_ascii_lowercase().as_str() {
                "bearer" => is_bearer_token,
                "basic" => is_basic_credential,
                _ => continue,
            };
            // Protocols of sockets carry tokens too: `Sec-WebSocket-Protocol: bearer, abc123`.
            let comma = usize::from(at(bytes, scheme_end) == Some(b','));
            let token_start = run_end(bytes, scheme_end + comma, |byte| byte == b' ');
            let token_end = run_end(bytes, token_start, is_token_byte);
            let token = text.get(token_start..token_end).unwrap_or_default().trim_end_matches('.');
            let has_scheme = token_start > scheme_end + comma && !is_word(before(bytes, start));
            if has_scheme && is_credential(token) {
                found.replace(token_start..token_start + token.len());
            }
        }
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

fn is_bearer_token(token: &str) -> bool {
    let has_digit = token.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && token.len() >= BEARER_BYTES_MIN) || token.len() >= BEARER_LETTERS_MIN
}

fn is_basic_credential(token: &str) -> bool {
    let decoded = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD]
        .iter()
        .find_map(|encoding| encoding.decode(token.as_bytes()).ok());
    let is_text = |bytes: &[u8]| bytes.iter().all(|byte| !byte.is_ascii_control());
    decoded.is_some_and(|bytes| bytes.contains(&b':') && is_text(&bytes))
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn credentials_are_replaced_behind_their_scheme() {
        for (text, expected) in [
            ("sent Bearer abc123DEF456 to", "sent Bearer [CREDENTIALS] to"),
            ("bearer abcdefghijklmnopqrstuvwxyz", "bearer [CREDENTIALS]"),
            ("BASIC YWxhZGRpbjpvcGVuc2VzYW1l.", "BASIC [CREDENTIALS]."),
            ("Basic YTpi", "Basic [CREDENTIALS]"),
            (
                "Sec-WebSocket-Protocol: bearer, abc123DEF456",
                "Sec-WebSocket-Protocol: bearer, [CREDENTIALS]",
            ),
            ("(Basic dXNlcjpw)", "(Basic [CREDENTIALS])"),
        ] {
            check(&Authorization, text, expected);
            check(&Authorization, expected, expected);
        }
    }

    #[test]
    fn prose_stays() {
        check_untouched(
            &Authorization,
            &[
                "Bearer authentication required",
                "bearer of news",
                "Basic training",
                "basic auth for user",
                "Basic YWJjZA==",
                "Bearer",
                "forbearer abc123DEF456",
            ],
        );
    }
}
