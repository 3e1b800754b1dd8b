//! The bound addresses, as `--addresses-file` and the banner tell them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::keys::write_atomically;

/// Where the server listens, by the names of its listeners; port 0 has become a real one.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    listeners: Vec<Bound>,
}

/// A listener's name, its address as a URL, and the address.
type Bound = (String, String, SocketAddr);

impl Addresses {
    /// Returns the addresses of a list of listeners.
    pub(super) fn new(listeners: Vec<Bound>) -> Addresses {
        Addresses { listeners }
    }

    /// Returns name and URL of each listener.
    pub(crate) fn urls(&self) -> impl Iterator<Item = (&str, &str)> {
        self.listeners.iter().map(|(name, url, _)| (name.as_str(), url.as_str()))
    }

    /// Writes `{"tcp": "...", "ingest": "...", "query": "..."}`; a reader sees all or nothing.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let addresses: BTreeMap<&str, SocketAddr> =
            self.listeners.iter().map(|(name, _, address)| (name.as_str(), *address)).collect();
        let mut text = serde_json::to_string(&addresses).context("write the addresses")?;
        text.push('\n');
        write_atomically(file, text.as_bytes()).with_context(|| format!("write {}", file.display()))
    }

    /// Removes the file of an earlier run, so that no script reads addresses of a server that has
    /// ended.
    pub(crate) fn forget(file: &Path) -> Result<()> {
        match std::fs::remove_file(file) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("remove {}", file.display())),
        }
    }
}
