//! Encodings, bombs and damage, whatever the pieces are in which bodies arrive and are read.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

/// Cap of the bodies below.
const LIMIT: usize = 1_000;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn bare(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 3).expect("memory takes all")
}

/// Inflates a body that arrives in pieces of a size, into windows of a size.
fn inflate(
    body: &[u8],
    encoding: Encoding,
    received_bytes: usize,
    window_bytes: usize,
) -> Result<Vec<u8>, InflateError> {
    let mut inflater = Inflater::new(encoding, LIMIT);
    let (mut plain, mut window) = (Vec::new(), Vec::new());
    let mut received = body.chunks(received_bytes);
    loop {
        let filled = inflater.fill(&mut window, window_bytes)?;
        assert!(window.len() <= window_bytes, "a window of {} bytes", window.len());
        match filled {
            Filled::Starving => match received.next() {
                Some(received) => inflater.give(Bytes::copy_from_slice(received)),
                None => inflater.end(),
            },
            Filled::Whole => {
                assert_eq!(window.len(), window_bytes, "a window that is not whole");
                plain.append(&mut window);
            }
            Filled::Finished => {
                plain.append(&mut window);
                return Ok(plain);
            }
        }
    }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "a table writes values")]
fn check(body: &[u8], encoding: Encoding, expected: Result<&[u8], InflateError>) {
    for received_bytes in [1, 7, body.len().max(1)] {
        for window_bytes in [1, 100, 5_000] {
            let plain = inflate(body, encoding, received_bytes, window_bytes);
            let expected = expected.clone().map(<[u8]>::to_vec);
            assert_eq!(plain, expected, "{received_bytes} {window_bytes}");
        }
    }
}

#[test]
fn every_encoding_gives_the_text_back() {
    let text = b"{\"a\":1}\n";
    check(text, Encoding::Identity, Ok(text));
    check(&gzip(text), Encoding::Gzip, Ok(text));
    check(&zstd(text), Encoding::Zstd, Ok(text));
    check(&zlib(text), Encoding::Deflate, Ok(text));
    check(&bare(text), Encoding::Deflate, Ok(text));
    check(b"", Encoding::Identity, Ok(b""));
}

#[test]
fn several_members_and_frames_are_one_body() {
    check(&[gzip(b"a"), gzip(b"b")].concat(), Encoding::Gzip, Ok(b"ab"));
    check(&[zstd(b"a"), zstd(b"b")].concat(), Encoding::Zstd, Ok(b"ab"));
}

#[test]
fn frames_that_say_how_long_they_are_are_read_at_once() {
    let text: Vec<u8> = (0..900_u32).map(|number| (number * number / 7) as u8).collect();
    let whole = |text: &[u8]| zstd::bulk::compress(text, 3).expect("memory takes all");
    let body = whole(&text);
    let mut window = b"before ".to_vec();
    assert!(inflate_at_once(&body, text.len(), &mut window));
    assert_eq!(window, [b"before ", text.as_slice()].concat());
    assert!(!inflate_at_once(&body, text.len() - 1, &mut window));
    check(&body, Encoding::Zstd, Ok(&text));
    let too_large = Err(InflateError::TooLarge { limit: LIMIT });
    check(&whole(&[b'0'; LIMIT + 1]), Encoding::Zstd, too_large);
    check(&[whole(b"a"), whole(b"b")].concat(), Encoding::Zstd, Ok(b"ab"));
    let cut = body.get(..body.len() - 9).expect("longer");
    check(cut, Encoding::Zstd, Err(InflateError::Corrupt("zstd")));
    // Two bytes behind the magic number and the descriptor say how long it is.
    let mut lie = body.clone();
    *lie.get_mut(5).expect("a header") ^= 1;
    check(&lie, Encoding::Zstd, Err(InflateError::Corrupt("zstd")));
}

#[test]
fn bombs_stop_at_the_cap() {
    let bomb = vec![b'0'; 5_000_000];
    let too_large = || Err(InflateError::TooLarge { limit: LIMIT });
    check(&gzip(&bomb), Encoding::Gzip, too_large());
    check(&zlib(&bomb), Encoding::Deflate, too_large());
    check(&zstd(&bomb), Encoding::Zstd, too_large());
    check(&vec![b'0'; LIMIT + 1], Encoding::Identity, too_large());
    check(&[gzip(&[b'0'; 600]), gzip(&[b'0'; 600])].concat(), Encoding::Gzip, too_large());
    check(&gzip(&[b'0'; LIMIT]), Encoding::Gzip, Ok(&[b'0'; LIMIT]));
}

#[test]
fn a_huge_zstd_window_is_refused_by_its_name() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(27).expect("a window");
    encoder.long_distance_matching(true).expect("a setting");
    encoder.write_all(&[b'0'; 100]).expect("memory takes all");
    let body = encoder.finish().expect("memory takes all");
    let refused = InflateError::WindowTooLarge { limit: 8 << 20 };
    assert_eq!(refused.to_string(), "zstd window is larger than 8388608 bytes");
    check(&body, Encoding::Zstd, Err(refused));
}

#[test]
fn damaged_bodies_are_told() {
    for (encoding, body, name) in [
        (Encoding::Gzip, gzip(b"some text that is long enough"), "gzip"),
        (Encoding::Deflate, zlib(b"some text that is long enough"), "deflate"),
        (Encoding::Deflate, bare(b"some text that is long enough"), "deflate"),
        (Encoding::Zstd, zstd(b"some text that is long enough"), "zstd"),
    ] {
        for cut in [1, body.len() / 2, body.len() - 1] {
            let cut = body.get(..cut).expect("shorter");
            check(cut, encoding, Err(InflateError::Corrupt(name)));
        }
    }
    check(b"plain", Encoding::Zstd, Err(InflateError::Corrupt("zstd")));
    check(
        b"plain text that is longer than a header",
        Encoding::Gzip,
        Err(InflateError::Corrupt("gzip")),
    );
    check(b"\xff\xff", Encoding::Deflate, Err(InflateError::Corrupt("deflate")));
}

#[test]
fn header_values_name_one_encoding() {
    assert_eq!(Encoding::of_header("GZIP"), Some(Encoding::Gzip));
    assert_eq!(Encoding::of_header("gzip, gzip"), None);
    assert_eq!(Encoding::of_header("br"), None);
}

proptest! {
    #[test]
    fn a_text_comes_back_however_it_arrives(
        text in prop::collection::vec(0_u8..4, 0..LIMIT),
        received_bytes in 1_usize..200,
        window_bytes in 1_usize..1_500,
    ) {
        let bodies = [
            (Encoding::Identity, text.clone()),
            (Encoding::Gzip, gzip(&text)),
            (Encoding::Deflate, zlib(&text)),
            (Encoding::Deflate, bare(&text)),
            (Encoding::Zstd, zstd(&text)),
            (Encoding::Zstd, zstd::bulk::compress(&text, 1).expect("memory takes all")),
        ];
        for (encoding, body) in bodies {
            let plain = inflate(&body, encoding, received_bytes, window_bytes);
            prop_assert_eq!(plain.as_deref(), Ok(text.as_slice()));
        }
    }

    /// Whether bytes are a body depends neither on how they arrive nor on how they are read.
    #[test]
    fn any_bytes_end_alike(
        body: Vec<u8>,
        received_bytes in 1_usize..20,
        window_bytes in 1_usize..20,
    ) {
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd] {
            let whole = inflate(&body, encoding, body.len().max(1), LIMIT + 1);
            prop_assert_eq!(inflate(&body, encoding, received_bytes, window_bytes), whole);
        }
    }
}
