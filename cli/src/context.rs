//! What every command is given: output, the global flags, the environment, and where it starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sci_store_api::UnixMillis;
use sci_sys::places;

use crate::args::Globals;
use crate::environment::Environment;
use crate::error::{CliError, Kind, Result};
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::state::State;
use crate::state::activity::{Doing, Meter, Telling};
use crate::workspace::Workspace;

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
    /// Counts what a save or restore has done.
    pub meter: Arc<Meter>,
    start: PathBuf,
}

impl Context {
    /// Puts together what was found out; `start` is from [`start_directory`].
    pub fn new(globals: Globals, environment: Environment, out: Output, start: PathBuf) -> Self {
        Self { out, globals, environment, interrupts: Interrupts::default(), meter: Arc::default(), start }
    }

    /// The directory to start in, canonical.
    pub fn start(&self) -> &Path {
        &self.start
    }

    /// The local state directory.
    ///
    /// # Errors
    /// [`Kind::State`] when there is no place for one.
    pub fn state(&self) -> Result<State> {
        State::locate(self.globals.state(), &self.environment)
    }

    /// Tells other processes how far a save or restore of the workspace is, until the value is dropped. The workspace's lock
    /// has to be held.
    pub fn tell(&self, workspace: &Workspace, doing: Doing) -> Telling {
        let now = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        Telling::begin(&workspace.state.activity(), doing, UnixMillis(now), &self.meter)
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
    match places::canonical(&asked) {
        Ok(start) if start.is_dir() => Ok(start),
        Ok(_) => Err(CliError::new(Kind::Usage, format!("{} is not a directory", asked.display()))),
        Err(error) => Err(CliError::new(Kind::Usage, format!("cannot start in {}: {error}", asked.display()))),
    }
}
