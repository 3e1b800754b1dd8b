//! The content of a line, before a logging library gives the line a shape.

use tierlog_model::Level;

use super::fact::Facts;
use super::happening::{
    CRITICAL, DEBUG, ERROR, FAILURES, Failure, Happening, INFO, Part, Place, WARNING,
};
use super::json::{Members, Style};
use super::leak;
use super::random::Random;
use super::request::Request;
use super::vocabulary::{Service, Shape};

/// Of a thousand lines in the middle of a request: how many hold planted personal data.
const LEAKS_PER_MILLE: u32 = 62;

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// Nobody who is logged in.
    Anonymous,
    /// A user by number.
    Number(u32),
    /// A user by name, unique enough to be searched for in files.
    Name(String),
}

/// A line's content. Reused from line to line.
pub(super) struct Event {
    /// Severity.
    pub(super) level: Level,
    /// Who writes it.
    pub(super) service: &'static Service,
    /// Where that runs.
    pub(super) host: &'static str,
    /// Where in the code.
    pub(super) place: Place,
    /// The message.
    pub(super) message: String,
    /// Members of the line's object besides the shape's own, in the shape's style.
    pub(super) fields: Vec<u8>,
    /// Class of the exception, if there is one.
    pub(super) error_type: &'static str,
    /// The traceback, or nothing.
    pub(super) traceback: String,
    /// Kind and text of what was planted.
    pub(super) planted: Vec<(&'static str, String)>,
}

impl Event {
    /// Returns an event with nothing in it.
    pub(super) fn new(service: &'static Service, host: &'static str) -> Event {
        Event {
            level: Level::Info,
            service,
            host,
            place: ("", "", 0),
            message: String::new(),
            fields: Vec::new(),
            error_type: "",
            traceback: String::new(),
            planted: Vec::new(),
        }
    }

    /// Empties the event for the next line.
    pub(super) fn start(&mut self, writer: (&'static Service, &'static str)) {
        (self.service, self.host) = writer;
        self.message.clear();
        self.fields.clear();
        self.error_type = "";
        self.traceback.clear();
        self.planted.clear();
    }

    /// Returns how the service's library writes JSON.
    pub(super) fn style(&self) -> Style {
        match self.service.shape {
            Shape::PythonIso | Shape::PythonAsctime | Shape::Structlog => Style::Python,
            Shape::Pino | Shape::OpenTelemetry => Style::Compact,
        }
    }

    /// Returns a writer that adds fields.
    pub(super) fn members(&mut self) -> Members<'_> {
        let style = self.style();
        Members::more(&mut self.fields, style)
    }

    /// Makes this the last line of a request.
    pub(super) fn complete(&mut self, request: &Request) {
        self.level = match request.status {
            500.. => Level::Error,
            400.. => Level::Warning,
            _ => Level::Info,
        };
        match request.endpoint.method {
            Some(method) => self.complete_call(request, method),
            None => self.complete_task(request),
        }
    }

    fn complete_call(&mut self, request: &Request, method: &'static str) {
        self.place = ("lms.requests", "/app/lms/requests.py", 47);
        for part in [method, " ", &request.path, " answered ", &request.status.to_string()] {
            self.message.push_str(part);
        }
        let address = address(&request.user);
        let style = self.style();
        let shape = self.service.shape;
        let mut members = Members::more(&mut self.fields, style);
        match shape {
            Shape::PythonIso | Shape::PythonAsctime | Shape::Structlog => {
                members.text("endpoint", request.endpoint.name);
                members.text("method", method);
                members.text("path", &request.path);
                members.number("status_code", u64::from(request.status));
                members.hundredths("duration_ms", request.duration_hundredths);
                members.text("ip_address", &address);
            }
            Shape::Pino => {
                members.object("req", |req| {
                    req.text("method", method);
                    req.text("url", &request.path);
                    req.text("remoteAddress", &address);
                });
                members.object("res", |res| {
                    res.number("statusCode", u64::from(request.status));
                });
                members.text("endpoint", request.endpoint.name);
                members.hundredths("responseTime", request.duration_hundredths);
            }
            Shape::OpenTelemetry => {
                members.text("http.request.method", method);
                members.text("url.path", &request.path);
                members.text("http.route", request.endpoint.name);
                members.number("http.response.status_code", u64::from(request.status));
                members.hundredths("duration_ms", request.duration_hundredths);
                members.text("client.address", &address);
            }
        }
    }

    fn complete_task(&mut self, request: &Request) {
        self.place = ("celery.app.trace", "/venv/lib/celery/app/trace.py", 128);
        let outcome = if request.status >= 500 { "failed" } else { "succeeded" };
        for part in ["Task ", request.endpoint.name, " ", outcome] {
            self.message.push_str(part);
        }
        let mut members = self.members();
        members.text("endpoint", request.endpoint.name);
        members.text("outcome", outcome);
        members.hundredths("duration_ms", request.duration_hundredths);
    }

    /// Fills an ordinary or a leaking line in the middle of a request.
    pub(super) fn happen(&mut self, random: &mut Random, facts: &Facts) {
        if random.per_mille(LEAKS_PER_MILLE) {
            return leak::plant(self, random);
        }
        // Together with the last lines of requests: 15, 70, 10, 4 and 0.5 of a hundred lines.
        let (level, table) = match random.below(1_000) {
            0..236 => (Level::Debug, DEBUG),
            236..853 => (Level::Info, INFO),
            853..956 => (Level::Warning, WARNING),
            956..976 => return self.fail(random, facts),
            976..991 => (Level::Error, ERROR),
            _ => (Level::Critical, CRITICAL),
        };
        self.level = level;
        self.say(random.pick_skewed(table), facts);
    }

    fn say(&mut self, happening: &Happening, facts: &Facts) {
        self.place = happening.place;
        push_parts(happening.message, facts, &mut self.message);
        let mut members = self.members();
        for (name, fact) in happening.fields {
            facts.write(name, *fact, &mut members);
        }
    }

    /// Makes this a line with a traceback.
    pub(super) fn fail(&mut self, random: &mut Random, facts: &Facts) {
        let failure: &Failure = random.pick_skewed(FAILURES);
        self.level = Level::Error;
        self.place = failure.place;
        self.error_type = failure.class;
        self.message.push_str("Internal error: ");
        self.message.push_str(failure.class);
        let (function, statement) = failure.frame;
        self.trace(function, statement);
        push_parts(failure.text, facts, &mut self.traceback);
    }

    /// Writes a traceback that ends with the exception's class; its text is appended after.
    pub(super) fn trace(&mut self, function: &str, statement: &str) {
        use std::fmt::Write as _;
        let (_, file, line) = self.place;
        let class = self.error_type;
        let written = write!(
            self.traceback,
            "Traceback (most recent call last):\n  \
             File \"/venv/lib/django/core/handlers/exception.py\", line 55, in inner\n    \
             response = get_response(request)\n  \
             File \"{file}\", line {line}, in {function}\n    \
             {statement}\n\
             {class}: "
        );
        debug_assert!(written.is_ok(), "a String takes any text");
    }
}

fn push_parts(parts: &[Part], facts: &Facts, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Of(fact) => facts.push(*fact, out),
        }
    }
}

/// Returns the address that a user comes from: always the same, and inside the company's range.
fn address(user: &User) -> String {
    let number = match user {
        User::Anonymous => 0,
        User::Number(number) => *number,
        User::Name(name) => name.len() as u32,
    };
    format!("10.{}.{}.{}", 20 + number % 3, number / 7 % 250, 1 + number % 251)
}
