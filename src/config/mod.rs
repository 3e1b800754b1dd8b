//! The configuration: texts from four layers become one valid [`Config`], or all problems at once.
//!
//! ```text
//! layers     default <- file <- environment <- --set       (texts, merged, each with its origin)
//! reader     values by key; problems are gathered, not returned
//! sections   the keys of the root; ingest, store and queries declare theirs as fields of settings
//! read       tables of any name, relations between keys
//! ```
//!
//! `config/tierlog.toml` is embedded: it is the default and names every key; a key that is not
//! in it does not exist. Nothing here touches the file system but to read a configuration file, and
//! the file of rules that is named there.

mod fault;
mod layers;
mod listeners;
mod print;
mod read;
mod reader;
mod reloaded;
mod sections;

#[cfg(test)]
mod tests;

pub use fault::{ConfigError, ConfigFault};
pub use layers::{Layers, Sources};
pub(crate) use listeners::REMOTE_RULE;
pub use listeners::{HttpTimes, ListenerProtocol, ListenerSection};
pub(crate) use reloaded::RELOADED;
pub use sections::{
    Config, LogFormat, LogSection, MemorySection, RedactionSection, Remote, ServerSection,
};

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
