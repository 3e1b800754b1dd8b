//! Rust: tracing-subscriber's JSON formats.

use super::super::targets::Target;
use super::shape::Sign::{Has, Text};
use super::shape::{Shape, field, message};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "tracing",
        about: "tracing-subscriber's json()",
        signs: &[Has("fields.message"), Text("target"), Text("level")],
        fields: &[
            message("fields.message"),
            field("target", Target::Logger),
            field("fields.error", Target::ErrorMessage),
            field("span.request_id", Target::RequestId),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "tracing-flat",
        about: "tracing-subscriber's json() with flatten_event",
        signs: &[Text("target"), Text("level"), Has("timestamp"), Has("message")],
        fields: &[field("target", Target::Logger)],
        ..Shape::PLAIN
    },
];
