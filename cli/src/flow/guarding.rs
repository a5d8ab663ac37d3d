//! What git tracks in a path: a restore says that it replaces it, and does not where that would lose somebody's work.

use sci_planner::PlannedPath;
use sci_snapshot::Excludes;
use sci_store_api::verdict::Refusal;

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::flow::resolving::Answer;
use crate::git::{self, Tracked};
use crate::workspace::Workspace;

/// Asks git for what it tracks in those of the paths that have something on disk. Where nothing is, nothing is replaced.
pub fn ask(workspace: &Workspace, paths: &[&PlannedPath]) -> Tracked {
    let stand = paths.iter().filter(|path| !path.home && path.root.symlink_metadata().is_ok());
    Tracked::ask(&workspace.root, &stand.map(|path| path.instance.as_str()).collect::<Vec<_>>())
}

/// Refuses what was chosen for a path in which a file differs from what git has: no snapshot and no commit may have it. Of
/// other tracked files it only warns.
pub fn guard(context: &mut Context, workspace: &Workspace, tracked: &[Vec<u8>], answer: &mut Answer<'_>) {
    let path = answer.path;
    if answer.chosen.is_none() || path.home {
        return;
    }
    let replaced = replaced(path, tracked);
    let Some(first) = replaced.first() else { return };
    let instance = path.instance.as_str();
    if let Some(edited) = self::replaced(path, &git::edited(&workspace.root, instance)).first() {
        let message = format!("git tracks {edited}, which has changes that a restore would lose");
        let hint = format!("commit them, or list it in `exclude` of {instance}, relative to there");
        answer.refuse(Refusal::Unrestored, CliError::new(Kind::Local, message).hint(hint));
        return;
    }
    let more = if replaced.len() > 1 { format!(" and {} more", replaced.len() - 1) } else { String::new() };
    context.out.warn(format!(
        "{instance}: git tracks {first}{more}, and a restore makes it what the snapshot has: list it in `exclude`, relative to there"
    ));
}

/// Those of the files that are in the path and not excluded from it, for people.
fn replaced(path: &PlannedPath, files: &[Vec<u8>]) -> Vec<String> {
    // Patterns that cannot be used fail the restore itself.
    let excludes = Excludes::new(&path.policy.exclude).unwrap_or_default();
    let below = |file: &&Vec<u8>| match file.strip_prefix(path.instance.as_bytes()) {
        Some([b'/', below @ ..]) => !excludes.hides(below),
        Some([]) => true,
        _ => false,
    };
    files.iter().filter(below).map(|file| String::from_utf8_lossy(file).into_owned()).collect()
}
