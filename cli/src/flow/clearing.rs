//! On a miss in a GitHub job: what another job left at a path is removed, so that the build begins as on a fresh runner and
//! what is saved is this job's alone.
//!
//! Elsewhere it stays: on a developer's machine it is theirs, and where it is not known when the job began it may be its own.

use std::time::UNIX_EPOCH;

use sci_snapshot::Excludes;

use crate::context::Context;
use crate::environment::Environment;
use crate::error::Result;
use crate::flow::fingerprint;
use crate::flow::resolving::Answer;
use crate::git;
use crate::output::progress::Bar;
use crate::store;
use crate::workspace::Workspace;

/// Removes what another job left at the path of an answer that is a miss; returns whether there was anything.
///
/// # Errors
/// When it cannot be removed: what is saved of the path is then not this job's.
pub fn clear(context: &mut Context, workspace: &Workspace, answer: &Answer<'_>) -> Result<bool> {
    let path = answer.path;
    // With trouble it is the cache that is at fault, which may be there again when the job is repeated; and a home is
    // everybody's.
    let (None, false, Some(begun)) = (&answer.trouble, path.home, job_began(&context.environment)) else {
        return Ok(false);
    };
    if fingerprint::changed(path)?.is_none_or(|changed| changed >= begun) {
        return Ok(false);
    }
    if git::tracks(&workspace.root, &path.root) != Some(false) {
        return Ok(false);
    }
    let excludes = Excludes::new(&path.policy.exclude).map_err(|error| store::engine(&error))?;
    let anchor = workspace.anchor(context, path.home)?;
    let bar = Bar::new(context, "clearing", &path.instance);
    sci_snapshot::clear(&anchor, &path.root, &excludes, &bar).map_err(|error| store::engine(&error))
}

/// When a GitHub job began, nanoseconds since 1970: the runner then writes the event's payload.
fn job_began(environment: &Environment) -> Option<i64> {
    let payload = environment.get("GITHUB_EVENT_PATH").filter(|_| environment.get("GITHUB_ACTIONS").is_some())?;
    let written = std::fs::metadata(payload).and_then(|found| found.modified()).ok()?;
    i64::try_from(written.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}
