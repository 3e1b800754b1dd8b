//! What a power cut leaves of the simulated disk.

use super::tree::{Change, FileContent, Inode, Tree};

/// Disks write whole sectors: a torn write is whole in some and absent in others.
const SECTOR_BYTES: usize = 512;

/// What happens to everything that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// All of it is lost.
    DropUnsynced,
    /// All of it is still there and still unsynced: the process was killed, the machine was not.
    ProcessOnly,
    /// Chosen by a seed, file by file and directory by directory: names may be lost or kept;
    /// of a file's changes some survive, the next one is torn at any byte, and sometimes
    /// sectors inside it read as zeros.
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
        Crash::Torn { seed } => Some(Choices(seed)),
    };
    for inode in tree.inodes_mut() {
        match (inode, choices.as_mut()) {
            (Inode::File(file), Some(choices)) => tear(file, choices),
            (Inode::File(file), None) => {
                file.current = file.synced.clone();
                settle(file);
            }
            (Inode::Directory(directory), choices) => {
                if choices.is_some_and(|choices| choices.below(2) == 0) {
                    directory.synced = directory.current.clone();
                } else {
                    directory.current = directory.synced.clone();
                }
            }
        }
    }
}

fn tear(file: &mut FileContent, choices: &mut Choices) {
    let mut content = file.synced.clone();
    let kept_count = choices.below(file.pending.len() + 1);
    for change in file.pending.iter().take(kept_count) {
        change.apply(&mut content);
    }
    if let Some(Change::Write { offset, bytes }) = file.pending.get(kept_count) {
        let torn = bytes.iter().take(choices.below(bytes.len() + 1)).copied().collect();
        let start = content.len();
        Change::Write { offset: *offset, bytes: torn }.apply(&mut content);
        if choices.below(3) == 0 {
            zero_sectors(&mut content, start, choices);
        }
    }
    file.current = content;
    settle(file);
}

/// Sectors of an unsynced write reach the disk in any order: some may not have.
fn zero_sectors(content: &mut [u8], start: usize, choices: &mut Choices) {
    let Some(torn) = content.get_mut(start..) else { return };
    for sector in torn.chunks_mut(SECTOR_BYTES) {
        if choices.below(2) == 0 {
            sector.fill(0);
        }
    }
}

fn settle(file: &mut FileContent) {
    file.synced = file.current.clone();
    file.pending.clear();
}

/// SplitMix64: enough for choices, and the same on every machine.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}
