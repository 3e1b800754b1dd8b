//! Torture itself, run again in a namespace that allows mounts: faults of small disks need no root.
//! Needs util-linux's `unshare`, and a kernel that lets everybody make namespaces; nothing of the
//! machine outside is changed.

use std::process::{Command, Stdio};

/// Puts the given program into new namespaces, with this user as root.
const UNSHARE: [&str; 3] = ["--user", "--map-root-user", "--mount"];

/// Set in the process inside, which makes no further namespace.
pub(crate) const INSIDE: &str = "TORTURE_INSIDE";

/// Returns the command of this program inside, without arguments; `None` where that cannot be, or
/// has been done already.
pub(crate) fn again(why: &str) -> Option<Command> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let mut probe = Command::new("unshare");
    probe.args(UNSHARE).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(UNSHARE).arg(std::env::current_exe().ok()?).env(INSIDE, why);
    Some(command)
}
