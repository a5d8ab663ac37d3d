//! The values that sci.toml and the presets declare, checked and merged.

use std::path::PathBuf;

use sci_hasher::InputClass;
use sci_presets::{Beside, Check, Elsewhere, Members, Prune, RestorePolicy, SavePolicy, Shared};

use super::{DeclaredPath, Located, Source};
use crate::inputs::InputPattern;

/// A checked sci.toml.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory that holds sci.toml.
    pub workspace: PathBuf,
    /// The text, for errors that planning finds later.
    pub source: Source,
    /// `[store]`.
    pub store: StoreConfig,
    /// `presets`, in the order of the file.
    pub presets: Vec<Located<String>>,
    /// `variant`.
    pub variant: Option<String>,
    /// `text`.
    pub text: TextMode,
    /// Every declared path, by name; an upstream stands before what comes `after` it.
    pub paths: Vec<Declaration>,
}

/// How the lines of input files count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TextMode {
    /// As every other byte.
    #[default]
    Bytes,
    /// The same with either line ending, in files that are text by git's rules.
    Auto,
}

/// `[store]`: where snapshots are kept. All absent: the embedded store under the user's cache directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreConfig {
    /// The backend's URL.
    pub url: Option<Located<String>>,
    /// The keys that records may be signed with, `name:base64`.
    pub trusted_public_keys: Vec<Located<String>>,
    /// The repository as a remote store knows it.
    pub repository: Option<Located<String>>,
    /// The project that an embedded store files this workspace under, instead of its canonical path.
    pub project: Option<String>,
    /// The directory of the embedded store.
    pub path: Option<String>,
}

/// Where a declaration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A `[path.…]` table alone.
    Workspace,
    /// A built-in preset, perhaps overridden by a `[path.…]` table.
    Preset {
        /// The preset's name.
        name: String,
        /// Its version, which joins the key.
        version: u32,
    },
}

/// One declared path.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The name, at its place.
    pub name: Located<String>,
    /// Who declares it.
    pub origin: Origin,
    /// `path`.
    pub path: Located<DeclaredPath>,
    /// Where the tool keeps it instead, by the preset. Who says in sci.toml where it is means that place.
    pub elsewhere: Vec<Elsewhere>,
    /// `beside`: the file that marks a directory which has an instance.
    pub beside: Option<Beside>,
    /// `configs`.
    pub configs: Vec<InputPattern>,
    /// `lockfiles`.
    pub lockfiles: Vec<InputPattern>,
    /// `sources`.
    pub sources: Vec<InputPattern>,
    /// `env`.
    pub env: Vec<EnvInput>,
    /// `tools`.
    pub tools: Vec<ToolInput>,
    /// `exclude`, sorted.
    pub exclude: Vec<String>,
    /// `after`: names of other declarations.
    pub after: Vec<Located<String>>,
    /// `optional`: whether there may be no instance, and every pattern may match nothing.
    pub optional: bool,
    /// `restore`.
    pub restore: RestorePolicy,
    /// `match`.
    pub matching: InputClass,
    /// `save`.
    pub save: SavePolicy,
    /// `replay`.
    pub replay: bool,
    /// `absolute-root`.
    pub absolute_root: bool,
    /// `system-release`.
    pub system_release: bool,
    /// `check`.
    pub check: Option<Check>,
    /// `shared`.
    pub shared: Option<Shared>,
    /// `members`: which of the directories have an instance.
    pub members: Members,
    /// `prune`.
    pub prune: Prune,
}

impl Declaration {
    /// Whether nothing is declared that the path could be derived from: then its key tells systems apart, and nothing else.
    pub const fn has_no_inputs(&self) -> bool {
        let no_files = self.configs.is_empty() && self.lockfiles.is_empty() && self.sources.is_empty();
        no_files && self.env.is_empty() && self.tools.is_empty() && self.after.is_empty()
    }

    /// The patterns of one class of files; empty for the other classes.
    pub fn patterns(&self, class: InputClass) -> &[InputPattern] {
        match class {
            InputClass::Configs => &self.configs,
            InputClass::Lockfiles => &self.lockfiles,
            InputClass::Sources => &self.sources,
            _ => &[],
        }
    }
}

/// One entry of `tools`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolInput {
    /// The command line as it was written, which names the input.
    pub command: Located<String>,
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// One entry of `env`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvInput {
    /// A variable's name, or a glob over names.
    pub name: Located<String>,
    /// Whether explain may show the value.
    pub show: bool,
}
