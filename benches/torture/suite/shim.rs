//! The library in the server's process (see `shim.c`): built once by the system's C compiler,
//! which building Rust needs anyway.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::server::Launch;

/// The library's source, so that the torture command needs no checkout.
const SOURCE: &str = include_str!("shim.c");

/// The built library; removed when dropped.
#[derive(Debug)]
pub(crate) struct Shim {
    directory: TempDir,
}

/// How a process dies at a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// Before the change was made.
    Before,
    /// After it was made.
    After,
    /// With half of a write in the file.
    Torn,
}

impl Shim {
    /// Builds the library.
    pub(crate) fn build() -> Result<Shim> {
        let directory = TempDir::with_prefix("tierlog-shim-").context("make a directory")?;
        let source = directory.path().join("shim.c");
        std::fs::write(&source, SOURCE)?;
        let built = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-o"])
            .arg(directory.path().join("shim.so"))
            .arg(&source)
            .arg("-ldl")
            .output()
            .context("no C compiler")?;
        let complaint = String::from_utf8_lossy(&built.stderr);
        anyhow::ensure!(built.status.success(), "the shim does not build: {complaint}");
        Ok(Shim { directory })
    }

    fn launch(&self, variables: &[(&str, String)]) -> Launch {
        let library = self.directory.path().join("shim.so").display().to_string();
        let mut environment = vec![("LD_PRELOAD".to_owned(), library)];
        let named =
            variables.iter().map(|(name, value)| (format!("TORTURE_{name}"), value.clone()));
        environment.extend(named);
        Launch { environment, ..Launch::default() }
    }

    /// Writes a line about every change below a path into a file.
    pub(crate) fn watch(&self, root: &Path, log: &Path) -> Launch {
        self.launch(&[("ROOT", root.display().to_string()), ("LOG", log.display().to_string())])
    }

    /// Kills the process at a change below a path.
    pub(crate) fn kill_at(&self, root: &Path, change: u64, death: Death) -> Launch {
        let how = match death {
            Death::Before => "before",
            Death::After => "after",
            Death::Torn => "torn",
        };
        self.launch(&[
            ("ROOT", root.display().to_string()),
            ("KILL_AT", change.to_string()),
            ("KILL_HOW", how.to_owned()),
        ])
    }

    /// Fails one sync below a path with an error of the disk.
    pub(crate) fn fail_sync(&self, below: &Path, number: u64) -> Launch {
        let below = below.display().to_string();
        self.launch(&[("SYNCS", below), ("FAIL_SYNC", number.to_string())])
    }

    /// Makes every sync below a path so much slower.
    pub(crate) fn slow_syncs(&self, below: &Path, milliseconds: u64) -> Launch {
        let below = below.display().to_string();
        self.launch(&[("SYNCS", below), ("SYNC_MS", milliseconds.to_string())])
    }

    /// Refuses every change below a path for as long as a file exists.
    pub(crate) fn read_only_while(&self, root: &Path, file: &Path) -> Launch {
        let root = root.display().to_string();
        self.launch(&[("ROOT", root), ("READ_ONLY", file.display().to_string())])
    }

    /// Leaves no room for a byte below a path for as long as a file exists.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests/it/pressure.rs fills a disk by it"))]
    pub(crate) fn full_while(&self, root: &Path, file: &Path) -> Launch {
        let root = root.display().to_string();
        self.launch(&[("ROOT", root), ("NO_ROOM", file.display().to_string())])
    }

    /// Makes the wall clock wrong by the seconds that a file says, at any time.
    pub(crate) fn wrong_clock(&self, file: &Path) -> Launch {
        self.launch(&[("CLOCK", file.display().to_string())])
    }
}
