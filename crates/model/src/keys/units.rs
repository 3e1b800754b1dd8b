//! Sizes and durations with their unit in the text: `64MiB`, `5s`, `50ms`.

use std::time::Duration;

/// Returns the bytes of a size. A number without a unit is refused: whoever writes 64 may mean
/// bytes or mebibytes.
pub fn parse_size(text: &str) -> Option<u64> {
    if !text.ends_with(|last: char| last.is_ascii_alphabetic()) {
        return None;
    }
    text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64())
}

/// Writes a size with the largest unit that divides the value.
pub fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = "B";
    for larger in UNITS.into_iter().skip(1) {
        if value == 0 || !value.is_multiple_of(1024) {
            break;
        }
        value /= 1024;
        unit = larger;
    }
    format!("{value}{unit}")
}

/// Returns a duration: hours, minutes, seconds and parts of them.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let duration: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok()
}

/// Writes a duration with the fewest units.
pub fn show_duration(duration: Duration) -> String {
    match jiff::SignedDuration::try_from(duration) {
        Ok(duration) => format!("{duration:#}").replace(' ', ""),
        Err(_) => format!("{}s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_carry_a_unit() {
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        assert_eq!(parse_size("1 kB"), Some(1000));
        for text in ["64", "", "MiB", "-1MiB", "64 apples"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
        for bytes in [0, 1, 1023, 1024, 1536, 64 << 20, 1 << 40, u64::from(u32::MAX)] {
            assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
        }
    }

    #[test]
    fn durations_carry_a_unit() {
        assert_eq!(parse_duration("50ms"), Some(Duration::from_millis(50)));
        assert_eq!(parse_duration("1h 30m"), Some(Duration::from_secs(5400)));
        for text in ["5", "", "s", "-5s", "5 fortnights"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for seconds in [0, 1, 60, 3600, 604_800] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }
        assert_eq!(show_duration(Duration::from_secs(600)), "10m");
    }
}
