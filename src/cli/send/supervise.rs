//! Watches over a run: it ends when everything is settled, when somebody asks it to, or when the
//! server is given up. Deciding when is here; sending is the couriers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::backlog::Backlog;
use super::notices::Notices;
use super::options::{Keeping, Settings, Source, Target};
use super::stop::Stop;
use super::tally::Tally;
use super::weather::Weather;
use super::{http, tcp, unsent_text};
use crate::output::{Progress, grouped};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(50);

/// Who sends.
pub(super) enum Couriers {
    Http(Arc<http::Courier>),
    Tcp(Arc<tcp::Courier>),
}

impl Couriers {
    /// Starts to send.
    pub(super) fn start(
        settings: &Settings,
        backlog: &Arc<Backlog>,
        weather: &Arc<Weather>,
        notices: &Notices,
        progress: &Progress,
    ) -> Result<Couriers> {
        let (backlog, weather) = (Arc::clone(backlog), Arc::clone(weather));
        match &settings.target {
            Target::Http => {
                let (settings, notices) = (settings.http(), notices.clone());
                let courier =
                    http::Courier::new(settings, backlog, weather, notices, progress.clone())?;
                let courier = Arc::new(courier);
                courier.start()?;
                Ok(Couriers::Http(courier))
            }
            Target::Tcp(address) => {
                let (settings, notices) = (settings.tcp(address), notices.clone());
                let courier =
                    tcp::Courier::new(settings, backlog, weather, notices, progress.clone());
                let courier = Arc::new(courier);
                courier.start()?;
                Ok(Couriers::Tcp(courier))
            }
        }
    }

    fn tally(&self) -> Tally {
        match self {
            Couriers::Http(courier) => courier.tally(),
            Couriers::Tcp(courier) => courier.tally(),
        }
    }

    fn take_error(&self) -> Option<anyhow::Error> {
        match self {
            Couriers::Http(courier) => courier.take_error(),
            Couriers::Tcp(courier) => courier.take_error(),
        }
    }
}

/// See the module.
pub(super) struct Supervisor<'s> {
    pub(super) settings: &'s Settings,
    pub(super) backlog: &'s Backlog,
    pub(super) couriers: &'s Couriers,
    pub(super) weather: &'s Weather,
    pub(super) stop: &'s Stop,
    pub(super) notices: &'s Notices,
    /// Whether the input was read to its end.
    pub(super) is_whole: &'s AtomicBool,
}

/// Why a run ended.
enum Ended {
    Done,
    /// The application was asked to end, and its time is over.
    Stopped,
    /// The server took nothing for so long.
    GaveUp,
    Failed(anyhow::Error),
}

impl Supervisor<'_> {
    /// Waits for the end, and returns what became of the lines.
    pub(super) fn run(&self) -> Result<Tally> {
        let ended = self.wait();
        let unsent = self.backlog.close().lines;
        self.notices.finish();
        let mut tally = self.couriers.tally();
        tally.lost = self.backlog.figures().lost;
        tally.unsent = unsent;
        let so_far = || {
            let durable = grouped(tally.accepted + tally.rejected);
            let left = unsent_text(self.backlog, unsent);
            format!("{durable} lines are durable, then sending stopped; {left}")
        };
        match ended {
            Ended::Failed(error) => return Err(error.context(so_far())),
            Ended::GaveUp => {
                let seconds = self.settings.retry_for.unwrap_or_default().as_secs();
                let error =
                    self.weather.take_error().unwrap_or_else(|| anyhow::anyhow!("no answer"));
                return Err(error.context(format!("{}; gave up after {seconds} s", so_far())));
            }
            Ended::Stopped | Ended::Done if unsent > 0 => {
                self.notices.say(unsent_text(self.backlog, unsent));
            }
            Ended::Stopped | Ended::Done => {}
        }
        if let Some(error) = self.backlog.take_input_error() {
            return Err(error.context(so_far()));
        }
        let is_cut = matches!(self.settings.source, Source::File(_))
            && !self.is_whole.load(Ordering::Acquire);
        if is_cut {
            return Err(anyhow::anyhow!("stopped before the end of the input"))
                .with_context(so_far);
        }
        Ok(tally)
    }

    fn wait(&self) -> Ended {
        let mut ended_at = None;
        loop {
            if let Some(error) = self.couriers.take_error() {
                return Ended::Failed(error);
            }
            if self.backlog.is_done() {
                return Ended::Done;
            }
            if self.stop.since().is_some_and(|since| since >= self.settings.stop_timeout) {
                return Ended::Stopped;
            }
            if self.backlog.has_ended() {
                ended_at.get_or_insert_with(Instant::now);
            }
            if self.is_hopeless(ended_at) {
                return Ended::GaveUp;
            }
            self.backlog.drop_old();
            self.backlog.wait_for_change(TICK);
        }
    }

    /// Tells whether the server took nothing for longer than it is waited for. With a spool, that
    /// time begins when the input ends: until then its lines are safe, and their application must
    /// not be stopped.
    fn is_hopeless(&self, input_ended_at: Option<Instant>) -> bool {
        let (Some(patience), Some(bad_for)) = (self.settings.retry_for, self.weather.bad_for())
        else {
            return false;
        };
        let waited = match self.settings.keeping {
            Keeping::Memory => Some(bad_for),
            Keeping::Spool(_) => input_ended_at.map(|ended| ended.elapsed().min(bad_for)),
        };
        waited.is_some_and(|waited| waited >= patience)
    }
}
