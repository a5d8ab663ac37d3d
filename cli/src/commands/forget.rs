//! `sci forget`: removes snapshots from the index; collection takes their objects later.

use sci_store_api::admin::Forget;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{Scope, SnapshotId};

use crate::administration::{self, named};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::format::{counted, safe};
use crate::store::{Store, failed};
use crate::workspace::Workspace;

/// Arguments of `sci forget`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A snapshot: an id, 6 digits of one, or a path's name for its newest
    #[arg(required_unless_present = "scope", conflicts_with = "scope")]
    snapshot: Option<String>,
    /// All that was saved in a scope instead, such as pr:42 when that pull request is closed
    #[arg(long, conflicts_with = "repository")]
    scope: Option<String>,
    /// A repository of the store, by id; the snapshot is then named in full [default: this project]
    #[arg(long, value_name = "ID")]
    repository: Option<String>,
}

/// Forgets a snapshot, or those of a scope.
///
/// # Errors
/// [`crate::error::Kind::NotFound`] when the snapshot that is named does not exist; [`crate::error::Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    match &arguments.scope {
        Some(scope) => all_of(&named(scope)?, context),
        // Without a scope the command line has a snapshot.
        None => one(arguments.snapshot.as_deref().unwrap_or_default(), arguments.repository.as_deref(), context),
    }
}

fn one(reference: &str, repository: Option<&str>, context: &mut Context) -> Result<Exit> {
    let (snapshot, of) = match repository {
        Some(repository) => {
            let snapshot = named::<SnapshotId>(reference)?;
            administration::open(context)?.forget(&Forget { repository: named(repository)?, snapshot })?;
            (snapshot, String::new())
        }
        None => {
            let store = open(context)?;
            let found = store.find(reference)?.summary;
            store.backend.forget(&found.snapshot).map_err(failed)?;
            (found.snapshot, format!(" of {}", safe(found.instance.as_str())))
        }
    };
    context.out.human(|text| {
        text.line(format_args!("forgot {snapshot}{of}"));
    });
    context.out.document("forget", &serde_json::json!({ "snapshot": snapshot }));
    Ok(Exit::Success)
}

/// One after the other: what is stopped in between has forgotten some, and does the rest when it is repeated.
fn all_of(scope: &Scope, context: &mut Context) -> Result<Exit> {
    let store = open(context)?;
    let found = store.snapshots(SnapshotQuery { scope: Some(scope.clone()), ..SnapshotQuery::default() })?;
    let snapshots: Vec<SnapshotId> = found.into_iter().map(|summary| summary.snapshot).collect();
    for snapshot in &snapshots {
        store.backend.forget(snapshot).map_err(failed)?;
    }
    context.out.human(|text| {
        text.line(format_args!("forgot {} of {scope}", counted(snapshots.len() as u64, "snapshot")));
    });
    context.out.document("forget", &serde_json::json!({ "scope": scope, "snapshots": snapshots }));
    Ok(Exit::Success)
}

fn open(context: &mut Context) -> Result<Store> {
    let workspace = Workspace::find(context)?;
    Store::open_to_list(context, workspace.as_ref())
}
