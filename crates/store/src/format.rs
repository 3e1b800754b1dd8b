//! The version of what is on disk, and the refusal of files of another one.

use std::path::Path;

use serde::Deserialize;

use crate::StoreError;
use crate::checked::Content;

/// Version of the data directory as a whole, of replay journals, seals and commit payloads: one
/// number, because no released program has written another.
pub(crate) const FORMAT: u32 = 3;

#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Refuses a file of JSON of another version. A later version may have other fields, and no
/// checksum, so nothing else of it is read before its number is known. The number of a file whose
/// checksum is wrong is nobody's version but damage.
pub(crate) fn check_version(file: &[u8], path: &Path) -> Result<(), StoreError> {
    let Some(json) = Content::of(file).readable() else { return Ok(()) };
    match serde_json::from_slice::<Version>(json) {
        Ok(Version { format }) if format != FORMAT => Err(StoreError::FormatVersion {
            path: path.to_owned(),
            found: format,
            expected: FORMAT,
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}
