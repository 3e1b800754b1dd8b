//! The configuration in force as TOML that is valid input again, each value that is not the
//! default with the layer that it comes from.

use figment::value::{Dict, Value};
use tierlog_model::keys::DEFAULT_TOML;

use super::layers::{DEFAULT_ORIGIN, Layers};
use super::reader::show;

impl Layers {
    /// Returns every key with its value in force: the embedded file's sections and keys in its
    /// order, without its comments, then the tables that only other layers have.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = String::new();
        for line in DEFAULT_TOML.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.to_owned();
                push_section(&mut text, name);
            } else if let Some((name, _)) = line.split_once(" = ").filter(|_| is_key(line)) {
                self.push_value(&mut text, &section, name);
            }
        }
        self.push_further(&mut text, "", &self.values, &self.default);
        text
    }

    fn push_value(&self, text: &mut String, section: &str, name: &str) {
        let key = format!("{section}.{name}");
        let Some(value) = self.get(&key) else { return };
        text.push_str(&format!("{name} = {}", show(value)));
        let origin = self.origin(value.tag());
        if origin != DEFAULT_ORIGIN {
            text.push_str(&format!("  # {origin}"));
            if let Some(default) = self.get_default(&key) {
                text.push_str(&format!(", default {}", show(default)));
            }
        }
        text.push('\n');
    }

    fn push_further(&self, text: &mut String, prefix: &str, values: &Dict, known: &Dict) {
        for (name, value) in values {
            let Value::Dict(_, inner) = value else { continue };
            let section = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match known.get(name) {
                Some(Value::Dict(_, known)) => self.push_further(text, &section, inner, known),
                Some(_) => {}
                None => {
                    push_section(text, &section);
                    for name in inner.keys() {
                        self.push_value(text, &section, name);
                    }
                }
            }
        }
    }
}

fn push_section(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!("[{name}]\n"));
}

/// Tells whether a line of the embedded file gives a key its value: each stands on one line.
fn is_key(line: &str) -> bool {
    line.starts_with(|first: char| first.is_ascii_lowercase())
}
