//! `sci init`: detects what a workspace is made with, and writes the sci.toml that a person would.

mod workflow;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sci_presets::{Detected, PathSpec, Pattern, Preset, detect};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::Text;
use crate::state::atomic;

/// Arguments of `sci init`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Replace a sci.toml that says something else
    #[arg(long)]
    force: bool,

    /// Write a GitHub workflow, too, unless there is one
    #[arg(long)]
    workflow: bool,
}

#[derive(Serialize)]
struct Report {
    file: PathBuf,
    presets: Vec<Found>,
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<workflow::Offered>,
    ci: String,
}

#[derive(Serialize)]
struct Found {
    preset: String,
    because: PathBuf,
}

/// The lines to add to a workflow, as `sci init` offers them.
const CI: &str = "\
- run: sci restore
- run: <your build>
- run: sci save ${{ job.status != 'success' && '--failed' || '' }}
  if: ${{ !cancelled() }}
";

/// Writes sci.toml in the start directory. The same workspace gets the same file; an equal file is left alone.
///
/// # Errors
/// [`Kind::Config`] when another sci.toml is there, and neither `--force` was given nor `--workflow`, which leaves it alone.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let directory = context.start().to_owned();
    let file = directory.join("sci.toml");
    let found = detect(&directory).map_err(|error| CliError::local("read", &directory, error))?;
    let (chosen, set_aside) = choose(&found);
    let content = compose(&chosen);
    let written = match write(&file, &content, arguments.force) {
        Err(error) if arguments.workflow && error.kind == Kind::Config => false,
        written => written?,
    };
    let workflow = arguments.workflow.then(|| workflow::write(&directory, &chosen)).transpose()?;
    for (other, preferred) in set_aside {
        let (preset, because, chosen) = (&other.preset.name, other.because.display(), &preferred.preset.name);
        let path = shared_path(other.preset, preferred.preset).unwrap_or_default();
        context
            .out
            .warn(format!("{preset} was detected too ({because}); {chosen} was chosen, because both keep {path}"));
    }
    if let Some(above) = above(&directory).filter(|_| written) {
        context
            .out
            .warn(format!("from here on this directory is a workspace of its own, apart from {}", above.display()));
    }
    let presets =
        chosen.iter().map(|found| Found { preset: found.preset.name.clone(), because: found.because.clone() });
    let report = Report { file, presets: presets.collect(), written, workflow, ci: CI.to_owned() };
    context.out.human(|text| render(text, &report));
    context.out.document("init", &report);
    Ok(Exit::Success)
}

/// What is preferred of presets that keep the same path, the first one first.
///
/// A lockfile that only a deliberate choice leaves counts for more than one that a tool leaves that everybody has: npm comes
/// with Node, and a requirements file is what others export for pip.
const PREFERRED: [&str; 8] = ["pnpm", "yarn", "bun", "yarn-classic", "npm", "uv", "poetry", "pip"];

/// The projects to be declared; and those that are not, with the one that is instead.
///
/// A path can be declared once, so that one preset is chosen for all projects of the workspace: that of the topmost one.
fn choose(found: &[Detected]) -> (Vec<&Detected>, Vec<(&Detected, &Detected)>) {
    let rank = |it: &Detected| {
        let preferred = PREFERRED.iter().position(|name| *name == it.preset.name).unwrap_or(PREFERRED.len());
        (it.directory.components().count(), preferred)
    };
    let better = |it: &Detected| {
        let rivals = found
            .iter()
            .filter(|other| other.preset.name != it.preset.name && shared_path(other.preset, it.preset).is_some());
        rivals.min_by_key(|other| rank(other)).filter(|other| rank(other) < best(found, it, rank))
    };
    let (mut chosen, mut aside) = (Vec::new(), Vec::new());
    for detected in found {
        match better(detected) {
            Some(preferred) => aside.push((detected, preferred)),
            None => chosen.push(detected),
        }
    }
    (chosen, aside)
}

/// The rank of the first project of a preset.
fn best<R: Ord>(found: &[Detected], of: &Detected, rank: impl Fn(&Detected) -> R) -> R {
    let same = found.iter().filter(|it| it.preset.name == of.preset.name);
    same.map(&rank).min().unwrap_or_else(|| rank(of))
}

/// A path that both presets declare.
fn shared_path<'a>(left: &'a Preset, right: &Preset) -> Option<&'a str> {
    left.paths.keys().find(|name| right.paths.contains_key(*name)).map(String::as_str)
}

fn write(file: &Path, content: &str, force: bool) -> Result<bool> {
    match std::fs::read_to_string(file) {
        Ok(existing) if existing == content => return Ok(false),
        Ok(_) if !force => {
            return Err(CliError::new(Kind::Config, format!("{} is there already", file.display()))
                .hint("edit it, or replace it with --force"));
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound && !force => {
            return Err(CliError::local("read", file, error));
        }
        _ => {}
    }
    atomic::write(file, content.as_bytes())?;
    Ok(true)
}

/// The content of sci.toml, as a function of what was detected alone.
fn compose(found: &[&Detected]) -> String {
    let mut text = String::from(
        "# What the state of this workspace is derived from. `sci plan` shows the resulting keys,\n\
         # `sci presets NAME` what a preset declares and why.\n\n",
    );
    let mut names: Vec<&str> = found.iter().map(|detected| detected.preset.name.as_str()).collect();
    names.dedup();
    for detected in found {
        let _ = writeln!(text, "# {}, because of {}", detected.preset.summary, detected.because.display());
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let _ = writeln!(text, "presets = [{}]", quoted.join(", "));
    for (index, detected) in found.iter().enumerate() {
        if found[..index].iter().all(|earlier| earlier.preset.name != detected.preset.name) {
            text.push_str(&nested(detected, found));
        }
    }
    text.push_str(
        "\n# Any path of a preset can be overridden, and others declared:\n\
         #\n\
         # [path.site]\n\
         # path      = \"docs/.cache\"\n\
         # lockfiles = [\"package-lock.json\"]\n\
         # sources   = [\"docs/**\"]\n\
         # after     = [\"node_modules\"]\n\
         #\n\
         # On this machine every directory keeps its own snapshots, unless the project has a name:\n\
         #\n\
         # [store]\n\
         # project = \"shop\"\n",
    );
    text
}

/// The overrides for projects below the workspace, whose paths a preset would look for at the top.
///
/// Each project has an instance of its own, which is derived from the files of its directory. What workspaces share below the
/// home directory is derived from the files of all of them.
fn nested(first: &Detected, found: &[&Detected]) -> String {
    let same = found.iter().filter(|it| it.preset.name == first.preset.name);
    let projects: Vec<Project<'_>> =
        same.filter_map(|it| Some((it.directory.to_str()?, it.because.as_path()))).collect();
    let is_nested = projects.iter().any(|(directory, _)| !directory.is_empty());
    let mut text = String::new();
    for (name, path) in first.preset.paths.iter().filter(|(_, path)| is_nested && !path.is_per_directory()) {
        let declared = if path.is_home() { shared(path, &projects) } else { Some(own(path, &projects)) };
        if let Some(declared) = declared {
            let _ = write!(text, "\n[path.{name}]\n{declared}");
        }
    }
    text
}

/// The directory of a project, empty for the workspace itself, and the file that marks it.
type Project<'a> = (&'a str, &'a Path);

/// What a path of each project is declared as: the directories, and the files that mark them.
fn own(path: &PathSpec, projects: &[Project<'_>]) -> String {
    let place = |directory: &str| if directory.is_empty() { ".".to_owned() } else { literal(directory) };
    let directories: Vec<String> = projects.iter().map(|(directory, _)| place(directory)).collect();
    let mut marks: Vec<String> = projects
        .iter()
        .filter_map(|(directory, because)| because.strip_prefix(directory).ok()?.to_str().map(quoted))
        .collect();
    marks.sort();
    marks.dedup();
    let marks = if marks.len() == 1 { marks.concat() } else { format!("[{}]", marks.join(", ")) };
    let place = quoted(&format!("{{{}}}/{}", directories.join(","), path.path));
    format!("path = {place} # one for each directory in braces, derived from the files there\nbeside = {marks}\n")
}

/// A glob that matches nothing but this.
fn literal(directory: &str) -> String {
    let special = |character| matches!(character, '*' | '?' | '[' | '{' | '}' | ',');
    let quoted = |character| if special(character) { format!("[{character}]") } else { character.to_string() };
    directory.chars().map(quoted).collect()
}

/// What a path below the home directory is declared as, if it is derived from files of the projects.
fn shared(path: &PathSpec, projects: &[Project<'_>]) -> Option<String> {
    let mut text = String::new();
    for (class, patterns) in [("configs", &path.configs), ("lockfiles", &path.lockfiles), ("sources", &path.sources)] {
        // What may be in any directory is found in those of the projects, too; and sci.toml is above them.
        let is_anywhere = |pattern: &Pattern| pattern.glob.starts_with("**/");
        let patterns = patterns.iter().filter(|pattern| pattern.glob.trim_start_matches('/') != "sci.toml");
        if patterns.clone().all(is_anywhere) {
            continue;
        }
        let below = patterns.flat_map(|pattern| match is_anywhere(pattern) {
            true => vec![pattern_at(&pattern.glob, pattern)],
            false => projects.iter().map(|(prefix, _)| pattern_below(prefix, pattern)).collect(),
        });
        let _ = writeln!(text, "{class} = [{}]", below.collect::<Vec<String>>().join(", "));
    }
    (!text.is_empty()).then_some(text)
}

fn pattern_below(prefix: &str, pattern: &Pattern) -> String {
    let glob = pattern.glob.trim_start_matches('/');
    let below = if prefix.is_empty() { glob.to_owned() } else { format!("{}/{glob}", literal(prefix)) };
    pattern_at(&below, pattern)
}

/// The pattern with another glob, as sci.toml writes it.
fn pattern_at(glob: &str, pattern: &Pattern) -> String {
    let glob = quoted(&format!("{}{glob}", if pattern.negated { "!" } else { "" }));
    // What takes files out may always match nothing.
    if pattern.optional && !pattern.negated { format!("{{ pattern = {glob}, optional = true }}") } else { glob }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// The workspace above, which commands in this directory no longer see.
fn above(directory: &Path) -> Option<PathBuf> {
    sci_planner::config::find(directory.parent()?).ok()
}

fn render(text: &mut Text, report: &Report) {
    let style = text.style;
    for found in &report.presets {
        let summary = Preset::get(&found.preset).map_or("", |preset| preset.summary.as_str());
        let because = style.dim.paint(format!("({})", found.because.display()));
        text.line(format_args!("{} {summary} {because}", style.name.paint(format!("{:<12}", found.preset))));
    }
    if report.presets.is_empty() {
        text.line("No preset suits this directory; declare its paths in sci.toml.");
    }
    let wrote = |written: bool, file: &Path, otherwise: &str| {
        let file = file.display();
        if written { format!("{} {file}", style.good.paint("wrote")) } else { format!("{file} {otherwise}") }
    };
    let otherwise = if report.workflow.is_some() { "is there already" } else { "is up to date" };
    text.line(wrote(report.written, &report.file, otherwise));
    if let Some(workflow) = &report.workflow {
        text.line(wrote(workflow.written, &workflow.file, "is there already"));
        return;
    }
    if !report.written {
        return;
    }
    text.gap().line("Next: `sci plan` shows the keys; `sci run -- <your build>` restores, builds and saves.");
    text.line("`sci init --workflow` writes a GitHub workflow. Without a store for many machines, on a runner that keeps its disk");
    text.line("(SCI_ALLOW_EMBEDDED=1 says so), around the build:").gap();
    for line in report.ci.lines() {
        text.indented(2, line);
    }
}
