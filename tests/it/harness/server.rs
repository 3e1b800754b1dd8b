//! A running server: the real binary as a child process, and the few requests that most tests
//! send to it.

use std::fs;
use std::process::Child;

use serde_json::{Value, json};

use super::{Answer, Home, Http, Run, Tcp, run, wait_until};

/// Content type of JSON lines.
const JSON_LINES: &str = "application/x-ndjson";

/// A server that is ready. Killed when dropped.
pub(crate) struct Server<'h> {
    home: &'h Home,
    child: Child,
    addresses: Value,
    http: Http,
}

impl<'h> Server<'h> {
    pub(super) fn start(home: &'h Home, settings: &[&str]) -> Server<'h> {
        let addresses_file = home.path().join("addresses.json");
        // A file of an earlier start would name ports that nobody listens on.
        let _ = fs::remove_file(&addresses_file);
        let mut command = home.serve(&addresses_file);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut child = command.spawn().expect("the binary starts");
        let addresses = wait_until("the addresses file", || {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                panic!("the server ended with {status}:\n{}", home.output_text());
            }
            serde_json::from_slice(&fs::read(&addresses_file).ok()?).ok()
        });
        Server { home, child, addresses, http: Http::new() }
    }

    pub(super) fn await_ready(&self) {
        wait_until("readiness", || {
            let ready = self.http.get(&self.query("/health/ready")).status == 200;
            ready.then_some(())
        });
    }

    /// Returns the home that the server lives in.
    pub(crate) fn home(&self) -> &'h Home {
        self.home
    }

    /// Returns the number of the process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the HTTP client.
    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    /// Returns the address of a listener: `tcp`, `ingest` or `query`.
    pub(crate) fn address(&self, listener: &str) -> &str {
        self.addresses[listener].as_str().expect("the listener has an address")
    }

    /// Returns a URL of the ingest API.
    pub(crate) fn ingest(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("ingest"))
    }

    /// Returns a URL of the query API.
    pub(crate) fn query(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("query"))
    }

    /// Opens a connection to the TCP listener.
    pub(crate) fn tcp(&self) -> Tcp {
        Tcp::connect(self.address("tcp"))
    }

    /// Posts JSON lines.
    pub(crate) fn post_lines(&self, lines: &[u8], headers: &[(&str, &str)]) -> Answer {
        let content_type = [("content-type", JSON_LINES)];
        let headers: Vec<(&str, &str)> = content_type.iter().chain(headers).copied().collect();
        self.http.post(&self.ingest("/api/v1/ingest"), lines, &headers)
    }

    /// Posts JSON lines that are all taken, and waits until they can be found.
    #[track_caller]
    pub(crate) fn store(&self, lines: &str) {
        let before = self.count("");
        let answer = self.post_lines(lines.as_bytes(), &[]);
        let verdict = answer.json();
        assert_eq!((answer.status, &verdict["rejected"]), (200, &json!(0)), "{verdict}");
        let accepted = verdict["accepted"].as_u64().expect("a count");
        self.await_count("", before + accepted);
    }

    /// Runs a verb of the command line against the query API.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let address = self.query("");
        run(self.home.tierlog(arguments).args(["--server", &address]))
    }

    /// Answers a search that must succeed.
    #[track_caller]
    pub(crate) fn search(&self, parameters: &Value) -> Value {
        let answer = self.http.post_json(&self.query("/api/v1/search"), parameters);
        assert_eq!(answer.status, 200, "{parameters}: {}", answer.text());
        answer.json()
    }

    /// Returns the hits of a query, oldest first.
    #[track_caller]
    pub(crate) fn hits(&self, q: &str) -> Vec<Value> {
        let parameters = json!({"q": q, "limit": 10_000, "sort": "timestamp"});
        let answer = self.search(&parameters);
        answer["hits"].as_array().expect("hits").clone()
    }

    /// Returns how many records match a query.
    #[track_caller]
    pub(crate) fn count(&self, q: &str) -> u64 {
        let answer = self.search(&json!({"q": q, "limit": 0}));
        answer["total"]["value"].as_u64().expect("a count")
    }

    /// Waits until so many records match a query. More than that fails at once.
    #[track_caller]
    pub(crate) fn await_count(&self, q: &str, expected: u64) {
        wait_until(&format!("{expected} records of {q:?}"), || {
            let found = self.count(q);
            assert!(found <= expected, "{found} records of {q:?}, expected {expected}");
            (found == expected).then_some(())
        });
    }

    /// Returns every record that matches, through the streamed export.
    #[track_caller]
    pub(crate) fn export(&self, q: &str) -> Vec<Value> {
        let answer = self.http.get_with(&self.query("/api/v1/export"), &[("q", q)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut lines = answer.json_lines();
        let last = lines.pop().expect("the last line says how the export ended");
        assert_eq!(last["tierlog"]["export"]["complete"], true, "{last}");
        lines
    }

    /// Ends the server without any warning, as a power cut would for the process.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// Asks the server to end and returns its exit code.
    pub(crate) fn terminate(self) -> Option<i32> {
        self.ask_to_end();
        self.await_end()
    }

    /// Asks the server to end.
    pub(crate) fn ask_to_end(&self) {
        let signal = format!("kill -TERM {}", self.child.id());
        assert_eq!(run(std::process::Command::new("sh").args(["-c", &signal])).code, 0);
    }

    /// Waits until the server has ended and returns its exit code; `None` when a signal ended it.
    pub(crate) fn await_end(mut self) -> Option<i32> {
        wait_until("the end of the server", || self.child.try_wait().expect("a child of ours"))
            .code()
    }

    /// Returns resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// Returns the most memory that the process ever held.
    pub(crate) fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.and_then(|rest| rest.split_whitespace().next()).expect("a size");
        kibibytes.parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let output = self.home.output_text();
            let last: Vec<&str> = output.lines().rev().take(20).collect();
            for line in last.iter().rev() {
                println!("server: {line}");
            }
        }
    }
}
