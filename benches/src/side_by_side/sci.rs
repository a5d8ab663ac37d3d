//! The `sci` program: where it is, how it is called, and what it says it did.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::Failure;
use crate::measure::{Usage, pipeline, quietly};
use crate::tools::{bytes_below, root, wipe};

/// The workspace's declaration: one path, derived from one file.
const SCI_TOML: &str = "[path.tree]\npath = \"tree\"\nlockfiles = [\"state.lock\"]\n";

/// The built program.
#[derive(Debug)]
pub(crate) struct Sci {
    program: PathBuf,
}

/// A machine on which sci keeps one tree.
#[derive(Debug)]
pub(crate) struct Machine {
    sci: Sci,
    dir: PathBuf,
}

/// What sci did with the tree.
#[derive(Debug, Deserialize)]
pub(crate) struct Done {
    #[serde(alias = "verdict", alias = "outcome")]
    word: String,
    #[serde(default)]
    reason: String,
    work: Option<Work>,
}

#[derive(Debug, Default, Deserialize)]
struct Work {
    files: u64,
    bytes: u64,
    #[serde(default)]
    written: u64,
    #[serde(default)]
    removed: u64,
}

#[derive(Deserialize)]
struct Document {
    result: Outcomes,
}

#[derive(Deserialize)]
struct Outcomes {
    paths: Vec<Done>,
}

impl Sci {
    /// `SCI_BIN`, else the release build of this tree, brought up to date.
    ///
    /// # Errors
    /// When the program is missing or does not build.
    pub(crate) fn find(target: &Path) -> Result<Self, Failure> {
        if let Some(program) = std::env::var_os("SCI_BIN") {
            return Ok(Self { program: fs::canonicalize(&program).map_err(|error| format!("SCI_BIN: {error}"))? });
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let build = ["build", "--release", "--package", "sci", "--bin", "sci", "--target-dir"];
        quietly(Command::new(cargo).current_dir(root()).args(build).arg(target))?;
        Ok(Self { program: target.join("release/sci") })
    }
}

impl Machine {
    /// An empty machine that keeps everything in `dir`, which is there.
    ///
    /// # Errors
    /// When the workspace cannot be written.
    pub(crate) fn new(sci: Sci, dir: &Path) -> Result<Self, Failure> {
        let machine = Self { sci, dir: dir.to_path_buf() };
        for name in ["home", "work"] {
            fs::create_dir(dir.join(name))?;
        }
        fs::write(dir.join("work/sci.toml"), SCI_TOML)?;
        Ok(machine)
    }

    /// The tree that is saved and restored.
    pub(crate) fn tree(&self) -> PathBuf {
        self.dir.join("work/tree")
    }

    /// Sets what the tree is derived from.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn derive_from(&self, state: &str) -> Result<(), Failure> {
        Ok(fs::write(self.dir.join("work/state.lock"), state)?)
    }

    /// Bytes of all objects in the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn stored(&self) -> Result<u64, Failure> {
        Ok(bytes_below(&self.dir.join("store/objects"))?)
    }

    /// Removes the tree, the store and local state.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) fn wipe(&self) -> Result<(), Failure> {
        wipe(&self.tree())?;
        wipe(&self.dir.join("store"))?;
        self.forget()
    }

    /// Removes local state: the store is now met by a machine that was never here.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        Ok(wipe(&self.dir.join("state"))?)
    }

    /// Runs `sci COMMAND`, measured; it has to say `word` of the tree.
    ///
    /// # Errors
    /// When it fails, or did something else: figures of that would mean nothing.
    pub(crate) fn run(&self, command: &str, word: &str) -> Result<(Usage, Done), Failure> {
        let answer = self.dir.join("answer.json");
        let mut sci = Command::new(&self.sci.program);
        sci.current_dir(self.dir.join("work")).args(["--json", "--require", command]).stdout(File::create(&answer)?);
        sci.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        for (name, dir) in [("HOME", "home"), ("SCI_STORE", "store"), ("SCI_STATE", "state")] {
            sci.env(name, self.dir.join(dir));
        }
        let used = pipeline(vec![sci]).map_err(|error| {
            let said = fs::read_to_string(&answer).unwrap_or_default();
            format!("sci {command}: {error}\n{said}")
        })?;
        let document: Document = serde_json::from_slice(&fs::read(&answer)?)?;
        match document.result.paths.into_iter().next() {
            Some(done) if done.word == word => Ok((used, done)),
            Some(done) => Err(format!("sci {command} said {} instead of {word}: {}", done.word, done.reason).into()),
            None => Err(format!("sci {command} did nothing").into()),
        }
    }
}

impl Done {
    /// Entries that were written or removed.
    pub(crate) fn moved(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.written + work.removed)
    }

    /// Files of the tree, and their bytes.
    pub(crate) fn tree(&self) -> (u64, u64) {
        self.work.as_ref().map_or((0, 0), |work| (work.files, work.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_of_both_commands_are_read() {
        let read = |text: &str| serde_json::from_str::<Document>(text).unwrap().result.paths.remove(0);
        let restored = r#"{"schema": 1, "result": {"run": "x", "paths": [{"name": "tree", "verdict": "exact",
            "reason": "equal", "work": {"files": 5, "bytes": 9, "written": 3, "removed": 1, "seconds": 0.1}}]}}"#;
        let restored = read(restored);
        assert_eq!((restored.word.as_str(), restored.moved(), restored.tree()), ("exact", 4, (5, 9)));
        let saved = r#"{"result": {"paths": [{"outcome": "already-saved", "reason": "known"}]}}"#;
        let saved = read(saved);
        assert_eq!((saved.word.as_str(), saved.moved()), ("already-saved", 0));
    }
}
