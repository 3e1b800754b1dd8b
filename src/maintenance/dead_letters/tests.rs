//! Dead letters of a real store behind real ingest: replayed once, whatever ends the process.

use std::path::Path;
use std::sync::Arc;

use tierlog_ingest::{Ingest, Redactor};
use tierlog_model::memory::{MemoryPart, MemoryUse};
use tierlog_model::{BatchId, Clock, ManualClock, Pseudonyms, SystemClock, Tenant, handoff};
use tierlog_store::{PendingReplay, Store};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{Config, Sources};
use crate::settings;

/// A store and the way into it.
struct Running {
    store: Store,
    ingest: Ingest,
    clock: Arc<dyn Clock>,
}

impl Running {
    /// Opens a directory with a limit on the length of lines.
    async fn open(directory: &Path, depth_max: usize) -> Running {
        let set = [
            format!("ingest.limits.depth_max={depth_max}"),
            "store.free_min=1MiB".to_owned(),
            "store.free_low=1MiB".to_owned(),
        ];
        let config = Config::load(&Sources { assignments: set.to_vec(), ..Sources::default() })
            .expect("valid")
            .0;
        let (sender, receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 20));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store_settings = settings::store_settings(&config, directory, &config.memory.budget());
        let store_clock = Arc::clone(&clock);
        let opening = move || Store::open(store_settings, store_clock, receiver);
        let store = tokio::task::spawn_blocking(opening).await.expect("no panic");
        let redaction = settings::redaction_settings(&config);
        let redactor = Arc::new(Redactor::new(&redaction, Pseudonyms::off()));
        let ingest_config = config.ingest.clone();
        let bodies = MemoryPart::new(MemoryUse::Bodies, 1 << 20);
        let ingest = Ingest::new(ingest_config, redactor, sender, bodies, Arc::clone(&clock));
        Running { store: store.expect("the store opens"), ingest, clock }
    }

    async fn send(&self, lines: &str) {
        let batch = self.ingest.prepare_lines(lines.as_bytes()).batch;
        self.ingest.submit(batch).await.expect("durable");
    }

    async fn replay(&self, selection: LetterSelection) -> LettersReplayed {
        let stop = CancellationToken::new();
        let clock = self.clock.as_ref();
        replay(&self.store, &self.ingest, clock, selection, &stop).await.expect("replayed")
    }

    async fn on_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.expect("no panic").expect("the store works")
    }

    async fn letters(&self) -> Vec<Letter> {
        self.on_store(|store| list(store, &LetterSelection::default(), 100)).await.letters
    }

    /// Returns the records that are no letters.
    async fn records(&self) -> u64 {
        self.on_store(|store| {
            store.flush()?;
            let letters = store.catalogue().tiers().dead_letter();
            let partitions = store.catalogue().partitions();
            let others = partitions.iter().filter(|part| part.id().tier != letters);
            Ok(others.map(|part| part.stats().records).sum())
        })
        .await
    }

    async fn close(self) {
        let Running { store, ingest, .. } = self;
        drop(ingest);
        tokio::task::spawn_blocking(move || store.close()).await.expect("no panic");
    }
}

const DEEP: &str = "{\"msg\":\"deep\",\"mail\":\"a@example.org\",\"a\":{\"b\":{\"c\":1}}}\n";

fn long_line() -> String {
    format!("{{\"a\":{{\"b\":{{\"c\":\"{}\"}}}}}}\n", "x".repeat(5_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_mended_is_a_record_and_the_rest_stays_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let strict = Running::open(directory.path(), 2).await;
    strict.send(&format!("{DEEP}{{\"broken\":\n{{\"msg\":\"good\"}}\n{}", long_line())).await;
    assert_eq!((strict.letters().await.len(), strict.records().await), (3, 1));
    // Nothing was mended yet.
    let report = strict.replay(LetterSelection::default()).await;
    assert_eq!((report.replayed, report.not_whole, report.complete), (0, 1, true));
    assert_eq!((strict.letters().await.len(), strict.records().await), (3, 1));
    strict.close().await;

    let mended = Running::open(directory.path(), 64).await;
    let report = mended.replay(LetterSelection::default()).await;
    let again = std::collections::BTreeMap::from([("invalid_json".to_owned(), 1)]);
    assert_eq!((report.replayed, &report.rejected, report.not_whole), (1, &again, 1));
    let left = mended.letters().await;
    let reasons: Vec<(&str, bool)> =
        left.iter().map(|letter| (letter.reason.as_str(), letter.replayable)).collect();
    assert_eq!(reasons, [("too_deep", false), ("invalid_json", true)]);
    assert_eq!(mended.records().await, 2);
    assert_eq!(mended.store.pending_replay().expect("readable"), None);
    // Once more changes nothing.
    assert_eq!(mended.replay(LetterSelection::default()).await.replayed, 0);
    assert_eq!((mended.letters().await.len(), mended.records().await), (2, 2));
    mended.close().await;
}

/// A way into a store that takes batches, says their names, and dies before it answers.
fn dying(strict: &Running) -> (Ingest, std::thread::JoinHandle<Vec<tierlog_model::BatchId>>) {
    let (sender, mut receiver) = handoff(MemoryPart::new(MemoryUse::Batches, 1 << 20));
    let names = std::thread::spawn(move || {
        let mut names = Vec::new();
        while let Some(submission) = receiver.blocking_recv() {
            let (batch, reply, _held) = submission.into_parts();
            names.extend(batch.id().cloned());
            drop(reply);
        }
        names
    });
    let config = Config::load(&Sources::default()).expect("valid").0;
    let redaction = settings::redaction_settings(&config);
    let redactor = Arc::new(Redactor::new(&redaction, Pseudonyms::off()));
    let ingest_config = config.ingest;
    let bodies = MemoryPart::new(MemoryUse::Bodies, 1 << 20);
    (Ingest::new(ingest_config, redactor, sender, bodies, Arc::clone(&strict.clock)), names)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_stands_in_the_journal_before_and_under_the_same_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let strict = Running::open(directory.path(), 2).await;
    strict.send(&DEEP.repeat(2)).await;
    let (ingest, names) = dying(&strict);
    let stop = CancellationToken::new();
    let selection = LetterSelection::default();
    let clock = strict.clock.as_ref();
    let ended = replay(&strict.store, &ingest, clock, selection, &stop).await;
    assert!(matches!(ended, Err(ReplayError::Refused(_))));
    drop(ingest);
    let names = names.join().expect("no panic");
    let pending = strict.on_store(Store::pending_replay).await.expect("under way");
    assert_eq!(names, [BatchId::of_client(Tenant::DEFAULT, &pending.batch).expect("a name")]);
    assert_eq!((pending.letters.len(), strict.letters().await.len()), (2, 2));
    strict.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_finishes_the_one_before_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let strict = Running::open(directory.path(), 2).await;
    strict.send(&DEEP.repeat(2)).await;
    let ids: Vec<u64> = strict.letters().await.iter().rev().map(|letter| letter.id).collect();
    strict.close().await;
    let mended = Running::open(directory.path(), 64).await;
    // The first was sent and stored; its letter is still there.
    let name = "tierlog-dead-letters/test".to_owned();
    let first = ids.iter().take(1).copied().collect();
    let pending = PendingReplay::new(Tenant::DEFAULT, name.clone(), mended.clock.now(), first);
    mended.on_store(move |store| store.begin_replay(&pending)).await;
    let line = tierlog_ingest::KeptLine {
        arrival: mended.clock.now(),
        text: DEEP.to_owned(),
        service: None,
        source: None,
    };
    let batch = BatchId::of_client(Tenant::DEFAULT, &name);
    let prepared = mended.ingest.prepare_again(&[line], Tenant::DEFAULT, batch);
    mended.ingest.submit(prepared.batch).await.expect("durable");
    let report = mended.replay(LetterSelection::default()).await;
    assert_eq!((report.replayed, report.complete), (1, true));
    assert_eq!((mended.records().await, mended.letters().await.len()), (2, 0));
    mended.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_letter_of_several_pages_is_replayed() {
    const LETTERS: usize = 2_003;
    let directory = tempfile::tempdir().expect("a directory");
    let strict = Running::open(directory.path(), 2).await;
    strict.send(&"{\"a\":{\"b\":{\"c\":1}}}\n".repeat(LETTERS)).await;
    strict.close().await;
    let mended = Running::open(directory.path(), 64).await;
    let report = mended.replay(LetterSelection::default()).await;
    assert_eq!((report.replayed, report.complete), (LETTERS as u64, true));
    assert_eq!((mended.records().await, mended.letters().await.len()), (LETTERS as u64, 0));
    mended.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_are_rejected_once_more_stay_when_a_replay_is_finished() {
    let directory = tempfile::tempdir().expect("a directory");
    let strict = Running::open(directory.path(), 2).await;
    strict.send(DEEP).await;
    let ids = strict.letters().await.iter().map(|letter| letter.id).collect();
    // The page was not sent, and none of the letters would be a record today.
    let pending = PendingReplay::new(Tenant::DEFAULT, "test".to_owned(), strict.clock.now(), ids);
    strict.on_store(move |store| store.begin_replay(&pending)).await;
    let finished = finish_pending(&strict.store, &strict.ingest, strict.clock.as_ref()).await;
    finished.expect("finished");
    assert_eq!((strict.records().await, strict.letters().await.len()), (0, 1));
    assert_eq!(strict.store.pending_replay().expect("readable"), None);
    strict.close().await;
}

/// The step of a page before which a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Sending,
    TakingAway,
    Forgetting,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_was_cut_short_is_finished_once() {
    for killed in [Killed::Sending, Killed::TakingAway, Killed::Forgetting] {
        let directory = tempfile::tempdir().expect("a directory");
        let strict = Running::open(directory.path(), 2).await;
        strict.send(&DEEP.repeat(3)).await;
        strict.close().await;

        let mended = Running::open(directory.path(), 64).await;
        let ids: Vec<u64> = mended.letters().await.iter().rev().map(|letter| letter.id).collect();
        let name = "tierlog-dead-letters/test".to_owned();
        // Two of the three: the third was rejected when the page was judged.
        let chosen: Vec<u64> = ids.iter().take(2).copied().collect();
        let pending =
            PendingReplay::new(Tenant::DEFAULT, name.clone(), mended.clock.now(), chosen.clone());
        mended.on_store(move |store| store.begin_replay(&pending)).await;
        if killed != Killed::Sending {
            let lines: Vec<tierlog_ingest::KeptLine> = vec![
                tierlog_ingest::KeptLine {
                    arrival: mended.clock.now(),
                    text: DEEP.to_owned(),
                    service: None,
                    source: None,
                };
                2
            ];
            let batch = BatchId::of_client(Tenant::DEFAULT, &name);
            let prepared = mended.ingest.prepare_again(&lines, Tenant::DEFAULT, batch);
            mended.ingest.submit(prepared.batch).await.expect("durable");
        }
        if killed == Killed::Forgetting {
            let gone = LetterSelection::of_ids(Tenant::DEFAULT, chosen);
            mended.on_store(move |store| store.drop_dead_letters(&gone, LetterEnd::Replayed)).await;
        }
        mended.close().await;

        // A start under today's limits, tomorrow's or yesterday's: it is the same.
        let depth_max = if killed == Killed::TakingAway { 2 } else { 64 };
        let again = Running::open(directory.path(), depth_max).await;
        let finished = finish_pending(&again.store, &again.ingest, again.clock.as_ref()).await;
        finished.expect("finished");
        assert_eq!(again.store.pending_replay().expect("readable"), None, "{killed:?}");
        assert_eq!(again.records().await, 2, "{killed:?}");
        let left: Vec<u64> = again.letters().await.iter().map(|letter| letter.id).collect();
        assert_eq!(left, ids.get(2..).unwrap_or_default(), "{killed:?}");
        again.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_long_ago_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let strict = Running::open(directory.path(), 2).await;
    strict.send(DEEP).await;
    strict.close().await;
    // It would be a record today.
    let running = Running::open(directory.path(), 64).await;
    let id = running.letters().await.first().map_or(0, |letter| letter.id);
    let pending =
        PendingReplay::new(Tenant::DEFAULT, "old".to_owned(), Timestamp::default(), vec![id]);
    running.on_store(move |store| store.begin_replay(&pending)).await;
    let later: Arc<dyn Clock> = Arc::new(ManualClock::at(running.clock.now()));
    finish_pending(&running.store, &running.ingest, later.as_ref()).await.expect("left");
    assert_eq!(running.store.pending_replay().expect("readable"), None);
    assert_eq!((running.letters().await.len(), running.records().await), (1, 0));
    running.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_a_replay_between_pages() {
    let directory = tempfile::tempdir().expect("a directory");
    let running = Running::open(directory.path(), 2).await;
    running.send(DEEP).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let selection = LetterSelection::default();
    let report =
        replay(&running.store, &running.ingest, running.clock.as_ref(), selection, &stop).await;
    assert!(!report.expect("a report").complete);
    running.close().await;
}

#[test]
fn parameters_are_read_strictly() {
    let now = Timestamp::default();
    let with = |change: fn(&mut LetterParameters)| {
        let mut parameters = LetterParameters::default();
        change(&mut parameters);
        parameters
    };
    assert_eq!(with(|_| ()).selection(Tenant::DEFAULT, now), Ok(LetterSelection::default()));
    let ids = with(|own| own.id = Some("9, 7".to_owned()))
        .selection(Tenant::DEFAULT, now)
        .expect("numbers");
    assert_eq!(ids.ids, Some(vec![7, 9]));
    for (bad, starts) in [
        (with(|own| own.id = Some("7,x".to_owned())), "id:"),
        (with(|own| own.id = Some("1,".repeat(501))), "id:"),
        (with(|own| own.reason = Some("because".to_owned())), "reason:"),
        (with(|own| own.start = Some("Tuesday".to_owned())), "start:"),
    ] {
        let problem = bad.selection(Tenant::DEFAULT, now).expect_err("refused");
        assert!(problem.starts_with(starts), "{problem}");
    }
    assert!(
        with(|_| ()).selection_to_change(Tenant::DEFAULT, now).is_err(),
        "nothing said is not everything"
    );
    assert!(with(|own| own.all = Some(true)).selection_to_change(Tenant::DEFAULT, now).is_ok());
    assert_eq!(with(|own| own.limit = Some(1_001)).limit(), Err("limit: at most 1000".to_owned()));
}
