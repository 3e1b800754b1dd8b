//! Web servers and proxies: nginx, Traefik, Caddy, Envoy, Kong.

use super::super::duration::Unit;
use super::super::targets::Target;
use super::shape::Sign::{Any, Has, Number};
use super::shape::{Becomes, Rule, Shape, duration, epoch, field, rule, time};

/// nginx names the variables of its log formats, and most formats keep these names.
const NGINX: [Rule; 7] = [
    time("msec"),
    time("time_iso8601"),
    time("time_local"),
    duration("request_time", Unit::Seconds),
    rule("request", Becomes::RequestLine),
    field("request_uri", Target::Path),
    field("remote_addr", Target::ClientIp),
];

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        name: "nginx",
        about: "nginx's access log with a JSON log_format",
        signs: &[
            Has("request_time"),
            Any(&[
                "body_bytes_sent",
                "bytes_sent",
                "remote_addr",
                "request_length",
                "upstream_response_time",
                "upstream_addr",
                "http_user_agent",
                "time_iso8601",
                "time_local",
                "msec",
            ]),
        ],
        fields: &NGINX,
        ..Shape::PLAIN
    },
    Shape {
        name: "nginx-plain",
        about: "nginx's access log as JSON, without $request_time",
        signs: &[Has("body_bytes_sent"), Any(&["request", "request_uri", "remote_addr"])],
        fields: &NGINX,
        ..Shape::PLAIN
    },
    Shape {
        name: "traefik",
        about: "Traefik's access log",
        signs: &[Has("DownstreamStatus"), Any(&["RequestPath", "RouterName", "StartUTC"])],
        fields: &[
            time("StartUTC"),
            time("StartLocal"),
            duration("Duration", Unit::Nanoseconds),
            field("DownstreamStatus", Target::StatusCode),
            field("RequestMethod", Target::Method),
            field("RequestPath", Target::Path),
            field("ClientHost", Target::ClientIp),
            field("ClientAddr", Target::ClientIp),
            field("request_X-Request-Id", Target::RequestId),
            field("TraceId", Target::TraceId),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "caddy",
        about: "Caddy's access log",
        signs: &[
            Has("request.uri"),
            Has("request.method"),
            Has("duration"),
            Has("status"),
            Has("ts"),
        ],
        fields: &[
            time("ts"),
            duration("duration", Unit::Seconds),
            field("request.uri", Target::Path),
            field("request.method", Target::Method),
            field("request.client_ip", Target::ClientIp),
            field("request.remote_ip", Target::ClientIp),
            field("request.headers.X-Request-Id", Target::RequestId),
        ],
        durations: Some(Unit::Seconds),
        ..Shape::PLAIN
    },
    Shape {
        name: "envoy",
        about: "Envoy's and Istio's access log as JSON",
        signs: &[
            Has("response_code"),
            Any(&[
                "response_flags",
                "upstream_cluster",
                "upstream_host",
                "upstream_service_time",
                "authority",
            ]),
        ],
        fields: &[
            time("start_time"),
            duration("duration", Unit::Milliseconds),
            field("response_code", Target::StatusCode),
            field("downstream_remote_address", Target::ClientIp),
            field("x_forwarded_for", Target::ClientIp),
            field("x_envoy_origin_path", Target::Path),
        ],
        ..Shape::PLAIN
    },
    Shape {
        name: "kong",
        about: "Kong's log plugins",
        signs: &[Has("latencies.request"), Number("started_at")],
        fields: &[
            epoch("started_at", Unit::Milliseconds),
            duration("latencies.request", Unit::Milliseconds),
            field("request.uri", Target::Path),
            field("request.method", Target::Method),
            field("response.status", Target::StatusCode),
            field("request.headers.x-request-id", Target::RequestId),
        ],
        ..Shape::PLAIN
    },
];
