//! E-mail addresses: `ada.lovelace+log@mail.example.org`.
//!
//! The mark is `@`; the shape around it decides: a local part before it, perhaps in quotes, and a
//! host name with a top-level domain of letters after it. Not an address: `pkg@1.2.3`,
//! `image@sha256:...`, `icon@2x.png`, `user@host`, the `git@host:path` of a repository, the ciphers
//! of SSH, and the ids of messages.

use memchr::memchr_iter;

use super::Detector;
use super::boundary::{at, before, run_start};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::{Trigger, class};

/// See the module.
pub(in crate::redact) struct Email;

/// Endings that name files and units of a system, and never domains.
const FILE_ENDINGS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "json", "html", "xml",
    "yaml", "yml", "toml", "conf", "txt", "log", "tgz", "gz", "tar", "whl", "deb", "rpm", "jar",
    "exe", "dll", "service", "socket", "timer", "mount", "target", "slice", "scope", "device",
];

/// Schemes whose `user@host` names a machine's account, the same for everyone.
const MACHINE_SCHEMES: [&str; 4] = ["ssh", "git", "git+ssh", "sftp"];

impl Detector for Email {
    fn name(&self) -> &'static str {
        "email"
    }

    fn placeholder(&self) -> &'static str {
        "[EMAIL]"
    }

    fn about(&self) -> &'static str {
        "an at sign between a local part and a domain with a top level of letters"
    }

    fn canary(&self) -> Canary {
        Canary::Text("ask ada.lovelace@example.org")
    }

    fn trigger(&self) -> Trigger {
        Trigger { classes: class::AT, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        // Nothing before the floor is looked at again, so the whole search is linear.
        let mut floor = 0;
        for position in memchr_iter(b'@', text.as_bytes()) {
            if position < floor {
                continue;
            }
            let start = local_start(text, floor, position);
            floor = position + 1;
            if start == position {
                continue;
            }
            let Some(end) = domain_end(text, position + 1) else { continue };
            let is_other = is_machine_account(text, start, position, end)
                || is_user_info(text, start)
                || is_algorithm(text, start, position, end)
                || is_message_id(text, start);
            if is_other {
                floor = end;
                continue;
            }
            found.replace(start..end);
            floor = end;
        }
    }
}

fn is_local(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '.' | '_' | '+' | '-' | '\'')
        || is_foreign_letter(character)
}

/// Letters of alphabets, which addresses may hold. Ideographs are left out of local parts: text
/// in them has no spaces, and the sentence before an address would go with it.
fn is_foreign_letter(character: char) -> bool {
    ('\u{00C0}'..'\u{2E80}').contains(&character) && character.is_alphabetic()
}

fn local_start(text: &str, floor: usize, end: usize) -> usize {
    let before = text.get(floor..end).unwrap_or_default();
    if let Some(start) = quoted_local_start(before) {
        return floor + start;
    }
    let is_returned = |character: &char| is_local(*character) || *character == '=';
    let length: usize = before.chars().rev().take_while(is_returned).map(char::len_utf8).sum();
    let run = before.get(before.len() - length..).unwrap_or_default();
    // A bounce has the receiver in it: `bounce+ada=example.org@lists.example.net`.
    let is_bounce = |piece: &str| {
        let starts = |word: &str| {
            piece.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        piece.contains('+') || BOUNCES.into_iter().any(starts)
    };
    let mut local = run;
    while let Some((front, rest)) = local.split_once('=')
        && !is_bounce(front)
    {
        local = rest;
    }
    // A quote or dash before an address belongs to the sentence.
    end - local.trim_start_matches(['\'', '-', '.', '=']).len()
}

/// Beginnings of addresses to which mail returns.
const BOUNCES: [&str; 4] = ["bounce", "prvs", "srs0", "srs1"];

/// Longest local part in quotes.
const QUOTED_BYTES_MAX: usize = 66;

/// Returns where a local part in quotes starts: `"ada lovelace"@example.org`.
fn quoted_local_start(before: &str) -> Option<usize> {
    let inside = before.strip_suffix('"')?;
    let floor = inside.ceil_char_boundary(inside.len().saturating_sub(QUOTED_BYTES_MAX));
    let open = inside.get(floor..)?.rfind('"')? + floor;
    let local = inside.get(open + 1..)?;
    let is_local_part = !local.is_empty() && !local.contains(['\n', ':', '=', '{', '}', ',']);
    is_local_part.then_some(open)
}

/// Returns where the host name ends, or `None` when no top-level domain closes it.
fn domain_end(text: &str, start: usize) -> Option<usize> {
    let rest = text.get(start..)?;
    let length: usize = rest
        .chars()
        .take_while(|character| {
            character.is_ascii_alphanumeric()
                || matches!(character, '.' | '-' | '_')
                || (!character.is_ascii() && character.is_alphanumeric())
        })
        .map(char::len_utf8)
        .sum();
    let host = rest.get(..length)?.split("..").next()?;
    // The name ends at the last label that can be a top-level domain: `x.org.123` at `x.org`.
    let mut end = host.len();
    loop {
        let kept = host.get(..end)?;
        let (front, label) = kept.rsplit_once('.')?;
        let label = label.trim_end_matches(['-', '_']);
        if !front.is_empty() && is_top_level_domain(label) {
            return Some(start + front.len() + 1 + label.len());
        }
        end = front.len();
    }
}

fn is_top_level_domain(label: &str) -> bool {
    let is_name = label.len() >= 2
        && label.chars().all(|character| character.is_alphabetic() && character != '_');
    let is_encoded = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    (is_name || is_encoded) && !FILE_ENDINGS.iter().any(|file| file.eq_ignore_ascii_case(label))
}

fn is_machine_account(text: &str, start: usize, position: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let is_repository =
        text.get(start..position) == Some("git") && matches!(at(bytes, end), Some(b':' | b'/'));
    let scheme_end = start.saturating_sub("://".len());
    let is_machine_url = text.get(scheme_end..start) == Some("://") && {
        let scheme_start = run_start(bytes, scheme_end.saturating_sub(8), scheme_end, |byte| {
            byte.is_ascii_alphanumeric() || byte == b'+'
        });
        text.get(scheme_start..scheme_end).is_some_and(|scheme| MACHINE_SCHEMES.contains(&scheme))
    };
    is_repository || (is_machine_url && before(bytes, start) == Some(b'/'))
}

/// Domains whose names stand behind those of algorithms: `chacha20-poly1305@openssh.com`.
const ALGORITHM_DOMAINS: [&str; 4] = ["openssh.com", "libssh.org", "ssh.com", "lysator.liu.se"];

fn is_algorithm(text: &str, start: usize, position: usize, end: usize) -> bool {
    let local = text.get(start..position).unwrap_or_default();
    let domain = text.get(position + 1..end).unwrap_or_default();
    local.contains('-') && ALGORITHM_DOMAINS.contains(&domain)
}

/// Names of headers with the ids of messages.
const MESSAGE_IDS: [&str; 5] = ["message-id", "in-reply-to", "references", "msgid", "content-id"];

/// Tells whether an address in angle brackets is the id of a message: `message-id=<...@host>`.
fn is_message_id(text: &str, start: usize) -> bool {
    let floor = text.ceil_char_boundary(start.saturating_sub(MESSAGE_ID_BYTES_MAX));
    let Some(before) = text.get(floor..start) else { return false };
    let Some((before, inside)) = before.rsplit_once('<') else { return false };
    let name = before.trim_end_matches(['=', ':', ' ', '"']).to_ascii_lowercase();
    let is_id = MESSAGE_IDS.iter().any(|header| name.ends_with(header));
    is_id && !inside.contains('>')
}

/// How far before the `@` of a message's id its header may begin.
const MESSAGE_ID_BYTES_MAX: usize = 96;

/// How far before an address the scheme of its URL is looked for.
const USER_INFO_BYTES_MAX: usize = 128;

/// Tells whether what precedes is `scheme://user:`: then the find is half a password and a host,
/// and `url_credentials` knows better.
fn is_user_info(text: &str, start: usize) -> bool {
    let bytes = text.as_bytes();
    let user_start = run_start(bytes, start.saturating_sub(USER_INFO_BYTES_MAX), start, |byte| {
        !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'"' | b'\'' | b'<' | b'>')
    });
    let has_user = bytes.get(user_start..start).is_some_and(|user| user.contains(&b':'));
    let before = bytes.get(..user_start).unwrap_or_default();
    has_user && before.ends_with(b"://")
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn addresses_are_replaced_and_nothing_around_them() {
        for (text, expected) in [
            ("ada@example.org", "[EMAIL]"),
            ("mail <ada.lovelace+log@mail.example.co.uk>, sent", "mail <[EMAIL]>, sent"),
            ("'o'neil@example.org'.", "'[EMAIL]'."),
            ("email=ADA@EXAMPLE.ORG.", "email=[EMAIL]."),
            ("a@example.org,b@example.org", "[EMAIL],[EMAIL]"),
            ("a@b@example.org", "a@[EMAIL]"),
            ("jürgen@müller.de почта@пример.рф", "[EMAIL] [EMAIL]"),
            ("ada@xn--mller-kva.xn--p1ai", "[EMAIL]"),
            ("邮箱ada@example.org。", "邮箱[EMAIL]。"),
            ("mailto:ada@example.org?subject=x", "mailto:[EMAIL]?subject=x"),
            ("ada@example.org.123", "[EMAIL].123"),
            ("https://ada@example.org/", "https://[EMAIL]/"),
            ("/users/ada@example.org/", "/users/[EMAIL]/"),
            ("sub_domain ada@my_host.example.org-", "sub_domain [EMAIL]-"),
            ("to \"ada lovelace\"@example.org", "to [EMAIL]"),
            ("from bounce+ada=example.org@lists.example.net", "from [EMAIL]"),
            ("id=prvs=12ab=ada@example.org", "id=[EMAIL]"),
            ("email=ada@example.org", "email=[EMAIL]"),
            ("\"to\":\"ada@example.org\"", "\"to\":\"[EMAIL]\""),
        ] {
            check(&Email, text, expected);
        }
    }

    #[test]
    fn things_with_an_at_sign_stay() {
        check_untouched(
            &Email,
            &[
                "lodash@4.17.21",
                "pkg@1.2.3-beta",
                "nginx@sha256:4bbd26a4",
                "icon@2x.png",
                "getty@tty1.service",
                "postgres://ada:hunter2@db.example.org/app",
                "user@host",
                "root@localhost",
                "git@github.com:org/repo.git",
                "ssh://git@github.com/org/repo",
                "ssh://deploy@build.example.org/srv",
                "@app.route",
                "com.foo.Bar@1a2b3c4d",
                "a@b",
                "@@@@ @ @.org",
                "ada@.org",
                "ada@example..org",
                "chacha20-poly1305@openssh.com,hmac-sha2-256-etm@openssh.com",
                "message-id=<20261130.4B2A@mail.example.org>",
                "Message-ID: <CAB+x=1@mail.example.org>",
            ],
        );
    }
}
