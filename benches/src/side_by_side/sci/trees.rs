//! sci with a tree, taken through the phases as a project would take it.

use std::fs;
use std::path::PathBuf;

use super::{Done, Machine, NAME, Sci, expect};
use crate::Failure;
use crate::contestant::{Contestant, Kind};
use crate::files::{mirror, wipe};
use crate::measure::Usage;
use crate::phase::Phase;
use crate::stage::Stage;

/// The workspace's declaration: one path, derived from one file. No tool, whose own time would count.
const SCI_TOML: &str = "[path.tree]\npath = \"tree\"\nlockfiles = [\"state.lock\"]\n";
/// Lockfiles of the two states.
const FIRST: &str = "before the upgrade\n";
const NEXT: &str = "after the upgrade\n";

/// The machine, and what has happened on it.
pub(crate) struct Trees {
    machine: Machine,
    /// Files of the first state.
    files: u64,
    /// Whether a store with nothing but the first state was kept.
    kept: bool,
}

impl Trees {
    /// A machine on `stage` where nothing has happened yet.
    ///
    /// # Errors
    /// When the workspace cannot be written.
    pub(crate) fn new(sci: Sci, stage: &Stage) -> Result<Self, Failure> {
        let dir = stage.own(NAME)?;
        let workspace = dir.join("workspace");
        fs::create_dir(&workspace)?;
        fs::write(workspace.join("sci.toml"), SCI_TOML)?;
        Ok(Self { machine: Machine::new(sci, &dir, &workspace)?, files: 0, kept: false })
    }

    fn tree(&self) -> PathBuf {
        self.machine.workspace.join("tree")
    }

    /// Sets what the tree is derived from.
    fn derive_from(&self, state: &str) -> Result<(), Failure> {
        Ok(fs::write(self.machine.workspace.join("state.lock"), state)?)
    }

    /// A new machine: no tree, and no local state.
    fn arrive(&self) -> Result<(), Failure> {
        wipe(&self.tree())?;
        self.machine.forget()
    }

    /// An empty store, on a machine that is about to make the tree.
    fn begin(&self) -> Result<(), Failure> {
        self.arrive()?;
        wipe(&self.machine.store())?;
        self.derive_from(FIRST)?;
        self.machine.must("restore", "miss").map(|_| ())
    }

    /// Saves the stage's tree, which is only moved: `word` is what sci has to say.
    fn save(&self, stage: &Stage, word: &str) -> Result<(Usage, Done), Failure> {
        let before = self.machine.stored()?;
        fs::rename(stage.tree(), self.tree())?;
        rustix::fs::sync();
        let saved = self.machine.must("save", word);
        fs::rename(self.tree(), stage.tree())?;
        let (used, done) = saved?;
        Ok((Usage { stored: self.machine.stored()? - before, ..used }, done))
    }

    /// The first save.
    fn first_save(&mut self, stage: &Stage) -> Result<Usage, Failure> {
        let (used, done) = self.save(stage, "saved")?;
        self.files = done.files();
        Ok(used)
    }

    /// A new machine on which the lockfile has changed already; the nearest tree is restored.
    fn restore_nearest(&self) -> Result<(), Failure> {
        self.machine.reset_store()?;
        self.arrive()?;
        self.derive_from(NEXT)?;
        self.machine.must("restore", "nearest").map(|_| ())
    }

    /// The same, and the package manager has done its part.
    fn upgrade(&self, stage: &Stage) -> Result<(), Failure> {
        self.restore_nearest()?;
        mirror(stage.next()?, &self.tree())
    }

    fn save_upgraded(&self) -> Result<Usage, Failure> {
        let before = self.machine.stored()?;
        let (used, _) = self.machine.must("save", "saved")?;
        Ok(Usage { stored: self.machine.stored()? - before, ..used })
    }

    fn restore_first(&self) -> Result<Usage, Failure> {
        let (used, done) = self.machine.must("restore", "exact")?;
        expect(
            "a restore on a new machine writes the whole tree",
            done.files() == self.files && done.moved() >= self.files,
        )?;
        Ok(used)
    }
}

impl Contestant for Trees {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> Kind {
        Kind::Sci
    }

    fn plays(&self, phase: Phase) -> bool {
        !phase.is_plan()
    }

    fn establish(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure> {
        // The unchanged tree is the one that was saved last, with what the save remembered of it.
        if phase == Phase::SaveUnchanged || (phase != Phase::Save && self.files == 0) {
            self.begin()?;
            self.first_save(stage)?;
        }
        if phase != Phase::Save && !self.kept {
            self.machine.keep_store()?;
            self.kept = true;
        }
        match phase {
            Phase::Restore | Phase::RestoreNoop => {
                self.machine.reset_store()?;
                self.arrive()?;
                self.derive_from(FIRST)?;
                self.restore_first().map(|_| ())
            }
            Phase::RestoreIncremental => {
                self.upgrade(stage)?;
                self.save_upgraded().map(|_| ())
            }
            _ => Ok(()),
        }
    }

    fn prepare(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure> {
        match phase {
            Phase::Save => self.begin(),
            Phase::Restore => self.arrive(),
            Phase::SaveIncremental => self.upgrade(stage),
            Phase::SaveNewInodes => {
                self.restore_nearest()?;
                wipe(&self.tree())
            }
            Phase::RestoreIncremental => {
                self.derive_from(FIRST)?;
                self.machine.must("restore", "exact")?;
                self.derive_from(NEXT)
            }
            _ => Ok(()),
        }
    }

    fn clean(&mut self, phase: Phase, _: &Stage) -> Result<(), Failure> {
        match phase {
            Phase::Save => wipe(&self.machine.store()),
            Phase::Restore => self.arrive(),
            _ => Ok(()),
        }
    }

    fn run(&mut self, phase: Phase, stage: &Stage) -> Result<Usage, Failure> {
        match phase {
            Phase::Save => self.first_save(stage),
            Phase::SaveUnchanged => {
                let (used, _) = self.save(stage, "skipped")?;
                expect("an unchanged tree stores nothing", used.stored == 0)?;
                Ok(used)
            }
            Phase::Restore => self.restore_first(),
            Phase::RestoreNoop => {
                let (used, done) = self.machine.must("restore", "exact")?;
                expect("a restore over the very tree writes nothing", done.moved() == 0)?;
                Ok(used)
            }
            Phase::SaveIncremental => self.save_upgraded(),
            Phase::SaveNewInodes => Ok(self.save(stage, "saved")?.0),
            Phase::RestoreIncremental => {
                let (used, done) = self.machine.must("restore", "exact")?;
                expect("the upgrade is restored, and no more", (1..done.files()).contains(&done.moved()))?;
                Ok(used)
            }
            Phase::PlanCold | Phase::PlanWarm => Err("a tree is not planned".into()),
        }
    }
}
