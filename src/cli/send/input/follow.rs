//! A followed file, as `tail -F` follows: appended bytes, then bytes that are written under the
//! name after a rename or a truncation. Unread bytes of the old file come first.
//!
//! The checksum of its read bytes identifies a file ([`Place`]): old content is found under any
//! name that a rotation gave, also after a rotation between two runs.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};

use super::super::notices::Notices;
use super::super::place::Place;
use super::{Input, Read, new_source};

/// How long a renamed file is still read: the application writes there until the new file is open.
const LEAVE_AFTER: Duration = Duration::from_secs(1);

/// Bytes before the place that are compared before more is read: a file that was truncated and
/// has grown beyond the place since is told by them.
const TAIL_BYTES: usize = 256;

/// Files of a directory, the newest first, in which the content of before is looked for.
const CANDIDATES_MAX: usize = 32;

/// A file that is followed.
#[derive(Debug)]
pub(in super::super) struct Followed {
    path: PathBuf,
    current: Option<Current>,
    /// Files that were rotated away unread, oldest first.
    unread: VecDeque<PathBuf>,
    /// Another file has the path since.
    left_since: Option<Instant>,
    /// What is to be said of the next bytes.
    begins: Option<Place>,
    is_missing: bool,
    notices: Notices,
}

#[derive(Debug)]
struct Current {
    file: File,
    /// Where the next byte is.
    place: Place,
    /// The last bytes before it.
    tail: Vec<u8>,
}

impl Followed {
    /// Returns a file that was read up to a place, and the place where reading goes on.
    pub(in super::super) fn open(
        path: &Path,
        place: Place,
        notices: Notices,
    ) -> Result<(Followed, Place)> {
        let mut followed = Followed {
            path: path.to_owned(),
            current: None,
            unread: VecDeque::new(),
            left_since: None,
            begins: None,
            is_missing: false,
            notices,
        };
        if place.source != 0 {
            followed.resume(place)?;
        }
        let place = followed.current.as_ref().map_or(Place::default(), |current| current.place);
        Ok((followed, place))
    }

    /// Finds the file that a place is in.
    fn resume(&mut self, place: Place) -> Result<()> {
        let mut found = open(&self.path).ok();
        if let Some(file) = &mut found
            && place.is_in(file)?
        {
            self.current = found.map(|file| Current { file, place, tail: Vec::new() });
            return Ok(());
        }
        if self.go_on_in_copy(place)? {
            return Ok(());
        }
        self.notices.say(format!(
            "the content of {} that was read before is not there any more: what was appended to \
             it since is not sent",
            self.path.display()
        ));
        Ok(())
    }

    /// Looks for the content before a place under other names; goes on there, and lists what was
    /// rotated away after it.
    fn go_on_in_copy(&mut self, place: Place) -> Result<bool> {
        for (modified, path) in self.others()?.into_iter().take(CANDIDATES_MAX) {
            let Ok(mut file) = open(&path) else { continue };
            let is_long = file.metadata().is_ok_and(|data| data.len() >= place.offset);
            if is_long && place.is_in(&mut file)? {
                self.unread = self.rotated_after(modified, &path)?;
                self.current = Some(Current { file, place, tail: Vec::new() });
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the files beside the followed one, newest first.
    fn others(&self) -> Result<Vec<(SystemTime, PathBuf)>> {
        let directory = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let entries = std::fs::read_dir(directory)
            .with_context(|| format!("list {}", directory.display()))?;
        let own = std::fs::metadata(&self.path).ok().map(|data| id_of(&data));
        let mut others: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                let is_other = data.is_file() && Some(id_of(&data)) != own;
                is_other.then(|| Some((data.modified().ok()?, entry.path())))?
            })
            .collect();
        others.sort();
        others.reverse();
        Ok(others)
    }

    /// Returns what was rotated away later than a file, oldest first: names that go on with a
    /// number or a date.
    fn rotated_after(&self, moment: SystemTime, file: &Path) -> Result<VecDeque<PathBuf>> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut rotated: Vec<_> = self
            .others()?
            .into_iter()
            .filter(|(modified, path)| {
                let other = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                *modified >= moment && path != file && is_rotation_of(&name, &other)
            })
            .collect();
        rotated.sort();
        Ok(rotated.into_iter().map(|(_, path)| path).collect())
    }

    /// Opens the next file: a file that was rotated away unread, else the file at the path.
    fn open_next(&mut self) -> Result<bool> {
        let path = self.unread.pop_front().unwrap_or_else(|| self.path.clone());
        let file = match open(&path) {
            Ok(file) => file,
            Err(error) => {
                let missing = error.downcast_ref::<std::io::Error>();
                if missing.is_none_or(|error| error.kind() != ErrorKind::NotFound) {
                    return Err(error);
                }
                if !std::mem::replace(&mut self.is_missing, true) && path == self.path {
                    self.notices.say(format!("{} is not there; waiting for it", path.display()));
                }
                return Ok(false);
            }
        };
        self.is_missing = false;
        self.left_since = None;
        self.begin(file)?;
        Ok(true)
    }

    fn begin(&mut self, file: File) -> Result<()> {
        let place = Place::beginning(&file, new_source())?;
        self.begins = Some(place);
        self.current = Some(Current { file, place, tail: Vec::new() });
        Ok(())
    }

    /// Reads the current file from its place on.
    fn read_current(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(current) = &mut self.current else { return Ok(0) };
        let length = current.file.metadata().context("read the file's metadata")?.len();
        if length < current.place.offset || (length > current.place.offset && !current.is_same()?) {
            return self.truncated().map(|()| 0);
        }
        let read = match current.file.read(buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(0),
            Err(error) => {
                return Err(error).with_context(|| format!("read {}", self.path.display()));
            }
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        current.place = current.place.after(bytes, 0);
        current.tail.extend_from_slice(bytes);
        current.tail.drain(..current.tail.len().saturating_sub(TAIL_BYTES));
        Ok(read)
    }

    /// Goes on after the content was taken away under us: in the copy that was made of it before,
    /// if there is one, and then in what is there now.
    fn truncated(&mut self) -> Result<()> {
        let Some(Current { mut file, place, .. }) = self.current.take() else { return Ok(()) };
        if self.go_on_in_copy(place)? {
            self.left_since = Some(Instant::now());
            return Ok(());
        }
        file.seek(SeekFrom::Start(0)).context("go to the beginning of the file")?;
        self.begin(file)
    }

    /// Tells whether the current file is read to its end and another has its path.
    fn is_over(&mut self) -> bool {
        let Some(current) = &self.current else { return true };
        let own = current.file.metadata().ok().map(|data| id_of(&data));
        let named = std::fs::metadata(&self.path).ok().map(|data| id_of(&data));
        if named.is_none() || named == own {
            self.left_since = None;
            return false;
        }
        let since = *self.left_since.get_or_insert_with(Instant::now);
        since.elapsed() >= LEAVE_AFTER
    }
}

impl Input for Followed {
    fn read(&mut self, buffer: &mut [u8], patience: Duration) -> Result<Read> {
        if let Some(place) = self.begins.take() {
            return Ok(Read::Begins(place));
        }
        let read = self.read_current(buffer)?;
        if read > 0 {
            self.left_since = self.left_since.map(|_| Instant::now());
            return Ok(Read::Bytes(read));
        }
        if self.begins.is_none() && (!self.is_over() || !self.open_next()?) {
            std::thread::sleep(patience);
        }
        Ok(Read::Nothing)
    }
}

impl Current {
    /// Tells whether the bytes before the place are still those that were read.
    fn is_same(&self) -> Result<bool> {
        let mut bytes = vec![0; self.tail.len()];
        let offset = self.place.offset - self.tail.len() as u64;
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(bytes == self.tail),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error).context("read the file again"),
        }
    }
}

/// Opens a file that can be read again.
fn open(path: &Path) -> Result<File> {
    let named = || format!("open {}", path.display());
    if !std::fs::metadata(path).with_context(named)?.is_file() {
        anyhow::bail!("{} is no file that can be followed", path.display());
    }
    File::open(path).with_context(named)
}

fn id_of(data: &Metadata) -> (u64, u64) {
    (data.dev(), data.ino())
}

/// Tells whether a name is that of a file, with a number or a date behind it.
fn is_rotation_of(name: &str, other: &str) -> bool {
    let suffix = other.strip_prefix(name).and_then(|rest| rest.strip_prefix(['.', '-']));
    suffix.is_some_and(|suffix| {
        suffix.starts_with(|first: char| first.is_ascii_digit())
            && suffix.chars().all(|c| c.is_ascii_digit() || "-_.T:".contains(c))
    })
}

#[cfg(test)]
#[path = "follow/tests.rs"]
mod tests;
