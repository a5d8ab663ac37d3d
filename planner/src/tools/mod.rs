//! Declared tools: commands whose output names a version, run once per plan.
//!
//! Commands run without a shell, in the workspace, with exactly the host's environment. What they print is an input; what
//! they do is theirs, so a command that no built-in preset has runs only when it is approved.

mod child;
mod values;

pub(crate) use values::{NoValue, ToolValues};

/// Decides about commands that come from sci.toml and are no built-in preset's.
pub trait Approval: Sync {
    /// Whether `command` may run: its words, quoted where needed, separated by single spaces.
    fn approves(&self, command: &str) -> bool;

    /// How a person approves a command, as a hint.
    fn how(&self) -> String {
        "approve it on this machine, or run in CI".to_owned()
    }
}

impl<F: Fn(&str) -> bool + Sync> Approval for F {
    fn approves(&self, command: &str) -> bool {
        self(command)
    }
}
