//! The public names of the keys that wrote a data directory, in a file of the directory.
//!
//! ```text
//! <data dir>/pseudonym-key-ids := names, one a line, and a line with the checksum of the others
//! ```
//!
//! Names and records leave. A damaged list is put aside whole, and made anew from the names that
//! stand in stored pseudonyms: the file only says early what the partitions say as well. What never
//! happens here: a new key beside data of keys without a name.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tierlog_store::{Content, Store, StoreError, with_checksum};

use super::{KeyError, make_private_directory, write_atomically};

/// Name of the file.
pub(super) const FILE_NAME: &str = "pseudonym-key-ids";

/// The data of a directory, asked about the keys that wrote it.
pub(crate) trait WrittenData {
    /// Keeps the bytes of a damaged file where damage is kept, under the file's name.
    fn keep_damaged(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// Returns the public names of keys in the stored pseudonyms of some fields.
    fn pseudonym_keys(&self, fields: &[String]) -> BTreeSet<String>;
}

impl WrittenData for Store {
    fn keep_damaged(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.keep_damaged(name, bytes)
    }

    fn pseudonym_keys(&self, fields: &[String]) -> BTreeSet<String> {
        self.pseudonym_keys(fields)
    }
}

/// What the file says.
#[derive(Debug)]
enum State {
    /// These names.
    Named(Vec<String>),
    /// Nothing that may be believed: these bytes.
    Damaged(Vec<u8>),
}

/// Public names of the keys that wrote a data directory.
#[derive(Debug)]
pub(super) struct Remembered {
    data_dir: PathBuf,
    state: State,
}

impl Remembered {
    /// Reads the file. Without a file, no key has written data.
    pub(super) fn read(data_dir: &Path) -> Result<Remembered, KeyError> {
        let path = data_dir.join(FILE_NAME);
        let state = match fs::read(&path) {
            Ok(file) => match names_in(&file) {
                Some(names) => State::Named(names),
                None => State::Damaged(file),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::Named(Vec::new()),
            Err(source) => return Err(KeyError::Io { operation: "read", path, source }),
        };
        Ok(Remembered { data_dir: data_dir.to_owned(), state })
    }

    /// Returns the names, none of a damaged file.
    pub(super) fn ids(&self) -> &[String] {
        match &self.state {
            State::Named(names) => names,
            State::Damaged(_) => &[],
        }
    }

    /// Refuses to make a key when data was, or may have been, written with another one.
    pub(super) fn refuse_new_key(&self, key_file: &Path) -> Result<(), KeyError> {
        match &self.state {
            State::Named(names) if names.is_empty() => Ok(()),
            State::Named(_) => Err(self.lost(key_file, "is missing")),
            State::Damaged(_) => {
                Err(KeyError::Unknown { path: key_file.to_owned(), remembered: self.path() })
            }
        }
    }

    /// Makes a damaged list anew from what the data says.
    pub(super) fn recover(
        &mut self,
        data: &impl WrittenData,
        fields: &[String],
    ) -> Result<(), KeyError> {
        let State::Damaged(bytes) = &self.state else { return Ok(()) };
        let path = self.path();
        let names: Vec<String> = data.pseudonym_keys(fields).into_iter().collect();
        if let Err(error) = data.keep_damaged(FILE_NAME, bytes) {
            return Err(KeyError::Recover { path, problem: error.to_string() });
        }
        tracing::error!(
            path = %path.display(),
            keys = ?names,
            "the list of keys that wrote the data is damaged: it is in quarantine, and made anew \
             from the stored pseudonyms"
        );
        // ORDER: the old file is kept before a new one takes its place.
        write(&self.data_dir, &names)?;
        self.state = State::Named(names);
        Ok(())
    }

    pub(super) fn lost(&self, key_file: &Path, what: &'static str) -> KeyError {
        KeyError::Lost {
            path: key_file.to_owned(),
            what,
            data_dir: self.data_dir.clone(),
            ids: self.ids().join(", "),
            remembered: self.path(),
        }
    }

    /// Notes a writing key, before the first record is written with the key.
    pub(super) fn remember(&mut self, id: &str) -> Result<(), KeyError> {
        let State::Named(names) = &mut self.state else { return Ok(()) };
        if names.iter().any(|known| known == id) {
            return Ok(());
        }
        names.push(id.to_owned());
        write(&self.data_dir, names)
    }

    fn path(&self) -> PathBuf {
        self.data_dir.join(FILE_NAME)
    }
}

/// Returns the names in a file; `None` when the bytes are not those that were written.
fn names_in(file: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(Content::of(file).whole()?).ok()?;
    Some(text.lines().map(str::to_owned).collect())
}

fn write(data_dir: &Path, names: &[String]) -> Result<(), KeyError> {
    let path = data_dir.join(FILE_NAME);
    make_private_directory(data_dir)
        .and_then(|()| write_atomically(&path, &with_checksum(names.join("\n").as_bytes())))
        .map_err(|source| KeyError::Io { operation: "write", path, source })
}

#[cfg(test)]
#[path = "remembered/tests.rs"]
mod tests;
