//! One-time codes: `the code is 123456`, `OTP 482913`, and the like in other orders.
//!
//! Four to eight digits count right beside the words of a code. Codes under keys (`otp`,
//! `sms_code`) are the work of `secret_key` and `key_value`.

use super::worded::{Gap, Worded};
use crate::redact::named::Names;

/// See the module.
pub(in crate::redact) static ONE_TIME_CODE: Worded = Worded {
    name: "one_time_code",
    placeholder: "[CODE]",
    example: "your code is 123456",
    words: &[
        "your code",
        "verification code",
        "security code",
        "confirmation code",
        "login code",
        "sign in code",
        "access code",
        "authentication code",
        "activation code",
        "one time code",
        "one time password",
        "one time passcode",
        "one time pin",
        "passcode",
        "otp",
        "totp",
        "2fa code",
        "mfa code",
        "sms code",
        "pin code",
        "reset code",
        "TAN",
        "bestätigungscode",
        "code de vérification",
        "código de verificación",
    ],
    needles: &[
        "your code",
        "fication code",
        "ication code",
        "ation code",
        "curity code",
        "login code",
        "sign in code",
        "sign-in code",
        "ccess code",
        "one-time",
        "one time",
        "passcode",
        "otp",
        "2fa code",
        "mfa code",
        "sms code",
        "pin code",
        "reset code",
        "tan ",
        "tan:",
        "tigungscode",
        "code de v",
        "digo de v",
    ],
    shapes: &["dddddd", "dddd", "ddddd", "dddddddd", "ddddddd", "ddd ddd", "dddd dddd", "l-dddddd"],
    gap: Gap::Narrow,
    is_valid: |_| true,
    names: Some(Names::Exactly(&[
        "one time code",
        "verification code",
        "activation code",
        "login code",
    ])),
    is_named_value: Some(|text| {
        CODE_BYTES.contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && text.bytes().any(|byte| byte.is_ascii_digit())
    }),
    ..Worded::BASE
};

/// Lengths of codes.
const CODE_BYTES: std::ops::RangeInclusive<usize> = 4..=12;

#[cfg(test)]
mod tests {
    use super::super::check::{check, check_untouched};
    use super::*;

    #[test]
    fn codes_are_replaced() {
        for (text, expected) in [
            ("your code is 123456", "your code is [CODE]"),
            ("Your verification code: 482913.", "Your verification code: [CODE]."),
            ("OTP 482913 sent", "OTP [CODE] sent"),
            ("482913 is your login code", "[CODE] is your login code"),
            ("sms code=482 913", "sms code=[CODE]"),
            ("Your verification code is G-482913", "Your verification code is [CODE]"),
            ("use one-time password 48291357 to go on", "use one-time password [CODE] to go on"),
        ] {
            check(&ONE_TIME_CODE, text, expected);
        }
    }

    #[test]
    fn other_numbers_stay() {
        check_untouched(
            &ONE_TIME_CODE,
            &[
                "482913 code 482913 status code 4040 exit code 1234",
                "otp expired after 300000 ms",
                "verification code sent to 4 users in 1200 ms",
                "error code is 1045, your code failed 1234 tests",
                "distance 1234 tan 123",
            ],
        );
    }
}
