//! A call that waits for the permission of a test.
//!
//! Whoever makes the call arrives and is announced; it leaves when the test lets it. Nothing here
//! knows what the call is.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The side of the call.
#[derive(Debug)]
pub(super) struct Hold {
    arrived: SyncSender<()>,
    released: Receiver<()>,
}

impl Hold {
    /// Waits to be released.
    pub(super) fn wait(self) {
        // The other side has left, so the call goes on.
        let _ = self.arrived.send(());
        let _ = self.released.recv();
    }
}

/// The side of the test. Dropping it lets the call go on.
#[derive(Debug)]
pub struct Held {
    arrived: Receiver<()>,
    _release: SyncSender<()>,
}

impl Held {
    /// Waits for the call. Returns whether the call came; false when no caller is left.
    pub fn await_call(&self) -> bool {
        self.arrived.recv().is_ok()
    }
}

pub(super) fn pair() -> (Hold, Held) {
    let (arrived, arrival) = sync_channel(1);
    let (release, released) = sync_channel(1);
    (Hold { arrived, released }, Held { arrived: arrival, _release: release })
}
