//! The store as its administrator uses it, on this machine or somewhere else: no project, no ticket, no snapshot's bytes.

use sci_native::LocalAdmin;
use sci_remote::RemoteAdmin;
use sci_store_api::admin::{Collect, Forget, GcPlan, GcReport, PublicKeys, Quarantine, RotateKey};
use sci_store_api::repositories::{Registration, Repositories};
use sci_store_api::tokens::{CreateToken, CreatedToken, TokenSummary, Tokens};
use sci_store_api::{RepositoryId, SnapshotId, TokenId};

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::store::{self, Store, buckets, directory, failed, remote};
use crate::workspace::Workspace;

/// The administration of a store.
#[derive(Debug)]
pub enum Admin {
    /// Of a directory of this machine. Who may read the files needs no token.
    Local(Box<LocalAdmin>),
    /// Over HTTP, with an administrator's token.
    Remote(Box<RemoteAdmin>),
}

/// Opens the store that is administered: `--store`, else the `url` of sci.toml, else the default one on this machine, which
/// is what `sci serve` serves. On this machine it has to be there where somebody names it.
///
/// # Errors
/// [`Kind::Usage`] when there is no place for a store; [`Kind::Store`] when it cannot be opened.
pub fn open(context: &mut Context) -> Result<Admin> {
    store::expect(context, None)?;
    open_or_make(context)
}

/// As [`open`], for what begins a store: it is made where there is none.
///
/// # Errors
/// As [`open`].
pub fn open_or_make(context: &mut Context) -> Result<Admin> {
    // Where --store says it all, a broken sci.toml is no matter.
    let by_flag = context.globals.store().is_some() || context.globals.store_url().is_some();
    let workspace = if by_flag { None } else { Workspace::find(context)? };
    open_for(context, workspace.as_ref())
}

/// Opens the administration of the workspace's store, and says which of its repositories is meant: the one that is named by
/// its id, else the workspace's.
///
/// # Errors
/// As [`open`]; [`Kind::Usage`] when no repository of a remote store is named.
pub fn of_project(
    context: &Context,
    workspace: Option<&Workspace>,
    named_id: Option<&str>,
) -> Result<(Admin, RepositoryId)> {
    if let Some(id) = named_id {
        store::expect(context, None)?;
        return Ok((open_for(context, workspace)?, named(id)?));
    }
    if let Some(place) = remote::place(context, workspace) {
        let repository = remote::repository(context, &place)?.ok_or_else(|| {
            CliError::new(Kind::Usage, format!("which repository of {} is meant?", place.url()))
                .hint("name it: --project ID, or `repository` in [store]; `sci repo list` lists them")
        })?;
        return Ok((Admin::Remote(Box::new(remote::administration(context, &place)?)), repository));
    }
    let store = Store::open(context, workspace)?;
    let admin = LocalAdmin::open(store.embedded()?.directory(), &buckets(context)).map_err(failed)?;
    Ok((Admin::Local(Box::new(admin)), store.session.repository))
}

/// Opens the store that the workspace or `--store` names.
///
/// # Errors
/// As [`open`].
pub fn open_for(context: &Context, workspace: Option<&Workspace>) -> Result<Admin> {
    Ok(match remote::place(context, workspace) {
        Some(place) => Admin::Remote(Box::new(remote::administration(context, &place)?)),
        None => {
            let admin = LocalAdmin::open(&directory(context, None)?, &buckets(context)).map_err(failed)?;
            Admin::Local(Box::new(admin))
        }
    })
}

/// The methods that both have.
macro_rules! both {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $of:ty),*) -> $result:ty;)*) => {
        impl Admin {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// [`Kind::Store`], with what the store says.
                pub fn $name(&self, $($argument: $of),*) -> Result<$result> {
                    match self {
                        Self::Local(admin) => admin.$name($($argument),*).map_err(failed),
                        Self::Remote(admin) => admin.$name($($argument),*).map_err(failed),
                    }
                }
            )*
        }
    };
}

both! {
    /// Registers a repository, or replaces its registration.
    fn register(registration: &Registration) -> ();
    /// One repository's registration.
    fn registration(repository: &RepositoryId) -> Option<Registration>;
    /// Every registration.
    fn repositories() -> Repositories;
    /// Makes a token.
    fn create_token(request: &CreateToken) -> CreatedToken;
    /// Every token, newest first.
    fn tokens() -> Tokens;
    /// Ends a token; not found when there is none.
    fn revoke_token(id: &TokenId) -> TokenSummary;
    /// Refuses a run's snapshots and their descendants; gives every snapshot of the repository that is refused.
    fn quarantine(request: &Quarantine) -> Vec<SnapshotId>;
    /// Removes a snapshot of whatever scope; not found when there is none.
    fn forget(request: &Forget) -> ();
    /// The public halves of the store's keys, the current one first.
    fn keys() -> PublicKeys;
    /// Signs with a new key from now on, unless another than the one that is named signs already.
    fn rotate_key(request: &RotateKey) -> PublicKeys;
    /// What a collection would do now.
    fn plan_gc(request: &Collect) -> GcPlan;
    /// Collects.
    fn collect(request: &Collect) -> GcReport;
}

/// Reads a name of the protocol from the command line.
///
/// # Errors
/// [`Kind::Usage`] with the rule that it breaks.
pub fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| CliError::new(Kind::Usage, error))
}
