//! Python: the standard library's logging with its JSON formatters, Django, structlog, loguru.

use super::super::duration::Unit;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has, Text};
use super::shape::{Becomes, Shape, field, level, message, rule, time};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "loguru",
        about: "loguru with serialize=True",
        signs: &[Has("record.level.name"), Has("record.time.timestamp")],
        fields: &[
            time("record.time.timestamp"),
            level("record.level.name"),
            message("record.message"),
            field("record.name", Target::Logger),
            field("record.exception.type", Target::ErrorType),
            field("record.exception.value", Target::ErrorMessage),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "python-json-logger",
        about: "Python's logging through python-json-logger, JSON-log-formatter and their like",
        signs: &[Has("levelname"), Has("message")],
        ..Shape::PLAIN
    },
    Shape {
        name: "python-log-record",
        about: "every attribute of Python's LogRecord",
        signs: &[Has("relativeCreated"), Has("created"), Has("levelname")],
        fields: &[time("created")],
        ..Shape::PLAIN
    },
    Shape {
        name: "django-sql",
        about: "Django's django.db.backends through a JSON formatter",
        signs: &[Has("sql"), Has("duration"), Any(&["params", "alias"])],
        durations: Some(Unit::Seconds),
        ..Shape::PLAIN
    },
    Shape {
        name: "django-request",
        about: "Django's django.request and django.server through a JSON formatter",
        signs: &[Text("request"), Has("status_code"), Has("levelname")],
        fields: &[rule("request", Becomes::RequestLine)],
        ..Shape::PLAIN
    },
    Shape {
        name: "django-structlog",
        about: "django-structlog's request middleware",
        signs: &[Text("request"), Has("event"), Any(&["code", "user_agent", "request_id"])],
        fields: &[
            message("event"),
            field("code", Target::StatusCode),
            rule("request", Becomes::RequestLine),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "powertools",
        about: "AWS Lambda Powertools",
        signs: &[Has("function_request_id"), Any(&["cold_start", "location", "xray_trace_id"])],
        fields: &[
            field("function_request_id", Target::RequestId),
            field("xray_trace_id", Target::TraceId),
            field("exception_name", Target::ErrorType),
        ],
        ..Shape::PLAIN
    },
];
