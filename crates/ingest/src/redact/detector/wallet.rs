//! Addresses of wallets: Bitcoin (`1...`, `3...`, `bc1...`), Ethereum (`0x...`), Monero (`4...`).
//!
//! Off until asked for: such an address is public in a ledger, and personal only beside a person. A
//! Bitcoin address has a checksum (two rounds of SHA-256 behind base58; BIP 173 and 350 behind
//! `bc1`), the others are told by length and alphabet: their checksums are of Keccak and optional.

use sha2::{Digest, Sha256};

use super::Detector;
use super::boundary::run_end;
use crate::redact::canary::Canary;
use crate::redact::policy::Policy;
use crate::redact::span::Found;
use crate::redact::trigger::{Trigger, class};

/// See the module.
pub(in crate::redact) struct Wallet;

/// Lengths of an address in base58, of one behind `bc1`, of Ethereum with its `0x`, of Monero.
const BASE58_BYTES: std::ops::RangeInclusive<usize> = 26..=35;
const BECH32_BYTES: std::ops::RangeInclusive<usize> = 42..=62;
const ETHEREUM_BYTES: usize = 42;
const MONERO_BYTES: [usize; 2] = [95, 106];

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

impl Detector for Wallet {
    fn name(&self) -> &'static str {
        "wallet"
    }

    fn placeholder(&self) -> &'static str {
        "[WALLET]"
    }

    fn about(&self) -> &'static str {
        "checksum of Bitcoin, length and alphabet of others"
    }

    fn canary(&self) -> Canary {
        Canary::Text("to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")
    }

    fn is_on_by_default(&self) -> bool {
        false
    }

    fn trigger(&self) -> Trigger {
        Trigger { classes: class::DIGIT, ..Trigger::ANY }
    }

    fn text(&self, text: &str, _policy: &Policy, found: &mut Found) {
        let bytes = text.as_bytes();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let mut position = 0;
        while position < bytes.len() {
            let start = run_end(bytes, position, |byte| !is_word(byte));
            let end = run_end(bytes, start, is_word);
            position = end.max(start + 1);
            if bytes.get(start..end).is_some_and(is_wallet) {
                found.replace(start..end);
            }
        }
    }
}

fn is_wallet(word: &[u8]) -> bool {
    match word {
        [b'b' | b'B', b'c' | b'C', b'1', data @ ..] if BECH32_BYTES.contains(&word.len()) => {
            is_bech32(data)
        }
        [b'0', b'x' | b'X', hex @ ..] if word.len() == ETHEREUM_BYTES => {
            hex.iter().all(u8::is_ascii_hexdigit) && hex.iter().any(|digit| *digit != b'0')
        }
        [b'1' | b'3', ..] if BASE58_BYTES.contains(&word.len()) => has_base58_checksum(word),
        [b'4' | b'8', ..] if MONERO_BYTES.contains(&word.len()) => {
            word.iter().all(|sign| BASE58.contains(sign))
        }
        _ => false,
    }
}

/// Bytes of a version, of a hash, and of the checksum over both.
const VERSION_BYTES: usize = 1;
const HASH_BYTES: usize = 20;
const CHECKSUM_BYTES: usize = 4;

fn has_base58_checksum(word: &[u8]) -> bool {
    let mut decoded = [0_u8; VERSION_BYTES + HASH_BYTES + CHECKSUM_BYTES];
    for sign in word {
        let Some(value) = BASE58.iter().position(|one| one == sign) else { return false };
        let mut carry = value as u32;
        for byte in decoded.iter_mut().rev() {
            carry += u32::from(*byte) * BASE58.len() as u32;
            *byte = carry as u8;
            carry >>= u8::BITS;
        }
        if carry > 0 {
            return false;
        }
    }
    let Some((front, checksum)) = decoded.split_at_checked(VERSION_BYTES + HASH_BYTES) else {
        return false;
    };
    Sha256::digest(Sha256::digest(front)).starts_with(checksum)
}

/// Remainders of the checksums of BIP 173 and BIP 350.
const REMAINDERS: [u32; 2] = [1, 0x2BC8_30A3];

fn is_bech32(data: &[u8]) -> bool {
    const GENERATOR: [u32; 5] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3];
    let is_mixed =
        data.iter().any(u8::is_ascii_lowercase) && data.iter().any(u8::is_ascii_uppercase);
    let values = data.iter().map(|sign| {
        let sign = sign.to_ascii_lowercase();
        BECH32.iter().position(|one| *one == sign).map(|value| value as u32)
    });
    let Some(values) = values.collect::<Option<Vec<u32>>>().filter(|_| !is_mixed) else {
        return false;
    };
    // `bc`, each letter by its upper and its lower bits.
    let prefix = [3, 3, 0, 2, 3];
    let sum = prefix.into_iter().chain(values).fold(1_u32, |sum, value| {
        let top = sum >> 25;
        let shifted = (sum & 0x01FF_FFFF) << 5 ^ value;
        let terms = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
        terms.fold(shifted, |sum, (_, term)| sum ^ term)
    });
    REMAINDERS.contains(&sum)
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn addresses_of_wallets_are_replaced() {
        for (text, expected) in [
            ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "[WALLET]"),
            ("to 3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy.", "to [WALLET]."),
            ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq,", "[WALLET],"),
            ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "[WALLET]"),
            ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "[WALLET]"),
            ("0x742d35Cc6634C0532925a3b844Bc454e4438f44e sent", "[WALLET] sent"),
        ] {
            check(&Wallet, text, expected);
        }
    }

    #[test]
    fn other_words_stay() {
        check_untouched(
            &Wallet,
            &[
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb 3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz",
                "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp",
                "BC1QW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "0x0000000000000000000000000000000000000000 0x742d35Cc",
                "4bf92f3577b34da6a3ce929d0e0e4736",
            ],
        );
    }
}
