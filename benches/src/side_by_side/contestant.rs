//! What takes part in a phase: sci, a peer, or a limit that nothing can beat.

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::measure::Usage;
use crate::phase::Phase;
use crate::stage::Stage;

/// What a contestant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// What everything is compared with; when it fails, so does the run.
    Sci,
    /// Another tool that people use. One that fails is said to fail.
    Peer,
    /// What the machine needs for a part of the work that nobody can leave out.
    Limit,
}

/// One that can be measured. Whatever a method leaves behind belongs to it alone, except the stage's tree: that is in the
/// state that the phase is about whenever [`prepare`](Self::prepare) and [`run`](Self::run) are called.
pub(crate) trait Contestant {
    /// The name in tables and on the command line.
    fn name(&self) -> &'static str;

    /// What it is.
    fn kind(&self) -> Kind;

    /// Whether it can do this at all.
    fn plays(&self, phase: Phase) -> bool;

    /// Brings about what the phase starts from. Called once, with the tree in its first state.
    ///
    /// # Errors
    /// When that fails.
    fn establish(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure>;

    /// Brings it about again. Called before each run.
    ///
    /// # Errors
    /// When that fails.
    fn prepare(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure>;

    /// Does what is measured.
    ///
    /// # Errors
    /// When it fails, or did something else than the phase is about.
    fn run(&mut self, phase: Phase, stage: &Stage) -> Result<Usage, Failure>;

    /// Removes what the next [`prepare`](Self::prepare) would remove, so that it is never written to the disk. Not called
    /// after the last run, which later phases start from.
    ///
    /// # Errors
    /// When that fails.
    fn clean(&mut self, _: Phase, _: &Stage) -> Result<(), Failure> {
        Ok(())
    }
}
