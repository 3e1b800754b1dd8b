//! A control: a bare server, not attacked, beside the server under attack. What its clients notice
//! is what the machine costs, because the attackers run on the same cores.
//!
//! It takes a message over a connection that stays open, writes it to a file, syncs, and sends a
//! byte back: a post without anything that Tierlog does.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};

/// Bytes of a message: about those of an ordinary post.
const MESSAGE_BYTES: usize = 5_000;

/// A running control and its one client.
pub(crate) struct Control {
    client: TcpStream,
    server: JoinHandle<()>,
}

impl Control {
    /// Starts the server; its file lies in a directory.
    pub(crate) fn start(directory: &Path) -> Result<Control> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listen as a control")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        client.set_nodelay(true)?;
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut file = File::create(directory.join("control"))?;
        let server = std::thread::spawn(move || {
            let mut message = [0; MESSAGE_BYTES];
            // Ends with its client.
            while stream.read_exact(&mut message).is_ok() {
                let stored = file
                    .rewind()
                    .and_then(|()| file.write_all(&message))
                    .and_then(|()| file.sync_data())
                    .and_then(|()| stream.write_all(b"."));
                if stored.is_err() {
                    break;
                }
            }
        });
        Ok(Control { client, server })
    }

    /// Sends a message and waits for the answer.
    pub(crate) fn ask(&mut self) -> Result<()> {
        self.client.write_all(&[b'x'; MESSAGE_BYTES])?;
        Ok(self.client.read_exact(&mut [0])?)
    }

    /// Ends the server.
    pub(crate) fn end(self) {
        drop(self.client);
        // One that panicked has ended too.
        let _ = self.server.join();
    }
}
