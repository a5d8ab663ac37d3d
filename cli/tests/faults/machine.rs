//! A machine for one test: workspace, home, local state and store, in one place that can be put back as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::tree::{copy, listing, remove};

const CONFIG: &str = "[store]\nproject = \"faults\"\n\n[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n\
                      sources = [\"src/**\"]\nreplay = true\n";

/// Everything that `sci` can reach; removed when dropped.
pub(crate) struct Machine {
    top: TempDir,
}

impl Machine {
    /// A machine with a workspace that declares one path, `out`.
    pub(crate) fn new() -> Self {
        // Where nothing waits for a disk: what a power cut leaves is not the question here.
        let memory = Path::new("/dev/shm");
        let top = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let machine = Self { top: top.unwrap() };
        for name in ["ws/src", "ws/beside", "home"] {
            fs::create_dir_all(machine.at(name)).unwrap();
        }
        fs::write(machine.at("home/file"), "x").unwrap();
        for (name, content) in
            [("sci.toml", CONFIG), ("src/a", "one"), ("src/b", "two"), ("lock", "a"), ("beside/file", "x")]
        {
            machine.write(name, content);
        }
        machine
    }

    /// A place on the machine.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.top.path().join("machine").join(name)
    }

    /// The path that is saved and restored.
    pub(crate) fn out(&self) -> PathBuf {
        self.at("ws/out")
    }

    /// Writes a file of the workspace.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.at("ws").join(name), content).unwrap();
    }

    /// Keeps a copy of everything, to which [`Machine::reset`] goes back.
    pub(crate) fn keep(&self) {
        copy(&self.at(""), &self.top.path().join("kept"));
    }

    /// Puts everything back as it was when it was kept, in the same place.
    pub(crate) fn reset(&self) {
        remove(&self.at(""));
        copy(&self.top.path().join("kept"), &self.at(""));
    }

    /// Everything there is.
    pub(crate) fn everything(&self) -> Vec<String> {
        listing(&self.at(""))
    }

    /// `sci` in the workspace, with an environment that holds nothing else, not started yet.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sci"));
        command.arg("--json").args(words).current_dir(self.at("ws")).stdin(Stdio::null());
        // No git: what it would say of a directory that is no repository is nothing.
        let places = [("HOME", "home"), ("SCI_STATE", "state"), ("SCI_STORE", "store"), ("PATH", "no-programs")];
        command.env_clear().envs(places.map(|(name, place)| (name, self.at(place))));
        command
    }

    /// Runs `sci`, which has to succeed, and gives the result of its document.
    #[track_caller]
    pub(crate) fn sci(&self, words: &[&str]) -> Value {
        let ran = Ran::new(self.command(words).output().unwrap());
        assert_eq!(ran.code, Some(0), "sci {}: {ran:?}", words.join(" "));
        ran.result()
    }

    /// What is beside the path: everything in home and workspace, but for staging directories; of the workspace, whose mtimes
    /// are replayed, the names and contents.
    pub(crate) fn beside(&self) -> Vec<String> {
        let read = |name: &str| format!("{name}: {}", fs::read_to_string(self.at("ws").join(name)).unwrap());
        let mut lines: Vec<String> = ["sci.toml", "lock", "src/a", "src/b", "beside/file"].map(read).to_vec();
        lines.extend(listing(&self.at("home")));
        let names =
            |name| fs::read_dir(self.at(name)).unwrap().map(|entry| entry.unwrap().path().display().to_string());
        let out = self.out().display().to_string();
        let all = ["ws", "ws/src", "ws/beside"].into_iter().flat_map(names);
        lines.extend(all.filter(|name| *name != out && !name.contains(".sci-stage")));
        lines.sort();
        lines
    }

    /// Staging directories, and files that a process made only to put them somewhere else. Two kinds are none: objects on
    /// their way to the store, which go by their age, and `.partial` files of the local state, which the next attempt
    /// writes over.
    pub(crate) fn left_over(&self) -> Vec<PathBuf> {
        let is_left_over = |path: &Path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let known = ["sci-store.json", "sci-store.lock", "sci.toml", "signing-key.json"];
            let rewritten = path.starts_with(self.at("state")) && name.ends_with(".partial");
            let index = name.starts_with("index.sqlite");
            name.contains('.') && !known.contains(&name.as_str()) && !rewritten && !index
        };
        let mut found = Vec::new();
        let mut left: Vec<PathBuf> = ["ws", "home", "state", "store"].map(|name| self.at(name)).to_vec();
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() && path != self.at("store/objects") && path != self.at("store/incoming") {
                    left.push(path.clone());
                }
                if is_left_over(&path) {
                    found.push(path);
                }
            }
        }
        found
    }

    /// How many objects are stored.
    pub(crate) fn objects(&self) -> usize {
        let below =
            |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
        below(self.at("store/objects")).flat_map(below).flat_map(below).count()
    }
}

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The `result` of the document on stdout.
    pub(crate) fn result(&self) -> Value {
        self.document()["result"].take()
    }

    /// The `error` of the document on stdout.
    pub(crate) fn error(&self) -> Value {
        self.document()["error"].take()
    }

    fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
