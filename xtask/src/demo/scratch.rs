//! A machine of its own for the tour: a home, a store, a state directory and a repository to clone from, all in one scratch directory.
//! Nothing of the user's is read but the settings that say where packages come from, and nothing is written.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::shell::{self, Failure};

/// Variables that lead a cargo to its packages; every other `CARGO_…` is what started this program.
const CARGO_KEPT: [&str; 4] = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];

/// The scratch directory and the environment of the commands that run in it.
pub(super) struct Scratch {
    dir: PathBuf,
    env: Vec<(OsString, OsString)>,
}

/// What a command said and how long it took.
pub(super) struct Said {
    /// Both streams, as they came.
    pub(super) output: String,
    /// Wall-clock time.
    pub(super) took: Duration,
}

impl Scratch {
    /// Sets up a scratch directory with the example as a git repository `origin`.
    pub(super) fn new(context: &Context, sci: &Path) -> Result<Self, Failure> {
        let dir = context.target.join("demo");
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        let scratch = Self { env: environment(&dir, sci)?, dir };
        scratch.origin(&context.root.join("examples/notes"))?;
        Ok(scratch)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn workspace(&self) -> PathBuf {
        self.dir.join("notes")
    }

    pub(super) fn remove(&self) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(&self.dir)?)
    }

    /// Makes the machine a new one: no checkout and no home, but the store is still there. Then clones the repository again.
    pub(super) fn fresh_machine(&self) -> Result<(), Failure> {
        for name in ["notes", "home", "state"] {
            let path = self.dir.join(name);
            if path.exists() {
                fs::remove_dir_all(&path)?;
            }
        }
        self.home()?;
        println!("\n# a fresh machine: nothing but a new clone and the store");
        self.run_in(&self.dir, "git clone --quiet origin notes").map(drop)
    }

    /// Runs one command line in the workspace, showing it, its output and its time.
    pub(super) fn run(&self, line: &str) -> Result<Said, Failure> {
        self.run_in(&self.workspace(), line)
    }

    fn run_in(&self, dir: &Path, line: &str) -> Result<Said, Failure> {
        println!("\n$ {line}");
        let start = Instant::now();
        let mut command = self.command("sh", dir);
        // One pipe for both streams keeps their order.
        let mut child = command.args(["-c", &format!("exec 2>&1\n{line}")]).stdout(Stdio::piped()).spawn()?;
        let mut output = String::new();
        for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
            let line = line?;
            println!("{line}");
            output.push_str(&line);
            output.push('\n');
        }
        let status = child.wait()?;
        let took = start.elapsed();
        println!("[{:.2} s]", took.as_secs_f64());
        if status.success() { Ok(Said { output, took }) } else { Err(format!("`{line}` failed: {status}").into()) }
    }

    /// Commits and pushes the edits in the workspace, quietly: the tour is not about git.
    pub(super) fn push(&self, message: &str) -> Result<(), Failure> {
        shell::run(self.git(&self.workspace()).args(["commit", "--quiet", "--all", "--message", message]))?;
        shell::run(self.git(&self.workspace()).args(["push", "--quiet", "origin", "main"]))
    }

    fn origin(&self, example: &Path) -> Result<(), Failure> {
        let seed = self.dir.join("seed");
        copy_tracked(example, &seed)?;
        self.home()?;
        shell::run(self.git(&seed).args(["init", "--quiet", "--initial-branch=main"]))?;
        shell::run(self.git(&seed).args(["add", "--all"]))?;
        shell::run(self.git(&seed).args(["commit", "--quiet", "--message", "notes"]))?;
        shell::run(self.git(&self.dir).args(["clone", "--quiet", "--bare", "seed", "origin"]))?;
        Ok(fs::remove_dir_all(seed)?)
    }

    fn git(&self, dir: &Path) -> Command {
        let mut git = self.command("git", dir);
        git.args(["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]);
        git
    }

    fn command(&self, program: &str, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .stdin(Stdio::null())
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A home with nothing but cargo's settings.
    fn home(&self) -> Result<(), Failure> {
        let cargo_home = self.dir.join("home/.cargo");
        fs::create_dir_all(&cargo_home)?;
        if let Some(settings) = user_cargo_home().map(|dir| dir.join("config.toml")).filter(|file| file.exists()) {
            fs::copy(settings, cargo_home.join("config.toml"))?;
        }
        Ok(())
    }
}

/// The user's environment without what belongs to the user, to this program or to a CI system.
fn environment(dir: &Path, sci: &Path) -> Result<Vec<(OsString, OsString)>, Failure> {
    let mut env: Vec<(OsString, OsString)> =
        std::env::vars_os().filter(|(name, _)| is_kept(&name.to_string_lossy())).collect();
    let user = std::env::home_dir().ok_or("this user has no home directory")?;
    let mut set = |name: &str, value: OsString| env.push((name.into(), value));
    set("HOME", dir.join("home").into());
    set("SCI_STORE", dir.join("store").into());
    set("SCI_STATE", dir.join("state").into());
    set("CARGO_TERM_COLOR", "never".into());
    set("CARGO_TERM_PROGRESS_WHEN", "never".into());
    set("RUSTUP_HOME", std::env::var_os("RUSTUP_HOME").unwrap_or_else(|| user.join(".rustup").into()));
    if user.join(".npmrc").exists() {
        set("NPM_CONFIG_USERCONFIG", user.join(".npmrc").into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sci_dir = sci.parent().map(Path::to_path_buf);
    set("PATH", std::env::join_paths(sci_dir.into_iter().chain(std::env::split_paths(&path)))?);
    Ok(env)
}

fn is_kept(name: &str) -> bool {
    let replaced = ["HOME", "PATH", "RUSTUP_HOME", "NPM_CONFIG_USERCONFIG", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "CI"]
        .contains(&name);
    let ours =
        ["SCI_", "GITHUB_", "RUNNER_", "RUSTUP_", "RUSTC", "RUSTFLAGS"].iter().any(|prefix| name.starts_with(prefix));
    let cargo = name.starts_with("CARGO") && !CARGO_KEPT.iter().any(|prefix| name.starts_with(prefix));
    !replaced && !ours && !cargo
}

fn user_cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// Copies the files that git knows, so that a build made inside the example by hand does not come along.
fn copy_tracked(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(from);
    for name in shell::output(&mut git)?.split('\0').filter(|name| !name.is_empty()) {
        let target = to.join(name);
        fs::create_dir_all(target.parent().unwrap_or(to))?;
        fs::copy(from.join(name), target)?;
    }
    Ok(())
}
