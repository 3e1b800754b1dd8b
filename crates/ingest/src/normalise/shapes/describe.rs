//! The table of shapes in words, for `tierlog shapes` and docs/shapes.md.

use super::super::targets::Target;
use super::all;
use super::shape::{Becomes, Rule, Shape, Sign};

/// One shape in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeRow {
    /// Short name, unique.
    pub name: &'static str,
    /// What writes such records.
    pub about: &'static str,
    /// The signs of the shape: all signs must hold.
    pub recognised_by: Vec<String>,
    /// Names of its fields, and what each becomes, in order of precedence.
    pub fields: Vec<(&'static str, String)>,
    /// Unit of numbers under a duration's name that says none.
    pub durations: Option<&'static str>,
    /// The field that holds another record, where the shape is a wrapper.
    pub wraps: Option<&'static str>,
}

/// Returns every shape in words, in the order of the registry.
pub fn shape_rows() -> Vec<ShapeRow> {
    all().map(row).collect()
}

fn row(shape: &Shape) -> ShapeRow {
    ShapeRow {
        name: shape.name,
        about: shape.about,
        recognised_by: shape.signs.iter().map(sign).collect(),
        fields: shape.fields.iter().map(|rule| (rule.name, becomes(rule))).collect(),
        durations: shape.durations.map(super::super::duration::Unit::symbol),
        wraps: shape.wraps,
    }
}

fn sign(sign: &Sign) -> String {
    match sign {
        Sign::Has(name) => (*name).to_owned(),
        Sign::Any(names) => names.join(" or "),
        Sign::Lacks(name) => format!("no {name}"),
        Sign::Number(name) => format!("{name} (number)"),
        Sign::Text(name) => format!("{name} (text)"),
        Sign::Is(name, text) => format!("{name} = {text}"),
        Sign::Capitals(name) => format!("{name} in capitals"),
        Sign::At(position, name) => format!("{name} as field {}", position + 1),
        Sign::FromEnd(0, name) => format!("{name} as last field"),
        Sign::FromEnd(position, name) => format!("{name} as last field but {position}"),
    }
}

fn becomes(rule: &Rule) -> String {
    let timestamp = Target::Timestamp.name();
    match rule.becomes {
        Becomes::Field(target) => target.name().to_owned(),
        Becomes::Level(scale) => format!("level ({})", scale.name()),
        Becomes::Duration(unit) => format!("duration_ms ({})", unit.symbol()),
        Becomes::Epoch(unit) => format!("{timestamp} ({})", unit.symbol()),
        Becomes::SecondsAnd(name) => format!("{timestamp} (s, and ns in {name})"),
        Becomes::ZonedBy(name) => format!("{timestamp} (zone in {name})"),
        Becomes::Bytes => "message (text or bytes)".to_owned(),
        Becomes::Template(_) => "message (template)".to_owned(),
        Becomes::Trace => "stacktrace (where it is one)".to_owned(),
        Becomes::LastSegment(target) => format!("{} (last segment)", target.name()),
        Becomes::RequestLine => "method, path".to_owned(),
        Becomes::Itself => "itself".to_owned(),
    }
}
