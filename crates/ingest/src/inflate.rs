//! Compressed bodies become plain ones as they arrive, up to a cap. The only file with raw
//! decompressors: a few kilobytes can stand for gigabytes, so nothing else may inflate.
//!
//! Received bytes are given to an [`Inflater`], and plain bytes are asked of it: never more come
//! out than the caller has room for, and what was not asked for stays compressed. The memory of a
//! decompressor is bounded by its format ([`Inflater::decoder_bytes_max`]).

use std::io::{self, BufRead, Read};

use bytes::{Buf as _, Bytes, BytesMut};

/// Largest zstd window, as a power of two: 8 MiB, which RFC 8878 asks every decoder to support and
/// which `zstd -19` uses. A frame with a larger window is an attack on memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// What zstd holds beside its window: tables, and a block on its way in and out.
const ZSTD_TABLES_BYTES: usize = 512 << 10;

/// What inflating gzip and deflate holds: a window of 32 KiB, and tables.
const DEFLATE_BYTES: usize = 64 << 10;

/// How much longer compressed lines become, as a rule.
const INFLATED_FACTOR: usize = 16;

/// How a body is compressed (`Content-Encoding`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, one member or several.
    Gzip,
    /// zstd, one frame or several.
    Zstd,
    /// zlib; a bare deflate stream, which some clients send under this name, is read too.
    Deflate,
}

/// Why a body could not be inflated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InflateError {
    /// The body inflates to more than the cap.
    #[error("body inflates beyond {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: usize,
    },
    /// A zstd frame asks for a larger window than any decoder has to support.
    #[error("zstd window is larger than {limit} bytes")]
    WindowTooLarge {
        /// The largest window.
        limit: usize,
    },
    /// The compressed bytes are damaged or cut off.
    #[error("body is not valid {0}")]
    Corrupt(&'static str),
}

impl Encoding {
    /// Returns the encoding of a `Content-Encoding` value; `None` for an unknown one and for more
    /// than one, which only a bomb needs.
    pub(crate) fn of_header(value: &str) -> Option<Encoding> {
        Some(match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Encoding::Identity,
            "gzip" | "x-gzip" => Encoding::Gzip,
            "zstd" => Encoding::Zstd,
            "deflate" => Encoding::Deflate,
            _ => return None,
        })
    }
}

/// How far a window was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// To the length that was asked for.
    Whole,
    /// As far as the received bytes go: more of them must be given.
    Starving,
    /// To the end of the body.
    Finished,
}

/// Inflates one body.
pub(crate) struct Inflater {
    encoding: Encoding,
    decoder: Decoder,
    limit: usize,
    inflated_bytes: usize,
}

/// The decompressor, and in it the received bytes.
#[expect(clippy::disallowed_types, reason = "the one place where decompressors are capped")]
enum Decoder {
    /// No byte was asked for yet.
    Undecided(Feed),
    /// Nothing is compressed.
    Plain(Feed),
    Gzip(Box<flate2::bufread::MultiGzDecoder<Feed>>),
    Zlib(Box<flate2::bufread::ZlibDecoder<Feed>>),
    Bare(Box<flate2::bufread::DeflateDecoder<Feed>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Feed>>),
}

impl Inflater {
    /// Returns the inflater of a body that may inflate to so many bytes.
    pub(crate) fn new(encoding: Encoding, limit: usize) -> Inflater {
        let decoder = match encoding {
            Encoding::Identity => Decoder::Plain(Feed::default()),
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => {
                Decoder::Undecided(Feed::default())
            }
        };
        Inflater { encoding, decoder, limit, inflated_bytes: 0 }
    }

    /// Takes received bytes.
    pub(crate) fn give(&mut self, received: Bytes) {
        self.feed_mut().give(received);
    }

    /// Notes that the body has arrived whole.
    pub(crate) fn end(&mut self) {
        self.feed_mut().has_ended = true;
    }

    /// Tells whether the body has arrived whole.
    pub(crate) fn has_ended(&self) -> bool {
        self.feed().has_ended
    }

    /// Returns how many received bytes were not read yet.
    pub(crate) fn received_bytes(&self) -> usize {
        self.feed().byte_len()
    }

    /// Returns how many plain bytes the received ones become as a rule.
    pub(crate) fn expected_bytes(&self) -> usize {
        match self.encoding {
            Encoding::Identity => self.received_bytes(),
            Encoding::Gzip | Encoding::Zstd | Encoding::Deflate => {
                self.received_bytes().saturating_mul(INFLATED_FACTOR)
            }
        }
    }

    /// Returns the memory that the decompressor holds beside received and plain bytes.
    pub(crate) fn decoder_bytes(&self) -> usize {
        match &self.decoder {
            Decoder::Undecided(_) | Decoder::Plain(_) => 0,
            Decoder::Gzip(_) | Decoder::Zlib(_) | Decoder::Bare(_) | Decoder::Zstd(_) => {
                self.decoder_bytes_max()
            }
        }
    }

    /// Returns the most memory that decompressing holds beside received and plain bytes.
    pub(crate) fn decoder_bytes_max(&self) -> usize {
        match self.encoding {
            Encoding::Identity => 0,
            Encoding::Gzip | Encoding::Deflate => DEFLATE_BYTES,
            Encoding::Zstd => (1 << ZSTD_WINDOW_LOG_MAX) + ZSTD_TABLES_BYTES,
        }
    }

    /// Appends plain bytes to a window until it is so long. Whatever the sizes of the pieces that
    /// were given, the same body fills the window alike.
    pub(crate) fn fill(
        &mut self,
        window: &mut Vec<u8>,
        length: usize,
    ) -> Result<Filled, InflateError> {
        let missing = length.saturating_sub(window.len());
        if missing == 0 {
            return Ok(Filled::Whole);
        }
        // One byte more than the cap tells "exactly at the cap" from "beyond".
        let wanted = missing.min(self.limit.saturating_add(1) - self.inflated_bytes);
        let before = window.len();
        let outcome = match self.start(window, wanted)? {
            Started::No => return Ok(Filled::Starving),
            Started::AtOnce => Ok(0),
            Started::Yes => {
                let expected = self.expected_bytes();
                self.decoder.read_into(window, wanted, expected)
            }
        };
        self.inflated_bytes += window.len() - before;
        if self.inflated_bytes > self.limit {
            return Err(InflateError::TooLarge { limit: self.limit });
        }
        match outcome {
            Ok(_) if window.len() < length => Ok(Filled::Finished),
            Ok(_) => Ok(Filled::Whole),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Filled::Starving),
            Err(error) => Err(self.problem(&error)),
        }
    }

    /// Makes the decompressor, once there is enough to know which.
    fn start(&mut self, window: &mut Vec<u8>, wanted: usize) -> Result<Started, InflateError> {
        let Decoder::Undecided(feed) = &mut self.decoder else { return Ok(Started::Yes) };
        if !feed.has_ended && feed.byte_len() < HEAD_BYTES_MIN {
            return Ok(Started::No);
        }
        if self.encoding == Encoding::Zstd {
            let claimed = claimed_bytes(feed.whole());
            if claimed.is_some_and(|claimed| claimed > self.limit) {
                return Err(InflateError::TooLarge { limit: self.limit });
            }
            // Fast path: one whole frame with a known length.
            if let Some(claimed) = claimed.filter(|claimed| *claimed < wanted)
                && feed.has_ended
                && inflate_at_once(feed.whole(), claimed, window)
            {
                feed.clear();
                return Ok(Started::AtOnce);
            }
        }
        let feed = std::mem::take(feed);
        self.decoder = Decoder::of(self.encoding, feed)?;
        Ok(Started::Yes)
    }

    fn problem(&self, error: &io::Error) -> InflateError {
        match self.encoding {
            // zstd's name for a frame whose window is larger than we allow.
            Encoding::Zstd if error.to_string().contains("too much memory") => {
                InflateError::WindowTooLarge { limit: 1 << ZSTD_WINDOW_LOG_MAX }
            }
            Encoding::Zstd => InflateError::Corrupt("zstd"),
            Encoding::Gzip => InflateError::Corrupt("gzip"),
            Encoding::Deflate | Encoding::Identity => InflateError::Corrupt("deflate"),
        }
    }

    fn feed(&self) -> &Feed {
        match &self.decoder {
            Decoder::Undecided(feed) | Decoder::Plain(feed) => feed,
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zlib(decoder) => decoder.get_ref(),
            Decoder::Bare(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
        }
    }

    fn feed_mut(&mut self) -> &mut Feed {
        match &mut self.decoder {
            Decoder::Undecided(feed) | Decoder::Plain(feed) => feed,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zlib(decoder) => decoder.get_mut(),
            Decoder::Bare(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut(),
        }
    }
}

/// Whether there is something to read plain bytes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Started {
    /// Too little has arrived to tell.
    No,
    /// All of the body was inflated into the window.
    AtOnce,
    Yes,
}

/// Bytes that tell zlib from bare deflate, and hold the length that a zstd frame claims.
const HEAD_BYTES_MIN: usize = 18;

#[expect(clippy::disallowed_types, reason = "the one place where decompressors are capped")]
impl Decoder {
    fn of(encoding: Encoding, mut feed: Feed) -> Result<Decoder, InflateError> {
        Ok(match encoding {
            Encoding::Identity => Decoder::Plain(feed),
            Encoding::Gzip => Decoder::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(feed))),
            Encoding::Deflate if has_zlib_header(feed.whole()) => {
                Decoder::Zlib(Box::new(flate2::bufread::ZlibDecoder::new(feed)))
            }
            Encoding::Deflate => {
                Decoder::Bare(Box::new(flate2::bufread::DeflateDecoder::new(feed)))
            }
            Encoding::Zstd => {
                let corrupt = |_| InflateError::Corrupt("zstd");
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(feed).map_err(corrupt)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
                Decoder::Zstd(Box::new(decoder))
            }
        })
    }

    /// Reads so many plain bytes behind those of a window, or as many as there are.
    fn read_into(
        &mut self,
        window: &mut Vec<u8>,
        wanted: usize,
        expected: usize,
    ) -> io::Result<usize> {
        let mut source: &mut dyn Read = match self {
            Decoder::Undecided(feed) | Decoder::Plain(feed) => {
                return feed.move_into(window, wanted);
            }
            Decoder::Gzip(decoder) => decoder.as_mut(),
            Decoder::Zlib(decoder) => decoder.as_mut(),
            Decoder::Bare(decoder) => decoder.as_mut(),
            Decoder::Zstd(decoder) => decoder.as_mut(),
        };
        // Short bodies are many: room for what such a body becomes as a rule, and for more only
        // when that is not enough.
        let mut read = 0;
        for target in [expected.min(wanted), wanted] {
            window.reserve_exact(target - read);
            let asked = (target - read) as u64;
            read += (&mut source).take(asked).read_to_end(window)?;
            if read < target {
                break;
            }
        }
        Ok(read)
    }
}

/// Received bytes that were not read yet.
#[derive(Debug, Default)]
struct Feed {
    /// The next bytes to read, as received.
    front: Bytes,
    /// What follows, gathered: a body of many small pieces is held as one.
    rest: BytesMut,
    has_ended: bool,
}

impl Feed {
    fn give(&mut self, received: Bytes) {
        if self.byte_len() == 0 {
            self.front = received;
        } else {
            self.rest.extend_from_slice(&received);
        }
    }

    fn byte_len(&self) -> usize {
        self.front.len() + self.rest.len()
    }

    /// Returns all of it as one slice.
    fn whole(&mut self) -> &[u8] {
        if !self.rest.is_empty() {
            let mut whole = BytesMut::with_capacity(self.byte_len());
            whole.extend_from_slice(&self.front);
            whole.extend_from_slice(&self.rest);
            self.rest = BytesMut::new();
            self.front = whole.freeze();
        }
        &self.front
    }

    /// Moves bytes to the end of a window.
    fn move_into(&mut self, window: &mut Vec<u8>, wanted: usize) -> io::Result<usize> {
        let mut missing = wanted;
        while missing > 0 {
            let front = self.fill_buf()?;
            let moved = front.get(..missing).unwrap_or(front);
            if moved.is_empty() {
                break;
            }
            window.reserve_exact(moved.len());
            window.extend_from_slice(moved);
            let moved = moved.len();
            self.consume(moved);
            missing -= moved;
        }
        Ok(wanted - missing)
    }

    fn clear(&mut self) {
        self.front = Bytes::new();
        self.rest = BytesMut::new();
    }
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.front.is_empty() {
            self.front = std::mem::take(&mut self.rest).freeze();
        }
        if self.front.is_empty() && !self.has_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(&self.front)
    }

    fn consume(&mut self, bytes: usize) {
        self.front.advance(bytes.min(self.front.len()));
    }
}

impl Read for Feed {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let copied = self.fill_buf()?.read(room)?;
        self.consume(copied);
        Ok(copied)
    }
}

/// Returns how long the frame that a zstd body begins with says it is.
fn claimed_bytes(body: &[u8]) -> Option<usize> {
    let claimed = zstd::zstd_safe::get_frame_content_size(body).ok()??;
    Some(usize::try_from(claimed).unwrap_or(usize::MAX))
}

/// Inflates a zstd frame straight into a window, with no other memory. Leaves the window as it is
/// and returns `false` when the frame is not as it says.
fn inflate_at_once(body: &[u8], claimed: usize, window: &mut Vec<u8>) -> bool {
    let Ok(plain) = zstd::bulk::decompress(body, claimed) else { return false };
    if window.is_empty() {
        *window = plain;
    } else {
        window.extend_from_slice(&plain);
    }
    true
}

/// Tells whether bytes start with a zlib header: method 8 and a checksum that divides by 31.
fn has_zlib_header(body: &[u8]) -> bool {
    let Some(&[method, flags]) = body.first_chunk() else { return false };
    method & 0x0f == 8 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0
}

#[cfg(test)]
mod tests;
