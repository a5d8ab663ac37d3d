//! Which tool commands of sci.toml may run on this machine.
//!
//! sci.toml comes with the checkout, so a command in it is somebody else's word. It runs after a local approval of its
//! exact text, or in CI, where the workflow runs the checkout's code anyway.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::state::atomic;

/// The approved commands of one workspace: one a line, as written in sci.toml.
#[derive(Debug, Clone)]
pub struct Approvals {
    file: PathBuf,
    commands: BTreeSet<String>,
    everything: bool,
}

impl Approvals {
    /// Reads the file; one that is absent or unreadable approves nothing. `everything` is for CI.
    pub fn read(file: &Path, everything: bool) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let commands = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Self { file: file.to_owned(), commands, everything }
    }

    /// True when the command may run.
    pub fn allows(&self, command: &str) -> bool {
        self.everything || self.commands.contains(command)
    }

    /// Approves commands and writes the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn approve(&mut self, commands: impl IntoIterator<Item = String>) -> Result<()> {
        self.commands.extend(commands.into_iter().filter(|command| !command.contains('\n')));
        let text: String = self.commands.iter().map(|command| format!("{command}\n")).collect();
        atomic::write(&self.file, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_text_is_approved() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("approved-tools");
        let mut approvals = Approvals::read(&file, false);
        assert!(!approvals.allows("tool --version"));
        approvals.approve(["tool --version".to_owned()]).unwrap();
        let read = Approvals::read(&file, false);
        assert!(read.allows("tool --version"));
        assert!(!read.allows("tool --version --more"));
        assert!(Approvals::read(&file, true).allows("anything"));
    }
}
