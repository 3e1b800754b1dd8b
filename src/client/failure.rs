//! The two failures of a client that end a verb with an exit code of their own.

/// The arguments cannot be meant: exit code 2. Found in an error's chain.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// No server answers: exit code 3. Found in an error's chain.
#[derive(Debug, thiserror::Error)]
#[error("no server at {server}: {reason}")]
pub struct Unreachable {
    /// The address that was tried.
    pub server: String,
    /// What the connection attempt said.
    pub reason: String,
}
