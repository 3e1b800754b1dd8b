//! From the merged tree to the valid configuration: settings by their keys, tables of any name, and
//! the relations between keys.

use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tierlog_ingest::{AliasTable, IngestConfig, POLICY_BYTES_MAX, RedactionPolicy, Target};
use tierlog_model::{Identities, Level, TierPolicy, Tiers, TiersError};

use super::listeners::read_listeners;
use super::reader::Reader;
use super::sections::{Config, RedactionSection, ServerSection};

const DAYS: RangeInclusive<u64> = 1..=36_500;

impl Config {
    pub(super) fn read(reader: &mut Reader<'_>) -> Config {
        let server: ServerSection = reader.settings();
        let mut config = Config {
            listeners: read_listeners(reader, server.remote),
            ingest: IngestConfig { limits: reader.settings(), ..reader.settings() },
            redaction: reader.settings(),
            store: reader.settings(),
            query: reader.settings(),
            memory: reader.settings(),
            log: reader.settings(),
            server,
        };
        config.ingest.aliases = read_aliases(reader);
        config.store.tiers = read_tiers(reader);
        config.redaction.policy = read_policy(reader, &config);
        config.share();
        config.check_relations(reader);
        config
    }

    /// Gives each room what another room's keys say.
    fn share(&mut self) {
        let key_file = &mut self.redaction.pseudonym_key_file;
        if key_file.as_os_str().is_empty() {
            *key_file = beside(&self.server.data_dir);
        }
        self.ingest.limits.body_deadline = self.body_deadline();
        self.ingest.tiers = self.store.tiers.clone();
        self.ingest.durability = self.store.durability.to_string();
        let ahead_seconds = self.ingest.limits.ahead_seconds_max.unsigned_abs();
        self.store.ahead_max = Duration::from_secs(ahead_seconds);
        // A commit waits more than it works: all of them at once.
        self.store.commit_threads_max = self.store.open_writers_max;
    }

    /// Checks what no key can say alone.
    fn check_relations(&self, reader: &mut Reader<'_>) {
        let limits = &self.ingest.limits;
        let (line_max, body_max) = (limits.line_bytes_max as u64, limits.body_bytes_max as u64);
        let inflated_max = limits.inflated_bytes_max as u64;
        let room = [
            ("ingest.http.body_max", body_max),
            ("ingest.http.inflated_max", inflated_max),
            ("memory.batches", self.memory.batches),
            ("store.wal_segment_max", self.store.wal_segment_bytes),
        ];
        for (key, bytes) in room {
            if bytes < line_max {
                reader.refuse(key, "must be at least ingest.limits.line_max: one line must fit");
            }
        }
        if inflated_max < body_max {
            let rule = "must be at least ingest.http.body_max: a body that is not compressed";
            reader.refuse("ingest.http.inflated_max", rule);
        }
        let RedactionSection { pseudonym_fields, pseudonym_places, .. } = &self.redaction;
        if let Err(problem) = Identities::new(pseudonym_fields, pseudonym_places) {
            reader.refuse("redaction.pseudonyms.places", problem.to_string());
        }
    }
}

/// Returns the file of keys beside a data directory: a copy of the data is no copy of the keys.
fn beside(data_dir: &Path) -> PathBuf {
    let mut sibling = data_dir.as_os_str().to_owned();
    sibling.push(".keys");
    PathBuf::from(sibling).join("pseudonym.key")
}

fn read_aliases(reader: &mut Reader<'_>) -> AliasTable {
    let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut aliases = Vec::new();
    for target in Target::ALL {
        let key = format!("ingest.aliases.{}", target.name());
        let names = reader.list(&key, "list of field names", name);
        if !names.is_empty() {
            aliases.push((target.name().to_owned(), names));
        }
    }
    AliasTable::with_extra(&aliases).unwrap_or_else(|problems| {
        for problem in problems {
            reader.refuse("ingest.aliases", problem);
        }
        AliasTable::standard()
    })
}

/// Reads the file with the rules of redaction, if one is named.
fn read_policy(reader: &mut Reader<'_>, config: &Config) -> RedactionPolicy {
    let path = &config.redaction.policy_file;
    if path.as_os_str().is_empty() {
        return RedactionPolicy::default();
    }
    let read = read_bounded(path).map_err(|error| vec![error.to_string()]);
    let policy = read.and_then(|text| {
        let parsed = RedactionPolicy::parse(&text, &config.store.tiers);
        parsed.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    });
    policy.unwrap_or_else(|problems: Vec<String>| {
        for problem in problems {
            reader.refuse("redaction.policy_file", problem);
        }
        RedactionPolicy::default()
    })
}

/// Reads a policy file, and not much more of a file that is none.
fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let bytes_max = POLICY_BYTES_MAX as u64 + 1;
    std::fs::File::open(path)?.take(bytes_max).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads the tiers, the one with the most severe level first.
fn read_tiers(reader: &mut Reader<'_>) -> Tiers {
    let mut policies: Vec<TierPolicy> = Vec::new();
    for name in reader.tables("store.tiers") {
        let table = format!("store.tiers.{name}");
        let days = reader.count(&format!("{table}.days"), DAYS) as u32;
        let levels = reader.list(
            &format!("{table}.levels"),
            "list of levels: debug, info, warning, error, critical",
            Level::from_name,
        );
        if !levels.is_empty() {
            policies.push(TierPolicy { name, days, levels });
        }
    }
    policies.sort_by_key(|policy| std::cmp::Reverse(policy.levels.iter().max().copied()));
    let dead_letter_days = reader.count("store.dead_letters.days", DAYS) as u32;
    match Tiers::new(policies, dead_letter_days) {
        Ok(tiers) => tiers,
        Err(TiersError(problems)) => {
            for problem in problems {
                reader.refuse("store.tiers", problem);
            }
            Tiers::standard()
        }
    }
}
