//! Ids of batches: hashes of the names that clients gave.

use sha2::{Digest, Sha256};

use crate::Tenant;

/// Stands for the name that a client gave to a batch, so that a retry is recognised
/// (`Tierlog-Batch-Id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId([u8; BatchId::BYTES]);

impl BatchId {
    /// Bytes of the hash that an id keeps: no two of a day's batches collide.
    pub const BYTES: usize = 16;

    /// Returns the id of a client's name for a batch, or `None` when the name is empty, longer
    /// than [`crate::limits::BATCH_ID_BYTES_MAX`] or not printable ASCII. Equal names of two
    /// tenants are two ids.
    ///
    /// The id is a hash: ids go into the WAL, and a client's header has not gone through
    /// redaction.
    pub fn of_client(tenant: Tenant, name: &str) -> Option<BatchId> {
        let fits = (1..=crate::limits::BATCH_ID_BYTES_MAX).contains(&name.len());
        let is_name = fits && name.bytes().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| BatchId(id_of(&[tenant.name().as_bytes(), b"\0", name.as_bytes()])))
    }

    /// Returns the id of one piece of the batch. A client cannot send such an id: its name would
    /// have to hold a NUL.
    #[must_use]
    pub fn piece(self, number: u32) -> BatchId {
        BatchId(id_of(&[&self.0, b"\0piece", &number.to_le_bytes()]))
    }

    /// Returns an id that was stored.
    pub fn from_bytes(bytes: [u8; BatchId::BYTES]) -> BatchId {
        BatchId(bytes)
    }

    /// Returns the bytes for storing.
    pub fn as_bytes(&self) -> &[u8; BatchId::BYTES] {
        &self.0
    }
}

/// Returns the kept part of the hash of some parts, one behind the other.
pub(crate) fn id_of(parts: &[&[u8]]) -> [u8; BatchId::BYTES] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let mut kept = [0; BatchId::BYTES];
    kept.iter_mut().zip(hash.finalize()).for_each(|(kept, byte)| *kept = byte);
    kept
}
