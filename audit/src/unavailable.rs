//! Why a command runs without being watched.

use std::io;

/// Why a command runs without being watched.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// Nothing here knows how, on this system.
    #[error("it is made for Linux on x86-64 and aarch64")]
    System,
    /// Only one can watch a process.
    #[error("this process is itself watched already")]
    Watched,
    /// The system has no user notification, or does not grant it.
    #[error("the system does not grant seccomp's user notification: {0}")]
    Refused(io::Error),
    /// The directory cannot be opened.
    #[error("the workspace cannot be opened: {0}")]
    Root(io::Error),
    /// What should answer for us once we are gone cannot be started.
    #[error("the process that stands by cannot be started: {0}")]
    Standby(io::Error),
}

impl Unavailable {
    /// What to do about it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Watched => Some("an audit cannot run inside another one: leave one of them out"),
            Self::Refused(_) => Some(
                "it takes Linux 5.8 or later, and in a container a runtime and a profile that allow seccomp(2), as Docker's do",
            ),
            Self::System | Self::Root(_) | Self::Standby(_) => None,
        }
    }
}
