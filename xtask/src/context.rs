//! Where the tree, its build output and the tools installed for it are, and which packages the workspace has.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::shell::{self, Failure};

/// The directories of this checkout and what `cargo metadata` says of it.
pub(crate) struct Context {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever the user keeps it.
    pub(crate) target: PathBuf,
    /// The workspace's members.
    pub(crate) members: Vec<Member>,
}

/// One package of the workspace.
pub(crate) struct Member {
    /// The package's name.
    pub(crate) name: String,
    /// The directory of its manifest.
    pub(crate) dir: PathBuf,
    /// The names it depends on for its code, build scripts included; optional ones are marked.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One declared dependency.
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// Whether only tests use it.
    pub(crate) dev: bool,
    /// Whether a feature has to ask for it.
    pub(crate) optional: bool,
}

impl Context {
    /// Reads the workspace that this program was built from.
    ///
    /// # Errors
    /// When `cargo metadata` fails, for example because a manifest does not parse.
    pub(crate) fn new() -> Result<Self, Failure> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_dir.parent().ok_or("the xtask package has no parent directory")?.to_path_buf();
        let mut command = Command::new(cargo());
        command.args(["metadata", "--format-version=1", "--no-deps"]).current_dir(&root);
        let metadata: Value = serde_json::from_str(&shell::output(&mut command)?)?;
        let target = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?.into();
        let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
        let members = packages.iter().filter_map(member).collect();
        Ok(Self { root, target, members })
    }

    /// A `cargo` that works in the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(&self.root);
        command
    }

    /// Where tools are installed: removed by `cargo clean`, shared by every run in between.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }
}

/// The cargo that started this program.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn member(package: &Value) -> Option<Member> {
    let dir = Path::new(package["manifest_path"].as_str()?).parent()?.to_path_buf();
    let dependencies = package["dependencies"].as_array()?.iter().filter_map(dependency).collect();
    Some(Member { name: package["name"].as_str()?.to_owned(), dir, dependencies })
}

fn dependency(value: &Value) -> Option<Dependency> {
    Some(Dependency {
        name: value["name"].as_str()?.to_owned(),
        dev: value["kind"].as_str() == Some("dev"),
        optional: value["optional"].as_bool().unwrap_or(false),
    })
}
