//! Figures of this process from Linux: nothing arrives, Prometheus text leaves.
//!
//! Read from `/proc/self` at each scrape. Printed here and not recorded, because a recorded counter
//! is a whole number and CPU time is not. A system without `/proc` gets no such lines.

use std::fs;

use rustix::process::{Resource, getrlimit};
use tierlog_model::metric_names::{self as names, MetricKind, PROCESS_METRICS};

/// Appends the metrics of this process, each with its help and type.
pub(crate) fn append_metrics(out: &mut String) {
    use std::fmt::Write as _;
    let Some(process) = Process::of_self() else { return };
    for metric in PROCESS_METRICS {
        let Some(value) = process.value(metric.name) else { continue };
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => continue,
        };
        let (name, help) = (metric.name, metric.help);
        // Prometheus writes the infinite with a sign.
        let value = if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() };
        let written = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        debug_assert!(written.is_ok(), "a String takes any text");
    }
}

/// One look at this process.
struct Process {
    stat: Stat,
    open_fds: Option<usize>,
    boot_seconds: Option<u64>,
}

impl Process {
    fn of_self() -> Option<Process> {
        let stat = Stat::read(&fs::read_to_string("/proc/self/stat").ok()?)?;
        // The directory itself is open while the entries are counted.
        let open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() - 1);
        let boot_seconds = fs::read_to_string("/proc/stat").ok().and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
        });
        Some(Process { stat, open_fds, boot_seconds })
    }

    fn value(&self, metric: &str) -> Option<f64> {
        let Stat { cpu_ticks, start_ticks, threads, virtual_bytes, resident_pages } = self.stat;
        let seconds = |ticks: u64| ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        match metric {
            names::PROCESS_CPU_SECONDS => Some(seconds(cpu_ticks)),
            names::PROCESS_OPEN_FDS => self.open_fds.map(|count| count as f64),
            names::PROCESS_MAX_FDS => {
                let limit = getrlimit(Resource::Nofile).current;
                Some(limit.map_or(f64::INFINITY, |limit| limit as f64))
            }
            names::PROCESS_VIRTUAL_MEMORY_BYTES => Some(virtual_bytes as f64),
            names::PROCESS_RESIDENT_MEMORY_BYTES => {
                Some(resident_pages as f64 * rustix::param::page_size() as f64)
            }
            names::PROCESS_THREADS => Some(threads as f64),
            names::PROCESS_START_TIME_SECONDS => {
                self.boot_seconds.map(|boot| boot as f64 + seconds(start_ticks))
            }
            _ => None,
        }
    }
}

/// Fields of `/proc/PID/stat`, as in proc(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    /// User and system time.
    cpu_ticks: u64,
    /// Time from the boot of the system to the start of the process.
    start_ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Stat> {
        // The program's name in parentheses may hold spaces and parentheses; field 3 follows it.
        let (_, after_name) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Stat {
            cpu_ticks: field(14)?.checked_add(field(15)?)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_any_name() {
        let numbers = "S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 17 0 4200 1000000 321 0";
        let expected = Stat {
            cpu_ticks: 175,
            start_ticks: 4_200,
            threads: 17,
            virtual_bytes: 1_000_000,
            resident_pages: 321,
        };
        for name in ["tierlog", "a b", "a) R 9 (b", "(x)", ""] {
            assert_eq!(Stat::read(&format!("42 ({name}) {numbers}\n")), Some(expected), "{name}");
        }
        for text in ["", "42 (tierlog", "42 (tierlog) S 1 2", "42 (tierlog) S x x x x x x x x x x"]
        {
            assert_eq!(Stat::read(text), None, "{text}");
        }
    }

    #[test]
    fn every_metric_of_the_process_has_a_value_here() {
        let mut text = String::new();
        append_metrics(&mut text);
        for metric in PROCESS_METRICS {
            let value =
                text.lines().find_map(|line| line.strip_prefix(metric.name)?.trim().parse().ok());
            let value: f64 = value.unwrap_or_else(|| unreachable!("{}: {text}", metric.name));
            assert!(value > 0.0 || metric.kind == MetricKind::Counter, "{}: {value}", metric.name);
        }
    }
}
