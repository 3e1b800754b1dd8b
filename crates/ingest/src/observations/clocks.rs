//! Streams with timestamps without a zone, and their distance from the arrival.
//!
//! A time without a zone is read in a configured one. When the application's is another, every
//! line lies the same whole number of quarter hours off, as all zones differ by some. Lines are
//! delayed by seconds on their way, so a live stream shows in a few lines whether it is so; a file
//! of old lines is off by anything, and seldom for long by a whole number.

use tierlog_model::Timestamp;

use crate::shown::shown;

/// Streams that are watched. The stream that was silent longest is evicted for a new stream.
const STREAMS_MAX: usize = 256;

/// Longest name of a service or host that is kept.
const NAME_BYTES_MAX: usize = 64;

/// What all zones differ by, microseconds.
const QUARTER_MICROS: i64 = 15 * 60 * 1_000_000;

/// Quarter hours between the zones that lie farthest apart: UTC-12 and UTC+14.
const QUARTERS_MAX: i64 = 104;

/// How much a clock may be ahead of ours, and how long a line may be on its way. Beyond, a time is
/// no whole number of quarter hours off.
const AHEAD_MICROS_MAX: i64 = 2 * 1_000_000;
const LAG_MICROS_MAX: i64 = 30 * 1_000_000;

/// Records with a shift before the shift is reported.
const RECORDS_MIN: u64 = 10;

/// Out of this number of records one may lack the shift.
const STEADY: u64 = 10;

/// Records after which the past counts half: summer time begins and ends.
const MEMORY_RECORDS: u64 = 4_096;

/// One stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    service: String,
    host: String,
    hash: u64,
    /// Quarter hours from the time to its arrival that most records show; `None` for no whole
    /// number of them.
    quarters: Option<i64>,
    /// Records with the shift, and records without.
    agreeing: u64,
    others: u64,
    last: Timestamp,
}

impl Stream {
    /// Returns the service.
    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// Returns the host.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Returns how far ahead of their arrival the times are, minutes.
    pub(super) fn ahead_minutes(&self) -> i64 {
        -self.quarters.unwrap_or(0) * 15
    }

    /// Returns how many records showed it.
    pub(super) fn records(&self) -> u64 {
        self.agreeing
    }

    fn is_shifted(&self) -> bool {
        let is_off = self.quarters.is_some_and(|quarters| quarters != 0);
        let is_steady = self.agreeing >= self.others.saturating_mul(STEADY - 1);
        is_off && is_steady && self.agreeing >= RECORDS_MIN
    }

    /// Keeps the shift of most records, without a count of each shift.
    fn count(&mut self, quarters: Option<i64>, agreeing: u64, others: u64) {
        if quarters == self.quarters {
            self.agreeing += agreeing;
            self.others += others;
        } else {
            self.others += agreeing + others;
            if self.others > self.agreeing {
                (self.quarters, self.agreeing, self.others) = (quarters, agreeing, others);
            }
        }
        if self.agreeing + self.others > MEMORY_RECORDS {
            self.agreeing /= 2;
            self.others /= 2;
        }
    }
}

/// The streams.
#[derive(Debug, Default)]
pub(super) struct StreamClocks {
    streams: Vec<Stream>,
    /// The stream of the record before: most come in runs.
    latest: usize,
}

impl StreamClocks {
    /// Counts a time that named no zone.
    pub(super) fn note(
        &mut self,
        [service, host]: [&str; 2],
        timestamp: Timestamp,
        now: Timestamp,
    ) {
        let quarters = quarters(timestamp, now);
        let hash = hash_of(service, host);
        if let Some(stream) = self.streams.get_mut(self.latest)
            && stream.hash == hash
        {
            stream.count(quarters, 1, 0);
            stream.last = now;
            return;
        }
        let position = self.streams.iter().position(|stream| stream.hash == hash);
        self.latest = match position {
            Some(position) => {
                if let Some(stream) = self.streams.get_mut(position) {
                    stream.count(quarters, 1, 0);
                    stream.last = now;
                }
                position
            }
            None => self.add(Stream {
                service: shown(service, NAME_BYTES_MAX),
                host: shown(host, NAME_BYTES_MAX),
                hash,
                quarters,
                agreeing: 1,
                others: 0,
                last: now,
            }),
        };
    }

    /// Adds what others counted.
    pub(super) fn merge(&mut self, other: StreamClocks) {
        for stream in other.streams {
            match self.streams.iter_mut().find(|known| known.hash == stream.hash) {
                Some(known) => {
                    known.count(stream.quarters, stream.agreeing, stream.others);
                    known.last = known.last.max(stream.last);
                }
                None => {
                    self.add(stream);
                }
            }
        }
    }

    /// Tells whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Returns the streams that are off.
    pub(super) fn shifted(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.is_shifted())
    }

    /// Adds a stream and returns its position.
    fn add(&mut self, stream: Stream) -> usize {
        if self.streams.len() < STREAMS_MAX {
            self.streams.push(stream);
            return self.streams.len() - 1;
        }
        let silent = self.streams.iter().enumerate().min_by_key(|(_, stream)| stream.last);
        let position = silent.map_or(0, |(position, _)| position);
        if let Some(place) = self.streams.get_mut(position) {
            *place = stream;
        }
        position
    }
}

/// Returns how many quarter hours a time lies before its arrival, if it is a whole number but for
/// the way of the line.
fn quarters(timestamp: Timestamp, now: Timestamp) -> Option<i64> {
    let behind = now.as_micros().saturating_sub(timestamp.as_micros());
    let quarters = behind.saturating_add(AHEAD_MICROS_MAX).div_euclid(QUARTER_MICROS);
    let lag = behind.saturating_sub(quarters.saturating_mul(QUARTER_MICROS));
    (lag <= LAG_MICROS_MAX && quarters.abs() <= QUARTERS_MAX).then_some(quarters)
}

/// FNV-1a: names are short, and two that meet would only be counted together.
fn hash_of(service: &str, host: &str) -> u64 {
    let bytes = service.bytes().chain([0]).chain(host.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(1_795_176_000_000_000 + micros).expect("a moment")
    }

    /// Notes lines written `behind` before their arrival, and returns the shift to report.
    fn told(lines: impl Iterator<Item = (i64, i64)>) -> Vec<i64> {
        let mut clocks = StreamClocks::default();
        for (now, behind) in lines {
            clocks.note(["lms", "web-1"], at(now - behind), at(now));
        }
        clocks.shifted().map(Stream::ahead_minutes).collect()
    }

    #[test]
    fn a_live_stream_of_another_zone_is_told() {
        let live = |shift: i64| (0..20).map(move |n| (n * SECOND, shift + n % 5 * SECOND / 2));
        assert_eq!(told(live(-2 * HOUR)), [120]);
        assert_eq!(told(live(5 * HOUR)), [-300]);
        assert_eq!(told(live(-(5 * HOUR + 45 * 60 * SECOND))), [345]);
        assert_eq!(told(live(0)), [0_i64; 0]);
        assert_eq!(told(live(27 * HOUR)), [0_i64; 0], "no zones lie so far apart");
        assert_eq!(told(live(2 * HOUR + 7 * 60 * SECOND)), [0_i64; 0]);
        // Nine lines are too few.
        assert_eq!(told(live(2 * HOUR).take(9)), [0_i64; 0]);
    }

    #[test]
    fn files_of_old_lines_are_not_told() {
        // A line each ten seconds of a day, sent at once.
        assert_eq!(told((0..8_640).map(|n| (0, 30 * HOUR - n * 10 * SECOND))), [0_i64; 0]);
        // Lines that waited for an unreachable server.
        let late = (0..600).map(|n| (1_000 * SECOND, (1_000 - n) * SECOND));
        let live = (0..600).map(|n| ((1_000 + n) * SECOND, SECOND));
        assert_eq!(told(late.chain(live)), [0_i64; 0]);
    }

    #[test]
    fn summer_time_is_noticed_after_a_while() {
        let summer = (0..3_000).map(|n| (n * SECOND, -2 * HOUR));
        let winter = (3_000..20_000).map(|n| (n * SECOND, -HOUR));
        assert_eq!(told(summer.chain(winter)), [60]);
        // The setting was mended: what is read right is not told.
        let right = (3_000..20_000).map(|n| (n * SECOND, SECOND));
        assert_eq!(told((0..3_000).map(|n| (n * SECOND, -2 * HOUR)).chain(right)), [0_i64; 0]);
    }

    #[test]
    fn batches_add_up_and_streams_are_bounded() {
        let mut all = StreamClocks::default();
        for number in 0..STREAMS_MAX as i64 * 2 {
            let mut batch = StreamClocks::default();
            for _ in 0..5 {
                let host = format!("h{}", number / 2);
                let now = at(number * SECOND);
                batch.note(["lms", &host], at(number * SECOND + HOUR), now);
                batch.note(["shop", &host], at(number * SECOND), now);
            }
            all.merge(batch);
        }
        assert_eq!(all.streams.len(), STREAMS_MAX);
        assert_eq!(all.shifted().count(), STREAMS_MAX / 2);
        assert!(all.shifted().all(|stream| stream.service() == "lms" && stream.records() == 10));
    }
}
