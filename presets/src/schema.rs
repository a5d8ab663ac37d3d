//! The schema of a preset. sci.toml has the same fields.

use std::collections::BTreeMap;
use std::fmt;

use sci_hasher::InputClass;
use serde::{Deserialize, Serialize};

use crate::{Check, Elsewhere, Members, Prune, RestorePolicy, SavePolicy, Shared};

/// What one ecosystem keeps on disk, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Preset {
    /// The name that sci.toml's `presets` list uses.
    pub name: String,
    /// Joins every key made with this preset; raised when a path's definition changes meaning.
    pub version: u32,
    /// One line for a listing.
    pub summary: String,
    /// Files, any one of which in a directory means that the ecosystem is used there.
    pub detect: Vec<Sign>,
    /// A file that no part of a project has: where it lies below a project of the ecosystem, another one begins, with paths of its
    /// own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_file: Option<String>,
    /// What a workflow does around the restore.
    #[serde(default, skip_serializing_if = "Workflow::is_empty")]
    pub workflow: Workflow,
    /// The workspace paths, by name.
    #[serde(rename = "path")]
    pub paths: BTreeMap<String, PathSpec>,
}

/// What a job does on a fresh machine, as `sci init --workflow` writes it: lines for a shell, in the project's directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// What it needs before the restore, which asks the tools for their versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<String>,
    /// What fills the paths, after the restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Why `run` is not what somebody may expect, for a remark above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

impl Workflow {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A file that speaks for an ecosystem.
///
/// Written as the file's name, or as a table: `{ file = "yarn.lock", contains = "__metadata:" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SignForm", into = "SignForm")]
pub struct Sign {
    /// The file's name, or its path below the project; one `*` in the last component stands for any text.
    pub file: String,
    /// What a line near the file's beginning begins with, where two ecosystems use the same name.
    pub contains: Option<String>,
    /// Words that stand anywhere near the file's beginning, where the file alone says too little.
    pub mentions: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SignForm {
    Text(String),
    Table(SignTable),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignTable {
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contains: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mentions: Option<String>,
}

impl From<SignForm> for Sign {
    fn from(form: SignForm) -> Self {
        match form {
            SignForm::Text(file) => Self { file, contains: None, mentions: None },
            SignForm::Table(SignTable { file, contains, mentions }) => Self { file, contains, mentions },
        }
    }
}

impl From<Sign> for SignForm {
    fn from(Sign { file, contains, mentions }: Sign) -> Self {
        match (&contains, &mentions) {
            (None, None) => Self::Text(file),
            _ => Self::Table(SignTable { file, contains, mentions }),
        }
    }
}

/// One workspace path: what is kept, what it is derived from, and the policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PathSpec {
    /// Where it is: relative to the workspace, or below the home directory when it starts with `~/`.
    ///
    /// A path with a glob stands for one *instance* per directory, each with its own inputs and key. The patterns of
    /// such a path are relative to the directory that holds the instance (see [`Search`]); those of any other path are
    /// relative to the workspace.
    pub path: String,
    /// Where its tool keeps it instead: a path below the home directory is there, and called by `path` all the same; one in the
    /// workspace has no key then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
    /// What the path is, for a person.
    pub why: String,
    /// For a path with a glob: what an instance belongs beside. An instance is thus known on a machine where it does not
    /// exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// For a path with a glob: which of the directories have an instance.
    #[serde(default, skip_serializing_if = "names_any")]
    pub members: Members,
    /// Configuration files.
    #[serde(default)]
    pub configs: Vec<Pattern>,
    /// Lockfiles.
    #[serde(default)]
    pub lockfiles: Vec<Pattern>,
    /// Source files.
    #[serde(default)]
    pub sources: Vec<Pattern>,
    /// Environment variables.
    #[serde(default)]
    pub env: Vec<EnvVar>,
    /// Commands whose output names the version of a tool; split into words without a shell.
    #[serde(default)]
    pub tools: Vec<String>,
    /// What inside the path is not kept: globs relative to the path.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Names of the paths that this one is derived from.
    #[serde(default)]
    pub after: Vec<String>,
    /// Whether every input pattern may match nothing.
    #[serde(default)]
    pub optional: bool,
    /// Which snapshots may be restored.
    #[serde(default)]
    pub restore: RestorePolicy,
    /// The lowest class up to which a nearest snapshot must agree.
    #[serde(default = "tools", rename = "match")]
    pub matching: InputClass,
    /// When the path is saved.
    #[serde(default)]
    pub save: SavePolicy,
    /// Whether the absolute path of the workspace joins `system`, because the content names it.
    #[serde(default)]
    pub absolute_root: bool,
    /// Whether the release of the operating system joins `system`, because the content holds what was linked with its libraries.
    #[serde(default)]
    pub system_release: bool,
    /// Whether sources get back the mtimes they had before the restored build, because the tool compares mtimes.
    #[serde(default)]
    pub replay: bool,
    /// How to prove that the content is current for the lockfiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// For a path below the home directory: what of it belongs to this workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// What a save leaves out, because the build no longer uses it.
    #[serde(default, skip_serializing_if = "keeps_all")]
    pub prune: Prune,
    /// Why the fields are what they are, by field name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub because: BTreeMap<String, String>,
}

const fn tools() -> InputClass {
    InputClass::Tools
}

fn names_any(members: &Members) -> bool {
    *members == Members::Any
}

fn keeps_all(prune: &Prune) -> bool {
    *prune == Prune::Never
}

impl PathSpec {
    /// Whether the path stands for one instance per directory.
    pub fn is_per_directory(&self) -> bool {
        self.path.contains(['*', '?', '[', '{'])
    }

    /// Whether the path is below the home directory.
    pub fn is_home(&self) -> bool {
        self.path.starts_with("~/")
    }
}

/// The file that marks a directory which has an instance, or several of which any one does.
///
/// Written as text, or as a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BesideForm", into = "BesideForm")]
pub struct Beside(pub Vec<String>);

/// As a person says it: `a`, or `a or b`.
impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" or "))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BesideForm {
    Text(String),
    List(Vec<String>),
}

impl From<BesideForm> for Beside {
    fn from(form: BesideForm) -> Self {
        match form {
            BesideForm::Text(file) => Self(vec![file]),
            BesideForm::List(files) => Self(files),
        }
    }
}

impl From<Beside> for BesideForm {
    fn from(Beside(mut files): Beside) -> Self {
        match files.len() {
            1 => Self::Text(files.remove(0)),
            _ => Self::List(files),
        }
    }
}

/// A pattern of input files: a gitignore-like glob, `!` in front to take files out again.
///
/// Written as text, or as a table: `{ pattern = ".npmrc", search = "ancestors", optional = true }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PatternForm", into = "PatternForm")]
pub struct Pattern {
    /// The glob, without `!`.
    pub glob: String,
    /// Whether the glob takes files out that an earlier pattern took in.
    pub negated: bool,
    /// Whether the pattern may match nothing.
    pub optional: bool,
    /// Where a per-directory path looks for it.
    pub search: Search,
}

impl Pattern {
    /// Reads the text form; not optional, searched for [`Search::Here`].
    pub fn parse(text: &str) -> Self {
        let (negated, glob) = match text.strip_prefix('!') {
            Some(glob) => (true, glob),
            None => (false, text),
        };
        Self { glob: glob.to_owned(), negated, optional: negated, search: Search::Here }
    }
}

/// The text form, as in sci.toml.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "!" } else { "" }, self.glob)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PatternForm {
    Text(String),
    Table(PatternTable),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternTable {
    pattern: String,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    search: Search,
}

impl From<PatternForm> for Pattern {
    fn from(form: PatternForm) -> Self {
        match form {
            PatternForm::Text(text) => Self::parse(&text),
            PatternForm::Table(table) => {
                let parsed = Self::parse(&table.pattern);
                Self { optional: table.optional || parsed.optional, search: table.search, ..parsed }
            }
        }
    }
}

impl From<Pattern> for PatternForm {
    fn from(pattern: Pattern) -> Self {
        if pattern.search == Search::Here && pattern.optional == pattern.negated {
            return Self::Text(pattern.to_string());
        }
        let text = pattern.to_string();
        Self::Table(PatternTable { pattern: text, optional: pattern.optional, search: pattern.search })
    }
}

/// Where a per-directory path looks for an input. Paths without a glob look in the workspace, whatever this says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// In the directory that holds the instance.
    #[default]
    Here,
    /// There, else in the nearest directory above it, up to the workspace: the first that matches counts.
    Nearest,
    /// There and in every directory above it, up to the workspace: all that match count.
    Ancestors,
}

/// An environment variable, or several by a glob such as `CARGO_PROFILE_*`.
///
/// Written as text, or as a table: `{ name = "RUSTFLAGS", show = true }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EnvForm", into = "EnvForm")]
pub struct EnvVar {
    /// The name or the glob.
    pub name: String,
    /// Whether explain may show the value; otherwise only its digest is kept.
    pub show: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum EnvForm {
    Text(String),
    Table(EnvTable),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvTable {
    name: String,
    #[serde(default)]
    show: bool,
}

impl From<EnvForm> for EnvVar {
    fn from(form: EnvForm) -> Self {
        match form {
            EnvForm::Text(name) => Self { name, show: false },
            EnvForm::Table(EnvTable { name, show }) => Self { name, show },
        }
    }
}

impl From<EnvVar> for EnvForm {
    fn from(EnvVar { name, show }: EnvVar) -> Self {
        if show { Self::Table(EnvTable { name, show }) } else { Self::Text(name) }
    }
}
