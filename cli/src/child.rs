//! The command that `run` runs: it inherits our stdio, gets the signals that were meant for it, and lends us its exit code.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sci_sys::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::exit::Exit;

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
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory);
    if stdout_to_stderr {
        command.stdout(io::stderr());
    } else {
        command.stdout(Stdio::inherit());
    }
    // Before the command starts: a signal that comes now waits in the pipe instead of killing us.
    let signals = SignalsInfo::<WithOrigin>::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])?;
    wait_forwarding(spawn(&mut command)?, signals)
}

/// The exit code, as shells have it, of a command that could not be started.
pub fn cannot_start(error: &io::Error) -> Exit {
    Exit::Command(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 })
}

fn wait_forwarding(mut child: Child, mut signals: SignalsInfo<WithOrigin>) -> io::Result<Ended> {
    let pid = Pid::from_child(&child);
    let handle = signals.handle();
    let interrupted = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let pass_on = |origin: Origin| {
                if matches!(origin.signal, SIGHUP | SIGINT | SIGQUIT | SIGTERM) {
                    interrupted.store(true, Ordering::Relaxed);
                }
                // What the terminal sends, it sends to the whole foreground group: the command has it already.
                if !matches!(origin.cause, Cause::Kernel)
                    && let Some(signal) = Signal::from_named_raw(origin.signal)
                {
                    let _already_gone = kill_process(pid, signal);
                }
            };
            signals.forever().for_each(pass_on);
            // What ended the command may have come to us as well, and not have been looked at yet.
            signals.pending().for_each(pass_on);
        });
        // The child is not reaped here, so its id cannot pass to another process while signals are still forwarded.
        let exited = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(sci_sys::io::Errno::INTR) = waitid(WaitId::Pid(pid), exited) {}
        handle.close();
    });
    let exit = exit_of(child.wait()?);
    Ok(Ended { exit, interrupted: interrupted.into_inner() })
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(0), _) => Exit::Success,
        (Some(code), _) => Exit::Command(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
        (None, signal) => Exit::Command(128_u8.saturating_add(u8::try_from(signal.unwrap_or(0)).unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> io::Result<Ended> {
        run(&["sh".into(), "-c".into(), script.into()], Path::new("/"), false, Command::spawn)
    }

    #[test]
    fn the_code_is_the_commands_own() {
        assert_eq!(sh("exit 0").unwrap(), Ended { exit: Exit::Success, interrupted: false });
        assert_eq!(sh("exit 7").unwrap().exit.code(), 7);
        assert_eq!(sh("kill -9 $$").unwrap().exit.code(), 137);
    }

    #[test]
    fn a_command_that_cannot_start_has_the_shells_code() {
        let missing = run(&["/nonexistent/program".into()], Path::new("/"), false, Command::spawn).unwrap_err();
        assert_eq!(cannot_start(&missing).code(), 127);
        let directory = run(&["/".into()], Path::new("/"), false, Command::spawn).unwrap_err();
        assert_eq!(cannot_start(&directory).code(), 126);
    }
}
