//! Room for request bodies: bytes that arrive ask for it, and wait in line until there is some.
//!
//! Bodies share `memory.bodies`. While it is empty, each waits holding what it has, and all of them
//! might wait for each other; so there is one right to go on past the limit, for the body that has
//! waited longest. One body always reaches the end of a piece, and gives back the lease. Beyond its
//! first bytes a body takes from half of the room only: a quarter is left to the body that goes on
//! past the rest, and a quarter to ordinary requests, which do not wait behind large ones.

use std::sync::Arc;

use tierlog_model::memory::{MemoryLease, MemoryPart};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Bytes of a body that are taken from the room that is left to small bodies: a few hundred lines.
pub(crate) const SMALL_BYTES: usize = 128 << 10;

/// Which part of the room bodies share beyond their first bytes.
const BULK_SHARE: u64 = 2;

/// The room of all bodies.
#[derive(Clone, Debug)]
pub(crate) struct BodyRoom {
    bodies: MemoryPart,
    /// The part of the room for large bodies.
    bulk: MemoryPart,
    /// The right to go on past the limit.
    right: Arc<Semaphore>,
}

/// The leases of one body, given back on drop.
#[derive(Debug)]
pub(crate) struct HeldRoom {
    lease: MemoryLease,
    bulk: MemoryLease,
    right: Option<OwnedSemaphorePermit>,
}

/// There was no room in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl BodyRoom {
    /// Returns the room that a part of the budget is.
    pub(crate) fn new(bodies: MemoryPart) -> BodyRoom {
        let bulk = MemoryPart::new(bodies.part_use(), bodies.limit_bytes() / BULK_SHARE);
        BodyRoom { bodies, bulk, right: Arc::new(Semaphore::new(1)) }
    }

    /// Returns room of no bytes.
    pub(crate) fn none(&self) -> HeldRoom {
        HeldRoom { lease: self.bodies.empty_lease(), bulk: self.bulk.empty_lease(), right: None }
    }

    /// Takes room until a body holds so many bytes, waiting in line until a moment.
    pub(crate) async fn take_to(
        &self,
        bytes: usize,
        held: &mut HeldRoom,
        until: Instant,
    ) -> Result<(), NoRoom> {
        // A body beyond the whole room takes the whole room.
        let most = self.bulk.limit_bytes().saturating_add(SMALL_BYTES as u64);
        let most = most.min(self.bodies.limit_bytes());
        let bytes = bytes.min(usize::try_from(most).unwrap_or(usize::MAX));
        let wanted = (bytes as u64).saturating_sub(held.lease.bytes());
        if wanted == 0 {
            return Ok(());
        }
        let bulk = bulk_of(bytes).saturating_sub(held.bulk.bytes());
        if held.right.is_some() {
            held.grow_past(wanted, bulk);
            return Ok(());
        }
        let taken = async {
            let bulk = if bulk > 0 { Some(self.bulk.take(bulk).await) } else { None };
            (self.bodies.take(wanted).await, bulk)
        };
        tokio::select! {
            biased;
            (lease, bulk) = taken => {
                held.lease.absorb(lease);
                bulk.into_iter().for_each(|bulk| held.bulk.absorb(bulk));
                Ok(())
            }
            right = Arc::clone(&self.right).acquire_owned() => {
                held.right = Some(right.map_err(|_| NoRoom)?);
                held.grow_past(wanted, bulk);
                Ok(())
            }
            () = tokio::time::sleep_until(until) => {
                self.bodies.note_refusal();
                Err(NoRoom)
            }
        }
    }

    /// Takes room for a line of a connection, waiting in line with large bodies.
    pub(crate) async fn take_line(&self, bytes: usize) -> HeldRoom {
        let bulk = self.bulk.take(bytes as u64).await;
        HeldRoom { lease: self.bodies.take(bulk.bytes()).await, bulk, right: None }
    }
}

impl HeldRoom {
    /// Gives back the bytes beyond a length.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        self.lease.shrink_to(bytes as u64);
        self.bulk.shrink_to(bulk_of(bytes));
    }

    /// Gives back the right to go on past the limit: a piece is read, and others wait for it.
    pub(crate) fn end_piece(&mut self) {
        self.right = None;
    }

    /// Returns the part of the budget that lends.
    #[cfg(test)]
    pub(crate) fn part(&self) -> MemoryPart {
        self.lease.part().clone()
    }

    fn grow_past(&mut self, bytes: u64, bulk: u64) {
        self.lease.grow_past(bytes);
        self.bulk.grow_past(bulk);
    }
}

fn bulk_of(bytes: usize) -> u64 {
    bytes.saturating_sub(SMALL_BYTES) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tierlog_model::memory::MemoryUse;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const KIB: usize = 1 << 10;

    /// Returns room for a mebibyte.
    fn room() -> (MemoryPart, BodyRoom) {
        let bodies = MemoryPart::new(MemoryUse::Bodies, 1 << 20);
        (bodies.clone(), BodyRoom::new(bodies))
    }

    /// Takes room, waiting at most [`PATIENCE`]; tells whether there was some.
    async fn takes(room: &BodyRoom, bytes: usize, held: &mut HeldRoom) -> bool {
        room.take_to(bytes, held, Instant::now() + PATIENCE).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_room_and_gets_it_when_another_ends() {
        let (bodies, room) = room();
        let (mut first, mut second, mut third) = (room.none(), room.none(), room.none());
        // Its first 128 KiB, and all of the half for more.
        assert!(takes(&room, 640 * KIB, &mut first).await);
        let began = Instant::now();
        assert!(takes(&room, 200 * KIB, &mut second).await, "by the right to go on");
        assert_eq!((began.elapsed(), bodies.used_bytes()), (Duration::ZERO, 840 << 10));
        assert!(!takes(&room, 200 * KIB, &mut third).await, "nothing is left");
        assert_eq!((began.elapsed(), bodies.refusals()), (PATIENCE, 1));
        let ends = async {
            tokio::time::sleep(PATIENCE / 2).await;
            first.shrink_to(300 * KIB);
        };
        let (taken, ()) = tokio::join!(takes(&room, 200 * KIB, &mut third), ends);
        assert!(taken);
        assert_eq!(began.elapsed(), PATIENCE + PATIENCE / 2);
        drop((first, second, third));
        assert_eq!(bodies.used_bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_hold_all_of_the_room_come_to_an_end_one_after_the_other() {
        let (bodies, room) = room();
        let room = Arc::new(room);
        let body = |room: Arc<BodyRoom>| async move {
            let mut held = room.none();
            for piece in 1..=10 {
                // Each task gets a turn: all bodies are half way at the same time.
                tokio::task::yield_now().await;
                if !takes(&room, piece * 40 * KIB, &mut held).await {
                    return false;
                }
            }
            true
        };
        let tasks: Vec<_> = (0..12).map(|_| tokio::spawn(body(Arc::clone(&room)))).collect();
        for task in tasks {
            assert!(task.await.expect("no panic"), "a body found no room");
        }
        assert_eq!((bodies.used_bytes(), room.right.available_permits()), (0, 1));
        assert!(bodies.peak_bytes() <= (1 << 20) + 400 * 1024, "{}", bodies.peak_bytes());
    }

    #[tokio::test(start_paused = true)]
    async fn small_bodies_do_not_wait_behind_large_ones() {
        let (_bodies, room) = room();
        let (mut large, mut right) = (room.none(), room.none());
        assert!(takes(&room, 640 * KIB, &mut large).await);
        assert!(takes(&room, 384 * KIB, &mut right).await, "by the right");
        right.lease.shrink_to(256 << 10);
        let (mut waiting, mut small) = (room.none(), room.none());
        let began = Instant::now();
        let waits = takes(&room, 600 * KIB, &mut waiting);
        let small = async {
            tokio::task::yield_now().await;
            assert!(takes(&room, 100 * KIB, &mut small).await);
            began.elapsed()
        };
        let (taken, waited) = tokio::join!(waits, small);
        assert_eq!((taken, waited), (false, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_does_not_pass_another_that_waits() {
        let (_bodies, room) = room();
        let (mut pool, mut right) = (room.none(), room.none());
        let (half, rest) = (room.take_line(512 * KIB).await, room.bodies.take((512 << 10) - 10));
        let all = (half, rest.await);
        assert!(takes(&room, 5, &mut pool).await);
        assert!(takes(&room, 10, &mut right).await, "by the right");
        right.lease.shrink_to(0);
        let (mut larger, mut small) = (room.none(), room.none());
        let (larger, small) =
            tokio::join!(takes(&room, 50, &mut larger), takes(&room, 1, &mut small));
        assert!(!larger && !small, "the room that is left is the larger one's");
        drop(all);
    }
}
