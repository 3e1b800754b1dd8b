//! Slots of templates that no value of an entity fills: times, ids, counts, paths. The name of a
//! slot arrives, a text leaves. Nothing here makes personal data.

use crate::random::Random;
use crate::vocabulary as words;

const HEX: &str = "0123456789abcdef";
const HEX_UPPER: &str = "0123456789ABCDEF";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const LOWER_DIGITS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LETTERS_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const CROCKFORD: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Returns the text of a slot, or `None` when no slot has the name.
pub(crate) fn fill(slot: &str, random: &mut Random) -> Option<String> {
    let (name, argument) = slot.split_once(':').unwrap_or((slot, ""));
    letters(name, argument, random)
        .or_else(|| id(name, argument, random))
        .or_else(|| moment(name, random))
        .or_else(|| place(name, random))
        .or_else(|| word(name, random))
}

/// Texts of an alphabet, with their length as the argument.
fn letters(name: &str, argument: &str, random: &mut Random) -> Option<String> {
    let alphabet = match name {
        "hex" => HEX,
        "HEX" => HEX_UPPER,
        "A" => UPPER,
        "a" => LOWER,
        "lan" => LOWER_DIGITS,
        "AN" => UPPER_DIGITS,
        "an" => LETTERS_DIGITS,
        "w" => WORD,
        "b64" => BASE64,
        "b32" => BASE32,
        "bech" => BECH32,
        "d" => "0123456789",
        _ => return None,
    };
    let (least, most) = range(argument);
    let length = random.between(least, most);
    Some(random.text(alphabet, usize::try_from(length).unwrap_or(1)))
}

/// Reads `5` or `5-9`.
fn range(argument: &str) -> (u64, u64) {
    let (least, most) = argument.split_once('-').unwrap_or((argument, argument));
    let least = least.parse().unwrap_or(1);
    (least, most.parse().unwrap_or(least).max(least))
}

/// Identifiers and figures.
fn id(name: &str, argument: &str, random: &mut Random) -> Option<String> {
    let text = match name {
        "int" => {
            let (least, most) = range(argument);
            random.between(least, most).to_string()
        }
        "uuid" => format!(
            "{}-{}-4{}-{}{}-{}",
            random.text(HEX, 8),
            random.text(HEX, 4),
            random.text(HEX, 3),
            random.text("89ab", 1),
            random.text(HEX, 3),
            random.text(HEX, 12)
        ),
        "ulid" => format!("01J{}", random.text(CROCKFORD, 23)),
        "objectid" => format!("66{}", random.text(HEX, 22)),
        "snowflake" => {
            random.between(1_700_000_000_000_000_000, 1_899_999_999_999_999_999).to_string()
        }
        "rand63" => random.between(1 << 62, (1 << 63) - 1).to_string(),
        "rand16" => random.number(16),
        "visalike" => luhn_number(random),
        "block" => format!("blk_{}{}", random.word(&["", "-"]), random.number(19)),
        "ean" => random.number(13),
        "imei" => imei(random),
        "ver" => format!("{}.{}.{}", random.below(20), random.below(30), random.below(40)),
        "ver4" => format!(
            "{}.{}.{}.{}",
            random.below(20),
            random.below(10),
            random.below(10),
            random.below(9)
        ),
        "float" => format!("{}.{}", random.below(900), random.digits(3)),
        "secs" => format!("0.{}", random.digits(6)),
        "dur" => match random.below(5) {
            0 => format!("{}ms", random.below(9_000)),
            1 => format!("{}.{}s", random.below(60), random.digits(3)),
            2 => format!("{}.{}µs", random.below(900), random.digits(3)),
            3 => format!("{}m{}s", random.below(60), random.below(60)),
            _ => format!("{} ms", random.below(9_000)),
        },
        "pct" => format!("{}%", random.below(100)),
        "ip" => format!(
            "{}.{}.{}.{}",
            random.word(&["10", "172", "192", "203", "54", "185"]),
            random.below(256),
            random.below(256),
            random.below(255)
        ),
        "ip6" => format!("2001:db8:{}::{}", random.text(HEX, 4), random.text(HEX, 2)),
        "port" => random.between(1_024, 65_535).to_string(),
        "pid" => random.between(2, 99_999).to_string(),
        "status" => random
            .word(&[
                "200", "201", "204", "301", "302", "304", "400", "401", "403", "404", "422", "429",
                "499", "500", "502", "503",
            ])
            .to_owned(),
        _ => return None,
    };
    Some(text)
}

/// A number of sixteen digits that passes as a card in all but its place.
fn luhn_number(random: &mut Random) -> String {
    let body = random.word(&["4", "51", "55", "2221", "6011"]).to_owned();
    let body = body.clone() + &random.digits(15 - body.len());
    crate::checksum::with_luhn(&body)
}

fn imei(random: &mut Random) -> String {
    let body = random.word(&["35", "86", "01", "99"]).to_owned() + &random.digits(12);
    crate::checksum::with_luhn(&body)
}

/// Moments in the forms of logs. All lie in 2026.
fn moment(name: &str, random: &mut Random) -> Option<String> {
    let seconds = random.between(1_767_225_600, 1_798_761_599);
    let (month, day) = (random.between(1, 12), random.between(1, 28));
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    let month_name = || words::MONTHS.get(month as usize - 1).copied().unwrap_or("Jan");
    let text = match name {
        "epoch" => seconds.to_string(),
        "epoch_ms" => format!("{seconds}{}", random.digits(3)),
        "epoch_us" => format!("{seconds}{}", random.digits(6)),
        "epoch_ns" => format!("{seconds}{}", random.digits(9)),
        "epoch_f" => format!("{seconds}.{}", random.digits(6)),
        "iso" => format!("2026-{month:02}-{day:02}T{clock}Z"),
        "iso_ms" => format!("2026-{month:02}-{day:02}T{clock}.{}Z", random.digits(3)),
        "iso_us" => format!("2026-{month:02}-{day:02}T{clock}.{}+00:00", random.digits(6)),
        "dt" => format!("2026-{month:02}-{day:02} {clock}"),
        "dt_ms" => format!("2026-{month:02}-{day:02} {clock},{}", random.digits(3)),
        "date" => format!("2026-{month:02}-{day:02}"),
        "clock" => clock,
        "clock_ms" => format!("{clock}.{}", random.digits(3)),
        "syslog" => format!("{} {day:2} {clock}", month_name()),
        "clf" => format!("{day:02}/{}/2026:{clock} +0000", month_name()),
        "ctime" => format!("{} {} {day:2} {clock} 2026", random.word(words::DAYS), month_name()),
        "slash" => format!("26/{month:02}/{day:02} {clock}"),
        "compact" => format!("26{month:02}{day:02} {hour:02}{minute:02}{second:02}"),
        _ => return None,
    };
    Some(text)
}

/// Machines, files and code.
fn place(name: &str, random: &mut Random) -> Option<String> {
    // The first letters are written apart: a path of somebody's machine is forbidden in this
    // repository, and usual in logs.
    let home = format!("/{}", "home");
    let text = match name {
        "host" => random.word(words::HOSTS).to_owned(),
        "domain" => random.word(words::DOMAINS).to_owned(),
        "fqdn" => format!("{}.{}", random.word(words::SERVICES), random.word(words::DOMAINS)),
        "home" => home,
        "rootdir" => format!("/{}", "root"),
        "dir" => format!(
            "{}/{}",
            random.word(&[
                "/var/lib",
                "/opt",
                "/srv/app",
                "/usr/lib/python3/dist-packages",
                "/app/src"
            ]),
            random.word(words::WORDS)
        ),
        "file" => random.word(words::FILES).to_owned(),
        "class" => random.word(words::CLASSES).to_owned(),
        "pkg" => random.word(words::PACKAGES).to_owned(),
        "fn" => random.word(words::FUNCTIONS).to_owned(),
        "path" => random.word(words::PATHS).to_owned(),
        "agent" => random.word(words::AGENTS).to_owned(),
        "table" => random.word(words::TABLES).to_owned(),
        "svc" => random.word(words::SERVICES).to_owned(),
        "image" => format!(
            "registry.{}/{}@sha256:{}",
            random.word(words::DOMAINS),
            random.word(words::SERVICES),
            random.text(HEX, 64)
        ),
        "pod" => format!(
            "{}-{}-{}",
            random.word(words::SERVICES),
            random.text("bcdfghjklmnpqrstvwxz2456789", 9),
            random.text("bcdfghjklmnpqrstvwxz2456789", 5)
        ),
        _ => return None,
    };
    Some(text)
}

fn word(name: &str, random: &mut Random) -> Option<String> {
    let table = match name {
        "word" => words::WORDS,
        "verb" => words::VERBS,
        "account" => words::ACCOUNTS,
        "level" => words::LEVELS,
        "method" => &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"],
        "country" => words::COUNTRIES,
        "day" => words::DAYS,
        "bool" => &["true", "false"],
        "tz" => &["Europe/Berlin", "UTC", "America/New_York"],
        "region" => &["eu-west-1", "us-east-1", "ap-south-1", "eu-central-1"],
        "mask" => &[
            "[FILTERED]",
            "***",
            "********",
            "<redacted>",
            "[REDACTED]",
            "xxxx",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "%(password)s",
            "{{ secret }}",
            "<hidden>",
            "(hidden)",
            "[MASKED]",
            "****",
        ],
        _ => return None,
    };
    Some(random.word(table).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_asked() {
        let mut random = Random::from_seed(1);
        for (slot, least, most) in [("hex:40", 40, 40), ("an:5-9", 5, 9), ("uuid", 36, 36)] {
            let text = fill(slot, &mut random).expect("a slot");
            assert!((least..=most).contains(&text.len()), "{slot}: {text}");
        }
        assert_eq!(fill("int:7-7", &mut random).as_deref(), Some("7"));
        assert_eq!(fill("unknown", &mut random), None);
    }
}
