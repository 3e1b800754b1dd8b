//! Databases and search servers: MongoDB, PostgreSQL, MySQL, Elasticsearch.

use super::super::duration::Unit;
use super::super::level::LevelScale;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has};
use super::shape::{Shape, duration, epoch, field, level, level_on, message, time};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "mongodb",
        about: "MongoDB 4.4 and later",
        signs: &[Has("t.$date"), Has("s"), Has("c"), Has("msg")],
        fields: &[
            time("t.$date"),
            level_on("s", LevelScale::Letters),
            field("c", Target::Logger),
            message("msg"),
            duration("attr.durationMillis", Unit::Milliseconds),
            field("attr.remote", Target::ClientIp),
            field("attr.error.codeName", Target::ErrorType),
            field("attr.error.errmsg", Target::ErrorMessage),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "postgresql",
        about: "PostgreSQL's jsonlog",
        signs: &[Has("error_severity"), Any(&["backend_type", "session_id", "line_num"])],
        fields: &[
            level("error_severity"),
            field("remote_host", Target::ClientIp),
            field("backend_type", Target::Logger),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "mysql",
        about: "MySQL's JSON error log",
        signs: &[Has("err_symbol"), Has("prio"), Has("label")],
        fields: &[
            epoch("ts", Unit::Milliseconds),
            level("label"),
            field("subsystem", Target::Logger),
            field("err_symbol", Target::ErrorType),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "elasticsearch",
        about: "Elasticsearch 7 and OpenSearch, server and slow logs",
        signs: &[Has("cluster.name"), Has("node.name"), Has("component")],
        fields: &[
            field("component", Target::Logger),
            field("node.name", Target::Host),
            duration("took_millis", Unit::Milliseconds),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "elasticsearch-ecs",
        about: "Elasticsearch 8 and later",
        signs: &[Has("elasticsearch.node.name"), Has("@timestamp"), Has("ecs.version")],
        fields: &[
            field("elasticsearch.node.name", Target::Host),
            duration("elasticsearch.slowlog.took_millis", Unit::Milliseconds),
            message("elasticsearch.slowlog.message"),
        ],
        ..Shape::PLAIN
    },
];
