//! A small disk in memory, unmounted when dropped. Needs the right to mount, which anybody has in
//! a namespace of their own (`namespace.rs`).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A mounted disk.
#[derive(Debug)]
pub(crate) struct Tmpfs {
    directory: TempDir,
}

impl Tmpfs {
    /// Mounts a disk of so many bytes, and of so many files if that is bounded too.
    pub(crate) fn mount(bytes: u64, files: Option<u64>) -> Result<Tmpfs> {
        let directory = TempDir::with_prefix("tierlog-disk-").context("make a directory")?;
        let mut options = format!("size={bytes}");
        if let Some(files) = files {
            options.push_str(&format!(",nr_inodes={files}"));
        }
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(directory.path())
            .output();
        succeeded(&mounted.context("no mount")?)?;
        Ok(Tmpfs { directory })
    }

    /// Returns where the data of a server lies on it.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Returns where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Mounts it anew with other options, while it is in use.
    pub(crate) fn remount(&self, options: &str) -> Result<()> {
        // Bound, so that it is about the mount: in a namespace the owner of a disk, which mount(8)
        // would repeat to the kernel, has no number.
        let options = format!("remount,bind,{options}");
        let remounted = Command::new("mount").args(["-o", &options]).arg(self.path()).output();
        succeeded(&remounted.context("no mount")?)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // The unmount is lazy, because an ending server may still hold the mount.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn succeeded(output: &Output) -> Result<()> {
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "mount: {}", complaint.trim());
    Ok(())
}
