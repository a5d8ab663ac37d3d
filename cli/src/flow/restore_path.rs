//! The restore of one path instance: let the engine do its work, and find out who is at fault when it cannot.

use std::sync::Arc;
use std::time::Instant;

use sci_planner::PlannedPath;
use sci_snapshot::{Excludes, Manifest, RestoreRequest, Restored, SnapshotError, Wanted};
use sci_store_api::TransferError;
use sci_store_api::dsse::Verified;
use sci_store_api::verdict::{MissReason, Outcome, Refusal};

use crate::context::Context;
use crate::error::CliError;
use crate::flow::counting::Counting;
use crate::flow::report::{self, RestoreWork, RestoredPath, Word};
use crate::flow::resolving::Answer;
use crate::output::progress::Bar;
use crate::store::{self, Store, tree_objects};
use crate::workspace::Workspace;

/// Restores what an answer chose; gives the manifest of what is installed then. Trouble becomes part of the answer.
/// `None` when it was interrupted, and nothing was changed.
pub fn restore(
    context: &mut Context,
    workspace: &Workspace,
    store: Option<&Store>,
    answer: &mut Answer<'_>,
) -> Option<(RestoredPath, Option<Arc<Manifest>>)> {
    let started = Instant::now();
    let chosen = answer.chosen.take();
    let mut installed = None;
    let mut work = None;
    let mut overtaken = false;
    if let (Some(store), Some(chosen)) = (store, &chosen) {
        match install(context, workspace, store, answer.path, chosen) {
            Ok(restored) => {
                work = Some(work_of(&restored, started));
                installed = Some(remember(context, workspace, answer.path, restored));
            }
            Err(Trouble::Engine(SnapshotError::Interrupted)) => return None,
            Err(error) => {
                overtaken = matches!(error, Trouble::Engine(SnapshotError::Overtaken { .. }));
                if error.is_damage() {
                    // Whatever this machine remembers of the tree cites the same objects.
                    workspace.state.engine(&answer.path.name, &answer.path.instance).forget();
                }
                // A sound snapshot is not given up because this machine, or the way to the store, could not have it.
                let reason = if error.is_damage() { Refusal::Incomplete } else { Refusal::Unrestored };
                answer.refuse(reason, error.into_error());
            }
        }
    }
    answer.chosen = chosen.filter(|_| installed.is_some());
    Some((RestoredPath { overtaken, ..restored_path(answer, work) }, installed))
}

fn work_of(restored: &Restored, started: Instant) -> RestoreWork {
    RestoreWork {
        files: restored.files,
        bytes: restored.bytes,
        written: restored.written,
        written_bytes: restored.written_bytes,
        disk_bytes: restored.room.bytes,
        removed: restored.removed,
        seconds: started.elapsed().as_secs_f64(),
    }
}

/// Lets the engine make the tree that of the snapshot.
fn install(
    context: &mut Context,
    workspace: &Workspace,
    store: &Store,
    path: &PlannedPath,
    chosen: &Verified,
) -> std::result::Result<Restored, Trouble> {
    let _home = if path.home { Some(workspace.lock_home(context)?) } else { None };
    let excludes = Excludes::new(&path.policy.exclude)?;
    let bar = Bar::new(context, "restoring", &path.instance);
    let source = Counting::new(&store.backend);
    let load = || Manifest::load(&chosen.record.manifest, &tree_objects(&chosen.record), &source);
    let request = RestoreRequest {
        anchor: &path.place.anchor,
        root: &path.place.root,
        manifest: Wanted::Stored { id: chosen.record.manifest, load: &load },
        excludes: &excludes,
        base: workspace.state.engine(&path.name, &path.instance).base(),
        merge: path.home,
        threads: 0,
        progress: &bar,
    };
    let restored = sci_snapshot::restore(request, &source);
    drop(bar);
    context.out.verbose(|| format!("{}: read {} from {}", path.instance, source.sentence(), store.place()));
    Ok(restored?)
}

/// Why a chosen snapshot was not restored.
enum Trouble {
    /// The engine could not.
    Engine(SnapshotError),
    /// Something around it.
    Other(CliError),
}

impl From<SnapshotError> for Trouble {
    fn from(error: SnapshotError) -> Self {
        Self::Engine(error)
    }
}

impl From<CliError> for Trouble {
    fn from(error: CliError) -> Self {
        Self::Other(error)
    }
}

impl Trouble {
    /// Whether the snapshot itself is at fault, and not this machine or the way to the store.
    fn is_damage(&self) -> bool {
        use SnapshotError::{Damaged, Refused, Transfer};
        use TransferError::{Missing, Unreadable};
        matches!(self, Self::Engine(Damaged { .. } | Refused(_) | Transfer(Missing { .. } | Unreadable { .. })))
    }

    fn into_error(self) -> CliError {
        match self {
            Self::Engine(error) => store::engine(&error),
            Self::Other(error) => error,
        }
    }
}

/// Remembers what the engine saw; without it the next command reads more.
fn remember(context: &mut Context, workspace: &Workspace, path: &PlannedPath, restored: Restored) -> Arc<Manifest> {
    let remembered = restored.remembered;
    let base = restored.into_base();
    if remembered {
        return base.manifest;
    }
    if let Err(error) = workspace.state.engine(&path.name, &path.instance).remember(&base) {
        context.out.verbose(|| format!("{}: {error}", path.instance));
    }
    base.manifest
}

fn restored_path(answer: &Answer<'_>, work: Option<RestoreWork>) -> RestoredPath {
    let (verdict, reason, shared, similarity) = match answer.verdict.outcome {
        Outcome::Exact { .. } => (Word::Exact, "every input is equal".to_owned(), None, None),
        Outcome::Nearest { shared, similarity, .. } => {
            (Word::Nearest, report::nearness(shared, similarity), Some(shared), Some(similarity))
        }
        Outcome::Miss { reason } => (Word::Miss, reason.sentence().to_owned(), None, None),
    };
    let refused = matches!(answer.verdict.outcome, Outcome::Miss { reason: MissReason::AllRefused });
    let (reason, hint) = match &answer.trouble {
        Some(trouble) => (trouble.message.clone(), trouble.hint.clone()),
        None => (reason, refused.then(|| "`sci explain` says why, candidate by candidate".to_owned())),
    };
    RestoredPath {
        name: answer.path.name.clone(),
        instance: answer.path.instance.clone(),
        verdict,
        reason,
        hint,
        trouble: answer.trouble.is_some() || refused && answer.damaged().next().is_some(),
        key: Some(answer.keyed.key()),
        snapshot: answer.verdict.snapshot(),
        shared,
        similarity,
        work,
        cleared: false,
        overtaken: false,
    }
}

/// What is told of a path that has no key.
pub fn unkeyed(path: &PlannedPath, reason: &str, hint: Option<&str>) -> RestoredPath {
    RestoredPath {
        name: path.name.clone(),
        instance: path.instance.clone(),
        verdict: Word::Miss,
        reason: format!("no key: {reason}"),
        hint: hint.map(str::to_owned),
        trouble: true,
        key: None,
        snapshot: None,
        shared: None,
        similarity: None,
        work: None,
        cleared: false,
        overtaken: false,
    }
}
