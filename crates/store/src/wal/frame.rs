//! Bytes of a frame; see the drawing in [`super`].
//!
//! No file is read here, and no length is trusted before a comparison with the bytes at hand.

use bytes::{Buf as _, BufMut as _, Bytes};
use tierlog_model::{
    BatchId, ProducerId, Redacted, RedactedBatch, RetryKey, SenderId, Span, Tenant, Timestamp,
};

use super::error::FrameError;
use super::settings::{FRAME_PAYLOAD_BYTES_MAX, WalCodec};

/// Bytes of a frame before its id.
pub(super) const FRAME_HEADER_BYTES: usize = PREFIX_BYTES + FIXED_BYTES;

/// `length` and `crc`, which `length` does not count.
const PREFIX_BYTES: usize = 8;
/// Fixed fields that `length` counts.
const FIXED_BYTES: usize = 48;
const ZSTD_LEVEL: i32 = 1;
const CODEC_RAW: u8 = 0;
const CODEC_ZSTD: u8 = 1;
const KEY_NONE: u8 = 0;
const KEY_BATCH: u8 = 1;
const KEY_LINES: u8 = 2;
const FLAG_DURABLE_BEFORE: u8 = 1;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Batch = 1,
    Window = 2,
}

/// What the writer knew of the bytes before a frame when it wrote the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// All bytes before were durable: unreadable ones among them are damage.
    Durable,
    /// Some of them may not have been: a power cut may have torn them and spared the frame.
    Unknown,
}

/// The fixed part of a frame, plausible but not yet checksummed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Bytes of the whole frame.
    pub(super) total_bytes: u64,
    pub(super) seq: u64,
    pub(super) record_count: u32,
    pub(super) written_at: Timestamp,
    pub(super) kind: FrameKind,
    pub(super) before: Before,
    pub(super) sender: SenderId,
    /// Where the moments of the records lie; only of a batch frame.
    pub(super) span: Span,
    crc: u32,
    raw_length: usize,
    codec: WalCodec,
    key: u8,
    tenant_bytes: usize,
}

/// A frame whose checksum is right.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) header: FrameHeader,
    /// Key, tenant and payload.
    body: Bytes,
}

/// Header fields of a new frame.
struct Fields {
    kind: FrameKind,
    seq: u64,
    written_at: Timestamp,
    record_count: u32,
    before: Before,
    sender: SenderId,
    span: Span,
    tenant: Tenant,
    key: Option<RetryKey>,
}

/// Appends a frame of a batch to a buffer.
pub(super) fn encode_batch(
    buffer: &mut Vec<u8>,
    (seq, before): (u64, Before),
    written_at: Timestamp,
    batch: &RedactedBatch,
    codec: WalCodec,
) {
    let fields = Fields {
        kind: FrameKind::Batch,
        seq,
        written_at,
        record_count: batch.record_count(),
        before,
        sender: batch.sender(),
        span: batch.span().unwrap_or(Span::of(written_at)),
        tenant: batch.tenant(),
        key: batch.retry_key(),
    };
    encode(buffer, &fields, batch.bytes(), codec);
}

/// Appends a frame of the retry window to a buffer.
pub(super) fn encode_window(buffer: &mut Vec<u8>, seq: u64, written_at: Timestamp, payload: &[u8]) {
    let fields = Fields {
        kind: FrameKind::Window,
        seq,
        written_at,
        record_count: 0,
        before: Before::Unknown,
        sender: SenderId::default(),
        span: Span::of(written_at),
        tenant: Tenant::DEFAULT,
        key: None,
    };
    encode(buffer, &fields, payload, WalCodec::Raw);
}

fn encode(buffer: &mut Vec<u8>, fields: &Fields, payload: &[u8], codec: WalCodec) {
    assert!(payload.len() <= FRAME_PAYLOAD_BYTES_MAX, "the writer bounds payloads");
    let compressed = match codec {
        WalCodec::Raw => None,
        WalCodec::Zstd => zstd::bulk::compress(payload, ZSTD_LEVEL)
            .ok()
            .filter(|compressed| compressed.len() < payload.len()),
    };
    let codec_byte = if compressed.is_some() { CODEC_ZSTD } else { CODEC_RAW };
    let stored = compressed.as_deref().unwrap_or(payload);
    let key = match fields.key {
        None => KEY_NONE,
        Some(RetryKey::Batch(_)) => KEY_BATCH,
        Some(RetryKey::Lines { .. }) => KEY_LINES,
    };
    let key_bytes = key_bytes(key).unwrap_or_default();
    let tenant = stored_tenant(fields.tenant);
    let length = (FIXED_BYTES + key_bytes + tenant.len() + stored.len()) as u32;
    buffer.put_u32_le(length);
    let crc_offset = buffer.len();
    buffer.put_u32_le(0);
    let checked_offset = buffer.len();
    buffer.put_u64_le(fields.seq);
    buffer.put_i64_le(fields.written_at.as_micros());
    buffer.put_u32_le(fields.record_count);
    buffer.put_u32_le(payload.len() as u32);
    buffer.put_u8(fields.kind as u8);
    buffer.put_u8(codec_byte);
    buffer.put_u8(key);
    buffer.put_u8(match fields.before {
        Before::Durable => FLAG_DURABLE_BEFORE,
        Before::Unknown => 0,
    });
    buffer.put_u16_le(fields.sender.number());
    buffer.put_u8(tenant.len() as u8);
    buffer.put_u8(0);
    buffer.put_i64_le(fields.span.earliest.as_micros());
    buffer.put_i64_le(fields.span.latest.as_micros());
    match &fields.key {
        None => {}
        Some(RetryKey::Batch(id)) => buffer.put_slice(id.as_bytes()),
        Some(RetryKey::Lines { producer, last }) => {
            buffer.put_slice(producer.as_bytes());
            buffer.put_u64_le(*last);
        }
    }
    buffer.put_slice(tenant.as_bytes());
    buffer.put_slice(stored);
    let crc = checksum(length, buffer.get(checked_offset..).unwrap_or_default());
    if let Some(slot) = buffer.get_mut(crc_offset..checked_offset) {
        slot.copy_from_slice(&crc.to_le_bytes());
    }
}

/// Returns the name of a tenant as a frame holds it: the default tenant costs no byte.
fn stored_tenant(tenant: Tenant) -> &'static str {
    if tenant == Tenant::DEFAULT { "" } else { tenant.name() }
}

/// Returns the length of a key of some kind; `None` for an unknown kind.
fn key_bytes(kind: u8) -> Option<usize> {
    match kind {
        KEY_NONE => Some(0),
        KEY_BATCH => Some(BatchId::BYTES),
        KEY_LINES => Some(BatchId::BYTES + size_of::<u64>()),
        _ => None,
    }
}

/// The length is covered too: a frame cannot be cut or stretched unseen.
fn checksum(length: u32, rest: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), rest)
}

/// Reads the fixed part of a frame, refusing what cannot be one.
pub(super) fn parse_header(bytes: &[u8]) -> Result<FrameHeader, FrameError> {
    let Some(mut fields) = bytes.get(..FRAME_HEADER_BYTES) else {
        return Err(FrameError::Incomplete);
    };
    let length = fields.get_u32_le() as usize;
    let crc = fields.get_u32_le();
    let seq = fields.get_u64_le();
    let written_at = fields.get_i64_le();
    let record_count = fields.get_u32_le();
    let raw_length = fields.get_u32_le() as usize;
    let kind = match fields.get_u8() {
        1 => FrameKind::Batch,
        2 => FrameKind::Window,
        _ => return Err(FrameError::Unknown),
    };
    let codec = match fields.get_u8() {
        CODEC_RAW => WalCodec::Raw,
        CODEC_ZSTD => WalCodec::Zstd,
        _ => return Err(FrameError::Unknown),
    };
    let key = fields.get_u8();
    let key_bytes = key_bytes(key).ok_or(FrameError::Unknown)?;
    let before = match fields.get_u8() {
        0 => Before::Unknown,
        FLAG_DURABLE_BEFORE => Before::Durable,
        _ => return Err(FrameError::Unknown),
    };
    let sender = SenderId::from_number(fields.get_u16_le());
    let tenant_bytes = usize::from(fields.get_u8());
    let zero = fields.get_u8();
    let mut moment = || Timestamp::from_micros_clamped(fields.get_i64_le());
    let span = Span { earliest: moment(), latest: moment() };
    let stored_length =
        length.checked_sub(FIXED_BYTES + key_bytes + tenant_bytes).ok_or(FrameError::Length)?;
    let plausible = match codec {
        WalCodec::Raw => stored_length == raw_length,
        WalCodec::Zstd => stored_length < raw_length,
    };
    let numbered = seq.checked_add(u64::from(record_count)).is_some();
    if !plausible || !numbered || zero != 0 || raw_length > FRAME_PAYLOAD_BYTES_MAX {
        return Err(FrameError::Length);
    }
    Ok(FrameHeader {
        total_bytes: (PREFIX_BYTES + length) as u64,
        seq,
        record_count,
        written_at: Timestamp::from_micros_clamped(written_at),
        kind,
        before,
        sender,
        span,
        crc,
        raw_length,
        codec,
        key,
        tenant_bytes,
    })
}

impl FrameHeader {
    /// Returns the number after the frame's last record.
    pub(super) fn end_seq(&self) -> u64 {
        self.seq.saturating_add(u64::from(self.record_count))
    }
}

impl Frame {
    /// Checks the bytes of a whole frame against its header's checksum.
    pub(super) fn check(header: FrameHeader, bytes: &[u8]) -> Result<Frame, FrameError> {
        let length = header.total_bytes as usize - PREFIX_BYTES;
        let rest = bytes.get(PREFIX_BYTES..PREFIX_BYTES + length).ok_or(FrameError::Incomplete)?;
        if checksum(length as u32, rest) != header.crc {
            return Err(FrameError::Checksum);
        }
        let body = Bytes::copy_from_slice(rest.get(FIXED_BYTES..).unwrap_or_default());
        Ok(Frame { header, body })
    }

    /// Returns by what the batch is recognised when it is sent again.
    pub(super) fn retry_key(&self) -> Result<Option<RetryKey>, FrameError> {
        let id = || self.body.first_chunk().copied().ok_or(FrameError::RetryKey);
        Ok(match self.header.key {
            KEY_BATCH => Some(RetryKey::Batch(BatchId::from_bytes(id()?))),
            KEY_LINES => {
                let mut line = self.body.get(BatchId::BYTES..).unwrap_or_default();
                let last = line.try_get_u64_le().map_err(|_| FrameError::RetryKey)?;
                Some(RetryKey::Lines { producer: ProducerId::from_bytes(id()?), last })
            }
            _ => None,
        })
    }

    fn key_bytes(&self) -> usize {
        key_bytes(self.header.key).unwrap_or_default()
    }

    /// Returns the tenant of the frame's records.
    pub(super) fn tenant(&self) -> Result<Tenant, FrameError> {
        let start = self.key_bytes();
        let name = self.body.get(start..start + self.header.tenant_bytes);
        match name.ok_or(FrameError::Length)? {
            [] => Ok(Tenant::DEFAULT),
            name => std::str::from_utf8(name)
                .ok()
                .and_then(|name| Tenant::define(name).ok())
                .ok_or(FrameError::Tenant),
        }
    }

    /// Returns the payload as it was before compression.
    pub(super) fn payload(&self) -> Result<Bytes, FrameError> {
        let start = self.key_bytes() + self.header.tenant_bytes;
        if self.body.len() < start {
            return Err(FrameError::Length);
        }
        let stored = self.body.slice(start..);
        match self.header.codec {
            WalCodec::Raw => Ok(stored),
            WalCodec::Zstd => {
                let raw = zstd::bulk::decompress(&stored, self.header.raw_length)
                    .map_err(|_| FrameError::Decompress)?;
                if raw.len() == self.header.raw_length {
                    Ok(Bytes::from(raw))
                } else {
                    Err(FrameError::Decompress)
                }
            }
        }
    }

    /// Returns the batch of a batch frame, every record of it checked.
    pub(super) fn batch(&self) -> Result<RedactedBatch, FrameError> {
        let id = match self.retry_key()? {
            Some(RetryKey::Batch(id)) => Some(id),
            // The producer matters to arriving lines only; the records are the same.
            Some(RetryKey::Lines { .. }) | None => None,
        };
        let batch = RedactedBatch::from_wal(
            self.payload()?,
            self.header.record_count,
            id,
            Redacted::vouch(),
        )?;
        Ok(batch.with_sender(self.header.sender).of_tenant(self.tenant()?))
    }
}

/// Returns a frame of any bytes behind the checksum, with the checksum that they need.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn frame_around(rest: &[u8]) -> Vec<u8> {
    let length = rest.len() as u32;
    let mut frame = Vec::with_capacity(PREFIX_BYTES + rest.len());
    frame.put_u32_le(length);
    frame.put_u32_le(checksum(length, rest));
    frame.put_slice(rest);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tierlog_model::{LinesBefore, ProducerLines};

    use super::super::tests::batch_of;
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
        Frame::check(parse_header(bytes)?, bytes)
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_as_written(
            seq in 0..u64::MAX / 2,
            texts in prop::collection::vec(".{0,200}", 0..6),
            id in prop::option::of("[!-.0-~]{1,128}"),
            tenant in "[a-c0_-]{1,2}|default",
            compressed: bool,
        ) {
            let tenant = Tenant::define(&tenant).expect("a name");
            let batch = batch_of(&texts, id.as_deref()).with_sender(SenderId::from_number(7));
            let batch = batch.of_tenant(tenant);
            let codec = if compressed { WalCodec::Zstd } else { WalCodec::Raw };
            let mut bytes = Vec::new();
            encode_batch(&mut bytes, (seq, Before::Durable), Timestamp::MIN, &batch, codec);
            let frame = decode(&bytes).expect("a frame");
            prop_assert_eq!(frame.header.total_bytes, bytes.len() as u64);
            prop_assert_eq!(frame.header.seq, seq);
            prop_assert_eq!(frame.header.written_at, Timestamp::MIN);
            prop_assert_eq!(frame.header.before, Before::Durable);
            prop_assert_eq!(frame.header.span, batch.span().unwrap_or(Span::of(Timestamp::MIN)));
            prop_assert_eq!(frame.header.sender, batch.sender());
            let back = frame.batch().expect("a batch");
            prop_assert_eq!(back.bytes(), batch.bytes());
            prop_assert_eq!(back.id(), batch.id());
            prop_assert_eq!(back.tenant(), tenant);
        }

        #[test]
        fn any_bytes_are_refused_without_panic(bytes: Vec<u8>) {
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_frame_keeps_whose_lines_it_holds() {
        let producer = ProducerId::of_client(Tenant::DEFAULT, "shop").expect("a name");
        let lines = ProducerLines { producer, first: 8, before: LinesBefore::Durable };
        let batch = batch_of(&["one", "two"], None).with_lines(lines);
        let mut bytes = Vec::new();
        let place = (5, Before::Unknown);
        encode_batch(&mut bytes, place, Timestamp::default(), &batch, WalCodec::Raw);
        let frame = decode(&bytes).expect("a frame");
        assert_eq!(frame.retry_key().expect("a key"), batch.retry_key());
        let back = frame.batch().expect("a batch");
        assert_eq!((back.bytes(), back.id()), (batch.bytes(), None));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut bytes = Vec::new();
        let batch = batch_of(&["one", "two"], Some("retry-1"));
        let batch = batch.of_tenant(Tenant::define("shop").expect("a name"));
        let place = (5, Before::Unknown);
        encode_batch(&mut bytes, place, Timestamp::default(), &batch, WalCodec::Raw);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(decode(&[0; 64]).is_err(), "zeros are no frame");
    }
}
