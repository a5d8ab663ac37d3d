//! `sci restore`: brings back each path from its exact or nearest snapshot.

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::restoring;
use crate::output::format::counted;
use crate::workspace::Workspace;

/// Arguments of `sci restore`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// These paths only: names in sci.toml, instances, or places, as ./DIR
    paths: Vec<String>,
}

/// Restores. With `--require`, trouble with the cache ends in exit code 1; a plain miss never does.
///
/// # Errors
/// Bad configuration and unusable local state.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::open(context)?;
    let report = restoring::restore(context, &workspace, &arguments.paths)?;
    context.out.human(|text| restoring::render(text, &report));
    match required(context, "restored", report.troubled()) {
        None => {
            context.out.document("restore", &report);
            Ok(Exit::Success)
        }
        Some(error) => {
            context.out.refusal("restore", &report, &error);
            Ok(error.kind.exit())
        }
    }
}

/// The error that `--require` makes of trouble, if there was any.
pub(crate) fn required(context: &Context, done: &str, troubled: usize) -> Option<CliError> {
    let error = || {
        CliError::new(Kind::Required, format!("{} could not be {done}", counted(troubled as u64, "path")))
            .hint("without --require this is a miss, and the build goes on")
    };
    (context.globals.require && troubled > 0).then(error)
}
