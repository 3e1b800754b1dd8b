//! Time that was measured, not told: how long the machine has been up.
//!
//! Linux counts it from the boot, sleep included, the same for every process, so a server that
//! was off while its machine ran on knows for how long. Elsewhere only the time within this
//! process is known.

use std::fs;
use std::sync::LazyLock;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::clock_guard::Elapsed;

const UPTIME: &str = "/proc/uptime";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// When this process first asked.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A reading of the uptime. Two of the same boot can be subtracted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uptime {
    /// Which boot; empty when nobody says: then it is good within this process only.
    boot: String,
    /// Microseconds since.
    micros: i64,
}

impl Uptime {
    /// Reads the uptime.
    pub(crate) fn read() -> Uptime {
        of_boot().unwrap_or_else(|| Uptime {
            boot: String::new(),
            micros: i64::try_from(STARTED.elapsed().as_micros()).unwrap_or(i64::MAX),
        })
    }

    /// Returns the time since a reading of this process.
    pub(crate) fn since(&self, before: &Uptime) -> Elapsed {
        if self.boot == before.boot && self.micros >= before.micros {
            return Elapsed::Measured(self.micros - before.micros);
        }
        Elapsed::Unknown
    }

    /// Returns the time since a reading that an earlier process has written down.
    pub(crate) fn since_written(&self, before: &Uptime) -> Elapsed {
        if self.boot.is_empty() { Elapsed::Unknown } else { self.since(before) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_measured_within_a_boot_only() {
        let at = |boot: &str, micros| Uptime { boot: boot.to_owned(), micros };
        assert_eq!(at("a", 7).since(&at("a", 5)), Elapsed::Measured(2));
        assert_eq!(at("a", 7).since(&at("b", 5)), Elapsed::Unknown);
        assert_eq!(at("a", 4).since(&at("a", 5)), Elapsed::Unknown);
        assert_eq!(at("", 7).since(&at("", 5)), Elapsed::Measured(2));
        assert_eq!(at("", 7).since_written(&at("", 5)), Elapsed::Unknown);
        assert_eq!(at("a", 7).since_written(&at("a", 5)), Elapsed::Measured(2));
    }

    #[test]
    fn an_uptime_is_read() {
        assert_eq!(micros("12345.67"), Some(12_345_670_000));
        for text in ["", "12", "12.", "x.yz", "99999999999999999.00"] {
            assert_eq!(micros(text), None, "{text}");
        }
        let before = Uptime::read();
        assert!(matches!(Uptime::read().since(&before), Elapsed::Measured(0..)));
    }
}
