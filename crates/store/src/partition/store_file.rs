//! Reading blocks of a document store that may have rotted.
//!
//! A block says in its first four bytes how long it is inflated, and the engine makes room for
//! that before it looks any further: a flipped bit could ask for 4 GiB. Here every block is
//! compared with what can be inside it before the engine sees it.
//!
//! ```text
//! file := blocks, their index, store footer, engine's footer, length of that u32, magic u32
//! block := inflated bytes u32, zstd frame (which says them again) or lz4 block
//! store footer := version u32, bytes of all blocks u64, codec u8, reserved 15
//! ```

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tantivy::HasLen;
use tantivy::directory::{FileHandle, OwnedBytes};

/// How the names of document stores end.
const EXTENSION: &str = "store";

/// Bytes of the engine's last two fields.
const ENGINE_TAIL_BYTES: usize = 8;
const STORE_FOOTER_BYTES: usize = 28;
/// Where the store footer says how many bytes all blocks have.
const BLOCKS_BYTES_AT: Range<usize> = 4..12;

/// Bytes that one byte of an lz4 block can stand for at most.
const LZ4_GROWTH_MAX: u64 = 255;

/// A document store whose blocks are looked at before they are handed out.
#[derive(Debug)]
struct StoreFile {
    inner: Arc<dyn FileHandle>,
    blocks_bytes: usize,
}

/// Returns the handle of a file through which no block of a document store asks for more than it
/// can hold. Any other file is left to the engine.
pub(super) fn guard(path: &std::path::Path, inner: Arc<dyn FileHandle>) -> Arc<dyn FileHandle> {
    if path.extension().is_none_or(|extension| extension != EXTENSION) {
        return inner;
    }
    match blocks_bytes(inner.as_ref()) {
        Some(blocks_bytes) => Arc::new(StoreFile { inner, blocks_bytes }),
        None => inner,
    }
}

/// Returns how many bytes at the beginning of a document store are blocks.
fn blocks_bytes(file: &dyn FileHandle) -> Option<usize> {
    let end = file.len();
    let tail = file.read_bytes(end.checked_sub(ENGINE_TAIL_BYTES)?..end).ok()?;
    let engine_bytes = u32::from_le_bytes(*tail.as_slice().first_chunk()?) as usize;
    let end = end.checked_sub(ENGINE_TAIL_BYTES)?.checked_sub(engine_bytes)?;
    let footer = file.read_bytes(end.checked_sub(STORE_FOOTER_BYTES)?..end).ok()?;
    let bytes = footer.as_slice().get(BLOCKS_BYTES_AT)?.first_chunk()?;
    usize::try_from(u64::from_le_bytes(*bytes)).ok().filter(|bytes| *bytes <= end)
}

/// Tells whether the block at the start of some bytes can be as long as it says.
fn is_possible(bytes: &[u8]) -> bool {
    let Some((claimed, block)) = bytes.split_first_chunk() else { return true };
    let claimed = u64::from(u32::from_le_bytes(*claimed));
    match zstd::zstd_safe::get_frame_content_size(block) {
        Ok(Some(bytes)) => bytes == claimed,
        // No frame of zstd.
        Ok(None) | Err(_) => claimed <= (block.len() as u64).saturating_mul(LZ4_GROWTH_MAX),
    }
}

impl HasLen for StoreFile {
    fn len(&self) -> usize {
        self.inner.len()
    }
}

impl FileHandle for StoreFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let is_block = range.end <= self.blocks_bytes;
        let bytes = self.inner.read_bytes(range)?;
        if is_block && !is_possible(&bytes) {
            let problem = "a block of the document store cannot be as long as it says";
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tantivy::Directory as _;
    use tantivy::directory::RamDirectory;
    use tantivy::store::{Compressor, ZstdCompressor};

    use super::*;
    use crate::schema::{index_fields, schema};

    /// Returns the document store of an index with a block or more of a codec.
    fn store(codec: Compressor) -> Vec<u8> {
        let settings = tantivy::IndexSettings {
            docstore_compression: codec,
            docstore_blocksize: 1 << 10,
            ..tantivy::IndexSettings::default()
        };
        let files = RamDirectory::create();
        let created = tantivy::Index::create(files.clone(), schema(), settings);
        let mut index = created.expect("an index");
        crate::schema::register_analyzer(&mut index);
        let mut writer = index.writer_with_num_threads(1, 15 << 20).expect("a writer");
        for _ in 0..200 {
            let mut document = tantivy::TantivyDocument::default();
            document.add_bytes(
                index_fields().stored,
                "words that nothing else says, again and again".as_bytes(),
            );
            writer.add_document(document).expect("added");
        }
        writer.commit().expect("committed");
        let segment = index.searchable_segments().expect("segments").remove(0);
        let path = segment.relative_path(tantivy::index::SegmentComponent::Store);
        let handle = files.get_file_handle(&path).expect("a file");
        handle.read_bytes(0..handle.len()).expect("bytes").as_slice().to_vec()
    }

    fn read_first(bytes: Vec<u8>, block_bytes: usize) -> io::Result<OwnedBytes> {
        let inner: Arc<dyn FileHandle> = Arc::new(OwnedBytes::new(bytes));
        guard(Path::new("segment.store"), inner).read_bytes(0..block_bytes)
    }

    #[test]
    fn no_flipped_bit_makes_room_for_more_than_a_block_can_hold() {
        let zstd = Compressor::Zstd(ZstdCompressor { compression_level: Some(1) });
        for codec in [Compressor::Lz4, zstd] {
            let whole = store(codec);
            let block_bytes = blocks_bytes(&OwnedBytes::new(whole.clone())).expect("blocks");
            assert!(block_bytes > 0 && block_bytes < whole.len());
            assert!(read_first(whole.clone(), block_bytes).is_ok(), "{codec:?}");
            for bit in 0..32 {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let claimed = u32::from_le_bytes(*flipped.first_chunk().expect("a length"));
                if let Ok(block) = read_first(flipped, block_bytes) {
                    let most = block.len() as u64 * LZ4_GROWTH_MAX;
                    assert!(u64::from(claimed) <= most, "{codec:?} bit {bit}: {claimed}");
                }
            }
            // Bytes behind the blocks are not taken for a block.
            let file = guard(Path::new("segment.store"), Arc::new(OwnedBytes::new(whole.clone())));
            assert!(file.read_bytes(0..whole.len()).is_ok());
            assert!(file.read_bytes(block_bytes..whole.len()).is_ok());
        }
    }
}
