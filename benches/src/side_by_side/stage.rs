//! Where one workload is measured: its tree, and a directory for each contestant, all on one file system.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Failure;
use crate::files::{copy, mirror, wipe};
use crate::phase::Phase;
use crate::tools::Tools;
use crate::workload::Workload;

/// What the tree is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// As the workload is found.
    First,
    /// After the upgrade, done in place: what did not change has its inode and its times.
    Next,
    /// After the upgrade, every inode new.
    NextElsewhere,
}

/// The place. Goes away with everything in it.
pub(crate) struct Stage {
    dir: TempDir,
    workload: Workload,
    state: Cell<State>,
    path: OsString,
    npm: PathBuf,
}

impl Stage {
    /// The name of the tree in the directory that it is saved from, and in those that it is restored to.
    pub(crate) const TREE: &'static str = "tree";

    /// Copies the workload to a new directory in `dir`.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) fn new(dir: &Path, workload: Workload, tools: &Tools) -> Result<Self, Failure> {
        let dir = TempDir::with_prefix_in("side-by-side-", fs::canonicalize(dir)?)?;
        let stage = Self { dir, workload, state: Cell::new(State::First), path: tools.path()?, npm: tools.npm() };
        let live = stage.source();
        fs::create_dir(&live)?;
        match &stage.workload.beside {
            // One command, so that links between the two remain links.
            Some(beside) => {
                let both = stage.own("both")?;
                copy(&[beside, &stage.workload.first], &both)?;
                let name = stage.workload.first.file_name().ok_or("a workload is a directory with a name")?;
                fs::rename(both.join(name), stage.tree())?;
            }
            None => copy(&[&stage.workload.first.join(".")], &stage.tree())?,
        }
        Ok(stage)
    }

    /// The workload.
    pub(crate) fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The directory that holds the tree.
    pub(crate) fn source(&self) -> PathBuf {
        self.dir.path().join("live")
    }

    /// The tree, at the same place whatever its state is.
    pub(crate) fn tree(&self) -> PathBuf {
        self.source().join(Self::TREE)
    }

    /// The directory of one contestant, made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn own(&self, name: &str) -> Result<PathBuf, Failure> {
        let own = self.dir.path().join(name.replace('/', "-"));
        fs::create_dir_all(&own)?;
        Ok(own)
    }

    /// Where npm packages are that are no programs.
    pub(crate) fn npm(&self) -> &Path {
        &self.npm
    }

    /// A program of a contestant that keeps everything it remembers below `home`.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>, home: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", &self.path).env("HOME", home).env("XDG_CACHE_HOME", home.join("cache"));
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Brings the tree into the state that `phase` is about.
    ///
    /// # Errors
    /// When files cannot be written.
    pub(crate) fn set_for(&self, phase: Phase) -> Result<(), Failure> {
        self.set(match phase {
            Phase::SaveIncremental => State::Next,
            Phase::SaveNewInodes => State::NextElsewhere,
            _ => State::First,
        })
    }

    /// Brings the tree into `state`.
    ///
    /// # Errors
    /// When files cannot be written.
    pub(crate) fn set(&self, state: State) -> Result<(), Failure> {
        match (self.state.get(), state) {
            (now, wanted) if now == wanted => return Ok(()),
            (_, State::First) => mirror(&self.workload.first, &self.tree())?,
            (_, State::Next) => mirror(self.next()?, &self.tree())?,
            (_, State::NextElsewhere) => {
                wipe(&self.tree())?;
                copy(&[&self.next()?.join(".")], &self.tree())?;
            }
        }
        self.state.set(state);
        Ok(())
    }

    /// The state after the upgrade, as it was given.
    ///
    /// # Errors
    /// When none was.
    pub(crate) fn next(&self) -> Result<&Path, Failure> {
        Ok(self.workload.next.as_deref().ok_or("the workload has no second state")?)
    }
}
