//! `sci explain`: why each path was restored, or was not, and which inputs differ.

use jiff::Timestamp;
use sci_planner::Plan;
use sci_store_api::RunId;
use serde::Serialize;

use crate::administration::named;
use crate::called::Called;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::explained::{Explained, Refused, Unkeyed};
use crate::flow::explaining::{self, Wanted};
use crate::flow::planning;
use crate::flow::since::Since;
use crate::output::Text;
use crate::state::before::Before;
use crate::store::Store;
use crate::workspace::Workspace;

/// Arguments of `sci explain`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Explain these paths only, each by its name in sci.toml, an instance, or its place, as ./DIR
    paths: Vec<String>,
    /// Explain the plan of this run instead of the latest
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Show every candidate and every difference, however many
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    paths: Vec<Path>,
    unkeyed: Vec<UnkeyedPath>,
}

/// A path with the words that people are told.
#[derive(Serialize)]
struct Path {
    #[serde(flatten)]
    explained: Explained,
    reason: String,
    refused: Vec<Refused>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Since>,
}

#[derive(Serialize)]
struct UnkeyedPath {
    #[serde(flatten)]
    unkeyed: Unkeyed,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Since>,
}

/// Explains the latest plan of each path.
///
/// # Errors
/// [`Kind::NotFound`] when no restore is recorded, or none of this path or run; [`Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    let store = Store::open_to_list(context, workspace.as_ref())?;
    let before = workspace.as_ref().filter(|_| arguments.run.is_none()).and_then(|w| Before::read(&w.state.before()));
    let called: Vec<Called> = arguments.paths.iter().map(|path| store.places.called(path)).collect();
    let wanted = Wanted { paths: &called, run: arguments.run.as_deref().map(named).transpose()? };
    let paths = explaining::latest(&store, &wanted, before.as_ref())?;
    let unkeyed = explaining::unkeyed(before.as_ref(), &wanted);
    let present = workspace.as_ref().filter(|_| arguments.run.is_none()).and_then(|w| present(context, w));
    let keyed = paths.iter().map(|path| (path.name.as_str(), path.instance.as_str()));
    let found: Vec<_> = keyed.chain(unkeyed.iter().map(|path| (path.name.as_str(), path.instance.as_str()))).collect();
    let missing = called.iter().find(|called| !found.iter().any(|(name, instance)| called.means(name, instance)));
    if found.is_empty() || missing.is_some() {
        return Err(match &wanted.run {
            Some(run) => not_of_run(missing, run, &store)?,
            None => nothing(missing, present.as_ref()),
        });
    }
    // What another machine planned is told as it was: this workspace has nothing to do with it.
    let since = present.as_ref().filter(|_| before.is_some());
    let told = |explained: Explained| Path {
        reason: explained.why(),
        refused: explained.refused(),
        since: since.and_then(|now| Since::of(&store, now, &explained)),
        explained,
    };
    let unkeyed = unkeyed
        .into_iter()
        .map(|unkeyed| UnkeyedPath { since: since.and_then(|now| Since::of_unkeyed(now, &unkeyed)), unkeyed });
    let report = Report { unkeyed: unkeyed.collect(), paths: paths.into_iter().map(told).collect() };
    let now = context.now();
    context.out.human(|text| render(text, &report, arguments.all, now));
    context.out.document("explain", &report);
    Ok(Exit::Success)
}

/// What the workspace's inputs give now. What was planned is explained without it, too.
fn present(context: &mut Context, workspace: &Workspace) -> Option<Plan> {
    match planning::make(context, workspace) {
        Ok(plan) => Some(plan),
        Err(error) => {
            context.out.warn(format!("whether inputs have changed since then is not known: {}", error.message));
            None
        }
    }
}

fn render(text: &mut Text, report: &Report, all: bool, now: Timestamp) {
    for path in &report.paths {
        path.explained.render(text.gap(), all, now);
        path.since.iter().for_each(|since| since.render(text, all));
    }
    for path in &report.unkeyed {
        path.unkeyed.render(text.gap());
        path.since.iter().for_each(|since| since.render(text, all));
    }
}

fn not_of_run(missing: Option<&Called>, run: &RunId, store: &Store) -> Result<CliError> {
    let planned = explaining::latest(store, &Wanted { paths: &[], run: Some(run.clone()) }, None)?;
    if let (Some(path), false) = (missing, planned.is_empty()) {
        let message = format!("run {:?} planned no path called {:?}", run.as_str(), path.typed());
        let names = planned.iter().flat_map(|path| [path.name.as_str(), path.instance.as_str()]);
        let all: Vec<&str> = planned.iter().map(|path| path.instance.as_str()).collect();
        let hint = path.suggestion(names).unwrap_or_else(|| format!("it planned {}", all.join(", ")));
        return Ok(CliError::new(Kind::NotFound, message).hint(hint));
    }
    // A remote store makes the name of what the job's identity says, and that does not name the job.
    let in_actions = if store.directory().is_some() { "RUN_ID.ATTEMPT.JOB" } else { "RUN_ID-ATTEMPT" };
    Ok(CliError::new(Kind::NotFound, format!("no plan of run {:?} is kept", run.as_str()))
        .hint(format!("restore and save name their run under --json; in Actions it is {in_actions}")))
}

fn nothing(missing: Option<&Called>, present: Option<&Plan>) -> CliError {
    let Some(path) = missing else {
        return CliError::new(Kind::NotFound, "no restore is recorded yet in this project").hint(
            "`sci restore` and `sci run` record what they decide and why; `sci plan` and `sci save` decide nothing",
        );
    };
    let known = present.map_or(&[][..], |plan| &plan.paths).iter();
    let known = known.flat_map(|path| [path.name.as_str(), path.instance.as_str()]);
    let listed = "`sci plan` lists the paths, and `sci restore` records what it decides";
    CliError::new(Kind::NotFound, format!("no restore of a path called {:?} is recorded", path.typed()))
        .hint(path.suggestion(known).unwrap_or_else(|| listed.to_owned()))
}
