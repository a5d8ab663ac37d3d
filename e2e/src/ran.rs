//! What a command did, and what `sci --json` said of it.

use std::collections::BTreeMap;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

/// A command that ended.
#[derive(Debug)]
pub struct Ran {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Wall-clock time.
    pub took: Duration,
}

impl Ran {
    pub(crate) fn new(line: String, output: &Output, took: Duration) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { line, code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr), took }
    }

    /// This, after checking that it succeeded.
    pub fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// The `result` of the JSON document.
    pub fn result(&self) -> Value {
        let document: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}"));
        document["result"].clone()
    }

    /// What was said of each path instance.
    pub fn paths(&self) -> BTreeMap<String, Value> {
        let result = self.result();
        let paths = result["paths"].as_array().unwrap_or_else(|| panic!("no paths\n{self}"));
        paths.iter().map(|path| (path["instance"].as_str().unwrap_or_default().to_owned(), path.clone())).collect()
    }

    /// One field of a path instance, as text.
    pub fn field(&self, instance: &str, field: &str) -> String {
        let paths = self.paths();
        let path = paths.get(instance).unwrap_or_else(|| panic!("nothing said of {instance}\n{self}"));
        path[field].as_str().unwrap_or_default().to_owned()
    }

    /// The verdict on a path instance: `exact`, `nearest` or `miss`.
    pub fn verdict(&self, instance: &str) -> String {
        self.field(instance, "verdict")
    }

    /// Checks the verdict on a path instance.
    pub fn expect_verdict(self, instance: &str, verdict: &str) -> Self {
        assert_eq!(self.verdict(instance), verdict, "the verdict on {instance}\n{self}");
        self
    }

    /// Checks what became of the save of a path instance.
    pub fn expect_outcome(self, instance: &str, outcome: &str) -> Self {
        assert_eq!(self.field(instance, "outcome"), outcome, "the outcome of {instance}\n{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, code, stdout, stderr, .. } = self;
        write!(f, "{line}\nexit code {code:?}\n── stdout\n{}\n── stderr\n{}", tail(stdout), tail(stderr))
    }
}

/// The last lines, so that a failure is readable.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
