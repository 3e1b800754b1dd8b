//! Which ids were issued and which were acknowledged: a file outside the data directory, synced
//! before a line is sent and after its ack was read.
//!
//! ```text
//! issued <first> <end>
//! acked <first> <end>
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

use super::tenants::Tenant;

/// The ledger of one data directory. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    path: Arc<PathBuf>,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Of each tenant that has lines: the id after its last.
    next: BTreeMap<Tenant, u64>,
}

/// What a ledger says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Ids that were sent, perhaps.
    pub(crate) issued: BTreeSet<u64>,
    /// Ids whose ack was read.
    pub(crate) acked: BTreeSet<u64>,
}

impl Ledger {
    /// Begins a ledger in a file.
    pub(crate) fn create(path: &Path) -> Result<Ledger> {
        let file = File::options().create(true).append(true).open(path).context("open a ledger")?;
        let issued = Known::read(path)?.issued;
        let own = issued.iter().filter_map(|id| Some((Tenant::of_line(*id)?, id + 1)));
        let next = own.collect();
        Ok(Ledger {
            path: Arc::new(path.to_owned()),
            open: Arc::new(Mutex::new(Open { file, next })),
        })
    }

    /// Returns unused ids of a tenant. They may be sent from now on.
    pub(crate) fn issue(&self, tenant: Tenant, count: u64) -> Result<Range<u64>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let next = open.next.entry(tenant).or_insert(tenant.first_id());
        let ids = *next..*next + count;
        *next = ids.end;
        write(&mut open.file, "issued", &ids)?;
        Ok(ids)
    }

    /// Notes that the ack of ids was read.
    pub(crate) fn ack(&self, ids: &Range<u64>) -> Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut open.file, "acked", ids)
    }

    /// Returns what the file says.
    pub(crate) fn known(&self) -> Result<Known> {
        Known::read(&self.path)
    }
}

impl Known {
    /// Reads a ledger's file.
    pub(crate) fn read(path: &Path) -> Result<Known> {
        let mut known = Known::default();
        for line in std::fs::read_to_string(path).context("read a ledger")?.lines() {
            let mut words = line.split(' ');
            let set = match words.next() {
                Some("issued") => &mut known.issued,
                Some("acked") => &mut known.acked,
                _ => anyhow::bail!("a line of the ledger does not read: {line:?}"),
            };
            let mut number = || words.next()?.parse::<u64>().ok();
            let ids = number().zip(number()).context("a line of the ledger does not read")?;
            set.extend(ids.0..ids.1);
        }
        Ok(known)
    }
}

fn write(file: &mut File, word: &str, ids: &Range<u64>) -> Result<()> {
    writeln!(file, "{word} {} {}", ids.start, ids.end).context("write the ledger")?;
    file.sync_data().context("sync the ledger")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_outlives_its_owner() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ledger");
        let ledger = Ledger::create(&path).expect("a ledger");
        let other = Tenant::of_turn(1);
        assert_eq!(ledger.issue(Tenant::FIRST, 5).expect("ids"), 0..5);
        let of_other = ledger.issue(other, 2).expect("ids");
        assert_eq!(of_other.clone().map(Tenant::of_line).collect::<Vec<_>>(), [Some(other); 2]);
        ledger.ack(&(0..3)).expect("noted");
        let again = Ledger::create(&path).expect("a ledger");
        assert_eq!(again.issue(Tenant::FIRST, 1).expect("ids"), 5..6);
        assert_eq!(again.issue(other, 1).expect("ids").start, of_other.end);
        let known = again.known().expect("it reads");
        assert_eq!((known.issued.len(), known.acked.len()), (9, 3));
    }
}
