//! The secret keys of pseudonyms: a file outside the data directory, made at first start.
//!
//! ```text
//! <data dir>.keys/pseudonym.key    0600 in a directory 0700: comment lines, then one base64 key
//!                                  a line, the newest first: it writes, all of them are searched
//! ```
//!
//! Which keys wrote a data directory is remembered in that directory ([`remembered`]).
//!
//! A copy of the data is no copy of the keys. The users of a lost key can never be found again,
//! so a server makes no new key beside data of an old one: the start is refused, with the remedy.
//! Keys leave memory when they are dropped and never stand in a log or an error.

mod remembered;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use tierlog_model::{Identities, PseudonymKey, Pseudonyms};
use zeroize::Zeroizing;

use self::remembered::Remembered;
pub(crate) use self::remembered::WrittenData;

/// Bytes of a key: the full strength of HMAC-SHA256.
const KEY_BYTES: usize = 32;

/// Keys of one file; a search for a user looks for the pseudonyms of all keys.
const KEYS_MAX: usize = 32;

const HEADER: &str = "\
# Tierlog pseudonym keys, one a line, the newest first: the first writes, all are searched.
# To rotate, put a new line of 32 random bytes in base64 on top (openssl rand -base64 32) and
# restart. Keep old lines for as long as data that they wrote. Back this file up, apart from the
# data: without it the stored users cannot be searched by their id any more.
";

/// Why there are no keys to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KeyError {
    /// The key file would be copied together with the data.
    #[error(
        "key file {path} lies inside the data directory {data_dir}: a copy of the data would be \
         a copy of the keys; set redaction.pseudonyms.key_file to a place outside"
    )]
    Inside {
        /// The key file.
        path: PathBuf,
        /// The data directory.
        data_dir: PathBuf,
    },
    /// Others may read the key file.
    #[error("key file {path} has mode {mode:04o}, others may read it: chmod 0600 {path}")]
    TooOpen {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user may change or replace the key file.
    #[error("{what} of the pseudonym keys, {path}, belongs to user {owner}: {cure}")]
    Foreign {
        /// The file or the directory.
        what: &'static str,
        /// The file or the directory.
        path: PathBuf,
        /// Number of the user.
        owner: u32,
        /// What to do.
        cure: String,
    },
    /// Others may put another key file in the place of this one.
    #[error(
        "directory {path} of the pseudonym keys has mode {mode:04o}, others may replace the key \
         file: chmod go-w {path}"
    )]
    ReplaceableByOthers {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The data was written with keys that are not there.
    #[error(
        "key file {path} {what}, but the data in {data_dir} was written with key {ids}: restore \
         the key file from its backup. To go on without, so that users stored until now cannot \
         be searched by their id any more, remove {remembered}"
    )]
    Lost {
        /// The key file.
        path: PathBuf,
        /// Whether the file or only the key is missing.
        what: &'static str,
        /// The data directory.
        data_dir: PathBuf,
        /// Public names of the missing keys.
        ids: String,
        /// The file that remembers them.
        remembered: PathBuf,
    },
    /// Which keys wrote the data is not known any more, and there is no key to ask the data about.
    #[error(
        "key file {path} is missing, and {remembered}, which names the keys that wrote the data, \
         is damaged: restore the key file from its backup. To go on without, so that users stored \
         until now cannot be searched by their id any more, remove {remembered}"
    )]
    Unknown {
        /// The key file.
        path: PathBuf,
        /// The file that remembers the keys.
        remembered: PathBuf,
    },
    /// The damaged list of keys could not be made anew.
    #[error("make {path} anew: {problem}")]
    Recover {
        /// The file that remembers the keys.
        path: PathBuf,
        /// What the store said.
        problem: String,
    },
    /// A line of the key file is no key.
    #[error("key file {path}, line {line}: not 32 bytes in base64")]
    Malformed {
        /// The key file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
    /// The key file holds no key, or too many.
    #[error("key file {path} holds {count} keys, expected 1 to {KEYS_MAX}")]
    Count {
        /// The key file.
        path: PathBuf,
        /// Keys that it holds.
        count: usize,
    },
    /// The file system, or the system's source of randomness, says no.
    #[error("{operation} {path}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Returns the pseudonyms of identities with the keys of a file, which is made when it is missing
/// and no data depends on an earlier one. Without identities no key is needed or made.
pub(crate) fn open(
    path: &Path,
    data_dir: &Path,
    identities: Identities,
    data: &impl WrittenData,
) -> Result<Pseudonyms, KeyError> {
    if identities.fields().is_empty() {
        return Ok(Pseudonyms::off());
    }
    refuse_inside(path, data_dir)?;
    let mut remembered = Remembered::read(data_dir)?;
    if !path.exists() {
        remembered.refuse_new_key(path)?;
        create(path)?;
    }
    let keys = load(path)?;
    remembered.recover(data, identities.fields())?;
    let known = |id: &String| keys.iter().any(|key| key.id().as_str() == id);
    if !remembered.ids().is_empty() && !remembered.ids().iter().any(known) {
        return Err(remembered.lost(path, "holds other keys"));
    }
    for id in remembered.ids().iter().filter(|id| !known(id)) {
        tracing::warn!(key = %id, "key of stored pseudonyms is gone, its users cannot be searched");
    }
    if let Some(writing) = keys.first() {
        remembered.remember(writing.id().as_str())?;
    }
    Ok(Pseudonyms::new(keys, identities))
}

/// Returns the pseudonyms of identities with the keys of a file that is there; those of nothing
/// where there is no file. Nothing is made.
pub(crate) fn existing(path: &Path, identities: Identities) -> Result<Pseudonyms, KeyError> {
    if identities.fields().is_empty() || !path.exists() {
        return Ok(Pseudonyms::off());
    }
    Ok(Pseudonyms::new(load(path)?, identities))
}

/// Makes a key file with one new key.
fn create(path: &Path) -> Result<(), KeyError> {
    let io = |operation| move |source| KeyError::Io { operation, path: path.to_owned(), source };
    let mut secret = Zeroizing::new(vec![0_u8; KEY_BYTES]);
    getrandom::fill(&mut secret)
        .map_err(|error| io("draw a random key for")(io::Error::other(error)))?;
    let line = Zeroizing::new(format!("{}\n", BASE64.encode(&secret)));
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_private_directory(parent)
            .and_then(|()| sync_parent(parent))
            .map_err(io("make the directory of key file"))?;
    }
    // A start that is cut short in here must not leave half a key, which the next would refuse.
    let temporary = path.with_added_extension(format!("new-{}", std::process::id()));
    let written = write_new(&temporary, 0o600, &[HEADER.as_bytes(), line.as_bytes()])
        .and_then(|()| link_new(&temporary, path));
    let removed = fs::remove_file(&temporary);
    written.and(removed).and_then(|()| sync_parent(path)).map_err(io("write key file"))?;
    tracing::info!(path = %path.display(), "made a new pseudonym key, back it up");
    Ok(())
}

/// Writes a file in the place of what a dead process left. Nobody else's file is written into: a
/// link that stands there is removed like a file, and one that is made meanwhile is refused.
fn write_new(path: &Path, mode: u32, parts: &[&[u8]]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()
}

/// Gives a whole file its name. A key file that somebody else has made meanwhile stays: data may
/// depend on it already.
fn link_new(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

/// Reads every key of a file that is this user's alone.
fn load(path: &Path) -> Result<Vec<PseudonymKey>, KeyError> {
    let io = |operation| move |source| KeyError::Io { operation, path: path.to_owned(), source };
    refuse_shared_directory(path)?;
    // What is looked at is what is read: the file has a handle before it has a verdict.
    let mut file = open_regular(path).map_err(io("open key file"))?;
    let found = file.metadata().map_err(io("look at key file"))?;
    refuse_foreign("the file", path, found.uid())?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::TooOpen { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(io("read key file"))?;
    let mut keys = Vec::new();
    for (position, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let secret = BASE64.decode(line.as_bytes()).map(Zeroizing::new);
        let key = secret.ok().and_then(|secret| PseudonymKey::from_bytes(&secret));
        let malformed = || KeyError::Malformed { path: path.to_owned(), line: position + 1 };
        keys.push(key.ok_or_else(malformed)?);
    }
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(KeyError::Count { path: path.to_owned(), count: keys.len() });
    }
    Ok(keys)
}

/// Opens a file that is one: a pipe would never end.
fn open_regular(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

/// Refuses a file of any user but the server's and root: an owner may always change a file.
fn refuse_foreign(what: &'static str, path: &Path, owner: u32) -> Result<(), KeyError> {
    let own = rustix::process::geteuid().as_raw();
    if owner == own || owner == 0 {
        return Ok(());
    }
    let cure = format!("chown {own} {}", path.display());
    Err(KeyError::Foreign { what, path: path.to_owned(), owner, cure })
}

/// Refuses a directory in which somebody else could put another file in the place of the keys'.
fn refuse_shared_directory(path: &Path) -> Result<(), KeyError> {
    let path = real(path);
    let Some(directory) = path.parent() else { return Ok(()) };
    let io = |source| KeyError::Io {
        operation: "look at the directory of key file",
        path: directory.to_owned(),
        source,
    };
    let found = fs::metadata(directory).map_err(io)?;
    refuse_foreign("the directory", directory, found.uid())?;
    let mode = found.permissions().mode();
    // In a directory with the sticky bit only the owner of a file may replace it.
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        let path = directory.to_owned();
        return Err(KeyError::ReplaceableByOthers { path, mode: mode & 0o7777 });
    }
    Ok(())
}

fn refuse_inside(path: &Path, data_dir: &Path) -> Result<(), KeyError> {
    if real(path).starts_with(real(data_dir)) {
        return Err(KeyError::Inside { path: path.to_owned(), data_dir: data_dir.to_owned() });
    }
    Ok(())
}

/// Returns a path with links and dots resolved, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let (Ok(found), Ok(rest)) = (ancestor.canonicalize(), absolute.strip_prefix(ancestor)) {
            return found.join(rest);
        }
    }
    absolute
}

/// Makes a directory with access for the owner only, unless present.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file so that a reader sees the old or the new content, also after a power cut.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_added_extension("new");
    let written =
        write_new(&temporary, 0o666, &[bytes]).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // There is nothing to be done when it cannot be removed, nor is there when it was never
        // made.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_parent(path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
#[path = "keys/tests.rs"]
mod tests;
