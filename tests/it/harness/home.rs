//! A scratch directory in which a server lives, across as many starts as a test needs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::server::Server;

/// Settings of every test server: free ports, quick commits, a disk that may be small, and a
/// machine that may be slow: what a start finds in the log is indexed when it is ready.
const SETTINGS: [&str; 6] = [
    "ingest.tcp.listen=127.0.0.1:0",
    "ingest.http.listen=127.0.0.1:0",
    "query.listen=127.0.0.1:0",
    "store.commit_interval=50ms",
    "store.replay_before_ready=1h",
    "store.free_min=1MiB",
];

/// Data directory, keys, output and settings of one server.
pub(crate) struct Home {
    directory: TempDir,
    settings: Vec<String>,
    environment: Vec<(String, String)>,
    data_kibibytes_max: Option<u64>,
}

impl Home {
    /// Returns an empty home.
    pub(crate) fn new() -> Home {
        Home::with(&[])
    }

    /// Returns an empty home whose servers get further settings.
    pub(crate) fn with(settings: &[&str]) -> Home {
        let settings = SETTINGS.iter().chain(settings).map(|text| (*text).to_owned()).collect();
        let directory = tempfile::tempdir().expect("a scratch directory");
        Home { directory, settings, environment: Vec::new(), data_kibibytes_max: None }
    }

    /// Lets its servers have so much data (`RLIMIT_DATA`): beyond, allocations fail.
    pub(crate) fn limit_data(&mut self, kibibytes: u64) {
        self.data_kibibytes_max = Some(kibibytes);
    }

    /// Gives its servers variables of the environment, which is empty otherwise.
    pub(crate) fn set_environment(&mut self, environment: Vec<(String, String)>) {
        self.environment = environment;
    }

    /// Returns this home with the scratch directory of another home.
    #[must_use]
    pub(crate) fn in_place_of(self, other: Home) -> Home {
        Home { directory: other.directory, ..self }
    }

    /// Returns the scratch directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Returns the directory of the keys, beside the data.
    pub(crate) fn keys(&self) -> PathBuf {
        self.path().join("data.keys")
    }

    /// Returns the output of all servers of this home.
    pub(crate) fn output(&self) -> Vec<u8> {
        fs::read(self.output_file()).unwrap_or_default()
    }

    /// Returns the same as text.
    pub(crate) fn output_text(&self) -> String {
        String::from_utf8_lossy(&self.output()).into_owned()
    }

    /// Returns the file that servers print into.
    fn output_file(&self) -> PathBuf {
        self.path().join("output.log")
    }

    /// Returns a command of the real binary, in the scratch directory, with an empty environment.
    pub(crate) fn tierlog(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tierlog"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command
    }

    /// Returns the command that serves this home, with output to the output file.
    pub(crate) fn serve(&self, addresses_file: &Path) -> Command {
        let output = File::options()
            .create(true)
            .append(true)
            .open(self.output_file())
            .expect("a scratch file");
        let arguments = ["serve", "--data", "data", "--addresses-file"];
        let mut command = match self.data_kibibytes_max {
            None => self.tierlog(&arguments),
            Some(kibibytes) => {
                // The shell becomes the server: the process that is waited for is the same.
                let limited = format!("ulimit -d {kibibytes} && exec \"$0\" \"$@\"");
                let mut command = Command::new("/bin/sh");
                command.args(["-c", &limited, env!("CARGO_BIN_EXE_tierlog")]).args(arguments);
                command.current_dir(self.path()).env_clear();
                command
            }
        };
        command.arg(addresses_file);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdout(output.try_clone().expect("a second handle")).stderr(output);
        command
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn start(&self) -> Server<'_> {
        self.start_with(&[])
    }

    /// Starts a server with further settings and waits until it is ready.
    pub(crate) fn start_with(&self, settings: &[&str]) -> Server<'_> {
        let server = Server::start(self, settings);
        server.await_ready();
        server
    }

    /// Starts a server that listens, but may not be ready to take lines.
    pub(crate) fn start_unready(&self) -> Server<'_> {
        Server::start(self, &[])
    }

    /// Returns every file under the data directory.
    pub(crate) fn data_files(&self) -> Vec<PathBuf> {
        files_under(&self.data())
    }
}

/// Returns every file under a directory, sorted.
pub(crate) fn files_under(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}
