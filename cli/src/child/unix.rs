//! Unix: signals are passed on, and the command that one of them ended has 128 and its number.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sci_sys::io::Errno;
use sci_sys::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

use super::Ended;
use crate::exit::Exit;

/// The signals that come while a command runs.
pub(super) struct Signals(SignalsInfo<WithOrigin>);

impl Signals {
    /// Takes them from now on.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self(SignalsInfo::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])?))
    }

    /// Waits for the command, and passes on what it has not got by itself.
    pub(super) fn wait(self, mut child: Child) -> io::Result<Ended> {
        let Self(mut signals) = self;
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
            while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), exited) {}
            handle.close();
        });
        let exit = exit_of(child.wait()?);
        Ok(Ended { exit, interrupted: interrupted.into_inner() })
    }
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
    use std::path::Path;
    use std::process::Command;

    use super::super::{cannot_start, run};
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
