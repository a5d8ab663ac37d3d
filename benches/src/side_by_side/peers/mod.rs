//! The peers: tools that people save and restore trees with, each by its own command lines.
//!
//! A tool is data: what it needs, what it can do, and the commands for it. [`Repository`] runs any of them through the phases.

mod archives;
mod backups;
mod copies;
mod repository;

use std::path::PathBuf;
use std::process::Command;

use crate::Failure;
use crate::phase::Phase;
use crate::stage::Stage;
use crate::tools::Need;

pub(crate) use repository::Repository;

/// One tool.
pub(crate) struct Tool {
    /// Its name in tables.
    pub(crate) name: &'static str,
    /// The programs that it needs.
    pub(crate) needs: &'static [Need],
    /// What it can do, or claims to.
    pub(crate) phases: &'static [Phase],
    /// Whether a save takes the place of the one before, instead of growing the repository.
    replaces: bool,
    /// Makes an empty repository; not measured.
    init: fn(&Site<'_>) -> Result<(), Failure>,
    /// Saves the tree.
    save: fn(&Site<'_>) -> Command,
    /// Restores the last save into the output directory.
    restore: fn(&Site<'_>) -> Command,
}

/// Where a tool works.
pub(crate) struct Site<'a> {
    stage: &'a Stage,
    /// Holds the tree, at its name.
    source: PathBuf,
    /// Everything that the tool remembers: the repository, and caches beside it.
    home: PathBuf,
    /// Where the tree is restored to, at its name.
    out: PathBuf,
    /// The name of the last save.
    save: String,
}

/// Every tool, in the order of a round.
pub(crate) const ALL: [Tool; 7] = [
    archives::ACTIONS_CACHE,
    archives::SQUASHFS,
    archives::TURBO,
    copies::RSYNC,
    backups::RUSTIC,
    backups::RESTIC,
    backups::BORG,
];

/// Every phase that moves a tree.
const TREES: &[Phase] = &[
    Phase::Save,
    Phase::SaveUnchanged,
    Phase::Restore,
    Phase::RestoreNoop,
    Phase::SaveIncremental,
    Phase::SaveNewInodes,
    Phase::RestoreIncremental,
];

impl Site<'_> {
    /// What is stored, and nothing else.
    fn repository(&self) -> PathBuf {
        self.home.join("repository")
    }

    /// A program of this tool that starts in the directory which holds the tree.
    fn command(&self, program: &str) -> Command {
        let mut command = self.stage.command(program, &self.home);
        command.current_dir(&self.source);
        command
    }
}
