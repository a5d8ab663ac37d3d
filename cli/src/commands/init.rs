//! `sci init`: detects what a workspace is made with, and writes the sci.toml that a person would.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sci_presets::{Detected, Preset, detect};
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
}

#[derive(Serialize)]
struct Report {
    file: PathBuf,
    presets: Vec<Found>,
    written: bool,
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
- run: sci save ${{ failure() && '--failed' || '' }}
  if: ${{ !cancelled() }}
";

/// Writes sci.toml in the start directory. The same workspace gets the same file; an equal file is left alone.
///
/// # Errors
/// [`Kind::Config`] when another sci.toml is there and `--force` was not given.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let directory = context.start().to_owned();
    let file = directory.join("sci.toml");
    let found = detect(&directory).map_err(|error| CliError::local("read", &directory, error))?;
    let (chosen, set_aside) = choose(&found);
    let content = compose(&chosen);
    let written = write(&file, &content, arguments.force)?;
    if let Some(npm) = set_aside {
        let because = npm.because.display();
        context.out.warn(format!("npm was detected too ({because}); pnpm was chosen, because both keep node_modules"));
    }
    let presets =
        chosen.iter().map(|found| Found { preset: found.preset.name.clone(), because: found.because.clone() });
    let report = Report { file, presets: presets.collect(), written, ci: CI.to_owned() };
    context.out.human(|text| render(text, &report));
    context.out.document("init", &report);
    Ok(Exit::Success)
}

/// npm and pnpm both keep node_modules; where both left a lockfile, pnpm's is the deliberate one.
fn choose(found: &[Detected]) -> (Vec<&Detected>, Option<&Detected>) {
    let pnpm = found.iter().any(|detected| detected.preset.name == "pnpm");
    let aside = |detected: &&Detected| pnpm && detected.preset.name == "npm";
    (found.iter().filter(|detected| !aside(detected)).collect(), found.iter().find(aside))
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
    for detected in first_of_each(found) {
        text.push_str(&nested(detected));
    }
    text.push_str(
        "\n# Any path of a preset can be overridden, and others declared:\n\
         #\n\
         # [path.next-cache]\n\
         # path      = \".next/cache\"\n\
         # lockfiles = [\"package-lock.json\"]\n\
         # sources   = [\"app/**\", \"src/**\"]\n\
         # after     = [\"node_modules\"]\n",
    );
    text
}

fn first_of_each<'a>(found: &[&'a Detected]) -> Vec<&'a Detected> {
    let mut seen = Vec::new();
    let first = found.iter().filter(|detected| {
        let name = &detected.preset.name;
        let new = !seen.contains(&name);
        seen.push(name);
        new
    });
    first.copied().collect()
}

/// The overrides for a project below the workspace, whose paths a preset would look for at the top.
fn nested(detected: &Detected) -> String {
    let directory = detected.directory();
    let Some(prefix) = directory.to_str().filter(|prefix| !prefix.is_empty()) else { return String::new() };
    let mut text = String::new();
    for (name, path) in &detected.preset.paths {
        if path.is_home() || path.is_per_directory() {
            continue;
        }
        let lockfiles: Vec<String> =
            path.lockfiles.iter().map(|lock| format!("{:?}", lock_below(prefix, lock))).collect();
        let _ = write!(text, "\n[path.{name}]\npath = {:?}\n", format!("{prefix}/{}", path.path));
        if !lockfiles.is_empty() {
            let _ = writeln!(text, "lockfiles = [{}]", lockfiles.join(", "));
        }
    }
    text
}

fn lock_below(prefix: &str, pattern: &sci_presets::Pattern) -> String {
    format!("{prefix}/{}", pattern.glob.trim_start_matches('/'))
}

fn render(text: &mut Text, report: &Report) {
    let style = text.style;
    for found in &report.presets {
        let summary = Preset::get(&found.preset).map_or("", |preset| preset.summary.as_str());
        let because = style.dim.paint(format!("({})", found.because.display()));
        text.line(format_args!("{} {summary} {because}", style.name.paint(format!("{:<8}", found.preset))));
    }
    if report.presets.is_empty() {
        text.line("No preset suits this directory; declare its paths in sci.toml.");
    }
    if !report.written {
        text.line(format_args!("{} is up to date", report.file.display()));
        return;
    }
    text.line(format_args!("{} {}", style.good.paint("wrote"), report.file.display()));
    text.gap().line("Next: `sci plan` shows the keys; `sci run -- <your build>` restores, builds and saves.");
    text.line("In a GitHub workflow, around the build:").gap();
    for line in report.ci.lines() {
        text.indented(2, line);
    }
}
