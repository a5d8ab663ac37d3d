//! What of a path that workspaces share is this one's to save.

use std::ffi::OsStr;
use std::path::Path;

use sci_planner::PlannedPath;
use sci_presets::{Shared, SharedMembers, lockfiles};
use sci_sys::ffi::OsStrExt;

use crate::error::{CliError, Kind, Result};

/// The members that the lockfiles of one path name.
#[derive(Debug)]
pub struct Members(Vec<SharedMembers>);

impl Members {
    /// Whether the entry, by its path relative to the shared path, is one of them.
    pub fn has(&self, path: &[u8]) -> bool {
        self.0.iter().any(|members| members.contains(Path::new(OsStr::from_bytes(path))))
    }
}

/// The members of a shared path; `None` for a path that is this workspace's own.
///
/// # Errors
/// [`Kind::Local`] when a lockfile cannot be read: what belongs to whom is then unknown, and nothing may be saved.
pub fn of(workspace: &Path, path: &PlannedPath) -> Result<Option<Members>> {
    let Some(Shared::Lockfile) = path.policy.shared else { return Ok(None) };
    let mut members = Vec::new();
    for lockfile in &path.policy.lockfiles {
        let file = workspace.join(lockfile);
        let bytes = std::fs::read(&file).map_err(|error| CliError::local("read", &file, error))?;
        let unknown = || {
            let shown = file.display();
            CliError::new(
                Kind::Config,
                format!("{shown} is no lockfile by which sci knows what belongs to a workspace"),
            )
        };
        let read = lockfiles::read(lockfile, &bytes).ok_or_else(unknown)?;
        let packages = read.map_err(|error| CliError::local("read", &file, error))?;
        members.push(SharedMembers::of(lockfile, &packages).ok_or_else(unknown)?);
    }
    Ok(Some(Members(members)))
}
