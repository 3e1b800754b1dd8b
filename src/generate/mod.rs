//! Realistic sample logs: a seed arrives, the JSON lines of a learning platform leave, with a
//! manifest of the personal data planted in them.
//!
//! The same settings give the same bytes on every machine, so a test, a bench and a bug report
//! speak of the same file. Nothing here reads a clock, a file or the environment.
//!
//! Lines belong to requests of one to six lines that share a request id and overlap in time.
//! Users follow Zipf's law, durations are log-normal. Of a hundred lines about 15 are DEBUG, 70
//! INFO, 10 WARNING, 4 ERROR and half a line CRITICAL; four hold something that must be redacted.

mod event;
mod fact;
mod happening;
mod json;
mod leak;
mod moment;
mod random;
mod request;
mod secret;
mod shape;
#[cfg(test)]
mod tests;
mod vocabulary;

use std::time::Duration;

use serde::Serialize;
use tierlog_model::Timestamp;

use event::{Event, User};
use random::Random;
use request::Request;
use shape::LineWriter;

/// Requests that overlap: enough that the lines of most are apart, few enough that the last
/// lines of a file leave few requests unfinished.
const REQUESTS_IN_FLIGHT: usize = 24;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorSettings {
    /// How many lines.
    pub lines: u64,
    /// What makes one file differ from another.
    pub seed: u64,
    /// No line is earlier.
    pub start: Timestamp,
    /// Every line is earlier than the start plus this.
    pub span: Duration,
}

/// A value in a generated line that must never be found on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// What it is: `email`, `card`, `secret`, ...; `user_id` for a user's name.
    pub kind: &'static str,
    /// The text exactly as the line holds it.
    pub value: String,
    /// Number of the line, from 1.
    pub line: u64,
    /// Whether a search for the value must still find the line (a user id, by its pseudonym).
    #[serde(skip_serializing_if = "Searchable::is_no")]
    pub searchable: Searchable,
}

/// See [`Planted::searchable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "bool")]
pub enum Searchable {
    /// Nothing may find it.
    No,
    /// A search by its field finds it.
    Yes,
}

impl Searchable {
    fn is_no(&self) -> bool {
        *self == Searchable::No
    }
}

impl From<Searchable> for bool {
    fn from(searchable: Searchable) -> bool {
        searchable == Searchable::Yes
    }
}

/// Writes the lines of one file, one at a time.
pub struct Generator {
    settings: GeneratorSettings,
    random: Random,
    requests: Vec<Request>,
    request_count: u64,
    line_count: u64,
    event: Event,
    writer: LineWriter,
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Generator")
            .field("settings", &self.settings)
            .field("line_count", &self.line_count)
            .finish_non_exhaustive()
    }
}

impl Generator {
    /// Returns a generator before its first line.
    pub fn new(settings: GeneratorSettings) -> Generator {
        let mut random = Random::from_seed(settings.seed);
        let requests: Vec<Request> = (0..REQUESTS_IN_FLIGHT as u64)
            .map(|number| Request::draw(&mut random, number))
            .collect();
        let service = random.pick(vocabulary::SERVICES);
        Generator {
            settings,
            random,
            requests,
            request_count: REQUESTS_IN_FLIGHT as u64,
            line_count: 0,
            event: Event::new(service, ""),
            writer: LineWriter::default(),
        }
    }

    /// Appends the next line, newline included, and reports what was planted in it. Tells
    /// whether there was a line left.
    pub fn next_line(&mut self, out: &mut Vec<u8>, manifest: &mut impl FnMut(Planted)) -> bool {
        if self.line_count == self.settings.lines {
            return false;
        }
        let slot = self.random.below(REQUESTS_IN_FLIGHT as u32) as usize;
        let moment = self.moment();
        let request = self.requests.get_mut(slot).expect("a slot is below the number of requests");
        self.event.start(request.draw_writer(&mut self.random));
        request.next_event(&mut self.random, &mut self.event);
        let micros = (moment - request.skew_micros).max(self.settings.start.as_micros());
        self.writer.write(&self.event, request, micros, out);
        self.line_count += 1;
        let line = self.line_count;
        for (kind, value) in self.event.planted.drain(..) {
            manifest(Planted { kind, value, line, searchable: Searchable::No });
        }
        if let User::Name(name) = &request.user {
            let value = name.clone();
            manifest(Planted { kind: "user_id", value, line, searchable: Searchable::Yes });
        }
        if request.lines_left == 0 {
            *request = Request::draw(&mut self.random, self.request_count);
            self.request_count += 1;
        }
        true
    }

    /// Returns when the next line would be written if every clock were right.
    fn moment(&self) -> i64 {
        let GeneratorSettings { lines, start, span, .. } = self.settings;
        let offset = span.as_micros() * u128::from(self.line_count) / u128::from(lines.max(1));
        start.as_micros().saturating_add(i64::try_from(offset).unwrap_or(i64::MAX))
    }
}
