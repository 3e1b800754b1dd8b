//! JSON web tokens: `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2ln`.
//!
//! Base64url parts divided by dots, of which the first decodes to a JSON object with `alg`. A
//! token that was cut keeps its header and is found all the same.

use data_encoding::BASE64URL_NOPAD;
use memchr::{memchr_iter, memmem};

use super::Detector;
use super::boundary::{at, before, run_end};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::Trigger;

/// See the module.
pub(in crate::redact) struct Jwt;

/// How base64url of `{"`, `{ "`, `{\n` and `{\r` begins.
const NEEDLES: [&str; 3] = ["eyJ", "eyA", "ew"];

/// Longest header that is decoded; real ones hold an algorithm, a key id and a type.
const HEADER_BYTES_MAX: usize = 4_096;

impl Detector for Jwt {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn placeholder(&self) -> &'static str {
        "[JWT]"
    }

    fn about(&self) -> &'static str {
        "the first part decodes to a header with `alg`"
    }

    fn canary(&self) -> Canary {
        Canary::Text("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlLW9mLWNhbmFyeQ")
    }

    fn trigger(&self) -> Trigger {
        Trigger { needles: &["eyJ", "eyA", "ewo", "ew0"], ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut floor = 0;
        for start in memchr_iter(b'e', bytes) {
            let is_inside = start < floor || before(bytes, start).is_some_and(is_base64url);
            let is_start = NEEDLES.iter().any(|needle| {
                bytes.get(start..).is_some_and(|rest| rest.starts_with(needle.as_bytes()))
            });
            if is_inside || !is_start {
                continue;
            }
            let header_end = run_end(bytes, start, is_base64url);
            floor = header_end;
            if at(bytes, header_end) != Some(b'.') || !is_header(text.get(start..header_end)) {
                continue;
            }
            let end = run_end(bytes, header_end, |byte| is_base64url(byte) || byte == b'.');
            // A full stop after the token ends a sentence.
            let token = text.get(start..end).unwrap_or_default().trim_end_matches('.');
            found.replace(start..start + token.len());
            floor = end;
        }
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_header(encoded: Option<&str>) -> bool {
    let Some(encoded) = encoded.filter(|encoded| encoded.len() <= HEADER_BYTES_MAX) else {
        return false;
    };
    // An impossible last character is dropped: a cut header still begins as one.
    let whole = encoded.len() - usize::from(encoded.len() % 4 == 1);
    let Ok(json) = BASE64URL_NOPAD.decode(encoded.get(..whole).unwrap_or_default().as_bytes())
    else {
        return false;
    };
    memmem::find(&json, b"\"alg\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

    #[test]
    fn tokens_are_replaced_whole_or_cut() {
        check(&Jwt, TOKEN, "[JWT]");
        check(&Jwt, &format!("token={TOKEN}; next"), "token=[JWT]; next");
        check(&Jwt, &format!("\"{TOKEN}\","), "\"[JWT]\",");
        check(&Jwt, &format!("Got {TOKEN}. Then"), "Got [JWT]. Then");
        check(&Jwt, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdW", "[JWT]");
        // Header, key, vector, text and tag of an encrypted token.
        check(&Jwt, "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d!", "[JWT]!");
    }

    #[test]
    fn other_base64_stays() {
        check_untouched(
            &Jwt,
            &[
                "eyJmb28iOiJiYXIifQ.eyJ4IjoxfQ.x",
                "eyJ",
                "they.eat.ewe",
                "XeyJhbGciOiJIUzI1NiJ9.a.b",
            ],
        );
    }
}
