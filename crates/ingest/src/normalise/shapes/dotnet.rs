//! .NET: Serilog's formatters and Microsoft.Extensions.Logging.

use super::super::duration::Unit;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has};
use super::shape::{Becomes, Shape, duration, field, level, message, rule, time};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "serilog-compact",
        about: "Serilog's CompactJsonFormatter and RenderedCompactJsonFormatter",
        signs: &[Has("@t"), Any(&["@mt", "@m"])],
        fields: &[
            time("@t"),
            level("@l"),
            message("@m"),
            rule("@mt", Becomes::Template("")),
            field("@x", Target::Stacktrace),
            field("@tr", Target::TraceId),
            field("@sp", Target::SpanId),
            field("SourceContext", Target::Logger),
            field("RequestPath", Target::Path),
            field("RequestMethod", Target::Method),
            field("MachineName", Target::Host),
            field("EnvironmentName", Target::Environment),
            // Serilog.AspNetCore's request log.
            duration("Elapsed", Unit::Milliseconds),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "serilog",
        about: "Serilog's JsonFormatter",
        signs: &[Has("MessageTemplate"), Has("Timestamp"), Has("Level")],
        fields: &[
            message("RenderedMessage"),
            rule("MessageTemplate", Becomes::Template("Properties")),
            field("Exception", Target::Stacktrace),
            field("Properties.SourceContext", Target::Logger),
            field("Properties.RequestPath", Target::Path),
            field("Properties.RequestMethod", Target::Method),
            field("Properties.StatusCode", Target::StatusCode),
            field("Properties.MachineName", Target::Host),
            field("Properties.Application", Target::Service),
            field("Properties.EnvironmentName", Target::Environment),
            duration("Properties.Elapsed", Unit::Milliseconds),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "dotnet-console",
        about: "Microsoft.Extensions.Logging's JSON console",
        signs: &[Has("LogLevel"), Has("Category"), Has("EventId")],
        fields: &[
            level("LogLevel"),
            message("Message"),
            field("Category", Target::Logger),
            field("Exception", Target::Stacktrace),
        ],
        ..Shape::PLAIN
    },
];
