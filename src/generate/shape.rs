//! Gives an event the shape of the library that its service logs with.

use tierlog_model::Level;

use super::event::{Event, User};
use super::json::Members;
use super::moment::MomentWriter;
use super::request::Request;
use super::vocabulary::Shape;

/// Writes events as lines.
#[derive(Default)]
pub(super) struct LineWriter {
    moments: MomentWriter,
}

impl LineWriter {
    /// Appends one line, newline included.
    pub(super) fn write(
        &mut self,
        event: &Event,
        request: &Request,
        micros: i64,
        out: &mut Vec<u8>,
    ) {
        out.push(b'{');
        let mut members = Members::new(out, event.style());
        match event.service.shape {
            Shape::PythonIso => self.python_iso(event, request, micros, &mut members),
            Shape::PythonAsctime => self.python_asctime(event, request, micros, &mut members),
            Shape::Structlog => self.structlog(event, request, micros, &mut members),
            Shape::Pino => pino(event, request, micros, &mut members),
            Shape::OpenTelemetry => self.open_telemetry(event, request, micros, &mut members),
        }
        out.extend_from_slice(b"}\n");
    }

    fn python_iso(
        &mut self,
        event: &Event,
        request: &Request,
        micros: i64,
        members: &mut Members<'_>,
    ) {
        members.plain_text("timestamp", |out| {
            self.moments.push_iso(out, micros);
            out.extend_from_slice(b"+00:00");
        });
        python_rest(event, request, members);
    }

    fn python_asctime(
        &mut self,
        event: &Event,
        request: &Request,
        micros: i64,
        members: &mut Members<'_>,
    ) {
        members.plain_text("asctime", |out| self.moments.push_asctime(out, micros));
        members.literal("taskName", "null");
        python_rest(event, request, members);
    }

    fn structlog(
        &mut self,
        event: &Event,
        request: &Request,
        micros: i64,
        members: &mut Members<'_>,
    ) {
        let (logger, _, _) = event.place;
        members.text("event", &event.message);
        members.text("level", event.level.as_str());
        members.plain_text("timestamp", |out| {
            self.moments.push_iso(out, micros);
            out.push(b'Z');
        });
        members.text("logger", logger);
        members.text("service", event.service.name);
        members.text("host", event.host);
        members.text("correlation_id", &request.id);
        user(members, "user_id", &request.user);
        members.append(&event.fields);
        if !event.traceback.is_empty() {
            members.text("error_type", event.error_type);
            members.text("exception", &event.traceback);
        }
    }

    fn open_telemetry(
        &mut self,
        event: &Event,
        request: &Request,
        micros: i64,
        members: &mut Members<'_>,
    ) {
        let (logger, _, _) = event.place;
        let (severity_text, severity_number) = severity(event.level);
        members.plain_text("timestamp", |out| {
            self.moments.push_iso(out, micros);
            out.push(b'Z');
        });
        members.text("severity_text", severity_text);
        members.number("severity_number", severity_number);
        members.text("body", &event.message);
        members.text("trace_id", &request.trace_id);
        members.object("resource", |resource| {
            resource.text("service.name", event.service.name);
            resource.text("host.name", event.host);
        });
        members.object("attributes", |attributes| {
            attributes.text("request_id", &request.id);
            user(attributes, "user_id", &request.user);
            attributes.text("code.namespace", logger);
            attributes.append(&event.fields);
            if !event.traceback.is_empty() {
                attributes.text("exception.type", event.error_type);
                attributes.text("exception.stacktrace", &event.traceback);
            }
        });
    }
}

/// Writes what both Python formatters have in common.
fn python_rest(event: &Event, request: &Request, members: &mut Members<'_>) {
    let (logger, file, line) = event.place;
    members.text("levelname", python_level(event.level));
    members.text("name", logger);
    members.text("message", &event.message);
    members.text("pathname", file);
    members.number("lineno", u64::from(line));
    members.text("service", event.service.name);
    members.text("host", event.host);
    members.text("request_id", &request.id);
    user(members, "user_id", &request.user);
    members.append(&event.fields);
    if !event.traceback.is_empty() {
        members.text("error_type", event.error_type);
        members.text("exc_info", &event.traceback);
    }
}

fn pino(event: &Event, request: &Request, micros: i64, members: &mut Members<'_>) {
    members.number("level", pino_level(event.level));
    members.number("time", micros.max(0) as u64 / 1_000);
    members.number("pid", 17);
    members.text("hostname", event.host);
    members.text("service", event.service.name);
    members.text("reqId", &request.id);
    user(members, "userId", &request.user);
    members.append(&event.fields);
    if !event.traceback.is_empty() {
        members.object("err", |error| {
            error.text("type", event.error_type);
            error.text("stack", &event.traceback);
        });
    }
    members.text("msg", &event.message);
}

fn user(members: &mut Members<'_>, name: &str, user: &User) {
    match user {
        User::Anonymous => members.literal(name, "null"),
        User::Number(number) => members.number(name, u64::from(*number)),
        User::Name(text) => members.text(name, text),
    }
}

fn python_level(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
        Level::Critical => "CRITICAL",
    }
}

fn pino_level(level: Level) -> u64 {
    match level {
        Level::Debug => 20,
        Level::Info => 30,
        Level::Warning => 40,
        Level::Error => 50,
        Level::Critical => 60,
    }
}

fn severity(level: Level) -> (&'static str, u64) {
    match level {
        Level::Debug => ("DEBUG", 5),
        Level::Info => ("INFO", 9),
        Level::Warning => ("WARN", 13),
        Level::Error => ("ERROR", 17),
        Level::Critical => ("FATAL", 21),
    }
}
