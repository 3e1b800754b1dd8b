//! Actions: what is done with a find, or with a field that a rule names.
//!
//! Arrives: the value as the detector saw it. Leaves: what stands in its place. An action never
//! leaves more of a value than its name says, and what an action wrote is no find of a later run.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What is done with a find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A placeholder takes its place: `[EMAIL]`.
    #[default]
    Replace,
    /// A placeholder with the last four letters or digits: `[CARD ****1111]`.
    Mask,
    /// An address keeps its network: `203.0.113.0`, `2001:db8:7::`.
    Truncate,
    /// A keyed token takes its place: the same value has the same token.
    Pseudonym,
    /// The field is left out.
    DropField,
    /// The record is not stored.
    DropRecord,
    /// The value stays; the record names the detector under `_detected`.
    Tag,
}

impl Action {
    /// Every action, in the order of the documentation.
    pub const ALL: [Action; 7] = [
        Action::Replace,
        Action::Mask,
        Action::Truncate,
        Action::Pseudonym,
        Action::DropField,
        Action::DropRecord,
        Action::Tag,
    ];

    /// Returns the name in the policy file and in explanations.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Replace => "replace",
            Action::Mask => "mask",
            Action::Truncate => "truncate",
            Action::Pseudonym => "pseudonym",
            Action::DropField => "drop_field",
            Action::DropRecord => "drop_record",
            Action::Tag => "tag",
        }
    }

    /// Returns the action of a name.
    pub fn named(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// Letters and digits that a mask shows at most.
const SHOWN_MAX: usize = 4;

/// Letters and digits of which a mask shows none: of a PIN, four would be all.
const HIDDEN_MIN: usize = 8;

/// What stands between kind and rest in a masked value.
const STARS: &str = " ****";

/// Returns a masked value: the kind of the placeholder, and the last letters and digits.
pub(super) fn masked(placeholder: &str, value: &str) -> String {
    let kind = placeholder.strip_suffix(']').unwrap_or(placeholder);
    let known: Vec<char> = value.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let shown = if known.len() < HIDDEN_MIN { 0 } else { SHOWN_MAX };
    let rest: String = known.iter().skip(known.len() - shown).collect();
    format!("{kind}{STARS}{rest}]")
}

/// Returns how many bytes of a text behind the kind of a placeholder, `[CARD`, are the rest of a
/// masked value: ` ****1111]`.
pub(super) fn masked_rest(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(STARS)?;
    let shown = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let is_whole = shown <= SHOWN_MAX && rest.as_bytes().get(shown) == Some(&b']');
    is_whole.then_some(STARS.len() + shown + 1)
}

/// Returns the ranges of a text in which masked values stand: what an action left is nobody's find.
pub(super) fn masked_ranges(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    memchr::memmem::find_iter(text.as_bytes(), STARS.as_bytes()).filter_map(move |stars| {
        let end = stars + masked_rest(text.get(stars..)?)?;
        let start = text.get(..stars)?.rfind('[')?;
        let kind = text.get(start + 1..stars)?;
        let is_kind = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        (!kind.is_empty() && kind.bytes().all(is_kind)).then_some(start..end)
    })
}

/// Bits of an address that are kept: a provider's customers share them.
const V4_KEPT_BITS: u32 = 24;
/// The same of the newer kind: a site has 48 bits.
const V6_KEPT_BITS: u32 = 48;

/// Returns an address without the part that tells one machine from its neighbours; nothing when the
/// text is no address.
pub(super) fn truncated(address: &str) -> Option<String> {
    let kept = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => {
            let mask = u32::MAX << (u32::BITS - V4_KEPT_BITS);
            IpAddr::from((v4.to_bits() & mask).to_be_bytes())
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => return truncated(&v4.to_string()),
            None => {
                let mask = u128::MAX << (u128::BITS - V6_KEPT_BITS);
                IpAddr::from((v6.to_bits() & mask).to_be_bytes())
            }
        },
    };
    Some(kept.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_actions_are_one_list() {
        for action in Action::ALL {
            assert_eq!(Action::named(action.as_str()), Some(action));
            let json = serde_json::to_string(&action).expect("serialisable");
            assert_eq!(json, format!("\"{}\"", action.as_str()));
        }
        assert_eq!(Action::named("hash"), None);
    }

    #[test]
    fn a_mask_shows_the_last_four_of_what_is_long_enough() {
        for (placeholder, value, expected) in [
            ("[CARD]", "4111 1111 1111 1111", "[CARD ****1111]"),
            ("[IBAN]", "DE89-3704-0044-0532-0130-00", "[IBAN ****3000]"),
            ("[PIN]", "1234567", "[PIN ****]"),
            ("[SECRET]", "", "[SECRET ****]"),
            ("[PHONE]", "+41 79 123 45 67", "[PHONE ****4567]"),
        ] {
            let masked = masked(placeholder, value);
            assert_eq!(masked, expected);
            let rest = masked.strip_prefix(placeholder.trim_end_matches(']')).expect("a kind");
            assert_eq!(masked_rest(rest), Some(rest.len()));
            let text = format!("x {masked}, y");
            let ranges: Vec<_> = masked_ranges(&text).collect();
            assert_eq!(ranges, vec![2..2 + masked.len()]);
        }
        for other in [" ****12345]", " ***1]", " ****1", "****1]", " ****é]"] {
            assert_eq!(masked_rest(other), None, "{other}");
        }
        assert_eq!(masked_ranges("[x ****1] ****1] [A ****12345]").count(), 0);
    }

    #[test]
    fn an_address_keeps_its_network() {
        for (address, expected) in [
            ("203.0.113.77", Some("203.0.113.0")),
            ("203.0.113.0", Some("203.0.113.0")),
            ("2001:db8:7:8:9:a:b:c", Some("2001:db8:7::")),
            ("2001:db8:7::", Some("2001:db8:7::")),
            ("::ffff:203.0.113.77", Some("203.0.113.0")),
            ("fe80::1%eth0", None),
            ("example.org", None),
            ("203.0.113", None),
        ] {
            assert_eq!(truncated(address).as_deref(), expected, "{address}");
        }
    }
}
