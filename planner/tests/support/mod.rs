//! A workspace in a temporary directory, on a machine that is the same everywhere.
#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "a fixture that fails is a failed test")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sci_planner::{Config, ConfigError, Host, Keyed, Outcome, Plan, PlanError, PlanOptions, PlannedPath, config, plan};
use tempfile::TempDir;

/// A workspace, and what its plans are made with.
pub(crate) struct Workspace {
    directory: TempDir,
    pub(crate) host: Host,
    pub(crate) approve: bool,
}

impl Workspace {
    /// An empty workspace with this sci.toml.
    pub(crate) fn new(sci_toml: &str) -> Self {
        let workspace = Self { directory: tempfile::tempdir().unwrap(), host: host(), approve: true };
        workspace.write("sci.toml", sci_toml);
        workspace
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn files(self, files: &[(&str, &str)]) -> Self {
        for (path, content) in files {
            self.write(path, content);
        }
        self
    }

    pub(crate) fn env(mut self, variables: &[(&str, &str)]) -> Self {
        for (name, value) in variables {
            self.host.env.insert(name.into(), value.into());
        }
        self
    }

    /// On a machine with this release of its system.
    pub(crate) fn release(mut self, release: &str) -> Self {
        self.host.release = release.into();
        self
    }

    /// Lets tools be found: the host of the tests has no PATH otherwise.
    pub(crate) fn with_system_path(self) -> Self {
        let path = std::env::var("PATH").unwrap();
        self.env(&[("PATH", &path)])
    }

    pub(crate) fn remove(&self, path: &str) -> &Self {
        fs::remove_file(self.path(path)).unwrap();
        self
    }

    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.path(path)).unwrap();
        self
    }

    pub(crate) fn executable(&self, path: &str) -> &Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Takes all permissions away.
    pub(crate) fn lock(&self, path: &str) -> &Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o000)).unwrap();
        self
    }

    /// The plan that a user who is not root gets: root reads everything.
    pub(crate) fn plan_unprivileged(&self) -> Plan {
        fs::set_permissions(self.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let nobody = || {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
            }
            self.plan()
        };
        // The identity is the thread's own, and that of the threads it starts.
        std::thread::scope(|scope| scope.spawn(nobody).join()).unwrap()
    }

    pub(crate) fn config(&self) -> Result<Config, PlanError> {
        config::load(&self.path("sci.toml"))
    }

    pub(crate) fn try_plan(&self) -> Result<Plan, PlanError> {
        let approve = self.approve;
        plan(&self.config()?, PlanOptions::new(&self.host, &move |_: &str| approve))
    }

    pub(crate) fn plan(&self) -> Plan {
        match self.try_plan() {
            Ok(plan) => plan,
            Err(error) => panic!("no plan: {}", rendered(error)),
        }
    }

    /// The errors of a plan that fails, one per paragraph.
    pub(crate) fn errors(&self) -> String {
        match self.try_plan() {
            Ok(plan) => format!("a plan: {}", instances(&plan).join(", ")),
            Err(error) => rendered(error),
        }
    }

    /// The derivation of one instance.
    pub(crate) fn keyed(&self, instance: &str) -> Keyed {
        let plan = self.plan();
        match &find(&plan, instance).outcome {
            Outcome::Keyed(keyed) => (**keyed).clone(),
            Outcome::Unkeyed { reason, .. } => panic!("{instance} has no key: {reason}"),
        }
    }

    pub(crate) fn key(&self, instance: &str) -> String {
        self.keyed(instance).key().to_string()
    }
}

/// A pinned machine: nothing of the one that runs the tests.
pub(crate) fn host() -> Host {
    Host {
        os: "linux".into(),
        arch: "x86_64".into(),
        libc: "gnu".into(),
        release: "debian 12".into(),
        env: [].into(),
        home: Some("/home/someone".into()),
    }
}

pub(crate) fn find<'p>(plan: &'p Plan, instance: &str) -> &'p PlannedPath {
    plan.paths.iter().find(|path| path.instance == instance).unwrap_or_else(|| {
        panic!("no instance {instance} among {:?}", instances(plan));
    })
}

pub(crate) fn instances(plan: &Plan) -> Vec<String> {
    plan.paths.iter().map(|path| path.instance.clone()).collect()
}

/// The names of all inputs that are files, as `class name`.
pub(crate) fn files_of(keyed: &Keyed) -> Vec<String> {
    use sci_hasher::InputClass::{Configs, Lockfiles, Sources};
    let files = keyed.derivation.inputs().filter(|(class, ..)| matches!(class, Configs | Lockfiles | Sources));
    files.map(|(class, name, _)| format!("{class} {name}")).collect()
}

/// Why a path has no key.
pub(crate) fn unkeyed<'p>(plan: &'p Plan, instance: &str) -> (&'p str, Option<&'p str>) {
    match &find(plan, instance).outcome {
        Outcome::Keyed(_) => panic!("{instance} has a key"),
        Outcome::Unkeyed { reason, hint } => (reason, hint.as_deref()),
    }
}

/// Line, column, offending text, message and hint of each error.
pub(crate) fn rendered(error: PlanError) -> String {
    match error {
        PlanError::Config(errors) => render_all(&errors),
        other => other.to_string(),
    }
}

pub(crate) fn render_all(errors: &[ConfigError]) -> String {
    let mut text = String::new();
    for error in errors {
        writeln!(text, "{}:{} {:?}", error.line, error.column, error.text).unwrap();
        writeln!(text, "  {}", error.message).unwrap();
        if let Some(hint) = &error.hint {
            writeln!(text, "  hint: {hint}").unwrap();
        }
    }
    text
}

/// The errors of a sci.toml in an otherwise empty workspace.
pub(crate) fn refused(sci_toml: &str) -> String {
    refused_with(sci_toml, &[])
}

/// The errors of a sci.toml in a workspace that has these files.
pub(crate) fn refused_with(sci_toml: &str, files: &[(&str, &str)]) -> String {
    Workspace::new(sci_toml.trim_start_matches('\n')).files(files).errors()
}
