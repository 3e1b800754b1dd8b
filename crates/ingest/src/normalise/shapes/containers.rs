//! What runs and carries other programs' lines: Docker, Kubernetes, Fluent, journald, GELF.

use super::super::duration::Unit;
use super::super::level::LevelScale;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has, Is, Lacks, Number, Text};
use super::shape::{
    Becomes, Rule, Shape, duration, epoch, field, itself, level_on, message, rule, time,
};

/// Names under which Kubernetes' metadata says which service a pod runs.
const POD: [Rule; 5] = [
    message("log"),
    field("kubernetes.labels.app.kubernetes.io/name", Target::Service),
    field("kubernetes.labels.app", Target::Service),
    field("kubernetes.container_name", Target::Service),
    field("kubernetes.host", Target::Host),
];

/// GELF's own fields, and the usual names behind its underscore.
const GELF: [Rule; 19] = [
    time("timestamp"),
    level_on("level", LevelScale::Syslog),
    message("short_message"),
    rule("full_message", Becomes::Trace),
    field("_request_id", Target::RequestId),
    field("_correlation_id", Target::RequestId),
    field("_trace_id", Target::TraceId),
    field("_span_id", Target::SpanId),
    field("_user_id", Target::UserId),
    field("_logger", Target::Logger),
    field("_service", Target::Service),
    field("_app", Target::Service),
    field("_environment", Target::Environment),
    field("_method", Target::Method),
    field("_path", Target::Path),
    field("_status_code", Target::StatusCode),
    duration("_duration_ms", Unit::Milliseconds),
    field("_error_type", Target::ErrorType),
    field("_exception", Target::Stacktrace),
];

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "docker",
        about: "Docker's json-file driver",
        signs: &[Has("log"), Text("stream"), Text("time")],
        fields: &[time("time"), message("log")],
        wraps: Some("log"),
        ..Shape::PLAIN
    },
    Shape {
        name: "docker-fluentd",
        about: "Docker's fluentd driver, AWS FireLens",
        signs: &[Has("container_id"), Has("container_name"), Has("log")],
        fields: &[message("log")],
        wraps: Some("log"),
        ..Shape::PLAIN
    },
    Shape {
        name: "fluent-bit",
        about: "Fluent Bit's tail input with its date",
        signs: &[Has("log"), Number("date"), Lacks("level")],
        fields: &[time("date"), message("log")],
        wraps: Some("log"),
        ..Shape::PLAIN
    },
    Shape {
        name: "kubernetes-log",
        about: "Fluent Bit and Fluentd with Kubernetes' metadata",
        signs: &[
            Has("log"),
            Text("log"),
            Any(&["kubernetes.pod_name", "kubernetes.namespace_name", "kubernetes.container_name"]),
            Any(&["stream", "time", "date", "@timestamp", "kubernetes.pod_name"]),
        ],
        fields: &POD,
        wraps: Some("log"),
        ..Shape::PLAIN
    },
    Shape {
        name: "kubernetes-vector",
        about: "Vector's kubernetes_logs",
        signs: &[Has("kubernetes.pod_name"), Text("message"), Any(&["stream", "source_type"])],
        fields: &[
            message("message"),
            field("kubernetes.pod_labels.app", Target::Service),
            field("kubernetes.container_name", Target::Service),
            field("kubernetes.pod_node_name", Target::Host),
        ],
        wraps: Some("message"),
        ..Shape::PLAIN
    },
    Shape {
        name: "kubernetes-beats",
        about: "Beats and Elastic Agent with Kubernetes' metadata",
        signs: &[
            Has("kubernetes.pod.name"),
            Text("message"),
            Any(&["stream", "agent.type", "input.type", "log.file.path"]),
        ],
        fields: &[
            message("message"),
            field("kubernetes.labels.app", Target::Service),
            field("kubernetes.container.name", Target::Service),
            field("kubernetes.node.name", Target::Host),
        ],
        wraps: Some("message"),
        ..Shape::PLAIN
    },
    Shape {
        name: "filebeat",
        about: "Filebeat and Elastic Agent",
        signs: &[Has("agent.type"), Has("input.type"), Text("message")],
        fields: &[time("@timestamp"), message("message"), field("host.name", Target::Host)],
        wraps: Some("message"),
        ..Shape::PLAIN
    },
    Shape {
        name: "journald",
        about: "journalctl -o json, systemd-journal-upload",
        signs: &[Has("__REALTIME_TIMESTAMP"), Has("MESSAGE")],
        fields: &[
            epoch("_SOURCE_REALTIME_TIMESTAMP", Unit::Microseconds),
            epoch("__REALTIME_TIMESTAMP", Unit::Microseconds),
            level_on("PRIORITY", LevelScale::Syslog),
            rule("MESSAGE", Becomes::Bytes),
            field("SYSLOG_IDENTIFIER", Target::Service),
            field("_SYSTEMD_UNIT", Target::Service),
            field("_COMM", Target::Service),
            field("_HOSTNAME", Target::Host),
        ],
        wraps: Some("MESSAGE"),
        ..Shape::PLAIN
    },
    Shape {
        name: "gelf",
        about: "GELF, as libraries write it",
        signs: &[Has("short_message"), Has("version"), Has("host")],
        fields: &GELF,
        ..Shape::PLAIN
    },
    Shape {
        name: "gelf-docker",
        about: "Docker's gelf driver",
        signs: &[Has("short_message"), Has("_container_id"), Has("version"), Has("host")],
        fields: &GELF,
        wraps: Some("short_message"),
        ..Shape::PLAIN
    },
    Shape {
        name: "kubernetes-audit",
        about: "Kubernetes' audit log",
        signs: &[Has("auditID"), Has("stage"), Has("verb"), Is("kind", "Event")],
        fields: &[
            time("stageTimestamp"),
            time("requestReceivedTimestamp"),
            // `Metadata`, `Request`: how much is logged, not how severe it is.
            itself("level"),
            field("auditID", Target::RequestId),
            field("verb", Target::Method),
            field("requestURI", Target::Path),
            field("responseStatus.code", Target::StatusCode),
            field("responseStatus.reason", Target::ErrorType),
            field("user.username", Target::UserId),
        ],
        ..Shape::PLAIN
    },
];
