//! `sci quarantine`: refuses what a run saved, and everything that descends from it.

use sci_store_api::RepositoryId;
use sci_store_api::admin::Quarantine;

use crate::administration::named;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::format::counted;
use crate::store::{Store, failed};
use crate::workspace::Workspace;

/// Arguments of `sci quarantine`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The run, as `sci show` and `sci ls --json` name it
    #[arg(long, value_name = "RUN")]
    run: String,
    /// A repository of the store, by id [default: this project]
    #[arg(long, value_name = "ID")]
    repository: Option<String>,
}

/// Quarantines a run.
///
/// # Errors
/// [`crate::error::Kind::Usage`]; [`crate::error::Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let run = named(&arguments.run)?;
    let snapshots = match &arguments.repository {
        Some(repository) => {
            let request = Quarantine { repository: named::<RepositoryId>(repository)?, run };
            crate::administration::local(context)?.quarantine(&request).map_err(failed)?
        }
        None => {
            let workspace = Workspace::find(context)?;
            Store::open_here(context, workspace.as_ref(), "`sci quarantine`")?
                .embedded()?
                .quarantine(&run)
                .map_err(failed)?
        }
    };
    context.out.human(|text| {
        text.line(format_args!("{} refused now", counted(snapshots.len() as u64, "snapshot")));
        for snapshot in &snapshots {
            text.indented(1, snapshot);
        }
    });
    context.out.document("quarantine", &serde_json::json!({ "snapshots": snapshots }));
    Ok(Exit::Success)
}
