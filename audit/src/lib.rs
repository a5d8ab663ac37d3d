//! Which files of a directory a command and the processes that it starts read, as the system is asked for them.
//!
//! [`spawn`] starts a command, and [`Watch::stop`] says what was read. On Linux the kernel tells of each file that is about
//! to be opened or executed (seccomp's user notification), and the answer is always that it may go on: this observes and
//! never decides. So it needs no privilege, sees statically linked programs, and exactly the processes of the command. What
//! only asks for a file's size or time, and what lies outside the directory, is not seen.
//!
//! This crate deliberately does not know sci.toml, inputs or plans, and prints nothing.

#[cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    allow(dead_code, reason = "what is not watched notes nothing")
)]
mod reads;
mod unavailable;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use linux::{Watch, spawn, stand_by, standby};

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod elsewhere;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub use elsewhere::{Watch, spawn, stand_by, standby};

pub use reads::{Age, Reads};
pub use unavailable::Unavailable;

use std::path::PathBuf;

/// Says of a path, relative to the directory, whether a file there counts.
pub type Counts = Box<dyn Fn(&[u8]) -> bool + Send>;

/// What is looked at.
pub struct Scope {
    /// The directory, canonical.
    pub root: PathBuf,
    /// Another absolute path that leads to it, if programs may use one.
    pub alias: Option<PathBuf>,
    /// What of it.
    pub counts: Counts,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("root", &self.root).field("alias", &self.alias).finish_non_exhaustive()
    }
}
