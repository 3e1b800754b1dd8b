//! The configuration: texts from four layers become one valid [`Config`], or all problems at once.
//!
//! ```text
//! layers   default <- file <- environment <- --set        (texts, merged, each with its origin)
//! reader   typed getters that say what is allowed         (problems are gathered, not returned)
//! read     the range of every key, the relations between keys
//! listeners, sections   the valid configuration, by section of the file
//! ```
//!
//! `config/tierlog.toml` is embedded: it is the default and names every key; a key that is not
//! in it does not exist. Nothing here touches the file system but to read a configuration file.

mod fault;
mod layers;
mod listeners;
mod print;
mod read;
mod reader;
mod reloaded;
mod sections;
mod units;

#[cfg(test)]
mod tests;

pub use fault::{ConfigError, ConfigFault};
pub use layers::{DEFAULT_TOML, Layers, Sources};
pub(crate) use listeners::REMOTE_RULE;
pub use listeners::{HttpTimes, ListenerProtocol, ListenerSection};
pub(crate) use reloaded::RELOADED;
pub use sections::{
    Aliases, Config, DurabilitySetting, IngestSection, LevelsSection, LimitsSection, LogFormat,
    LogSection, MemorySection, PseudonymSection, QuerySection, RedactionSection, Remote,
    StoreSection, TimeSection,
};
pub(crate) use units::{parse_duration, parse_size};

impl Config {
    /// Reads and checks the configuration.
    pub fn load(sources: &Sources) -> Result<(Config, Layers), ConfigError> {
        let layers = Layers::load(sources)?;
        let mut reader = reader::Reader::new(&layers);
        let config = Config::read(&mut reader);
        reader.finish()?;
        Ok((config, layers))
    }
}
