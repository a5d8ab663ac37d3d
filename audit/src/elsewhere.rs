//! Systems on which nothing is watched: the command just runs.

use std::convert::Infallible;
use std::io;
use std::process::{Child, Command, ExitCode};

use crate::{Reads, Scope, Unavailable};

/// A command that is being watched; there is none here.
#[derive(Debug)]
pub struct Watch(Infallible);

impl Watch {
    /// Ends the watch.
    pub fn stop(self) -> Reads {
        match self.0 {}
    }
}

/// Starts `command`, and says why it is not watched.
pub fn spawn(command: &mut Command, _: Scope, _: Command) -> (io::Result<Child>, Result<Watch, Unavailable>) {
    (command.spawn(), Err(Unavailable::System))
}

/// The program that stands by; it is never started here.
pub fn standby() -> Command {
    Command::new("sci")
}

/// Stands by, if that is what this process was started for: never.
pub fn stand_by() -> Option<ExitCode> {
    None
}
