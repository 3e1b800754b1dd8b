//! The bound addresses, as `--addresses-file` tells them.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::keys::write_atomically;

/// Where the server listens; port 0 has become a real one.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Addresses {
    /// JSON lines over TCP.
    pub(crate) tcp: SocketAddr,
    /// The ingest HTTP API.
    pub(crate) ingest: SocketAddr,
    /// The query HTTP API.
    pub(crate) query: SocketAddr,
}

impl Addresses {
    /// Writes `{"tcp": "...", "ingest": "...", "query": "..."}`; a reader sees all or nothing.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let mut text = serde_json::to_string(self).context("write the addresses")?;
        text.push('\n');
        write_atomically(file, text.as_bytes()).with_context(|| format!("write {}", file.display()))
    }

    /// Removes what an earlier run wrote, so that nobody reads addresses of a server that is
    /// gone.
    pub(crate) fn forget(file: &Path) -> Result<()> {
        match std::fs::remove_file(file) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("remove {}", file.display())),
        }
    }
}
