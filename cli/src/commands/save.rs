//! `sci save`: keeps what the build left in each path.

use crate::commands::restore::required;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::flow::saving::{self, Wanted};
use crate::workspace::Workspace;

/// Arguments of `sci save`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// These paths only: names in sci.toml, instances, or places, as ./DIR
    paths: Vec<String>,
    /// The build failed: what is saved is a nearest candidate, never exact
    #[arg(long)]
    failed: bool,
}

/// Saves. With `--require`, a path that could not be saved ends in exit code 1.
///
/// # Errors
/// Bad configuration and unusable local state.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::open(context)?;
    let wanted = Wanted { paths: &arguments.paths, failed: arguments.failed, began: None, beside: false };
    let report = saving::save(context, &workspace, &wanted)?;
    match required(context, "saved", report.troubled()) {
        None => {
            context.out.document("save", &report);
            Ok(Exit::Success)
        }
        Some(error) => {
            context.out.refusal("save", &report, &error);
            Ok(error.kind.exit())
        }
    }
}
