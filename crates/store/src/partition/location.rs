//! Where the files of a partition are.
//!
//! Searches, merges and checks ask a location for the directory, and never make a path of a
//! partition's name. A day that moves to another disk or to object storage is a further kind of
//! location; the compiler then names every place that must know.

use super::directory::PartitionDirectory;
use crate::PartitionId;
use crate::layout::Layout;

/// Where the files of a partition are.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    /// In the data directory.
    Local(PartitionDirectory),
}

impl Location {
    /// Returns the location of a partition before any move.
    pub(crate) fn of(layout: &Layout, id: PartitionId) -> Location {
        Location::Local(PartitionDirectory::of(layout, id))
    }

    /// Returns the directory that the files are read from.
    pub(crate) fn directory(&self) -> &PartitionDirectory {
        match self {
            Location::Local(directory) => directory,
        }
    }
}
