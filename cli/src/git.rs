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
    /// Git is not asked at all where there cannot be a repository.
    pub fn ask(root: &Path, in_ci: bool) -> Self {
        if !root.ancestors().any(is_repository) {
            return Self(None);
        }
        let mut command = about(root, in_ci);
        command.arg("rev-list").arg(format!("--max-count={MAX_ANCESTORS}")).arg("HEAD");
        Self(command.stdout(Stdio::piped()).spawn().ok())
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

/// Git, asked about the repository around `directory`, not about one that a hook's environment names. It runs no program that the
/// settings there name, and fetches nothing: a checkout may hold what git takes for a bare repository, with settings of its own.
///
/// Of a checkout that is another user's git says nothing, lest its settings harm whoever looks at it. In a job with a container
/// that is every checkout, and the job runs what is in it: there (`in_ci`) git answers, from version 2.38 on.
fn about(directory: &Path, in_ci: bool) -> Command {
    let mut command = Command::new("git");
    command.args(["-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit"]);
    command.env("GIT_ALLOW_PROTOCOL", "").env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0");
    if in_ci {
        command.args(["-c", "safe.directory=*"]);
    }
    command.arg("-C").arg(directory).env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// Why git says nothing of the repository around `root`; `None` where it answers, or there is none.
pub fn refusal(root: &Path, in_ci: bool) -> Option<String> {
    if !root.ancestors().any(is_repository) {
        return None;
    }
    let output = about(root, in_ci).args(["rev-parse", "--git-dir"]).stderr(Stdio::piped()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default();
    (!output.status.success()).then(|| first.strip_prefix("fatal: ").unwrap_or(first).to_owned())
}

/// Whether git could take the directory for a checkout, a linked one, or a bare repository.
fn is_repository(directory: &Path) -> bool {
    [".git", "HEAD"].iter().any(|name| directory.join(name).symlink_metadata().is_ok())
}

/// Whether something at `path` is committed or to be; `None` where git cannot say. The repository that is asked is the innermost
/// around it, which may be a submodule's.
pub fn tracks(path: &Path, in_ci: bool) -> Option<bool> {
    // A repository of its own is somebody's work.
    if path.join(".git").symlink_metadata().is_ok() {
        return Some(true);
    }
    tracked(path, in_ci).map(|files| !files.is_empty())
}

/// What of it is at `path`: names relative to the directory that `path` is in. `None` where git cannot say.
pub fn tracked(path: &Path, in_ci: bool) -> Option<Vec<Vec<u8>>> {
    let mut command = about(path.parent()?, in_ci);
    command.args(["--literal-pathspecs", "ls-files", "-z", "--"]).arg(path.file_name()?);
    let output = command.output().ok()?;
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    output.status.success().then(|| names.map(<[u8]>::to_vec).collect())
}

/// What a symbolic reference of the repository around `directory` names.
pub fn symbolic(directory: &Path, reference: &str) -> Option<String> {
    let output = about(directory, false).args(["symbolic-ref", "--quiet", reference]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version that git says it has.
pub fn version() -> Option<String> {
    let output = Command::new("git").arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
