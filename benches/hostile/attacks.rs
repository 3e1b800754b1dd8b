//! The attacks, one line of the table each: opened connections, and an action repeated until the
//! end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;

/// Addresses of the server under attack.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) tcp: String,
    pub(crate) ingest: String,
    pub(crate) query: String,
}

/// An attack and how it begins.
pub(crate) struct Attack {
    /// As the table names it.
    pub(crate) name: &'static str,
    pub(crate) start: fn(&Target) -> Result<UnderWay>,
}

/// Every attack; the first is none, and gives the baseline.
pub(crate) const ATTACKS: [Attack; 8] = [
    Attack { name: "none", start: |_| Ok(UnderWay::default()) },
    Attack { name: "10,000 idle connections", start: idle },
    Attack { name: "heads, a byte a second", start: heads },
    Attack { name: "bodies, a byte a second", start: bodies },
    Attack { name: "lines without an end", start: lines },
    Attack { name: "answers, a byte a second", start: readers },
    Attack { name: "1,000 parallel searches", start: searches },
    Attack { name: "expressions made to explode", start: explosions },
];

const IDLE: usize = 10_000;
const DRIPPING: usize = 1_500;
const UNENDED: usize = 1_000;
const READERS: usize = 400;
const SEARCHES: usize = 1_000;
const EXPLOSIONS: usize = 16;

/// Between two bytes of one that drips.
const DRIP: Duration = Duration::from_secs(1);

/// Parts of that time, in each of which as many drip: clients that know nothing of each other do
/// not drip all at once.
const DRIP_PARTS: usize = 50;

/// What an attack holds.
#[derive(Default)]
pub(crate) struct UnderWay {
    held: usize,
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl UnderWay {
    /// Returns how many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.held
    }

    /// Ends the attack.
    pub(crate) fn end(self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // One that panicked has ended too.
            let _ = thread.join();
        }
    }

    /// Keeps connections in a thread that repeats an action on each connection.
    fn keep(
        streams: Vec<TcpStream>,
        mut touch: impl FnMut(&mut TcpStream) + Send + 'static,
    ) -> UnderWay {
        let (held, ended) = (streams.len(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&ended);
        let mut streams = streams;
        let part = held.div_ceil(DRIP_PARTS).max(1);
        let thread = std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                for some in streams.chunks_mut(part) {
                    some.iter_mut().for_each(&mut touch);
                    std::thread::sleep(DRIP / DRIP_PARTS as u32);
                }
            }
        });
        UnderWay { held, ended, threads: vec![thread] }
    }
}

/// Opens non-blocking connections, and leaves out refused connections.
fn open(address: &str, count: usize, first: &[u8]) -> Vec<TcpStream> {
    let connect = |_| {
        let address = address.parse().ok()?;
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
        stream.set_nonblocking(true).ok()?;
        let _ = stream.write(first);
        Some(stream)
    };
    (0..count).filter_map(connect).collect()
}

fn idle(target: &Target) -> Result<UnderWay> {
    let mut streams = Vec::new();
    for address in [&target.tcp, &target.ingest, &target.query] {
        streams.extend(open(address, IDLE / 3, b""));
    }
    Ok(UnderWay::keep(streams, |_| {}))
}

fn heads(target: &Target) -> Result<UnderWay> {
    let half = b"GET /api/v1/search HTTP/1.1\r\nhost: localhost\r\nx: ";
    let mut streams = open(&target.ingest, DRIPPING, half);
    streams.extend(open(&target.query, DRIPPING, half));
    Ok(UnderWay::keep(streams, |stream| drop(stream.write(b"x"))))
}

fn bodies(target: &Target) -> Result<UnderWay> {
    let half = b"POST /api/v1/ingest HTTP/1.1\r\nhost: localhost\r\n\
                 content-type: application/x-ndjson\r\ncontent-length: 100000\r\n\r\n{";
    let streams = open(&target.ingest, DRIPPING, half);
    Ok(UnderWay::keep(streams, |stream| drop(stream.write(b"x"))))
}

fn lines(target: &Target) -> Result<UnderWay> {
    let streams = open(&target.tcp, UNENDED, &vec![b'x'; 900 << 10]);
    Ok(UnderWay::keep(streams, |stream| drop(stream.write(b"x"))))
}

fn readers(target: &Target) -> Result<UnderWay> {
    let request = b"GET /api/v1/search?limit=10000 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let streams = open(&target.query, READERS, request);
    Ok(UnderWay::keep(streams, |stream| drop(stream.read(&mut [0]))))
}

fn searches(target: &Target) -> Result<UnderWay> {
    let request =
        b"GET /api/v1/search?q=message:courses&limit=100 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let streams = open(&target.query, SEARCHES, request);
    let mut scratch = vec![0; 1 << 20];
    Ok(UnderWay::keep(streams, move |stream| {
        if matches!(stream.read(&mut scratch), Ok(1..)) {
            let _ = stream.write(request);
        }
    }))
}

fn explosions(target: &Target) -> Result<UnderWay> {
    let q = "message:%2F(.*a.*b.*c.*)*x%2F";
    let request = format!(
        "GET /api/v1/search?q={q} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    );
    let ended = Arc::new(AtomicBool::new(false));
    let attack = |_| {
        let (address, request, seen) = (target.query.clone(), request.clone(), Arc::clone(&ended));
        std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                let Ok(mut stream) = TcpStream::connect(&address) else { continue };
                let _ = stream.write_all(request.as_bytes());
                let _ = stream.read_to_end(&mut Vec::new());
            }
        })
    };
    let threads = (0..EXPLOSIONS).map(attack).collect();
    Ok(UnderWay { held: EXPLOSIONS, ended, threads })
}
