//! A workspace, a store and a state directory of their own, and the built program run in them with an empty environment.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A workspace that is deleted at the end.
pub(crate) struct Sandbox {
    directory: tempfile::TempDir,
    environment: Vec<(OsString, OsString)>,
}

impl Sandbox {
    /// An empty workspace.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["ws", "home", "state"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let mut sandbox = Self { directory, environment: Vec::new() };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let top = sandbox.directory.path().to_owned();
        sandbox.set("PATH", path);
        sandbox.set("HOME", top.join("home"));
        sandbox.set("SCI_STATE", top.join("state"));
        sandbox
    }

    /// A workspace with one declared path, `out`, that is derived from a lockfile and sources.
    pub(crate) fn new() -> Self {
        let sandbox = Self::empty();
        sandbox.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"lock.txt\"]\nsources = [\"src/**\"]\n");
        sandbox.write("lock.txt", "one 1.0.0\n");
        sandbox.write("src/main.txt", "hello\n");
        sandbox
    }

    /// Sets a variable for every later command.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
    }

    /// Takes a variable out of the environment, and gives what it was.
    pub(crate) fn unset(&mut self, name: &str) -> String {
        let at = self.environment.iter().position(|(known, _)| known == name).expect("it is set");
        self.environment.remove(at).1.into_string().expect("it is text")
    }

    /// The workspace.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("ws")
    }

    /// A path in the workspace.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// A path beside the workspace.
    pub(crate) fn beside(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    /// Writes a file of the workspace.
    pub(crate) fn write(&self, relative: &str, content: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Reads a file of the workspace.
    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Removes a directory of the workspace.
    pub(crate) fn remove(&self, relative: &str) {
        std::fs::remove_dir_all(self.path(relative)).unwrap();
    }

    /// Runs `sci` in the workspace with the words of `line`, which hold no spaces of their own.
    pub(crate) fn sci(&self, line: &str) -> Ran {
        self.sci_in(&self.root(), &line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs `sci` in the workspace with `sh -c script` as its command.
    pub(crate) fn sci_run(&self, flags: &str, script: &str) -> Ran {
        let mut words = vec!["run"];
        words.extend(flags.split_whitespace());
        words.extend(["--", "sh", "-c", script]);
        self.sci_in(&self.root(), &words)
    }

    /// Runs `sci` in any directory.
    pub(crate) fn sci_in(&self, directory: &Path, words: &[&str]) -> Ran {
        self.ran(self.command(words).current_dir(directory)).unwrap()
    }

    /// Runs a command to its end.
    pub(crate) fn ran(&self, command: &mut Command) -> std::io::Result<Ran> {
        let output = command.output()?;
        Ok(Ran {
            code: output.status.code(),
            stdout: self.redact(&output.stdout),
            stderr: self.redact(&output.stderr),
            raw: String::from_utf8(output.stdout).unwrap(),
        })
    }

    /// `sci` in the workspace, not started yet.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_sci"));
        command.args(words);
        command
    }

    /// Any program in the workspace, not started yet.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.current_dir(self.root()).env_clear().envs(self.environment.iter().cloned());
        command
    }

    fn redact(&self, bytes: &[u8]) -> String {
        let canonical = self.directory.path().canonicalize().unwrap();
        let mut text = String::from_utf8(bytes.to_vec()).unwrap();
        for top in [canonical.as_path(), self.directory.path()] {
            text = text.replace(top.to_str().unwrap(), "[TOP]");
        }
        text
    }
}

/// What a command left on the screen.
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// Standard output, with the sandbox's directory as `[TOP]`.
    pub(crate) stdout: String,
    /// Standard error, the same.
    pub(crate) stderr: String,
    raw: String,
}

impl Ran {
    /// The JSON document on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.raw).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Standard output as it was.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// Asserts the exit code, showing everything if it is another.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code: {}", self.code.map_or("signal".to_owned(), |code| code.to_string()))?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "----- {name} -----\n{text}")?;
            }
        }
        Ok(())
    }
}

/// Compares what a command left on the screen with an inline snapshot; digests, times, sizes on disk and run ids are
/// redacted.
macro_rules! assert_screen {
    ($ran:expr, @$expected:literal) => {
        insta::with_settings!({filters => $crate::sandbox::FILTERS.to_vec()}, {
            insta::assert_snapshot!($ran.to_string(), @$expected);
        });
    };
}
pub(crate) use assert_screen;

/// What differs from run to run.
pub(crate) const FILTERS: &[(&str, &str)] = &[
    (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
    (r"\b[0-9a-f]{12}\b", "[ID]"),
    (r"(?m)^[0-9a-f]{16}\b", "[TOKEN]"),
    (r"local-\d{8}T\d{6}Z-[0-9a-f]{8}", "[RUN]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
    (r"\b\d+(\.\d+)? (ms|s)\b", "[SECONDS]"),
    (r" \([^()]*/s\)| \(-\)", ""),
    (r"[\d.]+ B stored|[\d.]+ KiB", "[SIZE]"),
    (r"objects, \d+ B (that|of)", "objects, [SIZE] $1"),
    (r"sci-[0-9a-f]{8}\b", "[KEY]"),
    (r"on x86_64", "on [ARCH]"),
    (r"arch  \w+", "arch  [ARCH]"),
    (r"libc  \w+", "libc  [LIBC]"),
    (r"\[KEY\]:[A-Za-z0-9+/]{43}=", "[KEY]:[PUBLIC]"),
    (r"embedded-[0-9a-f]{16}", "[STORE]"),
    (r"linux on \w+, \d+ threads?", "[MACHINE]"),
    (r"git version [\d.]+", "[GIT]"),
    (r"127\.0\.0\.1:\d+", "[HOST]"),
    (r"\(\d+ attempts\)", "([N] attempts)"),
    (r"os  \w+\n", "os  [OS]\n"),
    (r"token-[0-9a-f]{16}-\[RUN\]", "[TOKEN RUN]"),
    (r" +(\d+ B|\[SIZE\])  \[TOKEN RUN\]", "  [SIZE]  [TOKEN RUN]"),
    (r":\d{13}\b", ":[MILLIS]"),
];
