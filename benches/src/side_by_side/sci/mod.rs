//! The `sci` program: where it is, how it is called, and what it says it did.

mod sources;
mod trees;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Failure;
use crate::files::{bytes_below, copy, wipe};
use crate::measure::{Usage, pipeline, quietly};
use crate::tools::root;

pub(crate) use sources::{SCI_TOML as SOURCES_TOML, Sources};
pub(crate) use trees::Trees;

/// How it is called in tables.
pub(crate) const NAME: &str = "sci";

/// The built program.
#[derive(Debug, Clone)]
pub(crate) struct Sci {
    program: PathBuf,
}

/// A machine on which sci keeps what is in one workspace.
#[derive(Debug)]
struct Machine {
    sci: Sci,
    dir: PathBuf,
    workspace: PathBuf,
}

/// What sci did with the tree.
#[derive(Debug, Deserialize)]
struct Done {
    #[serde(alias = "verdict", alias = "outcome")]
    word: String,
    #[serde(default)]
    reason: String,
    work: Option<Work>,
}

#[derive(Debug, Default, Deserialize)]
struct Work {
    files: u64,
    #[serde(default)]
    written: u64,
    #[serde(default)]
    removed: u64,
}

#[derive(Deserialize)]
struct Document<T> {
    result: Outcomes<T>,
}

#[derive(Deserialize)]
struct Outcomes<T> {
    paths: Vec<T>,
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
    /// A machine that keeps everything but the workspace in `dir`, which is there.
    fn new(sci: Sci, dir: &Path, workspace: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(dir.join("home"))?;
        Ok(Self { sci, dir: dir.to_path_buf(), workspace: workspace.to_path_buf() })
    }

    fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Bytes of all objects in the store.
    fn stored(&self) -> Result<u64, Failure> {
        Ok(bytes_below(&self.store().join("objects"))?)
    }

    /// Remembers the store as it is.
    fn keep_store(&self) -> Result<(), Failure> {
        wipe(&self.dir.join("store-of-first"))?;
        copy(&[&self.store()], &self.dir.join("store-of-first"))
    }

    /// The store as it was remembered.
    fn reset_store(&self) -> Result<(), Failure> {
        wipe(&self.store())?;
        copy(&[&self.dir.join("store-of-first")], &self.store())
    }

    /// Removes local state: a machine that was never here.
    fn forget(&self) -> Result<(), Failure> {
        wipe(&self.dir.join("state"))
    }

    /// Runs `sci COMMAND`, measured, and reads its answer.
    fn run<T: DeserializeOwned>(&self, command: &str) -> Result<(Usage, T), Failure> {
        let answer = self.dir.join("answer.json");
        let mut sci = Command::new(&self.sci.program);
        sci.current_dir(&self.workspace).args(["--json", "--require", command]).stdout(File::create(&answer)?);
        sci.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        for (name, dir) in [("HOME", "home"), ("SCI_STORE", "store"), ("SCI_STATE", "state")] {
            sci.env(name, self.dir.join(dir));
        }
        let used = pipeline(vec![sci]).map_err(|error| {
            let said = fs::read_to_string(&answer).unwrap_or_default();
            format!("sci {command}: {error}\n{said}")
        })?;
        let document: Document<T> = serde_json::from_slice(&fs::read(&answer)?)?;
        let done = document.result.paths.into_iter().next().ok_or_else(|| format!("sci {command} did nothing"))?;
        Ok((used, done))
    }

    /// Runs `sci COMMAND`, measured; it has to say `word` of the tree.
    fn must(&self, command: &str, word: &str) -> Result<(Usage, Done), Failure> {
        let (used, done) = self.run::<Done>(command)?;
        if done.word != word {
            return Err(format!("sci {command} said {} instead of {word}: {}", done.word, done.reason).into());
        }
        Ok((used, done))
    }
}

/// A phase that did something else than it is called measured nothing.
fn expect(what: &str, holds: bool) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("sci: does not hold: {what}").into()) }
}

impl Done {
    /// Entries that were written or removed.
    fn moved(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.written + work.removed)
    }

    /// Files of the tree.
    fn files(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_of_both_commands_are_read() {
        let read = |text: &str| serde_json::from_str::<Document<Done>>(text).unwrap().result.paths.remove(0);
        let restored = r#"{"schema": 1, "result": {"run": "x", "paths": [{"name": "tree", "verdict": "exact",
            "reason": "equal", "work": {"files": 5, "bytes": 9, "written": 3, "removed": 1, "seconds": 0.1}}]}}"#;
        let restored = read(restored);
        assert_eq!((restored.word.as_str(), restored.moved(), restored.files()), ("exact", 4, 5));
        let saved = r#"{"result": {"paths": [{"outcome": "already-saved", "reason": "known"}]}}"#;
        let saved = read(saved);
        assert_eq!((saved.word.as_str(), saved.moved()), ("already-saved", 0));
    }
}
