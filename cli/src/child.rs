//! The command that `run` runs: it inherits our stdio, gets the signals that were meant for it, and lends us its exit code.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sci_sys::programs;

use crate::exit::Exit;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// What a shell would report: its code, or 128 + the signal that killed it.
    pub exit: Exit,
    /// True when somebody asked us to stop while it ran: an interrupt from the keyboard, a cancelled job.
    pub interrupted: bool,
}

/// Runs `command` (its words, unchanged: no shell is involved) in `directory` and waits for it.
///
/// With `stdout_to_stderr` its stdout is our stderr, so that ours can hold a document of our own. `spawn` starts it.
///
/// # Errors
/// The system's answer when the command cannot be started; [`cannot_start`] gives the exit code for it.
pub fn run(
    command: &[OsString],
    directory: &Path,
    stdout_to_stderr: bool,
    spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
) -> io::Result<Ended> {
    let (program, arguments) = command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let variable = |name| std::env::var_os(name);
    let (path, extensions) = (variable("PATH"), variable(programs::EXTENSIONS));
    let mut command = Command::new(programs::resolve(program, directory, path.as_deref(), extensions.as_deref()));
    command.args(arguments).current_dir(directory);
    if stdout_to_stderr {
        command.stdout(io::stderr());
    } else {
        command.stdout(Stdio::inherit());
    }
    // Before the command starts: a signal that comes now waits instead of killing us.
    let signals = system::Signals::take()?;
    signals.wait(spawn(&mut command)?)
}

/// The exit code, as shells have it, of a command that could not be started.
pub fn cannot_start(error: &io::Error) -> Exit {
    Exit::Command(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}
