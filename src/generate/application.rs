//! The learning platform: moments arrive, the lines of its requests leave.
//!
//! Lines belong to requests of one to six lines that share a request id and overlap in time.
//! Users follow Zipf's law, durations are log-normal. Four lines of a hundred hold something that
//! must be redacted, and the manifest is told each of them.

use super::event::{Event, User};
use super::random::Random;
use super::request::Request;
use super::shape::LineWriter;
use super::{Planted, Searchable, vocabulary};

/// Requests that overlap: enough that the lines of most are apart, few enough that the last
/// lines of a file leave few requests unfinished.
const REQUESTS_IN_FLIGHT: usize = 24;

/// Requests in flight and what is reused from line to line.
pub(super) struct Application {
    random: Random,
    requests: Vec<Request>,
    request_count: u64,
    event: Event,
    writer: LineWriter,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Application")
            .field("request_count", &self.request_count)
            .finish_non_exhaustive()
    }
}

impl Application {
    /// Returns the platform before its first line.
    pub(super) fn new(mut random: Random) -> Application {
        let requests: Vec<Request> = (0..REQUESTS_IN_FLIGHT as u64)
            .map(|number| Request::draw(&mut random, number))
            .collect();
        let service = random.pick(vocabulary::SERVICES);
        Application {
            random,
            requests,
            request_count: REQUESTS_IN_FLIGHT as u64,
            event: Event::new(service, ""),
            writer: LineWriter::default(),
        }
    }

    /// Appends a line of a moment; clocks that are behind write no earlier than the earliest.
    pub(super) fn next_line(
        &mut self,
        (moment, earliest): (i64, i64),
        out: &mut Vec<u8>,
        line: u64,
        manifest: &mut impl FnMut(Planted),
    ) {
        let slot = self.random.below(REQUESTS_IN_FLIGHT as u32) as usize;
        let request = self.requests.get_mut(slot).expect("a slot is below the number of requests");
        self.event.start(request.draw_writer(&mut self.random));
        request.next_event(&mut self.random, &mut self.event);
        let micros = (moment - request.skew_micros).max(earliest);
        self.writer.write(&self.event, request, micros, out);
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
    }
}
