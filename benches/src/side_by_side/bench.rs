//! One run: every phase in the order in which a project meets it, sci and the peer in turn.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::Failure;
use crate::edit;
use crate::measure::Usage;
use crate::peer::Peer;
use crate::phase::Phase;
use crate::sci::{Done, Machine, Sci};
use crate::tools::copy;

/// Lockfiles of the tree as it is, and after the upgrade.
const BEFORE: &str = "before the upgrade\n";
const AFTER: &str = "after the upgrade\n";

/// Everything that a run needs, in a directory of its own that goes with it.
pub(crate) struct Bench {
    machine: Machine,
    peer: Peer,
    /// The workload's copy while it is not in the workspace: moved, never written to.
    aside: PathBuf,
    _dir: TempDir,
}

/// Samples by phase.
pub(crate) type Samples = BTreeMap<Phase, Vec<Usage>>;

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// sci, in every phase.
    pub(crate) sci: Samples,
    /// The peer, in the two phases that it knows.
    pub(crate) peer: Samples,
    /// Files of the tree, and their bytes.
    pub(crate) tree: (u64, u64),
}

impl Bench {
    /// Copies the workload to a new directory in `dir`.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) fn prepare(dir: &Path, workload: &Path, sci: Sci) -> Result<Self, Failure> {
        let own = TempDir::with_prefix_in("side-by-side-", fs::canonicalize(dir)?)?;
        let aside = own.path().join("aside");
        copy(workload, &aside)?;
        Ok(Self { machine: Machine::new(sci, own.path())?, peer: Peer::new(own.path()), aside, _dir: own })
    }

    /// A warm-up, then `runs` measured runs; `tell` hears what begins.
    ///
    /// # Errors
    /// When a program fails, or does something else than the phase is about.
    pub(crate) fn run(&self, runs: u32, tell: impl Fn(&str)) -> Result<Measured, Failure> {
        tell("warm-up");
        self.once(&mut Measured::default())?;
        let mut measured = Measured::default();
        for run in 1..=runs {
            tell(&format!("run {run} of {runs}"));
            self.once(&mut measured)?;
        }
        Ok(measured)
    }

    fn once(&self, measured: &mut Measured) -> Result<(), Failure> {
        self.first_save(measured)?;
        self.restores(measured)?;
        self.upgrade(measured)
    }

    /// An empty store meets the tree, and then meets it again.
    fn first_save(&self, measured: &mut Measured) -> Result<(), Failure> {
        self.machine.wipe()?;
        self.peer.wipe()?;
        self.machine.derive_from(BEFORE)?;
        self.sci("restore", "miss")?;
        fs::rename(&self.aside, self.machine.tree())?;
        let (used, done) = self.sci("save", "saved")?;
        measured.tree = done.tree();
        measured.sci(Phase::Save, Usage { stored: self.machine.stored()?, ..used });
        rustix::fs::sync();
        measured.peer(Phase::Save, self.peer.save(&self.machine.tree())?);
        let stored = self.machine.stored()?;
        let (used, _) = self.sci("save", "skipped")?;
        expect("an unchanged tree stores nothing", self.machine.stored()? == stored)?;
        measured.sci(Phase::UnchangedSave, used);
        Ok(())
    }

    /// A new machine without the tree; then the same machine with it.
    fn restores(&self, measured: &mut Measured) -> Result<(), Failure> {
        fs::rename(self.machine.tree(), &self.aside)?;
        self.machine.forget()?;
        let (used, done) = self.sci("restore", "exact")?;
        expect("a restore writes the whole tree", done.tree() == measured.tree && done.moved() >= measured.tree.0)?;
        measured.sci(Phase::Restore, used);
        rustix::fs::sync();
        measured.peer(Phase::Restore, self.peer.restore()?);
        let (used, done) = self.sci("restore", "exact")?;
        expect("a second restore writes nothing", done.moved() == 0)?;
        measured.sci(Phase::NoopRestore, used);
        Ok(())
    }

    /// The lockfile changes, the nearest tree is there, the package manager does its part; then all of it back.
    fn upgrade(&self, measured: &mut Measured) -> Result<(), Failure> {
        self.machine.derive_from(AFTER)?;
        self.sci("restore", "nearest")?;
        edit::upgrade(&self.machine.tree())?;
        let stored = self.machine.stored()?;
        let (used, _) = self.sci("save", "saved")?;
        measured.sci(Phase::IncrementalSave, Usage { stored: self.machine.stored()? - stored, ..used });
        self.machine.derive_from(BEFORE)?;
        let (used, done) = self.sci("restore", "exact")?;
        expect("the upgrade is undone, and no more", (1..measured.tree.0).contains(&done.moved()))?;
        measured.sci(Phase::IncrementalRestore, used);
        Ok(())
    }

    fn sci(&self, command: &str, word: &str) -> Result<(Usage, Done), Failure> {
        rustix::fs::sync();
        self.machine.run(command, word)
    }
}

impl Measured {
    fn sci(&mut self, phase: Phase, used: Usage) {
        self.sci.entry(phase).or_default().push(used);
    }

    fn peer(&mut self, phase: Phase, used: Usage) {
        self.peer.entry(phase).or_default().push(used);
    }
}

/// A phase that did something else than it is called measured nothing.
fn expect(what: &str, holds: bool) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}").into()) }
}
