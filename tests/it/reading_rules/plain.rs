//! The reading rules of docs/ingest.md, once more: slow, in the order in which they are written.
//!
//! Values are of the pools of [`super::pool`], so a time, a level and a duration are looked up
//! there instead of being parsed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pool::{Moment, Pool};
use super::table::{Shape, recognise};

/// A value with the names of the value and of the enclosing objects.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) keys: Vec<String>,
    pub(super) name: String,
    pub(super) value: Value,
}

/// The relation of an object to the enclosing object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Record,
    /// In Docker's wrapper: wins.
    Wrapped,
    /// In an ordinary message: fills in.
    Filling,
}

/// What is expected of a record.
#[derive(Debug)]
pub(super) struct Expected {
    /// `None` for the moment of arrival.
    pub(super) micros: Option<i64>,
    pub(super) level: &'static str,
    pub(super) fields: BTreeMap<String, Value>,
}

/// Names of the contract with their documented spellings, the first wins.
pub(super) const SPELLINGS: [(&str, &[&str]); 22] = [
    ("timestamp", &["timestamp", "@timestamp", "time", "ts", "asctime", "datetime", "date"]),
    (
        "level",
        &[
            "level",
            "levelname",
            "severity_text",
            "log.level",
            "lvl",
            "levelno",
            "severity_number",
            "severitynumber",
        ],
    ),
    ("message", &["message", "msg", "body"]),
    ("service", &["service", "service.name", "service_name", "app", "app_name", "application"]),
    ("logger", &["logger", "logger_name", "log.logger", "name"]),
    ("host", &["host", "hostname", "host.name", "host_name"]),
    (
        "request_id",
        &[
            "request_id",
            "correlation_id",
            "x_request_id",
            "req_id",
            "http.request_id",
            "context.request_id",
        ],
    ),
    ("trace_id", &["trace_id", "traceid", "trace.id", "dd.trace_id", "otel.trace_id"]),
    ("span_id", &["span_id", "spanid", "span.id", "dd.span_id"]),
    (
        "user_id",
        &[
            "user_id",
            "userid",
            "user.id",
            "context.user_id",
            "context.user.id",
            "request.user.id",
            "enduser.id",
        ],
    ),
    ("endpoint", &["endpoint", "url_name", "view_name"]),
    ("route", &["route", "http.route", "url.template"]),
    ("path", &["path", "url.path", "request_uri"]),
    ("method", &["method", "http.request.method"]),
    ("status_code", &["status_code", "http.status_code", "status"]),
    ("duration_ms", &["duration_ms", "duration", "elapsed", "latency", "took", "request_time"]),
    ("client_ip", &["client_ip", "client.address", "remote_addr", "ip_address", "ip"]),
    ("environment", &["environment", "env", "deployment.environment"]),
    ("release", &["release", "service.version", "app_version"]),
    ("error_type", &["error_type", "exception.type", "exc_type", "err.type"]),
    ("error_message", &["error_message", "exc_value", "err.message"]),
    ("stacktrace", &["stacktrace", "stack_trace", "exc_info"]),
];

/// Objects that are looked through.
const CONTAINERS: [&str; 19] = [
    "context",
    "ctx",
    "extra",
    "attributes",
    "resource",
    "event",
    "labels",
    "fields",
    "metadata",
    "meta",
    "mdc",
    "contextmap",
    "properties",
    "record",
    "headers",
    "span",
    "log",
    "message",
    "msg",
];

/// Names that count at any depth of a container.
const IDS: [&str; 4] = ["request_id", "trace_id", "span_id", "user_id"];

/// Place of a claim; the lowest wins.
type Priority = (u8, u8, usize);

/// A field that may be taken for a field of the contract.
#[derive(Clone, Copy, Debug)]
struct Claim<'s> {
    field: usize,
    target: &'static str,
    priority: Priority,
    unit: Option<&'s str>,
    layer: Layer,
    /// Whether a shape says so.
    is_shape: bool,
}

/// A record on its way to be read.
#[derive(Default)]
struct Draft<'s> {
    fields: Vec<(String, Value)>,
    gone: Vec<usize>,
    claims: Vec<Claim<'s>>,
}

/// Compares names: any case, `-` as `_`.
pub(super) fn same_name(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

pub(super) fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// Reads the layers of a record; `None` when the line has to be rejected.
pub(super) fn read(
    layers: &[(Layer, Vec<Leaf>)],
    shapes: &[Shape],
    pool: &Pool,
) -> Option<Expected> {
    let mut draft = Draft::default();
    for (depth, (layer, leaves)) in layers.iter().enumerate() {
        draft.add(*layer, depth as u8, leaves, shapes, pool);
    }
    let micros = draft.take_time(pool)?;
    let level_claim = draft.level(pool);
    for (target, _) in SPELLINGS {
        if !matches!(target, "timestamp" | "level") {
            draft.give(target, pool);
        }
    }
    let level = draft.keep_level(level_claim, pool);
    draft.derive_route();
    for position in 0..draft.fields.len() {
        let is_reserved = matches!(draft.fields[position].0.as_str(), "level" | "timestamp");
        if is_reserved && !draft.gone.contains(&position) {
            draft.displace(position);
        }
    }
    let kept = draft.fields.into_iter().enumerate();
    let fields = kept.filter(|(at, _)| !draft.gone.contains(at)).map(|(_, field)| field).collect();
    Some(Expected { micros, level, fields })
}

impl<'s> Draft<'s> {
    fn add(&mut self, layer: Layer, depth: u8, leaves: &[Leaf], shapes: &'s [Shape], pool: &Pool) {
        let shape = recognise(shapes, leaves);
        let rank = match layer {
            Layer::Record => 1,
            Layer::Wrapped => 0,
            Layer::Filling => 1 + depth,
        };
        let wrapper = self.fields.len().checked_sub(1);
        let before = self.fields.len();
        let mut added = Vec::new();
        for leaf in leaves {
            let earlier = self.fields.iter().position(|(name, _)| *name == leaf.name);
            self.fields.push((leaf.name.clone(), leaf.value.clone()));
            let field = self.fields.len() - 1;
            if let Some(earlier) = earlier {
                self.displace(if layer == Layer::Filling { field } else { earlier });
            }
            if let Some(claim) = claim_of(leaf, field, shape, layer, rank) {
                added.push(claim);
            }
        }
        let fitting = added.into_iter().filter_map(|claim| self.fit(claim, pool));
        let fitting: Vec<Claim<'s>> = fitting.collect();
        let brings_message = fitting.iter().any(|claim| claim.target == "message");
        // What holds the layer is the last field of the layer before it, by construction.
        if let Some(wrapper) = wrapper.filter(|_| before > 0)
            && (layer == Layer::Wrapped || brings_message)
        {
            self.gone.push(wrapper);
            self.claims.retain(|claim| claim.field != wrapper);
        }
        let has_message = self.claims.iter().any(|claim| claim.target == "message");
        let fills = |claim: &Claim<'s>| {
            !(layer == Layer::Filling && claim.target == "message" && has_message)
        };
        self.claims.extend(fitting.into_iter().filter(fills));
    }

    /// Returns a claim with a plausible value; the contract's own name may hold any value, and an
    /// implausible value ranks last.
    fn fit(&self, claim: Claim<'s>, pool: &Pool) -> Option<Claim<'s>> {
        let (name, value) = &self.fields[claim.field];
        let (layer, _, rank) = claim.priority;
        let fits = match claim.target {
            "timestamp" => value.is_string() || value.is_number(),
            "level" => true,
            "duration_ms" => pool.duration(value, claim.unit).is_some(),
            "status_code" => status_of(value).is_some(),
            "client_ip" => value == "10.0.0.7",
            "release" => value.is_number() || value.as_str().is_some_and(|text| !text.is_empty()),
            id if IDS.contains(&id) => {
                value.is_i64() || value.as_str().is_some_and(|text| !matches!(text, "" | "-"))
            }
            _ => value.as_str().is_some_and(|text| !text.is_empty()),
        };
        let is_own = name == claim.target;
        match (fits, is_own) {
            (true, _) => Some(claim),
            (false, true) => Some(Claim { priority: (layer, 9, rank), ..claim }),
            (false, false) => None,
        }
    }

    fn best(&self, target: &str) -> Option<Claim<'s>> {
        let claims = self.claims.iter().filter(|claim| claim.target == target);
        claims.min_by_key(|claim| claim.priority).copied()
    }

    /// Chooses the time; `Some(None)` is the moment of arrival, `None` a rejection.
    fn take_time(&mut self, pool: &Pool) -> Option<Option<i64>> {
        let mut claims: Vec<Claim<'s>> =
            self.claims.iter().filter(|claim| claim.target == "timestamp").copied().collect();
        claims.sort_by_key(|claim| claim.priority);
        let mut is_explicit_unreadable = false;
        let mut grades: [Vec<(usize, Moment)>; 4] = Default::default();
        for claim in claims {
            let (name, value) = &self.fields[claim.field];
            let name = name.trim_start_matches("original.");
            let record = claim.layer != Layer::Filling;
            let Some(moment) = pool.moment(value) else {
                let is_explicit =
                    ["timestamp", "@timestamp"].iter().any(|own| same_name(own, name));
                is_explicit_unreadable |= record && (claim.is_shape || is_explicit);
                continue;
            };
            let is_weak = !claim.is_shape && name.eq_ignore_ascii_case("date");
            match (record, is_weak, moment.is_near) {
                (true, false, true) => grades[0].push((claim.field, moment)),
                (true, true, true) => grades[1].push((claim.field, moment)),
                (false, _, true) => grades[2].push((claim.field, moment)),
                (true, false, false) => grades[3].push((claim.field, moment)),
                (true, true, false) | (false, _, false) => {}
            }
        }
        let chosen = match grades.iter().find(|grade| !grade.is_empty()) {
            None if is_explicit_unreadable => return None,
            None => return Some(None),
            Some(grade) => first_with_zone(grade),
        };
        if !chosen.1.is_near {
            return None;
        }
        self.gone.push(chosen.0);
        Some(Some(chosen.1.micros))
    }

    /// Chooses the level: a known level wins over an unknown level, but a filling layer never wins
    /// over the record's own level.
    fn level(&self, pool: &Pool) -> Option<Claim<'s>> {
        let claims = self.claims.iter().filter(|claim| claim.target == "level");
        let order = |claim: &&Claim<'s>| {
            let (name, value) = &self.fields[claim.field];
            let is_unknown = pool.level(name, value).is_none();
            (claim.layer == Layer::Filling, is_unknown, claim.priority)
        };
        claims.min_by_key(order).copied()
    }

    fn keep_level(&mut self, claim: Option<Claim<'s>>, pool: &Pool) -> &'static str {
        let Some(claim) = claim else { return "info" };
        let (name, value) = self.fields[claim.field].clone();
        let level = pool.level(&name, &value).unwrap_or("warning");
        let text = text_of(&value);
        if text == level {
            self.gone.push(claim.field);
        } else {
            self.rename(claim.field, "level_text");
            self.fields[claim.field].1 = json!(text);
        }
        level
    }

    /// Gives a field of the contract its name and type.
    fn give(&mut self, target: &'static str, pool: &Pool) {
        let Some(claim) = self.best(target) else { return };
        self.rename(claim.field, target);
        let value = &mut self.fields[claim.field].1;
        match target {
            "status_code" => {
                if let Some(status) = status_of(value) {
                    *value = json!(status);
                }
            }
            "duration_ms" => {
                if let Some(milliseconds) = pool.duration(value, claim.unit) {
                    *value = json!(milliseconds);
                }
            }
            id if IDS.contains(&id) || id == "release" => *value = json!(text_of(value)),
            _ => {}
        }
    }

    /// A path of words is its own route.
    fn derive_route(&mut self) {
        let has = |target: &str| self.best(target).is_some();
        let is_free = self.fields.iter().all(|(name, _)| name != "route");
        if let Some(path) = self.best("path")
            && !has("route")
            && !has("endpoint")
            && is_free
            && self.fields[path.field].1.as_str().is_some_and(|path| path.starts_with('/'))
        {
            let path = self.fields[path.field].1.clone();
            self.fields.push(("route".to_owned(), path));
        }
    }

    fn rename(&mut self, field: usize, name: &str) {
        if self.fields[field].0 == name {
            return;
        }
        let mut others = (0..self.fields.len()).filter(|at| !self.gone.contains(at));
        if let Some(other) = others.find(|at| self.fields[*at].0 == name) {
            self.displace(other);
        }
        name.clone_into(&mut self.fields[field].0);
    }

    fn displace(&mut self, field: usize) {
        let base = format!("original.{}", self.fields[field].0);
        let is_taken = |name: &str| self.fields.iter().any(|(own, _)| own == name);
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name));
        self.fields[field].0 = name.expect("numbers do not end");
    }
}

/// Returns the first time, or the first one with a zone that may mean the same moment.
fn first_with_zone(times: &[(usize, Moment)]) -> (usize, Moment) {
    let first = times[0];
    let apart = |other: &Moment| (other.micros - first.1.micros).abs() <= 26 * 3_600_000_000;
    let with_zone = times.iter().find(|(_, moment)| moment.has_zone && apart(moment));
    match with_zone {
        Some(exact) if !first.1.has_zone => *exact,
        _ => first,
    }
}

fn claim_of<'s>(
    leaf: &Leaf,
    field: usize,
    shape: Option<&'s Shape>,
    layer: Layer,
    rank: u8,
) -> Option<Claim<'s>> {
    let unit_of_shape = shape.and_then(|shape| shape.durations.as_deref());
    if let Some(becomes) = shape.and_then(|shape| shape.becomes(&leaf.name)) {
        let (target, unit) = match becomes.split_once(" (") {
            Some((target, unit)) => (target, Some(unit.trim_end_matches(')'))),
            None => (becomes, None),
        };
        let (target, _) = SPELLINGS.into_iter().find(|(own, _)| *own == target)?;
        let own_unit = name_unit(&leaf.name).or(unit_of_shape);
        let fields = &shape?.fields;
        let place = fields.iter().position(|(name, _)| same_name(name, &leaf.name))?;
        let priority = (rank, 1, place);
        return Some(Claim {
            field,
            target,
            priority,
            unit: unit.or(own_unit),
            layer,
            is_shape: true,
        });
    }
    let (target, class, place) = spelled(&leaf.keys)?;
    let unit = name_unit(&leaf.name).or(unit_of_shape);
    let priority = (rank, class, place);
    Some(Claim { field, target, priority, unit, layer, is_shape: false })
}

/// Returns what a name spells, how well it is known, and its place in the list.
fn spelled(keys: &[String]) -> Option<(&'static str, u8, usize)> {
    let find = |name: &str| {
        SPELLINGS.into_iter().find_map(|(target, spellings)| {
            Some((target, spellings.iter().position(|spelling| same_name(spelling, name))?))
        })
    };
    if let Some((target, place)) = find(&keys.join(".")) {
        return Some((target, if place == 0 { 0 } else { 2 }, place));
    }
    let is_container = |key: &&String| CONTAINERS.iter().any(|own| same_name(own, key));
    let outside = keys[..keys.len() - 1].iter().take_while(is_container).count();
    let (target, place) = (outside > 0).then(|| find(&keys[outside..].join(".")))??;
    let is_long = keys.len() - outside > 1 || keys[keys.len() - 1].contains('.');
    let counts = match target {
        "timestamp" | "level" | "message" => false,
        "error_type" | "error_message" | "stacktrace" | "client_ip" => true,
        id if IDS.contains(&id) => true,
        _ => place == 0 || is_long,
    };
    counts.then_some((target, 3, place))
}

fn name_unit(name: &str) -> Option<&'static str> {
    fold(name).ends_with("_ms").then_some("ms")
}

fn status_of(value: &Value) -> Option<i64> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    (100..=999).contains(&number).then_some(number)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
