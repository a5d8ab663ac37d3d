//! `sci plan`: the key of each path and what it is derived from. Asks no store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sci_hasher::{Digest, InputClass, InputName};
use sci_planner::{Keyed, Note, Outcome, PlannedPath};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::planning;
use crate::output::Text;
use crate::output::format::{counted, safe};
use crate::output::list::{more, page};
use crate::workspace::Workspace;

/// Arguments of `sci plan`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// These paths only: names in sci.toml, instances, or places, as ./DIR
    paths: Vec<String>,
    /// List the inputs
    #[arg(long)]
    inputs: bool,
    /// With --inputs: list every input, however many
    #[arg(long)]
    all: bool,
    /// Let the tools that this sci.toml declares run on this machine, now and later
    #[arg(long)]
    approve_tools: bool,
}

#[derive(Serialize)]
struct Report<'p> {
    workspace: PathBuf,
    approved: Vec<String>,
    paths: Vec<Path<'p>>,
}

#[derive(Serialize)]
struct Path<'p> {
    name: String,
    instance: String,
    root: PathBuf,
    /// What makes `root` another place than `instance` says.
    elsewhere: Option<&'p str>,
    restore: String,
    #[serde(rename = "match")]
    matching: InputClass,
    save: String,
    after: Vec<String>,
    #[serde(flatten)]
    outcome: Planned<'p>,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Planned<'p> {
    Keyed {
        key: Digest,
        ladder: BTreeMap<InputClass, Digest>,
        inputs: Vec<Input<'p>>,
    },
    Unkeyed {
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

#[derive(Serialize)]
struct Input<'p> {
    class: InputClass,
    name: &'p InputName,
    digest: &'p Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<usize>,
    /// The member that a lockfile is narrowed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
}

/// Plans. With `--require`, a path without a key is an error.
///
/// # Errors
/// Whatever is wrong with sci.toml; [`Kind::NotFound`] for a path that it does not declare.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::open(context)?;
    let (plan, remembering, approved) = if arguments.approve_tools {
        planning::make_approving(context, &workspace)?
    } else {
        let (plan, remembering) = planning::make_first(context, &workspace)?;
        (plan, remembering, Vec::new())
    };
    let paths = planning::select(context, &workspace, &plan, &arguments.paths)?;
    let report = Report { workspace: plan.workspace.clone(), approved, paths: paths.into_iter().map(path).collect() };
    let unkeyed = report.paths.iter().filter(|path| matches!(path.outcome, Planned::Unkeyed { .. })).count();
    if context.globals.require && unkeyed > 0 {
        context.out.human(|text| render(text, &report, arguments));
        let (what, verb) = (counted(unkeyed as u64, "path"), if unkeyed == 1 { "has" } else { "have" });
        return Err(CliError::new(Kind::Required, format!("{what} {verb} no key")));
    }
    context.out.human(|text| render(text, &report, arguments));
    context.out.document("plan", &report);
    remembering.finish(context);
    Ok(Exit::Success)
}

fn path(path: &PlannedPath) -> Path<'_> {
    let outcome = match &path.outcome {
        Outcome::Keyed(keyed) => Planned::Keyed {
            key: keyed.key(),
            ladder: InputClass::ALL.into_iter().map(|class| (class, keyed.ladder.rung(class))).collect(),
            inputs: inputs(keyed),
        },
        Outcome::Unkeyed { reason, hint } => Planned::Unkeyed { reason: reason.clone(), hint: hint.clone() },
    };
    Path {
        name: path.name.clone(),
        instance: path.instance.clone(),
        root: path.place.root.clone(),
        elsewhere: path.place.elsewhere.as_deref(),
        restore: path.policy.restore.to_string(),
        matching: path.policy.matching,
        save: path.policy.save.to_string(),
        after: path.upstreams.clone(),
        outcome,
    }
}

fn inputs(keyed: &Keyed) -> Vec<Input<'_>> {
    keyed.derivation.inputs().map(|(class, name, digest)| input(keyed, class, name, digest)).collect()
}

fn input<'p>(keyed: &'p Keyed, class: InputClass, name: &'p InputName, digest: &'p Digest) -> Input<'p> {
    let (value, packages) = match keyed.notes.get(class, name.as_bytes()) {
        Some(Note::Text(value)) => (Some(value.as_str()), None),
        Some(Note::Absent) if class == InputClass::Tools => (Some("(not installed)"), None),
        Some(Note::Absent) => (Some("(none)"), None),
        Some(Note::Packages(packages)) => (None, Some(packages.len())),
        None => (None, None),
    };
    let member = if class == InputClass::Lockfiles { sci_planner::member_of(name) } else { None };
    Input { class, name, digest, value, packages, member }
}

fn render(text: &mut Text, report: &Report<'_>, arguments: &Arguments) {
    for command in &report.approved {
        text.line(format_args!("approved on this machine: {}", safe(command)));
    }
    for path in &report.paths {
        text.gap();
        let name = text.style.name.paint(safe(&path.instance));
        match &path.outcome {
            Planned::Unkeyed { reason, hint } => {
                text.line(format_args!("{name}  {}", text.style.bad.paint("no key: not restored, not saved")));
                text.indented(1, safe(reason));
                if let Some(hint) = hint {
                    text.indented(1, format_args!("{}: {}", text.style.hint.paint("Hint"), safe(hint)));
                }
            }
            Planned::Keyed { key, ladder, inputs } => {
                text.line(format_args!("{name}  key {key}"));
                if let Some(variable) = path.elsewhere {
                    text.field("at", format_args!("{}  ({variable})", safe(&path.root.to_string_lossy())));
                }
                ladder.iter().for_each(|(class, rung)| rung_line(text, *class, rung, inputs, arguments));
                if !path.after.is_empty() {
                    text.field("after", path.after.join(", "));
                }
            }
        }
    }
}

fn rung_line(text: &mut Text, class: InputClass, rung: &Digest, inputs: &[Input<'_>], arguments: &Arguments) {
    let of_class: Vec<&Input<'_>> = inputs.iter().filter(|input| input.class == class).collect();
    if of_class.is_empty() && !text.verbose {
        return;
    }
    text.field(class.name(), format_args!("{}  {}", rung.short(), counted(of_class.len() as u64, "input")));
    if !arguments.inputs {
        return;
    }
    let (shown, left) = page(&of_class, arguments.all);
    for input in shown {
        let name = safe(&input.name.to_string());
        let note = match (input.value, input.packages) {
            (Some(""), _) => String::new(),
            (Some(value), _) => format!("  {}", safe(value)),
            (None, Some(packages)) => format!("  {}", counted(packages as u64, "package")),
            (None, None) => String::new(),
        };
        let digest = text.style.dim.paint(input.digest.short());
        text.indented(3, format_args!("{digest}  {name}{note}"));
    }
    if let Some(more) = more(left) {
        text.indented(3, more);
    }
}
