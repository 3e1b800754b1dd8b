//! What redaction costs by itself: the way to a batch with all detectors, less the same way without
//! any, over the benchmark's lines and over coloured and escaped lines.

use std::fmt::Write as _;

use anyhow::Result;

use crate::calibration;
use crate::corpus::Corpus;
use crate::measure::Cost;
use crate::stages::{self, Redaction};

/// Coloured and escaped lines: as many bytes as a fifth of the usual lines, read in the same time.
const DISGUISED_LINES: usize = 60_000;

/// Returns a row a corpus: MB/s on a core, and yardsticks of the same lines.
pub(crate) fn table(ordinary: &Corpus, calibration: Cost) -> Result<String> {
    let disguised = Corpus::disguised(DISGUISED_LINES);
    let own = calibration::calibrate(&disguised.text)?;
    let mut text = "redaction alone          MB/CPU-s  calibrations\n".to_owned();
    for (name, corpus, calibration) in [
        ("the benchmark's lines", ordinary, calibration),
        ("coloured and escaped", &disguised, own),
    ] {
        let plain = stages::prepare(corpus, Redaction::Off)?.cost.cpu;
        let cpu = (stages::prepare(corpus, Redaction::On)?.cost.cpu - plain).max(f64::EPSILON);
        let megabytes = corpus.text.len() as f64 / 1e6;
        writeln!(text, "{name:24} {:8.0}  {:12.2}", megabytes / cpu, cpu / calibration.cpu)?;
    }
    Ok(text)
}
