//! Room for request bodies: bytes that arrive ask for it, and wait in line until there is some.
//!
//! Bodies share a pool. While it is empty, each waits holding what it has, and all of them might
//! wait for each other; so there is one right to go on without the pool, for the body that has
//! waited longest. Somebody always comes to an end, and gives back what it held.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Bodies of the largest size that the pool holds at one time; with the one that may go on
/// without it, four. More would be memory that a few hundred slow senders hold.
const POOL_FACTOR: usize = 3;

/// The room of all bodies.
#[derive(Debug)]
pub(crate) struct BodyRoom {
    /// A permit for each byte.
    pool: Arc<Semaphore>,
    /// The right to go on without the pool.
    right: Arc<Semaphore>,
}

/// What one body holds, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct HeldRoom {
    bytes: Option<OwnedSemaphorePermit>,
    right: Option<OwnedSemaphorePermit>,
}

/// There was no room in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl BodyRoom {
    /// Returns the room for bodies that are no longer than this.
    pub(crate) fn new(body_bytes_max: usize) -> BodyRoom {
        let bytes = body_bytes_max.saturating_mul(POOL_FACTOR).min(Semaphore::MAX_PERMITS);
        BodyRoom { pool: Arc::new(Semaphore::new(bytes)), right: Arc::new(Semaphore::new(1)) }
    }

    /// Takes room for further bytes of a body, waiting for it in line until a moment.
    pub(crate) async fn take(
        &self,
        bytes: usize,
        held: &mut HeldRoom,
        until: Instant,
    ) -> Result<(), NoRoom> {
        if held.right.is_some() {
            return Ok(());
        }
        let bytes = u32::try_from(bytes).map_err(|_| NoRoom)?;
        // Fast path: nobody waits, and there is room.
        if let Ok(permits) = Arc::clone(&self.pool).try_acquire_many_owned(bytes) {
            held.add(permits);
            return Ok(());
        }
        tokio::select! {
            biased;
            permits = Arc::clone(&self.pool).acquire_many_owned(bytes) => {
                held.add(permits.map_err(|_| NoRoom)?);
                Ok(())
            }
            right = Arc::clone(&self.right).acquire_owned() => {
                held.right = Some(right.map_err(|_| NoRoom)?);
                Ok(())
            }
            () = tokio::time::sleep_until(until) => Err(NoRoom),
        }
    }
}

impl HeldRoom {
    fn add(&mut self, permits: OwnedSemaphorePermit) {
        match &mut self.bytes {
            Some(bytes) => bytes.merge(permits),
            None => self.bytes = Some(permits),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Takes room, waiting at most [`PATIENCE`]; tells whether there was some.
    async fn takes(room: &BodyRoom, bytes: usize, held: &mut HeldRoom) -> bool {
        room.take(bytes, held, Instant::now() + PATIENCE).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_room_and_gets_it_when_another_ends() {
        let room = BodyRoom::new(100);
        let (mut first, mut second, mut third) =
            (HeldRoom::default(), HeldRoom::default(), HeldRoom::default());
        assert!(takes(&room, 300, &mut first).await, "all of the pool");
        let began = Instant::now();
        assert!(takes(&room, 100, &mut second).await, "the right to go on without it");
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(!takes(&room, 1, &mut third).await, "nothing is left");
        assert_eq!(began.elapsed(), PATIENCE);
        let ends = async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(first);
        };
        let (taken, ()) = tokio::join!(takes(&room, 1, &mut third), ends);
        assert!(taken);
        assert_eq!(began.elapsed(), PATIENCE + PATIENCE / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_hold_all_of_the_pool_come_to_an_end_one_after_the_other() {
        let room = Arc::new(BodyRoom::new(100));
        let body = |room: Arc<BodyRoom>| async move {
            let mut held = HeldRoom::default();
            for _ in 0..10 {
                // Everybody gets a turn, so that all of them are in the middle of their bodies.
                tokio::task::yield_now().await;
                if !takes(&room, 10, &mut held).await {
                    return false;
                }
            }
            true
        };
        let bodies: Vec<_> = (0..12).map(|_| tokio::spawn(body(Arc::clone(&room)))).collect();
        for body in bodies {
            assert!(body.await.expect("no panic"), "a body found no room");
        }
        assert_eq!((room.pool.available_permits(), room.right.available_permits()), (300, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_does_not_pass_a_large_one_that_waits() {
        let room = BodyRoom::new(100);
        let (mut pool, mut right) = (HeldRoom::default(), HeldRoom::default());
        assert!(takes(&room, 295, &mut pool).await);
        assert!(takes(&room, 10, &mut right).await, "by the right");
        let (mut large, mut small) = (HeldRoom::default(), HeldRoom::default());
        let (large, small) =
            tokio::join!(takes(&room, 50, &mut large), takes(&room, 1, &mut small));
        assert!(!large && !small, "the room that is left is the large one's");
    }
}
