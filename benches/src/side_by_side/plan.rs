//! Peers that derive something from the content of every source file.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;
use crate::contestant::{Contestant, Kind};
use crate::measure::{Usage, pipeline, quietly};
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
            let script = format!(
                "const {{ hashFiles }} = await import('{GLOB}');\
                 const hash = await hashFiles('**\\n!.git/**', process.env.GITHUB_WORKSPACE);\
                 if (!hash) throw new Error('nothing matched');"
            );
            let mut node = stage.command("node", home);
            node.current_dir(stage.npm()).args(["--input-type=module", "--eval", &script]);
            node.env("GITHUB_WORKSPACE", stage.tree());
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
    git(&["add", "--all", "--force", "."])?;
    git(&["commit", "--quiet", "--allow-empty", "--message", "sources"])?;
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
        let mut commands = (self.commands)(stage, &stage.own(self.name)?);
        if let Some(last) = commands.last_mut() {
            last.stdout(Stdio::null());
        }
        for command in &mut commands {
            command.stderr(Stdio::null());
        }
        pipeline(commands)
    }
}
