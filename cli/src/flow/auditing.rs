//! An audit: watches a command, and compares what it read with what is declared.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use sci_audit::{Reads, Scope, Unavailable, Watch};
use sci_hasher::InputClass;
use sci_planner::{Findings, Outcome, Outputs, Plan, PlannedPath};

use crate::audit::compare::{Declared, compare};
use crate::audit::report::AuditReport;
use crate::child::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::flow::planning;
use crate::output::format::counted;
use crate::store;
use crate::workspace::Workspace;

/// An audit of one command.
pub struct Audit(State);

enum State {
    Ready(Scope, Before),
    Watching(Watch, Before),
    /// The command runs, or ran, without.
    Unavailable(AuditReport),
}

/// What is declared, and what was there before the command.
struct Before {
    declared: Vec<Declared>,
    found: Findings,
    /// Instances that held something.
    held: Vec<String>,
}

impl Audit {
    /// Plans once more, right before the command: what is there now was there before it.
    pub fn prepare(context: &Context, workspace: &Workspace) -> Self {
        Self(match planning::make_finding(context, workspace) {
            Ok((plan, found)) => State::Ready(scope(context, workspace), Before::of(&plan, found)),
            Err(error) => return Self::unavailable(&error),
        })
    }

    /// None, for that reason.
    pub fn unavailable(why: &CliError) -> Self {
        Self(State::Unavailable(AuditReport::unavailable(why.message.clone(), why.hint.clone())))
    }

    /// Starts the command, and watches it if that is possible.
    ///
    /// # Errors
    /// The system's answer when the command cannot be started.
    pub fn start(self, command: &mut Command) -> (io::Result<Child>, Self) {
        let State::Ready(scope, before) = self.0 else { return (command.spawn(), self) };
        let (child, watch) = sci_audit::spawn(command, scope, sci_audit::standby());
        let unavailable = |why: Unavailable| AuditReport::unavailable(why.to_string(), why.hint().map(str::to_owned));
        let state = match watch {
            Ok(watch) => State::Watching(watch, before),
            Err(why) => State::Unavailable(unavailable(why)),
        };
        (child, Self(state))
    }

    /// Compares what the command has read; `None` when it never started.
    pub fn finish(self, ended: Ended) -> Option<AuditReport> {
        match self.0 {
            State::Ready(..) => None,
            State::Unavailable(report) => Some(report),
            State::Watching(watch, Before { declared, found, held }) => {
                let reads = watch.stop();
                let findings = compare(&declared, &reads, |path| found.kind(path));
                Some(AuditReport::found(findings, notes(&reads, &held, ended)))
            }
        }
    }
}

impl Before {
    fn of(plan: &Plan, found: Findings) -> Self {
        let held = plan.paths.iter().filter(|path| holds_something(path)).map(|path| path.instance.clone());
        Self { declared: declared(plan), found, held: held.collect() }
    }
}

/// What the findings do not tell.
fn notes(reads: &Reads, held: &[String], ended: Ended) -> Vec<String> {
    let mut notes = Vec::new();
    if ended.interrupted {
        notes.push("the command was interrupted: what it would have read is not told".to_owned());
    } else if ended.exit != Exit::Success {
        notes.push("the command failed: it may not have read all that it needs".to_owned());
    }
    if !held.is_empty() {
        let held = held.join(", ");
        notes.push(format!("{held} held something before: what a tool finds done it does not read for again"));
    }
    if let Some(why) = &reads.why {
        notes.push(format!("{} could not be looked at: {why}", counted(reads.unseen, "request")));
    }
    if reads.dropped > 0 {
        let dropped = counted(reads.dropped, "file");
        notes.push(format!("there was no room to remember all that was read: {dropped} more"));
    }
    notes
}

fn declared(plan: &Plan) -> Vec<Declared> {
    let is_file =
        |class: InputClass| matches!(class, InputClass::Configs | InputClass::Lockfiles | InputClass::Sources);
    let inputs = |path: &PlannedPath| match &path.outcome {
        Outcome::Keyed(keyed) => {
            let files = keyed.derivation.inputs().filter(|(class, ..)| is_file(*class));
            Ok(files.map(|(class, name, _)| (class, name.clone())).collect())
        }
        Outcome::Unkeyed { reason, .. } => Err(reason.clone()),
    };
    let of = |path: &PlannedPath| Declared {
        name: path.name.clone(),
        instance: path.instance.clone(),
        inputs: inputs(path),
    };
    plan.paths.iter().map(of).collect()
}

fn holds_something(path: &PlannedPath) -> bool {
    // A path may also be a single file.
    path.place.root.read_dir().map_or_else(|_| path.place.root.exists(), |mut entries| entries.next().is_some())
}

/// The workspace without what is no input: its paths, what is git's, what is sci's.
fn scope(context: &Context, workspace: &Workspace) -> Scope {
    let root = workspace.root.clone();
    let outputs = Outputs::of(&workspace.config);
    let state = context.state().ok().map(|state| state.directory().to_owned());
    let own = [state, store::directory(context, Some(workspace)).ok()].into_iter().flatten();
    let below = |directory: PathBuf| Some(sci_sys::places::resolved(&directory).strip_prefix(&root).ok()?.to_owned());
    let own: Vec<PathBuf> = own.filter_map(below).collect();
    let is_own = move |path: &Path| own.iter().any(|directory| path.starts_with(directory));
    let counts = Box::new(move |path: &[u8]| !outputs.hold(path) && !is_own(to_path(path)));
    let alias = context.environment.get("PWD").and_then(|shown| alias(Path::new(shown), context.start(), &root));
    Scope { alias, root, counts }
}

/// Where a shell that came through a link thinks that the workspace is: programs that ask it give such paths.
fn alias(shown: &Path, start: &Path, root: &Path) -> Option<PathBuf> {
    let below = start.strip_prefix(root).ok()?;
    let leads_here =
        shown.is_absolute() && shown != start && shown.ends_with(below) && shown.canonicalize().ok()? == start;
    leads_here.then(|| shown.ancestors().nth(below.components().count()).map(Path::to_owned)).flatten()
}

fn to_path(path: &[u8]) -> &Path {
    use sci_sys::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_uncertain_is_said() {
        let ended = |exit, interrupted| Ended { exit, interrupted };
        assert_eq!(notes(&Reads::default(), &[], ended(Exit::Success, false)), [""; 0]);
        let mut reads = Reads::default();
        (reads.unseen, reads.why, reads.dropped) = (2, Some("no leave".to_owned()), 1);
        let said = [
            "the command was interrupted: what it would have read is not told",
            "a, b held something before: what a tool finds done it does not read for again",
            "2 requests could not be looked at: no leave",
            "there was no room to remember all that was read: 1 file more",
        ];
        assert_eq!(notes(&reads, &["a".into(), "b".into()], ended(Exit::Command(130), true)), said);
        let failed = notes(&Reads::default(), &[], ended(Exit::Command(1), false));
        assert_eq!(failed, ["the command failed: it may not have read all that it needs"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_path_of_a_shell_is_another_one_to_the_workspace() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("ws/sub")).unwrap();
        std::os::unix::fs::symlink("ws", top.join("link")).unwrap();
        let of = |shown: &Path, start: &str| alias(shown, &top.join(start), &top.join("ws"));
        assert_eq!(of(&top.join("link"), "ws"), Some(top.join("link")));
        assert_eq!(of(&top.join("link/sub"), "ws/sub"), Some(top.join("link")));
        assert_eq!(of(&top.join("ws/sub"), "ws/sub"), None);
        assert_eq!(of(&top.join("link"), "ws/sub"), None);
        assert_eq!(of(Path::new("link"), "ws"), None);
    }
}
