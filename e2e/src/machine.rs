//! A machine for one scenario: its own home, store, state and workspace in a scratch directory.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use tempfile::TempDir;

use crate::Ran;
use crate::tree::files_below;

/// Variables that tell tools to keep things elsewhere than in the machine's home.
const ELSEWHERE: [&str; 9] = [
    "CCACHE_DIR",
    "GOCACHE",
    "GOMODCACHE",
    "GOPATH",
    "GRADLE_USER_HOME",
    "PLAYWRIGHT_BROWSERS_PATH",
    "SCCACHE_DIR",
    "XDG_DATA_HOME",
    "YARN_GLOBAL_FOLDER",
];

/// Variables that decide where cargo finds packages; the other `CARGO_…` describe the build of this very test.
const CARGO_KEPT: [&str; 4] = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_"];

/// How a save says that nothing of what was restored is left.
pub const DELETED: &str = "nothing of what was restored is left";

/// A scratch directory and the environment of what runs in it. It is removed when dropped.
pub struct Machine {
    dir: TempDir,
    env: Vec<(OsString, OsString)>,
}

impl Machine {
    /// An empty machine with an empty workspace.
    pub fn new() -> Self {
        let dir = TempDir::with_prefix_in("machine-", shared_dir()).unwrap();
        let machine = Self { env: environment(dir.path()), dir };
        fs::create_dir_all(machine.home().join(".cargo")).unwrap();
        fs::create_dir_all(machine.workspace()).unwrap();
        if let Some(settings) = cargo_settings() {
            fs::copy(settings, machine.home().join(".cargo/config.toml")).unwrap();
        }
        machine
    }

    /// Where the machine keeps everything.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The home directory, `~`.
    pub fn home(&self) -> PathBuf {
        self.dir().join("home")
    }

    /// The workspace.
    pub fn workspace(&self) -> PathBuf {
        self.dir().join("work")
    }

    /// A path in the workspace.
    pub fn path(&self, name: &str) -> PathBuf {
        self.workspace().join(name)
    }

    /// Writes a file of the workspace, with the directories above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Removes a file or directory of the workspace.
    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// Replaces `from` by `to` in a file of the workspace.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// Forgets everything but the store: the next command runs on a new machine with the same paths.
    pub fn forget_all_but_store(&self) {
        for name in ["state", "work"] {
            let path = self.dir().join(name);
            if path.exists() {
                fs::remove_dir_all(path).unwrap();
            }
        }
        fs::create_dir_all(self.workspace()).unwrap();
    }

    /// Sets a variable for everything that runs here from now on.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.env.push((name.into(), value.into()));
    }

    /// Puts `bin` before all other directories of programs.
    pub fn prepend_path(&mut self, bin: &Path) {
        let path = self.env.iter().rfind(|(name, _)| name == "PATH").map(|(_, path)| path.clone()).unwrap_or_default();
        let directories = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path));
        self.set("PATH", std::env::join_paths(directories).unwrap());
    }

    /// A command with this machine's environment, in the workspace.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.workspace()).stdin(Stdio::null()).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a program in the workspace, whatever its exit code.
    pub fn run(&self, program: &str, args: &[&str]) -> Ran {
        finish(self.command(program).args(args))
    }

    /// Runs `sci` with `--json` in the workspace, whatever its exit code.
    pub fn try_sci(&self, args: &[&str]) -> Ran {
        finish(self.command(sci()).arg("--json").args(args))
    }

    /// Runs `sci` with `--json` in the workspace; it has to succeed. A save may not find that the tool has deleted what was
    /// restored: then nobody would need the restore.
    pub fn sci(&self, args: &[&str]) -> Ran {
        let ran = self.try_sci(args).success();
        assert!(!ran.stdout.contains(DELETED), "{ran}");
        ran
    }

    /// What a preset's workflow runs after the restore, run in the workspace.
    pub fn workflow(&self, preset: &str) -> Ran {
        let presets: serde_json::Value = serde_json::from_str(&self.sci(&["presets", preset]).stdout).unwrap();
        let line = presets["result"]["presets"][0]["workflow"]["run"].as_str().unwrap().to_owned();
        self.run("sh", &["-c", &line])
    }

    /// Bytes of all objects in the store.
    pub fn stored_bytes(&self) -> u64 {
        self.objects().iter().map(|(_, size)| size).sum()
    }

    /// The objects in the store, with their sizes.
    pub fn objects(&self) -> Vec<(PathBuf, u64)> {
        let dir = self.dir().join("store/objects");
        if dir.exists() { files_below(&dir) } else { Vec::new() }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs `command` to its end.
pub fn finish(command: &mut Command) -> Ran {
    let start = Instant::now();
    let line = line(command);
    let output = command.output().unwrap_or_else(|error| panic!("{line} does not start: {error}"));
    Ran::new(line, &output, start.elapsed())
}

/// The command line and where it runs; not the environment, which may hold what no report should.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(std::ffi::OsStr::to_string_lossy).collect();
    let dir = command.get_current_dir().unwrap_or(Path::new("."));
    format!("in {}: {}", dir.display(), words.join(" "))
}

/// The program under test: `SCI_BIN`, else built once.
pub fn sci() -> &'static Path {
    static SCI: OnceLock<PathBuf> = OnceLock::new();
    SCI.get_or_init(|| match std::env::var_os("SCI_BIN") {
        Some(path) => path.into(),
        None => build_sci(),
    })
}

fn build_sci() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args([
        "build",
        "--release",
        "--package",
        "sci",
        "--message-format=json-render-diagnostics",
    ]);
    let output = cargo.stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.next_back().expect("cargo builds no sci program")
}

/// Where scenarios keep what they share, such as a large install; on the file system that they work on.
pub fn shared_dir() -> PathBuf {
    let dir = match std::env::var_os("SCI_E2E_DIR") {
        Some(dir) => dir.into(),
        None => std::env::temp_dir().join("sci-e2e"),
    };
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The user's environment without what is the user's, the build's or a CI system's.
fn environment(dir: &Path) -> Vec<(OsString, OsString)> {
    let mut env: Vec<_> = std::env::vars_os().filter(|(name, _)| is_kept(&name.to_string_lossy())).collect();
    let user = std::env::home_dir().unwrap();
    let mut set = |name: &str, value: PathBuf| env.push((name.into(), value.into()));
    set("HOME", dir.join("home"));
    set("SCI_STORE", dir.join("store"));
    set("SCI_STATE", dir.join("state"));
    set("RUSTUP_HOME", std::env::var_os("RUSTUP_HOME").map_or_else(|| user.join(".rustup"), PathBuf::from));
    set("npm_config_cache", shared_dir().join("npm-cache"));
    set("CARGO_TERM_COLOR", "never".into());
    if user.join(".npmrc").exists() {
        set("NPM_CONFIG_USERCONFIG", user.join(".npmrc"));
    }
    env
}

fn is_kept(name: &str) -> bool {
    let replaced =
        ["HOME", "LD_LIBRARY_PATH", "NPM_CONFIG_USERCONFIG", "RUSTUP_HOME", "XDG_CACHE_HOME", "CI"].contains(&name);
    let foreign = ["SCI_", "GITHUB_", "RUNNER_", "NEXTEST", "RUSTUP_", "RUSTC", "RUSTFLAGS", "npm_"];
    let cargo = name.starts_with("CARGO") && !CARGO_KEPT.iter().any(|prefix| name.starts_with(prefix));
    !replaced && !cargo && !ELSEWHERE.contains(&name) && !foreign.iter().any(|prefix| name.starts_with(prefix))
}

fn cargo_settings() -> Option<PathBuf> {
    let home =
        std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    Some(home.join("config.toml")).filter(|file| file.exists())
}
