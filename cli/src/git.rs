//! What git knows of the checkout: the commits before it, for choosing the nearest snapshot, and what is its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use sci_store_api::resolve::MAX_ANCESTORS;

/// A question to git, which it answers while something else is done.
#[derive(Debug)]
pub struct Ancestors(Option<Child>);

impl Ancestors {
    /// Asks for the commit of the checkout and those before it, newest first.
    ///
    /// Asked about this directory, not about the repository that a hook's environment names; and not at all where there
    /// cannot be one.
    pub fn ask(root: &Path) -> Self {
        if !root.ancestors().any(is_repository) {
            return Self(None);
        }
        let mut command = Command::new("git");
        command.arg("-C").arg(root).args(["rev-list"]);
        command.arg(format!("--max-count={MAX_ANCESTORS}")).arg("HEAD");
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().ok())
    }

    /// The answer. Empty without git, without a repository, or without a commit: ancestors only rank candidates that are
    /// otherwise alike.
    pub fn answer(mut self) -> Vec<String> {
        let Some(Ok(output)) = self.0.take().map(Child::wait_with_output) else { return Vec::new() };
        if !output.status.success() {
            return Vec::new();
        }
        let is_commit =
            |line: &&str| matches!(line.len(), 40 | 64) && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        String::from_utf8_lossy(&output.stdout).lines().filter(is_commit).map(str::to_owned).collect()
    }
}

impl Drop for Ancestors {
    fn drop(&mut self) {
        // Whoever did not wait for the answer has failed meanwhile; the process must not outlive that.
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether git could take the directory for a checkout, a linked one, or a bare repository.
fn is_repository(directory: &Path) -> bool {
    [".git", "HEAD"].iter().any(|name| directory.join(name).symlink_metadata().is_ok())
}

/// Whether something at `path` is committed or to be; `None` where git cannot say. The repository that is asked is the innermost
/// around it, which may be a submodule's.
pub fn tracks(path: &Path) -> Option<bool> {
    // A repository of its own is somebody's work.
    if path.join(".git").symlink_metadata().is_ok() {
        return Some(true);
    }
    tracked(path).map(|files| !files.is_empty())
}

/// What of it is at `path`: names relative to the directory that `path` is in. `None` where git cannot say.
pub fn tracked(path: &Path) -> Option<Vec<Vec<u8>>> {
    let mut command = Command::new("git");
    command.arg("--literal-pathspecs").arg("-C").arg(path.parent()?);
    command.args(["ls-files", "-z", "--"]).arg(path.file_name()?);
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    output.status.success().then(|| names.map(<[u8]>::to_vec).collect())
}

/// The version that git says it has.
pub fn version() -> Option<String> {
    let output = Command::new("git").arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
