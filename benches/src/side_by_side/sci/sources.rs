//! sci with a source tree: it derives a key from every file.

use serde::Deserialize;

use super::{Machine, NAME, Sci, expect};
use crate::Failure;
use crate::contestant::{Contestant, Kind};
use crate::files::wipe;
use crate::measure::Usage;
use crate::phase::Phase;
use crate::stage::Stage;

/// What every key of this workspace is derived from; part of the sources before anybody measures.
pub(crate) const SCI_TOML: &str = "[path.out]\npath = \"out\"\nsources = [\"**\"]\n";

/// The machine.
pub(crate) struct Sources {
    machine: Machine,
    /// The key, once it was derived: it must not change.
    key: Option<String>,
}

/// What sci plans.
#[derive(Deserialize)]
struct Planned {
    outcome: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    inputs: Vec<serde::de::IgnoredAny>,
}

impl Sources {
    /// A machine on which nothing is cached.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub(crate) fn new(sci: Sci, stage: &Stage) -> Result<Self, Failure> {
        Ok(Self { machine: Machine::new(sci, &stage.own(NAME)?, &stage.tree())?, key: None })
    }

    fn plan(&mut self) -> Result<Usage, Failure> {
        let (used, planned) = self.machine.run::<Planned>("plan")?;
        expect("the path has a key", planned.outcome == "keyed" && !planned.inputs.is_empty())?;
        expect("equal sources have equal keys", self.key.as_ref().is_none_or(|key| *key == planned.key))?;
        self.key = Some(planned.key);
        Ok(used)
    }
}

impl Contestant for Sources {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Sci
    }

    fn plays(&self, phase: Phase) -> bool {
        phase.is_plan()
    }

    fn establish(&mut self, phase: Phase, _: &Stage) -> Result<(), Failure> {
        if phase == Phase::PlanWarm {
            self.plan()?;
        }
        Ok(())
    }

    fn prepare(&mut self, phase: Phase, _: &Stage) -> Result<(), Failure> {
        if phase == Phase::PlanCold {
            self.machine.forget()?;
            wipe(&self.machine.store())?;
        }
        Ok(())
    }

    fn run(&mut self, _: Phase, _: &Stage) -> Result<Usage, Failure> {
        self.plan()
    }
}
