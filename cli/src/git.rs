//! What git knows of the checkout: the commits before it, for choosing the nearest snapshot, and what is its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use sci_store_api::resolve::MAX_ANCESTORS;

/// A question to git, which it answers while something else is done.
#[derive(Debug)]
struct Question(Option<Child>);

impl Question {
    /// Asked about this directory, not about the repository that a hook's environment names; and not at all where there
    /// cannot be one.
    fn ask(root: &Path, words: &[&str], paths: &[&str]) -> Self {
        if !root.ancestors().any(is_repository) {
            return Self(None);
        }
        let mut command = Command::new("git");
        command.arg("--literal-pathspecs").arg("-C").arg(root).args(words).args(paths);
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().ok())
    }

    /// Nothing without git, without a repository, or where git fails.
    fn answer(mut self) -> Vec<u8> {
        match self.0.take().map(Child::wait_with_output) {
            Some(Ok(output)) if output.status.success() => output.stdout,
            _ => Vec::new(),
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        // Whoever did not wait for the answer has failed meanwhile; the process must not outlive that.
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Which commits are before the checkout.
#[derive(Debug)]
pub struct Ancestors(Question);

impl Ancestors {
    /// Asks for the commit of the checkout and those before it, newest first.
    pub fn ask(root: &Path) -> Self {
        let count = format!("--max-count={MAX_ANCESTORS}");
        Self(Question::ask(root, &["rev-list", &count, "HEAD"], &[]))
    }

    /// The answer. Empty without git, without a repository, or without a commit: ancestors only rank candidates that are
    /// otherwise alike.
    pub fn answer(self) -> Vec<String> {
        let is_commit =
            |line: &&str| matches!(line.len(), 40 | 64) && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        String::from_utf8_lossy(&self.0.answer()).lines().filter(is_commit).map(str::to_owned).collect()
    }
}

/// Which files below some paths are git's.
#[derive(Debug)]
pub struct Tracked(Question);

impl Tracked {
    /// Of so many paths it asks; of more it asks for all that git tracks, since a command line has an end.
    const MOST: usize = 256;

    /// Asks for the tracked files below these paths of the workspace; nothing when there are none.
    pub fn ask(root: &Path, paths: &[&str]) -> Self {
        if paths.is_empty() {
            return Self(Question(None));
        }
        let named = if paths.len() > Self::MOST { &[] } else { paths };
        Self(Question::ask(root, &["ls-files", "-z", "--"], named))
    }

    /// The files, relative to the workspace; perhaps others, too.
    pub fn answer(self) -> Vec<Vec<u8>> {
        names(&self.0.answer())
    }
}

/// The tracked files below one path of the workspace that are not what git has, neither committed nor to be, relative to the
/// workspace. Those that are not there are not among them.
pub fn edited(root: &Path, path: &str) -> Vec<Vec<u8>> {
    let named = ["--no-optional-locks", "diff", "--name-only", "-z", "--relative"];
    let only = ["--no-ext-diff", "--ignore-submodules", "--diff-filter=d", "--"];
    names(&Question::ask(root, &[&named[..], &only].concat(), &[path]).answer())
}

fn names(listed: &[u8]) -> Vec<Vec<u8>> {
    listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
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
    let mut command = Command::new("git");
    command.arg("--literal-pathspecs").arg("-C").arg(path.parent()?);
    command.args(["ls-files", "-z", "--"]).arg(path.file_name()?);
    command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok()?;
    output.status.success().then_some(!output.stdout.is_empty())
}

/// The version that git says it has.
pub fn version() -> Option<String> {
    let output = Command::new("git").arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
