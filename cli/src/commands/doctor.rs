//! `sci doctor`: what sci sees of this machine and workspace, and what is wrong with it.

mod file_system;
mod store;

use std::fs;

use sci_hasher::InputClass;
use sci_planner::config::Origin;
use sci_planner::{Outcome, Plan, PlannedPath};
use sci_presets::{Preset, RestorePolicy};
use sci_snapshot::Excludes;
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::planning;
use crate::git;
use crate::output::Text;
use crate::output::format::{counted, safe};
use crate::workspace::Workspace;

/// Arguments of `sci doctor`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    /// As it should be.
    Good,
    /// Works, with less.
    Fair,
    /// Does not work.
    Bad,
}

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    health: Health,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
struct Report {
    version: &'static str,
    findings: Vec<Finding>,
}

impl Finding {
    fn new(what: &'static str, health: Health, says: impl Into<String>) -> Self {
        Self { what, health, says: says.into(), hint: None }
    }

    fn of_error(what: &'static str, error: &CliError) -> Self {
        let place = error.place.as_ref();
        let place = place.map(|at| format!("{}:{}:{}: ", at.file.display(), at.line, at.column)).unwrap_or_default();
        let finding = Self::new(what, Health::Bad, format!("{place}{}", error.message));
        Self { hint: error.hint.as_deref().and_then(beyond_doctor), ..finding }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A hint without the advice to run this very command.
fn beyond_doctor(hint: &str) -> Option<String> {
    let parts = hint.split(sci_remote::DOCTOR).map(|part| part.trim_matches([';', ' ']));
    let left: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    (!left.is_empty()).then(|| left.join("; "))
}

/// Looks at everything. Exit code 1 when something does not work.
///
/// # Errors
/// None of what it looks at: that is what it tells.
pub fn run(_: &Arguments, context: &mut Context) -> Result<Exit> {
    let mut findings = vec![machine(), state(context), git_version()];
    let workspace = match Workspace::find(context) {
        Ok(Some(workspace)) => {
            findings.push(Finding::new("workspace", Health::Good, workspace.root.display().to_string()));
            Some(workspace)
        }
        Ok(None) => {
            findings.push(no_workspace(context));
            None
        }
        Err(error) => {
            findings.push(Finding::of_error("workspace", &error));
            None
        }
    };
    if let Some(workspace) = &workspace {
        findings.extend(of_workspace(context, workspace));
    }
    findings.extend(store::examine(context, workspace.as_ref()));
    let report = Report { version: env!("CARGO_PKG_VERSION"), findings };
    context.out.human(|text| render(text, &report));
    let bad = report.findings.iter().filter(|finding| finding.health == Health::Bad).count();
    if bad == 0 {
        context.out.document("doctor", &report);
        return Ok(Exit::Success);
    }
    let error = CliError::new(Kind::Damaged, format!("{} found", counted(bad as u64, "problem")));
    context.out.refusal("doctor", &report, &error);
    Ok(error.kind.exit())
}

fn machine() -> Finding {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let says = format!("{} on {}, {}", std::env::consts::OS, std::env::consts::ARCH, counted(threads as u64, "thread"));
    Finding::new("machine", Health::Good, says)
}

fn state(context: &Context) -> Finding {
    let state = match context.state() {
        Ok(state) => state,
        Err(error) => return Finding::of_error("state", &error),
    };
    let directory = state.directory();
    let writable = fs::create_dir_all(directory).and_then(|()| tempfile::tempfile_in(directory).map(drop));
    match writable {
        Ok(()) => Finding::new("state", Health::Good, directory.display().to_string()),
        Err(error) => Finding::new("state", Health::Bad, format!("cannot write {}: {error}", directory.display()))
            .hint("set SCI_STATE to a directory that this user can write"),
    }
}

fn git_version() -> Finding {
    match git::version() {
        Some(version) => Finding::new("git", Health::Good, version),
        None => Finding::new("git", Health::Fair, "not found: nearest snapshots are ranked without ancestry"),
    }
}

fn no_workspace(context: &Context) -> Finding {
    let says = format!("no sci.toml in {} or above it", context.start().display());
    Finding::new("workspace", Health::Fair, says).hint("`sci init` writes one")
}

/// A repository that git says nothing of.
fn refused(workspace: &Workspace, in_ci: bool) -> Option<Finding> {
    let why = git::refusal(&workspace.root, in_ci)?;
    let says = format!("it says nothing of this repository, so nearest snapshots are ranked without ancestry: {why}");
    let hint = format!("`git -C {} log` says how to mend that", workspace.root.display());
    Some(Finding::new("git", Health::Fair, says).hint(hint))
}

fn of_workspace(context: &mut Context, workspace: &Workspace) -> Vec<Finding> {
    let in_ci = context.environment.is_ci();
    let mut findings = vec![presets(workspace), file_system::examine(&workspace.root)];
    findings.extend(refused(workspace, in_ci));
    match planning::make(context, workspace) {
        Err(error) => {
            findings.push(Finding::of_error("sci.toml", &error));
            findings.extend(error.also.iter().map(|error| Finding::of_error("sci.toml", error)));
        }
        Ok(plan) => {
            let keyed = plan.paths.iter().filter(|path| path.keyed().is_some()).count();
            findings.push(Finding::new("paths", Health::Good, format!("{} with a key", counted(keyed as u64, "path"))));
            for path in &plan.paths {
                if let Outcome::Unkeyed { reason, hint } = &path.outcome {
                    let finding = Finding::new("path", Health::Bad, format!("{}: no key: {reason}", path.instance));
                    findings.push(Finding { hint: hint.clone(), ..finding });
                }
            }
            findings.extend(idle(workspace, &plan));
            findings.extend(plan.paths.iter().filter_map(|path| tracked(path, in_ci)));
            for finding in workspace.without_inputs() {
                let hint = finding.hint.clone();
                findings.push(Finding { hint, ..Finding::new("path", Health::Fair, finding.to_string()) });
            }
            if plan.paths.is_empty() {
                findings.push(
                    Finding::new("paths", Health::Fair, "sci.toml declares no path that this workspace has")
                        .hint("name a preset in `presets`, or declare a [path.NAME]"),
                );
            }
        }
    }
    findings
}

/// The presets in use, and those that the workspace looks like but does not name.
fn presets(workspace: &Workspace) -> Finding {
    let used: Vec<&str> = workspace.config.presets.iter().map(|preset| preset.value.as_str()).collect();
    let detected = sci_presets::detect(&workspace.root).unwrap_or_default();
    let mut unused: Vec<String> = detected
        .iter()
        .filter(|found| !used.contains(&found.preset.name.as_str()))
        .map(|found| format!("{} ({})", found.preset.name, found.because.display()))
        .collect();
    unused.dedup();
    let says = if used.is_empty() { "none".to_owned() } else { used.join(", ") };
    if unused.is_empty() {
        return Finding::new("presets", Health::Good, says);
    }
    Finding::new("presets", Health::Good, format!("{says}; the workspace also looks like {}", unused.join(", ")))
}

/// The presets in use of whose tool the workspace has no file: no path of theirs is derived from a lockfile or a configuration.
/// Those that are known by what other files mention may be set up elsewhere.
fn idle(workspace: &Workspace, plan: &Plan) -> Vec<Finding> {
    let used = workspace.config.presets.iter().filter_map(|preset| Preset::get(&preset.value));
    let finding = |preset: &Preset| {
        let signs = preset.detect.iter().filter(|sign| sign.mentions.is_none());
        let files: Vec<&str> = signs.map(|sign| sign.file.as_str()).collect();
        let mut paths = plan.paths.iter().filter(|path| is_of(workspace, path, preset)).peekable();
        // A preset without a path is an error, or `optional`.
        let is_idle = !files.is_empty() && paths.peek().is_some() && paths.all(has_no_project_file);
        let says = format!("{} is in use, and there is no {}", preset.name, files.join(", no "));
        let hint = "take it out of `presets` in sci.toml, or move sci.toml to where the project is";
        is_idle.then(|| Finding::new("presets", Health::Fair, says).hint(hint))
    };
    used.filter_map(finding).collect()
}

fn is_of(workspace: &Workspace, path: &PlannedPath, preset: &Preset) -> bool {
    let declared = workspace.config.paths.iter().find(|declaration| declaration.name.value == path.name);
    matches!(declared.map(|declared| &declared.origin), Some(Origin::Preset { name, .. }) if *name == preset.name)
}

/// For certain: what has no key may have one.
fn has_no_project_file(path: &PlannedPath) -> bool {
    let is_file = |class| matches!(class, InputClass::Configs | InputClass::Lockfiles);
    path.keyed().is_some_and(|keyed| !keyed.derivation.inputs().any(|(class, ..)| is_file(class)))
}

/// A path in which git tracks something that a restore would make what the snapshot has.
fn tracked(path: &PlannedPath, in_ci: bool) -> Option<Finding> {
    let stands =
        !path.home && path.policy.restore != RestorePolicy::Never && path.place.root.symlink_metadata().is_ok();
    let files = if stands { git::tracked(&path.place.root, in_ci)? } else { Vec::new() };
    let excludes = Excludes::new(&path.policy.exclude).unwrap_or_default();
    // The first component is the path's own.
    let below = |file: &[u8]| file.iter().position(|byte| *byte == b'/').map(|at| file[at + 1..].to_vec());
    let first = files.iter().find(|file| !below(file).is_some_and(|below| excludes.hides(&below)))?;
    let first = path.place.root.with_file_name(String::from_utf8_lossy(first).into_owned());
    let says = format!("{}: git tracks {}, which a restore replaces", path.instance, first.display());
    let hint = "list it in `exclude`, relative to the path, or take the path out of sci.toml";
    Some(Finding::new("path", Health::Fair, says).hint(hint))
}

fn render(text: &mut Text, report: &Report) {
    text.line(format_args!("sci {}", report.version));
    for finding in &report.findings {
        let style = text.style;
        let mark = match finding.health {
            Health::Good => style.good.paint("ok  "),
            Health::Fair => style.fair.paint("note"),
            Health::Bad => style.bad.paint("bad "),
        };
        text.line(format_args!("{mark}  {:<12} {}", finding.what, safe(&finding.says)));
        if let Some(hint) = &finding.hint {
            text.indented(3, format_args!("{}: {}", style.hint.paint("Hint"), safe(hint)));
        }
    }
}
