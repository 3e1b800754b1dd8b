//! Damage of the log, told until an engineer acknowledges the entry.
//!
//! Damaged places and missing numbers arrive, and each becomes an entry under `quarantine/`: facts
//! and unreadable bytes. Entries directly in `quarantine/` are told. An acknowledged entry lies in
//! `quarantine/acknowledged/` and is not told again, although the damage may still be in the
//! segment: segments are never rewritten.
//!
//! ```text
//! quarantine/log-<number of the first record, 20 digits>[-<offset in the segment>]/
//!   loss.json     which records are gone, of which time, and what was wrong; behind the JSON a
//!                 line with its CRC-32C in 8 hexadecimal digits
//!   bytes         what lay there; absent where there was nothing
//! ```

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::counter;
use serde::{Deserialize, Serialize};
use tierlog_model::metric_names::WAL_CORRUPT_FRAMES;
use tierlog_model::{Span, Timestamp};
use tracing::{error, warn};

use super::WalError;
use super::list::Directories;
use crate::backend::{Vfs, read_up_to};
use crate::{StoreError, files};

const ENTRY_PREFIX: &str = "log-";
const FACTS_FILE: &str = "loss.json";
const BYTES_FILE: &str = "bytes";
const ACKNOWLEDGED: &str = "acknowledged";
const COPY_BYTES: usize = 64 * 1024;

/// Entries that are told apart. A segment that is damaged in more places is one story: the last
/// entry says from where on, and the bytes stay in the segment for as long as it stays.
const LOSSES_MAX: usize = 1_000;

/// Damage of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Its name under `quarantine/`.
    pub name: String,
    /// Number of the first record that the place held.
    pub first_seq: u64,
    /// Number behind the last lost record, where a later number says so.
    pub end_seq: Option<u64>,
    /// How many records are gone: records of the place that no index has. `None` where no number
    /// behind the place is known.
    pub records: Option<u64>,
    /// Earliest moment of a lost record; missing where the log does not know.
    pub earliest: Option<Timestamp>,
    /// Latest moment of a lost record; missing where the log does not know.
    pub latest: Option<Timestamp>,
    /// What is wrong.
    pub problem: String,
}

impl Loss {
    /// Tells whether records are gone, or may be.
    pub fn lacks_records(&self) -> bool {
        self.records != Some(0)
    }

    /// Tells whether a record that is gone may have happened in a span; ends count.
    pub fn touches(&self, span: Span) -> bool {
        self.lacks_records()
            && self.earliest.is_none_or(|earliest| earliest <= span.latest)
            && self.latest.is_none_or(|latest| latest >= span.earliest)
    }
}

/// Damage as it is found.
#[derive(Clone, Debug)]
pub(super) struct Damage<'a> {
    /// Numbers that the place held.
    pub(super) numbers: Numbers,
    /// Where the moments of its records lay, if that is known.
    pub(super) span: Option<Span>,
    /// The bytes that do not read, of a segment.
    pub(super) part: Option<(&'a Path, Range<u64>)>,
    pub(super) problem: String,
}

/// The numbers of records that a damaged place held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) first: u64,
    /// Number behind the last one; `None` where nothing says how many there were.
    pub(super) end: Option<u64>,
    /// Records before this number are in the indexes.
    pub(super) indexed_below: u64,
}

impl Numbers {
    fn lost_count(self) -> Option<u64> {
        self.end.map(|end| end.saturating_sub(self.first.max(self.indexed_below)))
    }
}

/// The entries, shared by recovery, replays, health and answers.
#[derive(Clone, Debug)]
pub(crate) struct Losses {
    vfs: Arc<dyn Vfs>,
    directories: Directories,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    told: Vec<Told>,
    acknowledged: BTreeSet<String>,
}

#[derive(Debug)]
struct Told {
    loss: Loss,
    kept: Kept,
}

/// Whether an entry lies in `quarantine/`, from where it goes when it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Yes,
    /// Without room, or on a failing disk, the loss is told until the process ends.
    No,
    /// The entry's facts do not read, and are written again when the damage is found again.
    Unreadable,
}

impl Losses {
    /// Reads what former processes have found.
    pub(super) fn open(vfs: Arc<dyn Vfs>, directories: Directories) -> Result<Losses, WalError> {
        let names = |directory: &Path| -> Result<Vec<String>, WalError> {
            if !vfs.exists(directory).map_err(WalError::io("inspect", directory))? {
                return Ok(Vec::new());
            }
            let names = vfs.list_dir(directory).map_err(WalError::io("list", directory))?;
            let names = names.into_iter().filter_map(|name| name.into_string().ok());
            Ok(names.filter(|name| name.starts_with(ENTRY_PREFIX)).collect())
        };
        let quarantine = &directories.quarantine;
        let acknowledged = names(&quarantine.join(ACKNOWLEDGED))?.into_iter().collect();
        let told = names(quarantine)?
            .into_iter()
            .filter_map(|name| read_facts(vfs.as_ref(), quarantine, name))
            .collect();
        let known = Arc::new(Mutex::new(Known { told, acknowledged }));
        Ok(Losses { vfs, directories, known })
    }

    /// Returns what is to be told, in the order of the log.
    pub(crate) fn told(&self) -> Vec<Loss> {
        let mut told: Vec<Loss> =
            self.current().told.iter().map(|entry| entry.loss.clone()).collect();
        told.sort_by(|a, b| (a.first_seq, &a.name).cmp(&(b.first_seq, &b.name)));
        told
    }

    /// Tells whether a record that is gone may have happened in a span.
    pub(crate) fn touch(&self, span: Span) -> bool {
        self.current().told.iter().any(|entry| entry.loss.touches(span))
    }

    /// Returns the known damage without the entries that were moved away since.
    fn current(&self) -> MutexGuard<'_, Known> {
        let mut known = self.lock();
        let Known { told, acknowledged } = &mut *known;
        told.retain(|Told { loss, kept }| {
            let path = self.directories.quarantine.join(&loss.name);
            let is_moved = *kept != Kept::No && matches!(self.vfs.exists(&path), Ok(false));
            if is_moved {
                acknowledged.insert(loss.name.clone());
            }
            !is_moved
        });
        known
    }

    /// Notes new damage, and keeps the bytes in quarantine.
    ///
    /// Failing to keep is not an error: a full disk must not keep the server from starting, the
    /// damage is told by this process, and found again by the next one while its segment is
    /// there.
    pub(super) fn note(&self, damage: &Damage<'_>) {
        let name = match &damage.part {
            Some((_, part)) => {
                format!("{ENTRY_PREFIX}{:020}-{}", damage.numbers.first, part.start)
            }
            None => format!("{ENTRY_PREFIX}{:020}", damage.numbers.first),
        };
        let mut known = self.lock();
        known.told.retain(|entry| entry.kept != Kept::Unreadable || entry.loss.name != name);
        if known.acknowledged.contains(&name)
            || known.told.iter().any(|entry| entry.loss.name == name)
        {
            return;
        }
        counter!(WAL_CORRUPT_FRAMES).increment(1);
        let loss = Loss {
            name,
            first_seq: damage.numbers.first,
            end_seq: damage.numbers.end,
            records: damage.numbers.lost_count(),
            earliest: damage.span.map(|span| span.earliest),
            latest: damage.span.map(|span| span.latest),
            problem: damage.problem.clone(),
        };
        if known.told.len() >= LOSSES_MAX {
            if let Some(Told { loss: last, .. }) = known.told.last_mut() {
                *last = together(last, &loss);
                let _ = self.keep(last, None);
            }
            return;
        }
        if loss.lacks_records() {
            let (first_seq, records) = (loss.first_seq, loss.records);
            error!(entry = %loss.name, first_seq, ?records, problem = %loss.problem,
                "records of the wal are gone");
        } else {
            warn!(entry = %loss.name, problem = %loss.problem,
                "damage in the wal, whose records are all indexed");
        }
        let kept = self.keep(&loss, damage.part.as_ref());
        known.told.push(Told { loss, kept });
    }

    fn keep(&self, loss: &Loss, part: Option<&(&Path, Range<u64>)>) -> Kept {
        match self.try_keep(loss, part) {
            Ok(()) => Kept::Yes,
            Err(error) => {
                warn!(entry = %loss.name, %error, "cannot keep damage of the wal in quarantine");
                Kept::No
            }
        }
    }

    fn try_keep(&self, loss: &Loss, part: Option<&(&Path, Range<u64>)>) -> Result<(), StoreError> {
        let (vfs, quarantine) = (self.vfs.as_ref(), &self.directories.quarantine);
        files::create_directory(vfs, quarantine)?;
        let entry = quarantine.join(&loss.name);
        files::create_directory(vfs, &entry)?;
        if let Some((segment, part)) = part {
            let path = entry.join(BYTES_FILE);
            // A start that was cut short may have left a part of it.
            files::remove_file(vfs, &path)?;
            copy(vfs, segment, part.clone(), &path)?;
        }
        // ORDER: the facts last, because facts make an entry known.
        let path = entry.join(FACTS_FILE);
        let facts = serde_json::to_vec_pretty(loss).map_err(|error| StoreError::Malformed {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        files::write_checked(vfs, &path, &facts)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what an entry says; `None` when a start was cut short before the facts were written,
/// which finds the damage again. Facts that do not read say the worst.
fn read_facts(vfs: &dyn Vfs, quarantine: &Path, name: String) -> Option<Told> {
    let path = quarantine.join(&name).join(FACTS_FILE);
    if matches!(vfs.exists(&path), Ok(false)) {
        return None;
    }
    let facts = files::read_checked(vfs, &path).ok().flatten();
    let loss = facts.and_then(|json| serde_json::from_slice::<Loss>(&json).ok());
    if let Some(loss) = loss.filter(|loss| loss.name == name) {
        return Some(Told { loss, kept: Kept::Yes });
    }
    let digits = name.strip_prefix(ENTRY_PREFIX).and_then(|rest| rest.split('-').next());
    let first_seq = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let problem = "what was known of the damage does not read".to_owned();
    let unknown = (None, None, None, None);
    let (end_seq, records, earliest, latest) = unknown;
    let loss = Loss { name, first_seq, end_seq, records, earliest, latest, problem };
    Some(Told { loss, kept: Kept::Unreadable })
}

/// Returns two losses as one.
fn together(first: &Loss, second: &Loss) -> Loss {
    let both = |a: Option<Timestamp>, b: Option<Timestamp>, pick: fn(_, _) -> Timestamp| {
        a.zip(b).map(|(a, b)| pick(a, b))
    };
    Loss {
        end_seq: first.end_seq.zip(second.end_seq).map(|(a, b)| a.max(b)),
        records: first.records.zip(second.records).map(|(a, b)| a.saturating_add(b)),
        earliest: both(first.earliest, second.earliest, std::cmp::min),
        latest: both(first.latest, second.latest, std::cmp::max),
        problem: "damaged in more places than are told apart".to_owned(),
        ..first.clone()
    }
}

fn copy(vfs: &dyn Vfs, segment: &Path, part: Range<u64>, path: &Path) -> Result<(), WalError> {
    let source = vfs.open_read(segment).map_err(WalError::io("open", segment))?;
    let mut copy = vfs.create_new(path).map_err(WalError::io("create", path))?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut offset = part.start;
    while offset < part.end {
        let left = usize::try_from(part.end - offset).unwrap_or(COPY_BYTES);
        let chunk = buffer.get_mut(..left.min(COPY_BYTES)).unwrap_or_default();
        let read =
            read_up_to(source.as_ref(), offset, chunk).map_err(WalError::io("read", segment))?;
        if read == 0 {
            break;
        }
        let chunk = chunk.get(..read).unwrap_or_default();
        copy.write_all(chunk).map_err(WalError::io("write", path))?;
        offset += read as u64;
    }
    copy.sync_data().map_err(WalError::io("sync", path))
}
