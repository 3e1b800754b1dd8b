//! Credentials in addresses: `postgres://ada:hunter2@db/app`, `/reset?token=abc`.
//!
//! User and password before the host go together; of a query, the values of parameters that
//! carry secrets. A long user without a password is a token too: `https://<token>@host`.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use memchr::memchr2_iter;
use memchr::memmem::Finder;

use super::Detector;
use super::boundary::{at, before, run_end, run_start};
use super::value::is_empty_word;
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct UrlCredentials;

/// Parameters with secrets whose names say little elsewhere, and the shortest secret of each:
/// `?code=404` is a status. Names of the key table are found by it.
const PARAMETERS: [(&str, usize); 44] = [
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
    ("x-amz-security-token", 1),
    ("x-goog-signature", 1),
    ("x-goog-credential", 1),
    ("otp", 4),
    ("samlresponse", 8),
    ("samlrequest", 8),
    ("samlart", 8),
    ("assertion", 8),
    ("client_assertion", 8),
    ("code_verifier", 8),
    ("oauth_token", 1),
    ("oauth_verifier", 1),
    ("oauth_signature", 1),
    ("magic", 8),
    ("invite", 8),
    ("invitation", 8),
    ("hash", 16),
    ("nonce", 16),
];

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
        Trigger { needles: &NEEDLES, ..Trigger::ANY }
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
        find_segments(text, found);
        find_bare_names(text, policy, found);
    }
}

/// Marks of addresses, segments before a token, and ends of names of data sources.
const NEEDLES: [&str; 3 + SEGMENTS.len() + ENDS.len()] = needles();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, the sum is the length")]
const fn needles() -> [&'static str; 3 + SEGMENTS.len() + ENDS.len()] {
    let mut needles = [""; 3 + SEGMENTS.len() + ENDS.len()];
    needles[0] = "://";
    needles[1] = "?";
    needles[2] = "&";
    let mut position = 3;
    while position < needles.len() {
        needles[position] = match position < 3 + SEGMENTS.len() {
            true => SEGMENTS[position - 3],
            false => ENDS[position - 3 - SEGMENTS.len()],
        };
        position += 1;
    }
    needles
}

/// Beginnings of segments before a token: `/reset-password/<token>`, `/verify/<token>`.
const SEGMENTS: [&str; 14] = [
    "/reset",
    "/password",
    "/set-password",
    "/activat",
    "/confirm",
    "/verif",
    "/invit",
    "/magic",
    "/unsubscribe",
    "/recover",
    "/passwordless",
    "/one-time",
    "/token/",
    "/signin/",
];

static SEGMENT_FINDER: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(SEGMENTS)
        .expect("a dozen of short segments")
});

/// Segments behind the first that may lie before the token: `/reset/MQ/<token>`.
const SEGMENTS_MAX: usize = 3;

/// Shortest token in a path, and the shortest stretch of its mixed letters and digits.
const SEGMENT_BYTES_MIN: usize = 16;
const MIXED_BYTES_MIN: usize = 12;

/// Tokens in paths.
fn find_segments(text: &str, found: &mut Found) {
    let bytes = text.as_bytes();
    let is_segment_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=~:".contains(&byte);
    for hit in SEGMENT_FINDER.find_iter(text) {
        let mut end = run_end(bytes, hit.end() - 1, is_segment_byte);
        if at(bytes, hit.end() - 1) == Some(b'/') {
            end = hit.end() - 1;
        }
        for _ in 0..SEGMENTS_MAX {
            if at(bytes, end) != Some(b'/') {
                break;
            }
            let start = end + 1;
            end = run_end(bytes, start, is_segment_byte);
            let segment = text.get(start..end).unwrap_or_default().trim_end_matches(['.', ':']);
            if is_token_segment(segment) {
                found.replace(start..start + segment.len());
                break;
            }
        }
    }
}

/// Endings of files, whose names have a hash in them.
const FILE_ENDINGS: [&str; 10] =
    ["html", "htm", "js", "css", "png", "jpg", "svg", "json", "xml", "woff2"];

fn is_token_segment(segment: &str) -> bool {
    let is_mixed = |piece: &str| {
        piece.len() >= MIXED_BYTES_MIN
            && piece.bytes().any(|byte| byte.is_ascii_digit())
            && piece.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    let ending = segment.rsplit_once('.').map_or("", |(_, ending)| ending);
    let has_ending = FILE_ENDINGS.contains(&ending);
    segment.len() >= SEGMENT_BYTES_MIN && !has_ending && segment.split(['-', '.']).any(is_mixed)
}

/// What follows user and password in the name of a data source without a scheme: ports of
/// databases, and what the driver of MySQL for Go writes.
const ENDS: [&str; 12] = [
    "@tcp(", "@unix(", ":5432", ":3306", ":6379", ":27017", ":5672", ":1433", ":1521", ":9200",
    ":9042", ":8086",
];

static END_FINDER: LazyLock<AhoCorasick> =
    LazyLock::new(|| AhoCorasick::new(ENDS).expect("a dozen of short ends"));

/// Longest name of a data source up to its port.
const NAME_BYTES_MAX: usize = 256;

/// User and password before a host without a scheme: `ada:hunter2@tcp(db:3306)/app`.
fn find_bare_names(text: &str, policy: &Policy, found: &mut Found) {
    let bytes = text.as_bytes();
    for hit in END_FINDER.find_iter(text) {
        let floor = hit.start().saturating_sub(NAME_BYTES_MAX);
        let start = run_start(bytes, floor, hit.start() + 1, |byte| {
            is_url_byte(byte) && !matches!(byte, b',' | b'(' | b'[' | b'=')
        });
        let Some(name) = text.get(start..hit.start() + 1) else { continue };
        let Some(user_info) = name.rfind('@').and_then(|end| name.get(..end)) else { continue };
        let has_both = user_info.split_once(':').is_some_and(|(user, password)| {
            !user.is_empty() && !is_empty_word(password) && !password.starts_with('/')
        });
        if has_both && !policy.placeholders().is_one(user_info) {
            found.replace(start..start + user_info.len());
        }
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
        let password = user_info.split_once(':').map_or(user_info, |(_, password)| password);
        let is_kept = policy.placeholders().is_one(user_info) || is_empty_word(password);
        let is_secret = (has_password || is_token) && !is_kept;
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
        let parameter = PARAMETERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
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
            ("GET /reset-password/0a1b2c3d4e5f6789 200", "GET /reset-password/[CREDENTIALS] 200"),
            ("/reset/MQ/c1x-0a1b2c3d4e5f6789/", "/reset/MQ/[CREDENTIALS]/"),
            ("/verify/0a1b2c3d-4e5f-6789-0a1b-2c3d4e5f6789.", "/verify/[CREDENTIALS]."),
            ("ada:x/1@tcp(db:3306)/app", "[CREDENTIALS]@tcp(db:3306)/app"),
            ("dsn ada:x@db.example.org:5432/app", "dsn [CREDENTIALS]@db.example.org:5432/app"),
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
                "postgres://app:***@db:5432/app postgres://app:${DB_PASSWORD}@db/app",
                "/reset/how-to-reset-your-password-2024 /verify/12345678901234567890",
                "/static/reset.0a1b2c3d4e5f6789.css tcp 10.0.0.1:5432 ada@db:5432",
            ],
        );
    }
}
