//! Addresses of machines on the open network, IPv6: `2a00:1450:4001:81b::200e`.
//!
//! Off until asked for, as `ipv4` is. Only global unicast addresses, 2000::/3, name a machine
//! outside; documentation (2001:db8::/32, 3fff::/20) stays (IANA IPv6 Special-Purpose Address
//! Registry). Paths of code such as `a::b` begin with another number.

use std::net::Ipv6Addr;

use memchr::memchr_iter;

use super::Detector;
use super::boundary::{at, before, run_end, run_start};
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::{Trigger, class};

/// See the module.
pub(in crate::redact) struct Ipv6;

/// Longest part of an address.
const PART_BYTES_MAX: usize = 4;

impl Detector for Ipv6 {
    fn name(&self) -> &'static str {
        "ipv6"
    }

    fn placeholder(&self) -> &'static str {
        "[IP]"
    }

    fn about(&self) -> &'static str {
        "a global unicast address"
    }

    fn canary(&self) -> Canary {
        Canary::Text("from 2a00:1450:4001:81b::200e")
    }

    fn is_on_by_default(&self) -> bool {
        false
    }

    fn trigger(&self) -> Trigger {
        Trigger { classes: class::DIGIT | class::ASSIGN, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let mut floor = 0;
        for colon in memchr_iter(b':', bytes) {
            if colon < floor {
                continue;
            }
            let start =
                run_start(bytes, colon.saturating_sub(PART_BYTES_MAX).max(floor), colon, |byte| {
                    byte.is_ascii_hexdigit()
                });
            let end = run_end(bytes, start, |byte| {
                byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
            });
            floor = end.max(colon + 1);
            let written = text.get(start..end).unwrap_or_default().trim_end_matches(['.', ':']);
            let end = start + written.len();
            let is_part = |byte: Option<u8>| {
                byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            let address: Option<Ipv6Addr> = written.parse().ok();
            let is_alone = !is_part(before(bytes, start)) && !is_part(at(bytes, end));
            if is_alone && address.is_some_and(is_global) {
                found.replace(start..end);
            }
        }
    }
}

/// Tells whether an address is of the open network.
fn is_global(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_documentation =
        (first == 0x2001 && second == 0x0DB8) || (first == 0x3FFF && second < 0x1000);
    first & 0xE000 == 0x2000 && !is_documentation
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn addresses_of_the_open_network_are_replaced() {
        for (text, expected) in [
            ("2a00:1450:4001:81b::200e", "[IP]"),
            ("from [2a00:1450:4001:081b:0:0:0:200e]:443.", "from [[IP]]:443."),
            ("ip=2A00:1450::1%eth0, x", "ip=[IP]%eth0, x"),
        ] {
            check(&Ipv6, text, expected);
        }
    }

    #[test]
    fn other_addresses_and_paths_stay() {
        check_untouched(
            &Ipv6,
            &[
                "::1 fe80::1 fd00::1 2001:db8::1 3fff::1 ff02::1 ::",
                "std::net::Ipv6Addr face::bed 20:11:26 3c:22:fb:9a:10:0e",
                "2a00:1450:4001:81b::200e:1:2:3:4 x2a00::1 2a00::1x",
                ":::::: :",
            ],
        );
    }
}
