//! The places of a listener: a connection holds a place, and when all places are held, the
//! connection that has waited longest is evicted.
//!
//! A connection notes since when the client is waited for. When every place is taken and somebody
//! knocks, the one that has waited longest is asked to leave: idle connections, heads and bodies
//! that drip, and lines without an end hold a place only as long as nobody else needs it. A
//! connection with a request in work is never evicted.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use metrics::counter;
use tierlog_model::metric_names::CONNECTIONS_EVICTED;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a connection may wait for its client before it may be asked to leave: longer than
/// any two halves of a request lie apart on the way, short enough that a house full of idle
/// connections is emptied in a second.
const EVICT_AFTER: Duration = Duration::from_secs(1);

/// How long one that was asked to leave may take, and how often it is looked for another.
const EVICT_INTERVAL: Duration = Duration::from_millis(50);

/// What stands for "does not wait".
const WORKS: u64 = u64::MAX;

/// The places of one listener.
#[derive(Debug)]
pub(crate) struct Seats {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<Taken>>,
    epoch: Instant,
    stop: CancellationToken,
    /// Of which listener, for the counter.
    name: Arc<str>,
}

#[derive(Debug, Default)]
struct Taken {
    seats: BTreeMap<u64, Seat>,
    next: u64,
    /// Those that waited long enough when it was last looked, the longest first: a house full of
    /// idle connections is emptied in one look at each of them and not in one for each that goes.
    longest: VecDeque<Waiting>,
}

/// A waiting connection, and since when: out of date once the moment has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    since: u64,
    number: u64,
}

impl Taken {
    /// Returns the seat with the longest wait, if the wait was long enough.
    fn longest_waiting(&mut self, latest: u64) -> Option<&Seat> {
        let mut found = self.next_of_list();
        if found.is_none() {
            self.look(latest);
            found = self.next_of_list();
        }
        self.seats.get(&found?)
    }

    fn next_of_list(&mut self) -> Option<u64> {
        while let Some(waiting) = self.longest.pop_front() {
            let seat = self.seats.get(&waiting.number);
            if seat.is_some_and(|seat| seat.since() == waiting.since) {
                return Some(waiting.number);
            }
        }
        None
    }

    fn look(&mut self, latest: u64) {
        let all = self.seats.iter();
        let mut waiting: Vec<Waiting> = all
            .map(|(number, seat)| (Waiting { since: seat.since(), number: *number }, seat))
            .filter(|(waiting, seat)| waiting.since <= latest && seat.may_be_asked())
            .map(|(waiting, _)| waiting)
            .collect();
        waiting.sort_unstable();
        self.longest = waiting.into();
    }
}

/// The place of a connection, as the connection sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    epoch: Instant,
    /// Milliseconds from `epoch` to the moment since which the client is waited for, or [`WORKS`].
    waits_since: Arc<AtomicU64>,
    leave: CancellationToken,
}

/// Holds a place. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Taking {
    number: u64,
    taken: Arc<Mutex<Taken>>,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    /// Returns so many free places. All have to leave when `stop` says so.
    pub(crate) fn new(name: Arc<str>, count: usize, stop: CancellationToken) -> Seats {
        Seats {
            free: Arc::new(Semaphore::new(count)),
            taken: Arc::default(),
            epoch: Instant::now(),
            stop,
            name,
        }
    }

    /// Waits for a place, and makes one free when there is one to be made.
    ///
    /// Cancel-safe: a place that was not returned is free.
    pub(crate) async fn free_place(&self) -> OwnedSemaphorePermit {
        let mut patience = Duration::ZERO;
        loop {
            let waiting = Arc::clone(&self.free).acquire_owned();
            if let Ok(Ok(permit)) = tokio::time::timeout(patience, waiting).await {
                return permit;
            }
            self.ask_one_to_leave();
            patience = EVICT_INTERVAL;
        }
    }

    /// Gives a place to a connection; it waits for its client from now on.
    pub(crate) fn take(&self, permit: OwnedSemaphorePermit) -> (Taking, Seat) {
        let seat =
            Seat { epoch: self.epoch, waits_since: Arc::default(), leave: self.stop.child_token() };
        seat.waits_since_now();
        let mut taken = lock(&self.taken);
        let number = taken.next;
        taken.next += 1;
        taken.seats.insert(number, seat.clone());
        let taking = Taking { number, taken: Arc::clone(&self.taken), _permit: permit };
        (taking, seat)
    }

    /// Asks the connection that has waited longest to leave. Tells whether there was one.
    pub(crate) fn ask_one_to_leave(&self) -> bool {
        let now = millis(self.epoch.elapsed());
        let latest = now.saturating_sub(millis(EVICT_AFTER));
        let mut taken = lock(&self.taken);
        let Some(seat) = taken.longest_waiting(latest) else { return false };
        seat.leave.cancel();
        counter!(CONNECTIONS_EVICTED, "listener" => Arc::clone(&self.name)).increment(1);
        true
    }
}

impl Seat {
    /// Notes that the client is waited for from now on.
    pub(crate) fn waits_since_now(&self) {
        self.waits_since.store(millis(self.epoch.elapsed()), Ordering::Relaxed);
    }

    /// Notes that a request of the client is in work.
    pub(crate) fn works(&self) {
        self.waits_since.store(WORKS, Ordering::Relaxed);
    }

    /// Returns the token that asks the connection to leave, alone or with all others.
    pub(crate) fn leave(&self) -> &CancellationToken {
        &self.leave
    }

    fn since(&self) -> u64 {
        self.waits_since.load(Ordering::Relaxed)
    }

    /// Tells whether it was not asked to leave yet.
    fn may_be_asked(&self) -> bool {
        !self.leave.is_cancelled()
    }

    /// Notes that the client is waited for since a moment.
    pub(crate) fn waits_since_moment(&self, moment: Instant) {
        let since = millis(moment.saturating_duration_since(self.epoch));
        self.waits_since.store(since, Ordering::Relaxed);
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        lock(&self.taken).seats.remove(&self.number);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(WORKS - 1)
}

/// Every step leaves the map whole, so a panic elsewhere does not spoil it.
fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stream of lines: the seat learns how long the last whole line lies back.
#[derive(Debug)]
pub(crate) struct LineWatch<S> {
    inner: S,
    seat: Seat,
    last_line: Instant,
}

impl<S> LineWatch<S> {
    /// Watches a stream.
    pub(crate) fn new(inner: S, seat: Seat) -> LineWatch<S> {
        LineWatch { inner, seat, last_line: Instant::now() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LineWatch<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(context, buffer);
        if outcome.is_pending() {
            self.seat.waits_since_moment(self.last_line);
            return outcome;
        }
        let read = buffer.filled().get(before..).unwrap_or_default();
        if memchr::memrchr(b'\n', read).is_some() {
            self.last_line = Instant::now();
        }
        self.seat.works();
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LineWatch<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_waited_longest_leaves_and_nobody_who_works() {
        let seats = Seats::new("test".into(), 3, CancellationToken::new());
        let mut seated = Vec::new();
        for _ in 0..3 {
            seated.push(seats.take(seats.free_place().await));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seated[0].1.works();
        let leaving = async {
            seated[1].1.leave().cancelled().await;
            assert!(!seated[0].1.leave().is_cancelled() && !seated[2].1.leave().is_cancelled());
            seated.remove(1);
        };
        let before = Instant::now();
        let (_place, ()) = tokio::join!(seats.free_place(), leaving);
        assert!(before.elapsed() >= EVICT_AFTER - Duration::from_millis(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_house_full_is_emptied_in_the_order_of_waiting() {
        let seats = Seats::new("test".into(), 5, CancellationToken::new());
        let mut seated = Vec::new();
        for _ in 0..5 {
            seated.push(seats.take(seats.free_place().await));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(EVICT_AFTER).await;
        let asked = |seated: &[(Taking, Seat)]| -> Vec<bool> {
            seated.iter().map(|(_, seat)| seat.leave().is_cancelled()).collect()
        };
        assert!(seats.ask_one_to_leave());
        assert_eq!(asked(&seated), [true, false, false, false, false]);
        // Since the last look, the first works, the second waits again, the third has left.
        seated[1].1.works();
        seated[2].1.waits_since_now();
        let gone = seated.remove(3);
        drop(gone);
        assert!(seats.ask_one_to_leave());
        assert_eq!(asked(&seated), [true, false, false, true]);
        assert!(!seats.ask_one_to_leave(), "the others have not waited for long");
        tokio::time::sleep(EVICT_AFTER).await;
        assert!(seats.ask_one_to_leave());
        assert_eq!(asked(&seated), [true, false, true, true]);
        assert!(!seats.ask_one_to_leave(), "one works, the others were asked");
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_first_and_waits_anew_leaves_last_and_all_do_at_a_stop() {
        let stop = CancellationToken::new();
        let seats = Seats::new("test".into(), 3, stop.clone());
        let mut seated = Vec::new();
        for _ in 0..3 {
            seated.push(seats.take(seats.free_place().await));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seated[0].1.works();
        seated[0].1.waits_since_now();
        tokio::time::sleep(EVICT_AFTER).await;
        for expected in [[false, true, false], [false, true, true], [true, true, true]] {
            assert!(seats.ask_one_to_leave());
            let asked = seated.iter().map(|(_, seat)| seat.leave().is_cancelled());
            assert_eq!(asked.collect::<Vec<_>>(), expected);
        }
        seated.clear();
        let (_taking, seat) = seats.take(seats.free_place().await);
        stop.cancel();
        assert!(seat.leave().is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_leaves_while_all_work() {
        let seats = Seats::new("test".into(), 1, CancellationToken::new());
        let (taking, seat) = seats.take(seats.free_place().await);
        seat.works();
        let knocking = tokio::time::timeout(Duration::from_secs(60), seats.free_place());
        assert!(knocking.await.is_err(), "there was no place");
        drop(taking);
        let _place = seats.free_place().await;
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_without_a_line_end_do_not_count_as_a_line() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let seats = Seats::new("test".into(), 1, CancellationToken::new());
        let (_taking, seat) = seats.take(seats.free_place().await);
        let (mut client, server) = tokio::io::duplex(64);
        let mut watched = LineWatch::new(server, seat);
        let mut buffer = [0; 64];
        for (bytes, may_stay) in [("x", false), ("x\n", true), ("x", false)] {
            tokio::time::advance(EVICT_AFTER).await;
            client.write_all(bytes.as_bytes()).await.expect("room");
            let _ = watched.read(&mut buffer).await.expect("bytes");
            assert_eq!(watched.seat.since(), WORKS, "what was read is worked on");
            let pending = tokio::time::timeout(Duration::ZERO, watched.read(&mut buffer)).await;
            assert!(pending.is_err());
            let asked = seats.ask_one_to_leave();
            assert_eq!(asked, !may_stay, "{bytes:?}");
            // A token is asked once; the next round needs a fresh one.
            watched.seat.leave = CancellationToken::new();
            lock(&seats.taken).seats.insert(0, watched.seat.clone());
        }
    }
}
