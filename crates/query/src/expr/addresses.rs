//! Network addresses in queries and in the values of records: a network, a range, one address in
//! any of its spellings.
//!
//! `10.0.0.0/8` and `[10.0.0.0 TO 10.0.0.255]` compare addresses, not the order of their letters.
//! A value holds an address when it is one, with or without a port, brackets or a zone, or when it
//! is a list of such, as proxies write it.

use std::fmt;
use std::net::IpAddr;

use crate::bound::Bound;

/// Addresses of one family, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// Reads `10.0.0.0/8` or `2001:db8::/32`; bits behind the prefix are not looked at.
    pub(crate) fn network(text: &str) -> Option<AddressRange> {
        let (address, length) = text.split_once('/')?;
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let length: u32 = length.parse().ok()?;
        match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(address) => {
                32_u32.checked_sub(length)?;
                let mask = u32::MAX.checked_shr(length).unwrap_or(0);
                let first = u32::from(address) & !mask;
                Some(AddressRange {
                    first: IpAddr::V4(first.into()),
                    last: IpAddr::V4((first | mask).into()),
                })
            }
            IpAddr::V6(address) => {
                128_u32.checked_sub(length)?;
                let mask = u128::MAX.checked_shr(length).unwrap_or(0);
                let first = u128::from(address) & !mask;
                Some(AddressRange {
                    first: IpAddr::V6(first.into()).to_canonical(),
                    last: IpAddr::V6((first | mask).into()).to_canonical(),
                })
                .filter(AddressRange::is_of_one_family)
            }
        }
    }

    /// Reads an address that has several spellings, as those of version 6 do.
    pub(crate) fn spelled(text: &str) -> Option<AddressRange> {
        let address = text.contains(':').then(|| address(text))??;
        Some(AddressRange { first: address, last: address })
    }

    /// Reads a range whose ends are addresses; an open end reaches as far as the family.
    pub(crate) fn between(lower: &Bound<String>, upper: &Bound<String>) -> Option<AddressRange> {
        let read = |bound: &Bound<String>| match bound {
            Bound::Included(text) | Bound::Excluded(text) => {
                text.parse::<IpAddr>().ok().map(|address| Some(address.to_canonical()))
            }
            Bound::Unbounded => Some(None),
        };
        let (first, last) = (read(lower)?, read(upper)?);
        let is_v4 = first.or(last)?.is_ipv4();
        let (lowest, highest): (IpAddr, IpAddr) = match is_v4 {
            true => ([0; 4].into(), [u8::MAX; 4].into()),
            false => ([0_u8; 16].into(), [u8::MAX; 16].into()),
        };
        let mut range =
            AddressRange { first: first.unwrap_or(lowest), last: last.unwrap_or(highest) };
        if let Bound::Excluded(_) = lower {
            range.first = neighbour(range.first, 1)?;
        }
        if let Bound::Excluded(_) = upper {
            range.last = neighbour(range.last, -1)?;
        }
        Some(range).filter(AddressRange::is_of_one_family)
    }

    fn is_of_one_family(&self) -> bool {
        self.first.is_ipv4() == self.last.is_ipv4()
    }

    /// Tells whether a value holds an address of the range.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        // Most texts are no addresses: one look at the first character tells.
        let may_be =
            |text: &str| text.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':' || c == '[');
        let mut parts = text.split(',').map(str::trim);
        may_be(text.trim_start())
            && parts.any(|part| address(part).is_some_and(|found| self.contains(found)))
    }

    /// An address of version 4 sorts before every address of version 6, so one comparison is
    /// enough.
    fn contains(&self, address: IpAddr) -> bool {
        self.first <= address && address <= self.last
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.first, self.last)
    }
}

/// Returns the address so far away, if there is one in the family.
fn neighbour(address: IpAddr, distance: i8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => {
            IpAddr::V4(u32::from(address).checked_add_signed(distance.into())?.into())
        }
        IpAddr::V6(address) => {
            IpAddr::V6(u128::from(address).checked_add_signed(distance.into())?.into())
        }
    })
}

/// Reads one address: plain, with a port, in brackets, with the zone of a link.
fn address(text: &str) -> Option<IpAddr> {
    let plain = |text: &str| {
        let text = text.split_once('%').map_or(text, |(address, _)| address);
        text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    };
    if let Some(found) = plain(text) {
        return Some(found);
    }
    if let Some(inside) = text.strip_prefix('[') {
        return plain(inside.split_once(']')?.0);
    }
    let (host, port) = text.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && !host.contains(':');
    is_port.then(|| plain(host))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(network: &str, inside: &[&str], outside: &[&str]) {
        let range = AddressRange::network(network).expect(network);
        for text in inside {
            assert!(range.is_in(text), "{text} is in {network}");
        }
        for text in outside {
            assert!(!range.is_in(text), "{text} is not in {network}");
        }
    }

    #[test]
    fn a_network_has_its_addresses_in_every_spelling() {
        check(
            "10.0.0.0/8",
            &[
                "10.0.0.0",
                "10.255.255.255",
                "10.1.2.3:4711",
                "::ffff:10.1.2.3",
                "[::ffff:a01:203]:80",
                "1.2.3.4, 10.0.0.1",
                " 10.9.9.9 ",
            ],
            &[
                "11.0.0.0",
                "9.255.255.255",
                "10",
                "10.1",
                "10.1.2.3.4",
                "ten",
                "",
                "fe80::10",
                "10.1.2.3:x",
                "10.0.0.0/8",
            ],
        );
        check("10.1.2.3/16", &["10.1.0.0", "10.1.255.255"], &["10.2.0.0", "10.0.255.255"]);
        check("192.168.1.7/32", &["192.168.1.7"], &["192.168.1.6", "192.168.1.8"]);
        check("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::1", "2001:db8::1"]);
        check(
            "2001:db8::/32",
            &["2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]:443"],
            &["2001:db9::1", "10.0.0.1", "2001:db8"],
        );
        check("fe80::/10", &["fe80::1%eth0", "febf::1"], &["fec0::1"]);
        check("::ffff:10.0.0.0/104", &["10.1.2.3"], &["11.1.2.3"]);
    }

    #[test]
    fn what_is_no_network_is_none() {
        for text in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "x/8",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "::/129",
            "/8",
            "api/v1",
            "::/0",
        ] {
            let expected = text == "::/0";
            let found = AddressRange::network(text).is_some();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_range_compares_addresses_not_letters() {
        let bound = |text: &str| Bound::Included(text.to_owned());
        let range =
            AddressRange::between(&bound("10.0.0.9"), &bound("10.0.0.100")).expect("a range");
        assert!(range.is_in("10.0.0.20") && range.is_in("10.0.0.9") && range.is_in("10.0.0.100"));
        assert!(!range.is_in("10.0.0.8") && !range.is_in("10.0.0.101"));
        let above =
            AddressRange::between(&Bound::Excluded("10.0.0.9".to_owned()), &Bound::Unbounded);
        let above = above.expect("a range");
        assert!(above.is_in("10.0.0.10") && !above.is_in("10.0.0.9") && !above.is_in("::1"));
        assert_eq!(AddressRange::between(&bound("10.0.0.1"), &bound("::1")), None);
        assert_eq!(AddressRange::between(&bound("10"), &bound("20")), None);
        assert_eq!(AddressRange::between(&Bound::Unbounded, &Bound::Unbounded), None);
    }

    proptest! {
        #[test]
        fn a_network_is_what_shares_its_prefix(base: u32, other: u32, length in 0_u32..=32) {
            let network = format!("{}/{length}", IpAddr::V4(base.into()));
            let range = AddressRange::network(&network).expect("a network");
            let shares = length == 0 || base >> (32 - length) == other >> (32 - length);
            prop_assert_eq!(range.is_in(&IpAddr::V4(other.into()).to_string()), shares);
        }

        #[test]
        fn no_value_is_too_strange(text in "[0-9a-f:./%,\\[\\] ]{0,24}|.{0,16}") {
            AddressRange::network("10.0.0.0/8").expect("a network").is_in(&text);
            AddressRange::network(&text);
        }
    }
}
