//! Local state: what this machine remembers between two commands. Losing it costs time, never correctness.
//!
//! ```text
//! <state>/store/                       the embedded store, unless --store names another
//! <state>/home-lock                    held while a path below the home directory is changed
//! <state>/workspaces/<digest>/root     the workspace it belongs to, for people
//!                            /lock     held while a command restores or saves
//!                            /running  held while the command of a `sci run` is at work
//!                            /stat-cache
//!                            /before   the plan made before the run
//!                            /activity how far a save or restore is, while it goes on
//!                            /approved-tools
//!                            /engine/  per path instance: what the engine last saw of it
//! ```

pub mod activity;
pub mod approvals;
pub mod atomic;
pub mod before;
pub mod run_id;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use sci_hasher::Encoder;
use sci_snapshot::LocalState;

use crate::environment::Environment;
use crate::error::{CliError, Kind, Result};

/// The local state directory.
#[derive(Debug, Clone)]
pub struct State {
    directory: PathBuf,
}

impl State {
    /// Finds the directory: the flag (or `SCI_STATE`), else `$XDG_CACHE_HOME/sci`, else `~/.cache/sci`; on Windows
    /// `%LOCALAPPDATA%\sci` comes before the last.
    ///
    /// # Errors
    /// [`Kind::State`] when none of them is known.
    pub fn locate(flag: Option<PathBuf>, environment: &Environment) -> Result<Self> {
        let cache = || {
            // The XDG specification tells programs to ignore a relative path.
            let xdg = environment.get("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            let local = || environment.get("LOCALAPPDATA").map(PathBuf::from).filter(|_| cfg!(windows));
            let cache = xdg.or_else(local).or_else(|| environment.home().map(|home| home.join(".cache")))?;
            Some(cache.join("sci"))
        };
        let directory = flag.or_else(cache).ok_or_else(|| {
            CliError::new(Kind::State, "there is no home directory to keep local state in")
                .hint("set SCI_STATE to a directory that lasts from one run to the next")
        })?;
        let directory = std::path::absolute(&directory).map_err(|e| CliError::state("resolve", &directory, &e))?;
        Ok(Self { directory })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the embedded store is, unless told otherwise.
    pub fn default_store(&self) -> PathBuf {
        self.directory.join("store")
    }

    /// Waits until no other `sci` of this user changes what workspaces share below the home directory.
    ///
    /// # Errors
    /// [`Kind::State`] when the lock file cannot be opened or locked.
    pub fn lock_home(&self, waiting: impl FnOnce()) -> Result<Lock> {
        fs::create_dir_all(&self.directory).map_err(|e| CliError::state("make", &self.directory, &e))?;
        lock(&self.directory.join("home-lock"), waiting)
    }

    /// The state of one workspace, by its canonical root; makes the directory.
    ///
    /// # Errors
    /// [`Kind::State`] when it cannot be made.
    pub fn workspace(&self, root: &Path) -> Result<WorkspaceState> {
        let mut encoder = Encoder::new("sci v1 workspace state");
        let digest = encoder.bytes(root.as_os_str().as_encoded_bytes()).finish().to_string();
        let directory = self.directory.join("workspaces").join(&digest[..32]);
        fs::create_dir_all(&directory).map_err(|e| CliError::state("make", &directory, &e))?;
        let label = directory.join("root");
        if !label.exists() {
            atomic::write(&label, root.as_os_str().as_encoded_bytes()).map_err(CliError::of_state)?;
        }
        Ok(WorkspaceState { directory })
    }
}

/// The state of one workspace.
#[derive(Debug, Clone)]
pub struct WorkspaceState {
    directory: PathBuf,
}

impl WorkspaceState {
    /// The file of the hasher's stat cache.
    pub fn stat_cache(&self) -> PathBuf {
        self.directory.join("stat-cache")
    }

    /// What the engine remembers of one path instance.
    pub fn engine(&self, name: &str, instance: &str) -> LocalState {
        let mut encoder = Encoder::new("sci v1 path state");
        let digest = encoder.text(name).text(instance).finish().to_string();
        LocalState::new(self.directory.join("engine").join(&digest[..32]))
    }

    /// The file of the plan made before the run.
    pub fn before(&self) -> PathBuf {
        self.directory.join("before")
    }

    /// The file in which a save or restore tells how far it is.
    pub fn activity(&self) -> PathBuf {
        self.directory.join("activity")
    }

    /// The file of approved tool commands.
    pub fn approvals(&self) -> PathBuf {
        self.directory.join("approved-tools")
    }

    /// Waits until no other `sci` restores or saves in this workspace; `waiting` is called once if it must wait.
    ///
    /// The lock ends with the returned value, or with the process.
    ///
    /// # Errors
    /// [`Kind::State`] when the lock file cannot be opened or locked.
    pub fn lock(&self, waiting: impl FnOnce()) -> Result<Lock> {
        lock(&self.directory.join("lock"), waiting)
    }

    /// The lock, unless another `sci` holds it.
    ///
    /// # Errors
    /// As [`WorkspaceState::lock`].
    pub fn try_lock(&self) -> Result<Option<Lock>> {
        try_lock(&self.directory.join("lock"))
    }

    /// Makes the file by which a command is marked: where there is no room for it, that is known before anything is restored.
    ///
    /// # Errors
    /// [`Kind::State`] when it cannot be made.
    pub fn prepare_mark(&self) -> Result<()> {
        open(&self.directory.join(RUNNING)).map(drop)
    }

    /// Says that the command of a `sci run` is at work in this workspace, until the returned value goes, or the process ends.
    ///
    /// # Errors
    /// [`Kind::State`] when the file cannot be opened or locked.
    pub fn mark_running(&self) -> Result<Lock> {
        let path = self.directory.join(RUNNING);
        let file = open(&path)?;
        file.lock_shared().map_err(|e| CliError::state("lock", &path, &e))?;
        Ok(Lock { _file: file })
    }

    /// Whether such a command is at work.
    ///
    /// # Errors
    /// As [`WorkspaceState::mark_running`].
    pub fn is_running(&self) -> Result<bool> {
        Ok(try_lock(&self.directory.join(RUNNING))?.is_none())
    }
}

/// Locked, shared, while the command of a `sci run` is at work.
const RUNNING: &str = "running";

fn open(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    file.map_err(|e| CliError::state("open", path, &e))
}

fn try_lock(path: &Path) -> Result<Option<Lock>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(CliError::state("lock", path, &error)),
    }
}

fn lock(path: &Path, waiting: impl FnOnce()) -> Result<Lock> {
    if let Some(lock) = try_lock(path)? {
        return Ok(lock);
    }
    waiting();
    let file = open(path)?;
    file.lock().map_err(|e| CliError::state("lock", path, &e))?;
    Ok(Lock { _file: file })
}

/// A lock, held while alive.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn the_directory_is_found_in_order() {
        let locate = |flag: Option<&str>, pairs: &[(&str, &str)]| {
            State::locate(flag.map(PathBuf::from), &environment(pairs)).unwrap().directory
        };
        assert_eq!(locate(Some("/s"), &[("HOME", "/h")]), Path::new("/s"));
        assert_eq!(locate(None, &[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Path::new("/x/sci"));
        assert_eq!(locate(None, &[("HOME", "/h"), ("XDG_CACHE_HOME", "relative")]), Path::new("/h/.cache/sci"));
        assert_eq!(locate(None, &[("HOME", "/h"), ("XDG_CACHE_HOME", "")]), Path::new("/h/.cache/sci"));
    }

    #[test]
    fn each_workspace_has_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::locate(Some(directory.path().into()), &Environment::default()).unwrap();
        let one = state.workspace(Path::new("/one")).unwrap();
        let two = state.workspace(Path::new("/two")).unwrap();
        assert_ne!(one.before(), two.before());
        assert_eq!(one.before(), state.workspace(Path::new("/one")).unwrap().before());
    }

    #[test]
    fn a_lock_excludes_until_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::locate(Some(directory.path().into()), &Environment::default()).unwrap();
        let workspace = state.workspace(Path::new("/one")).unwrap();
        let held = workspace.lock(|| panic!("nobody holds it")).unwrap();
        let (said, hears) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| workspace.lock(|| said.send(()).unwrap()).unwrap());
            hears.recv().unwrap();
            drop(held);
            waiter.join().unwrap();
        });
    }
}
