//! Restore: resolve every path at once, verify what the store says, let the engine do its work, remember what was planned.

use std::path::Path;
use std::time::Instant;

use sci_planner::{Outcome as Planned, Plan, PlannedPath};
use sci_snapshot::Manifest;
use sci_store_api::PlanId;
use sci_sys::ffi::OsStrExt;
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::flow::clearing::{self, Leftovers};
use crate::flow::fingerprint;
use crate::flow::kept;
use crate::flow::planning;
use crate::flow::recording::{self, Sending};
use crate::flow::replaying::{self, Installed, Replayed};
use crate::flow::report::{RestoredPath, Word};
use crate::flow::resolving::{self, Answer};
use crate::flow::restore_path;
use crate::git::Ancestors;
use crate::output::Text;
use crate::output::format::{count, counted};
use crate::placement;
use crate::state::activity::Doing;
use crate::state::before::{Before, BeforePath, CUT_OFF, LEFT_OVER, PARTLY, UNKNOWN};
use crate::state::run_id;
use crate::store::Store;
use crate::workspace::Workspace;

/// What a restore did.
#[derive(Debug, Serialize)]
pub struct RestoreReport {
    /// The run that this restore begins, and a save continues, by the name that the store has for it; by this machine's when
    /// the store was not reached.
    pub run: String,
    /// The plan as it was stored for explain; absent when it could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// Each path that was asked for, in the order of the plan.
    pub paths: Vec<RestoredPath>,
    /// What source-mtime replay did; absent when no path asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Replayed>,
    /// Seconds in all.
    pub seconds: f64,
}

impl RestoreReport {
    /// The paths with which the cache is in trouble.
    pub fn troubled(&self) -> usize {
        self.paths.iter().filter(|path| path.trouble).count()
    }
}

/// Restores the paths that are wanted, or all.
///
/// # Errors
/// Bad configuration. [`Kind::State`] when local state cannot be kept; without `--require` nothing was restored then. Trouble
/// with the store is a miss, told in the report.
pub fn restore(context: &mut Context, workspace: &Workspace, wanted: &[String]) -> Result<RestoreReport> {
    let started = Instant::now();
    let _watch = context.interrupts.watch();
    let _lock = workspace.lock(context)?;
    let known = workspace.recover(context)?;
    let asked = Ancestors::ask(&workspace.root, context.environment.is_ci());
    let plan = planning::make(context, workspace)?;
    workspace.recover_planned(context, &plan, &known)?;
    context.out.took(started, |time| format!("planned {} in {time}", counted(plan.paths.len() as u64, "path")));
    let paths = planning::select(context, workspace, &plan, wanted)?;
    let ancestors = asked.answer();
    let earlier = Before::read(&workspace.state.before());
    let before = before(context, earlier.as_ref(), &plan, &paths);
    let run = before.run.clone();
    let (partly, whole): (Vec<&PlannedPath>, Vec<_>) =
        paths.iter().copied().partition(|path| is_partly_restored(earlier.as_ref(), path));
    let mut until_then = before.clone();
    until_then.take_keys_of(&whole, CUT_OFF);
    until_then.take_keys_of(&partly, PARTLY);
    until_then.write(&workspace.state.before())?;
    let _telling = context.tell(workspace, Doing::Restoring);
    let _shield = context.interrupts.shield();

    let asking = Instant::now();
    let store = open(context, workspace, &run, ancestors.first().map(String::as_str))?;
    let mut answers = match &store {
        Ok(store) => resolving::resolve(store, &paths, ancestors),
        Err(error) => resolving::unavailable(&paths, error),
    };
    if let Ok(store) = &store {
        context.out.took(asking, |time| format!("asked the store {} as run {} in {time}", store.place(), store.run()));
    }
    if let Some(directory) = store.as_ref().ok().and_then(Store::directory) {
        warn_of_own_files(context, &plan, directory);
    }
    let run = store.as_ref().map_or(run, |store| store.run().to_owned());
    let mut report = RestoreReport { run, plan: None, paths: Vec::new(), replayed: None, seconds: 0.0 };
    let sending = Sending::new(store.as_ref().ok(), &answers);
    let mut job = Job { workspace, store: store.as_ref().ok(), earlier, before, interrupted: false };
    let installed = std::thread::scope(|scope| {
        for store in job.store.iter().flat_map(|store| std::iter::repeat_n(*store, sending.threads())) {
            scope.spawn(|| sending.send(store));
        }
        job.restore(context, &paths, &mut answers, &mut report)
    })?;
    let Job { mut before, interrupted, .. } = job;
    let replaying = Instant::now();
    report.replayed = replaying::replay(context, &plan, &installed)?;
    if report.replayed.is_some() {
        context.out.took(replaying, |time| format!("put mtimes of sources back in {time}"));
    }
    before.tracked = replaying::times(&plan, report.replayed.is_some());
    match before.write(&workspace.state.before()) {
        // What was noted until then says that the restore was cut off: nothing that is saved is settled.
        Err(error) if !context.globals.require => context.out.warn(format!(
            "what was restored could not be noted, and what is saved of it is unsettled: {}",
            error.message
        )),
        written => written?,
    }
    if interrupted || context.interrupts.caught().is_some() {
        return Err(context.interrupts.error(what_was_done(&report.paths, interrupted)));
    }
    if let Ok(store) = &store {
        let recording = Instant::now();
        report.plan = recording::record(context, store, &answers, &sending);
        context.out.took(recording, |time| format!("recorded what was decided in {time}"));
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// The paths of one restore.
struct Job<'a> {
    workspace: &'a Workspace,
    store: Option<&'a Store>,
    /// What was noted before this restore.
    earlier: Option<Before>,
    before: Before,
    interrupted: bool,
}

impl Job<'_> {
    /// Restores one path after the other, and gives the manifests of those that replay needs.
    fn restore<'p>(
        &mut self,
        context: &mut Context,
        paths: &[&'p PlannedPath],
        answers: &mut [Answer<'p>],
        report: &mut RestoreReport,
    ) -> Result<Vec<Installed<'p>>> {
        let mut installed = Vec::new();
        for &path in paths {
            if context.interrupts.caught().is_some() {
                self.skip(path);
                continue;
            }
            let restored = match (&path.outcome, answers.iter_mut().find(|answer| std::ptr::eq(answer.path, path))) {
                (Planned::Keyed(_), Some(answer)) => {
                    let Some((mut restored, manifest)) =
                        restore_path::restore(context, self.workspace, self.store, answer)
                    else {
                        self.skip(path);
                        continue;
                    };
                    if restored.verdict == Word::Miss {
                        self.clear(context, answer, &mut restored);
                    }
                    note(context, &mut self.before, answer, &restored, manifest.as_deref());
                    self.note_partly_restored(path, &restored);
                    // Manifests of large trees are large: those that replay does not need go now.
                    let needed = manifest.filter(|_| path.policy.replay);
                    installed.extend(needed.map(|manifest| Installed { path, manifest }));
                    restored
                }
                (Planned::Unkeyed { reason, hint }, _) => {
                    let restored = restore_path::unkeyed(path, reason, hint.as_deref());
                    self.note_partly_restored(path, &restored);
                    restored
                }
                (Planned::Keyed(_), None) => continue,
            };
            context.out.human(|text| restored.render(text));
            report.paths.push(restored);
        }
        Ok(installed)
    }

    /// Lets a path that is a miss be what it is on a fresh runner, where that is called for.
    fn clear(&mut self, context: &mut Context, answer: &Answer<'_>, restored: &mut RestoredPath) {
        let path = answer.path;
        let earlier = self.earlier.as_ref().and_then(|earlier| earlier.path(&path.name, &path.instance));
        match clearing::clear(context, answer, earlier) {
            Ok(Leftovers::None) => {}
            Ok(Leftovers::Removed) => {
                restored.reason.push_str("; what another job had left there was removed");
                restored.cleared = true;
            }
            Ok(Leftovers::Kept) => self.before.take_keys_of(&[path], LEFT_OVER),
            Err(error) => {
                restored.reason = format!("what another job left could not be removed: {}", error.message);
                (restored.hint, restored.trouble) = (error.hint, true);
                self.before.take_keys_of(&[path], LEFT_OVER);
            }
        }
    }

    /// Leaves a path as it is, since somebody asked to stop.
    fn skip(&mut self, path: &PlannedPath) {
        self.interrupted = true;
        let reason = if is_partly_restored(self.earlier.as_ref(), path) { PARTLY } else { CUT_OFF };
        self.before.take_keys_of(&[path], reason);
    }

    /// Goes on saying that a path is partly restored, unless it was restored now, or nothing is left of it. So is one whose
    /// directories somebody moved away while it was restored.
    fn note_partly_restored(&mut self, path: &PlannedPath, restored: &RestoredPath) {
        let was = is_partly_restored(self.earlier.as_ref(), path);
        let is_gone = restored.cleared || path.place.root.symlink_metadata().is_err();
        if restored.verdict == Word::Miss && (was && !is_gone || restored.overtaken) {
            self.before.set_partly_restored(&path.name, &path.instance);
        }
    }
}

fn is_partly_restored(before: Option<&Before>, path: &PlannedPath) -> bool {
    before.and_then(|before| before.path(&path.name, &path.instance)).is_some_and(BeforePath::is_partly_restored)
}

/// A store that is an input changes the key at every save: nothing is ever exact.
fn warn_of_own_files(context: &mut Context, plan: &Plan, store: &Path) {
    if let Some(path) = placement::counted_by(plan, store) {
        let store = store.display();
        context.out.warn(format!(
            "the store {store} is among the inputs of {path}: list it in .gitignore, or keep it outside the workspace"
        ));
    }
}

/// What an interrupted restore has done, in one sentence.
fn what_was_done(paths: &[RestoredPath], interrupted: bool) -> String {
    let restored = paths.iter().filter(|path| path.work.is_some()).map(|path| path.instance.as_str());
    let restored = restored.collect::<Vec<_>>().join(", ");
    match (restored.is_empty(), interrupted) {
        (true, _) => "nothing was changed".to_owned(),
        (false, true) => format!("{restored} was restored, nothing else was changed"),
        (false, false) => format!("{restored} was restored, and nothing else was to be done"),
    }
}

/// Opens the store. The inner error is trouble, which is a miss; the outer one is a mistake in the configuration.
fn open(
    context: &mut Context,
    workspace: &Workspace,
    run: &str,
    commit: Option<&str>,
) -> Result<std::result::Result<Store, CliError>> {
    match Store::open_or_make(context, workspace, run, commit) {
        Err(error) if error.kind != Kind::Store => Err(error),
        outcome => Ok(outcome),
    }
}

/// What is remembered of the plan: of the paths that are not restored now, what an earlier restore remembered.
///
/// Of those that none remembered, what stands there now: no run of these inputs has made it.
fn before(context: &mut Context, earlier: Option<&Before>, plan: &Plan, wanted: &[&PlannedPath]) -> Before {
    let is_wanted = |path: &PlannedPath| wanted.iter().any(|wanted| std::ptr::eq(*wanted, path));
    let others: Vec<&PlannedPath> = plan.paths.iter().filter(|path| !is_wanted(path)).collect();
    let run = match earlier {
        Some(earlier) if !others.is_empty() => earlier.run.clone(),
        _ => run_id::fresh(&context.environment, context.now()),
    };
    let mut before = planned(run, plan);
    for path in others {
        let Some(known) = earlier.and_then(|earlier| earlier.path(&path.name, &path.instance)) else {
            note_standing(context, &mut before, path);
            continue;
        };
        if let Some(noted) = before.path_mut(&path.name, &path.instance) {
            noted.clone_from(known);
        }
    }
    before
}

/// Notes what stands in a path's place now. Where that cannot be told, the run goes on, and what it saves of the path is unsettled.
fn note_standing(context: &mut Context, before: &mut Before, path: &PlannedPath) {
    // What workspaces share only ever grows: what stood there is theirs as much as ours.
    if path.home {
        return;
    }
    match fingerprint::of(path) {
        Ok(stood) => {
            if let Some(noted) = before.path_mut(&path.name, &path.instance) {
                noted.stood = stood;
            }
        }
        Err(error) => {
            context.out.warn(format!("{}: what stands there is not known: {}", path.instance, error.message));
            before.take_keys_of(&[path], UNKNOWN);
        }
    }
}

fn planned(run: String, plan: &Plan) -> Before {
    let paths = plan.paths.iter().map(|path| {
        let (ladder, unkeyed) = match &path.outcome {
            Planned::Keyed(keyed) => (Some(keyed.ladder), None),
            Planned::Unkeyed { reason, .. } => (None, Some(reason.clone())),
        };
        let (name, instance) = (path.name.clone(), path.instance.clone());
        let root = path.place.root.as_os_str().as_bytes().to_vec();
        BeforePath { name, instance, root, ladder, unkeyed, ..BeforePath::default() }
    });
    Before { run, paths: paths.collect(), tracked: replaying::times(plan, false) }
}

/// Notes what came of the path, and what stands in its place now.
fn note(
    context: &mut Context,
    before: &mut Before,
    answer: &Answer<'_>,
    restored: &RestoredPath,
    installed: Option<&Manifest>,
) {
    let (path, since) = (answer.path, context.now());
    if answer.chosen.is_none() {
        note_standing(context, before, path);
    }
    let Some(noted) = before.path_mut(&path.name, &path.instance) else { return };
    noted.damaged = answer.damaged().collect();
    noted.verdict = Some(restored.verdict);
    // Where the store was not reached, nothing was chosen, and nothing can be explained.
    let trouble = answer.trouble.as_ref().filter(|_| !answer.verdict.candidates.is_empty());
    noted.trouble = trouble.map(|trouble| (trouble.message.clone(), trouble.hint.clone()));
    noted.since = i64::try_from(since.as_nanosecond()).ok();
    noted.samples = installed.map(|manifest| kept::sample(manifest, &path.place.root)).unwrap_or_default();
    if let Some(chosen) = &answer.chosen {
        noted.served = Some((chosen.id, chosen.record.manifest));
        noted.restored = noted.served;
        noted.exact = restored.verdict == Word::Exact;
    }
}

/// Writes what concerns all paths together.
pub fn render(text: &mut Text, report: &RestoreReport) {
    if let Some(replayed) = &report.replayed {
        let (kept, new) = (replayed.replayed, replayed.renewed);
        let have = if kept == 1 { "has its recorded mtime" } else { "have their recorded mtimes" };
        let differ = if new == 1 { "differs and counts as new" } else { "differ and count as new" };
        text.line(format_args!("sources: {} {have}, {} {differ}", count(kept), count(new)));
    }
}
