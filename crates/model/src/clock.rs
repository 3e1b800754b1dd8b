//! Time enters the program only here: tests and `--now` set the clock.
//!
//! A machine has two measures of time: the wall clock, which somebody sets and which may be wrong,
//! and the uptime, which counts and is never set. The store derives the believed time from both;
//! every other room asks for the believed time through [`Clock`].

use std::fs;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Seconds and hundredths since the boot, sleep included, for every process the same.
const UPTIME: &str = "/proc/uptime";

/// A number of the boot: no two boots share a number.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// When this process first asked for the uptime.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Source of the present moment.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Returns the present moment.
    fn now(&self) -> Timestamp;

    /// Returns the present moment with what else the present may be.
    fn present(&self) -> Present {
        Present { now: self.now(), doubt: Doubt::None }
    }

    /// Returns how long the machine has been up.
    fn uptime(&self) -> Uptime {
        Uptime::of_machine()
    }
}

/// The present, against which the moments of records are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The present that is believed: the moment of a record that names none.
    pub now: Timestamp,
    /// What else it may be.
    pub doubt: Doubt,
}

/// What else than the believed moment the present may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing else.
    None,
    /// Another moment: clock and measured time contradict each other, and one of them is right.
    Or(Timestamp),
    /// Any moment: the clock was never set, and nothing else is known.
    Unknown,
}

impl Present {
    /// Returns a present that nobody doubts.
    pub fn sure(now: Timestamp) -> Present {
        Present { now, doubt: Doubt::None }
    }

    /// Returns the moments that the present may be, the believed one first.
    pub fn candidates(self) -> impl Iterator<Item = Timestamp> {
        let other = match self.doubt {
            Doubt::Or(other) => Some(other),
            Doubt::None | Doubt::Unknown => None,
        };
        std::iter::once(self.now).chain(other)
    }
}

/// A reading of the uptime. Two of the same boot can be subtracted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Which boot; empty when the machine does not say: then the reading is good within this
    /// process only.
    pub boot: String,
    /// Microseconds since.
    pub micros: i64,
}

impl Uptime {
    /// Reads the uptime. Linux counts it from the boot, for every process the same, so a server
    /// that was off while its machine ran on knows for how long. Elsewhere only the time within
    /// this process is known.
    pub fn of_machine() -> Uptime {
        of_boot().unwrap_or_else(|| Uptime {
            boot: String::new(),
            micros: i64::try_from(STARTED.elapsed().as_micros()).unwrap_or(i64::MAX),
        })
    }
}

fn of_boot() -> Option<Uptime> {
    let boot = fs::read_to_string(BOOT_ID).ok()?.trim().to_owned();
    let uptime = fs::read_to_string(UPTIME).ok()?;
    let micros = micros(uptime.split_whitespace().next()?)?;
    (!boot.is_empty()).then_some(Uptime { boot, micros })
}

/// Reads seconds with hundredths.
fn micros(text: &str) -> Option<i64> {
    let (seconds, hundredths) = text.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    let hundredths: i64 = hundredths.get(..2)?.parse().ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(hundredths * 10_000)
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's time enters")]
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
}

/// A clock that stands still where a test set it, on a machine with a standing uptime.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
struct Manual {
    now: AtomicI64,
    uptime: AtomicI64,
    boot: AtomicI64,
}

impl ManualClock {
    /// Returns a clock that stands at a moment.
    pub fn at(now: Timestamp) -> ManualClock {
        let manual = Manual {
            now: AtomicI64::new(now.as_micros()),
            uptime: AtomicI64::new(0),
            boot: AtomicI64::new(1),
        };
        ManualClock(Arc::new(manual))
    }

    /// Sets the clock, as somebody sets a clock: no time passes.
    pub fn set(&self, now: Timestamp) {
        self.0.now.store(now.as_micros(), Ordering::SeqCst);
    }

    /// Lets time pass: the clock and the uptime go on by the same.
    pub fn advance(&self, micros: i64) {
        self.0.now.fetch_add(micros, Ordering::SeqCst);
        self.0.uptime.fetch_add(micros, Ordering::SeqCst);
    }

    /// Starts the machine anew: its uptime begins at zero.
    pub fn reboot(&self) {
        self.0.uptime.store(0, Ordering::SeqCst);
        self.0.boot.fetch_add(1, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros_clamped(self.0.now.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Uptime {
        Uptime {
            boot: format!("boot {}", self.0.boot.load(Ordering::SeqCst)),
            micros: self.0.uptime.load(Ordering::SeqCst),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_is_read() {
        assert_eq!(micros("12345.67"), Some(12_345_670_000));
        for text in ["", "12", "12.", "x.yz", "99999999999999999.00"] {
            assert_eq!(micros(text), None, "{text}");
        }
        let (before, after) = (Uptime::of_machine(), Uptime::of_machine());
        assert!(before.boot == after.boot && before.micros <= after.micros);
    }

    #[test]
    fn a_manual_clock_is_set_or_goes_on() {
        let clock = ManualClock::at(Timestamp::from_micros_clamped(5));
        clock.advance(7);
        assert_eq!((clock.now().as_micros(), clock.uptime().micros), (12, 7));
        clock.set(Timestamp::from_micros_clamped(2));
        assert_eq!((clock.now().as_micros(), clock.uptime().micros), (2, 7));
        let before = clock.uptime();
        clock.reboot();
        assert_eq!(clock.uptime().micros, 0);
        assert_ne!(clock.uptime().boot, before.boot);
    }

    #[test]
    fn a_present_in_doubt_has_two_candidates() {
        let at = Timestamp::from_micros_clamped;
        let candidates = |doubt| Present { now: at(1), doubt }.candidates().collect::<Vec<_>>();
        assert_eq!(candidates(Doubt::None), [at(1)]);
        assert_eq!(candidates(Doubt::Or(at(2))), [at(1), at(2)]);
        assert_eq!(candidates(Doubt::Unknown), [at(1)]);
        assert_eq!(Present::sure(at(3)), Present { now: at(3), doubt: Doubt::None });
    }
}
