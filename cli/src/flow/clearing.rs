//! On a miss in a GitHub job: what another job left at a path is removed, so that the build begins as on a fresh runner and
//! what is saved is this job's alone.
//!
//! Elsewhere it stays: on a developer's machine it is theirs, and where a job has no name it is not known whether the same
//! one made it.

use sci_planner::PlannedPath;
use sci_snapshot::Excludes;

use crate::context::Context;
use crate::error::CliError;
use crate::flow::resolving::Answer;
use crate::git;
use crate::output::progress::Bar;
use crate::state::before::Before;
use crate::store;
use crate::workspace::Workspace;

/// Whose leftovers may be removed.
#[derive(Debug)]
pub struct Clearing {
    /// The job that runs; none outside of one.
    job: Option<String>,
    /// What the last restore on this machine noted.
    earlier: Option<Before>,
}

impl Clearing {
    /// Of the job `job`, with what the restore before this one noted.
    pub const fn new(job: Option<String>, earlier: Option<Before>) -> Self {
        Self { job, earlier }
    }

    /// Notes that the job restored the path: what stands there from now on is its own.
    pub fn note(&self, before: &mut Before, path: &PlannedPath) {
        if let Some(noted) = before.path_mut(&path.name, &path.instance) {
            noted.job.clone_from(&self.job);
        }
    }

    /// Removes what another job left at the path of an answer that is a miss; returns whether there was anything.
    ///
    /// # Errors
    /// When it cannot be removed: what is saved of the path is then not this job's.
    pub fn clear(
        &self,
        context: &mut Context,
        workspace: &Workspace,
        answer: &Answer<'_>,
    ) -> std::result::Result<bool, CliError> {
        let path = answer.path;
        // What is at fault is the cache, which may be there again when the job is repeated; and a home is everybody's.
        if answer.trouble.is_some() || path.home || !path.root.is_symlink() && !path.root.exists() {
            return Ok(false);
        }
        if !self.is_anothers(&path.name, &path.instance) || git::tracks(&workspace.root, &path.root) != Some(false) {
            return Ok(false);
        }
        let excludes = Excludes::new(&path.policy.exclude).map_err(|error| store::engine(&error))?;
        let anchor = workspace.anchor(context, path.home)?;
        let bar = Bar::new(context, "clearing", &path.instance);
        sci_snapshot::clear(&anchor, &path.root, &excludes, &bar).map_err(|error| store::engine(&error))
    }

    /// Whether this is a job, and it has not restored the path before: what stands there now is what it found.
    fn is_anothers(&self, name: &str, instance: &str) -> bool {
        let Some(job) = &self.job else { return false };
        let noted = self.earlier.as_ref().and_then(|earlier| earlier.path(name, instance));
        noted.and_then(|noted| noted.job.as_ref()) != Some(job)
    }
}
