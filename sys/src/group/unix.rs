//! Unix: a process group.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A process and what it starts, as far as it does not leave the group.
#[derive(Debug)]
pub struct Group(Pid);

impl Group {
    /// Starts a command at the head of a group of its own.
    ///
    /// # Errors
    /// What the system says.
    pub fn spawn(command: &mut Command) -> io::Result<(Child, Self)> {
        let child = command.process_group(0).spawn()?;
        let group = Self(Pid::from_child(&child));
        Ok((child, group))
    }

    /// Waits until the child ends, and leaves it to be waited for.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&self) -> io::Result<()> {
        Ok(waitid(WaitId::Pid(self.0), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).map(drop)?)
    }

    /// Ends all of it. To be called before the child is waited for: until then its number names this group and no other.
    pub fn kill(&self) {
        // It may be gone all the same.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}
