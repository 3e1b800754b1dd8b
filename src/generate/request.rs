//! A request in flight: user, service, resource and outcome.

use super::event::{Event, User};
use super::fact::Facts;
use super::random::Random;
use super::vocabulary::{Endpoint, SERVICES, Service, WORKERS};

/// ln 200,000: how many users there are.
const LN_USERS: f64 = 12.206_072_645_530_174;

/// A user of every file, for a tour that asks by name.
const KNOWN_USER: u32 = 4_242;
/// Every so many requests is the known user's.
const KNOWN_USER_EVERY: u64 = 1_999;
/// The first request of the known user: early enough for short files.
const KNOWN_USER_FIRST: u64 = 7;

/// Of a thousand requests: how many have 1, 2, ... 6 lines. 2.85 lines on average.
const LINES_PER_MILLE: [u32; 6] = [220, 250, 220, 150, 100, 60];

/// One request, of which some lines are still to be written.
pub(super) struct Request {
    /// Shared by its lines: a UUID or 32 hexadecimal digits.
    pub(super) id: String,
    /// OpenTelemetry's trace id.
    pub(super) trace_id: String,
    /// Who asked.
    pub(super) user: User,
    /// Who was asked.
    pub(super) service: &'static Service,
    /// Where it runs.
    pub(super) host: &'static str,
    /// What was asked for.
    pub(super) endpoint: &'static Endpoint,
    /// Path with its ids; empty for a background task.
    pub(super) path: String,
    /// The outcome; 500 stands for the failure of a background task.
    pub(super) status: u16,
    /// How long it takes, hundredths of a millisecond.
    pub(super) duration_hundredths: u64,
    /// What its lines speak about.
    pub(super) facts: Facts,
    /// Lines to come.
    pub(super) lines_left: u32,
    /// How far its clock is behind: lines come nearly, not exactly, in the order of time.
    pub(super) skew_micros: i64,
    /// Whether a background worker writes some of its lines.
    hands_over: HandsOver,
}

/// Whether a request is continued by a background worker under the same id.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HandsOver {
    Never,
    Sometimes,
}

impl Request {
    /// Draws a new request; `number` counts them.
    pub(super) fn draw(random: &mut Random, number: u64) -> Request {
        let service = draw_service(random);
        let endpoint = random.pick_skewed(service.endpoints);
        let mut facts = Facts::draw(random);
        facts.draw_line(random);
        let mut path = String::from(endpoint.before);
        if let Some(fact) = endpoint.id {
            facts.push(fact, &mut path);
        }
        path.push_str(endpoint.after);
        let status = draw_status(random, endpoint);
        let median_ms = f64::from(endpoint.median_ms) * if status >= 500 { 3.0 } else { 1.0 };
        let hands_over =
            if random.per_mille(120) { HandsOver::Sometimes } else { HandsOver::Never };
        Request {
            id: draw_id(random),
            trace_id: hex_text(random, 32),
            user: draw_user(random, number),
            service,
            host: random.word(service.hosts),
            endpoint,
            path,
            status,
            duration_hundredths: (random.log_normal(median_ms, 0.7) * 100.0) as u64 + 1,
            facts,
            lines_left: draw_line_count(random),
            skew_micros: i64::from(random.below(50_000)),
            hands_over,
        }
    }

    /// Returns who writes the next line, and where.
    pub(super) fn draw_writer(&self, random: &mut Random) -> (&'static Service, &'static str) {
        let hands_over = self.hands_over == HandsOver::Sometimes && self.lines_left > 1;
        match SERVICES.get(WORKERS) {
            Some(workers) if hands_over && random.per_mille(500) => {
                (workers, random.word(workers.hosts))
            }
            _ => (self.service, self.host),
        }
    }

    /// Writes what the next line says into an event.
    pub(super) fn next_event(&mut self, random: &mut Random, event: &mut Event) {
        self.facts.draw_line(random);
        match self.lines_left {
            1 => event.complete(self),
            2 if self.status >= 500 => event.fail(random, &self.facts),
            _ => event.happen(random, &self.facts),
        }
        self.lines_left -= 1;
    }
}

fn draw_service(random: &mut Random) -> &'static Service {
    let mut left = random.below(100);
    for service in SERVICES {
        if left < service.share {
            return service;
        }
        left -= service.share;
    }
    random.pick(SERVICES)
}

fn draw_line_count(random: &mut Random) -> u32 {
    let mut left = random.below(1_000);
    for (count, share) in (1..).zip(LINES_PER_MILLE) {
        if left < share {
            return count;
        }
        left -= share;
    }
    1
}

fn draw_status(random: &mut Random, endpoint: &Endpoint) -> u16 {
    match random.below(1_000) {
        0..880 if endpoint.method == Some("POST") => *random.pick_skewed(&[201, 200, 302]),
        0..880 => 200,
        880..910 => *random.pick(&[304, 302, 204]),
        910..975 => *random.pick_skewed(&[404, 400, 401, 403, 429, 422]),
        _ => *random.pick_skewed(&[500, 502, 503]),
    }
}

fn draw_user(random: &mut Random, number: u64) -> User {
    if number % KNOWN_USER_EVERY == KNOWN_USER_FIRST {
        return User::Number(KNOWN_USER);
    }
    match random.below(1_000) {
        0..150 => User::Anonymous,
        150..153 => {
            let mut name = String::from("stu-");
            random.hex(14, &mut name);
            User::Name(name)
        }
        _ => User::Number(random.zipf(LN_USERS)),
    }
}

fn hex_text(random: &mut Random, digits: usize) -> String {
    let mut text = String::with_capacity(digits);
    random.hex(digits, &mut text);
    text
}

/// Draws a UUID of version 4, or, for one request in three, 32 digits without dashes.
fn draw_id(random: &mut Random) -> String {
    if random.per_mille(333) {
        return hex_text(random, 32);
    }
    let mut id = String::with_capacity(36);
    random.uuid(&mut id);
    id
}
