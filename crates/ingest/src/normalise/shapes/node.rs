//! Node.js: pino, bunyan, winston's middleware.

use super::super::duration::Unit;
use super::super::targets::Target;
use super::shape::Sign::{Has, Lacks, Number};
use super::shape::{Shape, duration, field};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "pino",
        about: "pino, pino-http, Fastify, NestJS with nestjs-pino",
        signs: &[Has("pid"), Has("hostname"), Has("level"), Has("time"), Lacks("v")],
        fields: &[
            duration("responseTime", Unit::Milliseconds),
            field("err.type", Target::ErrorType),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "bunyan",
        about: "bunyan, ougai, tracing-bunyan-formatter",
        signs: &[Number("v"), Number("level"), Has("pid"), Has("hostname"), Has("name")],
        fields: &[field("err.name", Target::ErrorType)],
        ..Shape::PLAIN
    },
    Shape {
        name: "express-winston",
        about: "express-winston through winston's JSON format",
        signs: &[Has("meta.responseTime"), Has("meta.req.url")],
        fields: &[
            duration("meta.responseTime", Unit::Milliseconds),
            field("meta.req.url", Target::Path),
            field("meta.req.method", Target::Method),
            field("meta.res.statusCode", Target::StatusCode),
        ],
        ..Shape::PLAIN
    },
];
