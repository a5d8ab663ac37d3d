//! What is known of a workspace without asking any store: its paths, what the last restore and save made of them, and what
//! has changed since.

use std::path::PathBuf;

use sci_hasher::Digest;
use sci_planner::PlannedPath;
use sci_presets::{Proof, prove_current};
use sci_store_api::SnapshotId;
use serde::Serialize;

use crate::context::Context;
use crate::error::Result;
use crate::flow::planning;
use crate::flow::report::Word;
use crate::output::Text;
use crate::output::format::safe;
use crate::state::before::{Before, BeforePath};
use crate::workspace::Workspace;

/// A workspace.
#[derive(Debug, Clone, Serialize)]
pub struct Local {
    /// The directory that holds sci.toml.
    pub workspace: PathBuf,
    /// Its path instances, in the order of the plan.
    pub paths: Vec<LocalPath>,
}

/// One path instance.
#[derive(Debug, Clone, Serialize)]
pub struct LocalPath {
    /// The name in sci.toml.
    pub name: String,
    /// The instance.
    pub instance: String,
    /// The key by its present inputs; absent when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unkeyed: Option<String>,
    /// The verdict of the last restore; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Word>,
    /// The snapshot that was restored, or saved since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
    /// Whether that snapshot was saved after the restore.
    pub saved: bool,
    /// Whether the inputs are what they were when it was planned for that restore.
    pub inputs: Inputs,
    /// What stands there.
    pub tree: Tree,
    /// Why it is said to be that; absent when there is nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How the present inputs compare with those of the last restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    /// The key is the same.
    Same,
    /// The key is another.
    Changed,
    /// There was no restore, or no key then or now.
    Unknown,
}

/// What is in a path's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tree {
    /// Nothing.
    Absent,
    /// What its lockfiles ask for, by the path's check.
    Current,
    /// Something else than they ask for.
    Stale,
    /// Something, of which nothing proves that it is current.
    Present,
}

impl Inputs {
    /// The word for it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Unknown => "-",
        }
    }
}

impl Tree {
    /// The word for it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Current => "current",
            Self::Stale => "stale",
            Self::Present => "present",
        }
    }
}

/// Looks at a workspace; makes a plan, and remembers digests for the next one.
///
/// # Errors
/// [`Kind::Config`](crate::error::Kind::Config) with everything that is wrong with sci.toml;
/// [`Kind::Local`](crate::error::Kind::Local) when the workspace cannot be read.
pub fn look(context: &mut Context, workspace: &Workspace) -> Result<Local> {
    let plan = planning::make(context, workspace)?;
    let before = Before::read(&workspace.state.before());
    let paths = plan.paths.iter().map(|path| {
        let noted = before.as_ref().and_then(|before| before.path(&path.name, &path.instance));
        local_path(workspace, path, noted)
    });
    Ok(Local { workspace: workspace.root.clone(), paths: paths.collect() })
}

fn local_path(workspace: &Workspace, path: &PlannedPath, before: Option<&BeforePath>) -> LocalPath {
    let (key, unkeyed) = match &path.outcome {
        sci_planner::Outcome::Keyed(keyed) => (Some(keyed.key()), None),
        sci_planner::Outcome::Unkeyed { reason, .. } => (None, Some(reason.clone())),
    };
    let planned = before.and_then(|before| before.ladder).map(|ladder| ladder.key());
    let stands = before.and_then(|before| before.restored);
    let (tree, reason) = tree(workspace, path);
    LocalPath {
        name: path.name.clone(),
        instance: path.instance.clone(),
        key,
        unkeyed,
        verdict: before.and_then(|before| before.verdict),
        snapshot: stands.map(|(snapshot, _)| snapshot),
        saved: stands.is_some() && stands != before.and_then(|before| before.served),
        inputs: match (key, planned) {
            (Some(key), Some(planned)) if key == planned => Inputs::Same,
            (Some(_), Some(_)) => Inputs::Changed,
            _ => Inputs::Unknown,
        },
        tree,
        reason,
    }
}

/// What stands there, by the same check as a save makes.
fn tree(workspace: &Workspace, path: &PlannedPath) -> (Tree, Option<String>) {
    if path.place.root.symlink_metadata().is_err() {
        return (Tree::Absent, None);
    }
    let Some(check) = path.policy.check else { return (Tree::Present, None) };
    match prove_current(check, &workspace.root, &path.place.root, &path.policy.lockfiles) {
        Proof::Current => (Tree::Current, None),
        Proof::NotCurrent { why } => (Tree::Stale, Some(why)),
        Proof::Unknown { why } => (Tree::Present, Some(why)),
    }
}

impl LocalPath {
    /// Writes the human lines.
    pub fn render(&self, text: &mut Text) {
        let style = text.style;
        let name = style.name.paint(safe(&self.instance)).to_string();
        let called = if self.name == self.instance { String::new() } else { format!("  ({})", safe(&self.name)) };
        text.line(format_args!("{name}{called}"));
        match (&self.key, &self.unkeyed) {
            (Some(key), _) => text.field("key now", format_args!("{}{}", key.short(), self.inputs_note())),
            (None, reason) => {
                text.field("key now", format_args!("none: {}", safe(reason.as_deref().unwrap_or_default())))
            }
        };
        match self.verdict {
            Some(verdict) => text.field("restored", verdict.paint(style).paint(verdict.text())),
            None => text.field("restored", "not since it was planned"),
        };
        if let Some(snapshot) = self.snapshot {
            let since = if self.saved { "  saved since the restore" } else { "" };
            text.field("snapshot", format_args!("{}{since}", snapshot.short()));
        }
        let why = self.reason.as_ref().map(|why| format!(": {}", safe(why))).unwrap_or_default();
        text.field("tree", format_args!("{}{why}", self.tree.text()));
    }

    const fn inputs_note(&self) -> &'static str {
        match self.inputs {
            Inputs::Same => "  the same as at the last restore",
            Inputs::Changed => "  changed since the last restore",
            Inputs::Unknown => "",
        }
    }
}
