//! Ruby and PHP: lograge, Semantic Logger, Monolog under Laravel and Symfony.

use super::super::duration::Unit;
use super::super::level::LevelScale;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has};
use super::shape::{Becomes, Shape, duration, field, itself, level, level_on, rule, time};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "lograge",
        about: "Rails with lograge",
        signs: &[Has("controller"), Has("action"), Has("duration"), Has("format")],
        fields: &[
            duration("duration", Unit::Milliseconds),
            // Time in the view, where elsewhere it names the code that was called.
            itself("view"),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "semantic-logger",
        about: "Rails with Semantic Logger",
        signs: &[Has("level_index"), Has("level"), Has("name")],
        fields: &[
            field("exception.name", Target::ErrorType),
            field("exception.message", Target::ErrorMessage),
            field("payload.path", Target::Path),
            field("payload.method", Target::Method),
            field("payload.status", Target::StatusCode),
            field("payload.request_id", Target::RequestId),
            field("payload.remote_ip", Target::ClientIp),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "monolog",
        about: "Monolog's JsonFormatter: Laravel, Symfony",
        signs: &[Has("level_name"), Has("channel"), Any(&["datetime", "datetime.date"])],
        fields: &[
            time("datetime"),
            rule("datetime.date", Becomes::ZonedBy("datetime.timezone")),
            level("level_name"),
            level_on("level", LevelScale::Monolog),
            field("channel", Target::Logger),
            field("context.exception.class", Target::ErrorType),
            field("context.exception.message", Target::ErrorMessage),
            field("context.userId", Target::UserId),
            field("extra.ip", Target::ClientIp),
            field("extra.url", Target::Path),
            field("extra.http_method", Target::Method),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "monolog-logstash",
        about: "Monolog's LogstashFormatter",
        signs: &[Has("monolog_level"), Has("channel")],
        fields: &[
            level("level"),
            level_on("monolog_level", LevelScale::Monolog),
            field("channel", Target::Logger),
        ],
        ..Shape::PLAIN
    },
];
