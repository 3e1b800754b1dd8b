//! How far an input was read: kept beside its lines, so that no crash can part the two.
//!
//! A file is known again by what was read of it, not by its name: the checksum of all bytes up to
//! the place. A replaced, truncated or rewritten file is another file with new lines; a renamed or
//! copied file is the same.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result};

/// A place in an input. A stream that cannot be read again has the default one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Names the file; every file that is begun gets another name. 0 is a stream.
    pub(super) source: u64,
    /// Device of the file.
    pub(super) device: u64,
    /// Its number there.
    pub(super) inode: u64,
    /// Bytes before the place.
    pub(super) offset: u64,
    /// Line breaks before it.
    pub(super) lines: u64,
    /// Lines before it that are not blank.
    pub(super) counted: u64,
    /// CRC-32C of the bytes before it.
    pub(super) prefix_crc: u32,
}

/// Bytes read at a time to compare what is before a place.
const COMPARE_BYTES: usize = 256 * 1024;

impl Place {
    /// Returns the beginning of a file.
    pub(super) fn beginning(file: &File, source: u64) -> Result<Place> {
        let data = file.metadata().context("read the file's metadata")?;
        Ok(Place { source, device: data.dev(), inode: data.ino(), ..Place::default() })
    }

    /// Returns the place behind further bytes.
    pub(super) fn after(self, bytes: &[u8], counted: u64) -> Place {
        Place {
            offset: self.offset + bytes.len() as u64,
            lines: self.lines + memchr::memchr_iter(b'\n', bytes).count() as u64,
            counted: self.counted + counted,
            prefix_crc: crc32c::crc32c_append(self.prefix_crc, bytes),
            ..self
        }
    }

    /// Tells whether a file is the one that the place is in. The reader stands at the place if the
    /// bytes match, else at the beginning.
    pub(super) fn is_in(&self, file: &mut File) -> Result<bool> {
        let is_same = self.starts(file).context("read the file again from its beginning")?;
        let next = if is_same { self.offset } else { 0 };
        file.seek(SeekFrom::Start(next)).context("go to a place of the file")?;
        Ok(is_same)
    }

    fn starts(&self, file: &mut File) -> std::io::Result<bool> {
        file.seek(SeekFrom::Start(0))?;
        let mut buffer = vec![0; COMPARE_BYTES];
        let (mut left, mut crc) = (self.offset, 0);
        while left > 0 {
            let wanted =
                usize::try_from(left).map_or(COMPARE_BYTES, |left| left.min(COMPARE_BYTES));
            let read = match file.read(buffer.get_mut(..wanted).unwrap_or_default()) {
                Ok(0) => return Ok(false),
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            crc = crc32c::crc32c_append(crc, buffer.get(..read).unwrap_or_default());
            left -= read as u64;
        }
        Ok(crc == self.prefix_crc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_was_read_of_it() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let path = directory.path().join("lines");
        let write = |text: &str| std::fs::write(&path, text).expect("a scratch file");
        let is_known = |place: Place| {
            let mut file = File::open(&path).expect("a scratch file");
            let is_known = place.is_in(&mut file).expect("readable");
            let position = file.stream_position().expect("a position");
            assert_eq!(position, if is_known { place.offset } else { 0 });
            is_known
        };
        write("a\nb\nc\n");
        let file = File::open(&path).expect("a scratch file");
        let beginning = Place::beginning(&file, 7).expect("metadata");
        let place = beginning.after(b"a\n\n", 1).after(b"x\n", 1);
        assert_eq!((place.offset, place.lines, place.counted), (5, 3, 2));
        let place = beginning.after(b"a\nb\n", 2);
        assert!(is_known(place) && is_known(beginning));
        write("a\nb\nc\nd\n");
        assert!(is_known(place), "it grew");
        write("a\nb");
        assert!(!is_known(place), "it is shorter");
        write("b\na\nc\nd\n");
        assert!(!is_known(place), "as long, with other lines");
        assert!(is_known(beginning), "nothing was read yet");
    }
}
