//! What a power cut leaves of the simulated disk.

use std::sync::Arc;

use super::choices::Choices;
use super::tree::{Change, Directory, FileContent, Inode, Tree};

/// Disks write whole sectors: a torn write is whole in some and absent in others.
const SECTOR_BYTES: usize = 512;

/// The fate of unsynced bytes and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// All of it is lost.
    DropUnsynced,
    /// All of it is still there and still unsynced: the process was killed, the machine was not.
    ProcessOnly,
    /// Chosen by a seed, file by file and directory by directory: of a directory's changes none,
    /// all, the first ones or any of them survive; of a file's changes some survive, the next one
    /// is torn at any byte, and sometimes sectors inside it read as zeros.
    Torn {
        /// Seed of the choices.
        seed: u64,
    },
}

/// Applies a crash. After a power cut everything that is left is also synced.
pub(super) fn cut(tree: &mut Tree, crash: Crash) {
    let mut choices = match crash {
        Crash::ProcessOnly => return,
        Crash::DropUnsynced => None,
        Crash::Torn { seed } => Some(Choices::new(seed)),
    };
    for inode in tree.inodes_mut() {
        match (inode, choices.as_mut()) {
            (Inode::File(file), Some(choices)) => tear(file, choices),
            (Inode::File(file), None) => {
                file.current = Arc::clone(&file.synced);
                settle(file);
            }
            (Inode::Directory(directory), Some(choices)) => scatter(directory, choices),
            (Inode::Directory(directory), None) => directory.lose(|_| false),
        }
    }
    tree.sweep();
}

/// A journal keeps the order of names, and POSIX promises none: both are tried.
fn scatter(directory: &mut Directory, choices: &mut Choices) {
    let count = directory.pending.len();
    match choices.below(4) {
        0 => directory.lose(|_| false),
        1 => directory.lose(|_| true),
        2 => {
            let kept = choices.below(count + 1);
            directory.lose(|number| number < kept);
        }
        _ => directory.lose(|_| choices.below(2) == 0),
    }
}

fn tear(file: &mut FileContent, choices: &mut Choices) {
    if file.pending.is_empty() {
        // A failed sync may have forgotten what readers still saw.
        file.current = Arc::clone(&file.synced);
        return;
    }
    let mut content = file.synced.as_ref().clone();
    let kept_count = choices.below(file.pending.len() + 1);
    for change in file.pending.iter().take(kept_count) {
        change.apply(&mut content);
    }
    if let Some(Change::Write { offset, bytes }) = file.pending.get(kept_count) {
        let torn: Vec<u8> = bytes.iter().take(choices.below(bytes.len() + 1)).copied().collect();
        // What a write appends begins where the file ended; over bytes, only those are torn.
        let start = content.len().min(*offset);
        let end = offset + torn.len();
        Change::Write { offset: *offset, bytes: torn }.apply(&mut content);
        if choices.below(3) == 0 {
            zero_sectors(content.get_mut(start..end).unwrap_or_default(), choices);
        }
    }
    file.current = Arc::new(content);
    settle(file);
}

/// Sectors of an unsynced write reach the disk in any order: some may not have.
fn zero_sectors(torn: &mut [u8], choices: &mut Choices) {
    for sector in torn.chunks_mut(SECTOR_BYTES) {
        if choices.below(2) == 0 {
            sector.fill(0);
        }
    }
}

fn settle(file: &mut FileContent) {
    file.synced = Arc::clone(&file.current);
    file.pending.clear();
}
