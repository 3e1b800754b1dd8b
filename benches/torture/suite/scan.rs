//! Planted personal data: looked for in every file, in everything that a zstd frame inflates to,
//! and in what the server printed.

use std::path::Path;

use anyhow::Result;

use super::files::files_under;
use super::lines::PLANTED;
use super::oracle::{Invariant, Violation};

/// First bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// No frame of the store is larger inflated.
const INFLATED_BYTES_MAX: usize = 64 << 20;

/// Returns a violation for each file below a directory that holds planted data.
pub(crate) fn scan(directory: &Path) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for path in files_under(directory)? {
        // A file may be freed between the listing and the look.
        let bytes = std::fs::read(&path).unwrap_or_default();
        let place = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
        violations.extend(scan_bytes(&bytes, &place));
    }
    Ok(violations)
}

/// Returns a violation when bytes, as they are or inflated, hold planted data.
fn scan_bytes(bytes: &[u8], place: &str) -> Option<Violation> {
    let plain = holds_planted(bytes).map(|what| (what, ""));
    let found = plain.or_else(|| {
        memchr::memmem::find_iter(bytes, &ZSTD_MAGIC)
            .filter_map(|start| inflate(bytes.get(start..)?))
            .find_map(|inflated| holds_planted(&inflated))
            .map(|what| (what, ", inflated"))
    });
    let (what, how) = found?;
    Some(Violation::new(Invariant::Private, format!("{what:?} is in {place}{how}")))
}

fn holds_planted(bytes: &[u8]) -> Option<&'static str> {
    PLANTED.into_iter().find(|planted| memchr::memmem::find(bytes, planted.as_bytes()).is_some())
}

/// Inflates the frame at the start of bytes; `None` when there is none after all.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = zstd::zstd_safe::find_frame_compressed_size(bytes).ok()?;
    let frame = bytes.get(..length)?;
    let size = zstd::zstd_safe::get_frame_content_size(frame).ok()??;
    let size = usize::try_from(size).ok().filter(|size| *size <= INFLATED_BYTES_MAX)?;
    zstd::bulk::decompress(frame, size).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_data_is_seen_plain_and_inflated() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("below").join("file");
        std::fs::create_dir(directory.path().join("below")).expect("a directory");
        let check = |bytes: &[u8], expected: usize| {
            std::fs::write(&file, bytes).expect("a file");
            assert_eq!(scan(directory.path()).expect("a look").len(), expected);
        };
        check(b"nothing", 0);
        check(b"mail of zqcanary.7@planted.example", 1);
        check(b"4929173460000009", 1);
        let mut frame = b"before".to_vec();
        frame.extend(zstd::bulk::compress(b"password zqplanted-1 zqplanted-1", 1).expect("zstd"));
        frame.extend(b"after");
        check(&frame, 1);
    }
}
