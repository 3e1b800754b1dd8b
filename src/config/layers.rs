//! The layers of the configuration: embedded default, file, environment, `--set`.
//!
//! Texts arrive; one tree of values leaves, each value with its origin. Nothing is judged here
//! except that a file is TOML at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use tierlog_model::keys::DEFAULT_TOML;

use super::fault::{ConfigError, ConfigFault};
use super::reader::{keys_of, show};

/// Name of the layer that [`DEFAULT_TOML`] is.
pub(super) const DEFAULT_ORIGIN: &str = "default";

/// Environment variables with this prefix are keys; `__` parts the segments.
const ENVIRONMENT_PREFIX: &str = "TIERLOG__";

/// Files that are read when none is named, first that is there.
const FILES: [&str; 2] = ["./tierlog.toml", "/etc/tierlog/tierlog.toml"];

/// Second spellings of keys: each by the API of the listener, then the key itself.
const SPELLINGS: [(&str, &str); 12] = [
    ("ingest.tcp.listen", "listeners.tcp.listen"),
    ("ingest.tcp.connections_max", "listeners.tcp.connections_max"),
    ("ingest.http.listen", "listeners.ingest.listen"),
    ("ingest.http.connections_max", "listeners.ingest.connections_max"),
    ("ingest.http.header_timeout", "listeners.ingest.header_timeout"),
    ("ingest.http.body_timeout", "listeners.ingest.body_timeout"),
    ("ingest.http.write_timeout", "listeners.ingest.write_timeout"),
    ("query.listen", "listeners.query.listen"),
    ("query.connections_max", "listeners.query.connections_max"),
    ("query.header_timeout", "listeners.query.header_timeout"),
    ("query.body_timeout", "listeners.query.body_timeout"),
    ("query.write_timeout", "listeners.query.write_timeout"),
];

/// Where the layers above the default come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A configuration file.
    pub file: Option<PathBuf>,
    /// Environment variables, as the process has them.
    pub environment: Vec<(String, String)>,
    /// `--set key=value`, in order.
    pub assignments: Vec<String>,
}

impl Sources {
    /// Returns the sources of this process: the named file or the first usual one that is there,
    /// its environment, the given assignments.
    pub fn of_process(file: Option<&Path>, assignments: &[String]) -> Sources {
        Sources {
            file: file.map(Path::to_owned).or_else(usual_file),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            assignments: assignments.to_vec(),
        }
    }
}

impl Sources {
    /// Returns the same sources for a further reading: a usual file that was not there may be now.
    pub(crate) fn found_again(&self) -> Sources {
        Sources { file: self.file.clone().or_else(usual_file), ..self.clone() }
    }
}

/// Returns the first of the usual files that is there.
fn usual_file() -> Option<PathBuf> {
    FILES.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// The merged values, and the default beside them.
#[derive(Clone, Debug)]
pub struct Layers {
    figment: Figment,
    /// What is in force.
    pub(super) values: Dict,
    /// The embedded default alone: it names every key.
    pub(super) default: Dict,
}

impl Layers {
    /// Reads and merges the layers.
    pub fn load(sources: &Sources) -> Result<Layers, ConfigError> {
        let default = parse(DEFAULT_TOML).map_err(|reason| unreadable(DEFAULT_ORIGIN, reason))?;
        let mut figment = Figment::new().merge(Layer::new(DEFAULT_ORIGIN, default.clone()));
        let mut problems = Vec::new();
        if let Some(path) = &sources.file {
            match read(path) {
                Ok(dict) => figment = figment.merge(Layer::new(&path.display().to_string(), dict)),
                Err(problem) => problems.push(problem),
            }
        }
        for (name, value) in &sources.environment {
            let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            let key = key.to_lowercase().replace("__", ".");
            if is_key(&key) {
                figment = figment.merge(Layer::one(name, &key, value));
            } else {
                problems.push(ConfigFault {
                    key: name.clone(),
                    value: None,
                    origin: "environment".to_owned(),
                    rule: "must be a key, such as TIERLOG__INGEST__TCP__LISTEN".to_owned(),
                });
            }
        }
        for assignment in &sources.assignments {
            match assignment.split_once('=').filter(|(key, _)| is_key(key.trim())) {
                Some((key, value)) => {
                    figment = figment.merge(Layer::one("--set", key.trim(), value.trim()));
                }
                None => problems.push(ConfigFault {
                    key: assignment.clone(),
                    value: None,
                    origin: "--set".to_owned(),
                    rule: "must be KEY=VALUE, such as ingest.tcp.listen=127.0.0.1:0".to_owned(),
                }),
            }
        }
        let values = figment
            .data()
            .map_err(|error| unreadable(DEFAULT_ORIGIN, error.to_string()))?
            .remove(&Profile::Default)
            .unwrap_or_default();
        if problems.is_empty() {
            Ok(Layers { figment, values, default })
        } else {
            Err(ConfigError(problems))
        }
    }

    /// Returns the keys whose values are not those of other layers.
    pub(crate) fn keys_that_differ_from(&self, other: &Layers) -> Vec<String> {
        let keys: BTreeSet<String> =
            keys_of(&self.values).into_iter().chain(keys_of(&other.values)).collect();
        let differs = |key: &String| self.get(key).map(show) != other.get(key).map(show);
        keys.into_iter().filter(differs).collect()
    }

    /// Returns the default with a table in place of a key's value: of no key a value.
    #[cfg(test)]
    pub(super) fn with_table_at(key: &str) -> Layers {
        let mut layers = Layers::load(&Sources::default()).expect("the default");
        put(&mut layers.values, key, Value::from(Dict::from([("x".to_owned(), Value::from(1))])));
        layers
    }

    /// Returns the value of a dotted key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        find(&self.values, key)
    }

    /// Returns the default of a dotted key.
    pub(super) fn get_default(&self, key: &str) -> Option<&Value> {
        find(&self.default, key)
    }

    /// Returns the name of the layer that a value comes from.
    pub(super) fn origin(&self, tag: Tag) -> String {
        self.figment
            .get_metadata(tag)
            .map_or_else(|| DEFAULT_ORIGIN.to_owned(), |metadata| metadata.name.to_string())
    }

    /// Returns the name of the layer that a key's value comes from.
    pub(super) fn origin_of(&self, key: &str) -> String {
        self.get(key).map_or_else(|| DEFAULT_ORIGIN.to_owned(), |value| self.origin(value.tag()))
    }
}

/// One layer with its name in messages.
struct Layer {
    origin: String,
    dict: Dict,
}

impl Layer {
    /// A layer of many values. Of two spellings of one key, the listener's own wins.
    fn new(origin: &str, mut dict: Dict) -> Layer {
        for (spelling, key) in SPELLINGS {
            if let Some(value) = take(&mut dict, spelling)
                && find(&dict, key).is_none()
            {
                put(&mut dict, key, value);
            }
        }
        Layer { origin: origin.to_owned(), dict }
    }

    /// A layer of one value, read as TOML-like text: `true`, `5`, `[a, b]`, anything else text.
    fn one(origin: &str, key: &str, value: &str) -> Layer {
        let value: Value = match value.parse() {
            Ok(value) => value,
            Err(infallible) => match infallible {},
        };
        let nested = figment::util::nest(key, value);
        Layer::new(origin, nested.into_dict().unwrap_or_default())
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

fn read(path: &Path) -> Result<Dict, ConfigFault> {
    let problem = |rule: String| ConfigFault {
        key: path.display().to_string(),
        value: None,
        origin: "--config".to_owned(),
        rule,
    };
    let text = std::fs::read_to_string(path).map_err(|error| problem(format!("read: {error}")))?;
    parse(&text).map_err(problem)
}

fn parse(text: &str) -> Result<Dict, String> {
    toml::from_str(text).map_err(|error| format!("not TOML: {}", error.to_string().trim_end()))
}

fn unreadable(origin: &str, rule: String) -> ConfigError {
    ConfigError(vec![ConfigFault {
        key: origin.to_owned(),
        value: None,
        origin: origin.to_owned(),
        rule,
    }])
}

/// Tells whether a text has the form of a dotted key.
fn is_key(text: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    text.split('.').all(is_name)
}

/// Returns the value of a dotted key of a tree.
fn find<'d>(dict: &'d Dict, key: &str) -> Option<&'d Value> {
    match key.split_once('.') {
        None => dict.get(key),
        Some((section, rest)) => find(dict.get(section)?.as_dict()?, rest),
    }
}

/// Takes a value out of a tree.
fn take(dict: &mut Dict, key: &str) -> Option<Value> {
    match key.split_once('.') {
        None => dict.remove(key),
        Some((section, rest)) => match dict.get_mut(section)? {
            Value::Dict(_, inner) => take(inner, rest),
            Value::String(_, _)
            | Value::Char(_, _)
            | Value::Bool(_, _)
            | Value::Num(_, _)
            | Value::Empty(_, _)
            | Value::Array(_, _) => None,
        },
    }
}

/// Puts a value into a tree, with the tables on the way. A value in place of a table stays, and is
/// refused later.
fn put(dict: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => drop(dict.insert(key.to_owned(), value)),
        Some((section, rest)) => {
            let inner = dict.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
