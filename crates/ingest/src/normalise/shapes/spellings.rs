//! Names that shapes give a field of the contract, for those who have a name and no record.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::duration::Unit;
use super::super::targets::Target;
use super::all;
use super::shape::Becomes;

/// Targets by folded name; none where shapes disagree, or keep the name for itself.
static SPELLINGS: LazyLock<HashMap<String, Option<Target>>> = LazyLock::new(build);

fn build() -> HashMap<String, Option<Target>> {
    let mut spellings: HashMap<String, Option<Target>> = HashMap::new();
    for rule in all().flat_map(|shape| shape.fields) {
        let target = held_as_written(rule.becomes);
        spellings
            .entry(fold(rule.name))
            .and_modify(|known| *known = known.filter(|known| Some(*known) == target))
            .or_insert(target);
    }
    spellings
}

/// Returns the field that holds just what was written; none when the value is converted or taken
/// apart.
fn held_as_written(becomes: Becomes) -> Option<Target> {
    match becomes {
        Becomes::Field(target) => Some(target),
        Becomes::Level(_) => Some(Target::Level),
        Becomes::Duration(Unit::Milliseconds) => Some(Target::DurationMs),
        Becomes::Epoch(_) | Becomes::SecondsAnd(_) | Becomes::ZonedBy(_) => Some(Target::Timestamp),
        Becomes::Trace => Some(Target::Stacktrace),
        Becomes::Duration(_)
        | Becomes::Bytes
        | Becomes::Template(_)
        | Becomes::LastSegment(_)
        | Becomes::RequestLine
        | Becomes::Itself => None,
    }
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// Returns the target of a name on which all shapes agree.
pub(in crate::normalise) fn target_of(name: &str) -> Option<Target> {
    SPELLINGS.get(&fold(name)).copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_field_where_no_shape_says_otherwise() {
        for (name, expected) in [
            ("meta.req.url", Some(Target::Path)),
            ("META.REQ.URL", Some(Target::Path)),
            ("responseTime", Some(Target::DurationMs)),
            ("no such name", None),
        ] {
            assert_eq!(target_of(name), expected, "{name}");
        }
    }
}
