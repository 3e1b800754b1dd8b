//! Hardware addresses of devices: `00:1b:44:11:3a:b7`.
//!
//! Six pairs of hexadecimal digits divided by colons or, as Windows writes them, by dashes, or in
//! three groups with dots, as switches do; under a key that says so (`mac`, `bssid`, `hwaddr`) also
//! together. A phone or laptop keeps the address for life, and the address names the owner. Not an
//! address of a device: one to many (broadcast and multicast), all zeros, and those that
//! hypervisors and containers give to their guests. Not an address at all: a part of a longer row,
//! as fingerprints of keys and certificates are.

use std::ops::Range;

use memchr::memchr3_iter;

use super::Detector;
use super::boundary::{at, before};
use crate::redact::canary::Canary;
use crate::redact::claim::Claim;
use crate::redact::keys::Words;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::{Trigger, class};
use crate::redact::whole::Whole;

/// See the module.
pub(in crate::redact) struct MacAddress;

/// Bytes of an address, and of its text with a divider after each pair but the last.
const ADDRESS_BYTES: usize = 6;
const DIVIDED_BYTES: usize = 3 * ADDRESS_BYTES - 1;

/// Digits of an address, and of a group between dots.
const TOGETHER_BYTES: usize = 2 * ADDRESS_BYTES;
const DOTTED_GROUP: usize = 4;

/// Ends of names, as letters, under which an address stands in any form.
const KEYS: [&str; 9] = [
    "mac",
    "macaddress",
    "macaddr",
    "hwaddr",
    "hwaddress",
    "hardwareaddress",
    "physicaladdress",
    "bssid",
    "lladdr",
];

/// First bytes of addresses that software gives out: QEMU and KVM, OpenStack, Docker, Kubernetes.
const GUESTS: [&[u8]; 4] = [&[0x52, 0x54, 0x00], &[0xFA, 0x16, 0x3E], &[0x02, 0x42], &[0x0A, 0x58]];

impl Detector for MacAddress {
    fn name(&self) -> &'static str {
        "mac_address"
    }

    fn placeholder(&self) -> &'static str {
        "[MAC]"
    }

    fn about(&self) -> &'static str {
        "six pairs in a row of exactly six, or the name of the field"
    }

    fn canary(&self) -> Canary {
        Canary::Text("client 3c:22:fb:11:3a:b7")
    }

    fn trigger(&self) -> Trigger {
        const KEYS: &[&str] = &["mac", "addr", "bssid"];
        const WORDS: &[&str] =
            &["mac", "hwaddr", "bssid", "lladdr", "station", "dhcp", "wlan", "ether"];
        Trigger { classes: class::ASSIGN, enough: WORDS, keys: KEYS, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut floor = 0;
        for sign in memchr3_iter(b':', b'-', b'.', bytes) {
            let divider = at(bytes, sign);
            let group = if divider == Some(b'.') { DOTTED_GROUP } else { 2 };
            // Fast path: of an address the dividers are as far apart as its groups are long.
            if sign < floor || at(bytes, sign + group + 1) != divider {
                continue;
            }
            let start = sign.saturating_sub(group).max(floor);
            let is_row_byte = |byte: u8| is_row_byte(byte) || Some(byte) == divider;
            let row_end = row_end(bytes, start, is_row_byte);
            floor = row_end;
            let is_part = before(bytes, start).is_some_and(is_row_byte);
            let row = bytes.get(start..row_end).unwrap_or_default();
            // Digits with dashes or dots are dates and versions.
            let is_plain = divider != Some(b':') && !row.iter().any(u8::is_ascii_alphabetic);
            if !is_part
                && !is_plain
                && row.len() > TOGETHER_BYTES
                && is_address(bytes, start..row_end)
            {
                found.replace(start..row_end);
            }
        }
    }

    fn key(&self, name: &str, _policy: &Policy) -> Claim {
        let last = name.bytes().rfind(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase());
        // Fast path: the last letters of the keys above.
        if !matches!(last, Some(b'c' | b's' | b'r' | b'd')) {
            return Claim::Silent;
        }
        let words = Words::of(name);
        let is_key = KEYS.iter().any(|key| words.ends_with_words(key));
        if is_key { Claim::Likely } else { Claim::Silent }
    }

    fn value(&self, value: Whole<'_>, _claim: Claim) -> bool {
        match value {
            Whole::Text(text) => is_address(text.as_bytes(), 0..text.len()),
            Whole::Flag
            | Whole::Number(_)
            | Whole::Fraction(_)
            | Whole::Nested
            | Whole::EmptyNested => false,
        }
    }
}

fn is_row_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_')
}

/// Returns where a row of groups and dividers ends. A colon or dot at its end belongs to the
/// sentence.
fn row_end(bytes: &[u8], start: usize, is_row_byte: impl Fn(u8) -> bool) -> usize {
    let row = bytes.get(start..).unwrap_or_default();
    let length = row.iter().take_while(|byte| is_row_byte(**byte)).count();
    let row = row.get(..length).unwrap_or_default();
    let row = row.strip_suffix(b":").or(row.strip_suffix(b".")).unwrap_or(row);
    start + row.len()
}

/// Tells whether a range is the address of a device, in any of the forms.
fn is_address(bytes: &[u8], range: Range<usize>) -> bool {
    let written = bytes.get(range).unwrap_or_default();
    let digits_a_group = match (written.len(), written) {
        (DIVIDED_BYTES, [_, _, b':' | b'-', ..]) => 2,
        (14, [_, _, _, _, b'.', ..]) => 4,
        (12, _) => 12,
        _ => return false,
    };
    let divider = written.get(digits_a_group).copied();
    let groups = written.chunks(digits_a_group + 1);
    let is_divided = groups.clone().all(|group| match group.get(digits_a_group) {
        Some(byte) => Some(*byte) == divider,
        None => group.len() == digits_a_group,
    });
    let digits = groups.flat_map(|group| group.iter().take(digits_a_group));
    let digits: Option<Vec<u8>> =
        digits.map(|digit| Some(char::from(*digit).to_digit(16)? as u8)).collect();
    let Some(digits) = digits.filter(|_| is_divided) else { return false };
    let (pairs, _) = digits.as_chunks::<2>();
    let address: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    let is_to_many = address.first().is_none_or(|first| first & 1 == 1);
    let is_nobodys = address.iter().all(|byte| *byte == 0);
    let is_guest = GUESTS.iter().any(|guest| address.starts_with(guest));
    address.len() == ADDRESS_BYTES && !is_to_many && !is_nobodys && !is_guest
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched, check_value};
    use super::*;

    #[test]
    fn addresses_of_devices_are_replaced() {
        for (text, expected) in [
            ("00:1b:44:11:3a:b7", "[MAC]"),
            ("DHCPACK to 3C:22:FB:9A:10:0E (lap) via eth0", "DHCPACK to [MAC] (lap) via eth0"),
            ("lladdr 3c:22:fb:9a:10:0e: reachable", "lladdr [MAC]: reachable"),
            ("mac=3c-22-fb-9a-10-0e, x", "mac=[MAC], x"),
            ("station 3c22.fb9a.100e. 3C-22-FB-9A-10-0E", "station [MAC]. [MAC]"),
            (r#"{"mac":"3c22fb9a100e","n":1}"#, r#"{"mac":"[MAC]","n":1}"#),
            ("Physical Address: 3C-22-FB-9A-10-0E", "Physical Address: [MAC]"),
            ("client_mac: 3c22.fb9a.100e joined", "client_mac: [MAC] joined"),
            ("Key (mac_address)=(3c22fb9a100e) exists", "Key (mac_address)=([MAC]) exists"),
        ] {
            check(&MacAddress, text, expected);
        }
    }

    #[test]
    fn other_rows_and_other_addresses_stay() {
        check_untouched(
            &MacAddress,
            &[
                "ff:ff:ff:ff:ff:ff 01:00:5e:00:00:fb 00:00:00:00:00:00",
                "52:54:00:12:34:56 fa:16:3e:9a:10:0e 02:42:ac:11:00:02",
                "3c:22:fb:9a:10:0e:aa",
                "SHA1 aa:22:fb:9a:10:0e:3c:22:fb:9a:10:0e:3c:22:fb:9a:10:0e:aa:bb",
                "at 12:30:10, 20:11:26:12:30:10:05",
                "x3c:22:fb:9a:10:0e",
                "fe80::1:22:33:44:55:66",
                "3c22fb9a100e 20-11-26-12-30-10 2026.1120.1230 3c-22-fb-9a-10-0e-11",
                "550e8400-e29b-41d4-a716-446655440000 a.b.c-d 1.2.3.4",
                "mac=on machine=3c22fb9a100e id:3c22fb9a100e",
                "3c:22:fb:9a:10:0g",
            ],
        );
    }

    #[test]
    fn names_say_that_a_value_is_an_address() {
        for (name, text, expected) in [
            ("mac", "3c22fb9a100e", true),
            ("device.macAddress", "3C-22-FB-9A-10-0E", true),
            ("wifi.bssid", "3c22.fb9a.100e", true),
            ("mac", "3c22fb9a100", false),
            ("mac", "3c-22:fb-9a-10-0e", false),
            ("hmac", "3c22fb9a100e", false),
            ("commit", "3c22fb9a100e", false),
        ] {
            check_value(&MacAddress, name, Whole::Text(text), expected);
        }
    }
}
