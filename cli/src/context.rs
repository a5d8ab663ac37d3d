//! What every command is given: output, the global flags, the environment, and where it starts.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::args::Globals;
use crate::environment::Environment;
use crate::error::{CliError, Kind, Result};
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::state::State;

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// Where results, notes and warnings go.
    pub out: Output,
    /// The global flags.
    pub globals: Globals,
    /// The environment of this process.
    pub environment: Environment,
    /// Whether somebody has asked to stop.
    pub interrupts: Interrupts,
    start: PathBuf,
}

impl Context {
    /// Puts together what was found out; `start` is from [`start_directory`].
    pub fn new(globals: Globals, environment: Environment, out: Output, start: PathBuf) -> Self {
        Self { out, globals, environment, interrupts: Interrupts::default(), start }
    }

    /// The directory to start in, canonical.
    pub fn start(&self) -> &Path {
        &self.start
    }

    /// The local state directory.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is no place for one.
    pub fn state(&self) -> Result<State> {
        State::locate(self.globals.state(), &self.environment)
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The directory to start in, canonical: `--workspace`, else the current one.
///
/// # Errors
/// [`Kind::Usage`] when it is not a directory.
pub fn start_directory(globals: &Globals) -> Result<PathBuf> {
    let asked = globals.workspace().unwrap_or_else(|| PathBuf::from("."));
    match asked.canonicalize() {
        Ok(start) if start.is_dir() => Ok(start),
        Ok(_) => Err(CliError::new(Kind::Usage, format!("{} is not a directory", asked.display()))),
        Err(error) => Err(CliError::new(Kind::Usage, format!("cannot start in {}: {error}", asked.display()))),
    }
}
