//! Peers that derive something from the content of every source file.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;
use crate::contestant::{Contestant, Kind};
use crate::measure::{Usage, last_words, pipeline, quietly};
use crate::phase::Phase;
use crate::sci;
use crate::stage::Stage;
use crate::tools::Need;

/// Where `turbo` comes from.
pub(crate) const TURBO: Need = Need::Npm("turbo", "turbo@2.11.11");
/// The package of GitHub's `hashFiles`.
const GLOB: &str = "@actions/glob";

/// One of them.
pub(crate) struct Planner {
    /// Its name in tables.
    pub(crate) name: &'static str,
    /// What it needs.
    pub(crate) needs: &'static [Need],
    /// When its way is to be compared.
    phase: Phase,
    /// The programs, the output of each being the input of the next.
    commands: fn(&Stage, &Path) -> Vec<Command>,
}

/// Every one, in the order of a round.
pub(crate) const ALL: [Planner; 4] = [
    Planner {
        name: "b3sum",
        needs: &[Need::System("find", "findutils"), Need::System("xargs", "findutils"), Need::Crate("b3sum", "b3sum")],
        phase: Phase::PlanCold,
        commands: |stage, home| {
            let mut find = stage.command("find", home);
            find.current_dir(stage.tree()).args([".", "-path", "./.git", "-prune", "-o", "-type", "f", "-print0"]);
            let mut xargs = stage.command("xargs", home);
            xargs.current_dir(stage.tree()).args(["-0", "-P2", "b3sum"]);
            vec![find, xargs]
        },
    },
    Planner {
        name: "turbo",
        needs: &[TURBO],
        phase: Phase::PlanCold,
        commands: |stage, home| {
            let mut turbo = stage.command("turbo", home);
            turbo.current_dir(stage.tree()).args(["run", "build", "--dry=json"]);
            turbo.envs([("TURBO_TELEMETRY_DISABLED", "1"), ("TURBO_NO_UPDATE_NOTIFIER", "1"), ("TURBO_DAEMON", "0")]);
            vec![turbo]
        },
    },
    Planner {
        name: "hashFiles",
        needs: &[Need::System("node", "nodejs"), Need::Library(GLOB, "0.7.0")],
        phase: Phase::PlanCold,
        commands: |stage, home| {
            // Its patterns start where the program does.
            let library = stage.npm().join("node_modules").join(GLOB).join("lib/glob.js");
            let script = "const { hashFiles } = await import(process.env.LIBRARY);\
                          if (!await hashFiles('**\\n!.git/**')) throw new Error('nothing matched');";
            let mut node = stage.command("node", home);
            node.current_dir(stage.tree()).args(["--input-type=module", "--eval", script]);
            node.env("LIBRARY", library).env("GITHUB_WORKSPACE", stage.tree());
            vec![node]
        },
    },
    Planner {
        name: "git-status",
        needs: &[Need::System("git", "git")],
        phase: Phase::PlanWarm,
        commands: |stage, home| {
            let mut git = stage.command("git", home);
            git.current_dir(stage.tree()).args(["status", "--porcelain"]);
            vec![git]
        },
    },
];

/// Makes a repository of the sources at `tree` that every planner understands, with nothing left to commit.
///
/// # Errors
/// When git fails.
pub(crate) fn ready(tree: &Path) -> Result<(), Failure> {
    fs::write(tree.join("sci.toml"), sci::SOURCES_TOML)?;
    let package =
        r#"{"name": "sources", "version": "1.0.0", "packageManager": "npm@11.0.0", "scripts": {"build": "true"}}"#;
    fs::write(tree.join("package.json"), package)?;
    fs::write(tree.join("turbo.json"), r#"{"tasks": {"build": {}}}"#)?;
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=side-by-side", "-c", "user.email=side-by-side@localhost"];
        quietly(Command::new("git").current_dir(tree).args(identity).args(arguments))
    };
    git(&["init", "--quiet"])?;
    git(&["add", "--all", "."])?;
    git(&["commit", "--quiet", "--allow-empty", "--message", "sources"])?;
    // What is ignored is an input to some and not to others.
    git(&["clean", "--quiet", "-d", "-X", "--force"])?;
    git(&["status", "--porcelain"])
}

impl Contestant for Planner {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        Kind::Peer
    }

    fn plays(&self, phase: Phase) -> bool {
        phase == self.phase
    }

    fn establish(&mut self, _: Phase, _: &Stage) -> Result<(), Failure> {
        Ok(())
    }

    fn prepare(&mut self, _: Phase, _: &Stage) -> Result<(), Failure> {
        Ok(())
    }

    fn run(&mut self, _: Phase, stage: &Stage) -> Result<Usage, Failure> {
        let own = stage.own(self.name)?;
        let mut commands = (self.commands)(stage, &own);
        let said = own.join("said.txt");
        let errors = File::create(&said)?;
        for command in &mut commands {
            command.stdout(Stdio::null()).stderr(errors.try_clone()?);
        }
        pipeline(commands).map_err(|error| last_words(&error, &said))
    }
}
