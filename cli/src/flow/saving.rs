//! Save: plan again, compare with the plan made before the run, let the engine store what changed, commit.

use std::time::Instant;

use sci_planner::{Outcome as Planned, PlannedPath};
use sci_store_api::{ObjectId, SnapshotId};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Kind, Result};
use crate::flow::report::SavedPath;
use crate::flow::save_path::{self, Bases};
use crate::flow::{decide, outcome, planning, resolving};
use crate::git::Ancestors;
use crate::output::format::counted;
use crate::state::activity::Doing;
use crate::state::before::{Before, BeforePath};
use crate::state::run_id;
use crate::store::Store;
use crate::workspace::Workspace;

/// What a save did.
#[derive(Debug, Serialize)]
pub struct SaveReport {
    /// The run that the snapshots belong to, by the name that the store has for it; by this machine's when the store was not
    /// reached.
    pub run: String,
    /// Each path that was asked for, in the order of the plan.
    pub paths: Vec<SavedPath>,
    /// Seconds in all.
    pub seconds: f64,
}

impl SaveReport {
    /// The paths with which the cache is in trouble.
    pub fn troubled(&self) -> usize {
        self.paths.iter().filter(|path| path.is_trouble()).count()
    }
}

/// Why nothing that is saved may pass for what its inputs give.
const RUNNING: &str = "another `sci run` is at work in this workspace";
const DISTURBED: &str = "another sci restored or saved in this workspace during the run";

/// What is to be saved.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// These paths; all when there are none.
    pub paths: &'a [String],
    /// The run did not succeed.
    pub failed: bool,
    /// What was noted when the run began, where that is known: another sci may have noted something else since.
    pub began: Option<&'a Before>,
    /// Another run's command was at work when this one began, and may have ended since.
    pub beside: bool,
}

/// Saves the paths that are wanted.
///
/// # Errors
/// Bad configuration and unusable local state. Trouble with the store is told in the report.
pub fn save(context: &mut Context, workspace: &Workspace, wanted: &Wanted<'_>) -> Result<SaveReport> {
    let started = Instant::now();
    let _watch = context.interrupts.watch();
    let _lock = workspace.lock(context)?;
    let instances = workspace.recover(context)?;
    let asked = Ancestors::ask(&workspace.root, context.environment.is_ci());
    let plan = planning::make(context, workspace)?;
    workspace.recover_planned(context, &plan, &instances)?;
    context.out.took(started, |time| format!("planned {} in {time}", counted(plan.paths.len() as u64, "path")));
    let paths = planning::select(context, workspace, &plan, wanted.paths)?;
    let _telling = context.tell(workspace, Doing::Saving);
    let known = Before::read(&workspace.state.before());
    let run = known.as_ref().map_or_else(|| run_id::fresh(&context.environment, context.now()), |it| it.run.clone());
    let disturbed = if wanted.beside || workspace.state.is_running()? {
        Some(RUNNING)
    } else {
        wanted.began.filter(|began| known.as_ref() != Some(began)).map(|_| DISTURBED)
    };
    let how = decide::Run { failed: wanted.failed, disturbed };
    let ancestors = asked.answer();
    let store = match Store::open_or_make(context, workspace, &run, ancestors.first().map(String::as_str)) {
        Err(error) if error.kind != Kind::Store => return Err(error),
        outcome => outcome,
    };
    if let Ok(store) = &store {
        context.out.verbose(|| format!("saving to the store {} as run {}", store.place(), store.run()));
    }
    let run = store.as_ref().map_or(run, |store| store.run().to_owned());
    let mut report = SaveReport { run, paths: Vec::new(), seconds: 0.0 };
    let bases = match &store {
        Ok(store) => bases(store, workspace, &paths, known.as_ref(), ancestors),
        Err(_) => Bases::new(),
    };
    let mut after = known.clone();
    let _shield = context.interrupts.shield();
    for path in paths {
        if context.interrupts.caught().is_some() {
            break;
        }
        let saved = match (&path.outcome, &store) {
            (Planned::Unkeyed { reason, hint }, _) => outcome::unkeyed(path, reason, hint.as_deref()),
            (Planned::Keyed(_), Err(error)) => outcome::failed(path, error),
            (Planned::Keyed(keyed), Ok(store)) => {
                let job =
                    save_path::Job { workspace, store, plan: &plan, path, keyed, known: known.as_ref(), run: how };
                match job.save(context, &bases) {
                    Some(saved) => saved,
                    None => break,
                }
            }
        };
        context.out.human(|text| saved.report.render(text));
        saved.report.warnings.iter().for_each(|warning| context.out.warn(warning.clone()));
        remember(&mut after, path, saved.snapshot, saved.report.settled == Some(true));
        report.paths.push(saved.report);
    }
    if let Some(after) = after.filter(|after| Some(after) != known.as_ref()) {
        // What was saved is saved; without the note the next save looks whether it is.
        if let Err(error) = after.write(&workspace.state.before()) {
            context.out.warn(format!("what was saved could not be noted: {}", error.message));
        }
    }
    if context.interrupts.caught().is_some() {
        return Err(context.interrupts.error(what_was_done(&report.paths)));
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// What an interrupted save has done, in one sentence.
fn what_was_done(paths: &[SavedPath]) -> String {
    let saved = paths.iter().filter(|path| path.snapshot.is_some()).map(|path| path.instance.as_str());
    let saved = saved.collect::<Vec<_>>().join(", ");
    let found = "what was uploaded is found again by the next save";
    if saved.is_empty() { format!("nothing was saved; {found}") } else { format!("{saved} was saved; {found}") }
}

/// The snapshots that this run may build upon, by their manifests: those that it was served.
///
/// Where the engine remembers a tree that this run was not served (it was saved by this very run, or by one before without
/// a restore since), the store is asked again: what it serves may be that tree.
fn bases(
    store: &Store,
    workspace: &Workspace,
    paths: &[&PlannedPath],
    known: Option<&Before>,
    ancestors: Vec<String>,
) -> Bases {
    let before = |path: &PlannedPath| known.and_then(|known| known.path(&path.name, &path.instance));
    let served = |path: &PlannedPath| before(path)?.served;
    let mut bases: Bases = paths.iter().filter_map(|path| served(path)).map(|(id, manifest)| (manifest, id)).collect();
    let remembered = |path: &&&PlannedPath| {
        // What was served is still what stands there: that is the tree that the engine remembers.
        if before(path).is_some_and(|before| before.served.is_some() && before.served == before.restored) {
            return false;
        }
        let base = workspace.state.engine(&path.name, &path.instance).base();
        base.and_then(|base| base.manifest.id()).is_some_and(|manifest| !bases.contains_key(&manifest))
    };
    let unserved: Vec<&PlannedPath> = paths.iter().filter(remembered).copied().collect();
    if !unserved.is_empty() {
        let answers = resolving::resolve(store, &unserved, ancestors);
        let chosen = answers.into_iter().filter_map(|answer| answer.chosen);
        bases.extend(chosen.map(|chosen| (chosen.record.manifest, chosen.id)));
    }
    bases
}

/// A saved tree stands in for the restored one: an equal one need not be saved again.
fn remember(after: &mut Option<Before>, path: &PlannedPath, saved: Option<(SnapshotId, ObjectId)>, settled: bool) {
    let noted: Option<&mut BeforePath> = after.as_mut().and_then(|after| after.path_mut(&path.name, &path.instance));
    if let (Some(noted), Some(saved)) = (noted, saved) {
        noted.restored = Some(saved);
        noted.samples.clear();
        noted.exact = settled;
    }
}
