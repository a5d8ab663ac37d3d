//! The process that stands by: once whoever watches is gone, it lets everything go on, unseen.
//!
//! Processes keep their filter as long as they live, and one that nobody answers can open no file any more. A command may
//! leave processes behind (a compiler's server), and whoever watches may be killed. So the program is started once more,
//! under another name, with what tells of requests as its standard output and a pipe from the watching one as its input. At
//! the end of that pipe it takes over, until the last process with the filter has ended.

use std::io::{Read, stdin, stdout};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::listener::Listener;
use super::supervise::{is_listener, let_all_go};

/// The name under which it runs.
const NAME: &str = "sci-audit-standby";

/// The program that stands by: this very one.
pub fn program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(NAME);
    command
}

/// Stands by, if that is what this process was started for; `None` when it was not.
pub fn stand_by() -> Option<ExitCode> {
    let is_meant = std::env::args_os().next().is_some_and(|name| name == NAME) && is_listener(stdout().as_fd());
    is_meant.then(|| if wait_and_answer().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn wait_and_answer() -> std::io::Result<()> {
    let mut listener = Listener::new(stdout().as_fd().try_clone_to_owned()?)?;
    // Nothing is ever sent: it ends when the other one does.
    stdin().lock().read_to_end(&mut Vec::new())?;
    let_all_go(&mut listener)
}
