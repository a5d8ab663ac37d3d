//! What git knows of the checkout: the commits before it, for choosing the nearest snapshot.

use std::path::Path;
use std::process::{Command, Stdio};

use sci_store_api::resolve::MAX_ANCESTORS;

/// The commit of the checkout and those before it, newest first. Empty without git, without a repository, or without a
/// commit: ancestors only rank candidates that are otherwise alike.
pub fn ancestors(root: &Path) -> Vec<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(["rev-list"]);
    command.arg(format!("--max-count={MAX_ANCESTORS}")).arg("HEAD");
    // Asked about this directory, not about the repository that a hook's environment names.
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").stdin(Stdio::null()).stderr(Stdio::null());
    let Ok(output) = command.output() else { return Vec::new() };
    if !output.status.success() {
        return Vec::new();
    }
    let is_commit = |line: &&str| matches!(line.len(), 40 | 64) && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    String::from_utf8_lossy(&output.stdout).lines().filter(is_commit).map(str::to_owned).collect()
}

/// The version that git says it has.
pub fn version() -> Option<String> {
    let output = Command::new("git").arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
