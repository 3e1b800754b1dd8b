//! `tierlog send`: the lines of a file or of stdin leave, the server's verdict on them arrives.
//!
//! ```text
//! input ─ lines ─ backlog (memory, or a spool on disk) ─ HTTP batches or TCP lines ─▶ server
//! ```
//!
//! Over HTTP each batch has a name, over TCP each line a number, so that what is sent again after
//! a broken connection, or a restart of either side, brings no line twice.

mod backlog;
mod http;
mod input;
mod intake;
mod lines;
mod notices;
mod options;
mod place;
mod spool;
mod stop;
mod supervise;
mod tally;
mod tcp;
mod weather;

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::NO;
use crate::output::{Format, Palette, Progress, grouped, render_table};

use backlog::Backlog;
use input::{Followed, Input, Placed, Stream};
use intake::{Intake, Tee};
use lines::Unfinished;
use notices::Notices;
pub(super) use options::Args;
use options::{Keeping, Settings, Source, Target};
use place::Place;
use spool::{Identity, Spool};
use stop::Stop;
use supervise::{Couriers, Supervisor};
use tally::{Tally, TooLong};
use weather::Weather;

/// First pause before something is sent again; doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause that we choose ourselves.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long a server remembers batches and producers, unless `store.retry_window` says otherwise.
const RETRY_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let settings = Settings::read(args)?;
    let progress = Progress::of_bytes(settings.source.length()?);
    let notices = Notices::beside(progress.clone());
    let started = Instant::now();
    let backlog = Arc::new(open_backlog(&settings, &notices)?);
    say_what_is_in_doubt(&backlog, &settings, &notices);
    let stop = Stop::default();
    listen(&stop, &backlog, &notices)?;
    backlog.keep_synced()?;
    let weather = Arc::new(Weather::new(notices.clone()));
    let too_long = TooLong::default();
    let is_whole = Arc::new(AtomicBool::new(false));
    let earlier = start_intake(&settings, &backlog, &stop, &notices, &too_long, &is_whole)?;
    let couriers = Couriers::start(&settings, &backlog, &weather, &notices, &progress)?;
    let supervisor = Supervisor {
        settings: &settings,
        backlog: &backlog,
        couriers: &couriers,
        weather: &weather,
        stop: &stop,
        notices: &notices,
        is_whole: &is_whole,
    };
    let ended = supervisor.run();
    progress.finish();
    let mut tally = ended?;
    tally.add(too_long.tally());
    tally.add_known(earlier);
    report(&settings, &tally, started.elapsed())
}

fn open_backlog(settings: &Settings, notices: &Notices) -> Result<Backlog> {
    Ok(match &settings.keeping {
        Keeping::Memory => Backlog::in_memory(Identity::random(), notices.clone()),
        Keeping::Spool(spool) => {
            Backlog::on_spool(Spool::open(spool.clone(), Identity::random())?, notices.clone())
        }
    })
}

/// Over HTTP only the sender knows that an answer was lost long ago; over TCP the server says so.
fn say_what_is_in_doubt(backlog: &Backlog, settings: &Settings, notices: &Notices) {
    let is_http = matches!(settings.target, Target::Http);
    if let Some(doubtful) = backlog.in_doubt_since(RETRY_WINDOW).filter(|_| is_http) {
        notices.say(format!(
            "up to {} lines were sent before without an answer, longer ago than a server remembers \
             batches (24 h unless store.retry_window says otherwise): they may be stored twice",
            grouped(doubtful.lines)
        ));
    }
}

fn listen(stop: &Stop, backlog: &Arc<Backlog>, notices: &Notices) -> Result<()> {
    let woken = Arc::clone(backlog);
    let (left, notices) = (Arc::clone(backlog), notices.clone());
    let ended = move || {
        let waiting = left.close();
        notices.say(unsent_text(&left, waiting.lines));
    };
    stop.listen(move || woken.hurry(), ended)
}

/// Starts to read; returns how many lines of the input are the server's already.
fn start_intake(
    settings: &Settings,
    backlog: &Arc<Backlog>,
    stop: &Stop,
    notices: &Notices,
    too_long: &TooLong,
    is_whole: &Arc<AtomicBool>,
) -> Result<u64> {
    let waiting = backlog.waiting().lines;
    let before = if backlog.spool_name().is_some() { backlog.place() } else { Place::default() };
    let (input, place, unfinished): (Box<dyn Input>, Place, Unfinished) = match &settings.source {
        Source::Stream(path) => {
            let stream = path.as_deref().map_or_else(Stream::stdin, Stream::open)?;
            (Box::new(stream), Place::default(), Unfinished::Take)
        }
        Source::File(path) => open_file(path, before, backlog, notices)?,
        Source::Followed(path) => {
            let (followed, place) = Followed::open(path, before, notices.clone())?;
            (Box::new(followed), place, Unfinished::Leave)
        }
    };
    let grace = match &settings.source {
        Source::Stream(_) => settings.stop_timeout / 2,
        Source::File(_) | Source::Followed(_) => Duration::ZERO,
    };
    let intake = Intake {
        place,
        tee: if settings.tee { Tee::Stdout } else { Tee::Off },
        other: settings.other_text(),
        unfinished,
        grace,
        stop: stop.clone(),
        notices: notices.clone(),
        is_whole: Arc::clone(is_whole),
        too_long: too_long.clone(),
    };
    intake.start(input, Arc::clone(backlog))?;
    Ok(place.counted.saturating_sub(waiting))
}

/// Opens a file at the place where an earlier run left off, if the file is still the same.
fn open_file(
    path: &std::path::Path,
    before: Place,
    backlog: &Backlog,
    notices: &Notices,
) -> Result<(Box<dyn Input>, Place, Unfinished)> {
    if backlog.spool_name().is_none() {
        return Ok((Box::new(Stream::open(path)?), Place::default(), Unfinished::Take));
    }
    let mut file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut place = Place::beginning(&file, input::new_source())?;
    if before.source != 0 {
        if before.is_in(&mut file)? {
            place = before;
        } else {
            notices.say(format!(
                "{} is not the file that was sent before: its lines are new",
                path.display()
            ));
        }
    }
    Ok((Box::new(Placed(file)), place, Unfinished::Take))
}

/// Says how much waits, and where.
fn waiting_text(backlog: &Backlog) -> String {
    let waiting = backlog.waiting();
    let kibibytes = waiting.bytes.div_ceil(1024);
    format!("{} lines wait ({} KiB)", grouped(waiting.lines), grouped(kibibytes))
}

/// Reports unsent lines, and where they are kept.
fn unsent_text(backlog: &Backlog, lines: u64) -> String {
    match backlog.spool_name() {
        Some(spool) => format!(
            "{} lines were not sent; they are in the spool {spool}, and the next run sends them",
            grouped(lines)
        ),
        None => format!("{} lines were read and not sent", grouped(lines)),
    }
}

/// Returns a number that no other run has: the standard library's hash keys are random.
fn random() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    half() << 64 | half()
}

fn report(settings: &Settings, tally: &Tally, took: Duration) -> Result<ExitCode> {
    let text = match settings.format {
        Format::Pretty => tally.sentence(took),
        Format::Json | Format::Csv => {
            render_table(&tally.table(took), settings.format, Palette::Plain)
        }
    };
    let mut stderr = std::io::stderr().lock();
    for line in tally.complaints() {
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(stderr, "{line}");
    }
    if settings.tee {
        // The standard output is the input's.
        let _ = stderr.write_all(text.as_bytes());
    } else {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
    }
    Ok(if tally.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}
