//! Credentials in addresses: `postgres://ada:hunter2@db/app`, `/reset?token=abc`.
//!
//! User and password before the host go together; of a query, the values of parameters that
//! carry secrets. A long user without a password is a token too: `https://<token>@host`.

use std::sync::LazyLock;

use memchr::memchr2_iter;
use memchr::memmem::Finder;

use super::Detector;
use super::boundary::{at, before, run_end};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct UrlCredentials;

/// Parameters with secrets, and the shortest secret of each: `?code=404` is a status.
const PARAMETERS: [(&str, usize); 26] = [
    ("token", 1),
    ("access_token", 1),
    ("refresh_token", 1),
    ("id_token", 1),
    ("auth_token", 1),
    ("auth", 6),
    ("sig", 6),
    ("signature", 6),
    ("hmac", 6),
    ("key", 8),
    ("api_key", 1),
    ("apikey", 1),
    ("api-key", 1),
    ("code", 6),
    ("password", 1),
    ("passwd", 1),
    ("pwd", 1),
    ("pass", 1),
    ("secret", 1),
    ("client_secret", 1),
    ("session", 6),
    ("sessionid", 1),
    ("ticket", 6),
    ("jwt", 1),
    ("x-amz-signature", 1),
    ("x-amz-credential", 1),
];

/// Further parameters of signed addresses.
const SIGNED_PARAMETERS: [(&str, usize); 4] =
    [("x-amz-security-token", 1), ("x-goog-signature", 1), ("x-goog-credential", 1), ("otp", 4)];

/// Longest parameter name above.
const PARAMETER_BYTES_MAX: usize = 20;

/// Shortest user name without a password that is a token.
const TOKEN_BYTES_MIN: usize = 20;

/// How far behind the scheme an unescaped password is looked for.
const PASSWORD_BYTES_MAX: usize = 512;

/// Before a host. Making the searcher costs more than most searches.
static SCHEME_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"://"));

impl Detector for UrlCredentials {
    fn name(&self) -> &'static str {
        "url_credentials"
    }

    fn placeholder(&self) -> &'static str {
        "[CREDENTIALS]"
    }

    fn about(&self) -> &'static str {
        "the place in an address where a password or token stands"
    }

    fn canary(&self) -> Canary {
        Canary::Text("postgres://app:correct-horse-9@db.internal/app")
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: &["://", "?", "&"], ..Trigger::ANY }
    }

    fn text(&self, text: &str, policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut floor = 0;
        let mut word_end = 0;
        for scheme_end in SCHEME_END.find_iter(bytes) {
            let start = scheme_end + "://".len();
            let has_scheme = before(bytes, scheme_end).is_some_and(|b| b.is_ascii_alphanumeric());
            if start < floor || !has_scheme {
                continue;
            }
            if word_end < start {
                word_end = run_end(bytes, start, is_url_byte);
            }
            if let Some(end) = user_info_end(text, start, word_end, policy) {
                found.replace(start..end);
                floor = end;
            }
        }
        find_parameters(text, policy, found);
    }
}

/// Returns where user and password end, before the `@`.
fn user_info_end(text: &str, start: usize, word_end: usize, policy: &Policy) -> Option<usize> {
    let whole_end = text.floor_char_boundary(word_end.min(start + PASSWORD_BYTES_MAX));
    let whole = text.get(start..whole_end)?;
    let authority = whole.split(['/', '?', '#']).next()?;
    // A password may hold an `@`, and the last `@` ends the password.
    if let Some(length) = authority.rfind('@') {
        let user_info = authority.get(..length)?;
        let has_password = user_info.contains(':');
        let is_token = user_info.len() >= TOKEN_BYTES_MIN && !user_info.contains(['@', '.']);
        let is_secret = (has_password || is_token) && !policy.placeholders().is_one(user_info);
        return is_secret.then_some(start + length);
    }
    // A password with an unescaped slash: the `@` comes later, and no port precedes the slash.
    let (_, password) = authority.split_once(':')?;
    let is_port = password.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = authority.starts_with('[');
    if is_port || is_address {
        return None;
    }
    whole.rfind('@').map(|length| start + length)
}

fn is_url_byte(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`')
}

fn find_parameters(text: &str, policy: &Policy, found: &mut Found) {
    let bytes = text.as_bytes();
    let mut floor = 0;
    for mark in memchr2_iter(b'?', b'&', bytes) {
        let start = mark + 1;
        if start < floor {
            continue;
        }
        let window = bytes.get(..bytes.len().min(start + PARAMETER_BYTES_MAX + 1)).unwrap_or(bytes);
        let name_end = run_end(window, start, |byte| byte != b'=');
        let Some(name) = text.get(start..name_end).filter(|_| at(bytes, name_end) == Some(b'='))
        else {
            continue;
        };
        let known = PARAMETERS.iter().chain(&SIGNED_PARAMETERS);
        let parameter = known.clone().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some((_, bytes_min)) = parameter else { continue };
        let value_start = name_end + 1;
        let value_end = run_end(bytes, value_start, |byte| {
            !byte.is_ascii_whitespace()
                && !matches!(byte, b'&' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`')
        });
        floor = value_end;
        let value = text.get(value_start..value_end).unwrap_or_default();
        let value = value.trim_end_matches([')', ',', ';', '.']);
        if value.len() >= *bytes_min && !policy.placeholders().is_one(value) {
            found.replace(value_start..value_start + value.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn credentials_are_replaced_and_the_address_stays() {
        for (text, expected) in [
            ("postgres://ada:hunter2@db:5432/app", "postgres://[CREDENTIALS]@db:5432/app"),
            ("redis://:hunter2@cache", "redis://[CREDENTIALS]@cache"),
            ("amqp://a:p@ss@mq/x", "amqp://[CREDENTIALS]@mq/x"),
            ("mysql://a:p/ss@db/x", "mysql://[CREDENTIALS]@db/x"),
            (
                "https://abcdefghij0123456789@o1.ingest.example.org/2",
                "https://[CREDENTIALS]@o1.ingest.example.org/2",
            ),
            ("GET /reset?token=abc&next=/ 200", "GET /reset?token=[CREDENTIALS]&next=/ 200"),
            (
                "https://x.org/cb?state=1&code=4/0AX4XfWh.",
                "https://x.org/cb?state=1&code=[CREDENTIALS].",
            ),
            ("\"/f?X-Amz-Signature=ab12\"", "\"/f?X-Amz-Signature=[CREDENTIALS]\""),
            ("/maps?key=abcdefgh#x", "/maps?key=[CREDENTIALS]#x"),
        ] {
            check(&UrlCredentials, text, expected);
            check(&UrlCredentials, expected, expected);
        }
    }

    #[test]
    fn plain_addresses_stay() {
        check_untouched(
            &UrlCredentials,
            &[
                "https://example.org/a?page=2&q=x",
                "http://host:8080/path@v2",
                "http://[::1]:8080/x@y",
                "https://example.org/@ada",
                "ssh://git@github.com/org/repo",
                "/errors?code=404&key=name",
                "what? token = that",
                "a & b = c",
            ],
        );
    }
}
