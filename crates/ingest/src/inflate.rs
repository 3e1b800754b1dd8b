//! Compressed bodies become plain ones, up to a cap. The only file with raw decompressors: a few
//! kilobytes can stand for gigabytes, so nothing else may inflate.

use std::io::Read;

use bytes::Bytes;

/// Largest zstd window, as a power of two: 8 MiB, which RFC 8878 asks every decoder to support
/// and which `zstd -19` uses. A frame that wants more wants our memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

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
    /// The body inflates to more than the cap, or asks for a larger window.
    #[error("body inflates beyond {limit} bytes")]
    TooLarge {
        /// The cap.
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

/// Inflates a body, stopping at the cap.
#[expect(clippy::disallowed_types, reason = "the one place where decompressors are capped")]
pub(crate) fn inflate(
    body: Bytes,
    encoding: Encoding,
    limit: usize,
) -> Result<Bytes, InflateError> {
    match encoding {
        Encoding::Identity if body.len() > limit => Err(InflateError::TooLarge { limit }),
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read_capped(flate2::read::MultiGzDecoder::new(&*body), limit, "gzip"),
        Encoding::Deflate if has_zlib_header(&body) => {
            read_capped(flate2::read::ZlibDecoder::new(&*body), limit, "deflate")
        }
        Encoding::Deflate => {
            read_capped(flate2::read::DeflateDecoder::new(&*body), limit, "deflate")
        }
        Encoding::Zstd => {
            // Fast path: one frame that says how long it is.
            if let Some(plain) = inflate_at_once(&body, limit) {
                return Ok(plain);
            }
            let corrupt = |_| InflateError::Corrupt("zstd");
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&*body).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
            read_capped(decoder, limit, "zstd")
        }
    }
}

/// Inflates a zstd frame straight into a buffer of the length that it claims: no window beside it
/// and no growing. `None` when it claims none, more than the cap, or something that is not true;
/// what a liar reserves is never touched.
fn inflate_at_once(body: &[u8], limit: usize) -> Option<Bytes> {
    let claimed = zstd::zstd_safe::get_frame_content_size(body).ok()??;
    let length = usize::try_from(claimed).ok().filter(|length| *length <= limit)?;
    zstd::bulk::decompress(body, length).ok().map(Bytes::from)
}

fn read_capped(
    decoder: impl Read,
    limit: usize,
    name: &'static str,
) -> Result<Bytes, InflateError> {
    let mut plain = Vec::new();
    // One byte more than the cap tells "exactly at the cap" from "beyond".
    let mut capped = decoder.take(limit as u64 + 1);
    if let Err(error) = capped.read_to_end(&mut plain) {
        // zstd's name for a frame whose window is larger than we allow.
        let wants_memory = error.to_string().contains("too much memory");
        return Err(match wants_memory {
            true => InflateError::TooLarge { limit },
            false => InflateError::Corrupt(name),
        });
    }
    if plain.len() > limit { Err(InflateError::TooLarge { limit }) } else { Ok(plain.into()) }
}

/// Tells whether bytes start with a zlib header: method 8 and a checksum that divides by 31.
fn has_zlib_header(body: &[u8]) -> bool {
    let Some(&[method, flags]) = body.first_chunk() else { return false };
    method & 0x0f == 8 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(text, 3).expect("memory takes all")
    }

    fn check(body: Vec<u8>, encoding: Encoding, expected: Result<&[u8], InflateError>) {
        let plain = inflate(body.into(), encoding, 1_000);
        assert_eq!(plain, expected.map(Bytes::copy_from_slice));
    }

    #[test]
    fn every_encoding_gives_the_text_back() {
        let text = b"{\"a\":1}\n";
        check(text.to_vec(), Encoding::Identity, Ok(text));
        check(gzip(text), Encoding::Gzip, Ok(text));
        check(zstd(text), Encoding::Zstd, Ok(text));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(text).expect("memory takes all");
        check(zlib.finish().expect("memory takes all"), Encoding::Deflate, Ok(text));
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(text).expect("memory takes all");
        check(bare.finish().expect("memory takes all"), Encoding::Deflate, Ok(text));
    }

    #[test]
    fn several_members_and_frames_are_one_body() {
        check([gzip(b"a"), gzip(b"b")].concat(), Encoding::Gzip, Ok(b"ab"));
        check([zstd(b"a"), zstd(b"b")].concat(), Encoding::Zstd, Ok(b"ab"));
    }

    #[test]
    fn frames_that_say_how_long_they_are_are_read_at_once() {
        let text: Vec<u8> = (0..900_u32).map(|number| (number * number / 7) as u8).collect();
        let whole = |text: &[u8]| zstd::bulk::compress(text, 3).expect("memory takes all");
        let body = whole(&text);
        assert_eq!(inflate_at_once(&body, text.len()).as_deref(), Some(text.as_slice()));
        assert_eq!(inflate_at_once(&body, text.len() - 1), None);
        check(body.clone(), Encoding::Zstd, Ok(&text));
        check(whole(&[b'0'; 1_001]), Encoding::Zstd, Err(InflateError::TooLarge { limit: 1_000 }));
        check([whole(b"a"), whole(b"b")].concat(), Encoding::Zstd, Ok(b"ab"));
        let cut = body.get(..body.len() - 9).expect("longer").to_vec();
        check(cut, Encoding::Zstd, Err(InflateError::Corrupt("zstd")));
        // Two bytes behind the magic number and the descriptor say how long it is.
        for byte in [5, 6] {
            let mut lie = body.clone();
            *lie.get_mut(byte).expect("a header") ^= 1;
            check(lie, Encoding::Zstd, Err(InflateError::Corrupt("zstd")));
        }
    }

    #[test]
    fn bombs_stop_at_the_cap() {
        let bomb = vec![b'0'; 50_000_000];
        let too_large = || Err(InflateError::TooLarge { limit: 1_000 });
        check(gzip(&bomb), Encoding::Gzip, too_large());
        check(zstd(&bomb), Encoding::Zstd, too_large());
        check(vec![b'0'; 1_001], Encoding::Identity, too_large());
        check([gzip(&[b'0'; 600]), gzip(&[b'0'; 600])].concat(), Encoding::Gzip, too_large());
        check(gzip(&[b'0'; 1_000]), Encoding::Gzip, Ok(&[b'0'; 1_000]));
    }

    #[test]
    fn a_huge_zstd_window_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
        encoder.window_log(27).expect("a window");
        encoder.long_distance_matching(true).expect("a setting");
        encoder.write_all(&[b'0'; 100]).expect("memory takes all");
        let body = encoder.finish().expect("memory takes all");
        check(body, Encoding::Zstd, Err(InflateError::TooLarge { limit: 1_000 }));
    }

    #[test]
    fn damaged_bodies_are_told() {
        let mut cut = gzip(b"some text that is long enough");
        cut.truncate(20);
        check(cut, Encoding::Gzip, Err(InflateError::Corrupt("gzip")));
        check(b"plain".to_vec(), Encoding::Zstd, Err(InflateError::Corrupt("zstd")));
        check(b"\xff\xff".to_vec(), Encoding::Deflate, Err(InflateError::Corrupt("deflate")));
    }

    #[test]
    fn header_values_name_one_encoding() {
        assert_eq!(Encoding::of_header("GZIP"), Some(Encoding::Gzip));
        assert_eq!(Encoding::of_header("gzip, gzip"), None);
        assert_eq!(Encoding::of_header("br"), None);
    }
}
