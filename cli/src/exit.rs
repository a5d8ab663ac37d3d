//! Exit codes: stable, documented in `docs/CLI.md`, and decided here alone.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done. Without `--require` this includes cache trouble, which is a miss with a reason.
    Success,
    /// 1: the answer is no. `verify` or `doctor` found damage, or `--require` was given and the cache was in trouble.
    Negative,
    /// 2: the command line, the environment or sci.toml asks for something that cannot be.
    Usage,
    /// 3: the store cannot be opened or did not answer, in a command whose work is the store.
    Store,
    /// 4: what was named (a path, a preset, a snapshot) does not exist.
    NotFound,
    /// 5: a local file could not be read or written.
    Local,
    /// 128 + *n*: signal *n* asked to stop, and what was under way was given up or completed.
    Interrupted(u8),
    /// The code of the command that `run` ran; 126, 127 and 128 + *n* as shells use them.
    Command(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Negative => 1,
            Self::Usage => 2,
            Self::Store => 3,
            Self::NotFound => 4,
            Self::Local => 5,
            Self::Interrupted(signal) => 128_u8.saturating_add(signal),
            Self::Command(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
