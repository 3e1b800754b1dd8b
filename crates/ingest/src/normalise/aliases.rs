//! The alias table, compiled: one look-up says what a key spells.

use super::duration::Unit;
use super::level::LevelScale;
use super::shapes::{self, Mark, ShapeIndex};
use super::targets::{CONTAINERS, OPENED_CONTAINERS, Target};

/// What a spelling says beside its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Nothing.
    None,
    /// How numbers under this name count severity.
    Scale(LevelScale),
    /// In which unit numbers under this name are: of a duration, or of a time since 1970.
    Unit(Unit),
    /// A duration whose unit the name does not say: a bare number is none, unless the shape
    /// knows its unit.
    Bare,
    /// Whole seconds since 1970; the marked field has the nanoseconds.
    SecondsAnd(Mark),
    /// A time without a zone; the marked field has the zone.
    ZonedBy(Mark),
    /// A text, or an array of its bytes.
    Bytes,
    /// The calls that led to an error, or another long text.
    Trace,
    /// A path, of which the last segment counts.
    LastSegment,
    /// The template of a message, filled from the fields beside it.
    Template,
    /// The template of a message, filled from the fields below the marked path.
    TemplateBelow(Mark),
}

impl Hint {
    /// Returns what a spelling of a target says about its value.
    pub(super) fn of_target(target: Target, spelling: &str) -> Hint {
        match target {
            Target::Level => Hint::Scale(LevelScale::of_name(spelling)),
            Target::DurationMs => Unit::of_field(spelling).map_or(Hint::Bare, Hint::Unit),
            _ => Hint::None,
        }
    }
}

/// Who says that a name spells a target; the earlier is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    /// The operator, in the configuration.
    Configured,
    /// The shape of the record.
    Shape,
    /// The general table.
    Spelling,
}

/// One spelling of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    /// The field that the spelling becomes.
    pub(crate) target: Target,
    /// Place in the target's list; lower wins, 0 is the name itself.
    pub(crate) rank: u16,
    /// What the spelling says about its value.
    pub(crate) hint: Hint,
    /// Who says so.
    pub(crate) trust: Trust,
}

impl Alias {
    /// The moment that a protocol says for certain, in microseconds since 1970.
    pub(crate) const MOMENT: Alias = Alias {
        target: Target::Timestamp,
        rank: 0,
        hint: Hint::Unit(Unit::Microseconds),
        trust: Trust::Configured,
    };

    /// Tells whether the spelling may be the target's own name; the name itself says for certain.
    #[inline]
    pub(super) fn may_be_own_name(self) -> bool {
        self.rank == 0 || self.trust != Trust::Spelling
    }
}

/// What the table knows about one name.
#[derive(Clone, Debug)]
pub(crate) struct NameEntry {
    text: Box<str>,
    hash: u64,
    /// The target that the name spells.
    pub(crate) alias: Option<Alias>,
    /// Whether an object of this name only wraps.
    pub(crate) is_container: bool,
    /// Whether the members of an object of this name are the record itself.
    pub(crate) is_opened: bool,
    /// The name's number, where a shape mentions it.
    pub(crate) mark: Option<Mark>,
}

/// The table, searched once for every key of every record.
#[derive(Clone, Debug)]
pub struct AliasTable {
    /// Open addressing; the length is a power of two at least twice the number of entries.
    slots: Box<[Option<NameEntry>]>,
    longest_bytes: usize,
}

impl AliasTable {
    /// Returns the contract's table.
    pub fn standard() -> AliasTable {
        Self::build(&[])
    }

    /// Returns the contract's table with further spellings, `(target, spellings)`. They come after
    /// the target's own name and before the built-in ones; `took:s` names the unit of a duration.
    /// All problems are reported together.
    pub fn with_extra(extra: &[(String, Vec<String>)]) -> Result<AliasTable, Vec<String>> {
        let mut problems = Vec::new();
        let mut known = Vec::new();
        for (name, spellings) in extra {
            let Some(target) = Target::by_name(name) else {
                problems.push(format!("alias target {name:?}: no such field"));
                continue;
            };
            for spelling in spellings {
                if spelling.trim().is_empty() {
                    problems.push(format!("alias of {name:?}: empty spelling"));
                }
                known.push((target, spelling.trim().to_owned()));
            }
        }
        if problems.is_empty() { Ok(Self::build(&known)) } else { Err(problems) }
    }

    fn build(extra: &[(Target, String)]) -> AliasTable {
        let mut entries: Vec<NameEntry> = Vec::new();
        for target in Target::ALL {
            let added = extra.iter().filter(|(of, _)| *of == target).map(|(_, text)| &**text);
            let (own_name, built_in) = target.spellings().split_at(1);
            let ordered: Vec<&str> = own_name.iter().copied().chain(added).collect();
            for (rank, spelling) in ordered.iter().chain(built_in).enumerate() {
                let is_configured = (1..ordered.len()).contains(&rank);
                let trust = if is_configured { Trust::Configured } else { Trust::Spelling };
                let (text, hint) = split_unit(target, spelling, trust);
                // The first mention of a name decides: an extra spelling may take over a built-in
                // one of the same target, and own names are never taken over.
                let alias = Alias { target, rank: rank as u16, hint, trust };
                let entry = entry_of(&mut entries, text);
                let taken_over = entry.alias.is_some_and(|alias| alias.rank != 0 && is_configured);
                if entry.alias.is_none() || taken_over {
                    entry.alias = Some(alias);
                }
            }
        }
        for container in CONTAINERS {
            entry_of(&mut entries, container).is_container = true;
        }
        for container in OPENED_CONTAINERS {
            let entry = entry_of(&mut entries, container);
            (entry.is_container, entry.is_opened) = (true, true);
        }
        for (name, mark) in ShapeIndex::get().names() {
            entry_of(&mut entries, name).mark = Some(mark);
        }
        Self::from_entries(entries)
    }

    fn from_entries(entries: Vec<NameEntry>) -> AliasTable {
        let longest_bytes = entries.iter().map(|entry| entry.text.len()).max().unwrap_or(0);
        let length = (entries.len() * 4).next_power_of_two();
        let mut slots: Vec<Option<NameEntry>> = vec![None; length];
        for entry in entries {
            let mut at = entry.hash as usize;
            while let Some(slot) = slots.get_mut(at & (length - 1)) {
                if slot.is_none() {
                    *slot = Some(entry);
                    break;
                }
                at += 1;
            }
        }
        AliasTable { slots: slots.into_boxed_slice(), longest_bytes }
    }

    /// Returns the field of the contract that holds what was written under a name, as far as the
    /// name alone tells; names inside of containers are `extra.request_id`. `None` for a duration
    /// in another unit: what was written under the name is not what the field holds.
    pub fn contract_name(&self, name: &str) -> Option<&'static str> {
        // A shape tells MongoDB's `c` by what stands beside it; in `C:\Users` alone it is a drive.
        let of_shapes = || if name.len() > 1 { shapes::target_of(name) } else { None };
        self.spelt_target(name).or_else(of_shapes).map(Target::name)
    }

    fn spelt_target(&self, name: &str) -> Option<Target> {
        let entry = |name: &str| self.find(NameHash::START.extend(name), "", name);
        let mut rest = name;
        loop {
            if let Some(alias) = entry(rest).and_then(|entry| entry.alias) {
                let is_converted = alias.target == Target::DurationMs
                    && alias.hint != Hint::Unit(Unit::Milliseconds);
                return (!is_converted).then_some(alias.target);
            }
            let (container, inside) = rest.split_once('.')?;
            if !entry(container)?.is_container {
                return None;
            }
            rest = inside;
        }
    }

    /// Returns what is known about the name `prefix` + `key`, whose hash is given.
    pub(crate) fn find(&self, hash: NameHash, prefix: &str, key: &str) -> Option<&NameEntry> {
        if prefix.len() + key.len() > self.longest_bytes {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut at = hash.0 as usize;
        while let Some(Some(entry)) = self.slots.get(at & mask) {
            if entry.hash == hash.0 && entry.spells(prefix, key) {
                return Some(entry);
            }
            at += 1;
        }
        None
    }
}

impl NameEntry {
    fn spells(&self, prefix: &str, key: &str) -> bool {
        self.text.len() == prefix.len() + key.len()
            && prefix.bytes().chain(key.bytes()).map(fold).eq(self.text.bytes())
    }
}

fn entry_of<'e>(entries: &'e mut Vec<NameEntry>, spelling: &str) -> &'e mut NameEntry {
    let text: String = spelling.bytes().map(|byte| char::from(fold(byte))).collect();
    let position = entries.iter().position(|entry| *entry.text == *text).unwrap_or_else(|| {
        let hash = NameHash::START.extend(&text).0;
        entries.push(NameEntry {
            text: text.into(),
            hash,
            alias: None,
            is_container: false,
            is_opened: false,
            mark: None,
        });
        entries.len() - 1
    });
    entries.get_mut(position).expect("the position was found or just filled")
}

/// Splits `took:s` and finds the hint of a spelling. A configured spelling of a duration that
/// says no unit is in milliseconds, as the field that it becomes.
fn split_unit(target: Target, spelling: &str, trust: Trust) -> (&str, Hint) {
    let named = spelling.rsplit_once(':').filter(|_| target == Target::DurationMs);
    if let Some((name, unit)) = named
        && let Some(unit) = Unit::by_name(unit)
    {
        return (name, Hint::Unit(unit));
    }
    match (Hint::of_target(target, spelling), trust) {
        (Hint::Bare, Trust::Configured) => (spelling, Hint::Unit(Unit::Milliseconds)),
        (hint, _) => (spelling, hint),
    }
}

/// Returns the byte under which spellings are compared.
const fn fold(byte: u8) -> u8 {
    match byte {
        b'-' => b'_',
        _ => byte.to_ascii_lowercase(),
    }
}

/// Hash of a folded name (FNV-1a), extended piece by piece along a dotted path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameHash(pub(crate) u64);

impl NameHash {
    /// Hash of the empty name.
    pub(crate) const START: NameHash = NameHash(0xcbf2_9ce4_8422_2325);

    /// Returns the hash of the name with a text appended.
    pub(crate) const fn extend(self, text: &str) -> NameHash {
        let NameHash(mut hash) = self;
        let mut rest = text.as_bytes();
        while let [byte, behind @ ..] = rest {
            hash = (hash ^ fold(*byte) as u64).wrapping_mul(0x0100_0000_01b3);
            rest = behind;
        }
        NameHash(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(table: &AliasTable, name: &str) -> Option<(Target, u16)> {
        let entry = table.find(NameHash::START.extend(name), "", name)?;
        entry.alias.map(|alias| (alias.target, alias.rank))
    }

    #[test]
    fn spellings_are_found_in_any_case_and_by_parts() {
        let table = AliasTable::standard();
        for name in ["request_id", "X-Request-ID", "requestId", "CORRELATION_ID"] {
            assert_eq!(target_of(&table, name).map(|found| found.0), Some(Target::RequestId));
        }
        assert_eq!(target_of(&table, "nobody_knows"), None);
        let hash = NameHash::START.extend("http.").extend("request_id");
        assert!(table.find(hash, "http.", "request_id").is_some());
        for target in Target::ALL {
            assert_eq!(target_of(&table, target.name()), Some((target, 0)));
        }
    }

    #[test]
    fn a_written_name_leads_to_the_field_that_holds_it() {
        let extra = [("request_id".to_owned(), vec!["ctx.rid".to_owned()])];
        let table = AliasTable::with_extra(&extra).expect("valid");
        for (written, expected) in [
            ("request_id", Some("request_id")),
            ("X-Request-ID", Some("request_id")),
            ("extra.request_id", Some("request_id")),
            ("context.extra.requestId", Some("request_id")),
            ("ctx.rid", Some("request_id")),
            ("elapsed_ms", Some("duration_ms")),
            ("elapsed_s", None),
            ("record.level.name", Some("level")),
            ("C", None),
            ("extra.other", None),
            ("other.request_id", None),
            ("extra.", None),
            ("", None),
        ] {
            assert_eq!(table.contract_name(written), expected, "{written}");
        }
    }

    #[test]
    fn extra_spellings_take_over_built_in_ones() {
        let extra = [
            ("service".to_owned(), vec!["name".to_owned()]),
            ("duration_ms".to_owned(), vec!["took:s".to_owned()]),
        ];
        let table = AliasTable::with_extra(&extra).expect("valid");
        assert_eq!(target_of(&table, "name"), Some((Target::Service, 1)));
        let hash = NameHash::START.extend("took");
        let took = table.find(hash, "", "took").and_then(|entry| entry.alias).expect("known");
        assert_eq!(took.hint, Hint::Unit(Unit::Seconds));
        let wrong = [("servise".to_owned(), vec![]), ("host".to_owned(), vec![" ".to_owned()])];
        assert_eq!(AliasTable::with_extra(&wrong).expect_err("invalid").len(), 2);
    }
}
