//! The environment, read once: everything else takes it as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::OnceLock;

use sci_planner::Host;

/// The variable that names the home directory.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// A copy of the process environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    host: OnceLock<Host>,
}

impl Environment {
    /// Copies the environment of this process.
    pub fn capture() -> Self {
        std::env::vars_os().collect()
    }

    /// A variable that is set and not empty. CI systems set what is absent to the empty text.
    ///
    /// On Windows `Path` and `PATH` are one.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let exact = self.variables.get(OsStr::new(name));
        let other = || {
            let mut others = self.variables.iter().filter(|_| cfg!(windows));
            others.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        exact.or_else(other).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable as text, when it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str()
    }

    /// The variables whose name and value are UTF-8.
    pub fn text_variables(&self) -> BTreeMap<String, String> {
        let text = |value: &OsString| value.to_str().map(str::to_owned);
        self.variables.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
    }

    /// Every variable.
    pub fn variables(&self) -> &BTreeMap<OsString, OsString> {
        &self.variables
    }

    /// True in a CI job, as the store sees it.
    pub fn is_ci(&self) -> bool {
        sci_native::in_ci(&self.text_variables())
    }

    /// The machine that a command plans for.
    pub fn host(&self) -> &Host {
        self.host.get_or_init(|| {
            let home = self.home().filter(|home| home.is_absolute());
            Host { env: self.variables.clone(), home, ..Host::detect() }
        })
    }

    /// The user's home directory.
    pub fn home(&self) -> Option<PathBuf> {
        self.get(HOME).map(PathBuf::from).or_else(std::env::home_dir)
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().collect(), host: OnceLock::new() }
    }
}
