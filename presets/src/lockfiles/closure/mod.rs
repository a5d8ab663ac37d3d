//! The part of a lockfile that one member of a workspace can reach, and its digest.
//!
//! A lockfile is read into a [`Graph`] once; [`Graph::closure`] then answers for each member. What is reached is followed
//! through dependencies of every kind and through other members. The digest covers all that the lockfile says of what is
//! reached, and to what each dependency leads, so that it changes with anything that could be installed or built otherwise.
//!
//! The rule is to refuse rather than to guess: a version, a section or a field that is not known here may lead to packages
//! in a way that is not known here either, and a digest that leaves them out would make a key that lies. Falling back to the
//! whole file would be safe too, but nobody would notice that nothing is narrowed any more; so it is an error.
//!
//! The readers work in bounded time and memory on any bytes, and recurse no deeper than the parsers do. They deliberately do
//! not know which files exist, nor what a command installs: whether one member's part is what a path depends on is for the
//! one who narrows to know.

mod cargo;
mod graph;
mod npm;
mod pnpm;
mod pnpm_keys;
mod value;

use std::path::Path;

pub use graph::{Closure, Graph};
pub(super) use pnpm_keys::linked;

use super::{LockfileError, text};

/// The lockfiles that can be narrowed to a member.
pub const NARROWED: [&str; 4] = ["Cargo.lock", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml"];

/// How a lockfile calls the members of its workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberNames {
    /// By the directory, relative to the lockfile's own, which is `.`.
    Directories,
    /// By the name of the package.
    Packages,
}

impl MemberNames {
    /// How the lockfile at this path does it; `None` when it cannot be narrowed. Only the last component counts.
    pub fn of(name: &Path) -> Option<Self> {
        match name.file_name()?.to_str()? {
            "Cargo.lock" => Some(Self::Packages),
            "package-lock.json" | "npm-shrinkwrap.json" | "pnpm-lock.yaml" => Some(Self::Directories),
            _ => None,
        }
    }
}

/// Why a lockfile cannot be narrowed, as the end of a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NarrowError {
    /// It cannot be read at all.
    #[error("cannot be narrowed: {0}")]
    Unread(#[from] LockfileError),
    /// Its name is not one of [`NARROWED`].
    #[error("cannot be narrowed: only {} can", NARROWED.join(", "))]
    Name,
    /// It holds something that is not known here.
    #[error("cannot be narrowed: {what}")]
    Unknown {
        /// What, as a clause.
        what: String,
    },
    /// It has no such member.
    #[error("has no member `{member}`")]
    NoMember {
        /// What was asked for.
        member: String,
    },
    /// It lacks a package that it needs itself.
    #[error("cannot be narrowed: `{from}` depends on `{dependency}`, which is not in it")]
    Incomplete {
        /// What depends.
        from: String,
        /// On what.
        dependency: String,
    },
}

impl NarrowError {
    fn unknown(what: impl AsRef<str>) -> Self {
        Self::Unknown { what: quoted(what.as_ref()) }
    }

    fn incomplete(from: &str, dependency: &str) -> Self {
        Self::Incomplete { from: quoted(from), dependency: quoted(dependency) }
    }
}

/// The beginning of a text, on one line: what is quoted may be as long as the lockfile.
fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// How much of a lockfile an error quotes at once, in characters.
const QUOTED: usize = 200;

impl Graph {
    /// Reads a lockfile; `name` may be a path.
    ///
    /// # Errors
    /// [`NarrowError`] for what is not a lockfile of its kind, and for one with anything that is not known here.
    pub fn read(name: &Path, bytes: &[u8]) -> Result<Self, NarrowError> {
        let reader = match name.file_name().and_then(|name| name.to_str()) {
            Some("Cargo.lock") => cargo::graph,
            Some("package-lock.json" | "npm-shrinkwrap.json") => npm::graph,
            Some("pnpm-lock.yaml") => pnpm::graph,
            _ => return Err(NarrowError::Name),
        };
        reader(text(bytes)?)
    }
}
