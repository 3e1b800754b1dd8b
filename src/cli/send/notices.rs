//! What people are told while lines are sent: sentences on stderr, beside the progress bar, each
//! change once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::output::{Progress, grouped};

/// How often it is said that lines leave at the spool's bound.
const LOST_EVERY: Duration = Duration::from_secs(10);

/// Says things. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    progress: Progress,
    lost: Arc<Mutex<Lost>>,
}

#[derive(Debug, Default)]
struct Lost {
    lines: u64,
    said_at: Option<Instant>,
}

impl Notices {
    /// Returns a way to say things beside a progress bar.
    pub(super) fn beside(progress: Progress) -> Notices {
        Notices { progress, lost: Arc::default() }
    }

    /// Says a sentence.
    pub(super) fn say(&self, text: impl AsRef<str>) {
        self.progress.say(&format!("tierlog: {}", text.as_ref()));
    }

    /// Notes that lines left at the spool's bound, and says so now and then.
    pub(super) fn lost(&self, lines: u64) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.lines += lines;
        if lost.said_at.is_none_or(|said_at| said_at.elapsed() >= LOST_EVERY) {
            self.say_lost(&mut lost);
        }
    }

    /// Says what was not said yet.
    pub(super) fn finish(&self) {
        self.say_lost(&mut self.lost.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn say_lost(&self, lost: &mut Lost) {
        if lost.lines == 0 {
            return;
        }
        let lines = grouped(std::mem::take(&mut lost.lines));
        lost.said_at = Some(Instant::now());
        self.say(format!("the spool is full: the oldest {lines} lines in it were dropped"));
    }
}
