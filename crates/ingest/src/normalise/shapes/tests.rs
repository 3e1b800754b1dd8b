//! What must hold for every entry of the table.

use super::index::same_name;
use super::*;

#[test]
fn names_are_unique_and_say_something() {
    let mut names: Vec<&str> = all().map(|shape| shape.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for shape in all() {
        assert!(!shape.name.is_empty() && !shape.about.is_empty(), "{}", shape.name);
        assert!(shape.signs.len() > 1, "{}: one name alone is no shape", shape.name);
    }
}

#[test]
fn a_rule_stands_once_and_a_wrapper_says_what_its_content_is() {
    for shape in all() {
        for (position, rule) in shape.fields.iter().enumerate() {
            let again = shape.fields.iter().skip(position + 1);
            let twice = again.filter(|other| same_name(other.name, rule.name)).count();
            assert_eq!(twice, 0, "{}: {}", shape.name, rule.name);
        }
        if let Some(wraps) = shape.wraps {
            let known = shape.fields.iter().any(|rule| rule.name == wraps);
            assert!(known || wraps == "message", "{}: {wraps}", shape.name);
        }
    }
}
