//! The machine's best figures, as yardsticks for the results, and its limits.

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::calibration::calibrate;
use crate::corpus::Corpus;
use crate::measure::measure;
use crate::results::{Better, Results};

/// So many bytes are parsed for the yardstick at most; more would say the same.
const PARSED_BYTES_MAX: u64 = 400_000_000;

/// The level whose size is the yardstick of sizes.
const SIZE_ZSTD_LEVEL: i32 = 9;

/// The level of a cheap compression, for its speed.
const CHEAP_ZSTD_LEVEL: i32 = 1;

/// Larger than any cache.
const COPIED_BYTES: usize = 256 << 20;

/// How often that is copied.
const COPIES: u32 = 4;

/// How long syncs are counted.
const SYNC_TIME: Duration = Duration::from_secs(2);

/// Bytes of one synced write: one block.
const SYNCED_BYTES: usize = 4096;

/// Yardsticks of this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yardstick {
    /// CPU seconds of parsing one megabyte to a tree.
    pub(crate) parse_s_per_mb: f64,
    /// Bytes of the main corpus through zstd -9, for each of its bytes.
    pub(crate) zstd_bytes_per_byte: f64,
    /// Milliseconds of one sync of the disk.
    pub(crate) sync_ms: f64,
}

impl Yardstick {
    /// Measures the machine and adds what it found to the results.
    pub(crate) fn take(results: &mut Results, corpus: &Corpus, directory: &Path) -> Result<Self> {
        let head = corpus.head(PARSED_BYTES_MAX)?;
        let head_megabytes = head.len() as f64 / 1e6;
        let parse = calibrate(&head)?;
        let (_, cheap) = compress(&head, CHEAP_ZSTD_LEVEL)?;
        let (small_bytes, small) = compress(&head, SIZE_ZSTD_LEVEL)?;
        let syncs_per_second = count_syncs(directory)?;
        let yardstick = Yardstick {
            parse_s_per_mb: parse.cpu / head_megabytes,
            zstd_bytes_per_byte: small_bytes as f64 / head.len() as f64,
            sync_ms: 1e3 / syncs_per_second,
        };
        let megabytes = corpus.bytes as f64 / 1e6;
        let small_megabytes = megabytes * yardstick.zstd_bytes_per_byte;
        let mut sheet = results.sheet("machine and corpus");
        for (row, value) in [
            ("the lines, MB", megabytes),
            ("the lines through zstd -9, MB (yardstick of sizes)", small_megabytes),
            (
                "the lines parsed to a tree, CPU s (yardstick of CPU)",
                yardstick.parse_s_per_mb * megabytes,
            ),
            (
                "one MB parsed to a tree, CPU ms (yardstick of latencies)",
                yardstick.parse_s_per_mb * 1e3,
            ),
            ("parsing, MB/CPU-s", head_megabytes / parse.cpu),
            ("zstd -1, MB/CPU-s", head_megabytes / cheap),
            ("zstd -9, MB/CPU-s", head_megabytes / small),
            ("memory copied by one core, MB/s", copy_speed()),
            ("syncs of 4 KiB, one after another, 1/s", syncs_per_second),
            ("one sync, ms (yardstick of acks)", yardstick.sync_ms),
        ] {
            sheet.add(row, "value", Better::Given, value);
        }
        Ok(yardstick)
    }
}

/// Returns the size of compressed lines and the CPU seconds that compressing took.
fn compress(text: &[u8], level: i32) -> Result<(usize, f64)> {
    let (bytes, cost) = measure(|| Ok(zstd::bulk::compress(text, level)?.len()))?;
    Ok((bytes, cost.cpu))
}

fn copy_speed() -> f64 {
    let from = vec![1_u8; COPIED_BYTES];
    let mut to = vec![0_u8; COPIED_BYTES];
    let started = Instant::now();
    for _ in 0..COPIES {
        to.copy_from_slice(black_box(&from));
        black_box(&mut to);
    }
    COPIED_BYTES as f64 / 1e6 * f64::from(COPIES) / started.elapsed().as_secs_f64()
}

/// Returns how often a second a block at the end of a file is made durable.
fn count_syncs(directory: &Path) -> Result<f64> {
    let path = directory.join("syncs");
    let mut file = File::create(&path).context("make a file to sync")?;
    let block = [7_u8; SYNCED_BYTES];
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < SYNC_TIME {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    std::fs::remove_file(&path)?;
    Ok(rate)
}
