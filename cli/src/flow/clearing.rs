//! On a miss in a GitHub job: what another job left at a path is removed, so that the build begins as on a fresh runner and
//! what is saved is this job's alone.
//!
//! Elsewhere it stays: on a developer's machine it is theirs, and where it is not known when the job began it may be its own.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sci_planner::PlannedPath;
use sci_presets::{RestorePolicy, SavePolicy};
use sci_snapshot::Excludes;

use crate::context::Context;
use crate::environment::Environment;
use crate::error::Result;
use crate::flow::fingerprint;
use crate::flow::resolving::Answer;
use crate::git;
use crate::output::progress::Bar;
use crate::state::before::BeforePath;
use crate::store;

/// What became of another job's leftovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftovers {
    /// There are none that would be another job's for certain.
    None,
    /// They are gone.
    Removed,
    /// They are still there: what is saved of the path is not this job's alone.
    Kept,
}

/// Removes what another job left at the path of an answer that is a miss. `earlier` is what was noted of the path before this
/// restore.
///
/// # Errors
/// When it cannot be removed.
pub fn clear(context: &mut Context, answer: &Answer<'_>, earlier: Option<&BeforePath>) -> Result<Leftovers> {
    let path = answer.path;
    let (true, Some(begun)) = (concerns(path), job_began(&context.environment)) else { return Ok(Leftovers::None) };
    let is_own = |time: i64| time >= begun;
    // A restore that finds all in place changes nothing.
    let restored = earlier.filter(|noted| noted.restored.is_some()).and_then(|noted| noted.since);
    if restored.is_some_and(is_own) || fingerprint::changed(path)?.is_none_or(is_own) {
        return Ok(Leftovers::None);
    }
    if git::tracks(&path.place.root, context.environment.is_ci()) != Some(false) {
        return Ok(Leftovers::None);
    }
    // It is the cache that is at fault, which may be there again when the job is repeated.
    if answer.trouble.is_some() {
        return Ok(Leftovers::Kept);
    }
    let excludes = Excludes::new(&path.policy.exclude).map_err(|error| store::engine(&error))?;
    let bar = Bar::new(context, "clearing", &path.instance);
    match sci_snapshot::clear(&path.place.anchor, &path.place.root, &excludes, &bar) {
        Ok(true) => Ok(Leftovers::Removed),
        Ok(false) => Ok(Leftovers::None),
        Err(error) => Err(store::engine(&error)),
    }
}

/// Whether a build that begins with nothing is what the path is declared for: a home is everybody's, what is never restored is
/// the build's own business, and what is never saved spoils nothing.
fn concerns(path: &PlannedPath) -> bool {
    !path.home && path.policy.restore != RestorePolicy::Never && path.policy.save != SavePolicy::Never
}

/// When a GitHub job began, nanoseconds since 1970.
///
/// The runner empties its directory for temporary files then, and the first step makes the directory that the event's payload is
/// in. Each step writes the payload anew, which changes neither the directory nor when the file was made.
fn job_began(environment: &Environment) -> Option<i64> {
    let payload =
        Path::new(environment.get("GITHUB_EVENT_PATH").filter(|_| environment.text("GITHUB_ACTIONS") == Some("true"))?);
    let directory = payload.parent()?.metadata().ok()?.modified().ok()?;
    let made = payload.metadata().ok()?.created().unwrap_or(directory);
    nanos(directory.min(made))
}

fn nanos(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}
