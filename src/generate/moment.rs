//! Writes moments the way logging libraries do; microseconds since 1970 arrive, text leaves.

use super::json::push_digits;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Writes moments; keeps the text of the second that was written last, as lines come in order.
#[derive(Default)]
pub(super) struct MomentWriter {
    second: Option<i64>,
    date: Vec<u8>,
    time: Vec<u8>,
}

impl MomentWriter {
    /// Appends `2026-11-20T14:05:09.123456`, without a zone.
    pub(super) fn push_iso(&mut self, out: &mut Vec<u8>, micros: i64) {
        self.remember(micros);
        out.extend_from_slice(&self.date);
        out.push(b'T');
        out.extend_from_slice(&self.time);
        out.push(b'.');
        push_digits(out, micros.rem_euclid(MICROS_PER_SECOND) as u64, 6);
    }

    /// Appends `2026-11-20 14:05:09,123`: Python's `asctime`, which names no zone.
    pub(super) fn push_asctime(&mut self, out: &mut Vec<u8>, micros: i64) {
        self.remember(micros);
        out.extend_from_slice(&self.date);
        out.push(b' ');
        out.extend_from_slice(&self.time);
        out.push(b',');
        push_digits(out, micros.rem_euclid(MICROS_PER_SECOND) as u64 / 1_000, 3);
    }

    fn remember(&mut self, micros: i64) {
        let second = micros.div_euclid(MICROS_PER_SECOND);
        if self.second == Some(second) {
            return;
        }
        self.second = Some(second);
        let (year, month, day) = civil(second.div_euclid(SECONDS_PER_DAY));
        self.date.clear();
        push_digits(&mut self.date, year, 4);
        for part in [month, day] {
            self.date.push(b'-');
            push_digits(&mut self.date, part, 2);
        }
        let in_day = second.rem_euclid(SECONDS_PER_DAY) as u64;
        self.time.clear();
        push_digits(&mut self.time, in_day / 3_600, 2);
        for part in [in_day / 60 % 60, in_day % 60] {
            self.time.push(b':');
            push_digits(&mut self.time, part, 2);
        }
    }
}

/// Returns year, month and day of a day counted from 1970 (Hinnant's `civil_from_days`).
fn civil(days: i64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year.max(0) as u64, month as u64, day as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_the_calendar_library() {
        let mut writer = MomentWriter::default();
        for step in 0..2_000_i64 {
            let micros = step * 86_399_123_457 - 3_000_000_000_000;
            let mut text = Vec::new();
            writer.push_iso(&mut text, micros);
            text.push(b'Z');
            let expected = jiff::Timestamp::from_microsecond(micros).expect("in range");
            assert_eq!(String::from_utf8_lossy(&text), format!("{expected:.6}"));
        }
        let mut text = Vec::new();
        writer.push_asctime(&mut text, 1_763_647_509_123_456);
        assert_eq!(String::from_utf8_lossy(&text), "2025-11-20 14:05:09,123");
    }
}
