//! A running sender: lines in, signals, output.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::harness::{Home, run, wait_until};

/// A sender. Killed when dropped.
pub(super) struct Sender {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Stream,
    stderr: Stream,
}

/// What a sender did.
#[derive(Debug)]
pub(super) struct Ended {
    /// Exit code; 128 and more for a signal, as shells have it.
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// The printed summary; null without a summary.
    pub(super) summary: Value,
}

/// A stream that is read on arrival.
struct Stream {
    text: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
    closed: Arc<Mutex<bool>>,
}

impl Stream {
    fn read(mut from: impl std::io::Read + Send + 'static) -> Stream {
        let text = Arc::new(Mutex::new(String::new()));
        let closed = Arc::new(Mutex::new(false));
        let (kept, is_closed) = (Arc::clone(&text), Arc::clone(&closed));
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            // After `close` the next bytes find nobody: the end is dropped with the thread.
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                kept.lock().expect("no panic").push_str(&text);
                if *is_closed.lock().expect("no panic") {
                    return;
                }
            }
        });
        Stream { text, reader: Some(reader), closed }
    }

    fn text(&self) -> String {
        self.text.lock().expect("no panic").clone()
    }
}

/// Returns a command that hears signals, also when whoever runs the tests had them ignored, as
/// `nohup` and shells do for what they put into the background.
fn heard(command: Command) -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(ignored.unwrap_or("0").trim(), 16).unwrap_or(0);
    // SIGHUP and SIGINT are the first two.
    if ignored & 0b11 == 0 {
        return command;
    }
    let mut wrapped = Command::new("env");
    wrapped.arg("--default-signal=HUP,INT").arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(command.get_current_dir().expect("the scratch directory"));
    wrapped.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    wrapped
}

impl Sender {
    /// Starts to send, with a summary in JSON.
    pub(super) fn start(home: &Home, arguments: &[&str]) -> Sender {
        Sender::start_with(home, arguments, &[])
    }

    /// Starts to send, with variables of the environment.
    pub(super) fn start_with(
        home: &Home,
        arguments: &[&str],
        environment: &[(String, String)],
    ) -> Sender {
        let arguments = [&["send", "--format", "json"], arguments].concat();
        let mut child = heard(home.tierlog(&arguments))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = Stream::read(child.stdout.take().expect("piped"));
        let stderr = Stream::read(child.stderr.take().expect("piped"));
        let stdin = child.stdin.take();
        Sender { child, stdin, stdout, stderr }
    }

    /// Writes lines that the sender must take.
    #[track_caller]
    pub(super) fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(text.as_bytes()).expect("a sender that reads");
    }

    /// Writes lines to a sender that may have ended.
    pub(super) fn try_write(&mut self, text: &str) {
        let _ = self.stdin.as_mut().expect("open").write_all(text.as_bytes());
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        assert_eq!(run(std::process::Command::new("sh").args(["-c", &command])).code, 0);
    }

    /// Sends it a signal again and again until it has ended: two at once may be seen as one.
    pub(super) fn signal_until_ended(&mut self, name: &str) {
        wait_until("the end of the sender", || {
            if self.try_code().is_none() {
                self.signal(name);
            }
            self.try_code()
        });
    }

    /// Ends it without any warning.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// Waits until it has said something.
    #[track_caller]
    pub(super) fn await_words(&self, words: &str) {
        wait_until(&format!("{words:?} of the sender"), || {
            self.stderr.text().contains(words).then_some(())
        });
    }

    /// Waits until it has passed a text on, and nothing else.
    #[track_caller]
    pub(super) fn await_output(&self, text: &str) {
        wait_until("what is passed on", || (self.stdout.text() == text).then_some(()));
    }

    /// Stops to read what it passes on.
    pub(super) fn close_output(&self) {
        *self.stdout.closed.lock().expect("no panic") = true;
    }

    /// Returns the exit code of an ended sender.
    pub(super) fn try_code(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.child.try_wait().expect("a child of ours")?;
        Some(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
    }

    /// Closes the sender's input, and waits for the exit.
    #[track_caller]
    pub(super) fn finish(mut self) -> Ended {
        drop(self.stdin.take());
        wait_until("the end of the sender", || self.try_code());
        self.ended()
    }

    /// Returns the result of the ended sender.
    pub(super) fn ended(mut self) -> Ended {
        let code = self.try_code().expect("it has ended");
        for stream in [&mut self.stdout, &mut self.stderr] {
            stream.reader.take().map(std::thread::JoinHandle::join);
        }
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        let summary = stdout.lines().last().unwrap_or_default();
        let summary = serde_json::from_str(summary).unwrap_or_default();
        Ended { code, stdout, stderr, summary }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
