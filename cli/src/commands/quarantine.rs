//! `sci quarantine`: refuses what a run saved, and everything that descends from it.

use sci_store_api::admin::Quarantine;

use crate::administration::{self, named};
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::format::counted;
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
    let workspace = Workspace::find(context)?;
    let (admin, repository) = administration::of_project(context, workspace.as_ref(), arguments.repository.as_deref())?;
    let snapshots = admin.quarantine(&Quarantine { repository, run })?;
    context.out.human(|text| {
        text.line(format_args!("{} refused now", counted(snapshots.len() as u64, "snapshot")));
        for snapshot in &snapshots {
            text.indented(1, snapshot);
        }
    });
    context.out.document("quarantine", &serde_json::json!({ "snapshots": snapshots }));
    Ok(Exit::Success)
}
