//! A proxy that breaks connections: after a number of bytes, or after the end of its server.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Bytes copied at a time: few, so that a cut falls anywhere.
const COPY_BYTES: usize = 7_001;

/// A listener whose connections lead to a server that may change.
pub(crate) struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    server: Mutex<Option<String>>,
    /// Bytes after which the next connections are cut; the others live.
    cuts: Mutex<Vec<u64>>,
    connections: AtomicU64,
    forwarded: AtomicU64,
}

impl Proxy {
    /// Listens, and cuts the first connections after so many bytes each.
    pub(crate) fn start(cuts: Vec<u64>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            server: Mutex::new(None),
            cuts: Mutex::new(cuts.into_iter().rev().collect()),
            connections: AtomicU64::new(0),
            forwarded: AtomicU64::new(0),
        });
        let accepted = Arc::clone(&shared);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                forward(client, &accepted);
            }
        });
        Proxy { address, shared }
    }

    /// Returns the URL to send to.
    pub(crate) fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Returns the URL to send to over HTTP.
    pub(crate) fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says where connections lead from now on.
    pub(crate) fn lead_to(&self, server: &str) {
        *self.shared.server.lock().expect("no panic") = Some(server.to_owned());
    }

    /// Returns how many connections there were.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns how many bytes went to servers.
    pub(crate) fn forwarded(&self) -> u64 {
        self.shared.forwarded.load(Ordering::Relaxed)
    }
}

fn forward(client: TcpStream, shared: &Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let address = shared.server.lock().expect("no panic").clone();
    let Some(server) = address.and_then(|address| TcpStream::connect(address).ok()) else {
        // Dropped: the client sees its connection closed.
        return;
    };
    let budget = shared.cuts.lock().expect("no panic").pop().unwrap_or(u64::MAX);
    let (answers, back) = (server.try_clone(), client.try_clone());
    let (Ok(answers), Ok(back)) = (answers, back) else { return };
    std::thread::spawn(move || copy(answers, back, u64::MAX, |_| ()));
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        copy(client, server, budget, |bytes| {
            shared.forwarded.fetch_add(bytes, Ordering::Relaxed);
        });
    });
}

/// Copies until the end or for so many bytes; then breaks both ways.
fn copy(mut from: TcpStream, mut to: TcpStream, mut budget: u64, count: impl Fn(u64)) {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(read) => read,
            Err(_) => break,
        };
        let wanted = usize::try_from(budget).map_or(read, |budget| read.min(budget));
        if to.write_all(&buffer[..wanted]).is_err() {
            break;
        }
        count(wanted as u64);
        budget -= wanted as u64;
        if budget == 0 {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
