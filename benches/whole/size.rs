//! What lies on the disk, by component: hot as it was taken in, and sealed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::corpus::Corpus;
use crate::daemon::Daemon;
use crate::disk::files_under;
use crate::ingest::{Protocol, send};
use crate::results::Results;
use crate::yardstick::Yardstick;

/// The table of sizes.
pub(crate) const SIZES: &str = "on disk (of zstd -9)";

/// The row of the sum: without the WAL, which is freed as the index is committed, and without
/// what a store has once, however much it holds.
pub(crate) const ALL_PARTITIONS: &str = "all partitions";

/// The row of the write-ahead log.
const WAL: &str = "WAL";

/// Components by the ends of their files' names, in the order of the report.
const COMPONENTS: [(&str, &str); 11] = [
    (".store", "store"),
    (".term", "terms"),
    (".idx", "postings"),
    (".pos", "positions"),
    (".fast", "columns"),
    (".fieldnorm", "field norms"),
    (".filter", "id filters"),
    (".counts", "counts of minutes"),
    (".wal", WAL),
    ("reserve", "reserve for a full disk"),
    ("", "other"),
];

/// Takes the corpus in, seals it, and adds the sizes to the results.
pub(crate) fn size(
    results: &mut Results,
    binary: &Path,
    corpus: &Corpus,
    yardstick: Yardstick,
) -> Result<()> {
    let directory = TempDir::new().context("make a directory")?;
    let daemon = Daemon::start(binary, directory.path(), &[])?;
    send(binary, &daemon, corpus, Protocol::Tcp)?;
    daemon.wait_for_lines(corpus.lines)?;
    let compared = yardstick.zstd_bytes_per_byte * corpus.bytes as f64;
    add(results, "hot MB", &daemon.data, compared)?;
    let seal_cpu = daemon.seal()?;
    add(results, "sealed MB", &daemon.data, compared)?;
    let parse_cpu = yardstick.parse_s_per_mb * corpus.bytes as f64 / 1e6;
    let mut sheet = results.sheet("sealing (in calibrations)");
    sheet.add_beside("every partition", "CPU s", seal_cpu, parse_cpu);
    Ok(())
}

fn add(results: &mut Results, column: &str, data: &Path, compared: f64) -> Result<()> {
    let bytes = components(data)?;
    let of_component = |name: &str| bytes.get(name).copied().unwrap_or(0) as f64;
    let sum = partition_bytes(data)? as f64;
    let mut sheet = results.sheet(SIZES);
    for (_, name) in COMPONENTS {
        sheet.add_beside(name, column, of_component(name) / 1e6, compared / 1e6);
    }
    sheet.add_beside(ALL_PARTITIONS, column, sum / 1e6, compared / 1e6);
    Ok(())
}

/// Returns the bytes of each component.
fn components(data: &Path) -> Result<BTreeMap<&'static str, u64>> {
    let mut sums = BTreeMap::new();
    for (path, bytes) in files_under(data)? {
        let name = path.to_string_lossy();
        let component = COMPONENTS.iter().find(|(end, _)| name.ends_with(end));
        *sums.entry(component.map_or("other", |(_, name)| name)).or_insert(0) += bytes;
    }
    Ok(sums)
}

/// Returns the bytes of everything in the partitions.
pub(crate) fn partition_bytes(data: &Path) -> Result<u64> {
    Ok(files_under(&data.join("partitions"))?.iter().map(|(_, bytes)| bytes).sum())
}
