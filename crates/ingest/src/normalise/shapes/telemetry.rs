//! OpenTelemetry's and Datadog's ways of writing a record as one object.

use super::super::duration::Unit;
use super::super::level::LevelScale;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has, Text};
use super::shape::{Shape, epoch, field, level, level_on, message};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "opentelemetry",
        about: "OpenTelemetry's data model: console exporters, collectors' transformed records",
        signs: &[Has("body"), Any(&["severity_number", "SeverityNumber"])],
        ..Shape::PLAIN
    },
    Shape {
        name: "otlp-json",
        about: "a LogRecord of OTLP/JSON on a line of its own",
        signs: &[Has("timeUnixNano"), Has("body.stringValue")],
        fields: &[
            epoch("timeUnixNano", Unit::Nanoseconds),
            epoch("observedTimeUnixNano", Unit::Nanoseconds),
            level_on("severityNumber", LevelScale::OpenTelemetry),
            level("severityText"),
            message("body.stringValue"),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "otel-go-stdout",
        about: "OpenTelemetry Go's stdoutlog exporter",
        signs: &[Has("Body.Value"), Has("ObservedTimestamp")],
        fields: &[
            level_on("Severity", LevelScale::OpenTelemetry),
            level("SeverityText"),
            message("Body.Value"),
            field("TraceID", Target::TraceId),
            field("SpanID", Target::SpanId),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "datadog",
        about: "Datadog's intake format, as its agents and log forwarders send it",
        signs: &[Has("ddsource"), Text("message")],
        fields: &[level("status"), field("hostname", Target::Host)],
        durations: Some(Unit::Nanoseconds),
        wraps: Some("message"),
    },
    Shape {
        name: "datadog-injected",
        about: "any library with Datadog's trace ids injected",
        signs: &[Has("dd.trace_id"), Has("dd.span_id")],
        durations: Some(Unit::Nanoseconds),
        ..Shape::PLAIN
    },
];
