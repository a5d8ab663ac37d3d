//! `sci explain`: why each path was restored, or was not, and which inputs differ.
//!
//! Everything comes from the store: the plan as it was recorded, the candidates that resolve considered, and the inputs
//! that each was derived from. So a run of yesterday, in another process or on another machine, is explained as well as
//! this one.

use std::collections::BTreeSet;

use sci_planner::InputDiff;
use sci_store_api::explain::Explanation;
use sci_store_api::plans::{PlanQuery, PlannedPath};
use sci_store_api::verdict::{Candidate, Judgement, Outcome, Refusal, Verdict};
use sci_store_api::{PlanId, RunId, SnapshotId, UnixMillis};
use serde::Serialize;

use crate::administration::named;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::report::{nearness, sharing};
use crate::inputs;
use crate::output::Text;
use crate::output::format::{age, safe};
use crate::output::list::{more, page};
use crate::state::before::{Before, BeforePath};
use crate::store::{Store, failed};
use crate::workspace::Workspace;

/// Plans that are looked through for the latest one of each path.
const PLANS: u32 = 64;

/// Arguments of `sci explain`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Explain this path only: its name in sci.toml, or an instance
    path: Option<String>,
    /// Explain the plan of this run instead of the latest
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Show every candidate and every difference, however many
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    paths: Vec<Explained>,
    unkeyed: Vec<Unkeyed>,
}

#[derive(Serialize)]
struct Explained {
    name: String,
    instance: String,
    plan: PlanId,
    run: RunId,
    created: UnixMillis,
    key: sci_hasher::Digest,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Compared>,
}

/// The candidate whose inputs are compared with the plan's.
#[derive(Serialize)]
struct Compared {
    snapshot: SnapshotId,
    chosen: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<InputDiff>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Unkeyed {
    name: String,
    instance: String,
    reason: String,
}

/// Explains the latest plan of each path.
///
/// # Errors
/// [`Kind::NotFound`] when nothing was planned yet, or not for this path or run; [`Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    let store = Store::open_to_list(context, workspace.as_ref())?;
    let before = workspace.as_ref().filter(|_| arguments.run.is_none()).and_then(|w| Before::read(&w.state.before()));
    let paths = latest(&store, arguments, before.as_ref())?;
    let unkeyed = unkeyed(before, arguments);
    if paths.is_empty() && unkeyed.is_empty() {
        return Err(nothing(arguments, &store));
    }
    let report = Report { paths, unkeyed };
    let now = context.now();
    context.out.human(|text| render(text, &report, arguments.all, now));
    context.out.document("explain", &report);
    Ok(Exit::Success)
}

/// The newest plan of each path instance that is asked for.
///
/// A plan may be of some paths only (`sci restore PATH`), so older ones are read until every path that this machine
/// planned last is found with the key that it had then: in a shared store the newest plan is often somebody else's. On a
/// machine that planned nothing, the newest plan stands for all; a run has every path that it planned.
fn latest(store: &Store, arguments: &Arguments, before: Option<&Before>) -> Result<Vec<Explained>> {
    let mut missing: Vec<&BeforePath> = keyed(before, arguments).collect();
    let wanted: Vec<&BeforePath> = missing.clone();
    let run = arguments.run.as_deref().map(named).transpose()?;
    let whole_run = run.is_some();
    let mut read: Vec<Explanation> = Vec::new();
    for summary in store.backend.plans(&PlanQuery { run, limit: Some(PLANS) }).map_err(failed)? {
        let explanation = store.backend.explain(&summary.plan).map_err(failed)?;
        let paths = &explanation.plan.paths;
        missing.retain(|path| !paths.iter().any(|found| is_of(found, path) && Some(found.ladder) == path.ladder));
        let is_enough = missing.is_empty() && paths.iter().any(|path| wanted_path(arguments, path));
        read.push(explanation);
        if is_enough && !whole_run {
            break;
        }
    }
    let all = || read.iter().flat_map(|explanation| explanation.plan.paths.iter().map(move |path| (explanation, path)));
    if before.is_some() {
        let same_key = |path: &&BeforePath| {
            let mut plans = all().filter(|(_, found)| is_of(found, path));
            let exact = plans.clone().find(|(_, found)| Some(found.ladder) == path.ladder);
            exact.or_else(|| plans.next())
        };
        return Ok(wanted.iter().filter_map(same_key).map(|(of, path)| explain(store, of, path)).collect());
    }
    let mut seen = BTreeSet::new();
    let newest = all().filter(|(_, path)| wanted_path(arguments, path) && seen.insert((&path.path, &path.instance)));
    Ok(newest.map(|(of, path)| explain(store, of, path)).collect())
}

/// The paths that this machine planned last and that are asked for.
fn keyed<'b>(before: Option<&'b Before>, arguments: &Arguments) -> impl Iterator<Item = &'b BeforePath> {
    let paths = before.map_or(&[][..], |before| &before.paths).iter();
    paths.filter(|path| path.ladder.is_some() && is_called(arguments, &path.name, &path.instance))
}

fn is_of(planned: &PlannedPath, path: &BeforePath) -> bool {
    planned.path.as_str() == path.name && planned.instance.as_str() == path.instance
}

fn wanted_path(arguments: &Arguments, path: &PlannedPath) -> bool {
    is_called(arguments, path.path.as_str(), path.instance.as_str())
}

fn is_called(arguments: &Arguments, name: &str, instance: &str) -> bool {
    arguments.path.as_deref().is_none_or(|wanted| wanted.trim_end_matches('/') == instance || wanted == name)
}

/// Paths that the latest plan of this machine could not key: such a plan has nothing to store.
fn unkeyed(before: Option<Before>, arguments: &Arguments) -> Vec<Unkeyed> {
    let paths = before.map(|before| before.paths).unwrap_or_default().into_iter();
    paths
        .filter(|path| is_called(arguments, &path.name, &path.instance))
        .filter_map(|path| Some(Unkeyed { reason: path.unkeyed?, name: path.name, instance: path.instance }))
        .collect()
}

fn nothing(arguments: &Arguments, store: &Store) -> CliError {
    // A remote store makes the name of what the job's identity says, and that does not name the job.
    let in_actions = if store.directory().is_some() { "RUN_ID.ATTEMPT.JOB" } else { "RUN_ID-ATTEMPT" };
    match (&arguments.path, &arguments.run) {
        (_, Some(run)) => CliError::new(Kind::NotFound, format!("no plan of run {run:?} is kept"))
            .hint(format!("restore and save name their run under --json; in Actions it is {in_actions}")),
        (Some(path), None) => CliError::new(Kind::NotFound, format!("no plan of a path called {path:?} is kept"))
            .hint("`sci plan` lists the paths"),
        (None, None) => CliError::new(Kind::NotFound, "nothing was planned yet in this project")
            .hint("`sci restore` and `sci run` record what they planned"),
    }
}

fn explain(store: &Store, explanation: &Explanation, path: &PlannedPath) -> Explained {
    Explained {
        name: path.path.to_string(),
        instance: path.instance.to_string(),
        plan: explanation.plan.plan,
        run: explanation.plan.run.clone(),
        created: explanation.plan.created,
        key: path.ladder.key(),
        verdict: path.verdict.clone(),
        compared: compared(store, explanation, path),
    }
}

/// Compares with the chosen candidate or, on a miss, with the best one whose inputs are still kept.
fn compared(store: &Store, explanation: &Explanation, path: &PlannedPath) -> Option<Compared> {
    let chosen = path.verdict.snapshot();
    let candidates = chosen.into_iter().chain(path.verdict.candidates.iter().map(|candidate| candidate.snapshot));
    let (snapshot, object) = candidates.into_iter().find_map(|id| Some((id, explanation.derivations.get(&id)?)))?;
    let ours = path.derivation.as_ref().ok_or_else(|| "the plan's inputs were not stored".to_owned());
    let differences = ours
        .and_then(|ours| store.inputs(ours))
        .and_then(|after| Ok(sci_planner::diff(&store.inputs(object)?, &after)));
    let (differences, problem) = match differences {
        Ok(differences) => (Some(differences), None),
        Err(problem) => (None, Some(problem)),
    };
    Some(Compared { snapshot, chosen: chosen == Some(snapshot), differences, problem })
}

fn render(text: &mut Text, report: &Report, all: bool, now: jiff::Timestamp) {
    for path in &report.paths {
        text.gap();
        heading(text, path, now);
        considered(text, &path.verdict, all, now);
        if let Some(compared) = &path.compared {
            comparison(text, compared, all);
        }
    }
    for path in &report.unkeyed {
        text.gap();
        text.line(format_args!("{}  no key", text.style.name.paint(safe(&path.instance))));
        text.indented(1, safe(&path.reason));
    }
}

fn heading(text: &mut Text, path: &Explained, now: jiff::Timestamp) {
    let style = text.style;
    let (verdict, why) = match path.verdict.outcome {
        Outcome::Exact { snapshot } => {
            (style.good.paint("exact"), format!("snapshot {} has the very key", snapshot.short()))
        }
        Outcome::Nearest { snapshot, shared, similarity } => {
            (style.fair.paint("nearest"), format!("snapshot {}: {}", snapshot.short(), nearness(shared, similarity)))
        }
        Outcome::Miss { reason } => (style.bad.paint("miss"), reason.sentence().to_owned()),
    };
    text.line(format_args!("{}  {verdict}  {why}", style.name.paint(safe(&path.instance))));
    let planned = format!("key {}, planned {} by run {}", path.key.short(), age(path.created, now), path.run);
    text.indented(1, style.dim.paint(planned));
}

fn considered(text: &mut Text, verdict: &Verdict, all: bool, now: jiff::Timestamp) {
    if verdict.candidates.is_empty() {
        return;
    }
    text.indented(1, "candidates considered:");
    let (shown, left) = page(&verdict.candidates, all);
    for candidate in shown {
        self::candidate(text, candidate, now);
    }
    if let Some(more) = more(left) {
        text.indented(2, more);
    }
}

fn candidate(text: &mut Text, candidate: &Candidate, now: jiff::Timestamp) {
    let style = text.style;
    let (word, reason) = match candidate.judgement {
        Judgement::Chosen => (style.good.paint("chosen "), shares(candidate)),
        Judgement::Refused { reason: reason @ (Refusal::Outranked | Refusal::BelowMatch) } => {
            (style.dim.paint("refused"), format!("{}; {}", reason.sentence(), shares(candidate)))
        }
        Judgement::Refused { reason } => (style.fair.paint("refused"), reason.sentence().to_owned()),
    };
    let id = candidate.snapshot.short();
    let origin = style.dim.paint(format!("({}, {})", candidate.scope, age(candidate.created, now)));
    text.indented(2, format_args!("{word} {id}  {reason} {origin}"));
}

fn shares(candidate: &Candidate) -> String {
    let percent = sharing(candidate.similarity);
    match candidate.shared {
        Some(sci_hasher::InputClass::Variant) => "every input is equal".to_owned(),
        Some(class) => format!("equal up to {class}, {percent}"),
        None => format!("not even system is equal, {percent}"),
    }
}

fn comparison(text: &mut Text, compared: &Compared, all: bool) {
    let what = if compared.chosen { "the chosen snapshot" } else { "the nearest candidate" };
    let id = compared.snapshot.short();
    match (&compared.differences, &compared.problem) {
        (Some(diff), _) if diff.is_empty() => {
            text.indented(1, format_args!("inputs: no difference from {what}, {id}"));
        }
        (Some(diff), _) => {
            text.indented(1, format_args!("inputs that differ from {what}, {id}:"));
            inputs::render(text, 2, diff, all);
        }
        (None, problem) => {
            let problem = problem.as_deref().unwrap_or_default();
            text.indented(1, format_args!("the inputs of {what}, {id}, cannot be compared: {problem}"));
        }
    }
}
