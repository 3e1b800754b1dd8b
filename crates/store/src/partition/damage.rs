//! What of a partition's files is not as it was written.
//!
//! A directory arrives; every difference from a recorded checksum leaves, with whether it is one
//! of records or of what a seal derives from them. Nothing is changed here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tantivy::index::SegmentMeta;

use super::checksum::{FileSeal, describe, files_of, verify_engine_file};
use super::directory::PartitionDirectory;
use super::read_directory::ReadDirectory;
use super::seal::{self, Seal};
use super::view;
use crate::StoreError;

/// A difference from the bytes that were written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Damage {
    /// The file and the difference.
    pub(crate) problem: String,
    pub(crate) of: Damaged,
}

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Damaged {
    /// Records, or what says where they are.
    Records,
    /// What a seal makes of the segment, and can make anew.
    Derived,
}

impl Damage {
    fn of(name: &str, error: &StoreError, of: Damaged) -> Damage {
        Damage { problem: describe(name, error), of }
    }
}

/// Reads every file of a partition. Fails when nothing can be said, for want of open files or
/// memory. Damaged bytes may make the search engine panic, which is a finding too.
pub(crate) fn find_damage(
    directory: &PartitionDirectory,
    name: &str,
) -> Result<Vec<Damage>, StoreError> {
    let of_records = |problem: String| vec![Damage { problem, of: Damaged::Records }];
    match catch_unwind(AssertUnwindSafe(|| find(directory, name))) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) if error.is_exhaustion() => Err(error),
        Ok(Err(error)) => Ok(of_records(error.to_string())),
        Err(_) => Ok(of_records("reading it panicked".to_owned())),
    }
}

fn find(directory: &PartitionDirectory, name: &str) -> Result<Vec<Damage>, StoreError> {
    let files = ReadDirectory::open(directory)?;
    let segments = match view::read_meta(&files, name) {
        Ok(meta) => meta.segments,
        Err(error) if error.is_exhaustion() => return Err(error),
        Err(error) => return Ok(vec![Damage::of("meta.json", &error, Damaged::Records)]),
    };
    let mut found = Vec::new();
    let seal = find_in_seal(directory, &segments, &mut found)?;
    for name in segments.iter().flat_map(files_of) {
        // Read once already, by the seal.
        if seal.as_ref().is_some_and(|seal| seal.files.contains_key(&name)) {
            continue;
        }
        match verify_engine_file(directory.vfs(), &directory.file(&name)) {
            Ok(()) => {}
            Err(error) if error.is_exhaustion() => return Err(error),
            Err(error) => found.push(Damage::of(&name, &error, Damaged::Records)),
        }
    }
    found.sort();
    Ok(found)
}

/// Compares the files of a sealed partition with its seal, and returns that. The seal of
/// other segments says nothing: late records have come since.
fn find_in_seal(
    directory: &PartitionDirectory,
    segments: &[SegmentMeta],
    found: &mut Vec<Damage>,
) -> Result<Option<Seal>, StoreError> {
    let seal = match Seal::read(directory) {
        Ok(Some(seal)) => seal,
        Ok(None) if directory.read(seal::FILE_NAME)?.is_none() => return Ok(None),
        Ok(None) => {
            let problem = format!("{}: checksum mismatch", seal::FILE_NAME);
            found.push(Damage { problem, of: Damaged::Derived });
            return Ok(None);
        }
        Err(error) if error.is_exhaustion() => return Err(error),
        Err(error) => {
            found.push(Damage::of(seal::FILE_NAME, &error, Damaged::Derived));
            return Ok(None);
        }
    };
    if !seal.covers(segments) {
        return Ok(None);
    }
    for (name, expected) in &seal.files {
        let path = directory.file(name);
        let (read, of) = if seal.is_of_segment(name) {
            (FileSeal::of_engine_file(directory.vfs(), &path), Damaged::Records)
        } else {
            (FileSeal::of(directory.vfs(), &path), Damaged::Derived)
        };
        match read {
            Ok(read) if read == *expected => {}
            Ok(_) => found.push(Damage { problem: format!("{name}: checksum mismatch"), of }),
            Err(error) if error.is_exhaustion() => return Err(error),
            Err(error) => found.push(Damage::of(name, &error, of)),
        }
    }
    Ok(Some(seal))
}
