//! Where an instance is on a host: in the workspace, below the home directory, or where its tool was told to keep it.
//!
//! It asks no tool: it knows the variables and the defaults that presets name, and nothing of settings in files.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use sci_presets::Elsewhere;
use sci_sys::places;

use crate::Host;
use crate::config::Declaration;

/// Where an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory beneath which it is: the workspace, the home directory, or an existing one on the way to where a variable
    /// says. It is trusted; links below it are not.
    pub anchor: PathBuf,
    /// Where it is, absolute. It need not exist.
    pub root: PathBuf,
    /// Whether that is another place than the one that the instance is called by.
    pub elsewhere: bool,
}

/// Why an instance has no place on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPlace {
    /// As one sentence without a full stop.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl Place {
    /// Where an instance of a declaration is, in a workspace.
    ///
    /// # Errors
    /// When there is no home directory to be below, or a variable names a place where nothing may be restored.
    pub fn of(declaration: &Declaration, instance: &str, workspace: &Path, host: &Host) -> Result<Self, NoPlace> {
        let Some(below) = instance.strip_prefix("~/") else { return Self::usual(instance, workspace, host) };
        let rules = declaration.elsewhere.iter().filter(|rule| rule.is_for(&host.os));
        for rule in rules {
            let Some(variable) = &rule.variable else { return Self::below_home(&rule.below, true, host) };
            let Some(value) = host.var(variable).filter(|value| !value.is_empty()) else { continue };
            let told = Told { variable, value: value.to_string_lossy().into_owned(), declaration };
            let root = told.root(value, rule)?;
            return told.place(root, below, workspace, host);
        }
        Self::below_home(below, false, host)
    }

    /// Where an instance is that no preset knows of.
    ///
    /// # Errors
    /// When there is no home directory to be below.
    pub fn usual(instance: &str, workspace: &Path, host: &Host) -> Result<Self, NoPlace> {
        let Some(below) = instance.strip_prefix("~/") else {
            let (anchor, root) = (workspace.to_owned(), workspace.join(instance));
            return Ok(Self { anchor, root, elsewhere: false });
        };
        Self::below_home(below, false, host)
    }

    /// With the links on the way to its anchor resolved, and none below it.
    pub fn resolved(&self) -> PathBuf {
        let anchor = places::resolved(&self.anchor);
        self.root.strip_prefix(&self.anchor).map_or_else(|_| self.root.clone(), |below| anchor.join(below))
    }

    fn below_home(below: &str, elsewhere: bool, host: &Host) -> Result<Self, NoPlace> {
        let no_home =
            || NoPlace { reason: "this machine has no home directory".to_owned(), hint: "set HOME".to_owned() };
        let anchor = host.home.clone().ok_or_else(no_home)?;
        Ok(Self { root: anchor.join(below), anchor, elsewhere })
    }
}

/// What a variable says.
struct Told<'d> {
    variable: &'d str,
    value: String,
    declaration: &'d Declaration,
}

impl Told<'_> {
    fn root(&self, value: &OsStr, rule: &Elsewhere) -> Result<PathBuf, NoPlace> {
        let named = match std::env::split_paths(value).next() {
            Some(first) if rule.list => first,
            _ => PathBuf::from(value),
        };
        let plain = named.components().all(|component| component != Component::ParentDir);
        if !named.is_absolute() || !plain {
            return Err(self.refuse("is not an absolute path without `..`", "give it one"));
        }
        // Joining nothing would add a separator.
        Ok(if rule.below.is_empty() { named.components().collect() } else { named.join(&rule.below) })
    }

    fn place(&self, root: PathBuf, below: &str, workspace: &Path, host: &Host) -> Result<Place, NoPlace> {
        let usual = host.home.as_ref().map(|home| home.join(below));
        if usual.as_ref() == Some(&root) {
            return Place::below_home(below, false, host);
        }
        let real = places::resolved(&root);
        let home = host.home.as_deref().map(places::resolved);
        if workspace.starts_with(&real) || home.as_ref().is_some_and(|home| home.starts_with(&real)) {
            return Err(self.refuse("holds the workspace or the home directory", "name a directory for it alone"));
        }
        if let Ok(inner) = real.strip_prefix(workspace) {
            let path = places::text(inner).unwrap_or_default();
            let name = &self.declaration.name.value;
            let hint = format!("declare it as it is: [path.{name}] with `path = \"{path}\"`");
            return Err(self.refuse("is in the workspace", &hint));
        }
        let beneath_home = host.home.as_deref().filter(|home| root.starts_with(home));
        let existing = || root.ancestors().skip(1).find(|above| above.is_dir());
        let anchor = beneath_home.or_else(existing).unwrap_or(Path::new("/")).to_owned();
        Ok(Place { anchor, root, elsewhere: true })
    }

    fn refuse(&self, why: &str, hint: &str) -> NoPlace {
        let Self { variable, value, .. } = self;
        NoPlace { reason: format!("{variable} is `{value}`, which {why}"), hint: hint.to_owned() }
    }
}
