//! Ids that a device keeps for life: IMEI, IMSI, advertising ids, serial numbers of phones.
//!
//! An IMEI has fifteen digits, the last one Luhn's (3GPP TS 23.003); one in ten numbers passes, so
//! `imei` stands beside it. The others have no form of their own (a UUID, sixteen hexadecimal
//! digits) and count under a name. `device_id` is the name of disks and sensors too, where it is
//! short.

use super::checks::has_luhn;
use super::worded::{Gap, Worded};
use crate::redact::named::Names;

/// See the module.
pub(in crate::redact) static DEVICE_ID: Worded = Worded {
    name: "device_id",
    placeholder: "[DEVICE_ID]",
    example: "IMEI 490154203237518",
    words: &["imei", "imsi", "meid", "iccid"],
    needles: &[
        "imei",
        "imsi",
        "meid",
        "iccid",
        "idfa",
        "idfv",
        "gaid",
        "adid",
        "aaid",
        "udid",
        "android_id",
        "androidid",
        "android-id",
        "advertis",
        "device",
        "ssaid",
    ],
    shapes: &[
        "ddddddddddddddd",
        "dddddddddddddddd",
        "dd dddddd dddddd d",
        "dddddddddddddddddddd",
        "ddddddddddddddddddd",
        "dddddddddddddd",
        "xxxxxxxxxxxxxx",
    ],
    gap: Gap::Narrow,
    is_valid,
    names: Some(Names::Numbers(&[
        "imei",
        "imei sv",
        "imsi",
        "meid",
        "iccid",
        "idfa",
        "idfv",
        "gaid",
        "adid",
        "aaid",
        "udid",
        "ssaid",
        "android id",
        "android device",
        "advertising",
        "advertising identifier",
        "advertiser",
        "device id",
        "device identifier",
        "device uuid",
        "device udid",
        "device serial",
        "device serial number",
    ])),
    is_named_value: Some(is_named_value),
    ..Worded::BASE
};

/// Digits of an IMEI; of an IMEI with the version of its software, an IMSI or an ICCID there are
/// others, without a check digit that all issuers keep to.
const IMEI_DIGITS: usize = 15;

fn is_valid(signs: &[u8]) -> bool {
    let digits = signs.iter().filter(|sign| sign.is_ascii_digit()).count();
    match (signs.len(), digits) {
        // An IMSI begins with the code of a country, from 200 on.
        (IMEI_DIGITS, IMEI_DIGITS) => has_luhn(signs) || matches!(signs.first(), Some(b'2'..=b'7')),
        (length, digits) if length == digits => true,
        _ => signs.iter().all(u8::is_ascii_hexdigit) && digits >= MEID_DIGITS_MIN,
    }
}

/// Fewest digits among the fourteen signs of an MEID, which is hexadecimal.
const MEID_DIGITS_MIN: usize = 5;

/// Lengths of such ids: fourteen signs of an MEID to a UUID with its dashes and a little more.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// Fewest letters and digits of an id without the form of a serial number.
const SIGNS_MIN: usize = 12;

fn is_named_value(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b' ' | b'_');
    let signs = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_nobodys = text.bytes().filter(u8::is_ascii_alphanumeric).all(|byte| byte == b'0');
    VALUE_BYTES.contains(&text.len())
        && text.bytes().all(is_sign)
        && signs >= SIGNS_MIN
        && digits >= 3
        && !is_nobodys
}

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched, check_value};
    use super::*;
    use crate::redact::whole::Whole;

    #[test]
    fn ids_of_devices_are_replaced() {
        for (text, expected) in [
            (
                "IMEI 490154203237518, imei: Just(490154203237518)",
                "IMEI [DEVICE_ID], imei: Just([DEVICE_ID])",
            ),
            ("imei: 49-015420-323751-8, x", "imei: [DEVICE_ID], x"),
            (r#"{"imei":490154203237518}"#, r#"{"imei":"[DEVICE_ID]"}"#),
            ("idfa=EA7583CD-A667-48BC-B806-42ECB2B48606 x", "idfa=[DEVICE_ID] x"),
            ("android_id=9774d56d682e549c", "android_id=[DEVICE_ID]"),
        ] {
            check(&DEVICE_ID, text, expected);
        }
        for (name, value, expected) in [
            ("device.id", Whole::Text("9774d56d682e549c"), true),
            ("deviceId", Whole::Text("ea7583cd-a667-48bc-b806-42ecb2b48606"), true),
            ("advertising_id", Whole::Text("ea7583cd-a667-48bc-b806-42ecb2b48606"), true),
            ("idfa", Whole::Text("00000000-0000-0000-0000-000000000000"), false),
            ("device_id", Whole::Text("/dev/sda1"), false),
            ("device_id", Whole::Number(3), false),
            ("deviceType", Whole::Text("9774d56d682e549c"), false),
        ] {
            check_value(&DEVICE_ID, name, value, expected);
        }
    }

    #[test]
    fn other_ids_stay() {
        check_untouched(
            &DEVICE_ID,
            &[
                "490154203237518 EA7583CD-A667-48BC-B806-42ECB2B48606",
                "IMEI 890154203237517",
                "device 490154203237518, device_id=eth0 device id: 12",
                "imei check of order 490154203237518",
            ],
        );
    }
}
