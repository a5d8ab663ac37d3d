//! A tool with its repository, taken through the phases.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Site, Tool};
use crate::Failure;
use crate::contestant::{Contestant, Kind};
use crate::files::{bytes_below, copy, empty, mirror, sum, wipe};
use crate::measure::{Usage, last_words, pipeline};
use crate::phase::Phase;
use crate::stage::{Stage, State};

/// The tool, and what it has been made to do so far.
pub(crate) struct Repository {
    tool: Tool,
    /// Saves into the present repository.
    saves: u32,
    /// How many of them the kept copy has: those of the first state. 0 when there is no copy.
    kept: u32,
    /// Whether the output directory holds the first state, as this tool restores it.
    restored: bool,
}

impl Repository {
    /// The tool, which has done nothing yet.
    pub(crate) fn new(tool: Tool) -> Self {
        Self { tool, saves: 0, kept: 0, restored: false }
    }

    fn site<'a>(&self, stage: &'a Stage) -> Result<Site<'a>, Failure> {
        let own = stage.own(self.tool.name)?;
        let (home, out) = (own.join("home"), own.join("out"));
        Ok(Site { stage, source: stage.source(), home, out, save: format!("save-{}", self.saves) })
    }

    /// An empty repository.
    fn init(&mut self, stage: &Stage) -> Result<(), Failure> {
        self.saves = 0;
        self.restored = false;
        let site = self.site(stage)?;
        for dir in [&site.home, &site.out] {
            empty(dir)?;
        }
        for dir in ["repository", "cache"] {
            fs::create_dir(site.home.join(dir))?;
        }
        (self.tool.init)(&site)
    }

    fn save(&mut self, stage: &Stage) -> Result<Usage, Failure> {
        self.saves += 1;
        let site = self.site(stage)?;
        let before = if self.tool.replaces { 0 } else { bytes_below(&site.repository())? };
        let used = run((self.tool.save)(&site), &site.home)?;
        Ok(Usage { stored: bytes_below(&site.repository())?.saturating_sub(before), ..used })
    }

    fn restore(&self, stage: &Stage) -> Result<Usage, Failure> {
        let site = self.site(stage)?;
        run((self.tool.restore)(&site), &site.home)
    }

    /// The output directory without a tree.
    fn clear(&mut self, stage: &Stage) -> Result<(), Failure> {
        self.restored = false;
        wipe(&self.site(stage)?.out.join(Stage::TREE))
    }

    /// The repository with the first state and nothing else, which is kept for later.
    fn have_first(&mut self, stage: &Stage) -> Result<(), Failure> {
        if self.saves == 0 {
            self.init(stage)?;
            self.save(stage)?;
        }
        Ok(())
    }

    fn copy_of_first(&self, stage: &Stage) -> Result<PathBuf, Failure> {
        Ok(stage.own(self.tool.name)?.join("home-of-first"))
    }

    /// Remembers the repository as it is.
    fn keep(&mut self, stage: &Stage) -> Result<(), Failure> {
        if self.kept == 0 {
            copy(&[&self.site(stage)?.home], &self.copy_of_first(stage)?)?;
            self.kept = self.saves;
        }
        Ok(())
    }

    /// The repository as it was remembered.
    fn reset(&mut self, stage: &Stage) -> Result<(), Failure> {
        mirror(&self.copy_of_first(stage)?, &self.site(stage)?.home)?;
        self.saves = self.kept;
        Ok(())
    }

    /// A restore that leaves a gap measured something else.
    fn is_whole(&self, stage: &Stage, tree: &Path) -> Result<(), Failure> {
        let (found, wanted) = (sum(&self.site(stage)?.out.join(Stage::TREE))?, sum(tree)?);
        if found.files < wanted.files {
            return Err(format!("restores {} of {} files", found.files, wanted.files).into());
        }
        Ok(())
    }
}

impl Contestant for Repository {
    fn name(&self) -> &'static str {
        self.tool.name
    }

    fn kind(&self) -> Kind {
        Kind::Peer
    }

    fn plays(&self, phase: Phase) -> bool {
        self.tool.phases.contains(&phase)
    }

    fn establish(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure> {
        if phase == Phase::Save {
            return Ok(());
        }
        self.have_first(stage)?;
        if phase.needs_next() {
            self.keep(stage)?;
        }
        match phase {
            Phase::RestoreNoop if !self.restored => {
                self.clear(stage)?;
                self.restore(stage)?;
                self.restored = true;
            }
            Phase::RestoreIncremental => {
                self.reset(stage)?;
                stage.set(State::Next)?;
                self.save(stage)?;
                stage.set(State::First)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn prepare(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure> {
        match phase {
            Phase::Save => self.init(stage),
            Phase::SaveIncremental | Phase::SaveNewInodes => self.reset(stage),
            Phase::Restore => self.clear(stage),
            Phase::RestoreIncremental => {
                let tree = self.site(stage)?.out.join(Stage::TREE);
                fs::create_dir_all(&tree)?;
                mirror(&stage.workload().first, &tree)
            }
            _ => Ok(()),
        }
    }

    fn clean(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure> {
        match phase {
            Phase::Save => wipe(&self.site(stage)?.home),
            Phase::Restore => self.clear(stage),
            _ => Ok(()),
        }
    }

    fn run(&mut self, phase: Phase, stage: &Stage) -> Result<Usage, Failure> {
        if phase.stores() {
            return self.save(stage);
        }
        let used = self.restore(stage)?;
        self.restored = phase == Phase::Restore || (self.restored && phase == Phase::RestoreNoop);
        let wanted = if phase == Phase::RestoreIncremental { stage.next()? } else { &stage.workload().first };
        self.is_whole(stage, wanted)?;
        Ok(used)
    }
}

/// Runs one command; the last that it says is told when it fails.
fn run(mut command: Command, home: &Path) -> Result<Usage, Failure> {
    let said = home.join("said.txt");
    let output = File::create(&said)?;
    command.stdout(output.try_clone()?).stderr(output);
    pipeline(vec![command]).map_err(|error| last_words(&error, &said))
}
