//! What of a path that workspaces share belongs to one of them.

mod cargo;
pub(crate) mod go;
pub(crate) mod yarn;

use std::path::Path;

use crate::lockfiles::Packages;

/// What of a shared path belongs to a workspace: what one of its lockfiles names.
///
/// Other workspaces of the same user write there too, and their packages (private ones among them) are not saved with this
/// one's.
#[derive(Debug, Clone)]
pub struct SharedMembers(Members);

#[derive(Debug, Clone)]
enum Members {
    Cargo(cargo::Members),
    Go(go::Members),
    Yarn(yarn::Members),
}

impl SharedMembers {
    /// The members that the packages of `lockfile` name; `None` when nothing that is shared is known by such a lockfile.
    pub fn of(lockfile: &Path, packages: &Packages) -> Option<Self> {
        Some(Self(match lockfile.file_name()?.to_str()? {
            "Cargo.lock" => Members::Cargo(cargo::Members::of(packages)),
            "go.mod" | "go.sum" | "go.work.sum" => Members::Go(go::Members::of(packages)),
            "yarn.lock" => Members::Yarn(yarn::Members::of(packages)),
            _ => return None,
        }))
    }

    /// Whether the file or directory `path`, relative to the shared path, is a member, is inside one or leads to one.
    pub fn contains(&self, path: &Path) -> bool {
        let Some(parts) = path.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>() else { return false };
        match &self.0 {
            Members::Cargo(members) => members.contains(&parts),
            Members::Go(members) => members.contains(&parts),
            Members::Yarn(members) => members.contains(&parts),
        }
    }
}
