//! The workspace of a command: its sci.toml, its local state, and the plan made from both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sci_planner::config::{self, Config, ConfigError, Declaration};
use sci_planner::{Host, Place, Plan, PlanError};
use sci_snapshot::SnapshotError;
use sci_snapshot::restore::{self, Recovered};

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::placement;
use crate::state::before::Before;
use crate::state::{Lock, WorkspaceState, run_id};
use crate::store;

/// A workspace whose sci.toml was read and found good.
#[derive(Debug)]
pub struct Workspace {
    /// The directory that holds sci.toml, canonical.
    pub root: PathBuf,
    /// The checked sci.toml.
    pub config: Config,
    /// What this machine remembers of it.
    pub state: WorkspaceState,
}

impl Workspace {
    /// Finds sci.toml in the start directory or above, and reads it.
    ///
    /// # Errors
    /// [`Kind::Config`] when there is none, or with everything that is wrong with it; [`Kind::State`] when local state cannot
    /// be kept.
    pub fn open(context: &mut Context) -> Result<Self> {
        let workspace = Self::find(context)?.ok_or_else(|| Self::missing(context))?;
        if workspace.config.paths.is_empty() {
            let file = workspace.config.source.file().display();
            context.out.warn(format!("{file} declares no path: name a preset in `presets`, or declare a [path.NAME]"));
        }
        for finding in workspace.without_inputs() {
            let hint = finding.hint.as_deref().unwrap_or_default();
            context.out.warn(format!("{finding}: {hint}"));
        }
        Ok(workspace)
    }

    /// The paths whose key never changes, because nothing is declared that they are built from.
    pub fn without_inputs(&self) -> Vec<ConfigError> {
        let found = self.config.paths.iter().filter(|declaration| declaration.has_no_inputs());
        let finding = |declaration: &Declaration| {
            let name = &declaration.name;
            let message = format!("`{}` declares no inputs, so what is saved first is restored for good", name.value);
            let hint = "list what it is built from in `lockfiles`, `sources`, `configs`, `tools` or `env`";
            self.config.source.error(&name.span, message, Some(hint.to_owned()))
        };
        found.map(finding).collect()
    }

    /// The error that a missing sci.toml is where one is needed.
    pub fn missing(context: &Context) -> CliError {
        CliError::new(Kind::Config, format!("there is no sci.toml in {} or above it", context.start().display()))
            .hint("`sci init` writes one; -C names another directory to start in")
    }

    /// Like [`Workspace::open`], but a missing sci.toml is no error.
    ///
    /// # Errors
    /// [`Kind::Config`] with everything that is wrong with sci.toml; [`Kind::State`] when local state cannot be kept.
    pub fn find(context: &mut Context) -> Result<Option<Self>> {
        let Some(workspace) = Self::look(context)? else { return Ok(None) };
        // Whoever holds the lock has done this, or is about to.
        if let Some(_lock) = workspace.state.try_lock()? {
            workspace.recover(context)?;
        }
        Ok(Some(workspace))
    }

    /// Like [`Workspace::find`], but leaves the workspace as it is and takes no lock: what an interrupted restore left behind stays.
    ///
    /// # Errors
    /// As [`Workspace::find`].
    pub fn look(context: &Context) -> Result<Option<Self>> {
        let file = match config::find(context.start()) {
            Ok(file) => file,
            Err(PlanError::NoWorkspace { .. }) => return Ok(None),
            Err(error) => return Err(CliError::planning(&error)),
        };
        let config = config::load(&file).map_err(|error| CliError::planning(&error))?;
        let state = context.state()?;
        let host = context.environment.host();
        placement::refuse_in_a_path(&config, host, state.directory(), "the local state", "--state")?;
        let state = state.workspace(&config.workspace)?;
        Ok(Some(Self { root: config.workspace.clone(), config, state }))
    }

    /// The staging directory of a restore that was cut off, or is at work, in the workspace or to one of its paths below the home
    /// directory: what stands in that path may be neither what it was nor what was restored. For when there is no state to tell
    /// which paths there are: it looks everywhere in the workspace.
    pub fn staging(context: &Context) -> Option<PathBuf> {
        let config = config::load(&config::find(context.start()).ok()?).ok()?;
        let mut shared = Place::of_shared(&config, context.environment.host());
        restore::staging_below(&config.workspace)
            .or_else(|| shared.find_map(|(_, place)| restore::staging_of(&place.root)))
    }

    /// Waits until no other `sci` restores or saves in this workspace.
    ///
    /// # Errors
    /// [`Kind::State`] when the lock cannot be taken.
    pub fn lock(&self, context: &mut Context) -> Result<Lock> {
        self.state.lock(|| context.out.note("waiting for another sci in this workspace"))
    }

    /// Waits until no other `sci` of this user changes paths below the home directory.
    ///
    /// # Errors
    /// [`Kind::State`] when the lock cannot be taken.
    pub fn lock_home(&self, context: &mut Context) -> Result<Lock> {
        context.state()?.lock_home(|| context.out.note("waiting for another sci of this user"))
    }

    /// Where an instance of a path is on this machine; `None` where it can be nowhere.
    pub fn place(&self, host: &Host, name: &str, instance: &str) -> Option<Place> {
        let declared = self.config.paths.iter().find(|declared| declared.name.value == name);
        let place = match declared {
            Some(declared) => Place::of(declared, instance, &self.root, host),
            None => Place::usual(instance, &self.root, host),
        };
        place.ok()
    }

    /// Completes or clears away what interrupted restores left behind, in every path that is known without a plan: those
    /// planned last, and those declared without a glob. Gives these instances, each with its path's name.
    ///
    /// # Errors
    /// [`Kind::Local`] when one cannot be completed; the path is then still marked as unfinished.
    pub fn recover(&self, context: &mut Context) -> Result<BTreeMap<String, String>> {
        let known = self.known_instances();
        known.iter().try_for_each(|(instance, name)| self.recover_path(context, name, instance))?;
        Ok(known)
    }

    /// The same for those of a plan's paths that were not known without it.
    ///
    /// # Errors
    /// As [`Workspace::recover`].
    pub fn recover_planned(&self, context: &mut Context, plan: &Plan, known: &BTreeMap<String, String>) -> Result<()> {
        let mut unknown = plan.paths.iter().filter(|path| !known.contains_key(&path.instance));
        unknown.try_for_each(|path| self.recover_path(context, &path.name, &path.instance))
    }

    fn recover_path(&self, context: &mut Context, name: &str, instance: &str) -> Result<()> {
        let Some(Place { anchor, root, .. }) = self.place(context.environment.host(), name, instance) else {
            return Ok(());
        };
        let is_home = instance.starts_with("~/");
        // Nobody waits for another workspace's save where nothing was left; and what one begins from here on is its own.
        if is_home && restore::staging_of(&root).is_none() {
            return Ok(());
        }
        let _home = if is_home { Some(self.lock_home(context)?) } else { None };
        let (environment, now) = (&context.environment, context.now());
        let mut leave = || {
            let run = run_id::fresh(environment, now);
            self.note_partly_restored(run, name, instance).map_err(std::io::Error::other)
        };
        match restore::recover(&anchor, &root, &mut leave) {
            Ok(Recovered::Nothing) => {}
            Ok(Recovered::Discarded) => {
                context.out.note(&format!("{instance}: an interrupted restore was undone"));
            }
            Ok(Recovered::Completed) => {
                context.out.note(&format!("{instance}: an interrupted restore was completed"));
            }
            Ok(Recovered::Changed) => {
                context.out.warn(format!(
                    "{instance} changed since its restore was cut off: it is left as it is, partly restored; restore it again, \
                     or remove it and build from clean"
                ));
            }
            // What is behind a link is not looked at; the path itself is refused when its turn comes.
            Err(SnapshotError::Linked { .. }) => {}
            Err(error) => return Err(CliError { kind: Kind::Local, ..store::engine(&error) }),
        }
        Ok(())
    }

    /// Notes that nothing which is saved of a path may pass for what its inputs give, and forgets what the engine knows of it.
    fn note_partly_restored(&self, run: String, name: &str, instance: &str) -> Result<()> {
        self.state.engine(name, instance).forget();
        let known = Before::read(&self.state.before());
        let mut before = known.unwrap_or_else(|| Before { run, ..Before::default() });
        before.set_partly_restored(name, instance);
        before.write(&self.state.before())
    }

    /// The instances that are known without a plan, each with its path's name.
    fn known_instances(&self) -> BTreeMap<String, String> {
        let planned = Before::read(&self.state.before()).map(|before| before.paths).unwrap_or_default();
        let planned = planned.into_iter().map(|path| (path.instance, path.name));
        let declared = self.config.paths.iter().filter(|declaration| declaration.path.value.base().is_none());
        let declared = declared.map(|path| (path.path.value.text().to_owned(), path.name.value.clone()));
        planned.chain(declared).collect()
    }
}
