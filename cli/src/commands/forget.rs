//! `sci forget`: removes a snapshot from the index; collection takes its objects later.

use sci_store_api::SnapshotId;
use sci_store_api::admin::Forget;

use crate::administration::{self, named};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::store::{Store, failed};
use crate::workspace::Workspace;

/// Arguments of `sci forget`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A snapshot: an id, 6 digits of one, or a path's name for its newest
    snapshot: String,
    /// A repository of the store, by id; the snapshot is then named in full [default: this project]
    #[arg(long, value_name = "ID")]
    repository: Option<String>,
}

/// Forgets a snapshot.
///
/// # Errors
/// [`crate::error::Kind::NotFound`] when there is none; [`crate::error::Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let snapshot = match &arguments.repository {
        Some(repository) => {
            let snapshot = named::<SnapshotId>(&arguments.snapshot)?;
            administration::open(context)?.forget(&Forget { repository: named(repository)?, snapshot })?;
            snapshot
        }
        None => {
            let workspace = Workspace::find(context)?;
            let store = Store::open_to_list(context, workspace.as_ref())?;
            let snapshot = store.find(&arguments.snapshot)?.summary.snapshot;
            store.backend.forget(&snapshot).map_err(failed)?;
            snapshot
        }
    };
    context.out.human(|text| {
        text.line(format_args!("forgot {snapshot}"));
    });
    context.out.document("forget", &serde_json::json!({ "snapshot": snapshot }));
    Ok(Exit::Success)
}
