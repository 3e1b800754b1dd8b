//! The lines that everything is measured with.

use std::time::Duration;

use tierlog::generate::{Generator, GeneratorSettings};
use tierlog_model::{Clock as _, SystemClock};

use crate::shapes::sample_request_ids;

/// Bytes of one request or batch, as cut by senders.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Timestamps lie in the last hour, so that no tier refuses a line.
const SPAN: Duration = Duration::from_secs(3_600);

/// Every n-th request is looked up by its id.
const LINES_PER_SAMPLE: usize = 997;

/// Generated lines.
pub(crate) struct Corpus {
    /// How many lines.
    pub(crate) lines: u64,
    /// The lines.
    pub(crate) text: Vec<u8>,
    /// Request ids that are there.
    pub(crate) request_ids: Vec<String>,
}

impl Corpus {
    /// Generates lines.
    pub(crate) fn generate(lines: u64) -> Corpus {
        let start = SystemClock.now().saturating_add_micros(-(SPAN.as_micros() as i64));
        let settings = GeneratorSettings::application(lines, 1, start, SPAN);
        let mut generator = Generator::new(settings);
        let mut text = Vec::new();
        while generator.next_line(&mut text, &mut |_planted| {}) {}
        let request_ids = sample_request_ids(&text, LINES_PER_SAMPLE);
        Corpus { lines, text, request_ids }
    }

    /// Generates coloured and escaped lines.
    pub(crate) fn disguised(lines: usize) -> Corpus {
        let text: String =
            tierlog_corpus::disguised(1, lines).iter().map(|line| format!("{line}\n")).collect();
        Corpus { lines: lines as u64, text: text.into_bytes(), request_ids: Vec::new() }
    }

    /// Returns the lines in pieces of about a mebibyte.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.text[..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = match rest.get(CHUNK_BYTES..).and_then(|tail| memchr::memchr(b'\n', tail)) {
                Some(line_end) => CHUNK_BYTES + line_end + 1,
                None => rest.len(),
            };
            let (chunk, tail) = rest.split_at(end);
            rest = tail;
            Some(chunk)
        })
    }
}
