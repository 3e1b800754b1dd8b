//! Durations in parameters, such as `90s` or `1h30m`.

use std::time::Duration;

/// Units of durations, longest spelling first where one is the start of another.
const UNITS: [(&str, u64); 8] = [
    ("ms", 1_000),
    ("us", 1),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("w", 7 * 86_400_000_000),
    ("y", 365 * 86_400_000_000),
];

/// Returns the duration that a text such as `90s`, `1h30m` or `500ms` means, or `None`. It is
/// never zero.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let micros = duration_micros(text.trim())?;
    (micros > 0).then(|| Duration::from_micros(micros))
}

fn duration_micros(mut text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !text.is_empty() {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at_checked(digits)?;
        let (unit, micros) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        let part = number.parse::<u64>().ok()?.checked_mul(*micros)?;
        total = total.checked_add(part)?;
        text = rest.get(unit.len()..)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_are_not_zero() {
        assert_eq!(parse_duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        for text in ["", "0s", "1", "s", "1 s", "-1s", "99999999999999999999d", "1é"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
