//! Addresses of machines on the open network, IPv4: `81.2.69.142`.
//!
//! Off until asked for: an address is what most searches of an operator begin with. Addresses that
//! name no one outside stay always: private, shared and link-local ones, loopback, documentation,
//! benchmarks, multicast, and what is reserved (IANA IPv4 Special-Purpose Address Registry).
//! Versions with four parts look the same; the word before them tells.

use std::net::Ipv4Addr;

use memchr::memchr_iter;

use super::Detector;
use super::boundary::{at, before, run_end, run_start};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::{Trigger, class};

/// See the module.
pub(in crate::redact) struct Ipv4;

/// Longest part of an address.
const PART_DIGITS_MAX: usize = 3;

/// Words before a version.
const VERSION_WORDS: [&str; 6] = ["version", "ver", "release", "build", "v", "rev"];

/// How far before an address such a word begins.
const VERSION_BYTES: usize = 12;

impl Detector for Ipv4 {
    fn name(&self) -> &'static str {
        "ipv4"
    }

    fn placeholder(&self) -> &'static str {
        "[IP]"
    }

    fn about(&self) -> &'static str {
        "four parts, an address of the open network, no version"
    }

    fn canary(&self) -> Canary {
        Canary::Text("from 81.2.69.142:443")
    }

    fn is_on_by_default(&self) -> bool {
        false
    }

    fn trigger(&self) -> Trigger {
        Trigger { classes: class::DIGIT, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut floor = 0;
        for dot in memchr_iter(b'.', bytes) {
            if dot < floor {
                continue;
            }
            let start =
                run_start(bytes, dot.saturating_sub(PART_DIGITS_MAX).max(floor), dot, |byte| {
                    byte.is_ascii_digit()
                });
            let end = run_end(bytes, start, |byte| byte.is_ascii_digit() || byte == b'.');
            // A dot at the end belongs to the sentence.
            let written = text.get(start..end).unwrap_or_default().trim_end_matches('.');
            floor = end.max(dot + 1);
            let is_part = |byte: Option<u8>| {
                byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
            };
            let end = start + written.len();
            let joins = is_part(before(bytes, start))
                || at(bytes, end).is_some_and(|b| b.is_ascii_alphanumeric());
            let address: Option<Ipv4Addr> = written.parse().ok();
            if !joins && address.is_some_and(is_global) && !is_version(text, start) {
                found.replace(start..end);
            }
        }
    }
}

/// Tells whether an address is of the open network.
fn is_global(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_benchmark = first == 198 && (second == 18 || second == 19);
    let is_protocols = first == 192 && second == 0 && third == 0;
    !(first == 0
        || first >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || is_shared
        || is_benchmark
        || is_protocols)
}

fn is_version(text: &str, start: usize) -> bool {
    let from = text.ceil_char_boundary(start.saturating_sub(VERSION_BYTES));
    let front =
        text.get(from..start).unwrap_or_default().trim_end_matches([' ', ':', '=', '"', '\'']);
    let word = front.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    VERSION_WORDS.iter().any(|version| version.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn addresses_of_the_open_network_are_replaced() {
        for (text, expected) in [
            ("81.2.69.142", "[IP]"),
            ("from 81.2.69.142:443, 8.8.8.8.", "from [IP]:443, [IP]."),
            ("http://81.2.69.142/x ::ffff:81.2.69.142", "http://[IP]/x ::ffff:[IP]"),
            ("xff=10.0.0.1,81.2.69.142", "xff=10.0.0.1,[IP]"),
        ] {
            check(&Ipv4, text, expected);
        }
    }

    #[test]
    fn other_addresses_and_versions_stay() {
        check_untouched(
            &Ipv4,
            &[
                "10.1.2.3 192.168.0.1 172.16.0.1 127.0.0.1 169.254.1.1 100.64.0.1 0.0.0.0",
                "192.0.2.1 198.51.100.7 203.0.113.9 198.18.0.1 224.0.0.1 255.255.255.255",
                "version 8.5.1.2 v8.5.1.2 release: 8.5.1.2",
                "1.2.3.4.5 256.1.1.1 1.2.3 81.2.69.142x a81.2.69.142 01.2.3.4",
                "...... . 1.",
            ],
        );
    }
}
