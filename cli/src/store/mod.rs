//! The store as the commands use it: opened for one project, looked up by what people type, and believed only after the
//! signature was checked.

mod backend;
pub mod remote;

use std::borrow::Cow;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sci_native::{Caller, Embedded};
use sci_planner::InputRecord;
use sci_planner::config::Located;
use sci_s3::S3Connect;
use sci_snapshot::{Manifest, PackRef, SnapshotError};
use sci_store_api::dsse::{self, Envelope, ParseKeyError, PublicKey, Verified, VerifyError};
use sci_store_api::session::Session;
use sci_store_api::snapshots::{SnapshotDetail, SnapshotQuery, SnapshotSummary};
use sci_store_api::{ErrorCode, ObjectId, ObjectKind, Record, RepositoryId, RunId, SnapshotId};

use crate::called::Places;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::placement;
use crate::state::run_id;
use crate::workspace::Workspace;

pub use backend::{Backend, Saving, StoreError};

/// The fewest digits of a snapshot's id that are looked up.
const SHORTEST_PREFIX: usize = 6;

/// The store of one project.
#[derive(Debug)]
pub struct Store {
    /// The backend.
    pub backend: Backend,
    /// What the caller may do there.
    pub session: Session,
    /// The name that snapshots are kept under.
    pub project: String,
    /// Where paths are that people type.
    pub places: Places,
    keys: Vec<PublicKey>,
}

impl Store {
    /// Opens the store to look at it. One that somebody names has to be there.
    ///
    /// # Errors
    /// As [`Store::open_for`].
    pub fn open(context: &Context, workspace: Option<&Workspace>) -> Result<Self> {
        expect(context, workspace)?;
        let run = run_id::fresh(&context.environment, context.now());
        Self::open_for(context, workspace, &run, None)
    }

    /// Opens the store for the workspace's project, or for `--project` where there is no workspace, on behalf of a run and,
    /// where it is known, of a commit.
    ///
    /// # Errors
    /// [`Kind::Usage`] or [`Kind::Config`] when no store can be meant; [`Kind::Store`] when it cannot be opened.
    pub fn open_for(context: &Context, workspace: Option<&Workspace>, run: &str, commit: Option<&str>) -> Result<Self> {
        match remote::place(context, workspace) {
            Some(place) => {
                let store = Self::open_remote(context, workspace, &place, run)?;
                let Backend::Remote(remote) = &store.backend else { return Ok(store) };
                let keys = remote::keys(context, &place, remote)?;
                Ok(Self { keys, ..store })
            }
            None => Self::open_embedded(context, workspace, run, commit),
        }
    }

    /// Opens the store for a command that puts something into it, makes it where there is none, and says so where somebody
    /// names the place: that may be misspelt.
    ///
    /// # Errors
    /// As [`Store::open_for`].
    pub fn open_or_make(context: &mut Context, workspace: &Workspace, run: &str, commit: Option<&str>) -> Result<Self> {
        let made = absent(context, Some(workspace))?;
        let store = Self::open_for(context, Some(workspace), run, commit)?;
        if let Some(directory) = made {
            context.out.note(&format!("there was no store in {}: a new one was made", directory.display()));
        }
        Ok(store)
    }

    /// Opens the store to list what is in it. Nothing of that is signed, so no key is asked for: of a remote store without
    /// any, no record is believed.
    ///
    /// # Errors
    /// As [`Store::open_for`].
    pub fn open_to_list(context: &Context, workspace: Option<&Workspace>) -> Result<Self> {
        expect(context, workspace)?;
        let run = run_id::fresh(&context.environment, context.now());
        match remote::place(context, workspace) {
            Some(place) => Self::open_remote(context, workspace, &place, &run),
            None => Self::open_embedded(context, workspace, &run, None),
        }
    }

    /// Opens the store for `command`, which works only where the store's files are.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the store is remote; as [`Store::open_for`].
    pub fn open_here(context: &Context, workspace: Option<&Workspace>, command: &str) -> Result<Self> {
        if let Some(place) = remote::place(context, workspace) {
            let message = format!("{command} works where the store is, and this one is at {}", place.url());
            let hint = "run it on the store's machine, with --store naming its directory there";
            return Err(CliError::new(Kind::Usage, message).hint(hint));
        }
        Self::open(context, workspace)
    }

    /// Opens a repository that others are served, where the store's files are and as its administrator: all of it is seen.
    ///
    /// # Errors
    /// [`Kind::Usage`] when `--store` is an address; [`Kind::Store`] when the store cannot be opened.
    pub fn open_served(context: &Context, repository: RepositoryId) -> Result<Self> {
        let directory = directory(context, None)?;
        let run = run_id::fresh(&context.environment, context.now());
        let run = RunId::new(run).map_err(|error| CliError::new(Kind::Usage, error))?;
        let project = repository.to_string();
        let caller = Caller::administrator(repository, run);
        let backend =
            Embedded::open_with(&directory, caller, &buckets(context)).map_err(|error| unusable(error, &directory))?;
        let session = backend.session().map_err(failed)?;
        let keys = session.public_keys.clone();
        Ok(Self {
            backend: Backend::Embedded(Box::new(backend)),
            session,
            project,
            places: Places::of(context, None),
            keys,
        })
    }

    fn open_remote(
        context: &Context,
        workspace: Option<&Workspace>,
        place: &remote::Place<'_>,
        run: &str,
    ) -> Result<Self> {
        let remote = remote::client(context, place, run)?;
        let mut session = remote.session().map_err(failed)?;
        remote::narrow(&context.environment, &mut session);
        let project = session.repository.to_string();
        let places = Places::of(context, workspace);
        Ok(Self { backend: Backend::Remote(remote), session, project, places, keys: Vec::new() })
    }

    fn open_embedded(
        context: &Context,
        workspace: Option<&Workspace>,
        run: &str,
        commit: Option<&str>,
    ) -> Result<Self> {
        refuse_in_ci(context)?;
        let project = project(context, workspace)?;
        let directory = directory(context, workspace)?;
        if let Some(workspace) = workspace {
            let host = context.environment.host();
            placement::refuse_in_a_path(&workspace.config, host, &directory, "the store", "--store")?;
        }
        let usage = |error: sci_store_api::NameError| CliError::new(Kind::Usage, error);
        let run = RunId::new(run).map_err(usage)?;
        let caller = sci_native::caller(&project, run, commit, &context.environment.text_variables()).map_err(usage)?;
        let backend =
            Embedded::open_with(&directory, caller, &buckets(context)).map_err(|error| unusable(error, &directory))?;
        let session = backend.session().map_err(failed)?;
        let hint =
            "take the key from whoever runs the store, or leave `trusted-public-keys` out to trust the store's own";
        // The keys of sci.toml are a remote store's when it names one.
        let pinning = workspace.filter(|workspace| workspace.config.store.url.is_none());
        let mut keys = pinning.map_or(Ok(Vec::new()), |workspace| pinned_keys(workspace, hint))?;
        if keys.is_empty() {
            // An embedded store is this user's.
            keys.clone_from(&session.public_keys);
        }
        Ok(Self {
            backend: Backend::Embedded(Box::new(backend)),
            session,
            project,
            places: Places::of(context, workspace),
            keys,
        })
    }

    /// The store in this process.
    ///
    /// # Errors
    /// [`Kind::Usage`] when it is somewhere else; [`Store::open_here`] says so before anything else is done.
    pub fn embedded(&self) -> Result<&Embedded> {
        match &self.backend {
            Backend::Embedded(store) => Ok(store),
            Backend::Remote(store) => {
                Err(CliError::new(Kind::Usage, format!("this works where the store is: {}", store.address())))
            }
        }
    }

    /// The directory of the store, when it is on this machine.
    pub fn directory(&self) -> Option<&Path> {
        match &self.backend {
            Backend::Embedded(store) => Some(store.directory()),
            Backend::Remote(_) => None,
        }
    }

    /// Where it is: its directory, or its address.
    pub fn place(&self) -> String {
        match &self.backend {
            Backend::Embedded(store) => store.directory().display().to_string(),
            Backend::Remote(store) => store.address().to_string(),
        }
    }

    /// The run that this command belongs to, as the store calls it: a store that does not take a client's word for it makes
    /// its own name of what the identity says.
    pub fn run(&self) -> &str {
        self.session.run.as_str()
    }

    /// The keys that records are verified with.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Verifies a signed record: its signature, and that it was made for this store and project.
    ///
    /// # Errors
    /// What does not hold.
    pub fn verify(&self, envelope: &Envelope) -> Result<Verified, VerifyError> {
        dsse::verify_for(envelope, &self.keys, &self.session.store, &self.session.repository)
    }

    /// Every snapshot that may be read, newest first.
    ///
    /// # Errors
    /// [`Kind::Store`].
    pub fn snapshots(&self, mut query: SnapshotQuery) -> Result<Vec<SnapshotSummary>> {
        let mut all = Vec::new();
        loop {
            let page = self.backend.snapshots(&query).map_err(failed)?;
            all.extend(page.snapshots);
            match page.next {
                Some(next) => query.before = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// The snapshot that a person means: an id, the beginning of one, or a path's instance, else its name, for its newest.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when nothing or more than one thing is meant; [`Kind::Store`].
    pub fn find(&self, reference: &str) -> Result<SnapshotDetail> {
        let id = match reference.parse::<SnapshotId>() {
            Ok(id) => id,
            Err(_) => self.look_up(reference)?,
        };
        self.backend.snapshot(&id).map_err(|error| match error.code() {
            Some(ErrorCode::NotFound) => nothing_called(reference, None),
            _ => failed(error),
        })
    }

    fn look_up(&self, reference: &str) -> Result<SnapshotId> {
        let all = self.snapshots(SnapshotQuery::default())?;
        let called = self.places.called(reference);
        let named = |s: &&SnapshotSummary| called.means(s.path.as_str(), s.instance.as_str());
        // Who says what `ls` prints of an instance means that one, though other instances are of a path with this name.
        let just_so = all.iter().find(|summary| summary.instance.as_str() == called.text());
        if let Some(newest) = just_so.or_else(|| all.iter().find(named)) {
            return Ok(newest.snapshot);
        }
        let is_prefix = reference.len() >= SHORTEST_PREFIX && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
        let begins = |s: &&SnapshotSummary| is_prefix && s.snapshot.to_string().starts_with(reference);
        let found: Vec<SnapshotId> = all.iter().filter(begins).map(|summary| summary.snapshot).collect();
        match found.as_slice() {
            [] => {
                let known = all.iter().flat_map(|s| [s.path.as_str(), s.instance.as_str()]);
                Err(nothing_called(reference, called.suggestion(known)))
            }
            [one] => Ok(*one),
            several => {
                Err(CliError::new(Kind::NotFound, format!("{} snapshots begin with {reference}", several.len()))
                    .hint("give more digits"))
            }
        }
    }

    /// The inputs that a snapshot was derived from.
    ///
    /// # Errors
    /// A sentence for a person: the object is missing, damaged, or of another version.
    pub fn inputs(&self, derivation: &ObjectId) -> Result<InputRecord, String> {
        let bytes = self.backend.object(derivation).map_err(|error| error.to_string())?;
        InputRecord::decode(&bytes).map_err(|error| error.to_string())
    }

    /// The manifest of a snapshot.
    ///
    /// # Errors
    /// What the engine says of it.
    pub fn manifest(&self, record: &Record) -> Result<Manifest, SnapshotError> {
        Manifest::load(&record.manifest, &tree_objects(record), &self.backend)
    }
}

/// The objects that a manifest may cite: those of the record that hold the tree.
pub fn tree_objects(record: &Record) -> Vec<PackRef> {
    let of_tree = record.objects.iter().filter(|object| object.kind != ObjectKind::Derivation);
    of_tree.copied().map(PackRef::from).collect()
}

/// Turns the store's error into ours.
pub fn failed(error: impl Into<StoreError>) -> CliError {
    let error = error.into();
    let kind = match error.code() {
        Some(ErrorCode::NotFound | ErrorCode::UnknownObject) => Kind::NotFound,
        _ => Kind::Store,
    };
    let mut ours = CliError::new(kind, &error);
    ours.hint = error.hint().map(str::to_owned);
    ours
}

/// The error of a store that cannot be opened, with what to do where the store itself does not say.
fn unusable(error: sci_native::Error, directory: &Path) -> CliError {
    use sci_native::Error::{Io, NotAStore, Service};

    let store = directory.display();
    let hint = match &error {
        Io { source, .. } if matches!(source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            Some(format!("this user must be able to read and write {store}; --store names another directory"))
        }
        NotAStore { path, .. } if path == directory => None,
        // Who moved a full store away would lose it for nothing.
        Service(error) if error.is_full() => None,
        NotAStore { .. } | Service(_) => Some(format!(
            "what a store holds can be built again: move {store} away, and the next save makes a new one, unless there is a backup"
        )),
        _ => None,
    };
    let mut ours = failed(error);
    ours.hint = hint.or(ours.hint);
    ours
}

/// Turns the engine's error into ours.
pub fn engine(error: &SnapshotError) -> CliError {
    let mut ours = CliError::store(error);
    ours.hint = error.hint().map(Cow::into_owned);
    ours
}

fn nothing_called(reference: &str, suggestion: Option<String>) -> CliError {
    let listed = "`sci ls` lists them; 6 digits of an id will do, and a path's name means its newest one";
    CliError::new(Kind::NotFound, format!("this project has no snapshot called {reference:?}"))
        .hint(suggestion.unwrap_or_else(|| listed.to_owned()))
}

/// An error about a value of sci.toml that only the store can judge.
fn misplaced(workspace: &Workspace, span: &Range<usize>, message: String, hint: &str) -> CliError {
    CliError::config(&[workspace.config.source.error(span, message, Some(hint.to_owned()))])
}

fn refuse_in_ci(context: &Context) -> Result<()> {
    if context.environment.is_ci() && !context.globals.allow_embedded {
        return Err(CliError::new(Kind::Usage, "the embedded store is refused in CI: a job's disk is not kept").hint(
            "give --allow-embedded (or SCI_ALLOW_EMBEDDED=1) if the store directory outlives the job and only \
             this repository's jobs can write it",
        ));
    }
    Ok(())
}

fn project(context: &Context, workspace: Option<&Workspace>) -> Result<String> {
    let declared = workspace.and_then(|workspace| workspace.config.store.project.clone());
    let by_place = || workspace.map(|workspace| workspace.root.to_string_lossy().into_owned());
    context.globals.project().map(str::to_owned).or(declared).or_else(by_place).ok_or_else(|| {
        CliError::new(Kind::Config, format!("there is no sci.toml in {} or above it", context.start().display()))
            .hint("name a project with --project, or a workspace with -C")
    })
}

/// The directory of the store on this machine: `--store`, else the workspace's, else the default one.
///
/// # Errors
/// [`Kind::State`] when there is no place for a store; [`Kind::Usage`] when `--store` is an address.
pub fn directory(context: &Context, workspace: Option<&Workspace>) -> Result<PathBuf> {
    if let Some(url) = context.globals.store_url() {
        return Err(CliError::new(Kind::Usage, format!("--store names a store somewhere else: {url}"))
            .hint("here it names the directory of one"));
    }
    if let Some(flag) = context.globals.store() {
        return std::path::absolute(&flag).map_err(|error| CliError::local("resolve", &flag, error));
    }
    let declared = workspace.and_then(|w| w.config.store.path.as_ref().map(|path| w.root.join(path)));
    Ok(declared.unwrap_or(context.state()?.default_store()))
}

/// The directory of a store that is named and is not there: absent, or empty. The default one is nobody's to misspell.
fn absent(context: &Context, workspace: Option<&Workspace>) -> Result<Option<PathBuf>> {
    let is_declared = workspace.is_some_and(|workspace| workspace.config.store.path.is_some());
    if remote::place(context, workspace).is_some() || (context.globals.store().is_none() && !is_declared) {
        return Ok(None);
    }
    let directory = directory(context, workspace)?;
    let is_absent = match directory.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    Ok(is_absent.then_some(directory))
}

/// Refuses to make a store where somebody names one to look at.
///
/// # Errors
/// [`Kind::Store`] when it is not there; [`Kind::State`] when there is no place for one.
pub fn expect(context: &Context, workspace: Option<&Workspace>) -> Result<()> {
    let Some(directory) = absent(context, workspace)? else { return Ok(()) };
    let named = if context.globals.store().is_some() { "--store (SCI_STORE)" } else { "`path` in [store] of sci.toml" };
    Err(CliError::store(format!("there is no store in {}", directory.display()))
        .hint(format!("look how it is spelt in {named}; the first `sci restore` or `sci save` there makes one")))
}

/// What reaches the bucket of a store that has one, with the credentials of the environment.
pub fn buckets(context: &Context) -> S3Connect {
    S3Connect::new(|name| context.environment.text(name))
}

/// The keys of sci.toml.
fn pinned_keys(workspace: &Workspace, hint: &str) -> Result<Vec<PublicKey>> {
    let parse = |key: &Located<String>| -> Result<PublicKey> {
        key.value.parse().map_err(|error: ParseKeyError| misplaced(workspace, &key.span, error.to_string(), hint))
    };
    workspace.config.store.trusted_public_keys.iter().map(parse).collect()
}
