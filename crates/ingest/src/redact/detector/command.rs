//! Command lines: `--password x`, `mysql -pX`, `curl -u ada:x`, `AUTH x`.
//!
//! A long flag is a key. What a short flag means depends on its program, so those go by a table;
//! the arguments stand in a line of a shell or in a list (`["mysql", "-pX"]`). Also commands of
//! protocols that are a word and a secret.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memchr_iter;

use super::boundary::{at, before, is_word, run_end};
use super::pair::{Key, Separator};
use super::prose::is_prose_word;
use super::value::quoted;

/// Returns the keys of long flags: `--password x`, `-storepass x`.
pub(super) fn flags(text: &str) -> impl Iterator<Item = Key<'_>> {
    memchr_iter(b'-', text.as_bytes()).filter_map(|dash| flag_at(text, dash))
}

/// Shortest name of a flag with one dash: shorter ones go by their program.
const SINGLE_DASH_BYTES_MIN: usize = 4;

fn flag_at(text: &str, dash: usize) -> Option<Key<'_>> {
    let bytes = text.as_bytes();
    let opens = |byte: u8| byte.is_ascii_whitespace() || b"\"'`([".contains(&byte);
    if !before(bytes, dash).is_none_or(opens) {
        return None;
    }
    let is_double = at(bytes, dash + 1) == Some(b'-');
    let start = dash + 1 + usize::from(is_double);
    let end = run_end(bytes, start, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let value_start = run_end(bytes, end, |byte| byte == b' ');
    let is_long = is_double || end - start >= SINGLE_DASH_BYTES_MIN;
    if start == end || value_start == end || !is_long || at(bytes, value_start) == Some(b'-') {
        return None;
    }
    let name = text.get(start..end)?;
    Some(Key { name, start, quote: "", separator: Separator::Data, value_start })
}

/// What of an argument is the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    /// What stands behind the flag, glued to it.
    Glued,
    /// The next argument, or what is glued to the flag.
    Next,
    /// Of the same, what stands behind a sign.
    Behind(char),
}

use Secret::{Behind, Glued, Next};

/// Programs by the start of their name, a flag, and its secret.
const PROGRAMS: [(&str, &str, Secret); 32] = [
    ("mysql", "-p", Glued),
    ("mariadb", "-p", Glued),
    ("7z", "-p", Glued),
    ("sshpass", "-p", Next),
    ("mongo", "-p", Next),
    ("redis-cli", "-a", Next),
    ("valkey-cli", "-a", Next),
    ("docker login", "-p", Next),
    ("podman login", "-p", Next),
    ("helm registry login", "-p", Next),
    ("az login", "-p", Next),
    ("cf login", "-p", Next),
    ("oc login", "-p", Next),
    ("rabbitmqadmin", "-p", Next),
    ("mosquitto_", "-P", Next),
    ("sqlcmd", "-P", Next),
    ("bcp", "-P", Next),
    ("ipmitool", "-P", Next),
    ("unzip", "-P", Next),
    ("zip", "-P", Next),
    ("plink", "-pw", Next),
    ("pscp", "-pw", Next),
    ("psexec", "-p", Next),
    ("ldap", "-w", Next),
    ("kadmin", "-w", Next),
    ("snmp", "-A", Next),
    ("curl", "-u", Behind(':')),
    ("curl", "--user", Behind(':')),
    ("curl", "--proxy-user", Behind(':')),
    ("smbclient", "-U", Behind('%')),
    ("rpcclient", "-U", Behind('%')),
    ("lftp", "-u", Behind(',')),
];

/// Beginnings of flags above, for the prefilter.
pub(super) const FLAG_NEEDLES: [&str; 14] = [
    " -p", "\"-p", "'-p", " -u", "\"-u", "'-u", " -a ", "\"-a\"", "'-a'", " -w ", "\"-w\"", "'-w'",
    "--user", "-user",
];

static PROGRAM_NAMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let names = PROGRAMS.iter().map(|(name, _, _)| name.split(' ').next().unwrap_or(name));
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(names)
        .expect("some dozens of short names")
});

/// Most arguments of a command that are read, and how far they reach.
const ARGUMENTS_MAX: usize = 64;
const COMMAND_BYTES_MAX: usize = 4_096;

/// What an argument of a program is called.
const ARGUMENT_NAME: &str = "password";

/// Returns the secrets among the arguments of known programs and behind words of protocols, each
/// under the name `password`.
pub(super) fn arguments(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut floor = 0;
    for hit in PROGRAM_NAMES.find_iter(text) {
        let name_end =
            run_end(bytes, hit.end(), |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let is_whole =
            !is_word(before(bytes, hit.start())) && before(bytes, hit.start()) != Some(b'-');
        let is_list = matches!(at(bytes, name_end), Some(b'"' | b'\'' | b'\\'));
        if hit.start() < floor || !is_whole || !(is_list || at(bytes, name_end) == Some(b' ')) {
            continue;
        }
        floor = name_end;
        let arguments = split(text, name_end, is_list);
        find_secrets(text, hit.start(), &arguments, &mut found);
    }
    spoken(text, &mut found);
    found
}

fn find_secrets(
    text: &str,
    start: usize,
    arguments: &[Range<usize>],
    found: &mut Vec<(&'static str, Range<usize>)>,
) {
    let written = |argument: &Range<usize>| text.get(argument.clone()).unwrap_or_default();
    for (name, flag, secret) in PROGRAMS {
        let mut words = name.split(' ');
        let program = words.next().unwrap_or_default();
        let is_program = text.get(start..).is_some_and(|rest| rest.starts_with(program));
        let is_command = words.all(|word| arguments.iter().any(|one| written(one) == word));
        if !is_program || !is_command {
            continue;
        }
        for (position, argument) in arguments.iter().enumerate() {
            let Some(glued) = written(argument).strip_prefix(flag) else { continue };
            let value = match (glued, secret) {
                ("", Glued) => continue,
                ("", Next | Behind(_)) => arguments.get(position + 1).cloned(),
                (_, Next) if flag.len() > 2 => continue,
                (glued, _) => Some(argument.end - glued.len()..argument.end),
            };
            let Some(value) = value else { continue };
            let value = quoted(text, value.start).unwrap_or(value);
            match secret {
                Behind(sign) => {
                    if let Some(place) = written(&value).find(sign) {
                        found.push((ARGUMENT_NAME, value.start + place + 1..value.end));
                    }
                }
                Glued | Next => found.push((ARGUMENT_NAME, value)),
            }
            // What follows may be a program of its own.
            break;
        }
    }
}

/// Returns the arguments of a command from the end of its name on.
fn split(text: &str, name_end: usize, is_list: bool) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let limit = bytes.len().min(name_end + COMMAND_BYTES_MAX);
    let mut arguments = Vec::new();
    let mut position = name_end;
    while arguments.len() < ARGUMENTS_MAX && position < limit {
        let gap = |byte: u8| match is_list {
            true => matches!(byte, b' ' | b',' | b'\n' | b'"' | b'\'' | b'\\'),
            false => matches!(byte, b' ' | b'\t'),
        };
        let start = run_end(bytes, position, gap);
        let ends = |byte: u8| match is_list {
            true => matches!(byte, b'"' | b'\'' | b'\\' | b']' | b')'),
            false => {
                byte.is_ascii_whitespace() || matches!(byte, b'|' | b';' | b'"' | b'\'' | b'`')
            }
        };
        let mut end = run_end(bytes, start, |byte| !ends(byte));
        // A quote opens at the start of an argument or behind its flag, else it ends the command.
        let opens_quote = !is_list
            && matches!(at(bytes, end), Some(b'"' | b'\''))
            && start > position
            && (start == end || text.get(start..end).is_some_and(|flag| flag.starts_with('-')));
        if opens_quote && let Some(inside) = quoted(text, end) {
            end = inside.end + 1;
        }
        if start == end || start == position {
            break;
        }
        arguments.push(start..end.min(bytes.len()));
        position = end;
    }
    arguments
}

/// Words of a protocol before a secret.
static SPOKEN: LazyLock<AhoCorasick> =
    LazyLock::new(|| AhoCorasick::new(["AUTH", "\"auth\""]).expect("two short words"));

/// Most words of the secret: a mechanism, a name and a password.
const SPOKEN_WORDS_MAX: usize = 3;

/// Finds what follows `AUTH` as a command of Redis, SMTP or IMAP.
fn spoken(text: &str, found: &mut Vec<(&'static str, Range<usize>)>) {
    let bytes = text.as_bytes();
    for hit in SPOKEN.find_iter(text) {
        let is_quoted = before(bytes, hit.start()) == Some(b'"')
            || text.get(hit.range()).is_some_and(|word| word.starts_with('"'));
        let is_prompt = is_quoted
            || text.get(..hit.start()).is_some_and(|before| {
                before.is_empty() || before.ends_with([' ', '\n', '=', '>', '\''])
            });
        let gap = run_end(bytes, hit.end(), |byte| byte == b'"');
        let start = run_end(bytes, gap, |byte| byte == b' ');
        let line = run_end(bytes, start, |byte| !matches!(byte, b'\n' | b'\r' | b'\\'));
        let rest = text.get(start..line).unwrap_or_default();
        let rest = rest.trim_end_matches(['"', '\'', ' ']);
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        let is_short = words.clone().count() <= SPOKEN_WORDS_MAX;
        let is_prose = words.clone().any(is_prose_word);
        let is_mixed = is_quoted
            || words.next_back().is_some_and(|word| {
                word.bytes().any(|byte| !byte.is_ascii_alphabetic())
                    && !word.ends_with([':', '.', ','])
            });
        if is_prompt && start > gap && !rest.is_empty() && is_short && !is_prose && is_mixed {
            let inner = rest.trim_start_matches('"');
            found.push((ARGUMENT_NAME, start + rest.len() - inner.len()..start + rest.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = arguments(text)
            .into_iter()
            .map(|(_, range)| text.get(range).expect("whole characters"))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn short_flags_go_by_their_program() {
        check("mysql -u root -pX1 db", &["X1"]);
        check("/usr/bin/mysqldump -p'a b' --all", &["a b"]);
        check(r#"["mysql", "-u", "root", "-pX1"]"#, &["X1"]);
        check("$ curl -s -u ada:x1 https://h/", &["x1"]);
        check(r#"curl --user "ada:x 1" h"#, &["x 1"]);
        check("['curl', '-u', 'ada:x1']", &["x1"]);
        check("docker login -u ada -p x1 reg", &["x1"]);
        check("sshpass -p x1 ssh -p 22 h", &["x1"]);
        check("redis-cli -h c -a x1 ping", &["x1"]);
        check("smbclient //h/s -U ada%x1", &["x1"]);
    }

    #[test]
    fn words_of_protocols_have_secrets_behind_them() {
        check("1700 [0 1.2.3.4:5] \"auth\" \"x1\"", &["x1"]);
        check("redis> AUTH x1", &["x1"]);
        check("C: AUTH PLAIN AGFkYQB4MQ==", &["PLAIN AGFkYQB4MQ=="]);
        check("\"AUTH\" \"default\" \"letters\"", &["default\" \"letters"]);
    }

    #[test]
    fn other_commands_have_none() {
        check("mkdir -p /a; ssh -p 22 h; docker run -p 80:80 x; mysql -u root -p", &[]);
        check("curl -s https://h/ -o u; COMMAND=/usr/bin/mysql -u root", &[]);
        check("AUTH failed for ada; AUTH module loaded; OAUTH x1; AUTH: x", &[]);
    }
}
