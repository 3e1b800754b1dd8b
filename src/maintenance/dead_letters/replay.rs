//! Sends dead letters through ingest once more.
//!
//! ```text
//! for each page of letters, oldest first
//!   read them once more                  those that are records now make a batch
//!   journal: batch id, their numbers     durable
//!   batch -> Q1 -> WAL -> ack            durable
//!   take them from the dead letters      durable
//!   journal is removed                   durable
//! ```
//!
//! Killed between any two of these steps, the next start finds the journal and does the page
//! again under the same batch id: what was stored is a duplicate. A letter is never gone before
//! its record is durable, and is not stored twice while batch ids are remembered.

use std::time::Duration;

use tierlog_ingest::{Ingest, KeptLine};
use tierlog_model::{BatchId, Clock, Refusal, Tenant};
use tierlog_store::{
    LetterEnd, LetterOrder, LetterSelection, PendingReplay, Store, StoreError, StoredRecord,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::report::{Letter, LettersReplayed};

/// Letters of a page: 8 MiB at most, deleted in a commit.
const PAGE_LETTERS: usize = 2_000;

/// Why a replay stopped half way. What is said in the module holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    /// The store could not be read or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store does not take lines now.
    #[error("replay dead letters: {0}")]
    Refused(#[from] Refusal),
    /// The thread that worked ended early.
    #[error("replay dead letters: thread ended early")]
    Thread,
}

/// Replays the letters of a selection. Ends early when `stop` is cancelled.
pub(crate) async fn replay(
    store: &Store,
    ingest: &Ingest,
    clock: &dyn Clock,
    selection: LetterSelection,
    stop: &CancellationToken,
) -> Result<LettersReplayed, ReplayError> {
    finish_pending(store, ingest, clock).await?;
    let mut report = LettersReplayed::default();
    let mut from = 0;
    while !stop.is_cancelled() {
        let page = LetterSelection { from, ..selection.clone() };
        let letters = read(store, page).await?;
        let Some(last) = letters.last() else {
            report.complete = true;
            break;
        };
        from = last.seq + 1;
        replay_page(store, ingest, (clock, selection.tenant), &letters, &mut report).await?;
    }
    Ok(report)
}

async fn replay_page(
    store: &Store,
    ingest: &Ingest,
    (clock, tenant): (&dyn Clock, Tenant),
    letters: &[StoredRecord],
    report: &mut LettersReplayed,
) -> Result<(), ReplayError> {
    let (whole, cut): (Vec<&StoredRecord>, Vec<&StoredRecord>) =
        letters.iter().partition(|letter| Letter::new(letter).replayable);
    report.not_whole += cut.len() as u64;
    let now = clock.now();
    let first = whole.first().map_or(0, |letter| letter.seq);
    let name = format!("tierlog-dead-letters/{first}/{}", now.as_micros());
    let lines: Vec<KeptLine> = whole.iter().map(|letter| kept_line(letter)).collect();
    let prepared = ingest.prepare_again(&lines, tenant, BatchId::of_client(tenant, &name));
    let mut accepted = Vec::new();
    for (letter, rejected) in whole.iter().zip(&prepared.rejected) {
        match rejected {
            None => accepted.push(letter.seq),
            Some(reason) => {
                *report.rejected.entry(reason.as_str().to_owned()).or_default() += 1;
            }
        }
    }
    if accepted.is_empty() {
        return Ok(());
    }
    let pending = PendingReplay::new(tenant, name, now, accepted.clone());
    blocking(store, move |store| store.begin_replay(&pending)).await?;
    // ORDER: the record is durable before its letter goes.
    ingest.submit(prepared.batch.of_tenant(tenant)).await?;
    report.replayed += take_away(store, tenant, accepted).await?;
    Ok(())
}

/// Does the rest of a replay that an earlier process, or a refusal, cut short.
pub(crate) async fn finish_pending(
    store: &Store,
    ingest: &Ingest,
    clock: &dyn Clock,
) -> Result<(), ReplayError> {
    let Some(pending) = blocking(store, Store::pending_replay).await? else { return Ok(()) };
    let window = store.settings().retry_window_age;
    if age(&pending, clock) > window {
        warn!(
            letters = pending.letters.len(),
            "leave a replay that was cut short longer ago than batch ids are remembered"
        );
        return blocking(store, Store::end_replay).await;
    }
    let letters =
        read(store, LetterSelection::of_ids(pending.tenant, pending.letters.clone())).await?;
    let lines: Vec<KeptLine> = letters.iter().map(kept_line).collect();
    let id = BatchId::of_client(pending.tenant, &pending.batch);
    let prepared = ingest.prepare_again(&lines, pending.tenant, id);
    let is_record = prepared.rejected.iter().map(Option::is_none);
    let accepted: Vec<u64> = letters
        .iter()
        .zip(is_record)
        .filter_map(|(letter, is_record)| is_record.then_some(letter.seq))
        .collect();
    let receipt = ingest.submit(prepared.batch.of_tenant(pending.tenant)).await?;
    // What is a record may be judged otherwise today; what was stored then counts.
    let stored = if receipt.duplicate_count > 0 { pending.letters } else { accepted };
    let finished = take_away(store, pending.tenant, stored).await?;
    info!(letters = finished, "finish a replay that was cut short");
    Ok(())
}

async fn take_away(store: &Store, tenant: Tenant, letters: Vec<u64>) -> Result<u64, ReplayError> {
    blocking(store, move |store| {
        let selection = LetterSelection::of_ids(tenant, letters);
        let gone = store.drop_dead_letters(&selection, LetterEnd::Replayed)?;
        // ORDER: the letters are gone for good before nobody knows of the replay any more.
        store.end_replay()?;
        Ok(gone.values().sum())
    })
    .await
}

async fn read(store: &Store, selection: LetterSelection) -> Result<Vec<StoredRecord>, ReplayError> {
    let read =
        move |store: &Store| store.dead_letters(&selection, LetterOrder::OldestFirst, PAGE_LETTERS);
    Ok(blocking(store, read).await?.letters)
}

async fn blocking<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ReplayError> {
    let store = store.clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    done.map_err(|_| ReplayError::Thread)?.map_err(ReplayError::from)
}

fn kept_line(letter: &StoredRecord) -> KeptLine {
    let Letter { service, source, message, .. } = Letter::new(letter);
    KeptLine { arrival: letter.record.timestamp, text: message, service, source }
}

fn age(pending: &PendingReplay, clock: &dyn Clock) -> Duration {
    let micros = clock.now().as_micros().saturating_sub(pending.started.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
