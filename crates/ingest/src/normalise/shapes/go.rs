//! Go: zap, slog, zerolog, apex/log, hclog, klog.

use super::super::duration::Unit;
use super::super::targets::Target;
use super::shape::Sign::{At, Capitals, FromEnd, Has, Lacks, Number, Text};
use super::shape::{Shape, duration, field, level, message, time};

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "zap",
        about: "zap's production configuration",
        signs: &[Number("ts"), Text("level"), Has("msg")],
        // Its duration encoder writes seconds unless told otherwise.
        durations: Some(Unit::Seconds),
        ..Shape::PLAIN
    },
    Shape {
        name: "zap-iso",
        about: "zap with times as text: etcd, Kubernetes' controllers",
        signs: &[Text("ts"), Text("level"), Has("msg"), Has("caller")],
        durations: Some(Unit::Seconds),
        ..Shape::PLAIN
    },
    Shape {
        name: "slog",
        about: "log/slog's JSONHandler",
        signs: &[At(0, "time"), At(1, "level"), Capitals("level"), Has("msg")],
        durations: Some(Unit::Nanoseconds),
        ..Shape::PLAIN
    },
    Shape {
        name: "zerolog",
        about: "zerolog",
        signs: &[FromEnd(1, "time"), FromEnd(0, "message"), At(0, "level")],
        durations: Some(Unit::Milliseconds),
        ..Shape::PLAIN
    },
    Shape {
        name: "apex",
        about: "apex/log's JSON handler",
        signs: &[Has("fields.duration"), Text("level"), Has("timestamp"), Has("message")],
        fields: &[duration("fields.duration", Unit::Milliseconds)],
        ..Shape::PLAIN
    },
    Shape {
        name: "hclog",
        about: "hclog: Vault, Nomad, Consul, Terraform",
        signs: &[Has("@module"), Has("@level"), Has("@message")],
        fields: &[
            time("@timestamp"),
            level("@level"),
            message("@message"),
            field("@module", Target::Logger),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "klog",
        about: "Kubernetes components with --logging-format=json",
        signs: &[Number("ts"), Has("v"), Has("msg"), Lacks("level")],
        durations: Some(Unit::Nanoseconds),
        ..Shape::PLAIN
    },
];
