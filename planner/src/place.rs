//! Where an instance is on a host: in the workspace, below the home directory, or where its tool was told to keep it.
//!
//! It asks no tool: it knows the variables, the settings in the workspace's files and the defaults that presets name, and nothing
//! of a person's own settings.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use sci_presets::Elsewhere;
use sci_sys::places;

use crate::Host;
use crate::config::{Config, Declaration, secret_in};
use crate::plain;

/// The longest file that settings are looked for in, in bytes.
const MAX_SETTINGS: u64 = 1 << 20;

/// Where an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory beneath which it is: the workspace, the home directory, or what exists on the way to where a variable
    /// says. It is trusted; links below it are not.
    pub anchor: PathBuf,
    /// Where it is, absolute. It need not exist. Where a variable says, the links on the way are resolved.
    pub root: PathBuf,
    /// What makes it another place than the one that the instance is called by: the variable, or the operating system.
    pub elsewhere: Option<String>,
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
    /// Where an instance of a declaration is, in a workspace, whose path is canonical.
    ///
    /// # Errors
    /// When there is no home directory to be below, or a variable names a place where nothing may be restored.
    pub fn of(declaration: &Declaration, instance: &str, workspace: &Path, host: &Host) -> Result<Self, NoPlace> {
        let rules = declaration.elsewhere.iter().filter(|rule| rule.is_for(&host.os));
        let Some(below) = instance.strip_prefix("~/") else {
            let place = Self::usual(instance, workspace, host)?;
            Told::of_path_in_workspace(declaration, rules, &place.root, workspace, host)?;
            return Ok(place);
        };
        for rule in rules {
            let Some(variable) = &rule.variable else { return Self::below_home(&rule.below, Some(&host.os), host) };
            let value = host.var(variable).filter(|value| !value.is_empty());
            let Some(value) = value.filter(|value| !rule.is_no_place(value)) else { continue };
            let told = Told { by: variable.clone(), value: value.to_string_lossy().into_owned(), declaration };
            let named = told.root(value, rule)?;
            // As a tool would say it of itself.
            if host.home.as_ref().is_some_and(|home| home.join(below) == named) {
                return Self::below_home(below, None, host);
            }
            return told.place(&named, workspace, host);
        }
        Self::below_home(below, None, host)
    }

    /// Where the paths are that workspaces share, each with its instance; not those that can be nowhere.
    pub fn of_shared<'c>(config: &'c Config, host: &'c Host) -> impl Iterator<Item = (&'c str, Self)> {
        let shared = config.paths.iter().filter(|declared| declared.path.value.is_home());
        shared.filter_map(|declared| {
            let instance = declared.path.value.text();
            Some((instance, Self::of(declared, instance, &config.workspace, host).ok()?))
        })
    }

    /// Where an instance is that no preset knows of.
    ///
    /// # Errors
    /// When there is no home directory to be below.
    pub fn usual(instance: &str, workspace: &Path, host: &Host) -> Result<Self, NoPlace> {
        let Some(below) = instance.strip_prefix("~/") else {
            let (anchor, root) = (workspace.to_owned(), workspace.join(instance));
            return Ok(Self { anchor, root, elsewhere: None });
        };
        Self::below_home(below, None, host)
    }

    /// With the links on the way to its anchor resolved, as far as that exists; what is below it stays as it is.
    pub fn resolved(&self) -> PathBuf {
        let anchor = places::resolved(&self.anchor);
        self.root.strip_prefix(&self.anchor).map_or_else(|_| self.root.clone(), |below| anchor.join(below))
    }

    fn below_home(below: &str, elsewhere: Option<&str>, host: &Host) -> Result<Self, NoPlace> {
        let no_home =
            || NoPlace { reason: "this machine has no home directory".to_owned(), hint: "set HOME".to_owned() };
        let anchor = host.home.clone().ok_or_else(no_home)?;
        Ok(Self { root: anchor.join(below), anchor, elsewhere: elsewhere.map(str::to_owned) })
    }
}

/// What a variable or a setting says.
struct Told<'d> {
    /// Which of them.
    by: String,
    value: String,
    declaration: &'d Declaration,
}

impl<'d> Told<'d> {
    /// Refuses a path of the workspace whose tool is told to keep it elsewhere: what is there is not what the tool uses. Variables
    /// count before settings. A relative value of a variable is so to wherever the tool is run, which may be any directory above
    /// the path; that of a setting to the workspace, in which its file is.
    fn of_path_in_workspace<'r>(
        declaration: &'d Declaration,
        rules: impl Iterator<Item = &'r Elsewhere> + Clone,
        root: &Path,
        workspace: &Path,
        host: &Host,
    ) -> Result<(), NoPlace> {
        let above: Vec<&Path> = root.ancestors().skip(1).take_while(|above| above.starts_with(workspace)).collect();
        let variables = rules.clone().filter_map(|rule| rule.variable.as_deref());
        let mut set = variables.filter_map(|variable| Some((variable, host.text_var(variable)?))).peekable();
        if set.peek().is_some() {
            return set.try_for_each(|(variable, value)| {
                let told = Self { by: variable.to_owned(), value: value.to_owned(), declaration };
                told.expect_at(root, &above, workspace)
            });
        }
        rules.filter_map(|rule| rule.setting.as_ref()).try_for_each(|setting| {
            let said = plain::read(&workspace.join(&setting.file), MAX_SETTINGS).and_then(|file| setting.of(&file));
            let Some(value) = said else { return Ok(()) };
            Self { by: setting.to_string(), value, declaration }.expect_at(root, &[workspace], workspace)
        })
    }

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

    /// The place that is named, judged by where it really is: the links on the way are whoever set the variable's, and in the
    /// workspace, whose links are a checkout's, none is followed.
    fn place(&self, named: &Path, workspace: &Path, host: &Host) -> Result<Place, NoPlace> {
        let root = places::resolved(named);
        let home = host.home.as_deref().map(places::resolved);
        let holds = |directory: &Path| directory.starts_with(&root);
        if root.parent().is_none() || holds(workspace) || home.as_deref().is_some_and(holds) {
            return Err(self.refuse("holds the workspace or the home directory", "name a directory for it alone"));
        }
        if let Some(inner) = [named, &root].into_iter().find_map(|place| place.strip_prefix(workspace).ok()) {
            let hint = self.declare(&places::text(inner).unwrap_or_default());
            return Err(self.refuse("is in the workspace", &hint));
        }
        let below_home = home.filter(|home| root.starts_with(home));
        self.refuse_credentials(&root, below_home.as_deref())?;
        let existing = || root.ancestors().skip(1).find(|above| above.is_dir()).map(Path::to_owned);
        let anchor = below_home.or_else(existing);
        let anchor = anchor.ok_or_else(|| self.refuse("is on a disk that is not there", "give it one that is"))?;
        Ok(Place { anchor, root, elsewhere: Some(self.by.clone()) })
    }

    /// Refuses a path that is not where the value leads from any of these directories.
    fn expect_at(&self, root: &Path, from: &[&Path], workspace: &Path) -> Result<(), NoPlace> {
        let expected = places::resolved(root);
        if from.iter().any(|top| places::resolved(&top.join(&self.value)) == expected) {
            return Ok(());
        }
        let named = places::resolved(&workspace.join(&self.value));
        let inner = named.strip_prefix(workspace).ok().and_then(places::text);
        // What the tool alone fills in, as cargo does `{workspace-root}`, cannot be declared.
        let inner = inner.filter(|inner| !inner.is_empty() && !inner.contains('{'));
        let elsewhere = || "a path in the workspace is needed: name one".to_owned();
        Err(self.refuse("is not where this path is", &inner.map_or_else(elsewhere, |inner| self.declare(&inner))))
    }

    fn declare(&self, path: &str) -> String {
        format!("declare it as it is: [path.{}] with `path = \"{path}\"`", self.declaration.name.value)
    }

    fn refuse_credentials(&self, root: &Path, home: Option<&Path>) -> Result<(), NoPlace> {
        let below_home = home.and_then(|home| root.strip_prefix(home).ok());
        let slashed = places::slashed(below_home.unwrap_or(root));
        match secret_in(&String::from_utf8_lossy(&slashed), below_home.is_some()) {
            None => Ok(()),
            Some(_) => {
                Err(self.refuse("holds credentials, or is among them", "a snapshot is read by others: name another"))
            }
        }
    }

    fn refuse(&self, why: &str, hint: &str) -> NoPlace {
        let Self { by, value, .. } = self;
        NoPlace { reason: format!("{by} is `{value}`, which {why}"), hint: hint.to_owned() }
    }
}
